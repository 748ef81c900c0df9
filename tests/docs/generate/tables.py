"""docs/reference/tables.md: every table and column, from the schema; what each means is said in columns.csv."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import pyarrow as pa

from signverse.lake.model.schema import TABLES, Table
from signverse.lake.model.skeleton import BODY_JOINTS, FACE, FINGERS, LEFT_HAND, RIGHT_HAND

COLUMNS: Final = Path(__file__).with_name("columns.csv")

HEAD: Final = """# Tables

<!-- Made by `just docs` from lake/model/schema.py and tests/docs/generate/columns.csv: change it there. -->

A lake is a folder with one subfolder for each Delta table; any Delta reader opens them. In SQL each is a view of what
is [visible](../how-it-works/visibility.md); `clips` and `joints` are views besides, see [SQL](sql.md). The words are
explained in [Words and thresholds](words.md).

A lake of an earlier version of this package gets the columns that it lacks when it is first opened for writing. That
raises its version by one; its files stay, and their rows have null there.
"""

TYPES: Final = {
    "string": "string", "float": "float32", "double": "float64", "int8": "int8", "int32": "int32", "int64": "int64",
    "bool": "boolean", "timestamp[us, tz=UTC]": "timestamp",
}  # fmt: skip


def meanings() -> dict[tuple[str, str], tuple[str, str]]:
    """Unit and meaning by table and column; the table * stands for all that have the column."""
    with COLUMNS.open(encoding="utf-8", newline="") as file:
        return {(row["table"], row["column"]): (row["unit"], row["about"]) for row in csv.DictReader(file)}


def type_of(kind: pa.DataType) -> str:
    return f"list of {type_of(kind.value_type)}" if pa.types.is_list(kind) else TYPES[str(kind)]


def _rows(table: Table, known: dict[tuple[str, str], tuple[str, str]]) -> str:
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    for field in table.schema:
        key = (table.name, field.name)
        if key not in known:
            key = ("*", field.name)
        if key not in known:
            raise AssertionError(f"{table.name}.{field.name} has no line in {COLUMNS.name}")
        unit, about = known[key]
        lines.append(f"| `{field.name}` | {type_of(field.type)} | {unit} | {about} |")
    return "\n".join(lines)


def _joints() -> str:
    hand = [f"{finger}_1 to {finger}_4" for finger in FINGERS]
    rows = [
        ("body", "0 to 17", ", ".join(f"`{joint}`" for joint in BODY_JOINTS)),
        (
            "face",
            f"{FACE.start} to {FACE.start + FACE.size - 1}",
            "`face_0` to `face_67` (the 68 points of iBUG 300-W)",
        ),
        *(
            (
                f"{side} hand",
                f"{part.start} to {part.start + part.size - 1}",
                f"`{side}_hand_root`, " + ", ".join(f"`{side}_{name}`" for name in hand),
            )
            for side, part in (("left", LEFT_HAND), ("right", RIGHT_HAND))
        ),
    ]
    lines = ["| part | points | joints, in order |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {part} | {points} | {joints} |" for part, points, joints in rows)])


def page() -> str:
    known, parts = meanings(), [HEAD]
    for table in TABLES:
        about = f"A row is {table.about}."
        layout = f"Sorted by {', '.join(f'`{name}`' for name in table.order)}"
        if table.partition:
            layout = f"Partitioned by `{table.partition}`, " + layout[0].lower() + layout[1:]
        parts.append(f"## {table.name}\n\n{about} {layout}.\n\n{_rows(table, known)}\n")
    parts.append(
        "## The 128 points\n\nThe order is that of OpenPose and of the SignVerse-2M release. In a list of a part, x of "
        "joint j is element 2j and y element 2j + 1, counted from 0; DuckDB counts from 1. The neck is the middle of "
        "the shoulders; its score is a flag, 0 or 1.\n\n" + _joints() + "\n"
    )
    return "\n".join(parts)
