"""The states of a video during a run, as pure functions: what to do with it first, and what each event makes of it.

A video starts in the state that `initial_state` gives. Every event moves it by this table; an event that a state has no
entry for is a bug of the scheduler, and raises.

    state        event                  next state
    -----------  ---------------------  -----------
    LEFT_OUT     MEDIA_FOUND            DOWNLOADED
    QUEUED       LEASE_DENIED           QUEUED        another run has it: checked again later
                 POSTPONED              QUEUED        another run tried it a moment ago: its pause holds for all
                 SETTLED_ELSEWHERE      DONE
                 MEDIA_FOUND            DOWNLOADED
                 DOWNLOAD_STARTED       DOWNLOADING
    DOWNLOADING  DOWNLOAD_DONE          DOWNLOADED
                 DOWNLOAD_UNAVAILABLE   UNAVAILABLE
                 DOWNLOAD_RETRY         QUEUED        blocked or failed, with attempts left
                 DOWNLOAD_GIVEN_UP      GIVEN_UP      blocked or failed, without
    DOWNLOADED   EXTRACTION_STARTED     EXTRACTING    never, where this run does not extract
    EXTRACTING   EXTRACTION_DONE        EXTRACTED
                 EXTRACTION_FAILED      GIVEN_UP
    EXTRACTED    COMMITTED              DONE
    DONE         MEDIA_FOUND            DOWNLOADED    a run that only downloads has left it in the media folder
    UNAVAILABLE  MEDIA_FOUND            DOWNLOADED
    GIVEN_UP     MEDIA_FOUND            DOWNLOADED

DONE, UNAVAILABLE, GIVEN_UP and LEFT_OUT are where a video ends; so is DOWNLOADED in a run that does not extract.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from signverse.ingest.videos.workers import STAGE as EXTRACTION
from signverse.lake.outcomes.states import DOWNLOADED, FAILED, IN_LAKE, UNAVAILABLE


class VideoState(Enum):
    """Where a video is in a run."""

    LEFT_OUT = auto()
    """--retry names other outcomes, or another run has its media."""
    QUEUED = auto()
    """To be downloaded: at once, or after a pause."""
    DOWNLOADING = auto()
    """With a download worker."""
    DOWNLOADED = auto()
    """In the media folder, to be extracted."""
    EXTRACTING = auto()
    """With an extraction worker."""
    EXTRACTED = auto()
    """Its rows are written and not committed yet."""
    DONE = auto()
    """In the lake, or finished by another run."""
    UNAVAILABLE = auto()
    """Deleted, private or withheld."""
    GIVEN_UP = auto()
    """Blocked or failed; the next run tries it again."""


class VideoEvent(Enum):
    """What happens to a video; see the table above."""

    LEASE_DENIED = auto()
    POSTPONED = auto()
    SETTLED_ELSEWHERE = auto()
    MEDIA_FOUND = auto()
    DOWNLOAD_STARTED = auto()
    DOWNLOAD_DONE = auto()
    DOWNLOAD_UNAVAILABLE = auto()
    DOWNLOAD_RETRY = auto()
    DOWNLOAD_GIVEN_UP = auto()
    EXTRACTION_STARTED = auto()
    EXTRACTION_DONE = auto()
    EXTRACTION_FAILED = auto()
    COMMITTED = auto()


TRANSITIONS: Final[Mapping[VideoState, Mapping[VideoEvent, VideoState]]] = {
    VideoState.LEFT_OUT: {VideoEvent.MEDIA_FOUND: VideoState.DOWNLOADED},
    VideoState.QUEUED: {
        VideoEvent.LEASE_DENIED: VideoState.QUEUED,
        VideoEvent.POSTPONED: VideoState.QUEUED,
        VideoEvent.SETTLED_ELSEWHERE: VideoState.DONE,
        VideoEvent.MEDIA_FOUND: VideoState.DOWNLOADED,
        VideoEvent.DOWNLOAD_STARTED: VideoState.DOWNLOADING,
    },
    VideoState.DOWNLOADING: {
        VideoEvent.DOWNLOAD_DONE: VideoState.DOWNLOADED,
        VideoEvent.DOWNLOAD_UNAVAILABLE: VideoState.UNAVAILABLE,
        VideoEvent.DOWNLOAD_RETRY: VideoState.QUEUED,
        VideoEvent.DOWNLOAD_GIVEN_UP: VideoState.GIVEN_UP,
    },
    VideoState.DOWNLOADED: {VideoEvent.EXTRACTION_STARTED: VideoState.EXTRACTING},
    VideoState.EXTRACTING: {
        VideoEvent.EXTRACTION_DONE: VideoState.EXTRACTED,
        VideoEvent.EXTRACTION_FAILED: VideoState.GIVEN_UP,
    },
    VideoState.EXTRACTED: {VideoEvent.COMMITTED: VideoState.DONE},
    VideoState.DONE: {VideoEvent.MEDIA_FOUND: VideoState.DOWNLOADED},
    VideoState.UNAVAILABLE: {VideoEvent.MEDIA_FOUND: VideoState.DOWNLOADED},
    VideoState.GIVEN_UP: {VideoEvent.MEDIA_FOUND: VideoState.DOWNLOADED},
}


class ImpossibleEventError(AssertionError):
    """An event that cannot happen in the state of its video: a bug of the scheduler."""


def next_state(state: VideoState, event: VideoEvent) -> VideoState:
    """The state after an event.

    Raises:
        ImpossibleEventError: the table has no such entry.
    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise ImpossibleEventError(f"{event.name} cannot happen to a video that is {state.name}") from None


class FirstStep(Enum):
    """What is done with a video when the run starts."""

    NOTHING = auto()
    """In the lake, unavailable, or downloaded in a run that does not extract."""
    REMOVE_MEDIA = auto()
    """In the lake: committed by a run that was killed before it removed the media, or kept by one with --keep-media."""
    SKIP = auto()
    """--retry names other outcomes."""
    DOWNLOAD = auto()
    DOWNLOAD_ANEW = auto()
    """What was downloaded cannot be read."""
    EXTRACT = auto()


@dataclass(frozen=True)
class Known:
    """What the lake and the media folder say of a video when the run starts.

    Attributes:
        corpus_state: of `states.STATES`.
        stage, reason: of the newest attempt.
        has_media: whether a finished video is in the media folder.
        was_downloaded: whether a run has put it there, and not the user.
    """

    corpus_state: str
    stage: str | None = None
    reason: str | None = None
    has_media: bool = False
    was_downloaded: bool = False


def first_step(known: Known, *, retry: Collection[str], extracts: bool, keep_media: bool) -> FirstStep:
    """What a run does with a video first.

    Args:
        retry: outcomes that are tried at once, and nothing else; empty for all that is due.
        extracts: whether the run extracts, or only downloads.
        keep_media: whether media stays after its commit.
    """
    if known.corpus_state == IN_LAKE:
        return FirstStep.REMOVE_MEDIA if known.has_media and extracts and not keep_media else FirstStep.NOTHING
    if known.corpus_state == UNAVAILABLE and UNAVAILABLE not in retry:
        return FirstStep.NOTHING
    if retry and known.corpus_state not in retry:
        return FirstStep.SKIP
    not_extracted = known.corpus_state == FAILED and known.stage == EXTRACTION
    if not known.has_media or not (known.corpus_state == DOWNLOADED or not_extracted):
        return FirstStep.DOWNLOAD
    # A download that cannot be read is repeated; a file that the user has put there is read again, and never replaced.
    if not_extracted and known.was_downloaded and known.reason == "bad_video":
        return FirstStep.DOWNLOAD_ANEW
    return FirstStep.EXTRACT if extracts else FirstStep.NOTHING


def initial_state(step: FirstStep, known: Known, *, leased: bool = True) -> VideoState:
    """The state that a first step leads to.

    Args:
        leased: whether the run got the lease, which a video needs that is to be extracted.
    """
    match step:
        case FirstStep.SKIP:
            return VideoState.LEFT_OUT
        case FirstStep.DOWNLOAD | FirstStep.DOWNLOAD_ANEW:
            return VideoState.QUEUED
        case FirstStep.EXTRACT:
            return VideoState.DOWNLOADED if leased else VideoState.LEFT_OUT
        case FirstStep.REMOVE_MEDIA:
            return VideoState.DONE
        case FirstStep.NOTHING:
            return {IN_LAKE: VideoState.DONE, UNAVAILABLE: VideoState.UNAVAILABLE}.get(
                known.corpus_state, VideoState.DOWNLOADED
            )
