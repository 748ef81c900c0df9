"""The six sample videos: who signs in them and what their captions say, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.sample.signer import make_signer
from signverse.lake.model.frame_ranges import FPS

Segments = list[tuple[float, float, str]]


@dataclass(frozen=True)
class SampleVideo:
    """A synthetic video: what a released shard says of a video, and its people.

    Attributes:
        people: the first is the primary signer; each [T, 128, 3], NaN with score 0 where that person is absent.
        segments: (start in seconds, end in seconds, text).
    """

    video_id: str
    sign_language: str
    title: str
    width: int
    height: int
    people: list[NDArray[np.float32]]
    segments: Segments
    english_source: str

    @property
    def num_frames(self) -> int:
        return len(self.people[0])

    @property
    def duration_s(self) -> float:
        return self.num_frames / FPS


@dataclass(frozen=True)
class _Signer:
    """The arguments of `make_signer`; `absent` is a range of frames in which the person is not there."""

    seed: int
    centre: float = 0.5
    size: float = 1.0
    unclear_right_hand: bool = False
    absent: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class _Plan:
    """A sample video before its people are made."""

    video_id: str
    sign_language: str
    title: str
    size: tuple[int, int]
    num_frames: int
    signers: tuple[_Signer, ...]
    segments: Segments
    english_source: str


_PLANS: Final = (
    _Plan(
        "synthASE001",
        "ase",
        "Synthetic signer, not a person: greetings",
        size=(1280, 720),
        num_frames=144,
        signers=(_Signer(1),),
        segments=[
            (0.2, 2.0, "Synthetic example: good morning."),
            (2.0, 4.1, "Synthetic example: my name is on the screen."),
            (4.1, 5.8, "Synthetic example: nice to meet you."),
        ],
        english_source="native",
    ),
    _Plan(
        "synthASE002",
        "ase",
        "Synthetic signers, not people: two in one picture",
        size=(1280, 720),
        num_frames=120,
        signers=(_Signer(2, centre=0.30, size=0.85), _Signer(3, centre=0.71, size=0.82, absent=(0, 30))),
        segments=[
            (0.3, 2.4, "Synthetic example: where is the station?"),
            (2.4, 4.8, "Synthetic example: turn left at the bridge."),
        ],
        english_source="native",
    ),
    _Plan(
        "synthGSG001",
        "gsg",
        "Synthetic signer, not a person: the right hand is unclear",
        size=(1280, 720),
        num_frames=120,
        signers=(_Signer(4, unclear_right_hand=True),),
        segments=[
            (0.2, 2.5, "Synthetic example: the weather will be fine."),
            (2.5, 4.9, "Synthetic example: rain comes in the evening."),
        ],
        english_source="translated_from:de",
    ),
    _Plan(
        # An id that begins with a hyphen, as YouTube's may: it must not be taken for an option.
        "-synthGSG02",
        "gsg",
        "Synthetic signer, not a person: numbers",
        size=(960, 720),
        num_frames=168,
        signers=(_Signer(5, centre=0.52),),
        segments=[
            (0.2, 2.2, "Synthetic example: the train leaves at nine."),
            (2.2, 4.3, "Synthetic example: two tickets, please."),
            (4.3, 6.8, "Synthetic example: thank you, good night."),
        ],
        english_source="translated_from:de",
    ),
    _Plan(
        "synthBZS001",
        "bzs",
        "Synthetic signer, not a person: nobody is there for a while",
        size=(1280, 720),
        num_frames=144,
        signers=(_Signer(6, absent=(60, 96)),),
        segments=[
            (0.1, 2.4, "Synthetic example: today we cook together."),
            (4.1, 5.9, "Synthetic example: the soup is ready."),
        ],
        english_source="translated_from:pt",
    ),
    _Plan(
        "synthBZS_02",
        "bzs",
        "Synthetic signer, not a person: a small picture",
        size=(640, 360),
        num_frames=108,
        signers=(_Signer(7, centre=0.48),),
        segments=[
            (0.2, 2.1, "Synthetic example: the library opens tomorrow."),
            (2.1, 4.4, "Synthetic example: bring a book for your friend."),
        ],
        english_source="translated_from:pt",
    ),
)


def make_videos() -> list[SampleVideo]:
    """Make the six sample videos; the same six every time, about 850 people in frames altogether."""
    return [
        SampleVideo(
            video_id=plan.video_id,
            sign_language=plan.sign_language,
            title=plan.title,
            width=plan.size[0],
            height=plan.size[1],
            people=[_make(signer, plan) for signer in plan.signers],
            segments=plan.segments,
            english_source=plan.english_source,
        )
        for plan in _PLANS
    ]


def _make(signer: _Signer, plan: _Plan) -> NDArray[np.float32]:
    clip = make_signer(
        signer.seed,
        plan.num_frames,
        *plan.size,
        centre=signer.centre,
        size=signer.size,
        unclear_right_hand=signer.unclear_right_hand,
    )
    clip[slice(*signer.absent)] = (np.nan, np.nan, 0.0)
    return clip
