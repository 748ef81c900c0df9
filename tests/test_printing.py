"""What the program prints goes through functions that clean texts of strangers: no other place prints."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]

PRINTERS = {
    "lake/cli/shared.py": "say, complain and show clean their lines",
    "lake/cli/progress.py": "print_line cleans its line",
    "lake/query/output.py": "rows, cleaned for a terminal",
    "lake/cli/query.py": "an array as .npy, which is refused where stdout is a terminal",
    "ingest/models/tensorrt.py": "cleans its line, in a worker that has no command line",
    "ingest/cli/inspection.py": "cleans what it says of files",
    "ingest/cli/acquisition/screen.py": "tables and lines of rich, in which each text is cleaned",
}
"""Modules that write to stdout or stderr themselves, and why that is safe."""


def printing(path: Path) -> list[str]:
    """The calls of a module that write to stdout or stderr."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            last = called.rpartition(".")[2]
            if (
                called in {"print", "pprint", "input"}
                or last in {"echo", "secho", "echo_via_pager", "prompt", "confirm", "print_exc", "print_exception"}
                or (last in {"write", "writelines"} and "std" in called)
                or (last in {"print", "log", "rule", "print_json"} and "console" in called.lower())
            ):
                found.append(called)
    return found


def test_only_the_known_places_print() -> None:
    folders = [ROOT / name for name in ("lake", "ingest", "export", "src/signverse")]
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    assert len(files) > 150
    found = {str(path.relative_to(ROOT)): printing(path) for path in files}
    # readline's prompt is the program's own text.
    allowed = {**PRINTERS, "lake/cli/prompt.py": "input"}
    assert {name: calls for name, calls in found.items() if calls and name not in allowed} == {}
    assert all(found[name] for name in PRINTERS), "a module that prints no more is in the list"


def test_rich_reads_no_markup_in_texts_that_are_not_the_programs() -> None:
    """Columns and texts of rich are `Text`, or the program's own words: markup in a name would be obeyed."""
    screen = (ROOT / "ingest/cli/acquisition/screen.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(screen)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Text" and node.args:
            assert ast.unparse(node.args[0]).startswith("clean("), ast.unparse(node)
