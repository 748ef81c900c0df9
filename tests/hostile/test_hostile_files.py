"""A corpus of hostile files: what reads them ends in a line, in time, in little memory, and writes nothing outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile.files import READ, REFUSED, Made
from tests.ingest.shards.made_shards import pack, video

TIMEOUT_S = 120
MEMORY = 1_300 << 20
"""Bytes that the largest process of a command may take; most of the files ask for far more."""

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pipes, devices, and memory as Linux counts it")


@dataclass
class Ran:
    code: int
    out: str
    err: str
    memory: int


MEASURE = """
import os, pathlib, resource, subprocess, sys
code = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL).returncode
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024))
os.kill(os.getpid(), -code) if code < 0 else sys.exit(code)
"""
"""A process in between: Linux counts what the one that starts a command holds, gigabytes of tests, as the command's."""


def run(words: list[object], home: Path) -> Ran:
    """A command in a process group of its own, with what it wrote, and the memory of its largest process."""
    home.mkdir(exist_ok=True)
    (home / "tmp").mkdir(exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home / "tmp"), "COLUMNS": "200"}
    with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", MEASURE, home / "memory", sys.executable, "-m", "signverse", *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            cwd=home,
            start_new_session=True,
        )
        timer = threading.Timer(TIMEOUT_S, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        process.wait()
        timer.cancel()
    texts = [(home / name).read_text(encoding="utf-8", errors="surrogateescape") for name in ("out", "err")]
    return Ran(process.returncode, *texts, memory=int((home / "memory").read_text()) if process.returncode >= 0 else 0)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with LAKE, a lake of one video, and EXPORT, its export."""
    folder = tmp_path_factory.mktemp("hostile")
    tar = pack(folder / "Sign_DWPose_NPZ_000001.tar", video("aa"))
    for words in (
        ["ingest", "shards", tar, "--lake", folder / "LAKE"],
        ["export", "shards", "--lake", folder / "LAKE", "--out", folder / "EXPORT"],
    ):
        assert run(words, folder / "home").code == 0
    return folder


def outside(place: Path, given: Path) -> dict[str, int]:
    """The files around those that were given and the folders of the command, with their sizes."""
    theirs = (given, place / "NEW", place / "home")
    return {
        str(path): path.lstat().st_size
        for path in place.rglob("*")
        if not path.is_dir() and not any(folder in path.parents for folder in theirs)
    }


def read(make: Made, place: Path, given: Path) -> Ran:
    """Makes the files, runs the command and holds it to what every reader promises."""
    new = place / f"NEW{given.name}"
    words = [{"LAKE": place / "LAKE", "NEW": new}.get(str(word), word) for word in make(given)]
    before = outside(place, given)
    ran = run(words, given / "home")
    after = {path: size for path, size in outside(place, given).items() if not path.startswith(f"{new}/")}
    assert ran.code >= 0, f"ended by {signal.Signals(-ran.code).name} after {ran.memory >> 20} MiB: {ran.err[-500:]}"
    assert ran.memory < MEMORY, f"took {ran.memory >> 20} MiB"
    for text in (ran.out, ran.err):
        assert not re.search(r"Traceback|panicked|Warning:|(?m:^\w*Error: )", text), text[-800:]
        assert CONTROL.findall(text) == []
    assert len(ran.err.splitlines()) < 30
    assert after == before
    return ran


@pytest.fixture
def given(place: Path, request: pytest.FixtureRequest) -> Path:
    folder = place / f"given{abs(hash(request.node.name))}"
    folder.mkdir()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_in_a_line(name: str, place: Path, given: Path) -> None:
    ran = read(REFUSED[name], place, given)
    assert ran.code in {1, 2}
    assert ran.err.strip() or ran.out.strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_of_a_hostile_file_is_read_within_bounds(name: str, place: Path, given: Path) -> None:
    assert read(READ[name], place, given).code in {0, 1, 2}


@pytest.mark.parametrize("name", ["captions without an end", "a shard that is a pipe"])
def test_what_never_ends_is_not_waited_for(name: str, place: Path, given: Path) -> None:
    assert read(REFUSED[name], place, given).code in {1, 2}
