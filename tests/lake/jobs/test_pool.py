"""Worker processes that die, fail or are interrupted take nothing along but their own task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from signverse.lake.jobs.events import Event
from signverse.lake.jobs.pool import ProcessPool
from signverse.lake.model.errors import BadInputError, SignverseError


@pytest.fixture
def done(jobs: ModuleType) -> Callable[..., list[Event]]:
    """Runs tasks through a pool and gives all its events but progress."""

    def run(tasks: list, size: int = 2, *arguments: object) -> list[Event]:
        with ProcessPool(size, jobs.make_job, *arguments) as pool:
            return [event for event in pool.run(tasks) if event.kind != "progress"]

    return run


def test_every_task_gives_its_result_whatever_the_number_of_workers(done) -> None:
    tasks = [("add", i) for i in range(20)]
    events = done(tasks, 2, 100)
    assert sorted(events, key=lambda event: event.value) == [Event("result", task, task[1] + 100) for task in tasks]
    assert [event.value for event in done(tasks[:3], 1)] == [0, 1, 2]


def test_no_tasks_need_no_process(jobs: ModuleType) -> None:
    with ProcessPool(4, jobs.make_job) as pool:
        assert list(pool.run([])) == []
        assert pool._workers == []


def test_progress_comes_in_order_before_the_result(jobs: ModuleType) -> None:
    with ProcessPool(1, jobs.make_job) as pool:
        events = list(pool.run([("report", 50)]))
    assert [event.value for event in events[:-1]] == list(range(50))
    assert {event.kind for event in events[:-1]} == {"progress"}
    assert events[-1].kind == "result"


def test_the_models_are_opened_once_a_worker_not_once_a_task(done) -> None:
    assert len({event.value for event in done([("report", 0)] * 6, 1)}) == 1


def test_an_error_that_a_person_can_mend_keeps_its_words_and_its_kind(done) -> None:
    (event,) = done([("refuse", "a.mp4")])
    assert event.kind == "error"
    assert type(event.value) is BadInputError
    assert (event.value.message, event.value.hint) == ("a.mp4 is no video", "Mend it.")


@pytest.mark.parametrize("task", [("strange", 0), ("unpicklable", 0), ("add", "text")])
def test_any_other_error_of_a_job_is_that_tasks_alone(done, task: tuple) -> None:
    events = done([("add", 1), task, ("add", 2)], 1)
    assert [event.kind for event in events] == ["result", "error", "result"]
    assert isinstance(events[1].value, SignverseError)


def test_a_job_that_cannot_be_made_is_the_error_of_every_task(done) -> None:
    events = done([("add", 1), ("add", 2)], 2, 0, True)
    assert [(event.kind, str(event.value)) for event in events] == [("error", "no models here. Fetch them.")] * 2


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (("signal", signal.SIGSEGV), "SIGSEGV"),
        (("signal", signal.SIGKILL), "SIGKILL"),
        (("leave", 7), "exit code 7"),
        (("leave", 0), "exit code 0"),
        (("exit", 4), "exit code 4"),
    ],
)
@pytest.mark.parametrize("size", [1, 2])
def test_a_process_that_dies_takes_only_its_own_task_along(done, task: tuple, why: str, size: int) -> None:
    good = [("add", i) for i in range(4)]
    events = done([*good[:2], task, *good[2:]], size)
    assert [event for event in events if event.kind == "died"] == [Event("died", task, why)]
    assert sorted(event.value for event in events if event.kind == "result") == [0, 1, 2, 3]


def test_when_every_task_kills_its_process_every_task_is_told(done) -> None:
    tasks = [("leave", i) for i in range(1, 6)]
    events = done(tasks, 2)
    assert {(event.task, event.value) for event in events} == {(task, f"exit code {task[1]}") for task in tasks}


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2])
def test_a_task_of_which_nothing_is_heard_is_given_up_and_the_others_go_on(jobs: ModuleType, size: int) -> None:
    tasks = [("add", 1), ("sleep", 600), ("add", 2), ("stop", 0), ("add", 3)]
    with ProcessPool(size, jobs.make_job) as pool:
        events = list(pool.run(tasks, 8.0))
        assert [event for event in events if event.kind == "stalled"] == [
            Event("stalled", task, 8.0) for task in tasks if task[0] in {"sleep", "stop"}
        ]
    assert sorted(event.value for event in events if event.kind == "result") == [1, 2, 3]


def test_a_task_that_tells_how_far_it_is_may_take_its_time(jobs: ModuleType) -> None:
    with ProcessPool(1, jobs.make_job) as pool:
        list(pool.run([("add", 1)]))
        kinds = [event.kind for event in pool.run([("slowly", 8)], 2.0)]
    assert kinds == ["progress"] * 8 + ["result"]


@pytest.mark.slow
def test_a_listener_that_takes_its_time_makes_no_task_stall(jobs: ModuleType) -> None:
    with ProcessPool(2, jobs.make_job) as pool:
        # On a busy machine a process alone may take longer than that to start.
        list(pool.run([("add", 0), ("add", 0)]))
        kinds = []
        for event in pool.run([("add", 1), ("add", 2), ("add", 3)], 2.0):
            kinds.append(event.kind)
            time.sleep(2.5)
    assert kinds == ["result"] * 3


def test_workers_that_share_a_process_share_its_job_and_its_processes_differ_by_their_arguments(
    jobs: ModuleType,
) -> None:
    with ProcessPool(5, jobs.make_job, per_process=[(100,), (200,)]) as pool:
        pids = {event.value for event in pool.run([("report", 0)] * 20) if event.kind == "result"}
        assert len(pids) == 2
        # The first five go to the processes in turn.
        values = sorted(event.value for event in pool.run([("add", 1)] * 5))
        assert values == [101, 101, 101, 201, 201]


def test_who_was_at_work_beside_a_task_that_killed_the_process_is_done_again(jobs: ModuleType) -> None:
    tasks = [("sleep", 1), ("add", 5), ("sleep", 1.1), ("signal", signal.SIGKILL), ("add", 6), ("add", 7)]
    with ProcessPool(4, jobs.make_job, per_process=[(0,)]) as pool:
        events = [(event.kind, event.task, event.value) for event in pool.run(tasks)]
    assert sorted(task for kind, task, _ in events if kind == "result") == sorted(set(tasks) - {tasks[3]})
    assert [(task, value) for kind, task, value in events if kind == "died"] == [(tasks[3], "SIGKILL")]


@pytest.mark.slow
def test_who_works_beside_a_task_that_is_given_up_is_done_again(jobs: ModuleType) -> None:
    with ProcessPool(2, jobs.make_job, per_process=[(0,)]) as pool:
        kinds = {
            event.task: event.kind
            for event in pool.run([("sleep", 1000), ("slowly", 9)], 3)
            if event.kind != "progress"
        }
    assert kinds == {("sleep", 1000): "stalled", ("slowly", 9): "result"}


def test_a_process_that_dies_between_two_tasks_does_not_end_the_run(done) -> None:
    tasks = [("die later", 1), ("sleep", 0.5), ("add", 5)]
    events = done(tasks, 1)
    assert [event.task for event in events] == tasks
    assert events[0].kind in {"result", "died"}
    assert events[-1] == Event("result", ("add", 5), 5)


def test_a_process_that_is_gone_before_it_is_given_a_task_is_told_and_replaced(jobs: ModuleType) -> None:
    with ProcessPool(1, jobs.make_job) as pool:
        events = []
        for event in pool.run([("add", 1), ("add", 2), ("add", 3)]):
            events.append(event)
            if len(events) == 1:
                pool._workers[0].process.kill()
                pool._workers[0].process.join()
    assert [event.kind for event in events] == ["result", "died", "result"]
    assert events[1].value == "SIGKILL"


def running(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}/stat").exists()]


def test_leaving_early_ends_the_processes(jobs: ModuleType) -> None:
    with ProcessPool(2, jobs.make_job) as pool:
        for _ in pool.run([("report", 0), ("sleep", 600), ("sleep", 600)]):
            break
        pids = [worker.process.pid for worker in pool._workers]
        assert running(pids) == pids
    assert running(pids) == []


def test_an_error_in_the_middle_ends_the_processes(jobs: ModuleType) -> None:
    pids = []
    with pytest.raises(ZeroDivisionError), ProcessPool(2, jobs.make_job) as pool:
        for _ in pool.run([("report", 0), ("sleep", 600)]):
            pids = [worker.process.pid for worker in pool._workers]
            raise ZeroDivisionError
    assert pids
    assert running(pids) == []


MAIN = """
import sys
from signverse.lake.jobs.pool import ProcessPool
from pool_jobs import make_job

if __name__ == "__main__":
    try:
        with ProcessPool(2, make_job) as pool:
            for event in pool.run([("report", 1), ("sleep", 600), ("sleep", 600)]):
                print(event.kind, event.value, flush=True)
    except KeyboardInterrupt:
        print("interrupted", [w.process.exitcode for w in pool._workers], flush=True)
"""


@pytest.fixture
def program(jobs: ModuleType, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A program of its own process group that runs a pool, as a terminal starts it."""
    (tmp_path / "main.py").write_text(textwrap.dedent(MAIN))
    folder = Path(jobs.__file__).parent
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-u", str(tmp_path / "main.py")],
        env={**os.environ, "PYTHONPATH": f"{root}:{folder}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for_result(program: subprocess.Popen) -> None:
    assert program.stdout is not None
    while not (line := program.stdout.readline()).startswith("result"):
        assert line, program.communicate()[1]


def members(group: int) -> list[int]:
    """Processes of a group that are running."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[2] == str(group) and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def left_behind(group: int) -> list[int]:
    """Processes of a group that do not end by themselves; Python's resource tracker takes a moment after its parent."""
    for _ in range(1000):
        if not members(group):
            break
        time.sleep(0.01)
    return members(group)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_reaches_the_parent_only_and_no_process_stays_behind(program: subprocess.Popen) -> None:
    wait_for_result(program)
    os.killpg(program.pid, signal.SIGINT)
    out, errors = program.communicate(timeout=30)
    assert out.startswith("interrupted [")
    assert errors == ""
    assert left_behind(program.pid) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_while_the_processes_start_prints_no_tracebacks_of_theirs(program: subprocess.Popen) -> None:
    while len(members(program.pid)) < 4:  # the program, the resource tracker and two workers
        time.sleep(0.001)
    os.killpg(program.pid, signal.SIGINT)
    out, errors = program.communicate(timeout=30)
    assert out.splitlines()[-1].startswith("interrupted [")
    assert "Traceback" not in errors
    assert left_behind(program.pid) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_when_the_parent_is_killed_its_processes_end_too_whatever_they_are_at(program: subprocess.Popen) -> None:
    wait_for_result(program)
    program.kill()
    program.wait()
    assert left_behind(program.pid) == []


@pytest.mark.parametrize("task", [("finalize", 60), ("send on", 0)])
def test_a_task_that_is_broken_off_anywhere_prints_nothing(jobs: ModuleType, capfd, task: tuple[str, int]) -> None:
    with ProcessPool(1, jobs.make_job) as pool:
        for _ in pool.run([task]):
            break
    assert "".join(capfd.readouterr()) == ""
    assert all(worker.process.exitcode is not None for worker in pool._workers)
