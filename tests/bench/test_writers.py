"""Many processes at one lake: nothing is lost, nothing is there twice, and nobody who reads fails."""

from __future__ import annotations

import signal

import pytest

from bench import writers


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_writers_readers_and_maintenance_at_once_lose_and_double_nothing(tmp_path):
    """Also where they are killed at any moment, while they merge files too."""
    found = writers.run(tmp_path, 25, writers=3, readers=1)
    assert (found.lost, found.doubled, found.failed, found.problems) == ([], [], [], [])
    assert found.commits > 0
