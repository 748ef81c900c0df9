"""Property: an entry of a log that names something else than was committed is told, and never gives another answer.

A changed bit in a name, a word or a number, an entry in the place of another: of those that are read at every opening
at opening, of all of them by verify; repair brings back what files prove.
"""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import DamagedLakeError, SignverseError
from signverse.lake.storage.integrity import log_entries
from signverse.lake.storage.integrity.commit_info import DIGEST
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.repair.logs import removed_files
from signverse.lake.upkeep.repair.run import repair
from signverse.lake.upkeep.verify import verify_folder

TABLES = ["videos", "segments", "captions", "keypoints", "outcomes"]


def answers(lake: Path) -> list[list[str]]:
    with Lake.open(lake) as opened:
        tables = [collect(opened.table(name)) for name in TABLES]
        tables.append(opened.sql("from keypoints select video_id, frame, person, body_xy"))
        return [sorted(map(str, table.rows())) for table in tables]


@pytest.fixture(scope="module")
def compacted(tmp_path_factory, fill, video):
    """A lake whose newest entries take small files out of the tables, without a checkpoint that covers them."""
    lake = tmp_path_factory.mktemp("changed") / "lake"
    for name in ("first", "second", "third"):
        fill(lake, video(name, frames=9))
    maintain(Snapshot(lake), make_plan(Snapshot(lake)))
    for path in lake.glob("*/_delta_log/*checkpoint*"):
        path.unlink()
    return lake


@pytest.fixture
def lake(compacted, tmp_path):
    return Path(shutil.copytree(compacted, tmp_path / "lake"))


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_changed_bit_in_a_log_never_changes_an_answer(compacted, data):
    right = answers(compacted)
    table = data.draw(st.sampled_from(TABLES))
    path = log_entries.entry_path(compacted / table, log_entries.newest_version(compacted / table))
    held = path.read_bytes()
    changed = bytearray(held)
    changed[data.draw(st.integers(0, len(held) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(changed)
    try:
        assert answers(compacted) == right
    except SignverseError as error:
        assert table in str(error)
    finally:
        path.write_bytes(held)


CHANGES = {
    "no action": (b'"remove"', b'"removd"'),
    "an action less": (b'"add"', b'"adf"'),
    "another name": (b"part-", b"qart-"),
    "another action": (b'"remove":', b'"add":'),
    "no size": (b"size", b"sixe"),
    "a line that cannot be read": (b'{"remove"', b'["remove"'),
}


@pytest.mark.parametrize(
    ("table", "change"),
    [
        pytest.param(table, change, marks=[] if place % 11 == 0 else pytest.mark.slow)
        for place, (table, change) in enumerate(product(TABLES, CHANGES))
    ],
)
@pytest.mark.parametrize("removed", ["there", "deleted"])
def test_what_was_changed_is_told_and_repair_brings_back_what_was(lake, table, change, removed):
    path = log_entries.entry_path(lake / table, log_entries.newest_version(lake / table))
    if removed == "deleted":
        for name in removed_files(lake / table):
            (lake / table / name).unlink()
    path.write_bytes(path.read_bytes().replace(*CHANGES[change], 1))
    with pytest.raises(DamagedLakeError, match=path.name) as refused:
        Lake.open(lake)
    assert "\n" not in str(refused.value)
    repair(lake)
    assert [len(rows) for rows in answers(lake)] == [3, 6, 6, 27, 3, 27]
    assert list(verify_folder(lake)) == []


@pytest.mark.parametrize(
    ("table", "source", "target"),
    [
        pytest.param(table, *pair, marks=[] if place in {1, 18} else pytest.mark.slow)
        for place, (table, pair) in enumerate(product(TABLES, [(1, 2), (3, 1), (2, 3), (2, 4)]))
    ],
)
def test_an_entry_in_the_place_of_another_is_told(tmp_path, fill, video, table, source, target):
    lake = tmp_path / "lake"
    for name in ("first", "second", "third"):
        fill(lake, video(name, frames=9))
    entries = [log_entries.entry_path(lake / table, version) for version in (0, 1, 2, 3, 4)]
    shutil.copy(entries[source], entries[target])
    with pytest.raises(DamagedLakeError, match=r"is a copy of entry \d"):
        Lake.open(lake)
    repair(lake)
    assert [len(rows) for rows in answers(lake)] == [3, 6, 6, 27, 3, 27]
    assert list(verify_folder(lake)) == []


def test_an_entry_without_a_digest_is_read_as_before(lake):
    right = answers(lake)
    for path in lake.glob("*/_delta_log/*.json"):
        path.write_bytes(path.read_bytes().replace(DIGEST.encode(), b"other.digest"))
    assert answers(lake) == right


def test_keypoints_under_another_name_in_an_older_log_are_missed(lake):
    """Of a lake whose entries have no digests: no query leaves them out in silence."""
    path = log_entries.entry_path(lake / "keypoints", log_entries.newest_version(lake / "keypoints"))
    text = path.read_bytes().replace(DIGEST.encode(), b"other.digest")
    path.write_bytes(text.replace(b'"add":{"path":"sign_language=ase/part-', b'"add":{"path":"sign_language=ase/qart-'))
    with Lake.open(lake) as opened:
        for read in (lambda: collect(opened.table("keypoints")), lambda: opened.sql("from keypoints")):
            with pytest.raises(DamagedLakeError, match="qart-"):
                read()


def test_captions_whose_newest_entries_and_files_are_lost_are_said_to_be_lost(tmp_path, fill, video):
    lake = tmp_path / "lake"
    for name in ("first", "second"):
        fill(lake, video(name, frames=9))
    entry = log_entries.entry_path(lake / "captions", 2)
    for name in log_entries.names_in(log_entries.read_entry(entry)):
        (lake / "captions" / name).unlink()
    entry.unlink()
    report = repair(lake)
    assert report.lost == 1
    assert any("ingest captions" in command for command in report.commands)
    assert repair(lake).findings == []
