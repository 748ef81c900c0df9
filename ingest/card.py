"""The `card` dialect: poses.npz and caption.json of one video as arrays and a caption track."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.captions import Cue, Track, clean
from ingest.npz import MAX_BYTES, plain, read_npz
from lake.errors import BadInputError
from lake.keypoints import Points
from lake.skeleton import NUM_JOINTS, PARTS

MAX_FRAMES: Final = 24 * 3600 * 100
"""A hundred hours: a video that claims more is refused."""

MAX_PEOPLE: Final = 127

MAX_ROWS: Final = MAX_BYTES // (NUM_JOINTS * 3 * 4)
"""People in frames, of one video: a pickle can name the same array a million times, and here each is a copy."""

MAX_SCORE: Final = 2.0
"""A SimCC score can exceed 1 (real ones reach 1.13); beyond 2 it is none, and `verify` would say so of the lake."""


@dataclass(frozen=True)
class Poses:
    """The keypoints of a video.

    Attributes:
        num_frames: the last frame + 1.
        absent_frames: frames below num_frames that the source does not have.
        frames, persons, points: [N], [N] and [N, 128, 3], sorted by frame and person; nan where absent.
    """

    width: int
    height: int
    num_frames: int
    absent_frames: list[int]
    frames: npt.NDArray[np.int32]
    persons: npt.NDArray[np.int8]
    points: Points


def read_poses(data: bytes, name: str) -> Poses:
    """A card's poses.npz.

    Raises:
        BadInputError: it is not one; nothing in it is ever run.
    """
    arrays = read_npz(data, name)
    try:
        width, height = int(arrays["width"]), int(arrays["height"])
        ids = np.asarray(arrays["frame_ids"], np.int64)
        entries = arrays["frames"]
        fps = float(arrays["fps"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInputError(f"{name} is not a poses.npz of the card format: {error}") from None
    if not isinstance(entries, list) or ids.shape != (len(entries),):
        raise BadInputError(f"{name} has {ids.size} frame_ids for another number of frames")
    if fps != 24.0:
        raise BadInputError(f"{name} has {fps:g} frames/s, released poses have 24")
    if not (0 < width < 2**16 and 0 < height < 2**16):
        raise BadInputError(f"{name} has a frame of {width} x {height} pixels")
    if len(ids) and (ids[0] < 0 or ids[-1] >= MAX_FRAMES or (np.diff(ids) <= 0).any()):
        raise BadInputError(f"{name} has frame_ids that do not rise")
    rows: list[tuple[int, int]] = []
    people: list[Points] = []
    for frame, entry in zip(ids.tolist(), entries, strict=True):
        for person, points in _people(entry, f"{name} frame {frame}"):
            rows.append((frame, person))
            people.append(points)
        if len(rows) > MAX_ROWS:
            raise BadInputError(f"{name} has more than {MAX_ROWS:,} people in its frames")
    where = np.array(rows, np.int32).reshape(-1, 2)
    num_frames = int(ids[-1]) + 1 if len(ids) else 0
    return Poses(
        width=width,
        height=height,
        num_frames=num_frames,
        absent_frames=np.setdiff1d(np.arange(num_frames), ids).tolist(),
        frames=where[:, 0].copy(),
        persons=where[:, 1].astype(np.int8),
        points=np.stack(people) if people else np.empty((0, NUM_JOINTS, 3), np.float32),
    )


def _people(entry: Any, name: str) -> list[tuple[int, Points]]:
    if not isinstance(entry, dict):
        raise BadInputError(f"{name} is no dict")
    count = entry.get("num_people", 0)
    if type(count) is not int or not 0 <= count <= MAX_PEOPLE:
        raise BadInputError(f"{name} has {count!r:.20} people")
    found = []
    for person in range(count):
        parts = entry.get(f"person_{person}")
        if not isinstance(parts, dict):
            raise BadInputError(f"{name} lacks person_{person}")
        points = np.full((NUM_JOINTS, 3), np.nan, np.float32)
        for part in PARTS:
            if part.name not in parts:
                continue
            values = plain(parts[part.name])
            if not isinstance(values, np.ndarray) or values.shape != (part.size, 3):
                raise BadInputError(f"{name}: {part.name} of person_{person} is not [{part.size}, 3]")
            points[part.slice] = values
        points[np.isinf(points).any(axis=1)] = np.nan
        if (points[:, 2] < 0).any() or (points[:, 2] > MAX_SCORE).any():
            low, high = np.nanmin(points[:, 2]), np.nanmax(points[:, 2])
            raise BadInputError(f"{name}: scores of person_{person} run from {low:g} to {high:g}, they are 0 to 1")
        # The card writes (0, 0, 0) for an absent point; a person of nothing else only keeps the numbers of the others.
        absent = (points == 0).all(axis=1)
        points[absent, :2] = np.nan
        if np.isfinite(points[:, 0]).any():
            found.append((person, points))
    return found


@dataclass(frozen=True)
class Caption:
    """What caption.json tells of a video besides its track."""

    sign_language: str | None
    title: str | None
    track: Track | None


def read_caption(data: bytes, name: str) -> Caption:
    """A card's caption.json.

    Raises:
        BadInputError: it is not one.
    """
    try:
        document = json.loads(data)
        source = document.get("english_source") or "none"
        cues = tuple(
            Cue(float(segment["start"]), float(segment["end"]), clean(segment["text"]))
            for segment in document.get("segments", ())
        )
        language, title = document.get("sign_language"), document.get("title")
        texts = [value for value in (source, language, title) if value is not None]
        if not all(isinstance(value, str) for value in texts):
            raise TypeError("a text was expected")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(f"{name} is not a caption.json of the card format: {error}") from None
    kept = tuple(cue for cue in cues if cue.text and 0 <= cue.start_s < cue.end_s < float("inf"))
    translated = source.startswith("translated_from:")
    kind = "translated" if translated else "manual"
    spoken = "und" if source == "none" else "en"
    track = Track(f"{spoken}.{kind}", kind, spoken, kept, source.partition(":")[2]) if kept else None
    return Caption(language or None, title or None, track)
