"""Rules of the code that outlive the day: layers, sizes, descriptions and words."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tokenize import COMMENT, generate_tokens

import pytest

ROOT = Path(__file__).parents[1]


PACKAGES = ("lake", "ingest", "export")
FILES = [path for folder in (*PACKAGES, "src/signverse") for path in sorted((ROOT / folder).rglob("*.py"))]
"""Our modules; rglob follows no links, so each comes once."""


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_imports_keep_to_the_layers() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([str(lint), "--no-cache"], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layered = [name for contract in settings["contracts"] for name in contract.get("containers", ())]
    assert sorted(layered) == ["signverse.export", "signverse.ingest", "signverse.lake"]
    kept, broken = map(int, re.findall(r"(\d+) kept, (\d+) broken", ran.stdout)[0])
    assert (kept, broken) == (len(settings["contracts"]), 0)


def test_no_module_is_longer_than_400_lines() -> None:
    others = [path for folder in ("tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]
    lines = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in (*FILES, *others)}
    assert len(lines) > 300
    assert {name: count for name, count in lines.items() if count > 400} == {}


def test_a_function_of_more_than_60_lines_says_why() -> None:
    found = {}
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno
                body = lines[node.lineno - 1 : node.end_lineno]
                if len(body) > 60 and not any(line.strip().startswith("# Long because: ") for line in body):
                    found[f"{place(path)}:{node.name}"] = len(body)
    assert found == {}


def test_a_package_is_described_and_holds_no_code_of_its_own() -> None:
    inside = [path for path in FILES if path.name == "__init__.py" and path.parent.name != "signverse"]
    assert len(inside) > 20
    for path in inside:
        assert len(tree(path).body) == 1, f"{place(path)} holds code"
        assert len((ast.get_docstring(tree(path)) or "").splitlines()) >= 3, f"{place(path)} says too little"


def test_a_package_describes_files_that_are_there() -> None:
    for path in FILES:
        if path.name == "__init__.py" and path.parent.name != "signverse":
            described = re.findall(r"[\w/]+\.py\b", ast.get_docstring(tree(path)) or "")
            places = {name: (path.parent / name, ROOT / name) for name in described}
            assert [name for name, near in places.items() if not any(map(Path.exists, near))] == [], place(path)


def test_a_package_holds_14_modules_at_most() -> None:
    counts = Counter(place(path.parent) for path in FILES)
    assert {name: count for name, count in counts.items() if count > 14} == {}


PRIVATE = {
    *(
        "anew",
        "anybody",
        "everybody",
        "following",
        "gathered",
        "handing",
        "hear",
        "heard",
        "lane",
        "lanes",
        "lots",
        "noted",
    ),
    *("pace", "parting", "reunion", "reunions", "settle", "sighting", "sightings", "somebody", "stretches", "tallies"),
    *("tally", "tidy", "told", "whoever"),
}
"""Words that this project had for things that have a name in computer vision, data engineering or English."""

PHRASES = re.compile(
    r"passed over|one another's|(?<!there )(?<!there would )\b(?:is|are) no (?!longer\b|more\b)\w+", re.I
)
"""Turns of phrase in place of `skipped`, `each other's` and `is not a`."""


def names_of(module: ast.Module) -> Iterator[str]:
    """The words of the names of a module."""
    for node in ast.walk(module):
        for name in ("name", "id", "arg", "attr"):
            value = getattr(node, name, None)
            if isinstance(value, str):
                yield from re.findall(r"[A-Z]?[a-z]+", value)


def texts_of(path: Path) -> Iterator[str]:
    """What a person may read: docstrings, help, messages and comments of a module; a page without code in its lines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield re.sub(r"`[^`\n]*`", "", text) if path.suffix == ".md" else text
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    comments = [word for word in generate_tokens(io.StringIO(text).readline) if word.type == COMMENT]
    yield "\n".join(word.string for word in comments)


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
STATEMENTS = sorted((ROOT / "sql").rglob("*.sql"))


@pytest.mark.parametrize("path", [*FILES, *PAGES, *STATEMENTS], ids=place)
def test_names_and_texts_use_no_private_words(path: Path) -> None:
    texts = [re.sub(r"\s+(?:# )?", " ", text) for text in texts_of(path)]
    words = {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}
    if path.suffix == ".py":
        words |= {word.lower() for word in names_of(tree(path))}
    words |= set(path.stem.split("_"))
    assert words & PRIVATE == set()
    assert [found for text in texts for found in PHRASES.findall(text)] == []


def test_nothing_imports_the_folders_at_the_top() -> None:
    """They can be imported in the checkout only, and would be loaded twice; ruff refuses it in Python files."""
    files = [path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py")]
    for path in (*FILES, *files, *PAGES):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"(?m)^\s*(?:from|import) (?:lake|ingest|export)(?:\.[\w.]+)?(?: import .*)?$", text) == []


def test_lake_tables_are_collected_where_damage_is_reported() -> None:
    """A bare `.collect()` shows a traceback of Polars for a damaged file; `foreign_errors.collect` an error."""
    found = [
        f"{place(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "collect"
    ]
    # scan.py reads on behalf of those, inside of Polars.
    assert {name.partition(":")[0] for name in found} == {
        "lake/storage/integrity/foreign_errors.py",
        "lake/storage/integrity/scan.py",
    }
    assert len(found) == 3, found


UNCHECKED = {"scan_parquet", "read_parquet", "scan_delta", "read_delta", "ParquetDataset", "to_pyarrow_dataset"}
"""Ways of reading Parquet that compare no checksum, by the names that Polars, DuckDB and pyarrow have for them."""


def test_parquet_is_read_where_checksums_are_compared() -> None:
    """Polars and DuckDB compare none: a flipped bit would be another number. `lake.storage.integrity` says more."""
    found = set()
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of_arrow = node.func.attr == "read_table" and ast.unparse(node.func.value) == "pq"
                if of_arrow or node.func.attr in UNCHECKED:
                    found.add(place(path))
            # SQL that DuckDB runs.
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.search(r"(?<!\.)read_parquet\(", text):
                found.add(place(path))
    # Within these, the log, what no version names and what is to be mended are read as well, damaged or not.
    elsewhere = {name for name in found if not name.startswith(("lake/storage/integrity/", "lake/upkeep/"))}
    # The session takes its files from duckdb_files.py.
    assert elsewhere == {"lake/query/session.py"}


def test_the_folder_sql_holds_sql_only() -> None:
    files = [path for path in (ROOT / "sql").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".sql"}
    assert len(files) >= 3


def git(*words: str) -> list[str]:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    return subprocess.run(["git", *words], capture_output=True, text=True, cwd=ROOT, check=True).stdout.splitlines()


def test_no_lock_file_and_nothing_large_or_of_other_peoples_is_tracked() -> None:
    tracked = git("ls-files")
    assert "pyproject.toml" in tracked
    assert "uv.lock" not in tracked
    assert [name for name in tracked if name.endswith((".onnx", ".npz", ".parquet", ".pyc"))] == []
    large = [name for name in tracked if (ROOT / name).exists() and (ROOT / name).stat().st_size > 4_000_000]
    assert large == []
