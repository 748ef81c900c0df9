"""The progress of `ingest videos`."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from signverse.ingest.cli.progress import ProgressBar
from signverse.ingest.manifest import Entry
from signverse.ingest.videos.plan import VideoTask


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time, which the test sets."""
    at = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: at.now)
    return at


def tasks(folder: Path, count: int) -> list[VideoTask]:
    """Videos of a kilobyte."""
    paths = [folder / f"v{i}.mp4" for i in range(count)]
    for path in paths:
        path.write_bytes(bytes(1000))
    return [VideoTask(path, Entry(path.stem), ()) for path in paths]


def test_no_time_left_is_shown_before_it_means_something(tmp_path: Path, clock: SimpleNamespace) -> None:
    first, *_ = videos = tasks(tmp_path, 4)
    bar = ProgressBar(videos, 0)
    shown = bar._progress.tasks[0].fields
    bar.frames(first, 0, 2400)
    # The models take ten seconds to load, and then give 24 frames a second.
    for second in range(10, 71):
        clock.now = second
        bar.frames(first, 24 * (second - 10) + 1, 2400)
        assert (shown["rate"] == "24.0 frames/s") == (second > 15)
        assert bool(shown["left"]) == (second >= 30)
    # 2,400 - 1,441 frames of this video, and as many as it has of each of the others.
    assert shown["left"] == "5:40 left"


def test_a_slow_machine_shows_its_rate_long_before_the_time_left(tmp_path: Path, clock: SimpleNamespace) -> None:
    (video,) = tasks(tmp_path, 1)
    bar = ProgressBar([video], 0)
    shown = bar._progress.tasks[0].fields
    for second in range(60):
        clock.now = second
        bar.frames(video, second + 1, 1000)
    assert (shown["rate"], shown["left"]) == ("1.0 frames/s", "")
