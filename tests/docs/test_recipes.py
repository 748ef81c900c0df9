"""What CONTRIBUTING names is there, and a report is one SQL file, as its recipe says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from signverse.export.formats.registry import CLIP_FORMATS
from signverse.lake.query import plots, reports

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

REPORT = """-- Videos of each sign language. Nothing more.
-- Short form: sign_language as language, videos
select sign_language, count(*) as videos, sum(num_frames) as frames from videos group by all order by all;
"""


def test_every_file_that_contributing_names_is_there() -> None:
    named = {name for name in re.findall(r"`([\w./-]+)`", TEXT) if "/" in name and "NAME" not in name}
    missing = [name for name in named if not (ROOT / name).exists() and not name.startswith("sgn-")]
    assert len(named) > 15
    assert missing == []


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("DRAWINGS", "lake/query/plots.py"),
        ("FORMAT", "export/formats/webdataset.py"),
        ("FORMAT_VERSION", "lake/model/schema.py"),
        ("KINDS", "tests/export/release/test_clip_exports.py"),
    ],
)
def test_what_a_recipe_names_is_in_its_file(name: str, file: str) -> None:
    assert f"`{name}`" in TEXT
    assert f"`{file}`" in TEXT
    assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8"))


def test_a_report_is_one_sql_file(town, signverse, tmp_path, monkeypatch) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    (tmp_path / "sql" / "reports" / "made.sql").write_text(REPORT)
    monkeypatch.setattr(reports, "sql_folder", lambda: tmp_path / "sql")
    code, out, _ = signverse("stats", "made", "--lake", town)
    assert code == 0
    assert out.split()[:2] == ["language", "videos"]
    assert signverse("stats", "made", "--lake", town, "--wide")[1].split()[:3] == ["sign_language", "videos", "frames"]


def test_every_report_has_a_drawing() -> None:
    assert set(reports.report_names()) == set(plots.DRAWINGS)


def test_every_format_of_clips_is_a_command_and_on_the_page_of_formats() -> None:
    page = (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")
    commands = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    for name in CLIP_FORMATS:
        assert f"\n## {name}\n" in page
        assert f"\n### export {name}\n" in commands
