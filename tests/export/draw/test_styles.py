"""Styles of drawing: equal to the drawings that models were trained with, and readable to people."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from signverse.export.draw.defaults import STYLES
from signverse.export.draw.styles import reference
from signverse.export.draw.styles.readable import opacity
from signverse.export.draw.styles.registry import paint_people, painter
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.skeleton import FACE, LEFT_HAND, NUM_JOINTS, RIGHT_HAND, joint_index

GOLDEN = Path(__file__).parent / "golden"
"""What this package drew when easy-dwpose 1.0.2 drew the same pixels of the same points (dwpose: draw/openpose.py,
controlnext: draw/mimic_motion.py with the body of the published visualiser, not shaded)."""

FRAMES = (0, 40)
REFERENCES = [style for style in STYLES if style != "lake"]


def person(score: float = 1.0, **places: tuple[float, float]) -> np.ndarray:
    points = np.full((1, NUM_JOINTS, 3), np.nan)
    points[..., 2] = 0
    for name, (x, y) in places.items():
        points[0, joint_index(name)] = x, y, score
    return points


def everywhere(seed: int, people: int, width: int, height: int) -> np.ndarray:
    """People with all points, some beyond the edges, some absent, some of unknown or low score."""
    random = np.random.default_rng(seed)
    points = random.uniform(-0.2, 1.2, (people, NUM_JOINTS, 3)) * [width, height, 1]
    points[random.random(points.shape[:2]) < 0.1] = np.nan, np.nan, 0
    points[random.random(points.shape[:2]) < 0.1, 2] = np.nan
    return points


@pytest.mark.parametrize("style", STYLES)
def test_the_synthetic_signer_is_drawn_as_in_the_golden_pictures(sample: Lake, style: str) -> None:
    """OpenCV's versions may differ at edges: one pixel in two hundred of those drawn may."""
    row = sample.video("synthASE001")
    points = sample.keypoints("synthASE001", mask_hidden=True)
    drawn = np.hstack(
        [paint_people(points[frame][None], row["width"], row["height"], painter(style), scale=0.5) for frame in FRAMES]
    )
    path = GOLDEN / f"{style}.png"
    if not path.exists():
        Image.fromarray(drawn).save(path, optimize=True)
    with Image.open(path) as image:
        golden = np.asarray(image).astype(int)
    differs = (np.abs(golden - drawn) > 8).any(axis=-1)
    assert differs.sum() <= golden.any(axis=-1).sum() / 200


@pytest.mark.parametrize(
    ("style", "limb", "joint"),
    [
        ("openpose", (153, 0, 0), (255, 85, 0)),
        ("dwpose", (153, 0, 0), (255, 85, 0)),
        ("controlnext", (0, 0, 153), (0, 85, 255)),
    ],
)
def test_colours_of_the_published_visualiser(style: str, limb: tuple[int, ...], joint: tuple[int, ...]) -> None:
    """The checks measured of it, at 512 x 512; the limb to the hip is (0, 153, 0) in all."""
    points = person(neck=(256, 179.2), right_shoulder=(204.8, 179.2), right_hip=(230.4, 358.4))
    drawn = paint_people(points, 512, 512, painter(style))
    assert tuple(drawn[179, 230]) == limb
    assert tuple(drawn[179, 256]) == joint
    assert tuple(drawn[268, 243]) == (0, 153, 0)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    people=st.integers(0, 2),
    size=st.sampled_from([(1280, 720), (480, 270), (512, 512), (333, 217), (240, 320)]),
)
def test_the_small_picture_is_the_large_canvas_made_smaller_by_opencv(
    seed: int, people: int, size: tuple[int, int]
) -> None:
    """Whatever the size, though only the part with people in it is made smaller; to three of 255."""
    width, height = size
    points = everywhere(seed, people, width, height)
    paint = painter("controlnext")
    # A canvas that held something else before.
    paint_people(everywhere(seed + 1, 1, width, height), width, height, paint)
    drawn = paint_people(points, width, height, paint)
    larger = 2160 / min(size)
    canvas = np.zeros((int(height * larger), int(width * larger), 3), np.uint8)
    reference._Drawing(reference.LOOKS["controlnext"], canvas, points, size).draw()
    expected = cv2.resize(canvas, size)
    assert np.abs(drawn.astype(int) - expected).max() <= 3


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), far=st.sampled_from([0.0, -1.0, 1e4, 1e9, 1e30, math.inf, -math.inf]))
def test_no_place_however_far_stops_the_drawing(style: str, seed: int, far: float) -> None:
    points = everywhere(seed, 2, 96, 64)
    points[0, ::3, :2] = far
    drawn = paint_people(points, 96, 64, painter(style))
    assert drawn.shape == (64, 96, 3)


@pytest.mark.parametrize("style", STYLES)
def test_what_is_absent_is_not_drawn(style: str) -> None:
    assert not paint_people(person(), 100, 100, painter(style)).any()
    assert not paint_people(np.full((2, NUM_JOINTS, 3), np.nan), 100, 100, painter(style)).any()
    assert not paint_people(np.zeros((0, NUM_JOINTS, 3)), 100, 100, painter(style)).any()


@pytest.mark.parametrize(("style", "least"), [("openpose", 0.6), ("dwpose", 0.3), ("lake", 0.3)])
def test_a_body_joint_below_the_threshold_is_left_out(style: str, least: float) -> None:
    for score, drawn in ((least - 0.05, False), (least + 0.05, True), (math.nan, True)):
        points = person(score, neck=(50, 50), right_shoulder=(20, 50))
        assert paint_people(points, 100, 100, painter(style)).any() == drawn


def test_hands_and_face_of_controlnext_are_darker_where_scores_are_lower() -> None:
    values = []
    for score in (1.3, 1.0, 0.5, 0.1):
        points = person(score, face_0=(50, 50))
        points[0, LEFT_HAND.start] = 20, 20, score
        drawn = paint_people(points, 432, 432, painter("controlnext"))
        values.append((int(drawn[50, 50].max()), int(drawn[20, 20].max())))
    assert values[0] == values[1] == (255, 255)
    assert values[1] > values[2] > values[3] > (0, 0)


def test_in_the_style_lake_confidence_is_opacity() -> None:
    """Over a picture that shines through; what is unknown counts as sure."""
    assert opacity(np.array([0.3, 1.0, 1.3, math.nan])).tolist() == [0.25, 1.0, 1.0, 1.0]
    ground = np.full((100, 100, 3), 90, np.uint8)
    far = []
    for score in (0.31, 0.65, 1.0):
        points = person(score, left_shoulder=(20, 50), left_elbow=(80, 50))
        drawn = paint_people(points, 100, 100, painter("lake"), ground=ground)
        far.append(np.abs(drawn[50, 50].astype(int) - 90).max())
    assert far[0] > 5
    assert far[0] * 1.5 < far[1] < far[2] / 1.3
    assert (ground == 90).all(), "the ground itself is not drawn on"


@pytest.mark.parametrize("ground", [0, 255])
def test_in_the_style_lake_each_hand_has_its_colours(ground: int) -> None:
    """Left warm, right cool, so that they are told apart where they cross, on black as on white."""
    for part, warm in ((LEFT_HAND, True), (RIGHT_HAND, False)):
        points = np.full((1, NUM_JOINTS, 3), np.nan)
        points[0, part.slice, :2] = np.random.default_rng(1).uniform(20, 80, (part.size, 2))
        points[0, part.slice, 2] = 1
        picture = np.full((100, 100, 3), ground, np.uint8)
        drawn = paint_people(points, 100, 100, painter("lake"), ground=picture).astype(int)
        inked = np.ptp(drawn, axis=-1) > 60
        assert inked.sum() > 50
        assert ((drawn[inked][:, 0] > drawn[inked][:, 2]) == warm).mean() > 0.95


@pytest.mark.parametrize("style", STYLES)
def test_on_a_picture_only_what_is_drawn_covers_it(style: str) -> None:
    ground = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    points = person(neck=(320, 160), right_shoulder=(240, 160), left_shoulder=(400, 160))
    drawn = paint_people(points, 640, 480, painter(style), ground=ground)
    changed = (drawn != ground).any(axis=-1)
    assert changed[155:165, 236:404].any()
    changed[140:180, 220:420] = False
    assert not changed.any()


def test_a_style_that_is_not_there_and_points_of_another_shape_are_refused() -> None:
    with pytest.raises(BadInputError, match="Styles: lake, openpose"):
        painter("bold")
    with pytest.raises(BadInputError, match="128"):
        paint_people(np.zeros((1, FACE.size, 3)), 10, 10, painter("lake"))


def test_frames_that_are_far_too_narrow_are_refused_before_memory_is_taken() -> None:
    with pytest.raises(BadInputError, match="too narrow"):
        paint_people(person(neck=(5, 5)), 32_000, 16, painter("controlnext"))
