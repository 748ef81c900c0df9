"""Thresholds of confidence: above which value a point, a hand or a clip counts as seen, clear or steady.

SQL takes them from here (lake/query/session.py). docs/reference/words.md explains the columns that they make.
"""

from __future__ import annotations

from typing import Final

SEEN: Final = 0.3
"""Score above which a joint or a hand counts as seen: the threshold of DWPose's own reference code."""

CLEAR_HANDS: Final = 0.5
"""Least confidence of both hands of a clip with clear hands."""

STEADY_HANDS: Final = 0.9
"""Least share of a clip's frames in which both hands are seen, where they are steady."""
