"""Lakes that the pages ask."""

from __future__ import annotations

from tests.lake.conftest import fill, points, town, video

__all__ = ["fill", "points", "town", "video"]
