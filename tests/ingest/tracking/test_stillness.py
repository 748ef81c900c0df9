"""Who does not move over the whole video does not sign: a still picture is not person 0 if someone else signs.

Stills are single frames of `make_signer`, with a model's jitter, moved and enlarged as a whole.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.still_pictures import compose
from signverse.ingest.sample.signer import make_signer
from signverse.ingest.tracking import identities
from signverse.ingest.tracking.identities import assign_people
from signverse.ingest.tracking.stillness import Stillness
from signverse.lake.lake import Lake

WIDTH, HEIGHT = 1280, 720
WHOLE = {"pan": 0.0, "zoom": 0.0, "tilt": 0.0, "jitter": 0.0, "shake": 0.0}


def live(seed: int, frames: int, *, size: float, x: float, start: int = 30) -> np.ndarray:
    """A signer in the midst of signing, float32 [T, 128, 3]."""
    points = make_signer(seed, start + frames, WIDTH, HEIGHT, centre=0.0)[start:]
    points[..., :2] *= size
    points[..., 0] += x * WIDTH
    return points


def still(seed: int, frames: int, *, size: float, x: float, at: int = 60, **whole: float) -> np.ndarray:
    """A picture of a signer: one frame, with Gaussian jitter in pixels; panned (shares of the width), zoomed (added
    factor), tilted (degrees) and shaken (pixels) as a whole."""
    how = {**WHOLE, **whole}
    random = np.random.default_rng(seed)
    frame = live(seed, at + 1, size=size, x=x, start=0)[at]
    points = np.repeat(frame[None], frames, axis=0)
    share = np.linspace(0, 1, frames)[:, None, None]
    middle = np.nanmean(frame[:, :2], axis=0)
    angle = np.deg2rad(how["tilt"]) * share[..., 0]
    offset = (points[..., :2] - middle) * (1 + how["zoom"] * share)
    turned = np.stack(
        [
            offset[..., 0] * np.cos(angle) - offset[..., 1] * np.sin(angle),
            offset[..., 0] * np.sin(angle) + offset[..., 1] * np.cos(angle),
        ],
        axis=-1,
    )
    points[..., :2] = turned + middle + share * np.array([how["pan"] * WIDTH, 0])
    points[..., :2] += random.normal(0, 1, (frames, 1, 2)) * how["shake"]
    points[..., :2] += random.normal(0, 1, points[..., :2].shape) * how["jitter"]
    return points


def film(*people: np.ndarray, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Boxes and points frame by frame; frames in which someone is nan throughout lack them."""
    random = np.random.default_rng(seed)
    boxes, points = [], []
    for frame in zip(*people, strict=True):
        there = [one for one in frame if np.isfinite(one[:, 0]).any()]
        points.append(np.array(there, np.float32).reshape(-1, 128, 3))
        corners = [np.r_[np.nanmin(one[:, :2], axis=0), np.nanmax(one[:, :2], axis=0)] for one in there]
        box = np.array(corners, np.float32).reshape(-1, 4)
        boxes.append((box + random.normal(0, 1, box.shape)).astype(np.float32))
    return boxes, points


def signs(points: np.ndarray) -> bool:
    """Whether a wrist is far from its usual place, in heights of the person, for a quarter of the time.

    A signer may hold still for two seconds, too, or begin in the last frames: nothing tells them from a picture then.
    """
    height = np.ptp(points[:, :8, 1])
    places = points[:, [4, 7], :2] - points[:, 1:2, :2]
    ways = np.linalg.norm(places - np.median(places, axis=0), axis=-1).max(axis=1)
    return bool((ways > 0.25 * height).mean() >= 0.25)


def first(*people: np.ndarray) -> tuple[int, list[str]]:
    """Which of the people is person 0 most of the time, and the events."""
    boxes, points = film(*people)
    numbers = assign_people(boxes, points)
    zero = [np.flatnonzero(frame == 0) for frame in numbers]
    count = np.bincount([int(place[0]) for place in zero if len(place)], minlength=len(people))
    assert count.max() == count.sum(), "the same one throughout"
    return int(count.argmax()), numbers.events


def as_before(boxes: list[np.ndarray], points: list[np.ndarray]) -> bool:
    """Whether people are numbered as if nobody were ever taken for still."""
    found = assign_people(boxes, points)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identities, "find_still", lambda detections, _: Stillness.none(len(detections.frames)))
        before = assign_people(boxes, points)
    return [frame.tolist() for frame in found] == [frame.tolist() for frame in before] and found.events == before.events


def test_a_still_picture_is_not_person_0_beside_a_signer_of_a_fifth_of_its_height() -> None:
    picture, signer = still(1, 72, size=0.9, x=0.4), live(2, 72, size=0.18, x=0.85)
    assert first(picture, signer) == (1, ["still_people:1"])
    assert first(signer, picture) == (0, ["still_people:1"])


wholes = st.fixed_dictionaries(
    {
        "pan": st.floats(-0.3, 0.3),
        "zoom": st.floats(-0.4, 0.8),
        "tilt": st.floats(-8, 8),
        "jitter": st.floats(0, 3),
        "shake": st.floats(0, 2),
    }
)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 10**6), wholes, st.floats(0.6, 1.1), st.floats(0.15, 0.3),
    st.integers(48, 120), st.integers(0, 60),
)  # fmt: skip
def test_however_a_picture_is_panned_zoomed_or_shaken_it_does_not_sign(
    seed: int, other: int, whole: dict[str, float], size: float, inset: float, frames: int, at: int
) -> None:
    picture = still(seed, frames, size=size, x=0.4, at=at, **whole)
    signer = live(other, frames, size=inset * size, x=0.85)
    assume(signs(signer))
    # As every model's points, the signer's are jittered too.
    signer[..., :2] += np.random.default_rng(other).normal(0, inset * size * whole["jitter"], signer[..., :2].shape)
    assert first(picture, signer)[0] == 1


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), wholes, st.integers(1, 150))
def test_where_nobody_moves_their_hands_the_choice_is_as_before(
    seed: int, other: int, whole: dict[str, float], frames: int
) -> None:
    boxes, points = film(
        still(seed, frames, size=0.9, x=0.4, **whole), still(other, frames, size=0.4, x=0.85, jitter=whole["jitter"])
    )
    assert as_before(boxes, points)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0.5, 1.0), st.floats(0.2, 1.0), st.integers(12, 150)
)  # fmt: skip
def test_of_two_who_sign_the_choice_is_as_before(seed: int, other: int, size: float, share: float, frames: int) -> None:
    boxes, points = film(live(seed, frames, size=size, x=0.3), live(other, frames, size=size * share, x=0.75))
    assert as_before(boxes, points)


def test_a_picture_that_is_alone_is_person_0() -> None:
    assert first(still(1, 72, size=0.9, x=0.4)) == (0, [])


def test_in_less_than_a_second_and_a_half_nobody_is_taken_for_a_picture() -> None:
    people = still(1, 35, size=0.9, x=0.4), live(2, 35, size=0.18, x=0.85)
    assert first(*people) == (0, [])


def test_a_signer_who_pauses_most_of_the_time_keeps_the_first_place() -> None:
    frames = 480
    signer = live(1, frames, size=0.9, x=0.35)
    # Of twenty seconds two are signed.
    signer[48:] = signer[48]
    signer[..., :2] += np.random.default_rng(1).normal(0, 1.5, signer[..., :2].shape)
    assert first(signer, live(2, frames, size=0.15, x=0.85)) == (0, [])


def test_who_walks_by_for_a_moment_is_not_person_0_because_the_signer_waits() -> None:
    frames = 600
    waiting = still(1, frames, size=0.9, x=0.35, jitter=1)
    passer = live(2, frames, size=0.4, x=0.8)
    passer[40:] = np.nan
    assert first(waiting, passer) == (0, [])


def test_an_audience_of_many_pictures_does_not_outweigh_the_one_who_signs() -> None:
    crowd = [still(seed, 96, size=0.35, x=0.08 + 0.17 * seed, jitter=1) for seed in range(4)]
    assert first(*crowd, live(9, 96, size=0.12, x=0.92))[0] == 4


def test_a_restless_speck_in_the_background_is_not_taken_for_a_signer() -> None:
    waiting = still(1, 96, size=1.0, x=0.35, jitter=1)
    speck = live(2, 96, size=0.05, x=0.85)
    assert first(waiting, speck) == (0, [])


def test_one_who_is_recognised_after_a_cut_is_not_taken_for_the_picture() -> None:
    """Alone after a cut someone is taken for the one who signed most so far: that is not the picture."""
    frames = 240
    picture = still(1, frames, size=0.9, x=0.4)
    signer = live(2, frames, size=0.18, x=0.85)
    picture[144:] = np.nan
    signer[144:] = live(2, 96, size=0.9, x=0.5, start=174)
    boxes, points = film(picture, signer)
    numbers = assign_people(boxes, points)
    assert all(frame.tolist() == [1, 0] for frame in numbers[:144])
    assert all(frame.tolist() == [0] for frame in numbers[144:])
    assert numbers.events == ["cuts:1"]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(40, 72))
def test_a_signer_who_pauses_from_cut_to_cut_is_numbered_as_before(seed: int, other: int, length: int) -> None:
    """Shots of two in turns with shots of the signer alone: in some of them she does not move."""
    moves = live(seed, length, size=0.8, x=0.3), live(seed, length, size=1.0, x=0.55, start=30 + length)
    rests = still(seed, length, size=0.8, x=0.3, jitter=1), still(seed, length, size=1.0, x=0.55, jitter=1)
    signer = np.concatenate([moves[0], rests[1], rests[0], moves[1], moves[0]])
    friend = live(other, len(signer), size=0.7, x=0.75)
    for shot in (1, 3):
        friend[shot * length : (shot + 1) * length] = np.nan
    assert as_before(*film(signer, friend))


@pytest.mark.slow
def test_a_video_with_a_zoomed_picture_and_a_signer_in_a_corner(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = compose(data, "zoomed", "signer_720p24.mp4", "bsl_360p25.mp4")
    Path("videos").mkdir()
    with av.open("videos/news.mp4", "w") as file:
        stream = file.add_stream("libx264", 24)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        file.mux(stream.encode(None))
    code, _, err = signverse("ingest", "videos", "videos", "--lake", "lake", "--models", data / "models")
    assert code == 0, err
    lake = Lake.open(Path("lake"))
    assert lake.video("news")["events"] == ["still_people:1"]
    nose = [lake.keypoints("news", person=person)[:, 0] for person in (0, 1)]
    # The signer is in the corner below, on the right.
    assert np.nanmin(nose[0][:, 0]) > 700
    assert np.nanmax(nose[1][:, 0]) < 700
    assert np.isfinite(nose[0][:, 0]).mean() > 0.9
