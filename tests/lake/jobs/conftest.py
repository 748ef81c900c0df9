"""Jobs for worker processes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

JOBS = """
import os, signal, time
from signverse.lake.model.errors import BadInputError

class Strange(Exception):
    def __init__(self, one, two):
        super().__init__(one)

def make_job(offset=0, break_at_start=False):
    if break_at_start:
        raise BadInputError("no models here", "Fetch them.")

    def job(task, report):
        what, value = task
        if what == "add":
            return value + offset
        if what == "report":
            for i in range(value):
                report(i)
            return os.getpid()
        if what == "refuse":
            raise BadInputError(f"{value} is no video", "Mend it.")
        if what == "strange":
            raise Strange(1, 2)
        if what == "unpicklable":
            return lambda: None
        if what == "signal":
            os.kill(os.getpid(), value)
        if what == "leave":
            os._exit(value)
        if what == "exit":
            raise SystemExit(value)
        if what == "sleep":
            time.sleep(value)
        if what == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if what == "slowly":
            for i in range(value):
                time.sleep(0.5)
                report(i)
        if what == "finalize":
            def generator():
                try:
                    yield
                finally:
                    report(0)
                    time.sleep(value)
            begun = generator()
            next(begun)
            del begun
        if what == "send on":
            while True:
                report(0)
        if what == "swell":
            held = []
            for _ in range(value):
                held.append(bytearray(os.urandom(1) * 2**20))
                time.sleep(0.001)
            return len(held)
        if what == "reserve":
            # Addresses without memory, as CUDA and memory pools have them.
            import mmap
            return len(mmap.mmap(-1, value * 2**20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ))
        if what == "swell at once":
            return len(b"1" * (value * 2**20))
        if what == "die later":
            # The result is told first: the process is gone when the next task comes.
            import threading
            threading.Timer(0.0, os._exit, [3]).start()
        return value

    return job
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """A module that worker processes can import."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "pool_jobs.py").write_text(JOBS)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("pool_jobs")
    sys.path.remove(str(folder))
