"""Points of a person, step by step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.models.pose import PoseEstimator, crop, crop_regions, decode_simcc, normalise
from signverse.lake.model.skeleton import JOINTS


def test_a_box_grows_by_a_quarter_and_then_to_three_by_four() -> None:
    boxes = np.array([[100, 100, 200, 140], [0, 0, 30, 400]], np.float32)
    centres, sizes = crop_regions(boxes, 0.75)
    np.testing.assert_allclose(centres, [[150, 120], [15, 200]])
    np.testing.assert_allclose(sizes, [[125, 125 / 0.75], [500 * 0.75, 500]])


def test_a_crop_shows_what_lies_in_its_region() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[60:140, 70:130] = (10, 20, 30)
    cut = crop(image, np.array([100.0, 100.0]), np.array([60.0, 80.0]), (120, 160))
    assert cut.shape == (160, 120, 3)
    assert (cut[2:-2, 2:-2] == (10, 20, 30)).all()


def test_a_crop_is_black_where_it_leaves_the_image() -> None:
    cut = crop(np.full((50, 50, 3), 9, np.uint8), np.array([0.0, 25.0]), np.array([60.0, 80.0]), (60, 80))
    assert (cut[:, :29] == 0).all()
    assert (cut[16:64, 31:] == 9).all()


def test_a_box_without_extent_does_not_crash() -> None:
    centres, sizes = crop_regions(np.array([[5, 5, 5, 5]], np.float32), 0.75)
    assert crop(np.zeros((9, 9, 3), np.uint8), centres[0], sizes[0], (6, 8)).shape == (8, 6, 3)


def test_the_pose_model_is_fed_red_first_and_normalised() -> None:
    image = np.empty((4, 3, 3), np.uint8)
    image[:] = (30, 20, 10)
    out = np.empty((3, 4, 3), np.float32)
    normalise(image, out)
    expected = [(10 - 123.675) / 58.395, (20 - 116.28) / 57.12, (30 - 103.53) / 57.375]
    np.testing.assert_allclose(out, np.broadcast_to(np.array(expected)[:, None, None], out.shape), rtol=1e-5)


@given(st.integers(0, 2**32 - 1))
def test_peaks_agree_with_a_search_in_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 5, 12)).astype(np.float32)
    y = rng.normal(size=(2, 5, 16)).astype(np.float32)
    points = decode_simcc(x, y)
    for person in range(2):
        for point in range(5):
            across, down = x[person, point].tolist(), y[person, point].tolist()
            expected = [
                across.index(max(across)) / 2,
                down.index(max(down)) / 2,
                min(max(across), max(down)),
            ]
            assert points[person, point].tolist() == pytest.approx(expected)


def pose_model(batch: int | str) -> tuple[PoseEstimator, list[int]]:
    """A model whose every point is the centre of its crop, scored by the crop's brightness."""
    batches: list[int] = []

    def run(names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        crops = inputs["input"]
        batches.append(len(crops))
        x = np.zeros((len(crops), 133, 576), np.float32)
        y = np.zeros((len(crops), 133, 768), np.float32)
        x[:, :, 288] = y[:, :, 384] = crops.mean(axis=(1, 2, 3))[:, None] + 3
        return [{"simcc_x": x, "simcc_y": y}[name] for name in names]

    session = SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(name="input", shape=[batch, 3, 384, 288])],
        get_outputs=lambda: [SimpleNamespace(name="simcc_y"), SimpleNamespace(name="simcc_x")],
        run=run,
    )
    return PoseEstimator(session), batches  # type: ignore[arg-type]


def crowd(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    image = rng.integers(0, 255, (120, 160, 3), np.uint8)
    corner = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (count, 2))], axis=1)
    return image, boxes.astype(np.float32)


def test_points_come_back_to_the_pixels_of_the_image() -> None:
    image, boxes = crowd(3)
    estimate, _ = pose_model("batch")
    points = estimate(image, boxes)
    assert points.shape == (3, 133, 3)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points[:, 7, :2], (boxes[:, :2] + boxes[:, 2:]) / 2, atol=1e-3)


def test_a_crowd_goes_through_in_bounded_batches() -> None:
    image, boxes = crowd(40)
    estimate, batches = pose_model("batch")
    together = estimate(image, boxes)
    assert batches == [16, 16, 8]
    single, ones = pose_model(1)
    np.testing.assert_array_equal(single(image, boxes), together)
    assert ones == [1] * 40


def test_a_model_of_a_fixed_batch_gets_full_batches() -> None:
    image, boxes = crowd(5)
    fixed, batches = pose_model(4)
    free, _ = pose_model("batch")
    np.testing.assert_array_equal(fixed(image, boxes), free(image, boxes))
    assert batches == [4, 4]


def test_nobody_needs_no_model() -> None:
    estimate, batches = pose_model("batch")
    assert estimate(np.zeros((9, 9, 3), np.uint8), np.empty((0, 4), np.float32)).shape == (0, 133, 3)
    assert batches == []


COCO_BODY = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
    "left_ankle", "right_ankle",
)  # fmt: skip


def numbered() -> np.ndarray:
    """133 points that carry their own index."""
    points = np.empty((133, 3), np.float32)
    points[:, 0] = np.arange(133)
    points[:, 1] = np.arange(133) + 1000
    points[:, 2] = 0.5
    return points


def test_each_joint_of_the_body_keeps_its_name() -> None:
    out = to_openpose(numbered())
    for index, name in enumerate(COCO_BODY):
        assert out[JOINTS.index(name)].tolist() == [index, 1000 + index, 0.5]


def test_face_and_hands_keep_their_order_and_feet_are_dropped() -> None:
    out = to_openpose(numbered())
    assert out.shape == (128, 3)
    assert out[18:, 0].tolist() == list(range(23, 133))
    assert JOINTS[18] == "face_0"
    assert JOINTS[86] == "left_hand_root"
    assert JOINTS[107] == "right_hand_root"
    assert not np.isin(out[:, 0], range(17, 23)).any()


def test_the_neck_is_between_the_shoulders_when_both_are_seen() -> None:
    points = numbered()
    assert to_openpose(points)[1].tolist() == [5.5, 1005.5, 1]
    for shoulder in (5, 6):
        hidden = points.copy()
        hidden[shoulder, 2] = 0.3
        neck = to_openpose(hidden)[1]
        assert np.isnan(neck[:2]).all()
        assert neck[2] == 0


def test_a_point_without_score_is_absent() -> None:
    points = np.stack([numbered(), numbered()])
    points[1, 9, 2] = 0
    points[1, 100, 2] = -0.2
    points[1, 101, 2] = np.nan
    points[1, 102, 2] = 1.13
    out = to_openpose(points)
    absent = np.isnan(out[1, :, 0])
    assert [JOINTS[i] for i in np.flatnonzero(absent)] == ["left_wrist", JOINTS[86 + 9], JOINTS[86 + 10]]
    assert (out[1, absent, 2] == 0).all()
    assert out[1, 86 + 11, 2] == np.float32(1.13)
    assert not np.isnan(out[0]).any()


def test_the_same_crop_gives_the_same_points_on_a_real_frame(data: Path) -> None:
    from signverse.ingest.models.runtime import make_session
    from signverse.lake.media.decode import Decoder

    estimate = PoseEstimator(make_session(data / "models" / "wholebody133_384x288.onnx", "cpu", 2))
    with Decoder(data / "videos" / "signer_720p24.mp4") as video:
        image = next(iter(video))
    box = np.array([[340, 60, 940, 720]], np.float32)
    points = estimate(image, box)[0]
    # Moved by 40 pixels with its box, the signer's points move by 40 pixels.
    moved = np.zeros_like(image)
    moved[:, 40:] = image[:, :-40]
    shifted = estimate(moved, box + np.float32([40, 0, 40, 0]))[0]
    seen = points[:, 2] > 0.3
    assert seen.sum() > 90
    assert np.median(np.abs(shifted[seen, :2] - points[seen, :2] - (40, 0))) < 0.6
