"""Lakes to `consolidated` shards and back, for tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from signverse.export.formats import consolidated
from signverse.export.formats.video_content import Content, Outline, outline_of, parts_of
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards
from signverse.ingest.captions.tracks import Track
from signverse.ingest.manifest import Entry
from signverse.ingest.shards.reader import Options, read_shard
from signverse.ingest.shards.tar_files import ShardTask
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import LEFT_HAND, NUM_JOINTS, RIGHT_HAND, joint_index
from signverse.lake.storage.committer import Committer

HALF_PIXEL_STEP, HALF_SCORE_STEP = 1 / 16, 1 / 512


def load(data: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(data), allow_pickle=True) as npz:
        return {key: npz[key] for key in npz.files}


def written(outline: Outline, parts: Iterable[Content]) -> dict[str, Any]:
    file = io.BytesIO()
    consolidated.write_poses(file, outline, parts)
    return load(file.getvalue())


def poses_of(lake: Lake, video_id: str) -> dict[str, Any]:
    outline = outline_of(lake.video(video_id), [])
    return written(outline, parts_of(outline, lake.people(outline.video_id)))


def files_of(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


def export(lake: Lake, out: Path, spec: Spec = Spec("consolidated")) -> dict[str, bytes]:  # noqa: B008
    """Writes all videos into one tar; gives its files."""
    out.mkdir()
    (shard,) = plan_shards(chosen_videos(lake, None)[0])
    export_shards(lake, [shard], out, spec)
    return files_of(out / shard.name)


def bring_in(tar: Path, folder: Path, entries: dict[str, Entry] | None = None) -> Lake:
    """A lake of a tar, in this process."""
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for item in read_shard(ShardTask(tar), Options(entries=entries or {})):
            assert not hasattr(item, "why"), item
            if hasattr(item, "keypoints"):
                committer.add(item)
    lake.refresh()
    return lake


LETTERS = st.text(
    st.one_of(
        st.sampled_from("<>&;-\"' =:/aeb9#"),
        st.characters(exclude_categories=["Cs", "Cc", "Cf"], exclude_characters="\ufffc"),
    ),
    max_size=30,
)  # fmt: skip


FIXED = ["<b>bold</b>", "a --> b", "&amp;", "&lt;i&gt;", "<00:00:01.000>word", "WEBVTT", "NOTE this", "1",
         "مرحبا بالعالم", "שלום <עולם> & עוד", "手語", "00:00:01.000 --> 00:00:02.000", "STYLE"]  # fmt: skip


def signer(frames: int, seed: int, *, left: float = 0.0, size: float = 100.0, score: float = 0.9) -> np.ndarray:
    """Somebody who moves a little, hands at the wrists: [frames, 128, 3], not on the grid of a lake."""
    random = np.random.default_rng(seed)
    shape = random.uniform(0, size, (NUM_JOINTS, 2))
    for wrist, hand in (("left_wrist", LEFT_HAND), ("right_wrist", RIGHT_HAND)):
        shape[hand.slice] = shape[joint_index(wrist)] + random.uniform(0, size / 20, (hand.size, 2))
        shape[hand.start] = shape[joint_index(wrist)]
    points = np.empty((frames, NUM_JOINTS, 3), np.float32)
    points[..., :2] = shape + random.normal(0, 0.4, (frames, 1, 2)) + (left, 60)
    points[..., 2] = random.uniform(score - 0.3, score + 0.2, (frames, NUM_JOINTS))
    return points


def built(
    video_id: str, num_frames: int, people: dict[tuple[int, int], np.ndarray], tracks: Sequence[Track], **more: Any
):
    where = np.array(sorted(people), np.int32).reshape(-1, 2)
    about = {"source": "shard", "absent_frames": more.pop("absent", [])}
    return build_rows(
        more.pop("entry", Entry(video_id, "ase", "ase")),
        stage="import",
        width=640,
        height=480,
        num_frames=num_frames,
        frames=where[:, 0].copy(),
        persons=where[:, 1].astype(np.int8),
        points=np.stack([people[tuple(at)] for at in where.tolist()]),
        tracks=tracks,
        about=about,
        **more,
    )
