"""Clips as .pose files: the package pose-format reads from them what the lake holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pose_format import Pose
from pose_format.pose_visualizer import PoseVisualizer
from pose_format.utils import generic
from pose_format.utils.openpose import OpenPose_Components

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
        ("pose_keypoints_2d", 18, "XYC"), ("face_keypoints_2d", 68, "XYC"),
        ("hand_left_keypoints_2d", 21, "XYC"), ("hand_right_keypoints_2d", 21, "XYC"),
    ]  # fmt: skip
    for part in header.components:
        assert len(part.limbs) == len(part.colors) > 0
        assert max(max(limb) for limb in part.limbs) < len(part.points)


def test_each_joint_has_the_name_that_pose_format_gives_that_joint_of_openpose(out: Path) -> None:
    header = read(out / "codes" / "codes-00000.pose").header
    theirs = {part.name: list(part.points) for part in OpenPose_Components}
    for part in header.components:
        assert set(part.points) <= set(theirs[part.name])
        # In OpenPose's order, which is the lake's.
        assert sorted(part.points, key=theirs[part.name].index) == list(part.points)
    sides = {"R": "right_", "L": "left_", "N": ""}
    body = {name: sides[name[0]] + name.lstrip("RL").lower() for name in header.components[0].points}
    assert list(body.values()) == list(JOINTS[:18])
    assert [name.split("_")[1] for name in header.components[1].points] == [str(i) for i in range(68)]
    # A finger's four joints follow each other, from the hand outwards.
    for part in header.components[2:]:
        assert [name[0] for name in part.points] == [*"BTTTTIIIIMMMMRRRRPPPP"]


def test_the_tools_of_pose_format_take_the_file(out: Path) -> None:
    path = out / "a.b.npy" / "a.b.npy-00000.pose"
    pose = read(path)
    assert generic.detect_known_pose_format(pose) == "openpose"
    assert generic.pose_shoulders(pose.header) == (
        ("pose_keypoints_2d", "RShoulder"),
        ("pose_keypoints_2d", "LShoulder"),
    )
    # The first joint of each middle finger.
    middle = [JOINTS.index("left_middle_1"), JOINTS.index("right_middle_1")]
    assert generic.hands_indexes(pose.header) == middle
    info = generic.pose_normalization_info(pose.header)
    assert (info.p1, info.p2) == (JOINTS.index("right_shoulder"), JOINTS.index("left_shoulder"))
    for normal in (read(path).normalize(), read(path).normalize(info)):
        shoulders = normal.body.data[:, 0, [info.p1, info.p2]]
        # The shoulders are one unit apart on average, and their middle is the origin.
        np.testing.assert_allclose(np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=-1).mean(), 1, atol=1e-3)
        np.testing.assert_allclose(shoulders.mean(axis=(0, 1)), 0, atol=1e-3)
    legless = generic.pose_hide_legs(read(path), remove=True)
    assert [len(part.points) for part in legless.header.components] == [12, 68, 21, 21]
    assert generic.get_body_hand_wrist_index(pose, "LEFT") == JOINTS.index("left_wrist")
    assert generic.correct_wrists(read(path)).body.data.shape == pose.body.data.shape


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0)], ids=["white", "black"])
def test_the_visualizer_of_pose_format_shows_the_face(out: Path, ground: tuple[int, int, int]) -> None:
    path = out / "a.b.npy" / "a.b.npy-00000.pose"
    face = read(path).get_components(["face_keypoints_2d"])
    face.body.confidence[:] = 1
    drawn = next(iter(PoseVisualizer(face, thickness=1).draw(background_color=ground)))
    away = np.abs(drawn.astype(int) - ground).max(axis=-1)
    assert (away > 100).sum() > 100


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
