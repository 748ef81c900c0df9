"""Frames to people: detect, then propagate boxes, within windows of frames that are independent of each other.

Each window begins with a detection, so that windows can be processed in any order and in any number of threads with the
same result. Windows that are processed together share the models' batches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.extract.box_propagation import PropagatedBoxes, is_cut, thumbnail

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Points = NDArray[np.float32]
FramePeople = tuple[Boxes, Points]
"""The people of a frame: boxes float32 [P, 4] and points float32 [P, 133, 3], in pixels of the image."""

DETECT_EVERY_WHILE_EMPTY: Final = 3
"""Frames from one detection to the next while nobody is there: a person who comes in is seen within an eighth of a
second."""

_NO_BOXES = np.empty((0, 4), np.float32)
_NO_POINTS = np.empty((0, 133, 3), np.float32)


@dataclass(frozen=True)
class DetectRequest:
    """A request for the people of an image; the answer is Boxes."""

    image: Image


@dataclass(frozen=True)
class PoseRequest:
    """A request for the points in boxes of an image; the answer is Points."""

    image: Image
    boxes: Boxes


Window = Generator[DetectRequest | PoseRequest, NDArray[np.float32], list[FramePeople]]
"""A window in progress: yields requests, is sent their answers, and returns the people of each of its frames."""


def process_window(images: Iterable[Image]) -> Window:
    """Find the people in a window of consecutive frames; a generator of requests to the models.

    The detector looks at the first frame, and again where a cut is seen or where box propagation is no longer reliable
    (see ingest/extract/box_propagation.py); while nobody is there, at every third frame.
    """
    found: list[FramePeople] = []
    people: PropagatedBoxes | None = None
    previous_thumbnail: NDArray[np.int16] | None = None
    last_detection = 0
    for frame, image in enumerate(images):
        small = thumbnail(image)
        detect = previous_thumbnail is None or is_cut(previous_thumbnail, small)
        previous_thumbnail = small
        if people is None:
            detect = detect or frame - last_detection >= DETECT_EVERY_WHILE_EMPTY
        elif not detect:
            boxes = people.boxes
            points = yield PoseRequest(image, boxes)
            detect = not people.update(points)
        if detect:
            last_detection = frame
            boxes = yield DetectRequest(image)
            points = (yield PoseRequest(image, boxes)) if len(boxes) else _NO_POINTS
            people = PropagatedBoxes(boxes, points, (image.shape[1], image.shape[0])) if len(boxes) else None
        elif people is None:
            boxes, points = _NO_BOXES, _NO_POINTS
        found.append((boxes, points))
    return found


def run_batched(
    windows: Sequence[Window],
    detect: Callable[[list[Image]], list[Boxes]],
    estimate: Callable[[list[Image], list[Boxes]], list[Points]],
) -> list[list[FramePeople]]:
    """Run windows step by step; requests of the same kind are answered by one call.

    Args:
        windows: not started yet.
        detect: gives the boxes of each image.
        estimate: gives the points in the boxes of each image.

    Returns:
        What each window returned.
    """
    results: list[list[FramePeople]] = [[] for _ in windows]
    pending: dict[int, DetectRequest | PoseRequest] = {}

    def resume(index: int, answer: NDArray[np.float32] | None) -> None:
        try:
            # None starts a generator, and is what the type of `send` leaves out.
            pending[index] = windows[index].send(answer)  # type: ignore[arg-type]
        except StopIteration as end:
            results[index] = end.value

    for index in range(len(windows)):
        resume(index, None)
    while pending:
        requests, pending = pending, {}
        detects = {index: request for index, request in requests.items() if isinstance(request, DetectRequest)}
        poses = {index: request for index, request in requests.items() if isinstance(request, PoseRequest)}
        answers: dict[int, NDArray[np.float32]] = {}
        if detects:
            answers.update(zip(detects, detect([request.image for request in detects.values()]), strict=True))
        if poses:
            images = [request.image for request in poses.values()]
            boxes = [request.boxes for request in poses.values()]
            answers.update(zip(poses, estimate(images, boxes), strict=True))
        for index in requests:
            resume(index, answers[index])
    return results
