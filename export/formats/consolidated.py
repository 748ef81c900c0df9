"""The layout `consolidated` of a shard: flat keys, normalised coordinates, frames counted from 1, captions as WebVTT.

It is what the published training code reads. Its defects are not repeated: body scores are scores, unless index codes
are asked for, which the published visualiser takes for the numbers of joints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from signverse.export.formats.format import ShardLayout
from signverse.export.formats.video_content import Content, Outline, fill, scored
from signverse.export.writers.npz_writer import write_npz
from signverse.export.writers.pickle_writer import Layer
from signverse.export.writers.tar_writer import Member
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.ids import VTT
from signverse.lake.model.skeleton import BODY, PARTS
from signverse.lake.model.thresholds import SEEN
from signverse.lake.storage.keypoints import Points


def files(outline: Outline, parts: Iterable[Content], *, codes: bool = False) -> dict[str, Member]:
    """The files of a video by their names inside its folder.

    Args:
        codes: see `write_poses`.
    """
    frames = len(outline.frame_ids)
    return {
        "npz/poses.npz": partial(write_poses, outline=outline, parts=parts, codes=codes),
        "npz/.complete": f"video_id={outline.video_id}\nfps={FPS:g}\nframes={frames}\n".encode(),
        **{f"captions/{name}": data for name, data in captions(outline).items()},
    }


def released_points(content: Content) -> Points:
    """Points as the layout has them: shares of the frame; (-1, -1, 0) where absent."""
    points = scored(content.points, content.visible)
    points[..., 0] /= np.float32(content.video["width"])
    points[..., 1] /= np.float32(content.video["height"])
    fill(points, np.isnan(points[..., 0]), (-1.0, -1.0, 0.0))
    return points


def index_codes(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What the released tars hold for body scores [frames, people, 18]: 18 * person + joint where seen, else -1."""
    codes = np.arange(scores.shape[1] * BODY.size, dtype=np.float32).reshape(scores.shape[1:])
    return np.where(scores > SEEN, codes, np.float32(-1))


def write_poses(out: IO[bytes], outline: Outline, parts: Iterable[Content], *, codes: bool = False) -> None:
    """Writes a video's poses.npz.

    It holds per frame num_persons, frame_width, frame_height and person_000_body_keypoints and so on.

    Args:
        codes: index codes in place of body scores. All else is the same: a joint that is not seen keeps its place.
    """
    count = len(outline.frame_ids)
    arrays = {
        "video_id": np.array(outline.video_id),
        "fps": np.array(int(FPS), np.int32),
        "total_frames": np.array(count, np.int32),
        "frame_widths": _scalars(outline.video["width"], count),
        "frame_heights": _scalars(outline.video["height"], count),
        "frame_indices": (outline.frame_ids + 1).astype(np.int32),
    }
    write_npz(out, arrays, "frame_payloads", count, (list(_layers(part, codes)) for part in parts))


def _layers(content: Content, codes: bool) -> Iterator[Layer]:
    width, height = content.video["width"], content.video["height"]
    for places, people in content.people(released_points(content)):
        if people.shape[1] > 1:
            # A person who is absent beside one who is present is all zeros in `people`; here absent is -1.
            people[~people.any(axis=(2, 3))] = (-1.0, -1.0, 0.0)
        # Apart, each row of a part is one piece of memory: copied so, not number by number.
        xy, scores = np.empty((*people.shape[:3], 2), np.float32), people[..., 2].copy()
        xy[..., 0], xy[..., 1] = people[..., 0], people[..., 1]
        if codes:
            scores[..., BODY.slice] = index_codes(scores[..., BODY.slice])
        values: dict[str, Any] = {
            "num_persons": _scalars(people.shape[1], len(people)),
            "frame_width": _scalars(width, len(people)),
            "frame_height": _scalars(height, len(people)),
        }
        for person in range(people.shape[1]):
            for part in PARTS:
                values[f"person_{person:03d}_{part.name}_keypoints"] = xy[:, person, part.slice]
                values[f"person_{person:03d}_{part.name}_scores"] = scores[:, person, part.slice]
        yield Layer(places, values)


def _scalars(value: int, count: int) -> npt.NDArray[np.int32]:
    return np.full(count, value, np.int32)


def captions(content: Outline) -> dict[str, bytes]:
    """A video's caption tracks as WebVTT, by file name: {id}.{language}.vtt, the kind added where it is not manual.

    A second track of a language and kind is {id}.{language}.x-02.vtt: a name that sorts after the first, so that
    readers meet them in this order; its note and header have the language and kind that its name lacks.
    """
    found: dict[str, bytes] = {}
    for _, rows in groupby(content.captions, key=lambda row: row["track"]):
        cues = list(rows)
        first = cues[0]
        kind = "" if first["kind"] == "manual" else f"-{first['kind']}"
        stem = f"{content.video_id}.{first['language']}{kind}"
        name, number = f"{stem}{VTT}", 1
        while name in found:
            number += 1
            name = f"{stem}.x-{number:02d}{VTT}"
        source = content.video["english_source"].partition(":")[2] if first["kind"] == "translated" else ""
        # Of captions that repeat words a reader would make one, unless it knows that they were read before.
        with_note = number > 1 or len({cue["text"] for cue in cues}) < len(cues)
        found[name] = write_vtt(cues, first["kind"], first["language"], source, with_note=with_note)
    return found


def write_vtt(
    cues: Sequence[dict[str, Any]], kind: str, language: str, source: str, *, with_note: bool = False
) -> bytes:
    """A caption track as WebVTT; a note keeps what the format has no word for.

    Args:
        with_note: also on a manual track.
    """
    note = f"\nNOTE track kind={kind}{f' source={source}' if source else ''}\n" if with_note or kind != "manual" else ""
    lines = [f"WEBVTT\nKind: captions\nLanguage: {language}\n{note}"]
    for cue in cues:
        text = cue["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        lines.append(f"{_stamp(cue['start_s'])} --> {_stamp(cue['end_s'])}\n{text}\n")
    return "\n".join(lines).encode()


def _stamp(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


LAYOUT: Final = ShardLayout(
    files=files,
    coded_files=partial(files, codes=True),
    keypoints="npz/poses.npz",
    others=("npz/.complete",),
    has_cues=True,
)
