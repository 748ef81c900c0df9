"""Put the synthetic signers into a lake: `python -m signverse.ingest.sample.make_lake LAKE`; see `just sample`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.manifest import Entry
from signverse.ingest.sample.videos import SampleVideo, make_videos
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import Committer, VideoRows


def sample_rows(video: SampleVideo) -> VideoRows:
    """A synthetic video as rows, in the way an imported one comes."""
    present = [np.isfinite(points[:, :, 0]).any(axis=1) for points in video.people]
    where = np.array(
        sorted((frame, person) for person, seen in enumerate(present) for frame in np.flatnonzero(seen)), np.int32
    ).reshape(-1, 2)
    source = video.english_source
    kind = "translated" if source.startswith("translated_from:") else "manual"
    cues = tuple(Cue(start, end, text) for start, end, text in video.segments)
    return build_rows(
        Entry(video.video_id, video.sign_language, video.sign_language, title=video.title),
        stage="import",
        width=video.width,
        height=video.height,
        num_frames=video.num_frames,
        frames=where[:, 0].copy(),
        persons=where[:, 1].astype(np.int8),
        points=np.stack([video.people[person][frame] for frame, person in where]),
        tracks=[Track(f"en.{kind}", kind, "en", cues, source.partition(":")[2])],
        about={"source": "shard"},
    )


def main(folder: Path) -> None:
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for video in make_videos():
            committer.add(sample_rows(video))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
