"""Clips of hours are written in pieces: the files are those of clips that are in memory, and verify."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from signverse.export.formats import clip_content, parquet
from signverse.lake.lake import Lake


@pytest.fixture
def long(make_lake: Any, video: Any, person: Any) -> Lake:
    """Two people in three thousand frames, one of them now and then; no captions."""
    people = {(i, k): person((i + k) % 7) for i in range(3000) for k in range(1 if i % 5 else 2)}
    lake: Lake = make_lake(video("long", 3000, people, []))
    return lake


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["webdataset", "pose", "parquet"])
@pytest.mark.parametrize("words", [[], ["--all-people"]])
def test_a_clip_that_does_not_fit_into_memory_gives_the_same_files(
    long: Lake, tmp_path: Path, signverse: Any, monkeypatch: pytest.MonkeyPatch, kind: str, words: list[str]
) -> None:
    export = ["export", kind, "--lake", long.folder, *words]
    assert signverse(*export, "--out", tmp_path / "whole")[0] == 0
    monkeypatch.setattr(clip_content, "_LONG_READ", 100)
    monkeypatch.setattr(clip_content, "_PIECE", 333)
    assert signverse(*export, "--out", tmp_path / "pieces")[0] == 0
    assert everything(tmp_path / "pieces") == everything(tmp_path / "whole")
    assert signverse("verify", tmp_path / "pieces")[0] == 0


def test_rows_of_a_long_clip_follow_each_other_and_the_command_says_so(
    long: Lake, tmp_path: Path, signverse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "LONGEST_ROW", 1000)
    code, _, said = signverse("export", "parquet", "--lake", long.folder, "--out", tmp_path / "out")
    assert code == 0
    assert "1 clip of more than 1,000 frames (22 minutes of one person) lies in several rows" in said
    rows = pl.read_parquet(tmp_path / "out" / "data")
    assert rows["segment_id"].unique().to_list() == ["long-00000"]
    assert rows["start_frame"].to_list() == [0, 1000, 2000]
    assert rows["end_frame"].to_list() == [1000, 2000, 3000]
    assert rows["num_frames"].to_list() == [1000] * 3
    found = np.concatenate([row.to_numpy().reshape(-1, 18, 2) for row in rows["body_xy"]])
    np.testing.assert_array_equal(found, long.keypoints("long")[:, :18, :2])
    assert signverse("verify", tmp_path / "out")[0] == 0


def test_rows_of_a_clip_in_another_order_are_noticed(
    long: Lake, tmp_path: Path, signverse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "LONGEST_ROW", 1000)
    assert signverse("export", "parquet", "--lake", long.folder, "--out", tmp_path / "out")[0] == 0
    file = tmp_path / "out" / "data" / "part-00000.parquet"
    honest = parquet.read_digests(file)
    pl.read_parquet(file)[[1, 0, 2]].write_parquet(tmp_path / "swapped.parquet")
    assert parquet.read_digests(tmp_path / "swapped.parquet") != honest


def test_a_changed_table_of_contents_is_told_and_never_ends_the_process(
    long: Lake, tmp_path: Path, signverse: Any
) -> None:
    assert signverse("export", "parquet", "--lake", long.folder, "--out", tmp_path / "out")[0] == 0
    sound = (tmp_path / "out" / "data" / "part-00000.parquet").read_bytes()
    file = tmp_path / "changed.parquet"
    first = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
    for at in range(first, len(sound) - 8, 61):
        file.write_bytes(sound[:at] + bytes([sound[at] ^ 4]) + sound[at + 1 :])
        told = list(parquet.verify(file, "", []))
        assert told and all(line.startswith((f"{file} cannot be read: ", f"{file} holds ")) for line in told)


def test_the_digest_of_a_clip_does_not_depend_on_the_pieces_in_which_it_is_made() -> None:
    points = np.random.default_rng(0).uniform(0, 1, (2500, 2, 128, 3)).astype(np.float32)
    points[points < 0.1] = np.nan
    digest = hashlib.sha256()
    clip_content.update_digest(digest, points)
    assert digest.hexdigest() == hashlib.sha256(points.tobytes()).hexdigest()
