"""Each reader refuses changed files in its own words or reads them: some seconds of `uv run just fuzz`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.fuzz.campaign import fuzz
from tests.fuzz.readers import READERS


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("name", READERS)
def test_a_changed_file_is_read_or_refused_in_a_line(name: str, tmp_path: Path) -> None:
    # The same files each time, so that a failure tells of the change that is tested: `just fuzz` takes others.
    found = fuzz(name, 3, seed=int(os.environ.get("SIGNVERSE_FUZZ_SEED", "1")), keep=tmp_path)
    assert found.count > 0
    assert found.harm == {}
