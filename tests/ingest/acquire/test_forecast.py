"""What a manifest will take, from what it asks for and what the lake has."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from signverse.ingest.acquire.corpus_state import STATES
from signverse.ingest.acquire.forecast import MIN_MEASURED, PUBLISHED_GB, PUBLISHED_HOURS, PUBLISHED_VIDEOS, forecast
from signverse.ingest.manifest import Entry
from signverse.lake.lake import Lake
from tests.ingest.acquire.lakes import add_videos, attempt, record

PUBLISHED = PUBLISHED_HOURS / PUBLISHED_VIDEOS


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake")


def entries(**languages: int) -> dict[str, Entry]:
    """So many ids of each language: ase-0, ase-1, ..."""
    return {
        f"{language}-{i}": Entry(f"{language}-{i}", sign_language=language)
        for language, count in languages.items()
        for i in range(count)
    }


def numbers(rows: pl.DataFrame) -> dict[str, dict]:
    assert rows.columns == ["sign_language", "name", "videos", *STATES, "to_do", "hours", "gb"]
    by_language = {row["sign_language"]: row for row in rows.iter_rows(named=True)}
    for row in by_language.values():
        assert sum(row[state] for state in STATES) == row["videos"]
        # What is downloaded takes no more of the disk.
        each = row["hours"] / row["to_do"] if row["to_do"] else 0.0
        assert row["gb"] == pytest.approx((row["to_do"] - row["downloaded"]) * each * PUBLISHED_GB / PUBLISHED_HOURS)
    return by_language


def test_without_a_lake_everything_is_to_do_at_the_published_mean() -> None:
    rows, basis = forecast(entries(pso=2, ase=3, und=1), None)
    found = numbers(rows)
    assert list(found) == ["ase", "pso", "und"]
    assert found["ase"]["name"] == "American Sign Language"
    assert (found["ase"]["videos"], found["ase"]["not tried yet"], found["ase"]["to_do"]) == (3, 3, 3)
    assert found["ase"]["hours"] == pytest.approx(3 * PUBLISHED)
    assert "4.8 minutes a video" in basis
    assert "published" in basis


def test_a_language_that_nobody_knows_has_no_name() -> None:
    found = numbers(forecast(entries(xyz=1), None)[0])
    assert (found["xyz"]["name"], found["xyz"]["to_do"]) == ("unknown", 1)


def test_a_manifest_of_nothing_takes_nothing(lake: Lake) -> None:
    for opened in (None, lake):
        rows, _ = forecast({}, opened)
        assert numbers(rows) == {}
        assert (rows["to_do"].sum(), rows["hours"].sum()) == (0, 0)


def test_an_empty_lake_says_as_much_as_none(lake: Lake) -> None:
    listed = entries(ase=3, pso=2)
    without, with_lake = forecast(listed, None), forecast(listed, lake)
    assert with_lake[0].equals(without[0])
    assert with_lake[1] == without[1]


def test_what_is_there_and_what_cannot_be_had_are_not_to_do(lake: Lake) -> None:
    add_videos(lake, "ase", "ase-0", "ase-1", "another")
    record(
        lake,
        attempt("ase-2", "download", "unavailable", 0),
        attempt("ase-3", "download", "blocked", 0),
        attempt("ase-4", "download", "failed", 0),
        attempt("ase-5", "download", "done", 0),
    )
    (row,) = numbers(forecast(entries(ase=7), lake, ["ase-5"])[0]).values()
    assert [row[state] for state in STATES] == [2, 1, 1, 1, 1, 1]
    assert row["to_do"] == 4
    assert row["hours"] == pytest.approx(4 * PUBLISHED)
    (row,) = numbers(forecast(entries(ase=7), lake, [])[0]).values()
    assert (row["downloaded"], row["not tried yet"]) == (0, 2)


def test_a_lake_with_many_videos_knows_better_than_the_publication(lake: Lake) -> None:
    add_videos(lake, "ase", *(f"old-{i}" for i in range(MIN_MEASURED)), hours=2.0)
    add_videos(lake, "pso", *(f"older-{i}" for i in range(MIN_MEASURED // 2)), hours=0.5)
    rows, basis = forecast(entries(ase=1, pso=1, bfi=1), lake)
    found = numbers(rows)
    overall = (2.0 * MIN_MEASURED + 0.5 * (MIN_MEASURED // 2)) / (MIN_MEASURED + MIN_MEASURED // 2)
    assert found["ase"]["hours"] == pytest.approx(2.0)
    # Too few of one language say less than all together.
    assert found["pso"]["hours"] == found["bfi"]["hours"] == pytest.approx(overall)
    assert f"{overall * 60:.1f} minutes a video, the mean of 30 in the lake" in basis


def test_videos_of_unknown_length_are_no_measure(lake: Lake) -> None:
    add_videos(lake, "ase", *(f"long-{i}" for i in range(MIN_MEASURED)), hours=1.0)
    add_videos(lake, "ase", *(f"unknown-{i}" for i in range(MIN_MEASURED)), hours=None)
    add_videos(lake, "pso", *(f"unknown-pso-{i}" for i in range(MIN_MEASURED)), hours=None)
    rows, basis = forecast(entries(ase=1, pso=1), lake)
    found = numbers(rows)
    assert found["ase"]["hours"] == found["pso"]["hours"] == pytest.approx(1.0)
    assert f"the mean of {MIN_MEASURED} in the lake" in basis
