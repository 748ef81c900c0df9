"""Each step between an image and its keypoints gives the numbers of DWPose's own code.

The numbers are what easy-dwpose 1.0.2 (detector.py, pose.py, wholebody.py) gives for the pictures and arrays that are
made here by formulas.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.models.detector import decode_cells, letterbox, make_grid, nms, person_cells
from signverse.ingest.models.pose import MEAN, STD, PoseEstimator, crop, crop_regions, decode_simcc, normalise


def picture(height: int, width: int) -> np.ndarray:
    y, x, c = np.mgrid[:height, :width, :3]
    return ((3 * x + 5 * y + 7 * c + x * y // 11) % 256).astype(np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "ratio", "means", "pixels"),
    [
        (90, 160, 0.4, (121.57, 121.644, 121.566), {(10, 12): (36, 43, 50), (35, 20): (232, 239, 198)}),
        (300, 100, 0.2133333, (118.322, 118.37, 118.35), {(10, 12): (169, 176, 183), (35, 20): (25, 32, 39)}),
    ],
)
def test_letterbox(
    height: int, width: int, ratio: float, means: tuple[float, ...], pixels: dict[tuple[int, int], tuple[int, ...]]
) -> None:
    canvas = np.zeros((64, 64, 3), np.uint8)
    assert letterbox(picture(height, width), canvas) == pytest.approx(ratio)
    np.testing.assert_allclose(canvas.mean(axis=(0, 1)), means, atol=0.1)
    for place, colour in pixels.items():
        np.testing.assert_allclose(canvas[place].astype(int), colour, atol=1)
    assert canvas[40, 63].tolist() == [114] * 3


def test_suppression() -> None:
    i = np.arange(14)
    x, y = (37 * i) % 60, (23 * i) % 40
    boxes = np.stack([x, y, x + 30 + (11 * i) % 17, y + 40 + (7 * i) % 19], axis=1).astype(np.float32)
    scores = (((i * 29 + 5) % 31) / 31).astype(np.float32)
    assert nms(boxes, scores, 0.45).tolist() == [3, 4, 5, 6, 7, 12, 0]
    assert nms(boxes, scores, 0.2).tolist() == [3, 4, 5, 0]


def test_detections() -> None:
    a, b = np.mgrid[:84, :85]
    raw = np.zeros((84, 85), np.float32)
    raw[:, :2] = np.sin(a[:, :2] * 0.7 + b[:, :2])
    raw[:, 2:4] = 1 + np.cos(a[:, 2:4] * 0.3 + b[:, 2:4]) * 0.5
    raw[:, 4:] = np.clip(0.55 + 0.5 * np.sin(a[:, 4:] * 1.3 + b[:, 4:] * 0.9), 0, 1)
    people = decode_cells(person_cells(raw), *make_grid(64, 64))
    people[:, :4] /= 0.5
    people = people[nms(people[:, :4], people[:, 4])]
    people = people[people[:, 4] > 0.3]
    assert len(people) == 30
    expected = {
        0: (48.429, -14.462, 75.194, 15.792, 0.977),
        8: (-153.584, -47.249, 86.825, 103.078, 0.904),
        15: (-24.512, 17.987, 36.732, 56.493, 0.819),
        20: (23.122, 55.983, 74.052, 126.588, 0.619),
        24: (91.331, 2.358, 141.855, 72.811, 0.466),
        29: (8.666, 33.76, 35.979, 73.226, 0.335),
    }
    # Scores repeat, and those that are equal to the last bit or nearly come in any order.
    for numbers in expected.values():
        assert np.abs(people - numbers).max(axis=1).min() < 2e-3


BOX = np.array([[100.5, 40.25, 190.75, 230.5]], np.float32)


def test_crop() -> None:
    centres, sizes = crop_regions(BOX, 0.75)
    assert (centres[0].tolist(), sizes[0].tolist()) == ([145.625, 135.375], [178.359375, 237.8125])
    cut = crop(picture(240, 320), centres[0], sizes[0], (288, 384))
    fed = np.empty((3, 384, 288), np.float32)
    normalise(cut, fed)
    # The reference was given the same bytes as RGB; here they are BGR.
    plain = (fed * STD[:, None, None] + MEAN[:, None, None])[::-1].transpose(1, 2, 0)
    like_theirs = (plain - MEAN) / STD
    np.testing.assert_allclose(like_theirs.mean(axis=(0, 1)), [-0.0648, 0.0611, 0.2822], atol=2e-3)
    for (row, column), colour in {
        (100, 50): (0.4679, -0.3901, -1.6127),
        (300, 200): (0.1768, 0.4328, -1.5081),
        (5, 5): (0.0398, 0.2927, 0.6356),
    }.items():
        # One step of a byte, for other builds of OpenCV.
        np.testing.assert_allclose(like_theirs[row, column], colour, atol=0.018)


def test_peaks_and_back_to_the_image() -> None:
    k, x = np.mgrid[:133, :576]
    simcc_x = (np.sin(k * 1.7 + x * 0.013).astype(np.float32) * (0.9 - 0.005 * k).astype(np.float32))[None]
    k, y = np.mgrid[:133, :768]
    simcc_y = (np.cos(k * 0.9 + y * 0.011).astype(np.float32) * (0.3 + 0.004 * k).astype(np.float32))[None]
    points = decode_simcc(simcc_x, simcc_y)[0]
    centres, sizes = crop_regions(BOX, 0.75)
    xy = points[:, :2] / (288, 384) * sizes[0] + centres[0] - sizes[0] / 2
    for joint, place, score in (
        (0, (93.913, 16.469), 0.3),
        (9, (178.448, 142.187), 0.336),
        (40, (120.543, 241.276), 0.46),
        (91, (150.579, 187.087), 0.445),
        (132, (136.645, 209.691), 0.24),
    ):
        np.testing.assert_allclose(xy[joint], place, atol=0.32)
        assert points[joint, 2] == pytest.approx(score, abs=1e-4)


def test_from_coco_to_openpose() -> None:
    i = np.arange(133)
    points = np.stack([3.0 * i, 500 - 2.0 * i, (i * 37 % 101) / 100], axis=1).astype(np.float32)
    found = to_openpose(points)
    body = [0, 16.5, 18, 24, 30, 15, 21, 27, 36, 42, 48, 33, 39, 45, 6, 3, 12, 9]
    scores = [0, 0, 0.2, 0.94, 0.67, 0.84, 0.57, 0.3, 0.4, 0.13, 0.87, 0.03, 0.77, 0.5, 0.74, 0.37, 0.47, 0.1]
    np.testing.assert_allclose(found[:18, 2], scores, atol=1e-6)
    seen = found[:18, 2] > 0
    # The reference keeps the place of a point that it did not see; in a lake it is absent.
    assert np.flatnonzero(~seen).tolist() == [0, 1]
    np.testing.assert_array_equal(found[:18, 0][seen], np.array(body)[seen])
    assert found[[18, 85, 86, 106, 107, 127], 0].tolist() == [69, 270, 273, 333, 336, 396]


class Brightest:
    """A pose model that finds the brightest place of its crop, in all 133 points."""

    @staticmethod
    def estimator() -> PoseEstimator:
        from types import SimpleNamespace

        def run(names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            crops = inputs["input"].sum(axis=1)
            across, down = crops.max(axis=1).repeat(2, axis=1), crops.max(axis=2).repeat(2, axis=1)
            return [np.repeat(heads[:, None], 133, axis=1).astype(np.float32) for heads in (across, down)]

        return PoseEstimator(
            SimpleNamespace(  # type: ignore[arg-type]
                get_inputs=lambda: [SimpleNamespace(name="input", shape=["batch", 3, 384, 288])],
                get_outputs=lambda: [SimpleNamespace(name="simcc_x"), SimpleNamespace(name="simcc_y")],
                run=run,
            )
        )


def spot(x: int, y: int) -> np.ndarray:
    """A picture with one soft spot."""
    rows, columns = np.mgrid[:300, :400]
    light = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 72)
    return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)


places = st.tuples(st.integers(120, 240), st.integers(110, 190))
shifts = st.tuples(st.integers(-60, 60), st.integers(-60, 60))


@settings(max_examples=40, deadline=None)
@given(places, shifts)
def test_points_move_with_the_image_and_its_box(place: tuple[int, int], shift: tuple[int, int]) -> None:
    estimate = Brightest.estimator()
    x, y = place
    box = np.array([[x - 50, y - 70, x + 60, y + 80]], np.float32)
    points = estimate(spot(x, y), box)[0, :, :2]
    moved = estimate(spot(x + shift[0], y + shift[1]), box + np.tile(shift, 2).astype(np.float32))[0, :, :2]
    np.testing.assert_allclose(moved - points, np.broadcast_to(shift, points.shape), atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(places, st.tuples(st.integers(-25, 25), st.integers(-25, 25)), st.floats(0.8, 1.3))
def test_points_stay_where_they_are_when_only_the_crop_moves(
    place: tuple[int, int], shift: tuple[int, int], scale: float
) -> None:
    estimate = Brightest.estimator()
    x, y = place
    for box in ((x - 50, y - 70, x + 60, y + 80), (x - 50 * scale, y - 70 * scale, x + 60 * scale, y + 80 * scale)):
        moved = np.array([box], np.float32) + np.tile(shift, 2).astype(np.float32)
        # The top of the spot is flat by rounding, and the model's grid is half a pixel of the crop.
        np.testing.assert_allclose(estimate(spot(x, y), moved)[0, 0, :2], place, atol=2.5)
