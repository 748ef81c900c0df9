"""Clips as .pose files, the format of the package pose-format: one file per clip."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from signverse.export.draw.colours import BODY_COLOURS, FINGER_COLOURS
from signverse.export.draw.pose_scene import COMPONENTS
from signverse.export.draw.skeleton import FACE_CONTOURS
from signverse.export.formats.clip_content import Chunk, Clip, read_clips
from signverse.export.formats.format import ClipFormat, File, FolderRules, Written, folder_in
from signverse.export.formats.index_rows import INDEX, SUMS, ClipRow
from signverse.export.formats.video_content import scored
from signverse.export.writers.tar_writer import HashingWriter
from signverse.lake.lake import Lake
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import (
    BODY,
    BODY_LIMBS,
    FACE,
    HAND_LIMBS,
    NUM_JOINTS,
    PARTS,
    Part,
)
from signverse.lake.storage.temporary.whole_file import whole_file

if TYPE_CHECKING:
    from pose_format.pose_header import PoseHeaderComponent

NAME: Final = "clips-{:06d}"
CLIPS_PER_CHUNK: Final = 200
FRAME_BYTES: Final = NUM_JOINTS * 3 * 4
CLIP_BYTES: Final = 6_144
"""The header, and the rest of a block of the disk."""

VERSION: Final = 0.2

_FACE_LIMBS: Final = tuple(limb for contour in FACE_CONTOURS for limb in pairwise(contour))

_FACE_COLOUR: Final = (128, 128, 128)
"""Seen on white, on which pose-format draws, and on black."""


def write_poses(lake: Lake, out: Path, chunk: Chunk, *, all_people: bool) -> Written[ClipRow]:
    """Writes the files of some clips: VIDEO_ID/SEGMENT_ID.pose."""
    files: list[File] = []
    index: list[ClipRow] = []
    for clip in read_clips(lake, chunk.clips, all_people=all_people):
        folder_in(out, clip.about["video_id"])
        name = f"{clip.about['video_id']}/{clip.about['segment_id']}.pose"
        with whole_file(out / name) as file:
            hashed = HashingWriter(file)
            for data in pose_file(clip):
                hashed.write(data)
        files.append(File(name, hashed.size, hashed.sha256()))
        index.append(clip.row(name, files[-1].sha256))
    return Written(chunk.name, files, index)


def pose_file(clip: Clip) -> Iterator[bytes]:
    """A clip as a .pose file, in pieces: x and y of all frames in pixels, then confidences, 0 for what is absent.

    The header is pose-format's, with four components. Its writer would hold a clip of hours in memory several times, so
    what follows the header is written here: frames/s, counts of frames and people, and the numbers
    (https://github.com/sign-language-processing/pose, version 0.2).
    Where the lake has no score of a body joint, confidence is 1 if it is visible and 0 if not, as in release shards.
    """
    # Imported in functions, for speed of start: the other formats do without pose-format.
    from pose_format.pose_header import PoseHeader, PoseHeaderDimensions

    header = io.BytesIO()
    size = PoseHeaderDimensions(clip.about["width"], clip.about["height"])
    PoseHeader(VERSION, size, components()).write(header)
    yield header.getvalue() + struct.pack("<fIH", FPS, clip.frames, clip.people)
    for axes in (slice(0, 2), slice(2, 3)):
        for frames, points in clip.pieces():
            known = scored(points, None if clip.visible is None else clip.visible[frames])
            known[np.isnan(known[..., 0])] = 0.0
            yield np.ascontiguousarray(known[..., axes], "<f4").tobytes()


@cache
def components() -> list[PoseHeaderComponent]:
    """The four parts of a person, with the names that pose-format gives OpenPose's joints, our limbs and colours."""
    from pose_format.pose_header import PoseHeaderComponent

    made = []
    for part in PARTS:
        limbs, colours = HAND_LIMBS, tuple(colour for colour in FINGER_COLOURS for _ in range(4))
        if part is BODY:
            limbs, colours = BODY_LIMBS, BODY_COLOURS[: len(BODY_LIMBS)]
        elif part is FACE:
            limbs, colours = _FACE_LIMBS, (_FACE_COLOUR,) * len(_FACE_LIMBS)
        made.append(PoseHeaderComponent(COMPONENTS[part], point_names(part), list(limbs), list(colours), "XYC"))
    return made


def point_names(part: Part) -> list[str]:
    """What pose-format calls the joints of a part, in the lake's order, which is OpenPose's."""
    from pose_format.utils.openpose import BODY_POINTS, FACE_POINTS, HAND_POINTS

    if part is BODY:
        # OpenPose's 25 joints are these, a middle of the hips and six of the feet.
        return [name for name in BODY_POINTS if name != "MidHip"][: BODY.size]
    # The face without its two pupils, which are the last.
    return list(FACE_POINTS[: FACE.size] if part is FACE else HAND_POINTS)


def verify(path: Path, sha256: str, rows: Sequence[ClipRow]) -> Iterator[str]:
    """Yield what of a file differs from its rows of the index; see `ClipFormat.verify`."""
    if [row.sha256 for row in rows] != [sha256]:
        yield f"{path} differs from {INDEX}" if rows else f"{path} is not in {INDEX}"


FORMAT: Final = ClipFormat(
    name="pose",
    folder=FolderRules(unit=r"clips-\d{6}", file=r"([^/]+)/\1-\d{5,}\.pose", row=ClipRow),
    chunk_name=NAME,
    frame_bytes=FRAME_BYTES,
    clip_bytes=CLIP_BYTES,
    write=write_poses,
    verify=verify,
    # Each video has a folder beside these files.
    reserved=frozenset({INDEX, SUMS}),
    revision=2,
)
