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
    # Other files each time: what they find is kept and named.
    keep = Path(os.environ.get("SIGNVERSE_FUZZ_KEEP", tmp_path))
    found = fuzz(name, 3, seed=int.from_bytes(os.urandom(4), "big"), keep=keep)
    assert found.count > 0
    assert found.harm == {}
