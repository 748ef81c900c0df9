"""A process that has everything imported and forks for each step of a trial: a command then takes 0.1 s and not 1.

Nothing may have started a thread before the fork, so it only imports; workers are forked from the forked process, too.
Requests and answers are lines of JSON on stdin and stdout.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Final

TIMEOUT_S: Final = 120.0
"""A step that takes longer hangs."""


class Server:
    """The process, as those who ask see it. Steps are functions that take and give what JSON can say.

    Args:
        environment: variables besides those of this process.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            cwd=Path(__file__).parents[2],
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def ask(self, step: str, temporary: Path, **arguments: Any) -> dict[str, Any]:
        """Runs a function of tests.faults.steps in a process of its own.

        Returns:
            `value`: what it returned; absent where it ended otherwise. `signal`: what killed it, or 0. `error`: what it
            wrote to stderr.
        """
        assert self._process.stdin
        assert self._process.stdout
        temporary.mkdir(parents=True, exist_ok=True)
        self._process.stdin.write(json.dumps({"step": step, "temporary": str(temporary), "with": arguments}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def main() -> None:
    """Answers until stdin ends."""
    steps = importlib.import_module("tests.faults.steps")
    steps.load()
    for line in sys.stdin:
        print(json.dumps(_answer(steps, json.loads(line))), flush=True)


def _answer(steps: Any, request: dict[str, Any]) -> dict[str, Any]:
    read, write = os.pipe()
    error = Path(os.environ["SIGNVERSE_FAULTS"]).with_name("stderr")
    child = os.fork()
    if child == 0:
        os.close(read)
        _run(steps, request, write, error)
    os.close(write)
    answer: dict[str, Any] = {}
    until = time.monotonic() + TIMEOUT_S
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > until:
            answer["hangs"] = True
            os.killpg(child, signal.SIGKILL)
            until += TIMEOUT_S
        time.sleep(0.002)
    # Workers of a process that was killed hold its pipes: they are of its group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    answer["signal"] = os.WTERMSIG(ended[1]) if os.WIFSIGNALED(ended[1]) else 0
    answer["error"] = error.read_text(encoding="utf-8", errors="replace")
    if said:
        answer["value"] = json.loads(said)
    return answer


def _run(steps: Any, request: dict[str, Any], write: int, error: Path) -> None:
    """The forked process: runs the step and ends."""
    os.setsid()
    os.environ["TMPDIR"] = request["temporary"]
    null = os.open(os.devnull, os.O_RDWR)
    file = os.open(error, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, target in ((0, null), (1, null), (2, file)):
        os.dup2(target, number)
    status = 0
    try:
        value = getattr(steps, request["step"])(**request["with"])
        os.write(write, json.dumps(value).encode())
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stderr.flush()
    # Threads of libraries are not waited for.
    os._exit(status)


if __name__ == "__main__":
    main()
