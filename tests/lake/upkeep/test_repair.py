"""`signverse repair`: what it mends equals what was there, and what it cannot mend it says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import NotALakeError, SignverseError
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.repair.run import repair
from signverse.lake.upkeep.verify import verify_lake
from tests.lake.upkeep import damage

FAST = {("videos", "newest entry emptied"), ("keypoints", "newest entry removed"), ("segments", "log removed")}


@pytest.fixture(scope="module")
def original(tmp_path_factory, fill, video):
    return damage.make(tmp_path_factory.mktemp("original") / "lake", fill, video)


@pytest.fixture
def lake(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "lake"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "_writers" not in path.parts
    }


def matrix(kinds):
    return [
        pytest.param(table, kind, marks=[] if (table, kind) in FAST else pytest.mark.slow)
        for table in damage.TABLE_NAMES
        for kind in kinds
    ]


def test_a_whole_lake_has_nothing_to_mend(lake):
    before = contents(lake)
    assert repair(lake, dry_run=True).findings == []
    assert repair(lake).findings == []
    assert contents(lake) == before


@pytest.mark.parametrize(("table", "kind"), matrix(damage.LOGS))
def test_damage_to_a_log_is_mended_whole(lake, original, table, kind):
    damage.LOGS[kind](lake, table)
    damaged = contents(lake)
    said = repair(lake, dry_run=True)
    assert contents(lake) == damaged
    done = repair(lake)
    assert said == done
    assert done.findings
    assert done.lost == 0
    for name, rows in damage.held(original).items():
        assert damage.held(lake)[name].equals(rows), name
    assert damage.keypoints(lake) == damage.keypoints(original)
    assert list(verify_lake(Lake.open(lake).snapshot)) == []
    assert repair(lake).findings == []
    # What was taken out lies there still.
    kept = {content for path, content in contents(lake).items() if path.startswith("_damaged/")}
    changed = {path for path, content in damaged.items() if contents(lake).get(path) != content}
    changed = {path for path in changed if not path.startswith("_versions/")}
    assert {damaged[path] for path in changed} <= kept


@pytest.mark.parametrize(("table", "kind"), matrix(damage.FILES))
def test_a_lost_file_is_said_and_the_rest_is_as_it_was(lake, original, table, kind):
    damage.FILES[kind](lake, table)
    damaged = contents(lake)
    said = repair(lake, dry_run=True)
    assert contents(lake) == damaged
    done = repair(lake)
    assert said.lost == done.lost
    whole, now = damage.held(original), damage.held(lake)
    if table == "videos":
        # Rebuilt from the other tables, but for what none of them holds.
        assert done.lost == 0
        known = ["video_id", "ingest_id", "sign_language", "num_frames", "people_max", "title", "url", "text_language"]
        assert now["videos"].select(known).equals(whole["videos"].select(known))
        assert damage.keypoints(lake) == damage.keypoints(original)
    else:
        assert done.lost == 1
        assert done.commands
        if kind != "bit flipped":
            assert isinstance(now[table], str)
            assert "lost" in now[table]
        if table in {"keypoints", "segments", "captions"}:
            assert "1 video (a)" in next(finding.found for finding in done.findings if finding.state == "lost")
    for name in damage.TABLE_NAMES:
        if name not in {table, "videos"}:
            assert now[name].equals(whole[name]), name
    if done.lost:
        dropped = repair(lake, drop_lost=[table])
        assert dropped.lost == 0
        assert list(verify_lake(Lake.open(lake).snapshot)) == [] or table == "segments"
        again = repair(lake, drop_lost=[table])
        assert again.lost == (table == "segments")
        assert len(again.findings) == again.lost
        assert Lake.open(lake).sql(f"select count(*) from {table}").height == 1
        if table == "keypoints":
            assert Lake.open(lake).snapshot.visible()["video_id"].to_list() == ["b", "c"]


@pytest.mark.slow
def test_a_lake_that_was_maintained_comes_back_from_the_files_that_were_kept(lake, original):
    opened = Lake.open(lake)
    maintain(opened.snapshot, make_plan(opened.snapshot, full=True))
    opened = Lake.open(lake)
    for table in damage.TABLE_NAMES:
        for name in opened.snapshot.files(table):
            # The only file of a partition was not rewritten.
            if not (original / Path(name).relative_to(lake)).exists():
                damage.flip(Path(name))
    assert repair(lake).lost == 0
    for name, rows in damage.held(original).items():
        assert damage.held(lake)[name].equals(rows), name
    assert damage.keypoints(lake) == damage.keypoints(original)
    assert list(verify_lake(Lake.open(lake).snapshot)) == []


@pytest.mark.slow
@pytest.mark.parametrize("table", damage.TABLE_NAMES)
def test_a_lost_entry_of_maintenance_doubles_nothing(lake, original, table):
    opened = Lake.open(lake)
    maintain(opened.snapshot, make_plan(opened.snapshot, full=True))
    log = lake / table / "_delta_log"
    for checkpoint in log.glob("*checkpoint*"):
        checkpoint.unlink()
    damage.entries(lake, table)[-1].write_bytes(b"")
    assert repair(lake).lost == 0
    for name, rows in damage.held(original).items():
        assert damage.held(lake)[name].equals(rows), name
    assert damage.keypoints(lake) == damage.keypoints(original)
    assert repair(lake).findings == []


@pytest.mark.slow
def test_two_repairs_at_once_mend_once(lake, original):
    damage.LOGS["newest entry emptied"](lake, "videos")
    damage.LOGS["newest entry removed"](lake, "keypoints")
    script = "import sys; from signverse.lake.upkeep.repair.run import repair; repair(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", script, str(lake)]) for _ in range(2)]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    for name, rows in damage.held(original).items():
        assert damage.held(lake)[name].equals(rows), name


def test_a_folder_that_is_no_lake_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(NotALakeError):
        repair(tmp_path / "mine")


@pytest.mark.parametrize(
    "table", [pytest.param(name, marks=[] if name == "videos" else pytest.mark.slow) for name in damage.TABLE_NAMES]
)
def test_a_lost_folder_is_refused_and_repair_makes_what_follows_from_the_others(lake, original, table):
    shutil.rmtree(lake / table)
    if table == "videos":
        with pytest.raises(SignverseError, match="signverse repair"):
            Lake.create(lake)
    assert repair(lake, dry_run=True).findings
    done = repair(lake)
    now, whole = damage.held(lake), damage.held(original)
    assert now["videos"]["video_id"].to_list() == ["a", "b", "c"]
    for name in damage.TABLE_NAMES:
        if name not in {table, "videos"}:
            assert now[name].equals(whole[name]), name
    if table == "outcomes":
        columns = ["video_id", "ingest_id", "stage", "outcome"]
        assert now[table].select(columns).equals(whole[table].select(columns))
    if table not in {"videos", "outcomes"}:
        assert done.lost
        assert done.commands
