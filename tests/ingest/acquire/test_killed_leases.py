"""Leases of runs that were killed at the worst moment: none of them blocks a video."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signverse.ingest.acquire.leases import Run
from signverse.lake.outcomes.folder import INSIDE


@pytest.mark.parametrize("content", [b"", b"\0" * 36])
def test_a_lease_or_a_run_without_content_blocks_nobody(tmp_path: Path, content: bytes) -> None:
    """A kill between the making and the writing left such a file, a power cut may leave one of zeros."""
    inside = tmp_path / INSIDE
    with Run(tmp_path) as run, Run(tmp_path) as other:
        (inside / "leases" / "empty").write_bytes(content)
        other.take_lease("held")
        other.write_journal({"video_id": "held"})
        (inside / "runs" / other.id).write_bytes(content)
        assert run.take_lease("empty")
        assert run.take_lease("held")
        assert run.adopt_journals() == [{"video_id": "held"}]


TAKES_A_LEASE = """
import os, signal, sys
from pathlib import Path
from signverse.ingest.acquire.leases import Run
with Run(Path(sys.argv[1])) as run:
    setattr(os, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    run.take_lease("a")
"""


@pytest.mark.parametrize("step", ["fdopen", "link"])
def test_a_run_that_is_killed_while_it_takes_a_lease_leaves_none(tmp_path: Path, step: str) -> None:
    ended = subprocess.run([sys.executable, "-c", TAKES_A_LEASE, str(tmp_path), step], check=False)
    assert ended.returncode == -signal.SIGKILL
    leases = tmp_path / INSIDE / "leases"
    assert [path.name for path in leases.iterdir()] != ["a"]
    with Run(tmp_path) as run:
        assert run.take_lease("a")
        assert [path.name for path in leases.iterdir()] == ["a"]
