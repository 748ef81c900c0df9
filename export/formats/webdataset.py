"""Clips as WebDataset tars: KEY.keypoints.npy and KEY.json a clip, which `webdataset` reads as one sample."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from signverse.export.release.clips import Chunk, read_clips
from signverse.export.release.folder import File, Written
from signverse.export.release.index import ClipRow
from signverse.export.writers.tar_writer import whole_tar
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import NUM_JOINTS

NAME: Final = "signverse-{:06d}.tar"
FRAME_BYTES: Final = NUM_JOINTS * 3 * 4
CLIP_BYTES: Final = 4_096
"""Headers and padding of two members, and the json."""


_WRITTEN: Final = 4096
"""Frames that are written at a time."""


def key_of(segment_id: str) -> str:
    """The name of a clip's members up to their ending: WebDataset ends it at the first dot, so it has none.

    `%` and `.` are written %25 and %2E, as in a URL: keys of two clips are never the same.
    """
    return segment_id.replace("%", "%25").replace(".", "%2E")


def write_tar(lake: Lake, out: Path, chunk: Chunk, *, all_people: bool) -> Written[ClipRow]:
    """Writes one tar.

    `KEY.keypoints.npy` is float32 [T, 128, 3], or [T, P, 128, 3] of all people, see `Clip.points`. Beside it lies
    `KEY.body_visible.npy` where the lake has visibility in place of body scores, see `Clip.visible`.
    """
    index: list[ClipRow] = []
    with whole_tar(out / chunk.name) as tar:
        for clip in read_clips(lake, chunk.clips, all_people=all_people):
            key = key_of(clip.about["segment_id"])
            keypoints = f"{key}.keypoints.npy"
            tar.add(keypoints, npy(clip.points if all_people else clip.points[:, 0]))
            if clip.visible is not None:
                tar.add(f"{key}.body_visible.npy", npy(clip.visible if all_people else clip.visible[:, 0]))
            tar.add(f"{key}.json", as_json(clip.about))
            index.append(clip.row(chunk.name, tar.sha256(keypoints)))
    return Written(chunk.name, [File(chunk.name, tar.file.size, tar.file.sha256())], index)


def npy(array: npt.NDArray[Any]) -> Callable[[IO[bytes]], None]:
    """What writes an array as an .npy file, without another copy of it."""

    def write(out: IO[bytes]) -> None:
        np.lib.format.write_array_header_1_0(out, np.lib.format.header_data_from_array_1_0(array))
        for first in range(0, len(array), _WRITTEN):
            out.write(np.ascontiguousarray(array[first : first + _WRITTEN]).tobytes())

    return write


def as_json(about: Mapping[str, Any]) -> bytes:
    """What is known of a clip, as JSON; there is no nan in it."""
    return json.dumps(about, ensure_ascii=False, allow_nan=False).encode()
