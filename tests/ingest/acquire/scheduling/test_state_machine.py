"""The states of a video in a run: every event in every state has a defined result."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.scheduling import state_machine
from signverse.ingest.acquire.scheduling.context import VideoStates
from signverse.ingest.acquire.scheduling.state_machine import (
    TRANSITIONS,
    FirstStep,
    ImpossibleEventError,
    Known,
    VideoEvent,
    VideoState,
    first_step,
    initial_state,
    next_state,
)
from signverse.lake.outcomes.states import DOWNLOADED, IN_LAKE, STATES, UNAVAILABLE

FINAL = {VideoState.LEFT_OUT, VideoState.DONE, VideoState.UNAVAILABLE, VideoState.GIVEN_UP}

OUTCOMES = ("blocked", "failed", "unavailable")

knowns = st.builds(
    Known,
    st.sampled_from(STATES),
    st.sampled_from([None, "download", "extract"]),
    st.sampled_from([None, "bad_video", "timeout"]),
    st.booleans(),
    st.booleans(),
)


@given(st.sampled_from(VideoState), st.sampled_from(VideoEvent))
def test_every_event_in_every_state_has_a_defined_result(state: VideoState, event: VideoEvent) -> None:
    if event in TRANSITIONS[state]:
        assert next_state(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(ImpossibleEventError, match=f"{event.name} .* {state.name}"):
            next_state(state, event)


def test_the_table_in_the_docstring_is_the_table() -> None:
    rows = re.findall(r"^    ([A-Z_]*) +([A-Z_]+) +([A-Z_]+)\b", str(state_machine.__doc__), re.M)
    states = itertools.accumulate((row[0] for row in rows), lambda last, name: name or last)
    written = {
        (VideoState[state], VideoEvent[event]): VideoState[after]
        for state, (_, event, after) in zip(states, rows, strict=True)
    }
    assert written == {(state, event): after for state, row in TRANSITIONS.items() for event, after in row.items()}


def test_every_state_is_reached_and_every_event_happens_somewhere() -> None:
    assert set(TRANSITIONS) == set(VideoState)
    assert {event for row in TRANSITIONS.values() for event in row} == set(VideoEvent)
    starts = {VideoState.LEFT_OUT, VideoState.QUEUED, VideoState.DOWNLOADED, VideoState.DONE, VideoState.UNAVAILABLE}
    assert starts | {after for row in TRANSITIONS.values() for after in row.values()} == set(VideoState)


@pytest.mark.parametrize("state", VideoState)
def test_from_every_state_a_video_can_end(state: VideoState) -> None:
    reached, waiting = {state}, [state]
    while waiting:
        fresh = set(TRANSITIONS[waiting.pop()].values()) - reached
        reached |= fresh
        waiting += fresh
    assert reached & FINAL


@given(knowns, st.lists(st.sampled_from(VideoEvent), max_size=30))
def test_whatever_happens_a_video_is_extracted_only_after_it_was_downloaded(
    known: Known, events: list[VideoEvent]
) -> None:
    states = VideoStates()
    step = first_step(known, retry=(), extracts=True, keep_media=False)
    states.start({"a": initial_state(step, known)})
    downloaded = states["a"] is VideoState.DOWNLOADED
    for event in events:
        before = states["a"]
        try:
            states.apply("a", event)
        except ImpossibleEventError:
            assert states["a"] is before
            continue
        downloaded = downloaded or event in {VideoEvent.DOWNLOAD_DONE, VideoEvent.MEDIA_FOUND}
        if states["a"] in {VideoState.EXTRACTING, VideoState.EXTRACTED}:
            assert downloaded
        if event is VideoEvent.COMMITTED:
            assert before is VideoState.EXTRACTED


@given(knowns, st.sets(st.sampled_from(OUTCOMES)), st.booleans(), st.booleans(), st.booleans())
def test_every_video_has_a_first_step_and_a_state_to_start_in(
    known: Known, retry: set[str], extracts: bool, keep_media: bool, leased: bool
) -> None:
    step = first_step(known, retry=retry, extracts=extracts, keep_media=keep_media)
    state = initial_state(step, known, leased=leased)
    assert state not in {VideoState.DOWNLOADING, VideoState.EXTRACTING, VideoState.EXTRACTED, VideoState.GIVEN_UP}
    if known.corpus_state == IN_LAKE:
        assert state is VideoState.DONE
    if step in {FirstStep.REMOVE_MEDIA, FirstStep.EXTRACT}:
        assert extracts and known.has_media
    if step is FirstStep.DOWNLOAD_ANEW:
        # A file that the user has put there is never replaced.
        assert known.was_downloaded
    if known.corpus_state == UNAVAILABLE and UNAVAILABLE not in retry:
        assert state is VideoState.UNAVAILABLE
    if retry and state is VideoState.QUEUED:
        assert known.corpus_state in retry


@pytest.mark.parametrize(
    ("known", "step"),
    [
        (Known("not tried yet"), FirstStep.DOWNLOAD),
        (Known("blocked", "download", "rate_limit"), FirstStep.DOWNLOAD),
        (Known("unavailable", "download", "deleted"), FirstStep.NOTHING),
        (Known(IN_LAKE), FirstStep.NOTHING),
        (Known(IN_LAKE, has_media=True), FirstStep.REMOVE_MEDIA),
        (Known(DOWNLOADED, has_media=True), FirstStep.EXTRACT),
        (Known("failed", "extract", "bad_video", True, True), FirstStep.DOWNLOAD_ANEW),
        (Known("failed", "extract", "crashed", True, True), FirstStep.EXTRACT),
        (Known("failed", "extract", "bad_video", True, False), FirstStep.EXTRACT),
        (Known("failed", "extract", "bad_video"), FirstStep.DOWNLOAD),
    ],
)
def test_the_first_step_is_the_one_that_is_missing(known: Known, step: FirstStep) -> None:
    assert first_step(known, retry=(), extracts=True, keep_media=False) is step


def test_a_run_that_only_downloads_extracts_and_removes_nothing() -> None:
    for known in (Known(IN_LAKE, has_media=True), Known(DOWNLOADED, has_media=True)):
        assert first_step(known, retry=(), extracts=False, keep_media=False) is FirstStep.NOTHING
    assert first_step(Known(IN_LAKE, has_media=True), retry=(), extracts=True, keep_media=True) is FirstStep.NOTHING


def test_retry_takes_the_named_outcomes_and_nothing_else() -> None:
    steps = {
        state: first_step(Known(state), retry=("blocked", "unavailable"), extracts=True, keep_media=False)
        for state in STATES
    }
    assert [state for state, step in steps.items() if step is FirstStep.DOWNLOAD] == ["blocked", "unavailable"]
    assert [state for state, step in steps.items() if step is FirstStep.SKIP] == [
        "downloaded",
        "not tried yet",
        "failed",
    ]
