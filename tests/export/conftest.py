"""Lakes to export from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import ingest
from ingest.build import build_rows
from ingest.captions import Cue, Track
from ingest.manifest import Entry
from ingest.shards import Options, import_shards
from lake.commit import Committer
from lake.lake import Lake
from lake.skeleton import NUM_JOINTS


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
    absent_frames: Sequence[int] = ()


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
                    Entry(video.video_id, video.language, video.language, title=video.title),
                    stage="import",
                    width=320,
                    height=240,
                    num_frames=video.num_frames,
                    frames=where[:, 0].copy(),
                    persons=where[:, 1].astype(np.int8),
                    points=np.stack([*(video.points[tuple(at)] for at in where.tolist()), somebody()])[:-1],
                    tracks=[Track("t", kind, language, tuple(Cue(*cue) for cue in video.cues), source)],
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


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake of the six synthetic signers that the package carries; only to be read."""
    lake = Lake.create(tmp_path_factory.mktemp("sample") / "lake")
    import_shards(lake, [Path(ingest.__file__).parent / "sample" / "synthetic.tar"], Options())
    lake.refresh()
    return lake


@pytest.fixture
def signverse(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line; gives its exit code and what it wrote to stdout and stderr."""
    from lake.entry import run
    from signverse import build_app

    def command(*words: object) -> tuple[int, str, str]:
        code = run(build_app(), [str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return command
