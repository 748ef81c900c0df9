"""What Python knows of interpose.c: compiling it, and telling it where to fail."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

KINDS: Final = ("write", "sync", "rename", "link", "unlink", "create", "mkdir", "truncate")
"""Operations, in the order of `enum kind`."""

ACTIONS: Final = ("nothing", "fail", "cut", "full", "gone", "kill", "cut_kill")
"""What the n-th operation meets, in the order of `enum action`: an error; half of a write, and an error for the next;
a disk that is full from then on; one on which nothing works from then on; SIGKILL of all processes; half of
a write and SIGKILL."""


@dataclass(frozen=True)
class Fault:
    """What the n-th operation of a kind meets."""

    kind: str
    n: int
    action: str

    @property
    def error(self) -> int:
        return errno.ENOSPC if self.action in {"full", "cut"} else errno.EIO

    def __str__(self) -> str:
        return f"{self.kind}:{self.n}:{self.action}"

    @classmethod
    def of(cls, text: str) -> Fault:
        """The fault that `str` wrote."""
        kind, n, action = text.split(":")
        return cls(kind, int(n), action)


class _Control(ctypes.Structure):
    _fields_ = (
        ("armed", ctypes.c_int64),
        ("count", ctypes.c_int64 * len(KINDS)),
        ("kind", ctypes.c_int64),
        ("n", ctypes.c_int64),
        ("action", ctypes.c_int64),
        ("error", ctypes.c_int64),
        ("fired", ctypes.c_int64),
        ("cut_said", ctypes.c_int64),
        ("skip_sync", ctypes.c_int64),
        ("prefix", ctypes.c_char * 1024),
        ("trace", ctypes.c_char * 1024),
    )


class Control:
    """The memory that every process of a trial shares.

    Args:
        path: its file, made if missing; processes find it in `environment`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.write_bytes(bytes(ctypes.sizeof(_Control)))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), ctypes.sizeof(_Control))
        self._at = _Control.from_buffer(self._map)

    def environment(self) -> dict[str, str]:
        """Variables of processes that are to be counted."""
        # One thread is enough for a few rows; pools of many take longer to start than the work.
        threads = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS"), "1")
        return {**threads, "LD_PRELOAD": str(library()), "SIGNVERSE_FAULTS": str(self.path)}

    def arm(self, prefix: Path, fault: Fault | None = None, trace: Path | None = None) -> None:
        """Counts from now on what changes under a folder, and carries out the fault; without one nothing fails."""
        at = self._at
        at.armed = 0
        at.count = (ctypes.c_int64 * len(KINDS))()
        at.fired, at.cut_said, at.skip_sync = 0, 0, 1
        at.prefix, at.trace = os.fsencode(prefix.resolve()), os.fsencode(trace or "")
        at.action = ACTIONS.index(fault.action if fault else "nothing")
        if fault:
            at.kind, at.n, at.error = KINDS.index(fault.kind), fault.n, fault.error
        at.armed = 1

    def disarm(self) -> dict[str, int]:
        """Ends it; how many operations of each kind there were."""
        self._at.armed = 0
        return dict(zip(KINDS, self._at.count, strict=True))

    @property
    def fired(self) -> bool:
        """The fault was met."""
        return bool(self._at.fired)


def library() -> Path:
    """The compiled interpose.c; the test is skipped where it cannot be."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("faults are injected on Linux with a C compiler only")
    source = Path(__file__).with_name("interpose.c")
    built = Path(tempfile.gettempdir()) / f"signverse-interpose-{os.getuid()}-{source.stat().st_mtime_ns:x}.so"
    if not built.exists():
        own = built.with_suffix(f".{os.getpid()}")
        command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(own), str(source), "-ldl"]
        ran = subprocess.run(command, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        own.rename(built)
    return built
