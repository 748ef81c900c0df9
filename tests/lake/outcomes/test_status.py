"""Where a corpus stands: numbers that add up, in plain values too."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.outcomes.next_steps import next_step
from signverse.lake.outcomes.states import STATES
from signverse.lake.outcomes.status import read_status
from tests.lake.outcomes.lakes import add_videos, at, attempt, awkward_corpus, record


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


@pytest.fixture
def corpus(lake: Lake, tmp_path: Path) -> tuple[Lake, Path]:
    return awkward_corpus(lake, tmp_path)


def test_every_id_is_counted_once_by_state_and_by_language(corpus: tuple[Lake, Path]) -> None:
    status = read_status(corpus[0].snapshot, corpus[1], at(0))
    assert status.listed == 14
    assert status.states == {
        "in the lake": 4,
        "downloaded": 1,
        "not tried yet": 4,
        "blocked": 2,
        "failed": 2,
        "unavailable": 1,
    }
    assert [(row["sign_language"], row["videos"]) for row in status.languages] == [("ase", 9), ("pso", 4), ("bfi", 1)]
    for row in status.languages:
        assert sum(row[state] for state in STATES) == row["videos"]
    for state in STATES:
        assert sum(row[state] for row in status.languages) == status.states[state]
    assert (status.invalid, status.came_back) == (1, 1)


def test_the_lake_s_hours_and_captions_are_those_of_visible_videos(corpus: tuple[Lake, Path]) -> None:
    lake, media = corpus
    # Extracted again: the new one takes the place of the old one.
    add_videos(lake, "ase", "a0", hours=1.5)
    status = read_status(lake.snapshot, media, at(0))
    assert status.hours == pytest.approx(3.75)
    assert status.captions == {"automatic": 1, "manual": 2, "none": 1}


def test_the_rate_is_that_of_the_last_hour_and_what_is_left_follows_from_it(corpus: tuple[Lake, Path]) -> None:
    status = read_status(corpus[0].snapshot, corpus[1], at(0))
    # a3 and p0 in the half hour since the first of them; a1 and a2 since -30.
    assert status.downloaded_an_hour == pytest.approx(4)
    assert status.extracted_an_hour == pytest.approx(4)
    assert status.hours_left == pytest.approx(9 / 4)
    later = read_status(corpus[0].snapshot, corpus[1], at(120))
    assert (later.downloaded_an_hour, later.extracted_an_hour, later.hours_left) == (0, 0, None)


def test_causes_are_grouped_with_the_newest_message_of_each(corpus: tuple[Lake, Path]) -> None:
    causes = read_status(corpus[0].snapshot, corpus[1], at(0)).causes
    assert [(c["state"], c["stage"], c["reason"], c["videos"], c["video_id"], c["message"]) for c in causes] == [
        ("blocked", "download", "rate_limit", 2, "a5", "Too many requests"),
        ("failed", "extract", "bad_video", 1, "p0", "p0.mp4 cannot be read"),
        ("failed", "download", "timeout", 1, "a7", "It took long"),
        ("unavailable", "download", "deleted", 1, "a6", "It is gone"),
    ]
    assert sum(cause["videos"] for cause in causes) == 5


def test_the_media_folder_is_looked_at_where_it_is_named(corpus: tuple[Lake, Path]) -> None:
    lake, media = corpus
    status = read_status(lake.snapshot, media, at(0))
    assert (status.media_videos, status.media_bytes) == (2, 1000)
    assert status.free_bytes is not None and status.free_bytes > 0
    status = read_status(lake.snapshot, None, at(0))
    assert (status.media_videos, status.media_bytes, status.free_bytes) == (None, None, None)
    assert sum(status.states.values()) == status.listed == 14


def test_all_of_it_comes_as_json(corpus: tuple[Lake, Path]) -> None:
    for media in (corpus[1], None):
        status = read_status(corpus[0].snapshot, media, at(0))
        plain = json.loads(json.dumps(status.as_json()))
        assert plain["at"] == "2026-11-22T12:00:00+00:00"
        assert plain["states"] == status.states
        assert plain["causes"][0]["last"] == "2026-11-22T11:58:00+00:00"
        assert set(plain) == set(vars(status))


def test_videos_of_a_folder_that_failed_are_counted_without_a_manifest(lake: Lake) -> None:
    add_videos(lake, "ase", "a")
    record(lake, attempt("a", "extract", "failed", -9, "bad_video"), attempt("a", "extract", "done", -8))
    record(lake, attempt("broken", "extract", "failed", -7, "bad_video", "broken.mp4: not a video"))
    record(lake, attempt("../x", "list", "failed", -7, "bad_id"), attempt("a", "list", "done", -6, "relabelled"))
    status = read_status(lake.snapshot, now=at(0))
    assert (status.listed, status.states["failed"], status.invalid) == (2, 1, 1)
    assert [cause["message"] for cause in status.causes] == ["broken.mp4: not a video"]


def test_the_newest_failures_come_with_their_next_step(corpus: tuple[Lake, Path]) -> None:
    status = read_status(corpus[0].snapshot, corpus[1], at(0))
    assert [(one["video_id"], one["reason"]) for one in status.newest] == [
        ("a5", "rate_limit"),
        ("a4", "rate_limit"),
        ("p0", "bad_video"),
        ("a7", "timeout"),
    ]
    assert status.newest[2]["next_step"].startswith("Replace the file")
    assert all(one["next_step"].endswith(".") for one in (*status.newest, *status.causes))
    assert status.last_attempt == at(-1)


def test_every_reason_that_the_documentation_explains_has_a_step() -> None:
    text = (Path(__file__).parents[3] / "docs" / "troubleshooting.md").read_text("utf-8")
    table = text.partition("## Why a video is missing")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.M)
    explained = {(outcome, reason) for outcome, reasons in rows for reason in re.findall(r"`(\w+)`", reasons)}
    assert len(explained) > 30
    for outcome, reason in explained:
        assert next_step(outcome, reason)
    assert (next_step("done", ""), next_step("failed", None)) == ("", "Run the same command again.")


def test_a_folder_that_is_gone_is_said_in_one_line(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no folder"):
        read_status(lake.snapshot, tmp_path / "absent")
