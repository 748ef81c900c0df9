"""Which video is next, and when: who is refused waits longer each time, and where a site refuses all, all wait."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.queue import BLOCKS_IN_A_ROW, MOST_PAUSES, Queue, in_slice, pause_after, read_slice
from signverse.ingest.acquire.settings import ATTEMPTS
from signverse.ingest.acquire.verdict import Verdict
from signverse.lake.model.errors import BadInputError

DONE = Verdict("done")
GONE = Verdict("unavailable", "deleted")
FAILED = Verdict("failed", "timeout")
AGE = Verdict("blocked", "age", scope="video")
BLOCKED = Verdict("blocked", "rate_limit", scope="site")
FIRST = 60.0


def given_now(queue: Queue, now: float) -> list[str]:
    """All that may be fetched at once."""
    found = []
    while (video_id := queue.next(now)) is not None:
        found.append(video_id)
    return found


def test_videos_come_in_the_order_of_the_manifest() -> None:
    queue = Queue(["b", "a", "c"], {}, 0.0)
    assert given_now(queue, 0.0) == ["b", "a", "c"]
    assert queue.due() is None
    assert queue.wait(0.0) == math.inf


def test_pauses_grow_fourfold_up_to_an_hour() -> None:
    assert [pause_after(tries) for tries in range(1, 7)] == [60, 240, 960, 3840, 3840, 3840]
    assert pause_after(0) == 60
    assert pause_after(10_000, 0.5) == 32


def test_who_fails_is_tried_again_after_each_pause_and_given_up_after_so_many_tries() -> None:
    queue = Queue(["a"], {}, 0.0, first_pause_s=FIRST)
    now = 0.0
    for tries in range(1, ATTEMPTS):
        assert queue.next(now) == "a"
        assert queue.tries_here("a") == tries - 1
        assert queue.settle("a", FAILED, now)
        pause = pause_after(tries)
        assert queue.due() == now + pause
        assert queue.next(now + pause - 0.001) is None
        now += pause
    assert queue.next(now) == "a"
    assert not queue.settle("a", FAILED, now)
    assert len(queue) == 0


def test_one_attempt_is_one() -> None:
    queue = Queue(["a"], {}, 0.0, attempts=1)
    assert queue.next(0.0) == "a"
    assert not queue.settle("a", FAILED, 0.0)


def test_what_is_done_or_gone_is_settled() -> None:
    queue = Queue(["a", "b"], {}, 0.0)
    given_now(queue, 0.0)
    assert not queue.settle("a", DONE, 0.0)
    assert not queue.settle("b", GONE, 0.0)
    assert len(queue) == 0


def test_who_was_tried_in_an_earlier_run_waits_for_the_end_of_its_pause_behind_the_others() -> None:
    tried = {"often": (3, 1000.0), "long ago": (1, 0.0)}
    queue = Queue(["often", "long ago", "never"], tried, 1001.0, first_pause_s=FIRST)
    assert given_now(queue, 1001.0) == ["long ago", "never"]
    assert queue.due() == 1000.0 + 960
    # The next pause goes on where the last one ended.
    assert queue.next(1960.0) == "often"
    queue.settle("often", FAILED, 1960.0)
    assert queue.due() == 1960.0 + 3840


def test_on_request_nobody_waits() -> None:
    queue = Queue(["a", "b"], {"a": (9, 999.0)}, 1000.0, at_once=True)
    assert given_now(queue, 1000.0) == ["a", "b"]


def test_a_clock_that_was_put_back_makes_nobody_wait_longer_than_its_pause_from_then() -> None:
    queue = Queue(["a"], {"a": (1, 5000.0)}, 1000.0, first_pause_s=FIRST)
    assert queue.due() == 1060.0


def blocked(queue: Queue, count: int, now: float) -> None:
    for _ in range(count):
        video_id = queue.next(now)
        assert video_id is not None
        queue.settle(video_id, BLOCKED, now)


def many(count: int = 40) -> Queue:
    return Queue([f"v{i:02}" for i in range(count)], {}, 0.0, first_pause_s=FIRST)


def test_where_a_site_refuses_one_after_the_other_all_wait_and_then_one_goes_ahead() -> None:
    queue = many()
    blocked(queue, BLOCKS_IN_A_ROW - 1, 0.0)
    assert (queue.pauses, queue.wait(0.0)) == (0, 0.0)
    blocked(queue, 1, 0.0)
    assert queue.pauses == 1
    assert FIRST <= queue.wait(0.0) <= FIRST * 1.25
    assert queue.next(FIRST - 1) is None
    later = FIRST * 1.25
    ahead = queue.next(later)
    assert ahead is not None
    assert queue.next(later) is None
    assert queue.wait(later) == math.inf
    # It is let in: so are all.
    queue.settle(ahead, DONE, later + 5)
    assert queue.pauses == 0
    assert len(given_now(queue, later + 5)) >= 30


def test_each_pause_of_all_is_longer_than_the_last_one() -> None:
    queue = many()
    blocked(queue, BLOCKS_IN_A_ROW, 0.0)
    now = 0.0
    for pauses in range(1, MOST_PAUSES + 1):
        assert queue.pauses == pauses
        now += queue.wait(now)
        video_id = queue.next(now)
        assert video_id is not None
        queue.settle(video_id, BLOCKED, now)
        assert pause_after(pauses + 1) <= queue.wait(now) <= pause_after(pauses + 1) * 1.25
    assert queue.pauses > MOST_PAUSES


def test_one_that_goes_ahead_and_is_gone_or_fails_says_nothing_about_the_site() -> None:
    queue = many()
    blocked(queue, BLOCKS_IN_A_ROW, 0.0)
    now = queue.wait(0.0)
    for verdict in (GONE, FAILED, AGE):
        ahead = queue.next(now)
        assert ahead is not None
        assert queue.next(now) is None
        queue.settle(ahead, verdict, now)
        assert (queue.pauses, queue.wait(now)) == (1, 0.0)


def test_who_was_asked_for_before_the_pause_neither_lengthens_it_nor_sends_a_second_one_ahead() -> None:
    queue = many()
    early = [queue.next(0.0) for _ in range(BLOCKS_IN_A_ROW + 4)]
    for video_id in early[:-2]:
        queue.settle(str(video_id), BLOCKED, 0.0)
    assert queue.pauses == 1
    now = queue.wait(0.0)
    ahead = queue.next(now)
    assert ahead is not None
    for video_id, verdict in zip(early[-2:], (FAILED, BLOCKED), strict=True):
        queue.settle(str(video_id), verdict, now)
        assert (queue.pauses, queue.next(now)) == (1, None)
    queue.settle(ahead, DONE, now)
    assert queue.next(now) is not None


def test_a_video_that_wants_a_grown_up_stops_nobody_else() -> None:
    queue = many()
    for _ in range(20):
        video_id = queue.next(0.0)
        assert video_id is not None
        queue.settle(video_id, AGE, 0.0)
    assert (queue.pauses, queue.wait(0.0)) == (0, 0.0)


def test_blocks_are_in_a_row_although_videos_that_are_gone_lie_between() -> None:
    queue = many()
    for verdict in (BLOCKED, GONE, BLOCKED, FAILED, BLOCKED):
        queue.settle(str(queue.next(0.0)), verdict, 0.0)
    assert queue.pauses == 0
    blocked(queue, 1, 0.0)
    assert queue.pauses == 1
    queue = many()
    for verdict in (BLOCKED, BLOCKED, BLOCKED, DONE, BLOCKED, BLOCKED, BLOCKED):
        queue.settle(str(queue.next(0.0)), verdict, 0.0)
    assert queue.pauses == 0


def test_a_video_of_another_run_comes_back_later_without_a_try() -> None:
    queue = Queue(["a", "b"], {}, 0.0)
    assert queue.next(0.0) == "a"
    queue.put_back("a", 0.0, 60.0)
    assert given_now(queue, 0.0) == ["b"]
    assert (queue.due(), queue.tries_here("a")) == (60.0, 0)
    assert queue.next(60.0) == "a"
    queue.skip("a")
    assert queue.due() is None


def test_one_that_went_ahead_and_need_not_be_fetched_makes_room_for_the_next() -> None:
    for give_up in (lambda queue, one: queue.skip(one), lambda queue, one: queue.put_back(one, 100.0, 60.0)):
        queue = many()
        blocked(queue, BLOCKS_IN_A_ROW, 0.0)
        ahead = queue.next(100.0)
        give_up(queue, ahead)
        assert queue.next(100.0) not in (None, ahead)
        assert queue.next(100.0) is None


verdicts = st.sampled_from([DONE, GONE, FAILED, AGE, BLOCKED])
moves = st.one_of(
    st.tuples(st.just("next"), st.integers(1, 5)),
    st.tuples(st.just("settle"), st.tuples(st.integers(0, 9), verdicts)),
    st.tuples(st.just("put back"), st.integers(0, 9)),
    st.tuples(st.just("skip"), st.integers(0, 9)),
    st.tuples(st.just("later"), st.floats(0, 500)),
)


@given(
    st.integers(0, 12),
    st.dictionaries(st.integers(0, 11), st.tuples(st.integers(1, 9), st.floats(0, 100)), max_size=5),
    st.integers(1, 4),
    st.booleans(),
    st.lists(moves, max_size=60),
)
def test_whatever_happens_every_video_is_settled_or_due_and_given_once_at_a_time(
    count: int, tried: dict[int, tuple[int, float]], attempts: int, at_once: bool, moves: list
) -> None:
    ids = [str(i) for i in range(count)]
    known = {str(i): (tries, last) for i, (tries, last) in tried.items() if i < count}
    now = 100.0
    queue = Queue(ids, known, now, first_pause_s=1.0, attempts=attempts, at_once=at_once)
    out: list[str] = []
    settled: set[str] = set()
    tries: dict[str, int] = {}

    def settle(video_id: str, verdict: Verdict) -> None:
        out.remove(video_id)
        tries[video_id] = tries.get(video_id, 0) + 1
        again = queue.settle(video_id, verdict, now)
        assert again == (verdict.outcome in {"blocked", "failed"} and tries[video_id] < attempts)
        if not again:
            settled.add(video_id)

    def check() -> None:
        assert len(queue) + len(out) + len(settled) == count
        assert (queue.due() is None) == (len(queue) == 0)
        assert queue.wait(now) >= 0
        # Where nobody is out, somebody will be: nothing waits for ever.
        assert out or queue.due() is None or queue.wait(now) < math.inf

    for what, value in moves:
        check()
        if what == "next":
            for _ in range(value):
                wait = queue.wait(now)
                video_id = queue.next(now)
                assert (video_id is not None) == (wait == 0)
                if video_id is not None:
                    assert video_id not in out and video_id not in settled
                    out.append(video_id)
        elif what == "later":
            now += value
        elif out and what == "settle":
            settle(out[value[0] % len(out)], value[1])
        elif out and what == "put back":
            video_id = out.pop(value % len(out))
            queue.put_back(video_id, now, 7.0)
        elif out and what == "skip":
            video_id = out.pop(value % len(out))
            queue.skip(video_id)
            settled.add(video_id)
    check()
    while out or queue.due() is not None:
        if not out:
            now += queue.wait(now)
            video_id = queue.next(now)
            assert video_id is not None
            out.append(video_id)
        settle(out[0], FAILED)
        check()
    assert settled == set(ids)


@pytest.mark.parametrize(("text", "share"), [("1/1", (1, 1)), ("3/16", (3, 16)), ("016/16", (16, 16))])
def test_a_share_is_written_as_a_fraction(text: str, share: tuple[int, int]) -> None:
    assert read_slice(text) == share


@pytest.mark.parametrize(
    "text",
    [
        *("", "3", "3/", "/16", "0/4", "5/4", "1/0", "0/0", "-1/4", "1.5/4", "3 of 16", "1/2/3"),
        *("\u0663/\u0664", "1/99999999999"),
    ],
)
def test_what_is_no_share_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(BadInputError, match="--slice") as refused:
        read_slice(text)
    assert "0/0" not in refused.value.hint
    assert "3/16" in refused.value.hint or "1/4 to 4/4" in refused.value.hint


ids = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12), unique=True)


@given(ids, st.integers(1, 20))
def test_the_shares_are_disjoint_and_together_everything_in_order(ids: list[str], count: int) -> None:
    shares = [in_slice(ids, number, count) for number in range(1, count + 1)]
    assert sorted(video_id for share in shares for video_id in share) == sorted(ids)
    assert all(share == [video_id for video_id in ids if video_id in set(share)] for share in shares)
    # A longer manifest, or one in another order, moves nobody to another share.
    for number, share in enumerate(shares, 1):
        more = in_slice([*reversed(ids), "one more"], number, count)
        assert set(more) - {"one more"} == set(share) - {"one more"}


def test_the_shares_of_a_manifest_are_about_of_one_size_and_the_same_for_ever() -> None:
    ids = [f"video-{i}" for i in range(16_000)]
    sizes = [len(in_slice(ids, number, 16)) for number in range(1, 17)]
    assert min(sizes) > 850
    assert max(sizes) < 1150
    # Machines with other versions of this package share the work.
    assert in_slice(["dQw4w9WgXcQ", "-dash", "a", "b", "c", "d", "e"], 2, 3) == ["a", "b"]
