"""Every listed id is in one state, and the states add up to the ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.outcomes.states import STATES, tries_so_far, video_states
from tests.lake.outcomes.lakes import add_videos, at, attempt, record


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    opened = Lake.create(tmp_path / "lake")
    yield opened
    opened.close()


def state(lake: Lake, video_id: str = "a", media: list[str] | None = None) -> str:
    (found,) = video_states(lake.snapshot, [video_id], media)["state"]
    return found


def test_an_empty_lake_has_tried_nothing(lake: Lake) -> None:
    assert state(lake) == "not tried yet"
    assert state(lake, media=[]) == "not tried yet"
    assert state(lake, media=["a"]) == "downloaded"
    assert video_states(lake.snapshot, []).height == 0
    assert video_states(lake.snapshot, [], []).height == 0


def test_ids_come_in_their_order_and_each_once(lake: Lake) -> None:
    add_videos(lake, "ase", "b", "zz")
    record(lake, attempt("c", "download", "blocked", 0), attempt("other", "download", "failed", 0))
    found = video_states(lake.snapshot, ["c", "b", "a", "b"])
    assert found.select("video_id", "state").rows() == [
        ("c", "blocked"),
        ("b", "in the lake"),
        ("a", "not tried yet"),
    ]


@pytest.mark.parametrize("outcome", ["blocked", "failed", "unavailable"])
def test_what_is_in_the_lake_is_there_whatever_happened_since(lake: Lake, outcome: str) -> None:
    add_videos(lake, "ase", "a")
    record(lake, attempt("a", "extract", "done", 0), attempt("a", "download", outcome, 1))
    assert state(lake) == state(lake, media=[]) == state(lake, media=["a"]) == "in the lake"


def test_what_was_downloaded_and_is_gone_is_to_be_had_again(lake: Lake) -> None:
    record(lake, attempt("a", "download", "done", 0))
    assert state(lake) == "downloaded"
    assert state(lake, media=["a"]) == "downloaded"
    assert state(lake, media=["b"]) == "not tried yet"


def test_a_video_that_cannot_be_extracted_has_failed_until_it_is_downloaded_again(lake: Lake) -> None:
    record(lake, attempt("a", "download", "done", 0), attempt("a", "extract", "failed", 1, "bad_video"))
    assert state(lake) == state(lake, media=["a"]) == state(lake, media=[]) == "failed"
    record(lake, attempt("a", "download", "done", 2))
    assert state(lake) == state(lake, media=["a"]) == "downloaded"


def test_a_video_that_is_there_is_there_although_a_site_refuses_it(lake: Lake) -> None:
    record(lake, attempt("a", "download", "blocked", 0))
    assert state(lake, media=["a"]) == "downloaded"
    assert state(lake, media=[]) == "blocked"


def test_captions_and_lists_decide_nothing(lake: Lake) -> None:
    record(lake, attempt("a", "captions", "blocked", 0), attempt("a", "list", "failed", 1))
    record(lake, attempt("b", "download", "done", 0), attempt("b", "captions", "failed", 1))
    assert state(lake) == "not tried yet"
    assert state(lake, "b") == "downloaded"


def test_the_newest_attempt_decides_by_its_time_and_not_by_when_it_was_committed(lake: Lake) -> None:
    record(lake, attempt("a", "download", "unavailable", 5, "deleted", "It is gone"))
    # Another run's journal, which was brought in later.
    record(lake, attempt("a", "download", "blocked", 3, "rate_limit", "Wait"))
    row = video_states(lake.snapshot, ["a"]).row(0, named=True)
    assert (row["state"], row["reason"], row["message"], row["at"]) == ("unavailable", "deleted", "It is gone", at(5))


def test_who_comes_back_is_noticed(lake: Lake) -> None:
    record(
        lake,
        attempt("back", "download", "unavailable", 0),
        attempt("back", "download", "done", 1),
        attempt("back", "download", "unavailable", 2),
        attempt("gone", "download", "done", 0),
        attempt("gone", "download", "unavailable", 1),
        attempt("blocked", "download", "blocked", 0),
        attempt("blocked", "download", "done", 1),
    )
    found = video_states(lake.snapshot, ["back", "gone", "blocked", "never"])
    assert found["came_back"].to_list() == [True, False, False, False]


def test_tries_are_counted_since_something_was_last_done(lake: Lake) -> None:
    outcomes = ["failed", "blocked", "done", "blocked", "unavailable", "failed"]
    record(lake, *(attempt("a", "download", outcome, minute) for minute, outcome in enumerate(outcomes)))
    record(lake, attempt("b", "download", "failed", 0), attempt("b", "download", "done", 9))
    rows = video_states(lake.snapshot, ["a", "b", "c"])
    assert rows["tries"].to_list() == [3, 0, 0]
    assert tries_so_far(rows) == {"a": (3, at(5))}


def test_a_video_that_is_fetched_and_cannot_be_read_again_and_again_waits_longer_each_time(lake: Lake) -> None:
    stages = [("download", "done"), ("extract", "failed")] * 3
    record(lake, *(attempt("a", stage, outcome, minute) for minute, (stage, outcome) in enumerate(stages)))
    assert video_states(lake.snapshot, ["a"])["tries"].to_list() == [3]


IDS = tuple("abcdefgh")
histories = st.lists(
    st.tuples(
        st.sampled_from(["download", "download", "extract", "captions", "import", "list"]),
        st.sampled_from(["done", "unavailable", "blocked", "failed"]),
        # Moments may be shared: what is committed together often has one.
        st.integers(0, 5),
    ),
    max_size=6,
)


def naive(history: list[tuple[str, str, int]], there: bool, here: bool | None) -> tuple[str, int, bool]:
    """State, tries and whether it came back, in plain words."""
    tried = [
        (stage, outcome)
        for stage, outcome, _ in sorted(history, key=lambda one: one[2])
        if stage in {"download", "extract"}
    ]
    stage, outcome = tried[-1] if tried else ("", "")
    tries = 0
    failed_later = False
    for place, one in reversed(tried):
        if one == "done" and not (place == "download" and failed_later):
            break
        tries += one != "done"
        failed_later = place == "extract" and one != "done"
    outcomes = [one for _, one in tried]
    came_back = "unavailable" in outcomes and "done" in outcomes[outcomes.index("unavailable") :]
    if there:
        return "in the lake", tries, came_back
    not_extracted = stage == "extract" and outcome != "done"
    if here and not not_extracted:
        return "downloaded", tries, came_back
    if here is None and (stage, outcome) == ("download", "done"):
        return "downloaded", tries, came_back
    return outcome if outcome not in {"", "done"} else "not tried yet", tries, came_back


_number = count()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """One lake for all examples, each with ids of its own: making one takes longer than all the rest."""
    opened = Lake.create(tmp_path_factory.mktemp("account") / "lake")
    yield opened
    opened.close()


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(IDS, histories)),
    st.sets(st.sampled_from(IDS)),
    st.one_of(st.none(), st.sets(st.sampled_from(IDS))),
)
def test_the_account_is_what_a_plain_rule_says_and_adds_up(
    large: Lake, histories_by_id: dict[str, list[tuple[str, str, int]]], there: set[str], here: set[str] | None
) -> None:
    number = next(_number)
    names = {one: f"{number}-{one}" for one in IDS}
    record(
        large,
        *(
            attempt(names[one], stage, outcome, minute)
            for one in IDS
            for stage, outcome, minute in histories_by_id[one]
        ),
    )
    if there:
        add_videos(large, "ase", *(names[one] for one in there))
    rows = video_states(large.snapshot, names.values(), None if here is None else {names[one] for one in here})
    assert rows["video_id"].to_list() == list(names.values())
    assert set(rows["state"]) <= set(STATES)
    assert Counter(rows["state"]).total() == len(IDS)
    for one, row in zip(IDS, rows.iter_rows(named=True), strict=True):
        expected = naive(histories_by_id[one], one in there, None if here is None else one in here)
        assert (row["state"], row["tries"], row["came_back"]) == expected, histories_by_id[one]
        assert (row["at"] is None) == (row["outcome"] is None)
    tried = tries_so_far(rows)
    assert set(tried) == {
        row["video_id"] for row in rows.iter_rows(named=True) if row["state"] in {"blocked", "failed", "unavailable"}
    }
    assert all(tries >= 1 for tries, _ in tried.values())
