"""What a manifest will take, from what it asks for and what the lake has."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from signverse.ingest.acquire.forecast import (
    MEASURED_BYTES,
    MIN_MEASURED,
    PUBLISHED_GB,
    PUBLISHED_HOURS,
    PUBLISHED_VIDEOS,
    extraction_rate,
    forecast,
    prospects,
)
from signverse.ingest.manifest import Entry
from signverse.lake.lake import Lake
from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import VIDEOS
from signverse.lake.outcomes.states import STATES
from signverse.lake.storage import delta
from tests.lake.outcomes.lakes import add_videos, at, attempt, record

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
    assert rows.columns == [
        "sign_language",
        "name",
        "videos",
        *STATES,
        "to_do",
        "hours",
        "gb",
        "lake_gb",
        "extraction_hours",
    ]
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


def extracted(lake: Lake, *videos: tuple[str, float, int]) -> None:
    """Adds videos that a run of extraction finished: id, minutes from noon, frames."""
    rows = [
        {"video_id": name, "ingest_id": new_ingest_id(), "num_frames": frames, "ingested_at": at(minutes),
         "duration_s": frames / 24, "sign_language": "ase", "provider": "CPUExecutionProvider"}
        for name, minutes, frames in videos
    ]  # fmt: skip
    delta.append(lake.folder / VIDEOS.name, VIDEOS, rows)
    record(
        lake,
        *(
            {**attempt(name, "extract", "done", minutes), "ingest_id": row["ingest_id"]}
            for (name, minutes, _), row in zip(videos, rows, strict=True)
        ),
    )


def test_extraction_takes_as_long_as_the_newest_run_of_the_lake(lake: Lake) -> None:
    extracted(lake, ("old1", -600, 9_000), ("old2", -500, 9_000))
    extracted(lake, ("a", 0, 50_000), ("b", 1, 1_200), ("c", 2, 1_200))
    rate = extraction_rate(lake)
    assert rate is not None
    assert (rate.frames_per_s, rate.videos, rate.ended_at) == (pytest.approx(20), 2, at(2))
    rows, _ = forecast(entries(ase=1), lake)
    assert rows["extraction_hours"].to_list() == pytest.approx((rows["hours"] * 24 / 20).to_list())
    assert any("20.0 frames/s" in line and "CPUExecutionProvider" in line for line in prospects(rows, lake))


@pytest.mark.parametrize("videos", [(), (("a", 0, 5_000),), (("a", 0, 5_000), ("b", 0.5, 5_000))])
def test_no_rate_is_made_up_from_too_little(lake: Lake, videos) -> None:
    if videos:
        extracted(lake, *videos)
    rows, _ = forecast(entries(ase=1), lake)
    assert (extraction_rate(lake), rows["extraction_hours"].to_list()) == (None, [None])
    assert any("two CPU cores" in line for line in prospects(rows, lake))


def test_the_lake_grows_by_bytes_that_were_measured(lake: Lake) -> None:
    rows, _ = forecast(entries(ase=2), lake)
    assert rows["lake_gb"].to_list() == pytest.approx([rows["hours"][0] * 86_400 * MEASURED_BYTES / 1e9])
    assert "measured on real keypoints" in prospects(rows, lake)[0]
