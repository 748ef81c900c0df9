"""What is in a shard, for `signverse inspect`; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from signverse.ingest.captions.formats.reading import BadCaptionsError
from signverse.ingest.inspection.report import problem_row, video_row
from signverse.ingest.shards.caption_tracks import CaptionIndex, tracks_of
from signverse.ingest.shards.card import read_caption
from signverse.ingest.shards.dialects import dialect_of, read_poses
from signverse.ingest.shards.repairs import repair
from signverse.ingest.shards.tar_files import cut_video, read_member, videos_in
from signverse.ingest.shards.untrusted.quiet import quietly
from signverse.ingest.shards.untrusted.tar_reader import Member, Tar
from signverse.lake.model.errors import SignverseError


def inspect_shard(
    path: Path, skip: Collection[str] = (), on_video: Callable[[str], None] | None = None
) -> Iterator[dict[str, Any]]:
    """A row for each video of a tar: dialect, frames, people, defects and caption tracks; or why it cannot be read.

    Args:
        skip: ids of videos that are left out; of a tar that was read in part before.
        on_video: called with the id of each video before it is read.
    """
    try:
        yield from _videos(path, skip, on_video)
    except SignverseError as error:
        # Not a tar: a row of its own, so that the other files are shown all the same.
        yield problem_row(path, "", str(error))


def _videos(path: Path, skip: Collection[str], on_video: Callable[[str], None] | None) -> Iterator[dict[str, Any]]:
    with Tar(path) as tar:
        videos, refused = videos_in(tar)
        if cut := cut_video(tar, videos):
            refused.setdefault(cut, tar.damage)
        for video_id, members in videos.items():
            if video_id in skip:
                continue
            if on_video is not None:
                on_video(video_id)
            row = video_row(path, video_id, dialect_of(members))
            if video_id in refused:
                yield row | {"problem": refused[video_id]}
                continue
            try:
                with quietly():
                    inspected = _inspect_video(tar, video_id, members)
                yield row | inspected
            except SignverseError as error:
                yield row | {"problem": str(error)}
            # Malformed bytes may raise anything; the other videos of the tar are shown all the same.
            except Exception as error:
                yield row | {"problem": f"{type(error).__name__}: {error}"}
        for name, why in refused.items():
            if name not in videos:
                yield problem_row(path, name, why)
        if tar.damage and not cut:
            yield problem_row(path, "", tar.damage)


def _inspect_video(tar: Tar, video_id: str, members: Mapping[str, Member]) -> dict[str, Any]:
    poses = read_poses(tar, video_id, members)
    people = int(np.bincount(poses.frames).max(initial=0)) if len(poses.frames) else 0
    repair(poses)
    captions = []
    if caption := members.get("caption.json"):
        left_out = read_caption(read_member(tar, caption), caption.name).left_out
        captions.append(f"caption.json ({left_out})" if left_out else "caption.json")
    bad: list[BadCaptionsError] = []
    captions += [track.name for track in tracks_of(tar, video_id, members, CaptionIndex(), bad.append)]
    return {
        "dialect": poses.dialect,
        "width": poses.width,
        "height": poses.height,
        "frames": len(poses.numbers),
        "absent_frames": len(poses.absent_frames),
        "people": people,
        "defects": ", ".join(poses.repairs),
        "captions": ", ".join(captions),
        "complete": any(name.endswith(".complete") for name in members),
        "problem": "; ".join(error.message for error in bad),
    }
