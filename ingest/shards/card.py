"""The `card` dialect, as the dataset card describes it: poses.npz and caption.json of a video."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from signverse.ingest.captions.cleaning import clean
from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.shards.point_rows import PointRows
from signverse.ingest.shards.poses import Poses, batches_of, check_numbers, check_people, check_size, collect
from signverse.ingest.shards.untrusted.npz_reader import Arrays, Frames
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS, MAX_FRAMES
from signverse.lake.model.skeleton import NUM_JOINTS, PART_BY_NAME
from signverse.lake.model.wording import counted
from signverse.lake.storage.keypoints import MAX_SCORE

_KEY: Final = re.compile(r"person_(\d{1,3})/(body|face|left_hand|right_hand)")

_FARTHEST: Final = 1e6
"""Pixels from the corner of a picture, thirty times the longest side of any; models place points just outside."""

_DIGITS: Final = 20
_MAX_SECONDS: Final = int(MAX_FRAMES / FPS)
"""A hundred hours; a video with higher frame numbers is refused."""


def from_arrays(arrays: Arrays, name: str) -> Poses:
    """The keypoints in a card's poses.npz, with scores as written.

    Raises:
        BadInputError: the arrays are not those of a poses.npz of the card format.
    """
    try:
        width, height, fps = (np.asarray(arrays[key]).item() for key in ("width", "height", "fps"))
        numbers = np.asarray(arrays["frame_ids"])
        blocks = arrays["frames"]
    except (KeyError, ValueError) as error:
        raise BadInputError(f"{name} is not a poses.npz of the card format: {error}") from None
    if not all(isinstance(value, int | float) and abs(value) < 2**31 for value in (width, height, fps)):
        raise BadInputError(f"{name} has frames of {width!s:.20} x {height!s:.20} pixels, {fps!s:.20} a second")
    if fps != FPS:
        raise BadInputError(f"{name} has {fps:g} frames/s, released poses have {FPS:g}")
    if not isinstance(blocks, Frames) or blocks.single or numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise BadInputError(f"{name} is not a poses.npz of the card format")
    numbers = numbers.astype(np.int64)
    if (np.diff(numbers) <= 0).any():
        raise BadInputError(f"{name} has frame_ids that do not increase")
    check_size(int(width), int(height), name)
    check_numbers(numbers, name)
    rows, impossible = PointRows(), [0]
    batches = batches_of(blocks, numbers, name)
    _, frames, slots = collect(batches, lambda block, room: _people(block, room, name, impossible), rows)
    return Poses(
        dialect="card",
        width=int(width),
        height=int(height),
        numbers=numbers,
        frames=frames,
        slots=slots,
        rows=rows,
        repairs=[f"impossible_points:{impossible[0]}"] if impossible[0] else [],
    )


def _people(block: Block, room: int, name: str, impossible: list[int]) -> npt.NDArray[np.float32]:
    """The people of a block's frames, float32 [count, P, 128, 3], at most so many; absent parts are nan.

    Args:
        impossible: its only element counts points that no picture has, which become absent.
    """
    found = {key: match for key in block.arrays if (match := _KEY.fullmatch(key))}
    count = max((int(match.group(1)) for match in found.values()), default=-1) + 1
    check_people(count, len({match.group(1) for match in found.values()}), block.count, room, name)
    stated = block.numbers.get("num_people")
    if stated is None or (stated != count).any():
        raise BadInputError(f"{name} has frames whose num_people is not the number of people in them")
    people = np.full((block.count, count, NUM_JOINTS, 3), np.nan, np.float32)
    for key, match in found.items():
        part, values = PART_BY_NAME[match.group(2)], block.arrays[key]
        if values.shape[1:] != (part.size, 3):
            raise BadInputError(f"{name}: {key} is {list(values.shape[1:])}, not [{part.size}, 3]")
        people[:, int(match.group(1)), part.slice] = _possible(values, f"{name}: {key}", impossible)
    return people


def _possible(values: npt.NDArray[Any], name: str, impossible: list[int]) -> npt.NDArray[Any]:
    """Points with (0, 0, 0) where a coordinate is beyond all pictures, or a coordinate or score is not finite."""
    x, y = (np.abs(values[..., i]) <= _FARTHEST for i in (0, 1))
    bad = ~(x & y & np.isfinite(values[..., 2]))
    if bad.any():
        impossible[0] += int(np.count_nonzero(bad))
        values = np.where(bad[..., None], np.zeros(3, values.dtype), values)
    if values.size and (values[..., 2].min() < 0 or values[..., 2].max() > MAX_SCORE):
        raise BadInputError(
            f"{name} has scores from {values[..., 2].min():g} to {values[..., 2].max():g}, they are 0 to {MAX_SCORE:g}"
        )
    return values


@dataclass(frozen=True)
class CardCaption:
    """What a caption.json holds: the language and title of a video, and a caption track.

    Attributes:
        left_out: how many cues have times that are none, such as "2 cues left out: ..."; "" where there is none.
    """

    sign_language: str | None
    title: str | None
    track: Track | None
    left_out: str = ""


def read_caption(data: bytes, name: str) -> CardCaption:
    """Reads a card's caption.json. A cue whose times no video can have is left out, and counted.

    Raises:
        BadInputError: it is not a caption.json of the card format.
    """
    try:
        # Python reads no whole number of 4,300 digits.
        document = json.loads(data, parse_int=lambda digits: int(digits) if len(digits) < _DIGITS else math.inf)
        source = document.get("english_source") or "none"
        segments = [
            (segment["start"], segment["end"], clean(segment["text"], entities=False))
            for segment in document.get("segments", ())
        ]
        language, title = document.get("sign_language"), document.get("title")
        texts = [value for value in (source, language, title) if value is not None]
        if not all(isinstance(value, str) for value in texts):
            raise TypeError("a text was expected")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(f"{name} is not a caption.json of the card format: {error}") from None
    in_time = [(start, end, text) for start, end, text in segments if _is_range(start, end)]
    kept = tuple(Cue(float(start), float(end), text) for start, end, text in in_time if text)
    left_out = len(segments) - len(in_time)
    translated = source.startswith("translated_from:")
    kind = "translated" if translated else "manual"
    spoken = "und" if source == "none" else "en"
    track = Track(f"{spoken}.{kind}", kind, spoken, kept, source.partition(":")[2]) if kept else None
    why = f"{counted(left_out, 'cue')} left out: no times from 0 to {_MAX_SECONDS:,} s, the end after the start"
    return CardCaption(language or None, title or None, track, why if left_out else "")


def _is_range(start: Any, end: Any) -> bool:
    """Whether two values are times in seconds that a video can have, the second after the first."""
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in (start, end)):
        return False
    return bool(0 <= start < end <= _MAX_SECONDS)
