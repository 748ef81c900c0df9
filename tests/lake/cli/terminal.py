"""`signverse sql` in a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path


class Terminal:
    """The prompt in a terminal of its own."""

    def __init__(self, lake: Path, state: Path) -> None:
        environment = os.environ | {"XDG_STATE_HOME": str(state), "TERM": "dumb", "COLUMNS": "80"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "signverse", "sql", "--lake", str(lake)], environment)

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def until(self, words: str, seconds: float = 60) -> str:
        """What the terminal shows, up to the words."""
        seen, end = "", time.monotonic() + seconds
        while words not in seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"{words!r} did not come, but {seen!r}"
            seen += os.read(self.fd, 4096).decode(errors="replace")
        return seen

    def end(self, number: int = signal.SIGKILL) -> int:
        os.kill(self.pid, number)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
