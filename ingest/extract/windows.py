"""Frames -> people: a detection, then following, over stretches of frames that know nothing of each other.

Each stretch begins with a detection, so that stretches can be done in any order, side by side and in any number of
threads, and what is found is the same. Stretches that are done together share the models' batches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.extract.box_propagation import Followed, is_cut, thumb

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Points = NDArray[np.float32]
Found = tuple[Boxes, Points]
"""The people of a frame: boxes float32 [P, 4] and points float32 [P, 133, 3], in pixels of the image."""

LOOK_AGAIN: Final = 3
"""Frames from one detection to the next while nobody is there: who comes in is seen within an eighth of a second."""


@dataclass(frozen=True)
class Detect:
    """Asks the detector for the people of an image; the answer is Boxes."""

    image: Image


@dataclass(frozen=True)
class Estimate:
    """Asks the pose model for the points in boxes; the answer is Points."""

    image: Image
    boxes: Boxes


Walk = Generator[Detect | Estimate, NDArray[np.float32], list[Found]]


def walk(images: Iterable[Image]) -> Walk:
    """Goes through a stretch of consecutive frames; asks for what it needs and returns what was found in each.

    The detector looks at the first frame and, besides, where a cut is seen or where following says that it must
    (see ingest/extract/box_propagation.py); where nobody is there, at every third frame.
    """
    found: list[Found] = []
    people: Followed | None = None
    last: NDArray[np.int16] | None = None
    looked = 0
    for frame, image in enumerate(images):
        small = thumb(image)
        detect = last is None or is_cut(last, small)
        last = small
        if people is None:
            detect = detect or frame - looked >= LOOK_AGAIN
        elif not detect:
            boxes = people.boxes
            points = yield Estimate(image, boxes)
            detect = not people.follow(points)
        if detect:
            looked = frame
            boxes = yield Detect(image)
            points = (yield Estimate(image, boxes)) if len(boxes) else _NO_POINTS
            people = Followed(boxes, points, (image.shape[1], image.shape[0])) if len(boxes) else None
        elif people is None:
            boxes, points = _NO_BOXES, _NO_POINTS
        found.append((boxes, points))
    return found


_NO_BOXES = np.empty((0, 4), np.float32)
_NO_POINTS = np.empty((0, 133, 3), np.float32)


def run_together(
    walks: Sequence[Walk],
    detect: Callable[[list[Image]], list[Boxes]],
    estimate: Callable[[list[Image], list[Boxes]], list[Points]],
) -> list[list[Found]]:
    """Runs walks step by step, those that ask for the same at once with one call.

    Args:
        walks: not begun yet.
        detect: the boxes of each image.
        estimate: the points in the boxes of each image.

    Returns:
        What each walk returned.
    """
    done: list[list[Found]] = [[] for _ in walks]
    asked: dict[int, Detect | Estimate] = {}

    def go_on(number: int, answer: NDArray[np.float32] | None) -> None:
        try:
            # None starts a generator, and is what the type of `send` leaves out.
            asked[number] = walks[number].send(answer)  # type: ignore[arg-type]
        except StopIteration as end:
            done[number] = end.value

    for number in range(len(walks)):
        go_on(number, None)
    while asked:
        asks, asked = asked, {}
        detects = {number: ask for number, ask in asks.items() if isinstance(ask, Detect)}
        estimates = {number: ask for number, ask in asks.items() if isinstance(ask, Estimate)}
        answers: dict[int, NDArray[np.float32]] = {}
        if detects:
            answers.update(zip(detects, detect([ask.image for ask in detects.values()]), strict=True))
        if estimates:
            images, boxes = [ask.image for ask in estimates.values()], [ask.boxes for ask in estimates.values()]
            answers.update(zip(estimates, estimate(images, boxes), strict=True))
        for number in asks:
            go_on(number, answers[number])
    return done
