"""What maintenance says of ingestions that were never committed, what it refuses to drop, and what it leaves alone.

The property: nothing is deleted that a writer holds, that an outcome calls done, or that is younger than the retention
by the clock of the disk; and what is deleted is said, with its videos.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.schema import SOURCES, TABLES
from signverse.lake.storage.integrity import log_entries
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.storage.sources import add_sources
from signverse.lake.upkeep.absence import done_without_video
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.repair.run import repair
from signverse.lake.upkeep.vacuum import data_files, unreferenced_files
from signverse.lake.upkeep.verify import verify_folder

NOW = timedelta(0)


@pytest.fixture
def lake(tmp_path, fill, video):
    fill(tmp_path / "lake", video("first"))
    return fill(tmp_path / "lake", video("second"), video("third"))


def signverse(*words: str, clock: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "signverse", *words]
    if clock:
        command = ["faketime", "-f", clock, *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def lose_last_entry(folder: Path, table: str) -> None:
    """As in a lake of before it was recorded how far a log goes; otherwise it is refused."""
    log_entries.entry_path(folder / table, max(log_entries.entries(folder / table))).unlink()
    shutil.rmtree(folder / "_versions", ignore_errors=True)


def age(folder: Path, days: float) -> None:
    """Makes every file of a lake older."""
    for path in folder.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - days * 86_400
            os.utime(path, (then, then))


def lying(folder: Path) -> set[str]:
    return {f"{table.name}/{name}" for table in TABLES for name in data_files(folder / table.name)}


def test_videos_that_outcomes_call_done_are_not_dropped_without_being_told_so(lake):
    lose_last_entry(lake, "videos")
    age(lake, 9)
    before = lying(lake)
    for words in ((), ("--dry-run",), ("--retention", "0")):
        done = signverse("maintain", "--lake", str(lake), *words)
        assert (done.returncode, lying(lake)) == (1, before)
        assert "2 videos" in done.stderr and "signverse repair" in done.stderr and "--drop-unlisted" in done.stderr
    with pytest.raises(BadInputError, match="2 videos are done which 'videos' lacks"):
        maintain(Lake.open(lake).snapshot, make_plan(Lake.open(lake).snapshot))
    done = signverse("maintain", "--lake", str(lake), "--drop-unlisted")
    assert done.returncode == 0
    assert "2 never-committed ingestions of 2 videos (1 file) dropped: second, third" in done.stderr


@pytest.mark.parametrize("again", [False, True], ids=["not since", "and ingested again"])
def test_a_video_that_a_repair_took_out_is_missed_only_where_it_was_ingested_since(lake, fill, video, again):
    (lake / "keypoints" / Lake.open(lake).video("first")["keypoints_file"]).unlink()
    repair(lake, drop_lost=["keypoints"])
    assert done_without_video(Lake.open(lake).snapshot) == set()
    if again:
        fill(lake, video("first"))
        lose_last_entry(lake, "videos")
    assert done_without_video(Snapshot(lake)) == ({"first"} if again else set())


def test_repair_brings_them_back_and_maintenance_goes_on(lake):
    lose_last_entry(lake, "videos")
    age(lake, 9)
    assert signverse("repair", str(lake)).returncode == 0
    assert signverse("maintain", "--lake", str(lake)).returncode == 0
    assert list(verify_folder(lake)) == []
    assert Lake.open(lake).snapshot.visible().height == 3


@pytest.mark.slow
def test_what_was_never_committed_is_said_when_it_goes(lake, video):
    other = lake.parent / "other"
    shutil.copytree(lake, other)
    for table in ("videos", "outcomes"):
        lose_last_entry(lake, table)
    age(lake, 9)
    assert "would be dropped" in signverse("maintain", "--lake", str(lake), "--dry-run").stderr
    done = signverse("maintain", "--lake", str(lake))
    assert "2 never-committed ingestions of 2 videos (2 files) dropped: second, third" in done.stderr
    assert "never-committed" not in signverse("maintain", "--lake", str(other)).stderr


WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import _video
from signverse.lake.storage.committer import Committer
committer = Committer(Path(sys.argv[1]))
committer.add(_video("at-work-now"))
committer._end_writing()
print("open", flush=True)
sys.stdin.readline()
committer.flush()
print("done", flush=True)
"""


SLOW = [("", "7"), ("-8d", "7"), ("+8d", "0"), ("-8d", "0")]


@pytest.mark.parametrize(
    ("clock", "retention"),
    [("+8d", "7"), ("", "0"), *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)],
)
def test_the_open_files_of_a_writer_at_work_stay_whatever_the_clocks_say(lake, clock, retention):
    if clock and not shutil.which("faketime"):
        pytest.skip("faketime is not installed (apt-get install faketime)")
    tests = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(lake), str(tests)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin and writer.stdout
        assert writer.stdout.readline() == "open\n"
        held = lying(lake)
        done = signverse("maintain", "--lake", str(lake), "--retention", retention, clock=clock)
        assert done.returncode == 0, done.stderr
        assert len(held - lying(lake)) == (0 if retention == "7" else len(held) - 1)
        writer.stdin.write("\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "done\n"
    assert Lake.open(lake).keypoints("at-work-now").shape == (50, 128, 3)
    assert list(verify_folder(lake)) == []


def test_the_files_of_a_killed_writer_go_with_the_retention(lake):
    tests = Path(__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(lake), str(tests)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        writer.stdout.readline()
        writer.kill()
    assert len(unreferenced_files(Lake.open(lake).snapshot, NOW)) == 1
    assert unreferenced_files(Lake.open(lake).snapshot) == []
    maintain(Lake.open(lake).snapshot, make_plan(Lake.open(lake).snapshot, retention=NOW), retention=NOW)
    assert list((lake / "_writers").glob("*.lock")) in ([], [*(lake / "_writers").glob("*.lock")][:1])


def test_a_name_that_a_killed_writer_left_beside_its_entry_goes_and_one_being_written_stays(lake):
    log = lake / "videos" / "_delta_log"
    for kind in ("linked", "copied"):
        entry = log / f"{1:020}.json"
        left = log / f"{entry.name}#{1 if kind == 'linked' else 2}"
        os.link(entry, left) if kind == "linked" else shutil.copy(entry, left)
    being_written = log / f"{9:020}.json#1"
    being_written.write_text('{"commitInfo"')
    assert signverse("maintain", "--lake", str(lake)).returncode == 0
    assert [path.name for path in log.iterdir() if "#" in path.name] == [being_written.name]
    os.utime(being_written, (time.time() - 7200,) * 2)
    assert signverse("maintain", "--lake", str(lake)).returncode == 0
    assert [path.name for path in log.iterdir() if "#" in path.name] == []


def source(title: str, language: str) -> dict[str, str | None]:
    nothing = {"url": None, "channel": None, "channel_id": None}
    return {"video_id": "first", "language_label": language, "sign_language": language, "title": title, **nothing}


@pytest.mark.parametrize("wrong_by", [timedelta(days=-2), timedelta(days=400), timedelta(seconds=-1)])
def test_the_row_of_a_source_that_was_written_last_counts_whatever_the_clocks_say(lake, monkeypatch, wrong_by):
    from signverse.lake.storage import sources

    add_sources(Lake.open(lake).snapshot, [source("old", "ase")])

    class Wrong(sources.datetime):  # type: ignore[name-defined, misc]
        @classmethod
        def now(cls, tz=None):
            return sources.datetime.__mro__[1].now(tz) + wrong_by

    with monkeypatch.context() as patch:
        patch.setattr(sources, "datetime", Wrong)
        assert add_sources(Lake.open(lake).snapshot, [source("new", "bfi")]) == 1
        assert add_sources(Lake.open(lake).snapshot, [source("new", "bfi")]) == 0
    assert add_sources(Lake.open(lake).snapshot, [source("new", "bfi")]) == 0
    rows = Lake.open(lake).table(SOURCES.name).collect()
    assert rows.select("title", "sign_language").rows() == [("new", "bfi")]
    assert add_sources(Lake.open(lake).snapshot, [source("newer", "bfi")]) == 1
    assert Lake.open(lake).table(SOURCES.name).collect()["title"].to_list() == ["newer"]
