"""Lakes to export from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from signverse import ingest
from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.manifest import Entry
from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Options
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import NUM_JOINTS
from signverse.lake.storage.committer import Committer


@dataclass
class Video:
    """A video to put into a lake: points by (frame, person)."""

    video_id: str
    num_frames: int = 2
    points: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    cues: Sequence[tuple[float, float, str]] = ()
    track: tuple[str, str, str] = ("manual", "en", "")
    language: str = "ase"
    title: str | None = None
    channel: str | None = None
    absent_frames: Sequence[int] = ()
    visible: np.ndarray | None = None


def somebody(seed: int = 0, score: float | None = None) -> np.ndarray:
    """A person: [128, 3] on the grid that a lake keeps."""
    random = np.random.default_rng(seed)
    points = np.empty((NUM_JOINTS, 3), np.float32)
    points[:, :2] = random.integers(8, 2400, (NUM_JOINTS, 2)) / 8
    points[:, 2] = random.integers(1, 256, NUM_JOINTS) / 256 if score is None else score
    return points


def fill(folder: Path, videos: Sequence[Video]) -> Lake:
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for video in videos:
            where = np.array(sorted(video.points), np.int32).reshape(-1, 2)
            kind, language, source = video.track
            committer.add(
                build_rows(
                    Entry(video.video_id, video.language, video.language, title=video.title, channel=video.channel),
                    stage="import",
                    width=320,
                    height=240,
                    num_frames=video.num_frames,
                    frames=where[:, 0].copy(),
                    persons=where[:, 1].astype(np.int8),
                    points=np.stack([*(video.points[tuple(at)] for at in where.tolist()), somebody()])[:-1],
                    tracks=[Track("t", kind, language, tuple(Cue(*cue) for cue in video.cues), source)],
                    body_visible=video.visible,
                    about={"source": "shard", "absent_frames": list(video.absent_frames)},
                )
            )
    lake.refresh()
    return lake


@pytest.fixture
def make_lake(tmp_path: Path) -> Callable[..., Lake]:
    """Makes a lake of the videos given."""
    return lambda *videos, name="lake": fill(tmp_path / name, videos)


@pytest.fixture
def video() -> type[Video]:
    return Video


@pytest.fixture
def person() -> Callable[..., np.ndarray]:
    return somebody


@pytest.fixture
def crowd(make_lake: Callable[..., Lake]) -> Lake:
    """Videos with all that is awkward: dots in ids, two people, absent frames and points, unknown body scores."""
    both = {(i, p): somebody(i + 50 * p) for i in range(24) for p in range(2) if i not in {7, 8, 9} and (i < 20 or p)}
    for i in range(6):
        # Absent: a wrist. Never there: the right hand.
        both[i, 0][4] = (np.nan, np.nan, 0)
        both[i, 0][107:] = np.nan
    codes = {(i, 0): somebody(i) for i in range(12)}
    for points in codes.values():
        points[:18, 2] = np.nan
        points[17, :2] = np.nan
    cues = [(0.0, 0.25, "one"), (0.25, 0.5, "two, with \u624b\u8a9e"), (0.4, 0.75, "three"), (0.75, 1.0, "four")]
    return make_lake(
        Video("a.b.npy", 24, both, cues, absent_frames=[7, 8], title="A title"),
        Video("a%2Eb.npy", 3, {(0, 0): somebody(7)}),
        Video("codes", 12, codes, cues[:2], visible=np.arange(12 * 18).reshape(12, 18) % 3 > 0),
        Video("-nobody", 5, {}),
    )


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake of the six synthetic signers that the package carries; only to be read."""
    lake = Lake.create(tmp_path_factory.mktemp("sample") / "lake")
    import_shards(lake, [Path(ingest.__file__).parent / "sample" / "synthetic.tar"], Options())
    lake.refresh()
    return lake
