"""How much memory workers may take: a process over its limit is ended, before the machine has none left.

The limit is on what a process really has in memory, which a thread of the parent looks up ten times a second.
RLIMIT_AS cannot do it: Polars, DuckDB, pyarrow and ONNX Runtime reserve 2.2 GB of addresses to use 0.1 GB, and CUDA
reserves more than any machine has. RLIMIT_DATA counts the stacks and arenas of threads, used or not: 0.5 GB for the
same on two cores, and more the more cores there are. What a process takes between two looks it has for a moment: 0.1 to
0.3 GB.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

_LOOK_S: Final = 0.1
"""From one look to the next."""

_KILL_AFTER_S: Final = 1.0
"""How long a process over its limit may take to break off its task and remove what it has half written."""

_KILL_AT: Final = 1.25
"""From so many times its limit on, a process is ended at once."""

_SHARE: Final = 0.75
"""Of the machine's memory, for all workers; the rest is for the parent, the system and its cache of files."""

_LEAST_MB: Final = 1024
"""A limit is not lower than this by itself: a worker needs 0.1 to 0.3 GB for libraries and models."""

_UNKNOWN_MACHINE_MB: Final = 16 * 1024

_HELD: Final = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB", re.M)


def default_memory_mb(processes: int) -> int:
    """The memory that each of so many workers may take where nobody says so, in MB.

    Three quarters of the machine's memory, or of the container's, in equal parts: 3,072 MB for each of four workers on
    a machine of 16 GB.
    """
    return max(_LEAST_MB, int(_SHARE * machine_memory_mb() / max(1, processes)))


def machine_memory_mb() -> int:
    """The memory of this machine, or the most that its container may use, in MB."""
    found = [_UNKNOWN_MACHINE_MB * 1024**2]
    with suppress(AttributeError, ValueError, OSError):
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _container_limits():
        with suppress(OSError, ValueError):
            # "max" where there is none.
            found.append(int(path.read_text()))
    return min(found) // 1024**2


def _container_limits() -> list[Path]:
    """Files that may say how much memory the control groups of this process may use: versions 2 and 1."""
    root, paths = Path("/sys/fs/cgroup"), []
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            controllers, name = line.split(":", 2)[1:]
            place = Path(name.lstrip("/"))
            if controllers == "":
                paths += [root / above / "memory.max" for above in (place, *place.parents)]
            elif "memory" in controllers.split(","):
                paths += [root / "memory" / above / "memory.limit_in_bytes" for above in (place, *place.parents)]
    return paths


def memory_of(pid: int) -> int:
    """Bytes that a process has for itself, in memory or swapped out; 0 where it has ended or nothing says so."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    return 1024 * sum(int(kilobytes) for kilobytes in _HELD.findall(status))


def ended_for_lack_of_memory() -> int:
    """How many processes the kernel has ended since the machine's start because there was no memory left."""
    with suppress(OSError):
        if found := re.search(rb"^oom_kill (\d+)$", Path("/proc/vmstat").read_bytes(), re.M):
            return int(found.group(1))
    return 0


@dataclass
class _Watched:
    process: BaseProcess
    over_since_s: float | None = None


class MemoryWatch:
    """Ends processes that have more memory than they may: by SIGTERM, and by SIGKILL where that is not enough.

    Args:
        limit_mb: for each process.
    """

    def __init__(self, limit_mb: int) -> None:
        self.limit_mb = limit_mb
        self._limit = limit_mb * 1024**2
        self._watched: dict[int, _Watched] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, process: BaseProcess) -> None:
        """Watch a process that was started."""
        assert process.pid is not None
        self._watched[process.pid] = _Watched(process)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="memory of the workers")
            self._thread.start()

    def over_since_s(self, process: BaseProcess) -> float | None:
        """Since when a process that is watched is over its limit, by time.monotonic(); None where it is not."""
        watched = self._watched.get(process.pid or 0)
        return None if watched is None else watched.over_since_s

    def forget(self, process: BaseProcess) -> None:
        """Stop watching a process."""
        self._watched.pop(process.pid or 0, None)

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        if hasattr(signal, "pthread_sigmask"):
            # Signals to this program are for its main thread.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        while not self._closed.wait(_LOOK_S):
            for pid, watched in list(self._watched.items()):
                self._look(pid, watched)

    def _look(self, pid: int, watched: _Watched) -> None:
        held = memory_of(pid)
        if held <= self._limit and watched.over_since_s is None:
            return
        now = time.monotonic()
        # The process may have ended, and have been waited for, a moment ago.
        with suppress(OSError, ValueError):
            if watched.over_since_s is None:
                watched.over_since_s = now
                watched.process.terminate()
            if held > _KILL_AT * self._limit or now - watched.over_since_s > _KILL_AFTER_S:
                watched.process.kill()
