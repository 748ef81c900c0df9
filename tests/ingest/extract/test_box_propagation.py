"""A box goes along with its person, and says when the detector must look again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.extract.box_propagation import PropagatedBoxes, is_cut, thumbnail

SIZE = (640, 480)


def person(x: float = 200, y: float = 100, score: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """A box of 150 by 300 pixels and 133 points in it."""
    points = np.empty((133, 3), np.float32)
    points[:, :2] = np.random.default_rng(1).uniform((x + 20, y + 20), (x + 130, y + 280), (133, 2))
    points[:, 2] = score
    return np.array([x, y, x + 150, y + 300], np.float32), points


def people(*places: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    made = [person(*place) for place in places]
    return np.stack([box for box, _ in made]), np.stack([points for _, points in made])


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_a_box_moves_as_its_person_moves(across: float, down: float) -> None:
    boxes, points = people((200, 100))
    propagated = PropagatedBoxes(boxes, points, SIZE)
    assert propagated.update(points + np.float32([across, down, 0]))
    np.testing.assert_allclose(propagated.boxes - boxes, [[across, down, across, down]], atol=1e-3)


def test_moving_hands_leave_the_box_where_it_is() -> None:
    boxes, points = people((200, 100))
    propagated = PropagatedBoxes(boxes, points, SIZE)
    points = points.copy()
    points[:, 91:133, 1] -= 100
    points[:, 7:11] += (80, -80, 0)
    assert propagated.update(points)
    np.testing.assert_array_equal(propagated.boxes, boxes)


def test_small_steps_are_followed_a_jump_is_looked_at() -> None:
    boxes, points = people((100, 100))
    propagated = PropagatedBoxes(boxes, points, SIZE)
    for _ in range(10):
        points = points + np.float32([15, 0, 0])
        assert propagated.update(points)
    assert propagated.boxes[0, 0] == pytest.approx(250)
    assert not propagated.update(points + np.float32([40, 0, 0]))


def test_a_person_that_is_seen_less_well_is_looked_at() -> None:
    boxes, points = people((100, 100), (350, 100))
    assert PropagatedBoxes(boxes, points, SIZE).update(points * np.float32([1, 1, 0.9]))
    weak = points.copy()
    weak[1, :, 2] *= 0.6
    assert not PropagatedBoxes(boxes, points, SIZE).update(weak)


def test_leaving_the_image_is_looked_at_and_being_at_its_border_is_not() -> None:
    boxes, points = people((200, 220))
    propagated = PropagatedBoxes(boxes, points, SIZE)
    assert propagated.update(points)
    assert propagated.update(points + np.float32([0, 10, 0]))
    assert not propagated.update(points + np.float32([0, 30, 0]))
    boxes, points = people((5, 100))
    propagated = PropagatedBoxes(boxes, points, SIZE)
    assert propagated.update(points - np.float32([10, 0, 0]))
    assert not propagated.update(points - np.float32([25, 0, 0]))


def test_two_who_begin_to_overlap_are_looked_at_two_who_did_are_not() -> None:
    boxes, points = people((100, 100), (260, 100))
    propagated = PropagatedBoxes(boxes, points, SIZE)
    to_the_left = np.zeros_like(points)
    to_the_left[1, :, 0] = -20
    assert propagated.update(points + to_the_left)
    assert not propagated.update(points + 2 * to_the_left)
    close, near = people((100, 100), (180, 100))
    assert PropagatedBoxes(close, near, SIZE).update(near + to_the_left / 10)


def test_a_person_whose_face_is_not_seen_stays_in_place() -> None:
    boxes, points = people((200, 100, 0.2))
    propagated = PropagatedBoxes(boxes, points, SIZE)
    assert propagated.update(points + np.float32([50, 0, 0]))
    np.testing.assert_array_equal(propagated.boxes, boxes)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (480, 640), (4320, 7680)])
def test_a_cut_is_seen_in_an_image_of_any_size_and_noise_is_none(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    dark = np.full((*shape, 3), 60, np.uint8)
    noisy = dark + rng.integers(0, 9, dark.shape, np.uint8)
    assert thumbnail(dark).size <= 3 * 128 * 128
    assert not is_cut(thumbnail(dark), thumbnail(noisy))
    assert is_cut(thumbnail(dark), thumbnail(dark + 40))
