"""Each reader refuses changed files in its own words or reads them: some seconds of `uv run just fuzz`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.readers import READERS

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("name", READERS)
def test_a_changed_file_is_read_or_refused_in_a_line(name: str, tmp_path: Path) -> None:
    # The same files each time, so that a failure tells of the change that is tested: `just fuzz` takes others. And a
    # process of its own, because a fork of one in which other tests ran threads may wait for ever.
    seed = os.environ.get("SIGNVERSE_FUZZ_SEED", "1")
    words = ["-m", "tests.fuzz", name, "--seconds", "3", "--seed", seed, "--keep", tmp_path]
    ran = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.match(rf"{name}: [1-9]", ran.stdout)
