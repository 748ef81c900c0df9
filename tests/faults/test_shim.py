"""The layer that injects faults does what it says: else all of its tests pass for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.power_cut import Replay, cuts, write_disk
from tests.faults.shim import Control, Fault
from tests.faults.trace import read_trace, turning_points

PROGRAM = """
import os, sys
os.chdir(sys.argv[1])
os.mkdir("d")
with open("d/new", "wb", buffering=0) as file:
    file.write(b"12345678")
    file.write(b"abcdefgh")
    os.fsync(file.fileno())
os.rename("d/new", "d/name")
os.link("d/name", "d/second")
os.unlink("d/second")
with open("d/name", "r+b") as file:
    file.truncate(12)
open(sys.argv[2], "w").write("elsewhere")
"""


def disturbed(folder: Path, fault: Fault | None) -> tuple[Control, subprocess.CompletedProcess[str]]:
    control = Control(folder / "control")
    (folder / "disk").mkdir()
    control.arm(folder / "disk", fault, folder / "trace")
    command = [sys.executable, "-c", PROGRAM, str(folder / "disk"), str(folder / "elsewhere")]
    ran = subprocess.run(
        command,
        env={**os.environ, **control.environment()},
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    return control, ran


def test_each_change_under_the_folder_is_counted_and_recorded_and_none_elsewhere(tmp_path: Path) -> None:
    control, ran = disturbed(tmp_path, None)
    assert ran.returncode == 0, ran.stderr
    once = ("sync", "rename", "link", "unlink", "create", "mkdir", "truncate")
    assert control.disarm() == {"write": 2, **dict.fromkeys(once, 1)}
    operations = read_trace(tmp_path / "trace")
    assert [(item.kind, item.n) for item in operations] == [
        *(("mkdir", 1), ("create", 1), ("write", 1), ("write", 2), ("sync", 1)),
        *(("rename", 1), ("link", 1), ("unlink", 1), ("truncate", 1)),
    ]
    assert [(item.offset, item.data) for item in operations if item.kind == "write"] == [
        (0, b"12345678"),
        (8, b"abcdefgh"),
    ]
    assert turning_points(operations) == operations


@pytest.mark.parametrize(
    ("fault", "code", "says", "left"),
    [
        ("write:2:fail", 1, "Input/output error", {"new": b"12345678"}),
        ("write:2:cut", 0, "", {"name": b"12345678abcd"}),
        ("write:2:kill", -9, "", {"new": b"12345678"}),
        ("write:2:cut_kill", -9, "", {"new": b"12345678abcd"}),
        ("sync:1:fail", 1, "Input/output error", {"new": b"12345678abcdefgh"}),
        ("rename:1:fail", 1, "Input/output error", {"new": b"12345678abcdefgh"}),
        ("link:1:full", 1, "No space left", {"name": b"12345678abcdefgh"}),
        ("unlink:1:kill", -9, "", {"name": b"12345678abcdefgh", "second": b"12345678abcdefgh"}),
        ("create:1:gone", 1, "Input/output error", {}),
        ("truncate:1:fail", 1, "Input/output error", {"name": b"12345678abcdefgh"}),
    ],
)
def test_the_nth_operation_meets_its_fault(
    tmp_path: Path, fault: str, code: int, says: str, left: dict[str, bytes]
) -> None:
    control, ran = disturbed(tmp_path, Fault.of(fault))
    assert control.fired
    assert (ran.returncode, says in ran.stderr) == (code, True), ran.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "disk" / "d").iterdir()} == left
    assert (tmp_path / "elsewhere").exists() == (code == 0)


def test_a_power_cut_leaves_what_was_synced(tmp_path: Path) -> None:
    """The file was synced, its folder was not: what is left of it depends on the file system."""
    disturbed(tmp_path, None)
    operations = read_trace(tmp_path / "trace")
    base = tmp_path / "base"
    base.mkdir()
    ends = {loss: files for done, loss, files in cuts(base, tmp_path / "disk", operations) if done == len(operations)}
    assert ends["names and bytes"] == {"": None}
    assert ends["bytes"] == {"": None, "d": None, "d/name": b"12345678abcdefgh"}
    assert ends["half of the bytes"]["d/name"] == b"12345678abcd"[:6]
    write_disk(ends["bytes"], tmp_path / "written")
    assert (tmp_path / "written" / "d" / "name").read_bytes() == b"12345678abcdefgh"
    replay = Replay(base, tmp_path / "disk")
    for operation in operations:
        replay.apply(operation)
    assert replay.seen() == {"d": None, "d/name": (tmp_path / "disk" / "d" / "name").read_bytes()}
