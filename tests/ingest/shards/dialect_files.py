"""Keypoints in the files of each dialect, and the rows that numpy itself reads from them."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signverse.ingest.shards.dialects import read_poses
from signverse.ingest.shards.poses import Poses
from signverse.ingest.shards.tar_files import videos_in
from signverse.ingest.shards.untrusted.tar_reader import Tar
from signverse.lake.model.skeleton import NUM_JOINTS, PARTS

Flat = dict[str, Any]


def person(seed: int) -> np.ndarray:
    """A person's 128 points, normalised, with real scores."""
    random = np.random.default_rng(seed)
    return np.c_[random.uniform(0.2, 0.8, (NUM_JOINTS, 2)), random.uniform(0.4, 1.1, NUM_JOINTS)].astype(np.float32)


def flat(people: Sequence[np.ndarray], width: int = 640, height: int = 480) -> Flat:
    """A frame with flat keys, as the published tars have it."""
    frame: Flat = {
        "num_persons": np.array(len(people), np.int32),
        "frame_width": np.array(width, np.int32),
        "frame_height": np.array(height, np.int32),
    }
    for i, points in enumerate(people):
        for part in PARTS:
            frame[f"person_{i:03d}_{part.name}_keypoints"] = points[part.slice, :2].copy()
            frame[f"person_{i:03d}_{part.name}_scores"] = points[part.slice, 2].copy()
    return frame


def objects(values: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def saved(save: Callable[..., None] = np.savez, **arrays: Any) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def consolidated(
    frames: Sequence[Flat], indices: Sequence[int] | None = None, save: Callable[..., None] = np.savez, **changes: Any
) -> bytes:
    count = len(frames)
    arrays = {
        "video_id": np.array("x"),
        "fps": np.array(24, np.int32),
        "total_frames": np.array(count, np.int32),
        "frame_widths": np.array([frame["frame_width"] for frame in frames], np.int32),
        "frame_heights": np.array([frame["frame_height"] for frame in frames], np.int32),
        "frame_indices": None if indices is None else np.array(indices, np.int32),
        "frame_payloads": objects(frames),
        **changes,
    }
    return saved(save, **{key: value for key, value in arrays.items() if value is not None})


def per_frame(frames: dict[int, Flat] | Sequence[Flat], save: Callable[..., None] = np.savez) -> dict[str, bytes]:
    numbered = frames if isinstance(frames, dict) else dict(enumerate(frames, 1))
    return {f"{number:08d}.npz": saved(save, **frame) for number, frame in numbered.items()}


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def video(video_id: str, data: bytes | dict[str, bytes], complete: bool = True) -> dict[str, bytes]:
    files = {"poses.npz": data} if isinstance(data, bytes) else data
    members = {f"{video_id}/npz/{name}": content for name, content in files.items()}
    return members | ({f"{video_id}/npz/.complete": b"{}"} if complete else {})


def poses_of(data: bytes | dict[str, bytes]) -> Poses:
    """The poses of a video, as claimed."""
    with tempfile.TemporaryDirectory() as folder, Tar(pack(Path(folder) / "a.tar", video("x", data))) as tar:
        videos, refused = videos_in(tar)
        assert not refused
        return read_poses(tar, "x", videos["x"])


def rows_of(poses: Poses) -> dict[tuple[int, int], np.ndarray]:
    return {(int(f), int(s)): p for f, s, p in zip(poses.frames, poses.slots, poses.rows.all(), strict=True)}


def by_numpy(numbered: dict[int, Flat], width: int, height: int) -> dict[tuple[int, int], np.ndarray]:
    """What the rows should be: frame and slot, and points in pixels."""
    found = {}
    for number, frame in numbered.items():
        for i in range(int(frame["num_persons"])):
            points = np.full((NUM_JOINTS, 3), np.nan, np.float32)
            for part in PARTS:
                points[part.slice, :2] = frame[f"person_{i:03d}_{part.name}_keypoints"]
                points[part.slice, 2] = frame[f"person_{i:03d}_{part.name}_scores"]
            points[:, 0] *= np.float32(width)
            points[:, 1] *= np.float32(height)
            found[number - 1, i] = points
    return found


def assert_same_rows(ours: dict[tuple[int, int], np.ndarray], theirs: dict[tuple[int, int], np.ndarray]) -> None:
    assert ours.keys() == theirs.keys()
    for key, points in theirs.items():
        np.testing.assert_array_equal(ours[key], points, err_msg=str(key))


# consolidated

COUNTS = [1, 0, 2, 3, 0, 1]


FRAMES = [flat([person(10 * i + k) for k in range(count)]) for i, count in enumerate(COUNTS)]
