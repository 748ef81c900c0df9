"""Clips as WebDataset tars: KEY.keypoints.npy and KEY.json a clip, which `webdataset` reads as one sample."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from signverse.export.formats.clip_content import LANGUAGE_FOLDER, Chunk, Clip, read_clips
from signverse.export.formats.format import ClipFormat, File, FolderRules, Written, folder_in
from signverse.export.formats.index_rows import INDEX, ClipRow
from signverse.export.formats.read_tar import read_json, read_members, unreadable
from signverse.export.writers.tar_writer import atomic_tar
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

    `KEY.keypoints.npy` is float32 [T, 128, 3], or [T, P, 128, 3] of all people, see `Clip.read`. Beside it lies
    `KEY.body_visible.npy` where the lake has visibility in place of body scores, see `Clip.visible`.
    """
    index: list[ClipRow] = []
    name = f"{chunk.folder}/{chunk.name}" if chunk.folder else chunk.name
    with atomic_tar(folder_in(out, chunk.folder) / chunk.name) as tar:
        for clip in read_clips(lake, chunk.clips, all_people=all_people):
            key = key_of(clip.about["segment_id"])
            keypoints = f"{key}.keypoints.npy"
            tar.add(keypoints, _keypoints(clip, all_people))
            if clip.visible is not None:
                tar.add(f"{key}.body_visible.npy", npy(clip.visible if all_people else clip.visible[:, 0]))
            tar.add(f"{key}.json", as_json(clip.about))
            index.append(clip.row(name, tar.sha256(keypoints)))
    return Written(chunk.name, [File(name, tar.file.size, tar.file.sha256())], index)


def _keypoints(clip: Clip, all_people: bool) -> Callable[[IO[bytes]], None]:
    """A function that writes the points of a clip as an .npy file, some thousand frames at a time."""
    people = [clip.people] if all_people else []

    def write(out: IO[bytes]) -> None:
        shape = (clip.frames, *people, NUM_JOINTS, 3)
        np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for _, points in clip.pieces():
            out.write(np.ascontiguousarray(points if all_people else points[:, 0]).tobytes())

    return write


def npy(array: npt.NDArray[Any]) -> Callable[[IO[bytes]], None]:
    """A function that writes an array as an .npy file, without copying it."""

    def write(out: IO[bytes]) -> None:
        np.lib.format.write_array_header_1_0(out, np.lib.format.header_data_from_array_1_0(array))
        for first in range(0, len(array), _WRITTEN):
            out.write(np.ascontiguousarray(array[first : first + _WRITTEN]).tobytes())

    return write


def as_json(about: Mapping[str, Any]) -> bytes:
    """The metadata of a clip as JSON, without nan."""
    return json.dumps(about, ensure_ascii=False, allow_nan=False).encode()


def verify(path: Path, _: str, rows: Sequence[ClipRow]) -> Iterator[str]:
    """Yield what of a file differs from its rows of the index; see `ClipFormat.verify`."""
    digests: dict[str, str] = {}
    ids: dict[str, str] = {}
    try:
        for found in read_members(path):
            name, data = found.name, found.data
            key, _, ending = name.partition(".")
            if data is None:
                yield f"{path}: {name} is not a plain file"
            elif ending == "keypoints.npy":
                digests[key] = hashlib.file_digest(data, "sha256").hexdigest()  # type: ignore[arg-type]
            elif ending == "json":
                ids[key] = read_json(data)["segment_id"]
    except Exception as error:
        if not unreadable(error):
            raise
        yield f"{path} cannot be read: {' '.join(str(error).split())}"
        return
    for row in rows:
        key = key_of(row.segment_id)
        if key not in digests:
            yield f"{path} lacks {key}.keypoints.npy"
        elif digests[key] != row.sha256:
            yield f"{path}: {key}.keypoints.npy differs from {INDEX}"
        if key not in ids:
            yield f"{path} lacks {key}.json"
        elif ids[key] != row.segment_id:
            yield f"{path}: {key}.json is of another clip"
    for key in sorted(digests.keys() - {key_of(row.segment_id) for row in rows}):
        yield f"{path} holds {key}, which is not in {INDEX}"


_FILE: Final = r"signverse-\d{6}\.tar"

FORMAT: Final = ClipFormat(
    name="webdataset",
    folder=FolderRules(unit=_FILE, file=rf"(?:{LANGUAGE_FOLDER}/)?{_FILE}", row=ClipRow),
    chunk_name=NAME,
    frame_bytes=FRAME_BYTES,
    clip_bytes=CLIP_BYTES,
    write=write_tar,
    verify=verify,
)
