"""What a worker makes of an extraction."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from signverse.ingest.manifest import Entry
from signverse.ingest.videos.plan import VideoTask
from signverse.ingest.videos.redo import videos_to_keep
from signverse.ingest.videos.workers import extract_video
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import Committer
from tests.ingest.captions.videos_with_captions import write_video


def test_changes_are_in_repairs_and_what_happened_in_events(tmp_path: Path) -> None:
    found = SimpleNamespace(
        facts=SimpleNamespace(width=64, height=48, codec="h264", source_fps=24.0, rotation=0),
        num_frames=24,
        frames=np.empty(0, np.int32),
        person=np.empty(0, np.int8),
        chunks=lambda: iter([np.empty((0, 128, 3), np.float32)]),
        damaged_frames=0,
        joins=(),
        repairs=["320x240 scaled to 64x48 from 0.5 s"],
        events=["cuts:2", "crossings:1"],
        detector="d",
        detector_sha256="",
        pose_model="p",
        pose_sha256="",
        provider="CPU",
        detect_every=6,
    )
    path = write_video(tmp_path / "a.mp4", {})
    extractor = SimpleNamespace(extract=lambda *_, **__: found)
    with Committer(Lake.create(tmp_path / "lake").folder) as committer:
        committer.add(extract_video(extractor, VideoTask(path, Entry("a"), ()), lambda _: None))
    lake = Lake.open(tmp_path / "lake")
    video = lake.video("a")
    assert video["repairs"] == ["320x240 scaled to 64x48 from 0.5 s"]
    assert video["events"] == ["cuts:2", "crossings:1"]
    assert videos_to_keep(lake, "list_contains(events, 'cuts:2')") == set()
    assert videos_to_keep(lake, "len(repairs) > 1") == {"a"}
