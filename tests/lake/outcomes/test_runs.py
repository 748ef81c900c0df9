"""Which runs share a media folder, whatever lies among their files."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from signverse.lake.outcomes.runs import runs_of
from signverse.lake.storage.temporary.process_mark import host_name, start_time


def about(media: Path, name: str, content: bytes, seconds: float = 0) -> None:
    """Writes the file of a run whose last sign of life was so long ago."""
    runs = media / ".signverse" / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    (runs / name).write_bytes(content)
    os.utime(runs / name, (time.time() - seconds,) * 2)


def as_json(**given: object) -> bytes:
    return json.dumps(given).encode()


def test_a_folder_without_runs_has_none(tmp_path: Path) -> None:
    assert runs_of(tmp_path) == runs_of(tmp_path / "absent") == []


def test_a_run_of_this_machine_is_known_by_its_process(tmp_path: Path) -> None:
    here = {"host": host_name(), "pid": os.getpid()}
    about(tmp_path, "alive", as_json(**here, began=start_time(os.getpid())))
    about(tmp_path, "hangs", as_json(**here, began=start_time(os.getpid())), 9999)
    about(tmp_path, "gone", as_json(**here, began="another"))
    assert [run.state for run in runs_of(tmp_path)] == ["at work", "silent", "ended"]
    assert all(" " not in run.host and run.pid == os.getpid() for run in runs_of(tmp_path))


@pytest.mark.parametrize(("seconds", "state"), [(0, "at work"), (60, "at work"), (300, "silent"), (700, "ended")])
def test_a_run_of_another_machine_is_known_by_its_signs_of_life(tmp_path: Path, seconds: float, state: str) -> None:
    about(tmp_path, "there", as_json(host="elsewhere 1234", pid=1, began="1"), seconds)
    (run,) = runs_of(tmp_path)
    assert (run.host, run.pid, run.state) == ("elsewhere", 1, state)
    assert abs(run.silent_s - seconds) < 60


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 40,
        b"{",
        b"[1]",
        b"7",
        b"[" * 4000,
        b"\xff\xfe",
        as_json(host=7, pid="x"),
        as_json(host=host_name()),
    ],
)
def test_what_a_file_holds_breaks_nothing(tmp_path: Path, content: bytes) -> None:
    about(tmp_path, "odd", content)
    about(tmp_path, "there", as_json(host="elsewhere", pid=1, began="1"))
    assert "elsewhere" in {run.host for run in runs_of(tmp_path)}


def test_pipes_folders_and_large_files_are_passed_over(tmp_path: Path) -> None:
    about(tmp_path, "large", b" " * 10_000_000)
    runs = tmp_path / ".signverse" / "runs"
    (runs / "folder").mkdir()
    os.mkfifo(runs / "pipe")
    (runs / "nowhere").symlink_to("absent")
    assert runs_of(tmp_path) == []
