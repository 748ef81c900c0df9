"""The `card` dialect: a video as poses.npz and caption.json, as the dataset card documents them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from export.frames import Run, pickle_frames, runs_of
from lake.keypoints import Points, from_table, list_columns
from lake.lake import Lake
from lake.skeleton import BODY, FPS, NUM_JOINTS, PARTS

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an npz: the same lake gives the same bytes."""


def released_points(points: Points, visible: npt.NDArray[np.bool_] | None = None) -> Points:
    """Points as the card has them: (0, 0, 0) where absent, scores in 0 to 1.

    Args:
        points: float32 [N, 128, 3], nan where absent or unknown.
        visible: [N, 18] for an unknown body score: 1.0 or 0.0 by it. Without it a point that has a place counts 1.0.
    """
    out = np.array(points, np.float32)
    scores = out[..., 2]
    unknown = np.isnan(scores)
    if unknown.any():
        told = np.ones(scores.shape, np.float32)
        if visible is not None:
            told[:, BODY.slice] = visible
        scores[unknown] = told[unknown]
    np.clip(scores, 0.0, 1.0, out=scores)
    # x and y are absent together.
    out[np.isnan(out[..., 0])] = 0.0
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
    frame_ids = np.setdiff1d(np.arange(video["num_frames"]), np.array(video["absent_frames"] or [], np.int64))
    runs = _frames(
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
            "frame_ids": frame_ids,
            "width": np.array(video["width"]),
            "height": np.array(video["height"]),
        },
        runs,
    )


def _frames(
    frame_ids: npt.NDArray[np.int64],
    at: npt.NDArray[np.int32],
    persons: npt.NDArray[np.int8],
    points: Points,
    width: int,
    height: int,
) -> list[Run]:
    """The frames as dicts, in runs of one number of people."""
    place = np.searchsorted(frame_ids, at)
    counts = np.zeros(len(frame_ids), np.int64)
    np.maximum.at(counts, place, persons.astype(np.int64) + 1)
    runs = []
    for start, end in runs_of(counts):
        count = int(counts[start])
        first, last = np.searchsorted(place, [start, end])
        people = np.zeros((end - start, count, NUM_JOINTS, 3), np.float32)
        people[place[first:last] - start, persons[first:last]] = points[first:last]
        values: dict[str, Any] = {
            "num_people": count,
            "frame_id": frame_ids[start:end],
            "width": width,
            "height": height,
        }
        for person in range(count):
            values[f"person_{person}"] = {part.name: people[:, person, part.slice] for part in PARTS}
        runs.append(Run(end - start, values))
    return runs


def _npz(arrays: dict[str, npt.NDArray[Any]], runs: list[Run]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w") as file:
                np.lib.format.write_array(file, array, version=(1, 0))
        with archive.open(zipfile.ZipInfo("frames.npy", _EPOCH), "w", force_zip64=True) as file:
            header = {"descr": "|O", "fortran_order": False, "shape": (sum(run.count for run in runs),)}
            np.lib.format.write_array_header_1_0(file, header)
            for piece in pickle_frames(runs):
                file.write(piece)
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
