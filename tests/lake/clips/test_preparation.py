"""Clips for training: normalized, at another frame rate, in windows; no point is invented or lost unsaid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signverse
from signverse.lake.clips.windows import uncovered_frames, window_ranges
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import JOINTS, LEFT_HAND


def clip(frames: int, seed: int = 0, absent: float = 0.2) -> np.ndarray:
    """Points of a signer who is always seen to the shoulders, some others absent."""
    random = np.random.default_rng(seed)
    points = random.uniform((0, 0, 0.1), (1280, 720, 1), (frames, 128, 3)).astype(np.float32)
    gone = random.random((frames, 128)) < absent
    gone[:, [signverse.joint_index("left_shoulder"), signverse.joint_index("right_shoulder")]] = False
    points[gone] = (np.nan, np.nan, 0)
    return points


def as_pose(points: np.ndarray):
    """The same in pose-format, OpenPose's way."""
    from pose_format import Pose
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    names = [*JOINTS]
    names[signverse.joint_index("left_shoulder")], names[signverse.joint_index("right_shoulder")] = "L", "R"
    component = PoseHeaderComponent("all", names, [], [], "XYC")
    absent = np.isnan(points[..., 0])
    data = np.ma.array(np.nan_to_num(points[:, None, :, :2]), mask=np.repeat(absent[:, None, :, None], 2, axis=3))
    confidence = np.where(absent, 0, points[..., 2])[:, None]
    return Pose(PoseHeader(0.2, PoseHeaderDimensions(1280, 720, 0), [component]), NumPyPoseBody(24, data, confidence))


@pytest.mark.parametrize("seed", range(5))
def test_normalized_points_are_those_of_pose_format(seed):
    points = clip(40, seed)
    pose = as_pose(points)
    pose.normalize(pose.header.normalization_info(p1=("all", "R"), p2=("all", "L")))
    ours = signverse.normalize(points)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(ours[..., 0]), pose.body.data.mask[:, 0, :, 0])
    np.testing.assert_allclose(ours[..., :2], pose.body.data.filled(np.nan)[:, 0], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(ours[..., 2], points[..., 2])


def test_frames_without_shoulders_do_not_count_for_the_scale():
    points = clip(40)
    points[10:30, signverse.joint_index("left_shoulder")] = (np.nan, np.nan, 0)
    ours = signverse.normalize(points)
    np.testing.assert_allclose(ours[:10], signverse.normalize(np.r_[points[:10], points[30:]])[:10], rtol=1e-6)
    middle = (ours[:, 2, :2] + ours[:, 5, :2]) / 2
    np.testing.assert_allclose(np.nanmean(middle, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.nanmean(np.linalg.norm(ours[:, 2, :2] - ours[:, 5, :2], axis=1)), 1, atol=1e-5)
    points[:, signverse.joint_index("left_shoulder")] = (np.nan, np.nan, 0)
    nowhere = signverse.normalize(points)
    assert np.isnan(nowhere[..., :2]).all()
    assert (nowhere[..., 2] == 0).all()
    assert signverse.normalize(points[:0]).shape == (0, 128, 3)


def test_normalizing_needs_the_shoulders():
    hand = clip(5)[:, LEFT_HAND.slice]
    with pytest.raises(BadInputError, match=r"the shoulders are not among the joints\. Normalize with the part body"):
        signverse.normalize(hand, joints=JOINTS[LEFT_HAND.slice])
    with pytest.raises(BadInputError, match=r"the shape \[5, 21, 3\]. It takes \[T, 128, 3\]"):
        signverse.normalize(hand)
    some = signverse.normalize(clip(5)[:, :18], joints=JOINTS[:18])
    np.testing.assert_array_equal(some, signverse.normalize(clip(5))[:, :18])


@settings(max_examples=100, deadline=None)
@given(
    frames=st.integers(0, 60),
    fps=st.one_of(st.sampled_from([6, 8, 12, 12.5, 15, 24, 24000 / 1001, 25, 29.97, 30, 48, 60]), st.floats(1, 120)),
    seed=st.integers(0, 9),
)
def test_a_resampled_point_lies_at_its_moment_or_is_absent_where_a_neighbour_is(frames, fps, seed):
    points = clip(frames, seed, absent=0.4)
    points[np.random.default_rng(seed).random(frames) < 0.1] = np.nan
    ours = signverse.resample(points, fps)
    assert ours.dtype == np.float32
    assert abs(len(ours) - frames * fps / 24) < 1
    for new, found in enumerate(ours):
        at = new * 24 / fps
        near = round(at)
        if abs(at - near) < 1e-6:
            np.testing.assert_array_equal(found, points[near])
            continue
        before, after = points[int(at)], points[min(int(at) + 1, frames - 1)]
        np.testing.assert_array_equal(np.isnan(found[:, 0]), np.isnan(before[:, 0] + after[:, 0]))
        np.testing.assert_allclose(found[:, :2], before[:, :2] + (after - before)[:, :2] * (at % 1), atol=1e-2)
        assert not (found[:, 2][np.isnan(found[:, 0])] > 0).any()


def test_the_same_rate_changes_nothing_and_half_of_it_takes_every_second_frame():
    points = clip(41)
    np.testing.assert_array_equal(signverse.resample(points, 24), points)
    np.testing.assert_array_equal(signverse.resample(points, 12), points[::2])
    np.testing.assert_array_equal(signverse.resample(signverse.resample(points, 48), 24, from_fps=48), points)
    for wrong in (0, -1, float("nan"), 1e9):
        with pytest.raises(BadInputError, match="the frame rate is"):
            signverse.resample(points, wrong)


def test_interpolated_points_are_those_of_pose_format_where_none_is_absent():
    pytest.importorskip("scipy", reason="pose-format interpolates with scipy")
    points = clip(41, absent=0)
    # pose-format lets the last frames coincide: at these rates they do by time, too.
    pose = as_pose(points).body
    pose.fps = 40
    theirs = pose.interpolate(81 * 40 / 41, kind="linear")
    ours = signverse.resample(points, 48)[:81]
    np.testing.assert_allclose(ours[..., :2], np.asarray(theirs.data)[:, 0], atol=1e-2)


@settings(max_examples=300, deadline=None)
@given(
    clips=st.lists(st.integers(0, 50), max_size=6),
    length=st.integers(1, 20),
    stride=st.one_of(st.none(), st.integers(1, 25)),
    last=st.sampled_from(["pad", "drop", "shift"]),
)
def test_each_frame_is_in_a_window_or_told_of(clips, length, stride, last):
    frames = np.array(clips, np.int64)
    clip_of, starts, ends = window_ranges(frames, length, stride, last)
    uncovered = uncovered_frames(clip_of, starts, ends, frames)
    for number, count in enumerate(clips):
        points = np.arange(count, dtype=np.float32)[:, None, None].repeat(3, axis=2)
        windows = signverse.cut_windows(points, length, stride, last=last)
        np.testing.assert_array_equal(windows.starts, starts[clip_of == number])
        assert windows.points.shape == (len(windows.starts), length, 1, 3)
        for window, mask, start in zip(windows.points, windows.mask, windows.starts, strict=True):
            np.testing.assert_array_equal(window[mask][:, 0, 0], np.arange(start, start + mask.sum()))
            assert np.isnan(window[~mask]).all()
            assert mask[0]
            if last == "drop" or (last == "shift" and count >= length):
                assert mask.all()
        shown = set(windows.points[windows.mask][:, 0, 0].astype(int).tolist())
        assert set(windows.uncovered.tolist()) == set(range(count)) - shown
        assert len(windows.uncovered) == uncovered[number]
        if last != "drop" and (stride or length) <= length:
            assert not len(windows.uncovered)
        assert len(set(windows.starts.tolist())) == len(windows.starts)


def test_what_is_no_window_is_refused():
    for options, words in (
        ({"length": 0}, "the length of windows is 0"),
        ({"length": 4, "stride": 0}, "the stride of windows is 0"),
        ({"length": 4, "last": "odd"}, "unknown value 'odd' of last. Values: pad, drop, shift"),
    ):
        with pytest.raises(BadInputError, match=words):
            signverse.cut_windows(clip(5), **options)
