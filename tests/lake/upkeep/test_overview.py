"""`signverse info` says what a lake holds, in numbers that the tables confirm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from signverse.lake.lake import Lake


def test_the_numbers_are_those_of_the_tables(town: Path) -> None:
    with Lake.open(town) as lake:
        found = lake.info()
        videos, clips = lake.videos().collect(), lake.unfiltered_clips().collect()
        assert (found["videos"], found["clips"], found["version"]) == (videos.height, clips.height, lake.version)
        assert found["hours"] == pytest.approx(videos["duration_s"].sum() / 3600)
        assert found["frames"] == videos["num_frames"].sum()
        assert sum(row["videos"] for row in found["languages"]) == videos.height
        of_kind = clips.group_by("caption_kind").agg(pl.col("video_id").n_unique())
        assert found["captions"] == dict(of_kind.iter_rows())
        assert sum(found["sources"].values()) == videos.height
        hours = [row["hours"] for row in found["languages"]]
        assert hours == sorted(hours, reverse=True)
        files = [
            Path(file)
            for name in ("videos", "segments", "captions", "keypoints", "sources", "outcomes", "splits")
            for file in lake.snapshot.files(name)
        ]
        assert (found["files"], found["size"]) == (len(files), sum(file.stat().st_size for file in files))
        assert found["last_ingested"] == videos["ingested_at"].max() <= datetime.now(UTC)


def test_an_older_version_is_described_as_it_was(town: Path) -> None:
    with Lake.open(town, version=0) as lake:
        assert (lake.info()["version"], lake.info()["videos"]) == (0, 0)


def test_the_command_takes_the_lake_as_an_argument_or_an_option(signverse, town: Path, monkeypatch) -> None:
    monkeypatch.chdir(town.parent)
    code, out, _ = signverse("info", town.name)
    assert code == 0
    assert f"version {Lake.open(town).version}" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80 + len(str(town))
    assert signverse("info", "--lake", town.name)[1] == out
    row = json.loads(signverse("info", town, "--format", "json")[1])[0]
    assert row["videos"] == Lake.open(town).videos().collect().height
    assert {entry["name"] for entry in row["captions"]} == set(Lake.open(town).info()["captions"])


def test_every_format_has_one_row(signverse, town: Path, tmp_path: Path) -> None:
    for ending in ("csv", "json", "parquet"):
        code, out, err = signverse("info", town, "-o", tmp_path / f"info.{ending}")
        assert (code, out, "1 lake" in err) == (0, "", True)
    assert pl.read_parquet(tmp_path / "info.parquet").height == pl.read_csv(tmp_path / "info.csv").height == 1


def test_two_lakes_are_one_too_many(town: Path, tmp_path: Path, signverse, monkeypatch) -> None:
    code, out, err = signverse("info", town, "--lake", tmp_path / "other")
    assert (code, out) == (2, "")
    assert f"two lakes are named, {town} and --lake {tmp_path / 'other'}: name one" in err
    monkeypatch.setenv("SIGNVERSE_LAKE", str(tmp_path / "other"))
    assert signverse("info", town)[0] == 0


def test_an_empty_lake_and_no_lake(signverse, tmp_path: Path, monkeypatch) -> None:
    Lake.create(tmp_path / "new")
    code, out, err = signverse("info", tmp_path / "new")
    assert (code, err) == (0, "")
    assert "0, 0 s, 0 frames" in out
    for ending in ("csv", "json", "parquet"):
        assert signverse("info", tmp_path / "new", "-o", tmp_path / f"x.{ending}")[0] == 0
    assert signverse("info", tmp_path / "none")[0] == 1
    monkeypatch.delenv("SIGNVERSE_LAKE", raising=False)
    assert signverse("info")[0] == 2
