"""One process at a time keeps a lake in shape, and none that was killed keeps the others from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from signverse.lake.model.errors import SignverseError
from signverse.lake.storage.integrity import writers
from signverse.lake.storage.merging import lease
from signverse.lake.storage.merging.lease import NAME, only_upkeep, upkeep_lease

_HOLD = """
import sys, time
from pathlib import Path
from signverse.lake.storage.merging.lease import upkeep_lease
with upkeep_lease(Path(sys.argv[1])) as free:
    print(free, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lake").mkdir()
    return tmp_path / "lake"


def is_free(folder: Path) -> bool:
    with upkeep_lease(folder) as free:
        return free


def test_it_is_of_one_at_a_time_and_nothing_is_left_of_it(folder):
    with upkeep_lease(folder) as free:
        assert free and not is_free(folder)
    assert is_free(folder)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) in ([], ["making"])


def test_of_many_who_ask_at_once_one_gets_it(folder):
    """Also where the lease that is there is over, which all of them see."""
    for left in ("", json.dumps({"holder": "0123456789ab.x"}), "{", "[]", '{"holder": 3}'):
        if left:
            (folder / NAME).write_text(left)
            os.utime(folder / NAME, (0, 0))
        begin, end, got = threading.Barrier(8), threading.Barrier(8), []

        def ask(begin: threading.Barrier = begin, end: threading.Barrier = end, got: list[bool] = got) -> None:
            begin.wait()
            with upkeep_lease(folder) as free:
                got.append(free)
                end.wait()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False] * 7 + [True]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_that_of_a_killed_process_is_over_at_once(folder):
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "True\n"
    assert not is_free(folder)
    holder.kill()
    holder.communicate()
    assert (folder / NAME).exists()
    assert is_free(folder)


def test_that_of_a_process_which_renews_it_no_more_is_over_after_ten_minutes_by_the_clock_of_the_store(folder):
    """It may hang, or the file system has no locks that would tell that it was killed."""
    with writers.working_folder(folder) as work:
        (folder / NAME).write_text(json.dumps({"holder": work.name}))
        assert not is_free(folder)
        now = writers.store_time(folder)
        os.utime(folder / NAME, (now - 590, now - 590))
        assert not is_free(folder)
        os.utime(folder / NAME, (now - 610, now - 610))
        assert is_free(folder)


@pytest.mark.parametrize("ahead", [700, 86_400, 4e8])
def test_that_of_a_day_to_come_keeps_nobody_from_work_until_then(folder, ahead):
    """The clock of the store was set back since, and no lock tells whether the holder lives."""
    with writers.working_folder(folder) as work:
        (folder / NAME).write_text(json.dumps({"holder": work.name}))
        now = writers.store_time(folder)
        os.utime(folder / NAME, (now + 5, now + 5))
        assert not is_free(folder)
        os.utime(folder / NAME, (now + ahead, now + ahead))
        assert is_free(folder)


def test_a_holder_that_lost_it_leaves_that_of_the_next_one_alone(folder):
    with upkeep_lease(folder):
        os.utime(folder / NAME, (0, 0))
        with upkeep_lease(folder) as free:
            assert free
            mine = (folder / NAME).read_text()
            with upkeep_lease(folder) as third:
                assert not third
            assert (folder / NAME).read_text() == mine


def test_maintenance_waits_for_it_and_may_take_it_twice(folder, monkeypatch):
    with only_upkeep(folder), only_upkeep(folder):
        assert not is_free(folder)
    monkeypatch.setattr(lease, "_wait_s", 0.3)
    with (
        upkeep_lease(folder),
        pytest.raises(SignverseError, match="another process is maintaining"),
        only_upkeep(folder),
    ):
        pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_in_its_place_stops_nobody(folder):
    os.mkfifo(folder / NAME)
    assert not is_free(folder)
    os.utime(folder / NAME, (0, 0))
    assert is_free(folder)


@pytest.mark.parametrize("left", [b"", b'{"hol', bytes(40), b"{}", b'{"holder": 7}', b"[]"])
def test_what_a_power_cut_left_of_one_stops_nobody(folder, left):
    (folder / NAME).write_bytes(left)
    # Where there are no hard links, one is empty for a moment.
    assert not is_free(folder)
    now = writers.store_time(folder)
    os.utime(folder / NAME, (now - 3, now - 3))
    assert is_free(folder)
