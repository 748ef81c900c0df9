"""The peak memory of a process."""

from __future__ import annotations

from pathlib import Path


def peak_mb() -> float:
    """The most memory that this process has held, in MB (Linux only)."""
    # Not getrusage: its peak includes the memory of the parent, from which the process was forked.
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
