"""The `card` dialect: a video as poses.npz and caption.json, as the dataset card documents them."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lake.keypoints import Points, from_table, list_columns
from lake.lake import Lake
from lake.skeleton import BODY, FPS, PARTS

# Protocol 3 names its globals in plain text, so that the module's name can be changed, and has no frames to mend.
_PICKLE_PROTOCOL: Final = 3
_NUMPY_2: Final = b"cnumpy._core.multiarray\n"
_NUMPY_ANY: Final = b"cnumpy.core.multiarray\n"
"""numpy 2 pickles arrays under a name that numpy before 1.26 does not know; every numpy knows the old one."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an npz: the same lake gives the same bytes."""


def released_points(points: Points, visible: npt.NDArray[np.bool_] | None = None) -> Points:
    """Points as the card has them: (0, 0, 0) where absent, scores in 0 to 1.

    Args:
        points: float32 [N, 128, 3], nan where absent or unknown.
        visible: [N, 18] for an unknown body score: 1.0 or 0.0 by it. Without it a point that has a place counts 1.0.
    """
    placed = np.isfinite(points[..., :2]).all(axis=-1)
    scores = points[..., 2]
    told = np.ones_like(scores)
    if visible is not None:
        told[:, BODY.slice] = visible
    scores = np.clip(np.where(np.isnan(scores), told, scores), 0.0, 1.0)
    out = np.concatenate([points[..., :2], scores[..., None]], axis=-1).astype(np.float32)
    out[~placed] = 0.0
    return out


def poses_npz(lake: Lake, video: dict[str, Any]) -> bytes:
    """A video's poses.npz.

    `frames` holds a dict a frame: num_people, frame_id, width, height and person_0 to person_{num_people - 1}, each
    with the four parts float32 [K, 3] of x, y (pixels) and score. Where the primary signer is absent and somebody else
    is not, person_0 is all zeros: the others keep their numbers.

    Args:
        video: the row of `videos`.
    """
    table = lake.keypoint_rows(video["video_id"], [*list_columns(), "body_visible"])
    visible = None
    if table.column("body_visible").null_count < table.num_rows:
        rows = table.column("body_visible").to_pylist()
        visible = np.array([row if row is not None else [True] * BODY.size for row in rows], bool)
    points = released_points(from_table(table), visible)
    absent = set(video["absent_frames"] or ())
    frame_ids = [frame for frame in range(video["num_frames"]) if frame not in absent]
    frames = _frames(
        frame_ids,
        table.column("frame").to_numpy(),
        table.column("person").to_numpy(),
        points,
        video["width"],
        video["height"],
    )
    return _npz(
        {
            "video_id": np.array(video["video_id"]),
            "fps": np.array(FPS),
            "num_frames": np.array(len(frame_ids)),
            "frame_ids": np.array(frame_ids, np.int64),
            "width": np.array(video["width"]),
            "height": np.array(video["height"]),
            "frames": frames,
        }
    )


def _frames(
    frame_ids: Sequence[int],
    at: npt.NDArray[np.int32],
    persons: npt.NDArray[np.int8],
    points: Points,
    width: int,
    height: int,
) -> npt.NDArray[np.object_]:
    nobody = {part.name: np.zeros((part.size, 3), np.float32) for part in PARTS}
    frames = np.empty(len(frame_ids), object)
    starts, ends = np.searchsorted(at, frame_ids), np.searchsorted(at, frame_ids, side="right")
    for i, (frame, start, end) in enumerate(zip(frame_ids, starts.tolist(), ends.tolist(), strict=True)):
        people = {int(persons[row]): points[row] for row in range(start, end)}
        count = max(people, default=-1) + 1
        entry: dict[str, Any] = {"num_people": count, "frame_id": frame, "width": width, "height": height}
        for person in range(count):
            mine = people.get(person)
            entry[f"person_{person}"] = nobody if mine is None else {part.name: mine[part.slice] for part in PARTS}
        frames[i] = entry
    return frames


def _npz(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), _npy(array))
    return buffer.getvalue()


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    if array.dtype != object:
        np.lib.format.write_array(buffer, array, version=(1, 0))
        return buffer.getvalue()
    header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    # The name stands at its first use and is referred to after that: one replacement, near the start.
    buffer.write(pickle.dumps(array, _PICKLE_PROTOCOL).replace(_NUMPY_2, _NUMPY_ANY, 1))
    return buffer.getvalue()


def caption_json(video: dict[str, Any], segments: Sequence[dict[str, Any]]) -> bytes:
    """A video's caption.json. Segments without text (the whole of a video that has no captions) are left out."""
    document = {
        "video_id": video["video_id"],
        "sign_language": video["sign_language"],
        "title": video["title"] or "",
        "duration_s": video["duration_s"],
        "segments": [
            {"start": row["start_s"], "end": row["end_s"], "text": row["text"]}
            for row in segments
            if row["text"] is not None
        ],
        "document_text": video["document_text"] or "",
        "english_source": video["english_source"],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
