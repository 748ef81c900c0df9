"""A run from Python: prepared and carried out by functions, on an engine of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from signverse.ingest.acquire.download.settings import Settings
from signverse.ingest.acquire.options import Acquisition
from signverse.ingest.acquire.run import acquire, prepare_run
from signverse.ingest.cli.acquisition.screen import RunScreen
from signverse.ingest.manifest import read_manifest
from signverse.ingest.videos.options import ExtractionOptions
from signverse.lake.jobs.executor import Executor
from signverse.lake.jobs.pool import LOCAL
from tests.ingest.acquire.conftest import Place, clip

OPTIONS = Acquisition(
    settings=Settings(sleep=(0, 0), proxy=""),
    languages=frozenset(),
    limit=None,
    parallel=1,
    attempts=1,
    first_pause_s=0.01,
    keep_going=False,
    keep_free=0,
    slice=(1, 1),
    retry=(),
)


class CountingEngine:
    """The local engine; it counts the executors that it makes."""

    def __init__(self) -> None:
        self.count = 0

    def executor(self, *words: Any, **more: Any) -> Executor:
        self.count += 1
        return LOCAL.executor(*words, **more)


def test_a_program_downloads_and_extracts_on_its_own_engine(place: Place, models: Path) -> None:
    place.site.add(clip("one"))
    extraction = ExtractionOptions(models=models, device="cpu", workers=1)
    prepared = prepare_run(read_manifest(place.manifest("one")), place.media, place.lake, OPTIONS, extraction)
    assert list(prepared.worklist.entries) == ["one"]
    states = []

    @contextmanager
    def display() -> Iterator[None]:
        states.append("shown")
        yield
        states.append("hidden")

    engine = CountingEngine()
    listener = RunScreen(1, extracts=True)
    summary = acquire(prepared, listener, backlog=10**9, display=display(), engine=engine)
    assert (summary.downloaded, summary.extracted, summary.ended) == (1, 1, {})
    assert (engine.count, states) == (2, ["shown", "hidden"])
    prepared.lake.refresh()
    assert prepared.lake.snapshot.visible()["video_id"].to_list() == ["one"]
