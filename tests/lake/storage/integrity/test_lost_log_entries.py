"""Property: whatever becomes of an entry of any log, opening or verify says it, and repair brings its rows back.

An entry is emptied, zeroed, cut at any byte, or removed; newest, in the middle or the first; before or after a
checkpoint that covers it.
"""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import SignverseError
from signverse.lake.storage.integrity import log_entries
from signverse.lake.storage.integrity.checkpoints import write_checkpoints
from signverse.lake.upkeep.repair.run import repair
from signverse.lake.upkeep.verify import verify_folder

WRITTEN = ["videos", "segments", "captions", "keypoints", "outcomes"]


@pytest.fixture(scope="module")
def three_commits(tmp_path_factory, fill, video):
    folder = tmp_path_factory.mktemp("log") / "lake"
    for name in ("first", "second", "third"):
        fill(folder, video(name))
    return folder


def said(folder) -> list[str]:
    """What is said of a lake: the refusal to open it, and the lines of verify."""
    lines = list(verify_folder(folder))
    try:
        Lake.open(folder).close()
    except SignverseError as error:
        lines.append(str(error))
    return lines


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.sampled_from(WRITTEN),
    version=st.integers(0, 3),
    checkpoint=st.booleans(),
    damage=st.sampled_from(["empty", "zeros", "cut", "gone"]),
    part=st.floats(0, 0.999),
)
def test_a_lost_entry_is_never_silent(three_commits, tmp_path, table, version, checkpoint, damage, part):
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(three_commits, copy)
    if checkpoint:
        write_checkpoints(copy / table)
    entry = log_entries.entry_path(copy / table, version)
    text = entry.read_bytes()
    if damage == "gone":
        entry.unlink()
    else:
        entry.write_bytes({"empty": b"", "zeros": bytes(len(text)), "cut": text[: int(part * len(text))]}[damage])
    lines = said(copy)
    # Delta itself drops old entries that a checkpoint covers, the first ones first.
    assert lines or (checkpoint and damage == "gone" and version == 0)
    assert all("\n" not in line for line in lines)
    repair(copy)
    assert set(Lake.open(copy).snapshot.visible()["video_id"]) == {"first", "second", "third"}
    assert said(copy) == []


def test_a_lake_that_is_whole_has_nothing_to_say(three_commits):
    assert said(three_commits) == []
