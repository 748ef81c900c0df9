"""What tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real videos, models and releases, which is not part of the repository."""
    named = os.environ.get("SIGNVERSE_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "videos").is_dir():
        pytest.skip(f"no test data at {folder}: name its folder in SIGNVERSE_TEST_DATA")
    return folder
