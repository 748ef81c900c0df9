"""What is said of a file: lines for people, and a row for tables and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from signverse.ingest.inspection.kinds import Kind

LABEL: Final = 10
"""Columns of the labels at the beginning of lines."""

MANY: Final = 20
"""Lines of one kind that are shown; more are counted."""


@dataclass(frozen=True)
class Report:
    """What would be read from a file.

    Attributes:
        path: of the file.
        kind: what it is; None where it cannot be opened.
        summary: all of it in a few words, such as "h264, 1280x720, 25 pictures/s, 12.5 s".
        lines: label and text, for people.
        values: by column, for tables and files.
        remarks: what is dropped, changed or guessed, a line each.
        problem: why it cannot be read; "" where it can.
    """

    path: Path
    kind: Kind | None
    summary: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)
    values: Mapping[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def row(self) -> dict[str, Any]:
        """The report as a row."""
        return {
            "file": str(self.path),
            "kind": self.kind.value if self.kind else "",
            "summary": self.summary,
            **self.values,
            "remarks": self.remarks,
            "problem": self.problem,
        }


def shortened(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are."""
    return lines if len(lines) <= MANY + 1 else [*lines[:MANY], f"and {len(lines) - MANY:,} more"]


def video_row(path: Path, video_id: str, dialect: str) -> dict[str, Any]:
    """The row of a video of a shard, of which only this is known."""
    return {
        "shard": path.name,
        "video_id": video_id,
        "dialect": dialect,
        "width": None,
        "height": None,
        "frames": None,
        "absent_frames": None,
        "people": None,
        "defects": "",
        "captions": "",
        "complete": None,
        "problem": "",
    }


def problem_row(path: Path, video_id: str, problem: str) -> dict[str, Any]:
    """The row of a video that cannot be read; of the tar itself where the id is empty."""
    return video_row(path, video_id, "") | {"problem": problem}
