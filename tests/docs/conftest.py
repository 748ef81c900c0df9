"""Lakes that the pages ask."""

from __future__ import annotations

import importlib.util

from tests.lake.conftest import fill, points, town, video

__all__ = ["fill", "points", "town", "video"]

# An environment that was made before these were needed: `uv sync` brings them.
if not all(importlib.util.find_spec(name) for name in ("griffe", "sybil")):
    collect_ignore_glob = ["test_*.py"]
