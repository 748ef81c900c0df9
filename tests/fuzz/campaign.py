"""Runs a reader on one changed file after another, in a process that may die, hang or swell, and keeps what did harm.

A reader may refuse a file with a SignverseError and nothing else; a warning of a library would reach the terminal, too.
"""

from __future__ import annotations

import hashlib
import math
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signverse.lake.model.errors import SignverseError
from tests.fuzz.readers import READERS, make_input

INPUT_S: Final = 20
"""A file that takes longer hangs."""

_PREPARATION_S: Final = 120

_ENOUGH: Final = 20
"""After so many different ways to do harm one stops."""

MEMORY: Final = 1 << 30
"""Bytes that a file may take beyond what the process had before."""


@dataclass
class Findings:
    """What a campaign found.

    Attributes:
        count: files that were read.
        harm: the files that did harm, by how: one for each place in the code.
    """

    count: int = 0
    harm: dict[str, Path] = field(default_factory=dict)


def fuzz(name: str, seconds: float, *, seed: int, keep: Path) -> Findings:
    """Reads changed files for some seconds.

    Args:
        keep: folder for files that did harm, made if needed.
    """
    findings, number, left = Findings(), 0, seconds
    with tempfile.TemporaryDirectory(prefix="signverse-fuzz-") as folder:
        while left > 0 and len(findings.harm) < _ENOUGH:
            reached, how, took = _run(name, number, left, seed, Path(folder))
            left -= took
            findings.count += reached - number
            if how.startswith("cannot go on"):
                raise RuntimeError(how)
            if how:
                findings.harm.setdefault(how, _keep(name, Path(folder) / "now", keep))
            number = reached
    return findings


def _keep(name: str, now: Path, keep: Path) -> Path:
    """Stores the file that was read last; its name ends as the reader needs it."""
    (current,) = now.iterdir()
    keep.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(current.read_bytes()).hexdigest()[:12]
    return Path(shutil.copy(current, keep / f"{name}-{digest}{current.name.removeprefix('x')}"))


def _run(name: str, first: int, seconds: float, seed: int, folder: Path) -> tuple[int, str, float]:
    """Reads files in a process of its own until one does harm or time is up.

    Returns:
        The number of the next file, how the last one did harm or "", and the seconds that it took, without those before
        the first file.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _work(name, first, seconds, seed, folder, write)
    os.close(write)
    said, began, last = b"", math.nan, time.monotonic()
    os.set_blocking(read, False)
    while True:
        try:
            chunk = os.read(read, 65536)
        except BlockingIOError:
            if time.monotonic() - last > (INPUT_S if said else _PREPARATION_S):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(read)
                return _number_of(said, first) + 1, f"takes longer than {INPUT_S} s", float(INPUT_S)
            time.sleep(0.02)
            continue
        if not chunk:
            break
        said, last = said + chunk, time.monotonic()
        began = last if math.isnan(began) else began
        if len(said) > 200_000 and b"!" not in said:
            said = said[-100_000:]
    os.close(read)
    _, status = os.waitpid(child, 0)
    *_, how = said.decode(errors="replace").partition("!")
    if os.WIFSIGNALED(status):
        how = f"ends the process by {signal.Signals(os.WTERMSIG(status)).name}"
    reached = _number_of(said, first) + (1 if how else 0)
    # A process that ended before its first file has used all of its time.
    return reached, how, seconds if math.isnan(began) else time.monotonic() - began


def _number_of(said: bytes, first: int) -> int:
    """The number of the file that is read, or after which time was up."""
    lines = said.partition(b"!")[0].split(b"\n")
    return int(lines[-2]) if len(lines) > 1 else first


def _work(name: str, first: int, seconds: float, seed: int, folder: Path, write: int) -> None:
    """The forked process."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for kind in (RuntimeWarning, UserWarning):
        warnings.simplefilter("error", kind)
    try:
        how = _read_on(name, first, seconds, seed, folder, write)
    except BaseException:
        how = f"cannot go on: {traceback.format_exc()}"
    if how:
        os.write(write, b"!" + how.encode(errors="replace"))
    os._exit(1)


def _read_on(name: str, first: int, seconds: float, seed: int, folder: Path, write: int) -> str:
    """Reads files until one does harm; how it did."""
    reader, now = READERS[name], folder / "now"
    make_input(reader, first, seed)
    if sys.platform == "linux":
        # Libraries reserve stacks and arenas for their threads beside what a file takes.
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 3 * MEMORY, hard))
    number, base, until = first, 0, time.monotonic() + seconds
    while time.monotonic() < until or number == first:
        os.write(write, b"%d\n" % number)
        ending, data = make_input(reader, number, seed)
        shutil.rmtree(now, ignore_errors=True)
        now.mkdir()
        (now / f"x{ending.replace('/', '|')}").write_bytes(data)
        how = read_one(name, ending, data, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        base = base or peak
        if how or peak - base > MEMORY:
            return how or f"takes {(peak - base) >> 20} MiB"
        number += 1
    os.write(write, b"%d\n" % number)
    return ""


def read_one(name: str, ending: str, data: bytes, folder: Path) -> str:
    """Reads a file; how it did harm, or ""."""
    own = Path(tempfile.mkdtemp(dir=folder))
    path = own / f"x{ending.replace('/', '|')}"
    path.write_bytes(data)
    try:
        READERS[name].read(path)
    except SignverseError:
        return ""
    except BaseException as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "signverse" in frame.filename]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
        return f"{type(error).__name__} in {place}: {' '.join(str(error).split())[:200]}"
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return ""
