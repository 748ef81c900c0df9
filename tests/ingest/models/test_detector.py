"""Boxes around people, step by step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.models.detector import Detector, decode_cells, letterbox, make_grid, nms, person_cells
from signverse.ingest.models.runtime import make_session
from signverse.lake.media.decode import Decoder


def test_a_wide_image_fills_the_width_and_leaves_grey_below() -> None:
    canvas = np.zeros((64, 64, 3), np.uint8)
    ratio = letterbox(np.full((100, 200, 3), 7, np.uint8), canvas)
    assert ratio == pytest.approx(0.32)
    assert (canvas[:32] == 7).all()
    assert (canvas[32:] == 114).all()


def test_a_tall_small_image_is_grown_and_leaves_grey_at_the_right() -> None:
    canvas = np.zeros((64, 96, 3), np.uint8)
    assert letterbox(np.full((32, 10, 3), 200, np.uint8), canvas) == 2
    assert (canvas[:, :20] == 200).all()
    assert (canvas[:, 20:] == 114).all()


@given(st.integers(1, 300), st.integers(1, 300))
def test_nothing_of_an_earlier_image_stays_on_the_canvas(width: int, height: int) -> None:
    canvas = np.full((64, 64, 3), 255, np.uint8)
    letterbox(np.zeros((height, width, 3), np.uint8), canvas)
    assert set(np.unique(canvas)) <= {0, 114}


def test_the_grid_counts_cells_row_by_row_for_each_stride() -> None:
    cells, strides = make_grid(64, 96)
    assert len(cells) == len(strides) == 8 * 12 + 4 * 6 + 2 * 3
    assert cells[:13].tolist() == [[x, 0] for x in range(12)] + [[0, 1]]
    assert strides[[0, 95, 96, 119, 120, 125], 0].tolist() == [8, 8, 16, 16, 32, 32]
    assert make_grid(640, 640)[0].shape == (8400, 2)
    assert make_grid(416, 416)[0].shape == (3549, 2)


def test_a_cell_is_decoded_to_the_box_it_stands_for() -> None:
    grid, strides = make_grid(64, 64)
    raw = np.zeros((len(grid), 85), np.float32)
    # The cell in row 1, column 2 of stride 16: centre (2.5 * 16, 1.25 * 16), size (32, 16).
    raw[64 + 4 + 2, :6] = (0.5, 0.25, np.log(2), 0, 0.9, 0.8)
    boxes = decode_cells(person_cells(raw), grid, strides)
    np.testing.assert_allclose(boxes, [[40 - 16, 20 - 8, 40 + 16, 20 + 8, 0.72]], rtol=1e-6)


def test_other_things_than_people_are_left_out() -> None:
    grid, strides = make_grid(64, 64)
    raw = np.zeros((len(grid), 85), np.float32)
    raw[:, 4] = raw[:, 6] = 1
    assert decode_cells(person_cells(raw), grid, strides).shape == (0, 5)


def test_a_box_without_end_is_no_person() -> None:
    grid, strides = make_grid(64, 64)
    raw = np.zeros((len(grid), 85), np.float32)
    raw[3, 2:6] = (200, 0, 1, 1)
    raw[4, 0] = np.nan
    raw[4, 4:6] = 1
    assert len(decode_cells(person_cells(raw), grid, strides)) == 0


def slow_nms(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        x0, y0, x1, y1 = boxes[i].tolist()
        for j in kept:
            u0, v0, u1, v1 = boxes[j].tolist()
            shared = max(0, min(x1, u1) - max(x0, u0) + 1) * max(0, min(y1, v1) - max(y0, v0) + 1)
            both = (x1 - x0 + 1) * (y1 - y0 + 1) + (u1 - u0 + 1) * (v1 - v0 + 1) - shared
            if shared / both > overlap:
                break
        else:
            kept.append(i)
    return kept


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 9)),
        max_size=25,
    )
)
def test_suppression_agrees_with_one_written_out_in_loops(rows: list[tuple[int, ...]]) -> None:
    values = np.array(rows, np.float32).reshape(-1, 5)
    boxes = np.concatenate([values[:, :2], values[:, :2] + values[:, 2:4]], axis=1)
    # 0.4501 and not 0.45, so that no IoU of small whole numbers lies on the threshold.
    assert nms(boxes, values[:, 4], 0.4501).tolist() == slow_nms(boxes, values[:, 4], 0.4501)


def test_areas_count_one_pixel_more_than_the_difference_of_the_corners() -> None:
    # Without the extra pixel the IoU is 0.5 and the second box goes; with it 0.4 of 5 by 1 pixels and it stays.
    boxes = np.array([[0, 0, 1, 0], [0, 0, 4, 0]], np.float32)
    assert nms(boxes, np.array([1, 0.9], np.float32), 0.45).tolist() == [0, 1]
    assert nms(boxes, np.array([1, 0.9], np.float32), 0.39).tolist() == [0]


def detector_seeing(raw: np.ndarray) -> tuple[Detector, list[np.ndarray]]:
    fed: list[np.ndarray] = []

    def run(names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        fed.append(inputs["images"].copy())
        return [raw[None]]

    session = SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(name="images", shape=[1, 3, 64, 64])],
        get_outputs=lambda: [SimpleNamespace(name="output", shape=[1, 84, 85])],
        run=run,
    )
    return Detector(session), fed  # type: ignore[arg-type]


def test_boxes_come_in_pixels_of_the_image_best_first_above_the_threshold() -> None:
    raw = np.zeros((84, 85), np.float32)
    raw[0, 4:6] = (1, 0.5)
    raw[7, 4:6] = (1, 0.9)
    raw[70, 4:6] = (1, 0.29)
    detector, _ = detector_seeing(raw)
    boxes = detector(np.zeros((128, 128, 3), np.uint8))
    assert boxes.dtype == np.float32
    # Twice the canvas: centre (7 * 8, 0) and (0, 0), size 8, in canvas pixels.
    np.testing.assert_allclose(boxes, [[104, -8, 120, 8, 0.9], [-8, -8, 8, 8, 0.5]], rtol=1e-6)


def test_the_detector_is_fed_blue_first_and_unscaled() -> None:
    detector, fed = detector_seeing(np.zeros((84, 85), np.float32))
    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 0] = 250
    assert detector(image).shape == (0, 5)
    assert fed[0].dtype == np.float32
    assert fed[0][0].mean(axis=(1, 2)).tolist() == [250, 0, 0]


def test_the_signer_of_a_real_sentence_is_found_in_20_of_20_frames(data: Path) -> None:
    detector = Detector(make_session(data / "models" / "yolox_nano_640.onnx", "cpu", 2))
    with Decoder(data / "videos" / "sentence_720p30.mp4") as video:
        images = list(video)
    sampled = [images[int(i)] for i in np.linspace(0, len(images) - 1, 20)]
    assert sum(len(detector(image)) > 0 for image in sampled) == 20


def test_nobody_is_found_on_real_slides(data: Path) -> None:
    detector = Detector(make_session(data / "models" / "yolox_nano_640.onnx", "cpu", 2))
    with Decoder(data / "videos" / "no_person_122s.mp4") as video:
        found = [len(detector(image)) for number, image in zip(range(200), video, strict=False) if number % 20 == 0]
    assert found == [0] * 10
