"""The lake as it was: by version and by time, in every way of asking."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import SPLITS
from signverse.lake.storage import delta
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan


@pytest.fixture
def aged(tmp_path: Path, fill: Callable[..., Path], video: Callable[..., Any]) -> tuple[Path, datetime]:
    """A lake of two days: on the first two videos and a split, later one of them anew, another, and the split anew."""
    folder = fill(tmp_path / "lake", video("a", "ase", 40, seed=1, texts=("First words.",)), video("b", "pso", 30))
    delta.append(
        folder / "splits",
        SPLITS,
        [{"video_id": "a", "ingest_id": "s", "name": "main", "part": "train", "made_at": datetime.now(UTC)}],
    )
    time.sleep(0.05)
    then = datetime.now(UTC)
    time.sleep(0.05)
    fill(folder, video("a", "ase", 20, seed=2, texts=("Second words.",)))
    fill(folder, video("c", "bfi", 10))
    delta.append(
        folder / "splits",
        SPLITS,
        [{"video_id": "a", "ingest_id": "t", "name": "main", "part": "test", "made_at": datetime.now(UTC)}],
    )
    return folder, then


def test_an_older_version_is_read_whole(aged):
    folder, _ = aged
    old, new = Lake.open(folder, version=1), Lake.open(folder)
    assert old.videos().collect()["video_id"].to_list() == ["a", "b"]
    assert (old.num_frames("a"), new.num_frames("a")) == (40, 20)
    assert old.keypoints("a").shape == (40, 128, 3)
    assert old.clips(languages="ase").collect()["text"].to_list() == ["First words."]
    assert old.table("outcomes").collect().height == 2
    with old.duckdb() as con:
        assert con.sql("select text from clips where video_id = 'a'").fetchall() == [("First words.",)]
        assert con.sql("select count(*) from keypoints where video_id = 'a'").fetchall() == [(40,)]
        assert con.sql("select count(*) from outcomes").fetchall() == [(2,)]
    assert new.table("outcomes").collect().height == 4


def test_a_time_finds_the_version_that_was_the_newest_then(aged):
    folder, then = aged
    assert Lake.open(folder, as_of=then).version == 1
    assert Lake.open(folder, as_of=datetime.now(UTC)).version == 3
    with pytest.raises(BadInputError, match="Its oldest is of"):
        Lake.open(folder, as_of=then - timedelta(days=1))
    with pytest.raises(BadInputError, match="time zone"):
        Lake.open(folder, as_of=then.replace(tzinfo=None))
    with pytest.raises(BadInputError, match="one of them"):
        Lake.open(folder, as_of=then, version=1)


def test_a_split_is_that_of_its_time(aged):
    folder, _ = aged
    assert Lake.open(folder, version=2).split_videos("main", "train") == ["a"]
    assert Lake.open(folder).split_videos("main", "test") == ["a"]
    with pytest.raises(BadInputError, match="has no part 'train'"):
        Lake.open(folder).split_videos("main", "train")
    with Lake.open(folder, version=2).duckdb() as con:
        assert con.sql("select part from splits").fetchall() == [("train",)]


@pytest.mark.parametrize("moved", [False, True])
def test_every_command_reads_the_lake_as_it_was(aged, tmp_path, signverse, moved):
    folder, then = aged
    if moved:
        # What upkeep moved, and what it removed, is found all the same while the ingestion is kept.
        maintain(Lake.open(folder).snapshot, make_plan(Lake.open(folder).snapshot))
    for when in (("--version", 1), ("--as-of", then.isoformat())):
        code, out, _ = signverse("sql", "select count(*) as n from videos", "--lake", folder, *when, "--format", "json")
        assert (code, json.loads(out)) == (0, [{"n": 2}])
        code, out, _ = signverse("select", "--lake", folder, "-l", "ase", *when, "--format", "json")
        assert (code, json.loads(out)[0]["text"]) == (0, "First words.")
        code, out, _ = signverse("stats", "languages", "--lake", folder, *when, "--format", "json")
        assert code == 0
        assert {row["sign_language"] for row in json.loads(out)} == {"ase", "pso"}
        assert signverse("keypoints", "a", "--lake", folder, *when, "-o", tmp_path / "a.npy")[0] == 0
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), Lake.open(folder, version=1).keypoints("a"))
        assert np.load(tmp_path / "a.npy").shape[0] == 40
        out = tmp_path / f"out{when[0]}"
        assert signverse("export", "shards", "--lake", folder, "--out", out, *when)[0] == 0
        index = pl.read_csv(out / "index.csv")
        assert dict(index.select("video_id", "frames").rows()) == {"a": 40, "b": 30}
        assert signverse("export", "webdataset", "--lake", folder, "--out", tmp_path / f"w{when[0]}", *when)[0] == 0


def test_a_selection_says_what_it_was_and_its_export_can_be_repeated(aged, tmp_path, signverse):
    folder, _ = aged
    chosen = tmp_path / "clips.parquet"
    assert signverse("select", "--lake", folder, "--version", 1, "-l", "ase", "--seed", 3, "-o", chosen)[0] == 0
    told = pl.read_parquet_metadata(chosen)
    assert json.loads(told["signverse.selection"]) == {"languages": ["ase"], "seed": 3}
    assert told["signverse.lake_version"] == "1"
    # Its clips are gone from the newest version, and the message says how to have them.
    code, _, err = signverse("export", "webdataset", "--lake", folder, "--out", tmp_path / "no", "--selection", chosen)
    assert code == 1
    assert "--version 1" in err
    code, _, err = signverse(
        "export", "webdataset", "--lake", folder, "--out", tmp_path / "w", "--selection", chosen, "--version", 1
    )
    assert code == 0, err


def test_what_upkeep_dropped_is_said_and_not_half_read(aged):
    folder, _ = aged
    maintain(
        Lake.open(folder).snapshot,
        make_plan(Lake.open(folder).snapshot, retention=timedelta(0)),
        retention=timedelta(0),
    )
    with pytest.raises(BadInputError, match=r"version 1 of .* is past the retention"):
        Lake.open(folder, version=1).videos().collect()


def test_a_version_of_which_everything_is_kept_is_read_after_upkeep_too(aged):
    folder, _ = aged
    maintain(Lake.open(folder).snapshot, make_plan(Lake.open(folder).snapshot))
    # The files of version 3 were replaced, its ingestions were not.
    assert Lake.open(folder, version=3).num_frames("a") == 20
    assert Lake.open(folder, version=3).keypoints("a").shape == (20, 128, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--version", 99), "has no version 99"),
        (("--version", -1), "--version"),
        (("--as-of", "yesterday"), "'yesterday' is not a time"),
        (("--as-of", "1999-01-01"), "Its oldest is of"),
        (("--as-of", "2999-01-01", "--version", 1), "Give one of them"),
    ],
)
def test_a_version_that_never_was_is_one_line(aged, signverse, words, said):
    folder, _ = aged
    code, out, err = signverse("sql", "from videos", "--lake", folder, *words)
    assert code
    assert said in err
    assert out == ""


def test_the_newest_version_by_its_number_answers_as_without(aged, signverse):
    folder, _ = aged
    # The split was made after the last video came in, as it mostly is.
    version = Lake.open(folder).version
    assert Lake.open(folder, version=version).split_videos("main", "test") == ["a"]
    for name in ("sources", "outcomes", "splits"):
        assert Lake.open(folder, version=version).table(name).collect().equals(Lake.open(folder).table(name).collect())
    code, _, err = signverse("select", "--lake", folder, "--split", "main=test", "--version", version)
    assert code == 0, err
