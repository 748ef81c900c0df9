"""Recognises the dialect of a video in a tar by its content, and reads its keypoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from signverse.ingest.shards import card, flat_keys, per_frame
from signverse.ingest.shards.poses import Poses, check_numbers
from signverse.ingest.shards.untrusted.npz_reader import Arrays, read_npz
from signverse.ingest.shards.untrusted.pickle_reader import Block
from signverse.ingest.shards.untrusted.tar_reader import Member, Tar
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS

_FRAME_FILE: Final = re.compile(r"npz/(\d{8})\.npz")
_POSES: Final = ("poses.npz", "npz/poses.npz")

MAX_POSES_BYTES: Final = 8 * 1024**3
MAX_FRAME_BYTES: Final = 4 * 1024**2

_FILES_AT_ONCE: Final = 2048


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
    arrays = read_npz(tar.read(poses.start, poses.size, name), name)
    if "frame_payloads" in arrays:
        return _consolidated(arrays, name)
    if "frames" in arrays:
        return card.from_arrays(arrays, name)
    raise BadInputError(f"{name} is of no known dialect: it holds {', '.join(arrays)[:100] or 'nothing'}")


def _consolidated(arrays: Arrays, name: str) -> Poses:
    blocks = arrays["frame_payloads"]
    if not isinstance(blocks, list):
        raise BadInputError(f"{name}: frame_payloads is not an array of dicts")
    fps: Any = arrays.get("fps", np.array(FPS))
    if fps.size != 1 or float(fps.reshape(-1)[0]) != FPS:
        raise BadInputError(f"{name} has {fps!s:.20} frames/s, released poses have {FPS:g}")
    count = sum(block.count for block in blocks)
    # Some tars have no indices: row i is frame i in them.
    given: Any = arrays.get("frame_indices")
    if given is None:
        return flat_keys.from_blocks("consolidated", blocks, np.arange(count, dtype=np.int64), name)
    if isinstance(given, list) or given.shape != (count,) or given.dtype.kind not in "iu":
        raise BadInputError(f"{name} has frame_indices that are not a whole number for each of {count} frames")
    return flat_keys.from_blocks("consolidated", blocks, given.astype(np.int64) - 1, name)


def _read_frames(tar: Tar, video_id: str, members: Mapping[str, Member]) -> Poses:
    """The `per-frame` dialect: a file's name is its frame's number, from 1."""
    files = sorted(
        (member.size, int(match.group(1)) - 1, member)
        for name, member in members.items()
        if (match := _FRAME_FILE.fullmatch(name))
    )
    name = video_id
    if not files:
        raise BadInputError(f"{name} has neither poses.npz nor npz/00000001.npz")
    blocks: list[Block] = []
    # Files of one size together: they are likely of one layout.
    for first in range(0, len(files), _FILES_AT_ONCE):
        batch = files[first : first + _FILES_AT_ONCE]
        for size in sorted({size for size, _, _ in batch}):
            if size > MAX_FRAME_BYTES:
                raise BadInputError(f"{name} has a frame of {size:,} bytes")
            same_size = [member for member_size, _, member in batch if member_size == size]
            blocks += per_frame.read_files(
                tar.read_many([member.start for member in same_size], size, name),
                [member.name for member in same_size],
            )
    numbers = np.array([number for _, number, _ in files], np.int64)
    check_numbers(numbers, name)
    poses = flat_keys.from_blocks("per-frame", blocks, numbers, name)
    # Sorted here, so that `repair` does not report the order by size as a defect.
    poses.numbers = np.sort(poses.numbers)
    poses.keep(np.lexsort((poses.slots, poses.frames)))
    return poses


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
    return "per-frame" if any(_FRAME_FILE.fullmatch(name) for name in members) else ""
