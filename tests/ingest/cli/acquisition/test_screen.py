"""The screen of a run: its lines fit a terminal."""

from __future__ import annotations

import time

import pytest

from signverse.ingest.acquire.download.outcomes import Outcome
from signverse.ingest.acquire.download.worker import Attempt
from signverse.ingest.cli.acquisition.screen import RunScreen


def test_the_summary_fits_80_columns_whatever_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = RunScreen(39_197, extracts=True)
    monkeypatch.setattr("time.monotonic", lambda now=screen._started_at: now + 1)
    for kind, count in (("unavailable", 10_000), ("blocked", 10_000), ("failed", 1_000)):
        screen._given_up[kind] = count
    screen._finished = screen._downloaded = screen._extracted = 39_197
    screen._size, screen._frames = 123_400_000, 1234
    lines = screen.summary()
    assert lines[0] == "39,197 of 39,197 videos, 10,000 unavailable, 10,000 blocked, 1,000 failed"
    assert lines[1] == "39,197 downloaded (123 MB, 123 MB/s), 39,197 extracted (1,234.0 frames/s)"
    assert all(len(line) <= 80 for line in lines)


def test_what_ends_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = RunScreen(3, extracts=False)
    screen.started(1)
    screen.download_ended("a", Attempt(Outcome("blocked", "rate_limit", "Wait")), True)
    screen.download_ended("a", Attempt(Outcome("done"), size=1000), False)
    screen.download_ended("b", Attempt(Outcome("unavailable", "deleted", "It is gone")), False)
    assert screen.summary()[0] == "3 of 3 videos, 1 unavailable"
    err = capsys.readouterr().err
    assert "a: blocked (rate_limit), tried again later: Wait" in err
    assert "b: unavailable (deleted): It is gone" in err


def test_the_time_left_is_shown_when_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    screen = RunScreen(104, extracts=False)
    # What was finished before the run says nothing about its rate.
    screen.started(finished=80)
    screen._finished += 4
    now = 30.0
    assert len(screen.summary()) == 2
    now = 120.0
    assert screen.summary()[2] == "about 10 min left"
    screen._finished = 104
    assert len(screen.summary()) == 2
