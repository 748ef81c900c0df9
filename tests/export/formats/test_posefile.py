"""Clips as .pose files: the package pose-format reads from them what the lake holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pose_format import Pose

from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import JOINTS


def read(path: Path) -> Pose:
    return Pose.read(path.read_bytes())


@pytest.fixture
def out(crowd: Lake, tmp_path: Path, signverse) -> Path:
    out = tmp_path / "out"
    code, _, told = signverse("export", "pose", "--lake", crowd.folder, "--out", out)
    assert (code, told) == (0, f"8 clips, 47 frames in 8 files -> {out}\n")
    return out


def test_a_file_a_clip_holds_the_numbers_of_the_lake(crowd: Lake, out: Path) -> None:
    clips = crowd.clips().collect()
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.pose"))
    assert written == sorted(f"{row['video_id']}/{row['segment_id']}.pose" for row in clips.iter_rows(named=True))
    for clip in clips.filter(clips["video_id"] != "codes").iter_rows(named=True):
        pose = read(out / clip["video_id"] / f"{clip['segment_id']}.pose")
        points = crowd.keypoints(clip["video_id"], start_frame=clip["start_frame"], end_frame=clip["end_frame"])
        absent = np.isnan(points[..., 0])
        assert pose.body.data.shape == (clip["num_frames"], 1, 128, 2)
        np.testing.assert_array_equal(pose.body.data.mask[:, 0], np.repeat(absent[..., None], 2, axis=-1))
        np.testing.assert_array_equal(pose.body.data.data[:, 0][~absent], points[~absent][:, :2])
        np.testing.assert_array_equal(pose.body.confidence[:, 0], np.where(absent, 0, points[..., 2]))
        assert pose.body.fps == 24
        assert (pose.header.dimensions.width, pose.header.dimensions.height) == (320, 240)


def test_the_header_names_the_joints_and_how_they_are_joined(out: Path) -> None:
    header = read(out / "codes" / "codes-00000.pose").header
    assert [(part.name, len(part.points), part.format) for part in header.components] == [
        ("body", 18, "XYC"), ("face", 68, "XYC"), ("left_hand", 21, "XYC"), ("right_hand", 21, "XYC")
    ]  # fmt: skip
    assert [point for part in header.components for point in part.points] == list(JOINTS)
    for part in header.components:
        assert len(part.limbs) == len(part.colors) > 0
        assert max(max(limb) for limb in part.limbs) < len(part.points)


def test_without_a_score_a_visible_joint_counts_fully_and_a_hidden_one_is_masked(out: Path) -> None:
    found = [read(out / "codes" / f"codes-0000{i}.pose").body for i in range(2)]
    confidence = np.concatenate([body.confidence for body in found])[:, 0, :18]
    visible = np.arange(12 * 18).reshape(12, 18) % 3 > 0
    # The last joint has no place at all.
    visible[:, 17] = False
    np.testing.assert_array_equal(confidence, visible)


def test_everybody_goes_out_where_it_is_asked_for(crowd: Lake, tmp_path: Path, signverse) -> None:
    signverse("export", "pose", "--lake", crowd.folder, "--out", tmp_path / "all", "--all-people")
    body = read(tmp_path / "all" / "a.b.npy" / "a.b.npy-00003.pose").body
    assert body.data.shape == (6, 2, 128, 2)
    expected = crowd.keypoints("a.b.npy", start_frame=18, end_frame=24, person=1)
    np.testing.assert_array_equal(body.data.data[:, 1], expected[..., :2])
    assert body.data.mask[2:, 0].all()


def test_a_folder_that_leads_elsewhere_is_refused_and_nothing_is_written_there(
    crowd: Lake, tmp_path: Path, signverse
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "codes").symlink_to(elsewhere)
    code, _, told = signverse("export", "pose", "--lake", crowd.folder, "--out", out)
    assert (code, told.count("\n")) == (1, 1)
    assert "is a symbolic link" in told
    assert list(elsewhere.iterdir()) == []
    assert list(out.rglob("*.pose")) == []
