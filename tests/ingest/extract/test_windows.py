"""The detector looks when it must, and what asks for the same is asked at once."""

from __future__ import annotations

import numpy as np

from signverse.ingest.extract.windows import FramePeople, process_window, run_batched


class Scene:
    """Images that know their number, and models that know who is where; counts what was asked."""

    def __init__(self, people: list[list[int]], shades: list[int] | None = None) -> None:
        self.people = people
        shades = shades or [0] * len(people)
        self.images = [np.full((480, 640, 3), shade, np.uint8) for shade in shades]
        for number, image in enumerate(self.images):
            image[0, 1] = number
        self.detected: list[list[int]] = []
        self.estimated: list[list[int]] = []

    def detect(self, images: list[np.ndarray]) -> list[np.ndarray]:
        self.detected.append([int(image[0, 1, 0]) for image in images])
        return [
            np.array([(x, 100, x + 150, 400) for x in self.people[number]], np.float32).reshape(-1, 4)
            for number in self.detected[-1]
        ]

    def estimate(self, images: list[np.ndarray], boxes: list[np.ndarray]) -> list[np.ndarray]:
        self.estimated.append([int(image[0, 1, 0]) for image in images])
        return [self._points(number, some) for number, some in zip(self.estimated[-1], boxes, strict=True)]

    def _points(self, number: int, boxes: np.ndarray) -> np.ndarray:
        """Each box sees whoever is nearest, well when near."""
        points = np.zeros((len(boxes), 133, 3), np.float32)
        for i, box in enumerate(boxes):
            nearest = min(self.people[number], key=lambda x: abs(x - box[0]), default=0)
            points[i, :, :2] = (nearest + 75, 250)
            points[i, :, 2] = 0.9 if self.people[number] and abs(nearest - box[0]) < 30 else 0.1
        return points

    def run(self, every: int) -> list[FramePeople]:
        windows = [process_window(self.images[start : start + every]) for start in range(0, len(self.images), every)]
        return [found for window in run_batched(windows, self.detect, self.estimate) for found in window]

    @property
    def looked_at(self) -> list[int]:
        return sorted(number for numbers in self.detected for number in numbers)


def test_who_sits_still_is_detected_once_in_a_window() -> None:
    scene = Scene([[100]] * 12)
    found = scene.run(6)
    assert scene.looked_at == [0, 6]
    assert all(len(boxes) == len(points) == 1 for boxes, points in found)


def test_every_one_looks_at_every_frame() -> None:
    scene = Scene([[100], [], [100, 300], [300]])
    found = scene.run(1)
    assert scene.looked_at == [0, 1, 2, 3]
    assert [len(boxes) for boxes, _ in found] == [1, 0, 2, 1]


def test_who_walks_is_followed_to_where_the_detector_would_see_them() -> None:
    scene = Scene([[100 + 10 * i] for i in range(6)])
    found = scene.run(6)
    assert scene.looked_at == [0]
    # A box is where the person was a frame ago.
    assert [float(boxes[0, 0]) for boxes, _ in found] == [100, 100, 110, 120, 130, 140]
    assert [float(points[0, 0, 0]) for _, points in found] == [175 + 10 * i for i in range(6)]


def test_a_cut_and_a_loss_are_looked_at_in_their_own_frame() -> None:
    cut = Scene([[100]] * 3 + [[400]] * 3, [0] * 3 + [99] * 3)
    assert [float(points[0, 0, 0]) for _, points in cut.run(6)] == [175] * 3 + [475] * 3
    assert cut.looked_at == [0, 3]
    gone = Scene([[100]] * 4 + [[]] * 2)
    assert [len(boxes) for boxes, _ in gone.run(6)] == [1, 1, 1, 1, 0, 0]
    assert gone.looked_at == [0, 4]


def test_where_nobody_is_there_every_third_frame_is_looked_at() -> None:
    scene = Scene([[]] * 9)
    scene.run(9)
    assert scene.looked_at == [0, 3, 6]
    assert scene.estimated == []
    coming = Scene([[]] * 4 + [[100]] * 5)
    assert [len(boxes) for boxes, _ in coming.run(9)] == [0] * 6 + [1] * 3


def test_windows_that_are_done_together_share_batches_and_find_the_same() -> None:
    people = [[100], [105], [110], [], [], [300], [300], [300], [300]]
    together, apart = Scene(people), Scene(people)
    found = together.run(3)
    assert together.detected[0] == [0, 3, 6]
    assert together.estimated[0] == [0, 6]
    each = [
        frame
        for start in (0, 3, 6)
        for window in run_batched([process_window(apart.images[start : start + 3])], apart.detect, apart.estimate)
        for frame in window
    ]
    for (boxes, points), (other_boxes, other_points) in zip(found, each, strict=True):
        np.testing.assert_array_equal(boxes, other_boxes)
        np.testing.assert_array_equal(points, other_points)
