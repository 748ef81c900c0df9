"""A video is told by what its files hold, and comes in as numpy itself reads it."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.shards.reader import Options, read_shard
from signverse.ingest.shards.repairs import repair
from signverse.ingest.shards.tar_files import ShardTask
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import PARTS
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.shards.dialect_files import (
    FRAMES,
    assert_same_rows,
    by_numpy,
    consolidated,
    flat,
    objects,
    pack,
    per_frame,
    person,
    poses_of,
    rows_of,
    saved,
    video,
)

# The published tars


def test_the_two_published_tars_come_in_and_agree_with_each_other_and_with_numpy(
    data: Path, tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    release = data / "release"
    code, out, err = signverse(
        "ingest", "shards", release, "--lake", tmp_path / "lake", "--manifest", release / "manifest.csv"
    )
    assert (code, out) == (0, "")
    assert "2 videos ingested, 270 frames, from 2 shards" in err
    assert "repaired: body_scores_unknown in 2 videos" in err
    lake = Lake.open(tmp_path / "lake")
    assert list(verify_lake(lake.snapshot)) == []
    rows = lake.videos().select("video_id", "sign_language", "repairs", "num_frames").collect().sort("video_id").rows()
    assert rows == [(name, "ase", ["body_scores_unknown"], 135) for name in ("sv000000001", "sv000000002")]
    keypoints = lake.table("keypoints").collect().sort("video_id", "frame")
    one, other = (keypoints.filter(video_id=name) for name in ("sv000000001", "sv000000002"))
    apart = {"video_id", "ingest_id"}
    assert one.drop(apart).equals(other.drop(apart))
    assert one["body_confidence"].null_count() == 135
    assert one["left_hand_confidence"].null_count() == one["body_visible"].null_count() == 0
    assert lake.table("segments").select("body_confidence").collect().to_series().drop_nulls().is_empty()
    # As a user without us would read them.
    with tarfile.open(release / "Sign_DWPose_NPZ_000001.tar") as tar:
        taken = tar.extractfile("sv000000001/npz/poses.npz")
        assert taken is not None
        theirs = np.load(io.BytesIO(taken.read()), allow_pickle=True)
    assert theirs["frame_indices"].tolist() == list(range(1, 136))
    for row, frame in zip(one.iter_rows(named=True), theirs["frame_payloads"], strict=True):
        for part in PARTS:
            xy = np.array(row[part.xy], float).reshape(-1, 2)
            wanted = frame[f"person_000_{part.name}_keypoints"] * np.float32([1280, 720])
            scores = frame[f"person_000_{part.name}_scores"]
            there = (wanted > -0.25 * np.array([1280, 720])).all(axis=1) & (wanted < 1.25 * np.array([1280, 720])).all(
                1
            )
            if part.name != "body":
                there &= scores > 0
                np.testing.assert_allclose(
                    np.array(row[part.score], float), np.where(there, scores, 0), atol=1 / 512, rtol=0
                )
            else:
                assert row["body_visible"] == (scores >= 0).tolist()
                assert not any(score for score in row["body_score"] if score is not None)
            np.testing.assert_array_equal(np.isnan(xy[:, 0]), ~there)
            np.testing.assert_allclose(xy[there], wanted[there], atol=1 / 16, rtol=0)


def test_frames_without_people_and_with_several_are_those_of_numpy() -> None:
    poses = poses_of(consolidated(FRAMES, range(1, 7)))
    assert (poses.dialect, poses.width, poses.height, poses.num_frames) == ("consolidated", 640, 480, 6)
    assert_same_rows(rows_of(poses), by_numpy(dict(enumerate(FRAMES, 1)), 640, 480))


def test_without_indices_row_i_is_frame_i() -> None:
    assert_same_rows(rows_of(poses_of(consolidated(FRAMES))), rows_of(poses_of(consolidated(FRAMES, range(1, 7)))))


def test_indices_with_gaps_put_frames_where_they_belong_and_name_the_missing() -> None:
    poses = poses_of(consolidated(FRAMES, [2, 3, 5, 8, 9, 12]))
    repair(poses)
    assert poses.numbers.tolist() == [1, 2, 4, 7, 8, 11]
    assert poses.absent_frames == [0, 3, 5, 6, 9, 10]
    assert set(poses.frames.tolist()) == {1, 4, 7, 11}


def test_frames_out_of_order_are_put_in_order_and_it_is_told() -> None:
    order = [4, 1, 6, 2, 5, 3]
    poses = poses_of(consolidated([FRAMES[i - 1] for i in order], order))
    straight = poses_of(consolidated(FRAMES, range(1, 7)))
    repair(poses)
    repair(straight)
    assert "frames_out_of_order" in poses.repairs
    assert_same_rows(rows_of(poses), rows_of(straight))


def test_of_a_frame_that_comes_twice_the_first_counts_with_all_its_people_and_no_others() -> None:
    one, two = flat([person(1)]), flat([person(2), person(3)])
    poses = poses_of(consolidated([one, two, two, one], [1, 1, 2, 2]))
    repair(poses)
    assert poses.repairs[0] == "frames_doubled:2"
    assert poses.numbers.tolist() == [0, 1]
    assert np.bincount(poses.frames).tolist() == [1, 2]
    np.testing.assert_allclose(poses.rows.all()[0, :, 0], person(1)[:, 0] * 640)


def test_every_frame_doubled_is_every_frame_once() -> None:
    twice = [frame for frame in FRAMES for _ in range(2)]
    poses = poses_of(consolidated(twice, [i for i in range(1, 7) for _ in range(2)]))
    straight = poses_of(consolidated(FRAMES, range(1, 7)))
    repair(poses)
    repair(straight)
    assert "frames_doubled:6" in poses.repairs
    assert_same_rows(rows_of(poses), rows_of(straight))


@pytest.mark.parametrize("dialect", ["consolidated", "per-frame"])
def test_where_the_frames_size_changes_all_are_scaled_to_the_first_frames(dialect: str) -> None:
    # The first has more people than the others, and so is the larger file.
    frames = [flat([person(1), person(2)], 800, 600), flat([], 320, 240), flat([person(3)], 320, 240)]
    poses = poses_of(consolidated(frames, [1, 2, 3]) if dialect == "consolidated" else per_frame(frames))
    assert (poses.width, poses.height, poses.repairs) == (800, 600, ["frame_size_changes"])
    assert_same_rows(rows_of(poses), by_numpy(dict(enumerate(frames, 1)), 800, 600))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.sampled_from([3, 4, 5]), st.booleans())
def test_whatever_protocol_numpy_pickled_with_the_frames_are_the_same(
    counts: list[int], protocol: int, compressed: bool
) -> None:
    frames = [flat([person(10 * i + k) for k in range(count)]) for i, count in enumerate(counts)]
    data = consolidated(frames, range(1, len(frames) + 1))
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "frame_payloads.npy":
                size = content.index(b"\n") + 1
                content = content[:size] + pickle.dumps(objects(frames), protocol)
            target.writestr(name, content)
    assert_same_rows(rows_of(poses_of(buffer.getvalue())), by_numpy(dict(enumerate(frames, 1)), 640, 480))


def test_a_compressed_npz_is_the_same() -> None:
    packed = poses_of(consolidated(FRAMES, range(1, 7), np.savez_compressed))
    assert_same_rows(rows_of(packed), rows_of(poses_of(consolidated(FRAMES, range(1, 7)))))


BAD = {
    "other frames a second": consolidated(FRAMES, range(1, 7), fps=np.array(30)),
    "too few indices": consolidated(FRAMES, range(1, 6)),
    "indices from 0": consolidated(FRAMES, range(6)),
    "indices beyond all videos": consolidated(FRAMES, [1, 2, 3, 4, 5, 2**31 - 1]),
    "indices that are no whole numbers": consolidated(FRAMES, frame_indices=np.arange(6) + 1.5),
    "indices that are objects": consolidated(FRAMES, frame_indices=objects([{}] * 6)),
    "no frame": consolidated([], []),
    "no width": consolidated([FRAMES[0]], frame_payloads=objects([{"num_persons": np.array(0, np.int32)}])),
    "a width of nothing": consolidated([flat([], 0, 0)]),
    "a body of another size": consolidated([{**FRAMES[0], "person_000_body_scores": np.zeros(17, np.float32)}]),
    "places without scores": consolidated(
        [{key: value for key, value in FRAMES[0].items() if key != "person_000_face_scores"}]
    ),
    "fewer people than are said": consolidated([{**FRAMES[0], "num_persons": np.array(2, np.int32)}]),
    "payloads that are numbers": consolidated(FRAMES, frame_payloads=np.arange(6)),
    "neither": saved(a=np.arange(3)),
}


def test_every_bad_video_costs_itself_only_and_is_told_in_a_line(tmp_path: Path, signverse: Callable[..., Any]) -> None:
    members = video("a", consolidated(FRAMES))
    for name, content in BAD.items():
        members |= video(name, content)
    path = pack(tmp_path / "a.tar", members | video("z", consolidated(FRAMES)))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    failed = [line.split(": failed: ")[0] for line in err.splitlines() if ": failed: " in line]
    assert (code, failed) == (1, list(BAD))
    assert Lake.open(tmp_path / "lake").snapshot.visible()["video_id"].to_list() == ["a", "z"]


def card(count: int) -> bytes:
    frames = [
        {
            "num_people": 1,
            "frame_id": i,
            "width": 640,
            "height": 480,
            "person_0": {part.name: person(i)[part.slice] * np.float32([640, 480, 0.9]) for part in PARTS},
        }
        for i in range(count)
    ]
    return saved(
        video_id=np.array("x"),
        fps=np.array(24.0),
        num_frames=np.array(count),
        frame_ids=np.arange(count),
        width=np.array(640),
        height=np.array(480),
        frames=objects(frames),
    )


def test_all_three_dialects_in_one_tar_are_told_apart_by_what_they_hold(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    members = (
        {"card/poses.npz": card(4), "card/card.complete": b""}
        | video("con", consolidated(FRAMES))
        | video("per", per_frame(FRAMES))
        # By content, whatever the folder.
        | {"odd/npz/poses.npz": card(3), "odd/npz/.complete": b"", "new/poses.npz": consolidated(FRAMES)}
        | {"new/new.complete": b""}
    )
    path = pack(tmp_path / "a.tar", members)
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
    assert code == 0, err
    lake = Lake.open(tmp_path / "lake")
    assert list(verify_lake(lake.snapshot)) == []
    assert {name: lake.num_frames(name) for name in ("card", "con", "per", "odd", "new")} == {
        "card": 4, "con": 6, "per": 6, "odd": 3, "new": 6
    }  # fmt: skip
    np.testing.assert_array_equal(lake.keypoints("con"), lake.keypoints("per"))
    np.testing.assert_array_equal(lake.keypoints("con"), lake.keypoints("new"))
    table = json_rows(signverse("inspect", path, "--format", "json")[1])
    assert {row["video_id"]: row["dialect"] for row in table} == {
        "card": "card", "con": "consolidated", "per": "per-frame", "odd": "card", "new": "consolidated"
    }  # fmt: skip


def json_rows(text: str) -> list[dict[str, Any]]:
    text = text.strip()
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


# Only the languages asked for


def test_with_languages_other_videos_are_not_even_read_and_are_counted(
    tmp_path: Path, signverse: Callable[..., Any]
) -> None:
    garbage = b"PK\x03\x04 this would be refused if anybody looked"
    members = video("asf1", consolidated(FRAMES)) | video("bfi1", per_frame(FRAMES))
    for name in ("ase1", "ase2", "unlisted"):
        members |= video(name, garbage) | {f"{name}/captions/{name}.en.vtt": b"not WebVTT"}
    members |= video("ase3", {"00000001.npz": garbage})
    path = pack(tmp_path / "a.tar", members)
    (tmp_path / "m.csv").write_text("asf1,asf\nbfi1,bfi\nase1,ase\nase2,ase\nase3,ase\n")
    code, out, err = signverse(
        "ingest", "shards", path, "--lake", tmp_path / "lake", "--manifest", tmp_path / "m.csv",
        "--language", "asf", "--language", "bfi",
    )  # fmt: skip
    assert (code, out) == (0, "")
    assert "2 videos ingested, 12 frames" in err
    assert "skipped: 3 videos of other languages: ase 3\n" in err
    assert "skipped: 1 video without a language (und); the manifest does not name them\n" in err
    lake = Lake.open(tmp_path / "lake")
    assert lake.snapshot.visible()["video_id"].to_list() == ["asf1", "bfi1"]
    assert lake.raw_table("outcomes").collect()["video_id"].sort().to_list() == ["asf1", "bfi1"]
    # Without the choice they are refused, so they are garbage indeed.
    assert signverse("ingest", "shards", path, "--lake", tmp_path / "all")[0] == 1


def test_reading_a_tar_gives_each_video_once_in_the_tars_order(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", video("b", consolidated(FRAMES)) | video("a", per_frame(FRAMES)))
    items = [item for item in read_shard(ShardTask(path), Options()) if hasattr(item, "keypoints")]
    assert [item.video["video_id"] for item in items] == ["b", "a"]
    assert [item.video["source_position"] for item in items] == [0, 1]
    assert pl.DataFrame(items[0].keypoints).equals(pl.DataFrame(items[1].keypoints))


@pytest.mark.parametrize("where", ["in a frame", "between two frames", "in the end mark"])
def test_the_video_that_a_tar_is_cut_in_is_not_taken_for_whole(tmp_path: Path, where: str) -> None:
    import io
    import tarfile

    from signverse.ingest.shards.reader import Failure, Options, read_shard
    from signverse.ingest.shards.tar_files import ShardTask
    from signverse.lake.storage.committer import VideoRows

    path = tmp_path / "cut.tar"
    starts = []
    with tarfile.open(path, "w") as tar:
        for video_id in ("whole", "cut"):
            for number in range(1, 7):
                buffer = io.BytesIO()
                np.savez(buffer, num_persons=np.int32(0), frame_width=np.int32(64), frame_height=np.int32(48))
                member = tarfile.TarInfo(f"{video_id}/npz/{number:08d}.npz")
                member.size = buffer.tell()
                starts.append(tar.offset)
                tar.addfile(member, io.BytesIO(buffer.getvalue()))
        end = tar.offset
    cut = {"in a frame": starts[-2] + 700, "between two frames": starts[-2], "in the end mark": end}[where]
    path.write_bytes(path.read_bytes()[:cut])
    items = list(read_shard(ShardTask(path), Options()))
    assert [item.video["video_id"] for item in items if isinstance(item, VideoRows)] == ["whole"]
    (failure,) = [item for item in items if isinstance(item, Failure)]
    assert failure.video_id == "cut"
    assert str(path) in failure.why
