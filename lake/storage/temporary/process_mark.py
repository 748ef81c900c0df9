"""Which process made a file, written in the file's name: its machine, its id, and when it started.

A process that is killed leaves its temporary files. By the name the next one knows whose they were and that they are of
no use to anyone; the start tells a process from a later one with the same id, and the machine matters where a folder is
shared.
"""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

MARK: Final = r"[0-9a-f]{8}-\d+-(?:\d+|alive)"
"""Pattern of a mark: the machine as eight hexadecimal digits, the process's id, and its start."""


def own_mark() -> str:
    """The mark of this process."""
    return _mark(os.getpid())


@cache
def _mark(pid: int) -> str:
    return f"{_machine()}-{pid}-{start_time(pid)}"


@cache
def _machine() -> str:
    return hashlib.sha256(host_name().encode("utf-8", "replace")).hexdigest()[:8]


def has_ended(mark: str) -> bool:
    """Whether a mark is that of a process of this machine that is gone; False for those of other machines."""
    machine, pid, start = mark.split("-")
    return machine == _machine() and start_time(int(pid)) != start


def host_name() -> str:
    """This machine, or this container of it: what process ids are relative to."""
    parts = [socket.gethostname()]
    # Cloned machines may share a name, and the outermost process namespace has the same number everywhere.
    with suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text("utf-8", errors="replace").strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def start_time(pid: int) -> str:
    """The start of a process, which tells it from a later one with the same id; "" where there is none."""
    try:
        # Of the fields the second, a name in brackets, may hold spaces; the third is the state, the 22nd the start.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rsplit(")", 1)[1].split()
        # A zombie has ended, and its parent has not asked yet how.
        return "" if fields[0] in {"Z", "X"} else fields[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self").exists():
        return ""
    if os.name == "nt":
        # Signal 0 would end the process there: none is ever taken for dead.
        return "alive"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except (OSError, OverflowError):
        pass
    return "alive"
