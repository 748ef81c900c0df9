"""docs/how-it-works/rooms.md and its diagram: the packages, from their docstrings and the import contracts."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]

HEAD: Final = """# The rooms

<!-- Made by `just docs` from the docstrings of the packages and the contracts in pyproject.toml: change it there. -->

The code is three packages. Their subpackages, of about a dozen files each, are called rooms. `ingest` turns files and
addresses into rows, `export` turns rows into files, `lake` is what a lake is. `ingest` and `export` do not know each
other, and `lake` knows neither. Inside a package a room may import the rooms below it and none above or beside it;
`lint-imports` holds this. In the repository the packages lie at the top; `src/signverse/` links to them, so that they
are imported and installed as `signverse.lake`, `signverse.ingest` and `signverse.export`.

![The rooms of the three packages: each may import what is below it](../images/rooms.svg)

`sql/` holds SQL only: the views, the macros, and one file per report. `tests/` mirrors the rooms; `bench/` measures.
"""

PACKAGES: Final = ("lake", "ingest", "export")

_ROW, _GAP, _PAD = 30, 8, 14
_COLOURS: Final = {"ingest": "#e8f1fb", "export": "#fdf1e3", "lake": "#eaf6ec"}


def layers() -> dict[str, list[list[str]]]:
    """The rows of rooms of each package, from the top, as the `layers` contracts say."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = {}
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            (container,) = contract["containers"]
            rows = [re.split(r"\s*[|:]\s*", layer.strip("() ")) for layer in contract["layers"]]
            found[container.removeprefix("signverse.")] = rows
    return found


def _docstring(file: Path) -> str:
    return inspect.cleandoc(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "")


def rooms(package: str) -> list[str]:
    """The rooms of a package, from the top."""
    found = {file.parent.name for file in (ROOT / package).glob("*/__init__.py")}
    order = [room for row in layers().get(package, []) for room in row if room in found]
    return [*order, *sorted(found - set(order))]


def page() -> str:
    parts = [HEAD]
    for package in PACKAGES:
        parts.append(f"## {package}\n\n{_docstring(ROOT / package / '__init__.py')}\n")
        for room in rooms(package):
            parts.append(f"### {package}/{room}\n\n{_docstring(ROOT / package / room / '__init__.py')}\n")
    return "\n".join(parts)


def diagram() -> str:
    """docs/images/rooms.svg."""
    rows = layers()
    height = {package: _PAD * 2 + 20 + (_ROW + _GAP) * len(rows.get(package, [])) for package in PACKAGES}
    upper = max(height["ingest"], height["export"])
    half, width = 398, 824
    shapes = [
        *_box(8, 8, width - 16, 44, "signverse: the command line, and everything that a program imports", "#f3f3f3"),
        *_package("ingest", 8, 64, half, upper, rows),
        *_package("export", width - 8 - half, 64, half, upper, rows),
        *_package("lake", 8, 76 + upper, width - 16, height["lake"], rows),
    ]
    total = 84 + upper + height["lake"]
    style = "font-family:system-ui,sans-serif;font-size:14px"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" role="img" style="{style}">',
            "<title>The rooms of the three packages: each may import what is below it</title>",
            f'<rect width="{width}" height="{total}" rx="10" fill="#ffffff"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def _package(name: str, x: int, y: int, width: int, height: int, rows: dict[str, list[list[str]]]) -> list[str]:
    shapes = [f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{_COLOURS[name]}"/>']
    shapes.append(f'<text x="{x + _PAD}" y="{y + 24}" font-weight="600" fill="#222">{name}</text>')
    top = y + _PAD + 20
    for row in rows.get(name, []):
        each = (width - 2 * _PAD - _GAP * (len(row) - 1)) / len(row)
        for at, room in enumerate(row):
            shapes += _box(x + _PAD + at * (each + _GAP), top, each, _ROW, room, "#ffffff")
        top += _ROW + _GAP
    return shapes


def _box(x: float, y: float, width: float, height: float, text: str, fill: str) -> list[str]:
    return [
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" fill="{fill}" stroke="#9aa5b1"/>',
        f'<text x="{x + width / 2:g}" y="{y + height / 2 + 5:g}" text-anchor="middle" fill="#222">{text}</text>',
    ]
