"""Several runs in one media folder: none does another's work, and a killed one loses nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from signverse.ingest.acquire import leases
from signverse.ingest.acquire.leases import EXPIRY_S, Run
from signverse.lake.outcomes.folder import INSIDE

STRANGE = ["-dash", "--help", "a..b", "a b", "ä\u00f6ü 日本", "%41", "takeover.lock", "x" * 128, "e\u0301", "runs", "~"]
"""Ids that a manifest may hold."""


@pytest.fixture
def media(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    return tmp_path / "media"


FORK = multiprocessing.get_context("fork")


@dataclass
class Worker:
    """A process that has a run of the folder, has done its work, and waits."""

    process: BaseProcess
    pipe: Connection
    run_id: str = ""
    found: Any = None

    def kill(self) -> str:
        """Kills it; gives its run's id."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        return self.run_id

    def end(self) -> None:
        """Lets it end as a run does."""
        self.pipe.send("end")
        self.process.join(60)
        assert self.process.exitcode == 0


def serve(media: Path, work: Callable[[Run], Any], pipe: Connection) -> None:
    with Run(media) as run:
        pipe.send((run.id, work(run)))
        pipe.recv()


@pytest.fixture
def start(media: Path) -> Iterator[Callable[..., list[Worker]]]:
    """start(work, count): processes that do something with a run of theirs."""
    workers: list[Worker] = []

    def start(work: Callable[[Run], Any], count: int = 1) -> list[Worker]:
        fresh = []
        for _ in range(count):
            ours, theirs = FORK.Pipe()
            process = FORK.Process(target=serve, args=(media, work, theirs), daemon=True)
            process.start()
            theirs.close()
            fresh.append(Worker(process, ours))
        workers.extend(fresh)
        for worker in fresh:
            worker.run_id, worker.found = worker.pipe.recv()
        return fresh

    yield start
    for worker in workers:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


Start = Callable[..., list[Worker]]


def noting(*video_ids: str) -> Callable[[Run], None]:
    def work(run: Run) -> None:
        for video_id in video_ids:
            run.write_journal(row(video_id))

    return work


def taking(*video_ids: str) -> Callable[[Run], list[str]]:
    return lambda run: [video_id for video_id in video_ids if run.take_lease(video_id)]


def row(video_id: str, attempt: int = 1) -> dict[str, Any]:
    return {"video_id": video_id, "stage": "download", "attempt": attempt}


def files(media: Path, *parts: str) -> list[str]:
    return sorted(path.name for path in (media / INSIDE).joinpath(*parts).iterdir())


def moved(media: Path, run_id: str, host: str = "elsewhere 1") -> Path:
    """A run's file as one of another machine."""
    file = media / INSIDE / "runs" / run_id
    file.write_text(json.dumps({**json.loads(file.read_text()), "host": host}))
    return file


def aged(path: Path, seconds: float) -> None:
    stamp = time.time() - seconds
    os.utime(path, (stamp, stamp))


def test_two_runs_never_hold_one_lease(media: Path) -> None:
    with Run(media) as one, Run(media) as two:
        assert one.take_lease("a")
        assert one.take_lease("a")
        assert not two.take_lease("a")
        assert two.take_lease("b")
        two.release_lease("a")
        assert not two.take_lease("a")
        one.release_lease("a")
        assert two.take_lease("a")
    assert files(media, "leases") == files(media, "runs") == files(media, "journal") == []


def test_a_run_that_lives_in_another_process_keeps_its_leases_and_its_journal(media: Path, start: Start) -> None:
    def work(run: Run) -> None:
        assert run.take_lease("a")
        run.write_journal(row("a"))

    run_id = start(work)[0].run_id
    with Run(media) as run:
        # Its file may be old: on this machine the process says more.
        aged(media / INSIDE / "runs" / run_id, 10 * EXPIRY_S)
        assert not run.take_lease("a")
        assert run.adopt_journals() == []


def test_a_killed_run_of_this_machine_is_taken_over_at_once(media: Path, start: Start) -> None:
    def work(run: Run) -> None:
        for video_id in ("a", "b"):
            assert run.take_lease(video_id)
            run.write_journal(row(video_id))

    start(work)[0].kill()
    with Run(media) as run:
        assert run.adopt_journals() == [row("a"), row("b")]
        assert run.take_lease("a")
        assert run.take_lease("b")
        run.clear_journal()
    with Run(media) as run:
        assert run.adopt_journals() == []
    assert files(media, "leases") == files(media, "runs") == files(media, "journal") == []


def test_a_later_process_of_the_same_number_is_another_one(media: Path) -> None:
    with Run(media) as dead, Run(media) as run:
        dead.take_lease("a")
        file = media / INSIDE / "runs" / dead.id
        file.write_text(json.dumps({**json.loads(file.read_text()), "began": "1"}))
        assert run.take_lease("a")


def test_a_run_of_another_machine_is_taken_over_when_it_gave_no_sign_of_life_for_long(media: Path) -> None:
    with Run(media) as far, Run(media) as run:
        far.take_lease("a")
        far.write_journal(row("a"))
        file = moved(media, far.id)
        aged(file, EXPIRY_S - 60)
        assert not run.take_lease("a")
        assert run.adopt_journals() == []
        aged(file, EXPIRY_S + 60)
        assert run.take_lease("a")
        assert run.adopt_journals() == [row("a")]
        # It wakes up: what it gives back is not its any more.
        far.release_lease("a")
        assert files(media, "leases") == ["a"]
    assert files(media, "leases") == []


def test_a_container_with_the_host_s_name_is_another_machine(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/ns/pid").is_symlink():
        pytest.skip("looks into /proc")
    with Run(media) as far, Run(media) as run:
        far.take_lease("a")
        # Its processes have numbers of their own, which mean nothing here.
        file = moved(media, far.id, f"{socket.gethostname()} pid:[1]")
        file.write_text(json.dumps({**json.loads(file.read_text()), "pid": 2**22 + 1}))
        assert not run.take_lease("a")


def test_a_run_that_beats_stays_alive(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Run(media) as far, Run(media) as run:
        far.take_lease("a")
        aged(moved(media, far.id), 2 * EXPIRY_S)
        far.heartbeat()
        assert not run.take_lease("a")
        aged(media / INSIDE / "runs" / far.id, 2 * EXPIRY_S)
        # It was a moment ago: nothing is touched.
        far.heartbeat()
        assert run.take_lease("a")
        monkeypatch.setattr(leases, "HEARTBEAT_S", 0.0)
        far.heartbeat()
        assert time.time() - (media / INSIDE / "runs" / far.id).stat().st_mtime < 60


def test_what_was_noted_and_not_committed_waits_for_the_next_run(media: Path) -> None:
    with Run(media) as run:
        run.write_journal(row("a"))
        run.clear_journal()
        run.write_journal(row("b"))
    assert files(media, "runs") == []
    with Run(media) as run:
        assert run.adopt_journals() == [row("b")]
        run.write_journal(row("c"))
    # It was killed before the lake had them: they are taken over once more, with its own.
    with Run(media) as run:
        found = run.adopt_journals()
        assert sorted(one["video_id"] for one in found) == ["b", "c"]
        assert run.adopt_journals() == []
        run.clear_journal()
    assert files(media, "journal") == []


def test_a_run_that_is_killed_while_it_takes_over_loses_nothing(media: Path, start: Start) -> None:
    start(noting(*(f"v{i}" for i in range(100))))[0].kill()
    for _ in range(3):
        (worker,) = start(Run.adopt_journals)
        assert len(worker.found) == 100
        worker.kill()
    start(lambda run: (run.adopt_journals(), run.write_journal(row("last"))))[0].kill()
    with Run(media) as run:
        found = run.adopt_journals()
        assert Counter(one["video_id"] for one in found) == Counter([*(f"v{i}" for i in range(100)), "last"])


def test_words_of_all_kinds_come_through_a_journal(media: Path) -> None:
    rows = [{"message": text} for text in ("a\nb", "a\u2028b\x85c\x0cd", "\ud800", "\0", "", "日本 \U0001f44b")]
    with Run(media) as run:
        for one in rows:
            run.write_journal(one)
    with Run(media) as run:
        assert run.adopt_journals() == rows


@pytest.mark.parametrize(
    "broken",
    [b'{"video_id": "b', b"\xff\xfe\0", b"[1, 2]", b"7", b"null", b"[" * 100_000, b"", b'"text"', b"9" * 10_000],
    ids=["half", "bytes", "list", "number", "null", "deep", "nothing", "text", "long number"],
)
def test_a_broken_line_costs_only_itself(media: Path, start: Callable, broken: bytes) -> None:
    run_id = start(noting("a"))[0].kill()
    journal = media / INSIDE / "journal" / f"{run_id}.jsonl"
    journal.write_bytes(journal.read_bytes() + broken + b"\n" + json.dumps(row("c")).encode() + b"\n" + broken)
    with Run(media) as run:
        assert run.adopt_journals() == [row("a"), row("c")]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b"null", b'{"host": 1}', b"[" * 100_000, b"0" * 36])
def test_a_lease_or_a_run_that_cannot_be_read_is_respected_until_it_has_expired(media: Path, content: bytes) -> None:
    with Run(media) as run:
        leases, about = media / INSIDE / "leases", media / INSIDE / "runs"
        (leases / "broken").write_bytes(content)
        with Run(media) as other:
            other.take_lease("held")
            other.write_journal(row("held"))
            (about / other.id).write_bytes(content)
            # 36 characters that could be a run's are of one that is gone.
            assert run.take_lease("broken") == (len(content) == 36)
            assert not run.take_lease("held")
            assert run.adopt_journals() == []
            aged(leases / "broken", EXPIRY_S + 1)
            aged(about / other.id, EXPIRY_S + 1)
            assert run.take_lease("broken")
            assert run.take_lease("held")
            assert run.adopt_journals() == [row("held")]


def test_folders_where_files_should_be_harm_nobody(media: Path) -> None:
    with Run(media) as run:
        (media / INSIDE / "journal" / "0.jsonl").mkdir()
        (media / INSIDE / "leases" / "folder").mkdir()
        with Run(media) as other:
            other.take_lease("held")
            (media / INSIDE / "runs" / other.id).unlink()
            (media / INSIDE / "runs" / other.id).mkdir()
            assert run.adopt_journals() == []
            assert not run.take_lease("folder")
            assert not run.take_lease("held")
            (media / INSIDE / "runs" / other.id).rmdir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_of_others_that_may_not_be_read_are_respected(media: Path) -> None:
    with Run(media) as run, Run(media) as other:
        other.take_lease("held")
        (media / INSIDE / "leases" / "held").chmod(0)
        assert not run.take_lease("held")
        (media / INSIDE / "leases" / "held").chmod(0o600)
        (media / INSIDE / "runs" / other.id).chmod(0)
        assert not run.take_lease("held")


def test_a_run_whose_files_were_cleared_away_ends_in_peace(media: Path) -> None:
    with Run(media) as run:
        run.take_lease("a")
        run.write_journal(row("a"))
        for folder in ("runs", "leases", "journal"):
            for path in (media / INSIDE / folder).iterdir():
                path.unlink()


@pytest.mark.parametrize("video_id", STRANGE)
def test_ids_that_are_strange_names_are_ids(media: Path, start: Callable, video_id: str) -> None:
    with Run(media) as one, Run(media) as two:
        assert one.take_lease(video_id)
        assert not two.take_lease(video_id)
        one.release_lease(video_id)
        assert two.take_lease(video_id)


def together(work: Callable[[Run], Any], count: int) -> Callable[[Run], Any]:
    """Work that several processes begin at one moment."""
    barrier = FORK.Barrier(count)

    def wait_and_work(run: Run) -> Any:
        barrier.wait(60)
        return work(run)

    return wait_and_work


@pytest.mark.parametrize("trial", range(3))
def test_of_several_runs_that_take_over_leases_at_one_moment_each_video_goes_to_one(
    media: Path, start: Start, trial: int
) -> None:
    ids = [f"v{i}" for i in range(100)]
    start(taking(*ids))[0].kill()
    workers = start(together(taking(*ids), 6), 6)
    assert sorted(video_id for worker in workers for video_id in worker.found) == sorted(ids)
    for worker in workers:
        worker.end()
    assert files(media, "leases") == []


def test_of_several_runs_that_want_free_videos_at_one_moment_each_goes_to_one(media: Path, start: Start) -> None:
    ids = [f"v{i}" for i in range(200)]
    workers = start(together(taking(*ids), 4), 4)
    assert sorted(video_id for worker in workers for video_id in worker.found) == sorted(ids)


def test_of_several_runs_that_take_over_journals_at_one_moment_each_row_goes_to_one(media: Path, start: Start) -> None:
    ids = [f"v{i}" for i in range(200)]
    for first in range(0, len(ids), 10):
        start(noting(*ids[first : first + 10]))[0].kill()

    def take_over(run: Run) -> list[str]:
        found = run.adopt_journals()
        run.clear_journal()
        return [one["video_id"] for one in found]

    workers = start(together(take_over, 4), 4)
    assert Counter(one for worker in workers for one in worker.found) == Counter(ids)
    for worker in workers:
        worker.end()
    assert files(media, "journal") == files(media, "runs") == []
