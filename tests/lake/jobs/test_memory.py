"""Worker processes that take more memory than they may are ended, and take nothing along but their own task."""

from __future__ import annotations

import os
import signal
import sys
from types import ModuleType

import pytest

from signverse.lake.jobs.memory import default_memory_mb, machine_memory_mb
from signverse.lake.jobs.pool import ProcessPool


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_process_that_needs_more_memory_than_it_may_fails_its_own_task_and_the_others_go_on(
    jobs: ModuleType,
) -> None:
    tasks = [("add", 1), ("swell", 4000), ("reserve", 100_000), ("swell at once", 4000), ("swell", 50), ("add", 2)]
    with ProcessPool(2, jobs.make_job, memory_mb=300) as pool:
        events = {event.task: (event.kind, event.value) for event in pool.run(tasks)}
    over = ("memory", "needs more than 300 MB of memory")
    assert events == {
        ("add", 1): ("result", 1),
        ("swell", 4000): over,
        ("reserve", 100_000): ("result", 100_000 * 2**20),
        ("swell at once", 4000): over,
        ("swell", 50): ("result", 50),
        ("add", 2): ("result", 2),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_who_works_beside_a_task_that_needs_too_much_memory_is_done_again(jobs: ModuleType) -> None:
    with ProcessPool(2, jobs.make_job, per_process=[(0,)], memory_mb=300) as pool:
        kinds = {
            event.task: event.kind
            for event in pool.run([("swell", 4000), ("slowly", 3), ("add", 1)])
            if event.kind != "progress"
        }
    assert kinds == {("swell", 4000): "memory", ("slowly", 3): "result", ("add", 1): "result"}


def test_a_process_that_the_system_ends_for_lack_of_memory_is_told_as_such(
    jobs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = iter([3, 3, 4])
    monkeypatch.setattr("signverse.lake.jobs.pool.ended_for_lack_of_memory", lambda: next(ended))
    with ProcessPool(1, jobs.make_job) as pool:
        tasks = [("signal", signal.SIGKILL), ("leave", 1), ("signal", signal.SIGKILL)]
        events = [(event.kind, event.value) for event in pool.run(tasks)]
    assert events == [
        ("died", "SIGKILL"),
        ("died", "exit code 1"),
        ("memory", "ended by the system, because the machine had no memory left"),
    ]


@pytest.mark.parametrize("processes", [1, 2, 64])
def test_workers_share_three_quarters_of_the_machine_and_have_enough_for_their_libraries(processes: int) -> None:
    share = default_memory_mb(processes)
    assert share >= 1024
    assert share == 1024 or share * processes <= machine_memory_mb()
    assert machine_memory_mb() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
