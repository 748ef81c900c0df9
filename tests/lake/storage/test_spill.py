"""Rows that wait on disk: they come back, in another process too, and nothing is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from signverse.lake.model.errors import SignverseError
from signverse.lake.storage import spill as spill_module
from signverse.lake.storage.spill import Spill

ROOT = Path(__file__).parents[3]


def table(first: int) -> pa.Table:
    return pa.table({"frame": pa.array([first, first + 1]), "xy": pa.array([[1.0, None], None])})


def test_tables_come_back_as_they_were_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    spill = Spill()
    for first in (0, 2, 4):
        spill.append(table(first))
    assert spill.num_rows == 6
    for _ in range(2):
        assert list(spill.tables()) == [table(0), table(2), table(4)]
    # It has no name from the beginning.
    assert list(tmp_path.iterdir()) == []


def test_a_worker_hands_its_tables_over_and_leaves_nothing_however_it_ends(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import os, signal, sys, time
            import pyarrow as pa
            from signverse.lake.jobs.pool import ProcessPool
            from signverse.lake.storage.spill import Spill

            def make_job():
                def job(task, report):
                    spill = Spill()
                    for first in range(3):
                        spill.append(pa.table({"frame": [first] * 5}))
                    if task == "killed":
                        os.kill(os.getpid(), signal.SIGKILL)
                    return spill
                return job

            if __name__ == "__main__":
                with ProcessPool(1, make_job) as pool:
                    for event in pool.run(["whole", "killed", "another"]):
                        rows = event.kind == "result" and [t["frame"][0].as_py() for t in event.value.tables()]
                        print(event.task, event.kind, rows or event.value)
            """
        )
    )
    # Longer than a socket's name may be.
    folder = tmp_path / ("a folder for what is temporary " * 4)
    folder.mkdir()
    ran = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        check=True,
    )
    assert ran.stdout.splitlines() == [
        "whole result [0, 1, 2]",
        f"killed died {signal.SIGKILL.name}",
        "another result [0, 1, 2]",
    ]
    assert ran.stderr == ""
    assert list(folder.iterdir()) == []


def test_a_disk_without_room_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill_module, "spill_file", lambda: open("/dev/full", "r+b", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(SignverseError, match=r"a long video cannot be stored in .*: No space left .* TMPDIR"):
        Spill().append(table(0))
