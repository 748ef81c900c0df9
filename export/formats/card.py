"""The layout `card` of a shard: a video as poses.npz and caption.json, as the dataset card documents them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import IO, Any, Final

import numpy as np

from signverse.export.formats.format import ShardLayout
from signverse.export.formats.read_tar import read_json
from signverse.export.formats.video_content import Content, Outline, fill, scored
from signverse.export.writers.npz_writer import write_npz
from signverse.export.writers.pickle_writer import Layer
from signverse.export.writers.tar_writer import Member
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import PARTS
from signverse.lake.storage.keypoints import Points


def files(outline: Outline, parts: Iterable[Content]) -> dict[str, Member]:
    """The files of a video by their names inside its folder."""
    return {
        "poses.npz": partial(write_poses, outline=outline, parts=parts),
        "caption.json": caption_json(outline),
        f"{outline.video_id}.complete": b"",
    }


def released_points(content: Content) -> Points:
    """Points as the card has them: (0, 0, 0) where absent, scores in 0 to 1."""
    points = scored(content.points, content.visible)
    np.clip(points[..., 2], 0.0, 1.0, out=points[..., 2])
    # x and y are absent together.
    fill(points, np.isnan(points[..., 0]), (0.0, 0.0, 0.0))
    return points


def write_poses(out: IO[bytes], outline: Outline, parts: Iterable[Content]) -> None:
    """Writes a video's poses.npz.

    `frames` holds a dict a frame: num_people, frame_id, width, height and person_0 to person_{num_people - 1}, each
    with the four parts float32 [K, 3] of x, y (pixels) and score. Where the primary signer is absent and another person
    is not, person_0 is all zeros: the others keep their numbers.
    """
    count = len(outline.frame_ids)
    arrays = {
        "video_id": np.array(outline.video_id),
        "fps": np.array(FPS),
        "num_frames": np.array(count),
        "frame_ids": outline.frame_ids,
        "width": np.array(outline.video["width"]),
        "height": np.array(outline.video["height"]),
    }
    write_npz(out, arrays, "frames", count, (list(_layers(part)) for part in parts))


def _layers(content: Content) -> Iterator[Layer]:
    for places, people in content.people(released_points(content)):
        values: dict[str, Any] = {
            "num_people": people.shape[1],
            "frame_id": content.frame_ids[places],
            "width": content.video["width"],
            "height": content.video["height"],
        }
        for person in range(people.shape[1]):
            values[f"person_{person}"] = {part.name: people[:, person, part.slice] for part in PARTS}
        yield Layer(places, values)


def caption_json(content: Outline) -> bytes:
    """A video's caption.json. Segments without text (the whole of a video that has no captions) are left out."""
    video = content.video
    document = {
        "video_id": video["video_id"],
        "sign_language": video["sign_language"],
        "title": video["title"] or "",
        "duration_s": video["duration_s"],
        "segments": [
            {"start": row["start_s"], "end": row["end_s"], "text": row["text"]}
            for row in content.segments
            if row["text"] is not None
        ],
        "document_text": video["document_text"] or "",
        "english_source": video["english_source"],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def count_segments(file: IO[bytes]) -> int:
    """Count the segments of a caption.json. Raises what `read_json` does, KeyError or TypeError where it is damaged."""
    return len(read_json(file)["segments"])


LAYOUT: Final = ShardLayout(
    files=files,
    keypoints="poses.npz",
    others=("caption.json", "{video_id}.complete"),
    segments="caption.json",
    count_segments=count_segments,
)
