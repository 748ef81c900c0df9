"""Property: whatever is missing at the end of a log is refused at opening, and repair brings back what files prove.

One entry or several, with the checkpoint that covers them or the file that names it, or the whole log; in Python, SQL,
Polars and every command. What is recorded beside the logs never makes a lake unreadable that has lost nothing.
"""

from __future__ import annotations

import os
import shutil
import threading
from itertools import product
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.storage.committer import Committer
from signverse.lake.storage.integrity import log_entries, log_records
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.upkeep.repair.run import repair
from signverse.lake.upkeep.verify import verify_folder

WRITTEN = ["videos", "segments", "captions", "keypoints", "outcomes"]
IDS = {"first", "second", "third"}


@pytest.fixture(scope="module")
def three_commits(tmp_path_factory, fill, video):
    folder = tmp_path_factory.mktemp("end") / "lake"
    for name in ("first", "second", "third"):
        fill(folder, video(name))
    return folder


@pytest.fixture
def lake(three_commits, tmp_path):
    return Path(shutil.copytree(three_commits, tmp_path / "lake"))


def log_of(lake: Path, table: str) -> Path:
    return lake / table / "_delta_log"


def remove_end(lake: Path, table: str, count: int) -> Path:
    """Removes the newest entries; gives the last of them."""
    newest = log_entries.newest_version(lake / table)
    for version in range(newest - count + 1, newest + 1):
        log_entries.entry_path(lake / table, version).unlink()
    return log_entries.entry_path(lake / table, newest)


def brings_all_back(lake: Path) -> None:
    repair(lake)
    assert set(Lake.open(lake).snapshot.visible()["video_id"]) == IDS
    assert list(verify_folder(lake)) == []
    assert repair(lake).findings == []


CHECKPOINTS = ["none", "of all", "removed", "removed with its name", "of an earlier version"]


@pytest.mark.parametrize(
    ("table", "count", "checkpoint"),
    [
        pytest.param(table, count, checkpoint, marks=[] if case in {0, 38, 49, 85} else pytest.mark.slow)
        for case, (table, count, checkpoint) in enumerate(product(WRITTEN, range(1, 5), CHECKPOINTS))
    ],
)
def test_a_log_without_its_end_is_refused_and_mended(lake, table, count, checkpoint):
    log = log_of(lake, table)
    if checkpoint == "of an earlier version":
        count = min(count, 2)
        newest = [log_entries.entry_path(lake / table, version) for version in (2, 3)]
        kept = [entry.read_bytes() for entry in newest]
        for entry in newest:
            entry.unlink()
        write_checkpoints(lake / table)
        for entry, text in zip(newest, kept, strict=True):
            entry.write_bytes(text)
    elif checkpoint != "none":
        write_checkpoints(lake / table)
    if "removed" in checkpoint:
        for path in log.glob("*.checkpoint.parquet"):
            path.unlink()
    if checkpoint == "removed with its name":
        (log / "_last_checkpoint").unlink()
    last = remove_end(lake, table, count)
    if (count, checkpoint) == (4, "of all"):
        # As Delta leaves a log that was not written to for 30 days: the checkpoint has all of it.
        assert set(Lake.open(lake).snapshot.visible()["video_id"]) == IDS
        return
    with pytest.raises(DamagedLakeError, match=r"is missing|is lost") as refused:
        Lake.open(lake)
    assert f"signverse repair {lake}" in str(refused.value.hint)
    assert "\n" not in str(refused.value)
    if count < 4 and checkpoint in {"none", "removed with its name", "of an earlier version"}:
        assert last.name in str(refused.value)
    brings_all_back(lake)


def test_the_name_of_a_checkpoint_is_not_missed_nor_is_a_checkpoint_whose_entries_are_there(lake):
    for table in WRITTEN:
        write_checkpoints(lake / table)
        (log_of(lake, table) / "_last_checkpoint").unlink()
    assert set(Lake.open(lake).snapshot.visible()["video_id"]) == IDS
    for table in WRITTEN:
        next(log_of(lake, table).glob("*.checkpoint.parquet")).unlink()
    assert set(Lake.open(lake).snapshot.visible()["video_id"]) == IDS
    assert list(verify_folder(lake)) == []


COMMANDS = (
    "info LAKE",
    "sql from(sources) --lake LAKE",
    "select --lake LAKE",
    "stats balance --lake LAKE",
    "maintain --lake LAKE --dry-run",
    "split --lake LAKE",
    "export parquet --lake LAKE --out OUT",
)


@pytest.mark.parametrize("table", ["videos", "captions"])
def test_every_command_refuses_it(lake, tmp_path, signverse, table):
    last = remove_end(lake, table, 1)
    before = sorted(lake.rglob("*"))
    for command in COMMANDS:
        words = [{"LAKE": str(lake), "OUT": str(tmp_path / "out")}.get(word, word) for word in command.split()]
        code, out, err = signverse(*words)
        assert (code, out) == (1, ""), command
        assert last.name in err
        assert f"signverse repair {lake}" in err
    assert sorted(lake.rglob("*")) == before


def test_a_whole_log_that_is_gone_is_refused(lake):
    shutil.rmtree(log_of(lake, "captions"))
    with pytest.raises(DamagedLakeError, match="table 'captions'"):
        Lake.open(lake)
    brings_all_back(lake)


@pytest.mark.parametrize("damage", ["removed", "emptied"])
def test_a_lake_that_is_open_does_not_go_back(lake, damage):
    opened = Lake.open(lake)
    last = remove_end(lake, "videos", 1)
    if damage == "emptied":
        last.touch()
    with pytest.raises(DamagedLakeError, match=last.name):
        opened.refresh()
    assert set(opened.snapshot.visible()["video_id"]) == IDS


def test_a_writer_at_work_takes_no_number_of_a_lost_version(lake, video):
    committer = Committer(lake)
    committer.add(video("fourth"))
    last = remove_end(lake, "videos", 1)
    with pytest.raises(DamagedLakeError, match=last.name):
        committer.flush()
    committer.abort()
    assert not last.exists()
    brings_all_back(lake)


def test_what_is_recorded_is_never_lowered_by_another_writer(tmp_path):
    table = tmp_path / "lake" / "videos"
    table.mkdir(parents=True)
    together = threading.Barrier(8)

    def write(first: int) -> None:
        together.wait()
        for version in range(first, 200, 8):
            log_records.record_version(table, version)
            assert log_records.recorded_version(table) >= version

    threads = [threading.Thread(target=write, args=(first,)) for first in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log_records.recorded_version(table) == 199
    log_records.record_version(table, 200)
    assert [path.name for path in log_records.records_above(table, -1)] == [f"videos-{200:020}"]


def test_a_lake_of_before_there_were_records_is_read_without_a_word_and_is_recorded_from_now_on(lake, fill, video):
    shutil.rmtree(lake / log_records.FOLDER)
    assert set(Lake.open(lake).snapshot.visible()["video_id"]) == IDS
    assert list(verify_folder(lake)) == []
    assert repair(lake).findings == []
    fill(lake, video("fourth"))
    remove_end(lake, "segments", 1)
    with pytest.raises(DamagedLakeError, match="segments"):
        Lake.open(lake)


@pytest.mark.parametrize(
    "name", ["", "videos-", "videos-7", "videos-00000000000000000009.txt", "other-" + "9" * 20, "é"]
)
def test_a_name_that_is_no_record_changes_nothing(lake, fill, video, name):
    place = lake / log_records.FOLDER
    if name:
        (place / name).write_bytes(b"\0garbage")
    else:
        shutil.rmtree(place)
        place.write_bytes(b"not a folder")
    assert set(Lake.open(lake).snapshot.visible()["video_id"]) == IDS
    fill(lake, video("fourth"))
    assert list(verify_folder(lake)) == []


@pytest.mark.parametrize("version", [7, 10**20 - 1])
def test_a_record_of_a_version_that_never_was_is_told_and_repair_takes_it_out(lake, version):
    os.mkfifo(lake / log_records.FOLDER / f"videos-{version:020}")
    with pytest.raises(DamagedLakeError, match=f"{version:020}.json is missing"):
        Lake.open(lake)
    brings_all_back(lake)
    assert (lake / "_damaged" / log_records.FOLDER / f"videos-{version:020}").exists()


def test_a_commit_that_cannot_be_recorded_is_a_commit(lake, fill, video, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_records, "sync_folder", full)
    monkeypatch.setattr(log_records, "make_durable_folder", full)
    fill(lake, video("fourth"))
    assert set(Lake.open(lake).snapshot.visible()["video_id"]) == {*IDS, "fourth"}
    assert list(verify_folder(lake)) == []


def test_a_table_from_an_older_copy_is_told_and_repair_takes_the_rows_of_the_files(lake, three_commits):
    for entry in (2, 3):
        log_entries.entry_path(lake / "videos", entry).unlink()
    for path in (lake / "videos").glob("part-*.parquet"):
        if path.name not in "".join(log_entries.entry_path(lake / "videos", 1).read_text()):
            path.unlink()
    with pytest.raises(DamagedLakeError, match="every entry from 2"):
        Lake.open(lake)
    # Outcomes, segments and keypoints prove the others.
    brings_all_back(lake)


def test_a_lake_without_any_table_is_refused_and_repair_makes_it_again(lake):
    for path in lake.iterdir():
        if not path.name.startswith("_"):
            shutil.rmtree(path)
    with pytest.raises(SignverseError, match="videos"):
        Lake.create(lake)
    assert repair(lake).lost
    assert Lake.open(lake).snapshot.visible().is_empty()


@pytest.mark.parametrize("table", ["videos", "keypoints"])
def test_a_changed_checkpoint_that_can_still_be_read_is_told_and_repair_reads_the_entries(lake, table):
    write_checkpoints(lake / table)
    (path,) = log_of(lake, table).glob("*.checkpoint.parquet")
    whole = path.read_bytes()
    for place in range(4, len(whole) - 8, max(1, len(whole) // 40)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(DamagedLakeError, match=path.name):
            Lake.open(lake)
    brings_all_back(lake)


def test_of_two_checkpoints_of_one_version_each_may_come_last(lake, tmp_path):
    other = Path(shutil.copytree(lake, tmp_path / "other"))
    write_checkpoints(lake / "videos")
    write_checkpoints(other / "videos")
    (path,) = log_of(other, "videos").glob("*.checkpoint.parquet")
    log_records.record_checkpoint(lake / "videos", path)
    assert list(verify_folder(lake)) == []
    path.replace(log_of(lake, "videos") / path.name)
    assert list(verify_folder(lake)) == []
    assert set(Lake.open(lake).snapshot.visible()["video_id"]) == IDS
