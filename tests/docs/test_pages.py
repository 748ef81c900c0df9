"""Generated pages are up to date, every public name and column is documented, and the site asks no other host."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import signverse
from signverse.lake.model.schema import TABLES
from tests.docs.generate import tables
from tests.docs.generate.__main__ import DOCS, PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `just docs`"


def test_the_signatures_on_the_page_of_sql_are_whole() -> None:
    headings = re.findall(r"^### (.*)$", (DOCS / "reference" / "sql.md").read_text(encoding="utf-8"), re.M)
    assert "hands_in_view(above := 0.3)" in headings
    assert [heading for heading in headings if heading.count("(") != heading.count(")")] == []


def test_help_is_shown_with_the_options_that_the_program_has() -> None:
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert page.count("  -h, --help ") == page.count("Show this message and exit.") > 10


def test_every_public_name_is_documented() -> None:
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (\w+)$", page, re.M))
    assert set(signverse.__all__) <= headings


def test_what_columns_csv_describes_is_there() -> None:
    names = {(table.name, field.name) for table in TABLES for field in table.schema}
    for table, column in tables.meanings():
        assert (table, column) in names or (table == "*" and column in {name for _, name in names}), (table, column)


def test_the_site_builds_without_a_broken_link_and_asks_no_other_host(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    zensical = Path(sys.executable).with_name("zensical")
    built = subprocess.run(
        [str(zensical), "build", "--strict"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        loaded = re.findall(
            r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="?(https?://[^" >]+)', page.read_text("utf-8")
        )
        assert loaded == [], page


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_is_linked_from_outside_of_docs_is_there(name: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / name).read_text(encoding="utf-8")):
        assert "://" in link or (ROOT / link).exists(), link


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
