"""Recognises the dialect of a video in a tar by its content, and reads its keypoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from signverse.ingest.shards import card, flat_keys, per_frame
from signverse.ingest.shards.poses import Batch, Poses, batches_of, check_numbers
from signverse.ingest.shards.untrusted.npz_reader import Arrays, Frames, open_npz
from signverse.ingest.shards.untrusted.tar_reader import Member, Tar
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS

_FRAME_FILE: Final = re.compile(r"npz/(\d{8})\.npz")
_POSES: Final = ("poses.npz", "npz/poses.npz")

MAX_POSES_BYTES: Final = 8 * 1024**3
MAX_FRAME_BYTES: Final = 4 * 1024**2

_FILES_AT_ONCE: Final = 2048
_BYTES_AT_ONCE: Final = 24 * 1024**2
"""Of files that are read together: 2,048 of three people."""

_WANTED: Final = frozenset({"width", "height", "fps", "frame_ids", "frame_indices"})
"""The arrays of numbers that are used; the others are checked and not kept."""


def read_poses(tar: Tar, video_id: str, members: Mapping[str, Member]) -> Poses:
    """A video's keypoints in pixels, as published.

    Args:
        members: the video's files by their names inside its folder.

    Raises:
        BadInputError: there are none, or they cannot be read.
    """
    poses = next((members[name] for name in _POSES if name in members), None)
    if poses is None:
        return _read_frames(tar, video_id, members)
    name = poses.name
    if poses.size > MAX_POSES_BYTES:
        raise BadInputError(f"{name} has {poses.size:,} bytes, at most {MAX_POSES_BYTES:,} are read")
    arrays = open_npz(tar.open(poses), name, _WANTED)
    if "frame_payloads" in arrays:
        return _consolidated(arrays, name)
    if "frames" in arrays:
        return card.from_arrays(arrays, name)
    raise BadInputError(f"{name} is of no known dialect: it holds {', '.join(arrays)[:100] or 'nothing'}")


def _consolidated(arrays: Arrays, name: str) -> Poses:
    blocks = arrays["frame_payloads"]
    if not isinstance(blocks, Frames) or blocks.single:
        raise BadInputError(f"{name}: frame_payloads is not an array of dicts")
    fps: Any = arrays.get("fps", np.array(FPS))
    if not isinstance(fps, np.ndarray) or fps.size != 1 or float(fps.reshape(-1)[0]) != FPS:
        raise BadInputError(f"{name} has {fps!s:.20} frames/s, released poses have {FPS:g}")
    # Some tars have no indices: row i is frame i in them.
    given: Any = arrays.get("frame_indices")
    if given is None:
        return flat_keys.from_batches("consolidated", batches_of(blocks, None, name), 0, name)
    if not isinstance(given, np.ndarray) or given.ndim != 1 or given.dtype.kind not in "iu":
        raise BadInputError(f"{name} has frame_indices that are not a whole number for each frame")
    numbers = given.astype(np.int64) - 1
    check_numbers(numbers, name)
    lowest = int(numbers.min()) if len(numbers) else 0
    return flat_keys.from_batches("consolidated", batches_of(blocks, numbers, name), lowest, name)


def _read_frames(tar: Tar, video_id: str, members: Mapping[str, Member]) -> Poses:
    """The dialects of a file a frame, whose name is the frame's number, from 1."""
    files = sorted(
        (int(match.group(1)) - 1, member.size, member)
        for name, member in members.items()
        if (match := _FRAME_FILE.fullmatch(name))
    )
    name = video_id
    if not files:
        raise BadInputError(f"{name} has neither poses.npz nor npz/00000001.npz")
    largest = max(size for _, size, _ in files)
    if largest > MAX_FRAME_BYTES:
        raise BadInputError(f"{name} has a frame of {largest:,} bytes")
    numbers = np.array([number for number, _, _ in files], np.int64)
    check_numbers(numbers, name)
    seen = per_frame.Seen()
    poses = flat_keys.from_batches("per-frame", _batches(tar, files, name, seen), int(numbers[0]), name)
    if seen.dicts:
        poses.dialect = per_frame.DICTS
    if seen.without_size:
        if not seen.dicts or seen.without_size < len(files):
            raise BadInputError(f"{name} has frames without frame_width")
        poses.repairs.append("frame_size_unknown")
    return poses


def _batches(tar: Tar, files: Sequence[tuple[int, int, Member]], name: str, seen: per_frame.Seen) -> Iterator[Batch]:
    """Files that follow each other, some thousand or some megabytes at a time."""
    for batch in _together(files):
        by_size: dict[int, list[tuple[int, Member]]] = {}
        for number, size, member in batch:
            by_size.setdefault(size, []).append((number, member))
        # Files of one size are likely of one layout.
        blocks = [
            block
            for size, same in by_size.items()
            for block in per_frame.read_files(
                tar.read_many([member.start for _, member in same], size, name),
                [member.name for _, member in same],
                seen,
            )
        ]
        yield Batch(
            blocks, np.array([number for same in by_size.values() for number, _ in same], np.int64), unsorted=True
        )


def _together(files: Sequence[tuple[int, int, Member]]) -> Iterator[list[tuple[int, int, Member]]]:
    batch: list[tuple[int, int, Member]] = []
    total = 0
    for file in files:
        if batch and (len(batch) >= _FILES_AT_ONCE or total + file[1] > _BYTES_AT_ONCE):
            yield batch
            batch, total = [], 0
        batch.append(file)
        total += file[1]
    yield batch


def video_folder(path: str) -> str:
    """The folder of a video, for the path of a file that holds its keypoints; "" for any other file."""
    folder, _, name = path.rpartition("/")
    if name == "poses.npz":
        return folder.removesuffix("/npz")
    return folder.removesuffix("/npz") if _FRAME_FILE.fullmatch(f"{folder.rpartition('/')[2]}/{name}") else ""


def dialect_of(members: Mapping[str, Member]) -> str:
    """The dialect by file names alone, without reading anything; "" where it is not a video."""
    if "poses.npz" in members:
        return "card"
    if "npz/poses.npz" in members:
        return "consolidated"
    # What is in its files says whether it is the form with dicts.
    return "per-frame" if any(_FRAME_FILE.fullmatch(name) for name in members) else ""
