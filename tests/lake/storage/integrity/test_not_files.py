"""Property: a folder or a pipe where a lake has a file is said and mended, and nothing waits for a pipe."""

from __future__ import annotations

import os
import shutil

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.upkeep.repair.run import repair
from signverse.lake.upkeep.verify import verify_folder

KINDS = {"a folder": lambda path: path.mkdir(), "a pipe": os.mkfifo}

NEEDS_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.fixture(scope="module")
def two(tmp_path_factory, fill, video):
    folder = tmp_path_factory.mktemp("two") / "lake"
    for name in ("a", "b"):
        fill(folder, video(name, "ase", 12))
    return folder


@pytest.fixture
def lake(two, tmp_path):
    return shutil.copytree(two, tmp_path / "lake")


def in_place_of(path, kind):
    path.unlink()
    KINDS[kind](path)


@NEEDS_PIPES
@pytest.mark.parametrize(
    ("table", "name", "kind"),
    [
        ("videos", "00000000000000000002.json", "a pipe"),
        ("keypoints", "00000000000000000000.json", "a folder"),
        ("segments", "_last_checkpoint", "a pipe"),
        ("captions", "00000000000000000002.checkpoint.parquet", "a pipe"),
    ],
)
def test_in_a_log(lake, table, name, kind):
    write_checkpoints(lake / table)
    in_place_of(lake / table / "_delta_log" / name, kind)
    with pytest.raises(DamagedLakeError, match="repair"):
        Lake.open(lake)
    assert list(verify_folder(lake))
    assert repair(lake, dry_run=True).findings
    assert repair(lake).lost == 0
    assert list(verify_folder(lake)) == []
    assert Lake.open(lake).sql("from keypoints").height == 24


@NEEDS_PIPES
@pytest.mark.parametrize(("table", "kind"), [("videos", "a pipe"), ("segments", "a folder"), ("keypoints", "a pipe")])
def test_in_place_of_a_data_file(lake, table, kind):
    (name,) = [file for file in Lake.open(lake).snapshot.stored_files(table) if file.first_id == "a"]
    in_place_of(lake / table / name.name, kind)
    opened = Lake.open(lake)
    with pytest.raises(SignverseError):
        opened.table(table).collect()
    with pytest.raises(SignverseError):
        opened.sql(f"from {table}")
    if table != "segments":
        with pytest.raises(SignverseError):
            opened.keypoints("a")
    assert list(verify_folder(lake))
    assert repair(lake, dry_run=True).findings
    assert repair(lake).lost == (table != "videos")


@pytest.mark.parametrize("where", ["videos", "segments/_delta_log"])
def test_in_place_of_a_folder(lake, where):
    path = lake / where
    path.rename(lake.parent / "away")
    path.write_text("x")
    assert repair(lake).findings
    assert Lake.open(lake).sql("from videos").height == 2
    assert "not a folder" not in " ".join(finding.found for finding in repair(lake).findings)


def test_keypoints_whose_log_was_lost_with_them_are_missed_in_every_reader(lake):
    shutil.rmtree(lake / "keypoints")
    assert repair(lake).lost
    opened = Lake.open(lake)
    for ask in (lambda: opened.table("keypoints").collect(), lambda: opened.sql("from keypoints")):
        with pytest.raises(SignverseError, match="lost"):
            ask()
    assert opened.table("segments").collect().height
