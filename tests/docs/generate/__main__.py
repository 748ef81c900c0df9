"""`just docs`: writes the pages that are made from the code. A test compares, so that none goes stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.docs.generate import command_line, python, rooms, sql, tables

DOCS: Final = Path(__file__).parents[3] / "docs"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "reference/command-line.md": command_line.page,
    "reference/python.md": python.page,
    "reference/sql.md": sql.page,
    "reference/tables.md": tables.page,
    "how-it-works/rooms.md": rooms.page,
    "images/rooms.svg": rooms.diagram,
}
"""The pages by their path in docs/, and what makes each."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
