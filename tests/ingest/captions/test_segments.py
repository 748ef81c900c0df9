"""Captions become ranges of frames, with figures that anyone can recompute."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.segments import Summary, make_segments, stored_means
from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.manifest import Entry
from signverse.ingest.videos.rows import build_rows
from signverse.lake.model.skeleton import BODY, LEFT_HAND, NECK, NUM_JOINTS, PARTS, RIGHT_HAND
from signverse.lake.model.wording import document_text
from signverse.lake.storage.keypoints import from_table, snap, to_table

NOBODY = (np.empty(0, np.int32), np.empty(0, np.int8), np.empty((0, NUM_JOINTS, 3), np.float32))


def summary_of(num_frames: int, frames: np.ndarray, persons: np.ndarray, points: np.ndarray) -> Summary:
    return Summary(num_frames, frames, persons, stored_means(to_table(frames, persons, points, exact=True)))


def track(*cues: tuple[float, float, str], kind: str = "manual", language: str = "en") -> Track:
    return Track(f"{language}.{kind}", kind, language, tuple(Cue(*cue) for cue in cues))


def ranges(num_frames: int, *times: tuple[float, float]) -> list[tuple[int, int]]:
    rows, _ = make_segments(
        "x", num_frames, track(*((*time, "words") for time in times)), "native", summary_of(num_frames, *NOBODY)
    )
    return [(row["start_frame"], row["end_frame"]) for row in rows]


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (0.0, 1.0, (0, 24)),
        (1.0, 2.0, (24, 48)),
        (0.02, 0.03, (0, 1)),  # shorter than a frame
        (0.041, 0.043, (0, 2)),  # touches two frames
        (0.5, 0.51, (12, 13)),
        (1.99, 2.01, (47, 49)),
        (3.9, 99.0, (93, 96)),  # runs on past the end
        (3.99, 4.0, (95, 96)),
    ],
)
def test_a_caption_covers_every_frame_that_it_touches_up_to_the_end(
    start: float, end: float, frames: tuple[int, int]
) -> None:
    assert ranges(96, (start, end)) == [frames]


@given(st.integers(0, 100_000), st.integers(1, 100_000), st.integers(1, 2000))
def test_frames_of_a_caption_follow_the_rule_to_the_millisecond(start: int, length: int, num_frames: int) -> None:
    # In whole numbers, so that no rounding is in the way.
    first, last = start * 24 // 1000, -(-(start + length) * 24 // 1000)
    if first >= num_frames:
        return
    assert ranges(num_frames, (start / 1000, (start + length) / 1000)) == [(first, min(num_frames, last))]


def test_captions_past_the_end_are_counted_and_left_out() -> None:
    rows, past = make_segments(
        "x", 24, track((0, 1, "in"), (1, 2, "out"), (7, 8, "far out")), "native", summary_of(24, *NOBODY)
    )
    assert ([row["text"] for row in rows], past) == (["in"], 2)


def test_ids_count_up_and_times_stay_those_of_the_caption() -> None:
    rows, _ = make_segments(
        "-abc", 48, track((0.1, 0.9, "a"), (1, 9, "b"), kind="automatic"), "native", summary_of(48, *NOBODY)
    )
    assert [row["segment_id"] for row in rows] == ["-abc-00000", "-abc-00001"]
    assert [(row["ordinal"], row["start_s"], row["end_s"], row["num_frames"]) for row in rows] == [
        (0, 0.1, 0.9, 20),
        (1, 1, 9, 24),
    ]
    assert {(row["text_language"], row["caption_kind"], row["english_source"]) for row in rows} == {
        ("en", "automatic", "native")
    }


@pytest.mark.parametrize("captions", [None, track(), track((5, 6, "past the end"))], ids=["none", "empty", "past"])
def test_a_video_without_captions_is_one_segment_without_text(captions: Track | None) -> None:
    (row,), _ = make_segments("x", 24, captions, "native", summary_of(24, *NOBODY))
    assert (row["start_frame"], row["end_frame"], row["start_s"], row["end_s"]) == (0, 24, 0.0, 1.0)
    assert (row["text"], row["text_language"], row["caption_kind"], row["english_source"]) == (
        None,
        None,
        "none",
        "none",
    )
    assert row["segment_id"] == "x-00000"


def test_a_video_without_a_frame_has_no_segment() -> None:
    assert make_segments("x", 0, None, "none", summary_of(0, *NOBODY)) == ([], 0)


def people(num_frames: int, who: list[tuple[int, int]], seed: int, absent: float) -> tuple:
    random = np.random.default_rng(seed)
    points = random.uniform(0, 1, (len(who), NUM_JOINTS, 3)).astype(np.float32)
    points[..., :2] *= 500
    points[random.uniform(size=points.shape[:2]) < absent] = (np.nan, np.nan, 0)
    # Parts whose score nobody knows, as a release with codes for scores has them.
    for row in np.flatnonzero(random.uniform(size=len(who)) < 0.2):
        points[row, PARTS[random.integers(4)].slice, 2] = np.nan
    frames, persons = np.array(who, np.int32).reshape(-1, 2).T
    return frames, persons.astype(np.int8), points


def plainly(num_frames: int, frames, persons, points, start: int, end: int) -> dict[str, object]:
    """The same figures, the slow way."""
    inside = [(int(f), int(p), points[i]) for i, (f, p) in enumerate(zip(frames, persons, strict=True))]
    inside = [(f, p, person) for f, p, person in inside if start <= f < end]
    signer = {f: person for f, p, person in inside if p == 0}
    wanted: dict[str, object] = {
        "people_max": max((sum(f == frame for f, _, _ in inside) for frame in range(start, end)), default=0),
        "coverage": len(signer) / (end - start),
    }
    means: dict[str, dict[int, float]] = {}
    for part in PARTS:
        joints = [j for j in range(part.start, part.start + part.size) if not (part is BODY and j == NECK)]
        means[part.name] = {}
        for frame, person in signer.items():
            scores = [float(person[j, 2]) for j in joints]
            if not any(math.isnan(score) for score in scores):
                means[part.name][frame] = sum(scores) / len(scores)
        known = list(means[part.name].values())
        wanted[part.confidence] = sum(known) / len(known) if known else None
    both = [
        frame
        for frame in signer
        if all(means[hand.name].get(frame, 0) > 0.3 for hand in (LEFT_HAND, RIGHT_HAND))
    ]  # fmt: skip
    wanted["hands_seen"] = len(both) / (end - start)
    return wanted


@given(st.data())
def test_the_figures_of_a_segment_are_those_of_a_plain_count(data: st.DataObject) -> None:
    num_frames = data.draw(st.integers(1, 30), label="frames")
    everyone = [(frame, person) for frame in range(num_frames) for person in range(3)]
    who = sorted(data.draw(st.lists(st.sampled_from(everyone), unique=True, max_size=40), label="who"))
    frames, persons, points = people(num_frames, who, data.draw(st.integers(0, 99)), data.draw(st.floats(0, 1)))
    start = data.draw(st.integers(0, num_frames - 1), label="start")
    end = data.draw(st.integers(start + 1, num_frames), label="end")
    summary = summary_of(num_frames, frames, persons, points)
    found = summary.over(start, end)
    wanted = plainly(num_frames, frames, persons, points, start, end)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == (None if value is None else pytest.approx(value, abs=1e-5)), name
    assert summary.people_max == plainly(num_frames, frames, persons, points, 0, num_frames)["people_max"]


def test_only_the_signer_counts_for_coverage_and_confidence() -> None:
    frames, persons, points = people(4, [(0, 0), (0, 1), (1, 1), (2, 0)], seed=1, absent=0)
    points[persons == 0, :, 2] = 0.5
    points[persons == 1, :, 2] = 1.0
    row = summary_of(4, frames, persons, points).over(0, 4)
    assert (row["coverage"], row["people_max"], row["hands_seen"]) == (0.5, 2, 0.5)
    assert {row[part.confidence] for part in PARTS} == {0.5}


def test_both_hands_must_be_seen_in_the_same_frame() -> None:
    frames, persons, points = people(3, [(0, 0), (1, 0), (2, 0)], seed=1, absent=0)
    points[..., 2] = 0.9
    points[0, LEFT_HAND.slice, 2] = 0.29  # not above the threshold
    points[1, RIGHT_HAND.slice] = (np.nan, np.nan, 0)
    assert summary_of(3, frames, persons, points).over(0, 3)["hands_seen"] == pytest.approx(1 / 3)


def test_a_range_where_nobody_is_has_no_confidence_rather_than_none_at_all() -> None:
    row = summary_of(10, *people(10, [(0, 0)], seed=1, absent=0)).over(5, 10)
    assert (row["coverage"], row["people_max"], row["hands_seen"]) == (0, 0, 0)
    assert {row[part.confidence] for part in PARTS} == {None}


def test_the_text_of_a_video_is_that_of_all_its_segments() -> None:
    rows = [{"text": text} for text in ("one", "two", "two", "one", None, "one")]
    assert document_text(rows) == "one two two one one"
    assert document_text([{"text": None}]) is None
    assert document_text([]) is None


def built(cues: list[tuple[float, float, str]], who: list[tuple[int, int]], **options: object):
    frames, persons, points = people(24, who, seed=3, absent=0.2)
    rows = build_rows(
        Entry("x", "Polish", "pso"),
        stage="extract",
        width=640,
        height=360,
        num_frames=24,
        frames=frames,
        persons=persons,
        points=points,
        tracks=[track(*cues)] if cues else [],
        about={"source": "video"},
        **options,
    )
    return rows, (frames, persons, points)


def test_what_was_noticed_on_the_way_is_told_with_the_video() -> None:
    rows, _ = built([(0, 0.5, "a"), (8, 9, "b")], [], remarks=[("damaged", "3 damaged frames")])
    assert rows.reason == "damaged,no_person,captions_past_end"
    assert rows.message == "3 damaged frames; nobody was found in 24 frames; 1 of 2 captions lie past the end"
    rows, _ = built([(0, 0.5, "a")], [(0, 0)])
    assert (rows.reason, rows.message) == ("", "")


def test_a_video_all_of_whose_captions_lie_past_its_end_has_none() -> None:
    rows, _ = built([(8, 9, "b")], [(0, 0)])
    assert rows.video["english_source"] == "none"
    assert rows.video["text_language"] is None
    assert rows.video["document_text"] is None
    # The cues themselves are kept: they are what the file said.
    assert [row["text"] for row in rows.captions] == ["b"]


@pytest.mark.parametrize("exact", [False, True])
def test_the_figures_of_a_segment_are_those_of_the_stored_keypoints(exact: bool) -> None:
    rows, (frames, persons, points) = built([(0, 1, "a")], [(f, 0) for f in range(24)], exact=exact)
    stored = from_table(rows.keypoints)
    np.testing.assert_array_equal(stored, points if exact else snap(points))
    wanted = plainly(24, frames, persons, stored, 0, 24)
    for name, value in wanted.items():
        assert rows.segments[0][name] == pytest.approx(value, abs=1e-6), name
