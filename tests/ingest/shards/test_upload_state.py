"""The state JSON of the upload tells what a tar should hold; what it lacks is noted and nothing else."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signverse.ingest.shards.upload_state import listed_videos
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError

NAME = "Sign_DWPose_NPZ_000001.tar"


def frame() -> bytes:
    """A frame with nobody in it, of the per-frame dialect."""
    buffer = io.BytesIO()
    np.savez(buffer, num_persons=np.int32(0), frame_width=np.int32(64), frame_height=np.int32(48))
    return buffer.getvalue()


FRAME = frame()


def pack(path: Path, *video_ids: str, twice: str = "") -> Path:
    with tarfile.open(path, "w") as tar:
        for video_id in (*video_ids, *([twice] * 2 if twice else [])):
            for name, content in ((f"{video_id}/npz/00000001.npz", FRAME), (f"{video_id}/npz/.complete", b"{}")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def state(path: Path, **archives: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = {
        name.replace("__", "."): {"folders": folders, "size_bytes": 1, "status": "uploaded"}
        for name, folders in archives.items()
    }
    path.write_text(json.dumps({"archives": listed, "uploaded_folders": {}}))
    return path


def outcomes(lake: Path) -> list[tuple[str, str, str | None]]:
    rows = Lake.open(lake).raw_table("outcomes").select("video_id", "outcome", "reason").collect()
    return sorted((video_id, outcome, reason) for video_id, outcome, reason in rows.rows())


@pytest.mark.parametrize("place", ["archive_upload_progress.json", "runtime_state/archive_upload_progress.json"])
def test_videos_that_are_listed_and_not_there_are_noted_as_unavailable(
    tmp_path: Path, signverse: Callable[..., Any], place: str
) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / NAME, "a", "b")
    # Of a tar that was not downloaded nothing is said.
    state(
        tmp_path / "shards" / place,
        Sign_DWPose_NPZ_000001__tar=["a", "lost", "b", "gone"],
        Sign_DWPose_NPZ_000002__tar=["elsewhere"],
    )
    code, _, err = signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake")
    assert code == 0
    assert "2 videos ingested" in err
    assert "absent: 2 videos that the state JSON lists and the tars lack" in err
    assert [(name, outcome) for name, outcome, _ in outcomes(tmp_path / "lake")] == [
        ("a", "done"), ("b", "done"), ("gone", "unavailable"), ("lost", "unavailable")
    ]  # fmt: skip
    (row,) = Lake.open(tmp_path / "lake").raw_table("outcomes").collect().filter(video_id="lost").to_dicts()
    assert row["reason"] == "absent_from_shard"
    assert NAME in row["message"]
    assert signverse("verify", tmp_path / "lake")[0] == 0


def test_a_video_that_is_there_and_broken_is_not_called_absent(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / NAME, "a", twice="bad")
    state(tmp_path / "shards" / "archive_upload_progress.json", Sign_DWPose_NPZ_000001__tar=["a", "bad"])
    code, _, err = signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake")
    assert code == 1
    assert "absent" not in err
    assert [(name, outcome) for name, outcome, _ in outcomes(tmp_path / "lake")] == [("a", "done"), ("bad", "failed")]


def test_what_the_lake_has_already_is_not_called_absent_the_second_time(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / NAME, "a")
    state(tmp_path / "shards" / "archive_upload_progress.json", Sign_DWPose_NPZ_000001__tar=["a"])
    for _ in range(2):
        code, _, err = signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake")
        assert code == 0
        assert "absent" not in err


def test_where_there_is_no_state_nothing_is_expected(tmp_path: Path) -> None:
    assert listed_videos([tmp_path, pack(tmp_path / NAME, "a")]) == {}


def test_a_tar_named_by_itself_is_not_asked_about(tmp_path: Path) -> None:
    state(tmp_path / "archive_upload_progress.json", Sign_DWPose_NPZ_000001__tar=["a"])
    assert listed_videos([tmp_path]) == {NAME: frozenset({"a"})}
    assert listed_videos([tmp_path / NAME]) == {}


BROKEN = {
    "empty": b"",
    "cut short": b'{"archives": {"Sign_DWPose',
    "a list": b"[]",
    "without archives": b"{}",
    "archives in a list": b'{"archives": ["a"]}',
    "a tar that is text": b'{"archives": {"a.tar": "b"}}',
    "a tar without folders": b'{"archives": {"a.tar": {}}}',
    "folders that are nothing": b'{"archives": {"a.tar": {"folders": null}}}',
    "folders that are one text": b'{"archives": {"a.tar": {"folders": "abc"}}}',
    "folders that are numbers": b'{"archives": {"a.tar": {"folders": [1]}}}',
    "folders that are a dict": b'{"archives": {"a.tar": {"folders": {"a": 1}}}}',
    "not UTF-8": b'{"archives": {"\xff": {"folders": []}}}',
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_state_that_is_none_is_refused_in_a_line_with_its_name(tmp_path: Path, how: str) -> None:
    path = tmp_path / "archive_upload_progress.json"
    path.write_bytes(BROKEN[how])
    with pytest.raises(BadInputError) as refused:
        listed_videos([tmp_path])
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_broken_state_makes_no_lake(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / NAME, "a")
    (tmp_path / "shards" / "archive_upload_progress.json").write_text("{")
    code, out, err = signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake")
    assert (code, out) == (1, "")
    assert "archive_upload_progress.json" in err
    assert not (tmp_path / "lake").exists()


def test_what_may_lie_behind_a_cut_is_not_called_absent(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    (tmp_path / "shards").mkdir()
    path = pack(tmp_path / "shards" / NAME, "a", "b")
    path.write_bytes(path.read_bytes()[:4_000])
    state(tmp_path / "shards" / "archive_upload_progress.json", Sign_DWPose_NPZ_000001__tar=["a", "b", "c"])
    code, _, err = signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake")
    assert code == 1
    assert "absent" not in err
    told = {name: (outcome, reason) for name, outcome, reason in outcomes(tmp_path / "lake")}
    assert told["a"][0] == "done"
    assert told["c"] == ("failed", "bad_shard")


def test_with_a_language_asked_for_nothing_of_another_is_called_absent(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / NAME, "a")
    state(tmp_path / "shards" / "archive_upload_progress.json", Sign_DWPose_NPZ_000001__tar=["a", "b", "c"])
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("a,asf\nb,asf\nc,bfi\n")
    code, _, err = signverse(
        "ingest",
        "shards",
        tmp_path / "shards",
        "--lake",
        tmp_path / "lake",
        "--manifest",
        manifest,
        "--language",
        "asf",
    )
    assert code == 0
    assert "absent: 1 video that" in err


@pytest.mark.parametrize("workers", [1, 2])
def test_a_video_in_two_tars_comes_in_once(tmp_path: Path, signverse: Callable[..., Any], workers: int) -> None:
    (tmp_path / "shards").mkdir()
    pack(tmp_path / "shards" / NAME, "a", "b")
    pack(tmp_path / "shards" / "Sign_DWPose_NPZ_000002.tar", "b", "c")
    code, _, err = signverse("ingest", "shards", tmp_path / "shards", "--lake", tmp_path / "lake", "--workers", workers)
    assert code == 0
    assert "skipped: 1 video that another tar held already" in err
    assert Lake.open(tmp_path / "lake").raw_table("videos").collect().height == 3
