"""`signverse ingest plan`: a short table that fits a terminal, and everything in files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.outcomes.states import STATES
from tests.lake.outcomes.lakes import add_videos, attempt, record

Signverse = Callable[..., tuple[int, str, str]]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.csv"
    path.write_text("a,ase\nb,ase\nc,gsg\n../x,ase\n")
    return path


def test_the_table_fits_80_columns_and_the_rest_is_said_below_it(manifest: Path, signverse: Signverse) -> None:
    code, out, err = signverse("ingest", "plan", manifest)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "German Sign Language" in out
    assert out.split()[:7] == ["language", "name", "videos", "to", "do", "hours", "GB"]
    # The rows add up to the sum below them.
    assert [line.split()[-3:-1] for line in out.splitlines()[2:]] == [["0.161", "0.078"], ["0.080", "0.039"]]
    assert "0.241 hours, 0.118 GB" in err
    said = err[err.index("3 videos in ") :].splitlines()
    assert said[0] == "3 videos in 2 languages, 1 invalid id, 3 ids not YouTube's; 3 to do"
    assert max(map(len, said)) <= 80


def test_what_is_in_the_lake_is_counted_by_state(tmp_path: Path, manifest: Path, signverse: Signverse) -> None:
    lake = Lake.create(tmp_path / "lake")
    add_videos(lake, "ase", "a")
    record(lake, attempt("b", "download", "unavailable", 0, "deleted"))
    code, _, err = signverse("ingest", "plan", manifest, "--lake", tmp_path / "lake")
    assert code == 0
    assert "1 to do" in err
    assert "1 in the lake, 1 not tried yet, 1 unavailable" in err


@pytest.mark.parametrize("options", [("--format", "csv"), ("--wide",)])
def test_files_and_wide_tables_have_all_columns(
    tmp_path: Path, manifest: Path, signverse: Signverse, options: tuple[str, ...]
) -> None:
    Lake.create(tmp_path / "lake")
    code, out, _ = signverse("ingest", "plan", manifest, "--lake", tmp_path / "lake", *options)
    assert code == 0
    for state in STATES:
        assert state in out
    if "csv" in options:
        # Without a lake the columns are the same: a script finds what it looks for.
        assert signverse("ingest", "plan", manifest, *options)[1].splitlines()[0] == out.splitlines()[0]
        assert [row["videos"] for row in csv.DictReader(io.StringIO(out))] == ["2", "1"]
