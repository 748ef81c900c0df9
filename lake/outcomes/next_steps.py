"""What to do about a video that was not had, by outcome and reason: next_steps.csv, a line each."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


def next_step(outcome: str, reason: str | None) -> str:
    """One line; for a reason without a line of its own that of its outcome, "" for outcomes that need no step."""
    steps = _steps()
    return steps.get((outcome, reason or "")) or steps.get((outcome, ""), "")


@cache
def _steps() -> dict[tuple[str, str], str]:
    text = (files(__package__) / "next_steps.csv").read_text(encoding="utf-8")
    return {(row["outcome"], row["reason"]): row["step"] for row in csv.DictReader(text.splitlines())}
