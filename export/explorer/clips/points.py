"""Keypoints as small binary answers: a clip, or the middle frames of many.

Little-endian. A clip:

    4 bytes   "SVK1"
    uint32    T, frames
    uint16    P, people
    uint16    J, joints of each: 128
    float32   pixels to a step of the coordinates: 1/8, as the lake keeps them; more where a frame is very large
    uint16    [P + P % 2] the number of each person; one is added where their count is odd
    int16     [P, T, J, 2] x and y in steps; -32768 where a point is absent
    uint8     [P, T, J] score in 200ths, at most 254; 255 where it is unknown

Middle frames ("SVM1"): uint32 N, then for each clip uint16 width, height and state (0 drawn, 1 nobody, 2 damaged),
uint16 0, and int16 [N, J, 2] in steps of float32 [N].
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.export.explorer.clips.catalog import Catalog
from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.model.skeleton import NUM_JOINTS, PARTS
from signverse.lake.model.thresholds import SEEN
from signverse.lake.storage.keypoints import Points, hide_unseen
from signverse.lake.storage.reader import Joints, placement_of

MOST_FRAMES: Final = 960
"""Frames of one answer: a video without captions is one clip, of hours; the page asks for the next ones as it plays."""

MOST_CLIPS: Final = 400
"""Middle frames of one answer."""

_MOST_PEOPLE: Final = 32

_ABSENT: Final = -32768
_LARGEST: Final = 32767
_UNKNOWN: Final = 255
_DRAWN, _NOBODY, _DAMAGED = 0, 1, 2


def clip_points(catalog: Catalog, row: int, start: int, count: int) -> bytes:
    """The people of a clip, the primary signer first.

    Args:
        row: of the clip in the catalog.
        start, count: frames of the clip, from 0; clipped to it and to `MOST_FRAMES`.

    Raises:
        DamagedLakeError: the lake's files do not hold what its tables say.
    """
    first, last = int(catalog.start_frame[row]), int(catalog.end_frame[row])
    first = min(last, first + max(0, start))
    last = min(last, first + max(0, min(count, MOST_FRAMES)))
    people: dict[int, Points] = {}
    for rows in catalog.snapshot.people(catalog.video_id(row), start_frame=first, end_frame=last):
        hide_unseen(rows.points, rows.visible)
        inside = (rows.frames >= first) & (rows.frames < last)
        for person in np.unique(rows.persons[inside]).tolist():
            if person not in people and len(people) < _MOST_PEOPLE:
                people[person] = np.full((last - first, NUM_JOINTS, 3), np.nan, np.float32)
            if person in people:
                chosen = inside & (rows.persons == person)
                people[person][rows.frames[chosen] - first] = rows.points[chosen]
    numbers = sorted(people)
    points = np.stack([people[person] for person in numbers]) if numbers else np.empty((0, 0, NUM_JOINTS, 3))
    unit = _unit(points)
    head = struct.pack("<4sIHHf", b"SVK1", last - first, len(numbers), NUM_JOINTS, unit)
    padded = np.array(numbers + [0] * (len(numbers) % 2), "<u2")
    return head + padded.tobytes() + _places(points, unit).tobytes() + _scores(points).tobytes()


def middle_frames(catalog: Catalog, rows: Sequence[int]) -> bytes:
    """The primary signer in the middle frame of each clip: 512 bytes a clip, and 12 about it.

    Raises:
        BadInputError: too many are asked for.
    """
    if len(rows) > MOST_CLIPS:
        raise BadInputError(f"{len(rows)} clips at once", f"At most {MOST_CLIPS}.")
    wanted = []
    for row in rows:
        middle = (int(catalog.start_frame[row]) + int(catalog.end_frame[row])) // 2
        placement = placement_of(catalog.snapshot.placement_row(catalog.video_id(row)))
        wanted.append((placement, middle, middle + 1))
    reader, joints = catalog.snapshot.reader, Joints.in_place(PARTS)
    damaged: set[int] = set()
    points = np.full((len(rows), NUM_JOINTS, 3), np.nan, np.float32)
    try:
        for i, frame in enumerate(reader.clips(wanted, 0, joints, mask_hidden=True)):
            points[i : i + 1] = frame
    except DamagedLakeError:
        # One damaged page must not cost the others.
        for i, one in enumerate(wanted):
            try:
                points[i : i + 1] = reader.clips([one], 0, joints, mask_hidden=True)[0]
            except DamagedLakeError:
                damaged.add(i)
    # As pictures have it: a point of a low score is not drawn.
    points[points[..., 2] < SEEN] = np.nan
    about = np.zeros((len(rows), 4), "<u2")
    units = np.empty(len(rows), "<f4")
    places = np.empty((len(rows), NUM_JOINTS, 2), "<i2")
    for i, row in enumerate(rows):
        seen = np.isfinite(points[i, :, 0]).any()
        about[i] = (*catalog.frame_size(row), _DAMAGED if i in damaged else _DRAWN if seen else _NOBODY, 0)
        units[i] = _unit(points[i])
        places[i] = _places(points[i], units[i])
    return struct.pack("<4sI", b"SVM1", len(rows)) + about.tobytes() + units.tobytes() + places.tobytes()


def _unit(points: npt.NDArray[np.floating[Any]]) -> float:
    """Pixels to a step: 1/8, or the next power of two by which the farthest coordinate fits."""
    finite = np.abs(points[..., :2][np.isfinite(points[..., :2])])
    unit = 1 / 8
    while finite.size and finite.max() / unit > _LARGEST:
        unit *= 2
    return unit


def _places(points: npt.NDArray[np.floating[Any]], unit: float) -> npt.NDArray[np.int16]:
    places = points[..., :2] / unit
    absent = ~np.isfinite(places).all(axis=-1)
    with np.errstate(invalid="ignore"):
        steps = np.rint(np.where(np.isfinite(places), places, 0)).astype("<i2")
    steps[absent] = _ABSENT
    return steps


def _scores(points: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    scores = points[..., 2]
    steps: npt.NDArray[np.uint8] = np.clip(np.rint(np.nan_to_num(scores, nan=0) * 200), 0, _UNKNOWN - 1).astype(
        np.uint8
    )
    steps[np.isnan(scores)] = _UNKNOWN
    return steps
