"""Which video is next, and when: who is refused waits longer each time, and where a site refuses all, all wait."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.acquire.download.outcomes import Outcome
from signverse.ingest.acquire.scheduling.retry_policy import ATTEMPTS, pause_after
from signverse.ingest.acquire.scheduling.retry_queue import RetryQueue
from signverse.ingest.acquire.scheduling.site_breaker import BLOCKS_IN_A_ROW, MAX_PAUSES

DONE = Outcome("done")
GONE = Outcome("unavailable", "deleted")
FAILED = Outcome("failed", "timeout")
AGE = Outcome("blocked", "age", scope="video")
BLOCKED = Outcome("blocked", "rate_limit", scope="site")
FIRST = 60.0


def given_now(queue: RetryQueue, now: float) -> list[str]:
    """All that may be fetched at once."""
    found = []
    while (video_id := queue.pop(now)) is not None:
        found.append(video_id)
    return found


def test_videos_come_in_the_order_of_the_manifest() -> None:
    queue = RetryQueue(["b", "a", "c"], {}, 0.0)
    assert given_now(queue, 0.0) == ["b", "a", "c"]
    assert queue.next_due() is None
    assert queue.seconds_left(0.0) == math.inf


def test_pauses_grow_fourfold_up_to_an_hour() -> None:
    assert [pause_after(tries) for tries in range(1, 7)] == [60, 240, 960, 3840, 3840, 3840]
    assert pause_after(0) == 60
    assert pause_after(10_000, 0.5) == 32


def test_who_fails_is_tried_again_after_each_pause_and_given_up_after_so_many_tries() -> None:
    queue = RetryQueue(["a"], {}, 0.0, first_pause_s=FIRST)
    now = 0.0
    for tries in range(1, ATTEMPTS):
        assert queue.pop(now) == "a"
        assert queue.tries_in_run("a") == tries - 1
        assert queue.record("a", FAILED, now)
        pause = pause_after(tries)
        assert queue.next_due() == now + pause
        assert queue.pop(now + pause - 0.001) is None
        now += pause
    assert queue.pop(now) == "a"
    assert not queue.record("a", FAILED, now)
    assert len(queue) == 0


def test_one_attempt_is_one() -> None:
    queue = RetryQueue(["a"], {}, 0.0, attempts=1)
    assert queue.pop(0.0) == "a"
    assert not queue.record("a", FAILED, 0.0)


def test_what_is_done_or_gone_is_settled() -> None:
    queue = RetryQueue(["a", "b"], {}, 0.0)
    given_now(queue, 0.0)
    assert not queue.record("a", DONE, 0.0)
    assert not queue.record("b", GONE, 0.0)
    assert len(queue) == 0


def test_who_was_tried_in_an_earlier_run_waits_for_the_end_of_its_pause_behind_the_others() -> None:
    tried = {"often": (3, 1000.0), "long ago": (1, 0.0)}
    queue = RetryQueue(["often", "long ago", "never"], tried, 1001.0, first_pause_s=FIRST)
    assert given_now(queue, 1001.0) == ["long ago", "never"]
    assert queue.next_due() == 1000.0 + 960
    # The next pause goes on where the last one ended.
    assert queue.pop(1960.0) == "often"
    queue.record("often", FAILED, 1960.0)
    assert queue.next_due() == 1960.0 + 3840


def test_on_request_nobody_waits() -> None:
    queue = RetryQueue(["a", "b"], {"a": (9, 999.0)}, 1000.0, at_once=True)
    assert given_now(queue, 1000.0) == ["a", "b"]


def test_a_clock_that_was_put_back_makes_nobody_wait_longer_than_its_pause_from_then() -> None:
    queue = RetryQueue(["a"], {"a": (1, 5000.0)}, 1000.0, first_pause_s=FIRST)
    assert queue.next_due() == 1060.0


def blocked(queue: RetryQueue, count: int, now: float) -> None:
    for _ in range(count):
        video_id = queue.pop(now)
        assert video_id is not None
        queue.record(video_id, BLOCKED, now)


def many(count: int = 40) -> RetryQueue:
    return RetryQueue([f"v{i:02}" for i in range(count)], {}, 0.0, first_pause_s=FIRST)


def test_where_a_site_refuses_one_after_the_other_all_wait_and_then_one_goes_ahead() -> None:
    queue = many()
    blocked(queue, BLOCKS_IN_A_ROW - 1, 0.0)
    assert (queue.pauses, queue.seconds_left(0.0)) == (0, 0.0)
    blocked(queue, 1, 0.0)
    assert queue.pauses == 1
    assert FIRST <= queue.seconds_left(0.0) <= FIRST * 1.25
    assert queue.pop(FIRST - 1) is None
    later = FIRST * 1.25
    ahead = queue.pop(later)
    assert ahead is not None
    assert queue.pop(later) is None
    assert queue.seconds_left(later) == math.inf
    # It is let in: so are all.
    queue.record(ahead, DONE, later + 5)
    assert queue.pauses == 0
    assert len(given_now(queue, later + 5)) >= 30


def test_each_pause_of_all_is_longer_than_the_last_one() -> None:
    queue = many()
    blocked(queue, BLOCKS_IN_A_ROW, 0.0)
    now = 0.0
    for pauses in range(1, MAX_PAUSES + 1):
        assert queue.pauses == pauses
        now += queue.seconds_left(now)
        video_id = queue.pop(now)
        assert video_id is not None
        queue.record(video_id, BLOCKED, now)
        assert pause_after(pauses + 1) <= queue.seconds_left(now) <= pause_after(pauses + 1) * 1.25
    assert queue.pauses > MAX_PAUSES


def test_one_that_goes_ahead_and_is_gone_or_fails_says_nothing_about_the_site() -> None:
    queue = many()
    blocked(queue, BLOCKS_IN_A_ROW, 0.0)
    now = queue.seconds_left(0.0)
    for outcome in (GONE, FAILED, AGE):
        ahead = queue.pop(now)
        assert ahead is not None
        assert queue.pop(now) is None
        queue.record(ahead, outcome, now)
        assert (queue.pauses, queue.seconds_left(now)) == (1, 0.0)


def test_who_was_asked_for_before_the_pause_neither_lengthens_it_nor_sends_a_second_one_ahead() -> None:
    queue = many()
    early = [queue.pop(0.0) for _ in range(BLOCKS_IN_A_ROW + 4)]
    for video_id in early[:-2]:
        queue.record(str(video_id), BLOCKED, 0.0)
    assert queue.pauses == 1
    now = queue.seconds_left(0.0)
    ahead = queue.pop(now)
    assert ahead is not None
    for video_id, outcome in zip(early[-2:], (FAILED, BLOCKED), strict=True):
        queue.record(str(video_id), outcome, now)
        assert (queue.pauses, queue.pop(now)) == (1, None)
    queue.record(ahead, DONE, now)
    assert queue.pop(now) is not None


def test_a_video_that_wants_a_grown_up_stops_nobody_else() -> None:
    queue = many()
    for _ in range(20):
        video_id = queue.pop(0.0)
        assert video_id is not None
        queue.record(video_id, AGE, 0.0)
    assert (queue.pauses, queue.seconds_left(0.0)) == (0, 0.0)


def test_blocks_are_in_a_row_although_videos_that_are_gone_lie_between() -> None:
    queue = many()
    for outcome in (BLOCKED, GONE, BLOCKED, FAILED, BLOCKED):
        queue.record(str(queue.pop(0.0)), outcome, 0.0)
    assert queue.pauses == 0
    blocked(queue, 1, 0.0)
    assert queue.pauses == 1
    queue = many()
    for outcome in (BLOCKED, BLOCKED, BLOCKED, DONE, BLOCKED, BLOCKED, BLOCKED):
        queue.record(str(queue.pop(0.0)), outcome, 0.0)
    assert queue.pauses == 0


def test_a_video_of_another_run_comes_back_later_without_a_try() -> None:
    queue = RetryQueue(["a", "b"], {}, 0.0)
    assert queue.pop(0.0) == "a"
    queue.requeue("a", 0.0, 60.0)
    assert given_now(queue, 0.0) == ["b"]
    assert (queue.next_due(), queue.tries_in_run("a")) == (60.0, 0)
    assert queue.pop(60.0) == "a"
    queue.drop("a")
    assert queue.next_due() is None


def test_one_that_went_ahead_and_need_not_be_fetched_makes_room_for_the_next() -> None:
    for give_up in (lambda queue, one: queue.drop(one), lambda queue, one: queue.requeue(one, 100.0, 60.0)):
        queue = many()
        blocked(queue, BLOCKS_IN_A_ROW, 0.0)
        ahead = queue.pop(100.0)
        give_up(queue, ahead)
        assert queue.pop(100.0) not in (None, ahead)
        assert queue.pop(100.0) is None


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
    queue = RetryQueue(ids, known, now, first_pause_s=1.0, attempts=attempts, at_once=at_once)
    out: list[str] = []
    settled: set[str] = set()
    tries: dict[str, int] = {}

    def settle(video_id: str, outcome: Outcome) -> None:
        out.remove(video_id)
        tries[video_id] = tries.get(video_id, 0) + 1
        again = queue.record(video_id, outcome, now)
        assert again == (outcome.kind in {"blocked", "failed"} and tries[video_id] < attempts)
        if not again:
            settled.add(video_id)

    def check() -> None:
        assert len(queue) + len(out) + len(settled) == count
        assert (queue.next_due() is None) == (len(queue) == 0)
        assert queue.seconds_left(now) >= 0
        # Where nobody is out, somebody will be: nothing waits for ever.
        assert out or queue.next_due() is None or queue.seconds_left(now) < math.inf

    for what, value in moves:
        check()
        if what == "next":
            for _ in range(value):
                wait = queue.seconds_left(now)
                video_id = queue.pop(now)
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
            queue.requeue(video_id, now, 7.0)
        elif out and what == "skip":
            video_id = out.pop(value % len(out))
            queue.drop(video_id)
            settled.add(video_id)
    check()
    while out or queue.next_due() is not None:
        if not out:
            now += queue.seconds_left(now)
            video_id = queue.pop(now)
            assert video_id is not None
            out.append(video_id)
        settle(out[0], FAILED)
        check()
    assert settled == set(ids)
