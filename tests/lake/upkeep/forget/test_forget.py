"""A takedown: a video vanishes from a lake, and the rest of the lake stays as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.ids import check_video_id, new_ingest_id, normal_form
from signverse.lake.model.schema import SPLITS, TABLES
from signverse.lake.storage import delta
from signverse.lake.storage.committer import Committer, StoredKeypoints
from signverse.lake.storage.forgotten import tombstones
from signverse.lake.storage.forgotten.commit_lock import no_commits
from signverse.lake.storage.integrity.foreign_errors import collect
from signverse.lake.storage.sources import add_sources
from signverse.lake.upkeep.forget.needles import Hashed, Ids
from signverse.lake.upkeep.forget.plan import make_forget_plan
from signverse.lake.upkeep.forget.proof import Searched, what_is_left
from signverse.lake.upkeep.forget.run import forget
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.verify import verify_folder


def _rows(folder: Path, without: set[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but those of some videos, without the columns that say where keypoints lie."""
    rows = {}
    with Lake.open(folder) as lake:
        for table in TABLES:
            frame = collect(lake.raw_table(table.name)).filter(~pl.col("video_id").is_in(list(without)))
            frame = frame.select(pl.exclude("keypoints_file", "first_row_group"))
            rows[table.name] = sorted(map(repr, frame.rows()))
    return rows


def _forget(folder: Path, *video_ids: str, reason: str = "") -> Any:
    with Lake.open(folder) as lake:
        done = forget(lake.snapshot, make_forget_plan(lake.snapshot, video_ids), reason=reason)
    tombstones.end(folder)
    return done


def _left(folder: Path, *video_ids: str) -> list[str]:
    return list(what_is_left(folder, Ids(video_ids), Searched()))


def _is_id(text: str) -> bool:
    try:
        return check_video_id(text) == text
    except BadInputError:
        return False


def _points(folder: Path) -> dict[str, bytes]:
    with Lake.open(folder) as lake:
        return {video_id: lake.keypoints(video_id).tobytes() for video_id in lake.snapshot.visible()["video_id"]}


def _listed(video_id: str) -> dict[str, Any]:
    names = ("language_label", "sign_language", "url", "title", "channel", "channel_id")
    return {"video_id": video_id, **dict.fromkeys(names, f"of {video_id}"), "sign_language": "ase"}


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory, fill: Callable[..., Path], video: Callable[..., Any]) -> Path:
    """A lake with a past: videos ingested twice, maintained, listed and in a split; files of older versions lie there.

    One id is the beginning of another, and the message of one outcome names another video.
    """
    folder = tmp_path_factory.mktemp("aged") / "la ke #1"
    for videos in (["video_1", "video_10", "b"], ["-c_dash", "video_2"], ["video_1", "a name ü"]):
        fill(folder, *(video(each, "ase" if "_" in each else "bfi", 40) for each in videos))
    with Lake.open(folder) as lake:
        add_sources(lake.snapshot, [_listed("video_1"), _listed("never came"), _listed("b")])
        rows = [("video_1", "train"), ("video_10", "val"), ("b", "train")]
        common = {"name": "mine", "group": None, "seed": 0, "made_at": datetime(2026, 1, 1, tzinfo=UTC)}
        delta.append(
            folder / SPLITS.name,
            SPLITS,
            [{"video_id": each, "ingest_id": new_ingest_id(), "part": part, **common} for each, part in rows],
        )
        maintain(lake.snapshot, make_plan(lake.snapshot, full=True))
    with Committer(folder) as committer:
        committer.record("video_2", "captions", "failed", "bad", "video_1.en.vtt and video_10.en.vtt are alike")
    return fill(folder, video("after", "ase", 30), video("video_10", "ase", 44))


@pytest.fixture
def lake(aged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(aged, tmp_path / aged.name))


def test_a_forgotten_video_is_in_no_file_or_version_and_every_other_row_stays(lake: Path) -> None:
    gone = {"video_1", "a name ü"}
    rows, points, before = _rows(lake, gone), _points(lake), Lake.open(lake).version
    assert _left(lake, *gone)
    done = _forget(lake, *gone, reason="asked for by mail")
    assert done.rows["videos"] == 3
    assert _left(lake, *gone) == []
    assert list(what_is_left(lake, Hashed(tombstones.Tombstones.of(lake)), Searched())) == []
    for path in lake.rglob("*"):
        # Parquet is unpacked above; the rest is plain.
        assert not path.is_file() or b'video_1"' not in path.read_bytes(), path
    after = _rows(lake, gone)
    rows["outcomes"] = [row.replace("video_1.en.vtt", "(forgotten).en.vtt") for row in rows["outcomes"]]
    assert after == rows
    assert _points(lake) == {key: value for key, value in points.items() if key not in gone}
    assert list(verify_folder(lake)) == []
    with pytest.raises(BadInputError, match=f"version {before} of .* is past the retention"):
        Lake.open(lake, version=before).videos()
    assert Lake.open(lake, version=0).videos().collect().height == 0


def test_a_forgotten_video_is_not_taken_again_until_it_is_allowed(lake: Path, video: Callable[..., Any]) -> None:
    _forget(lake, "b")
    with Committer(lake) as committer:
        committer.add(video("b"))
        committer.add(video("new"))
        committer.record("b", "download", "failed", "gone", "b is gone")
    with Lake.open(lake) as opened:
        add_sources(opened.snapshot, [_listed("b"), _listed("new")])
        assert "new" in set(opened.snapshot.visible()["video_id"])
    assert _left(lake, "b") == []
    assert tombstones.allow(lake, ["b", "other"]) == {"b"}
    with Committer(lake) as committer:
        committer.add(video("b"))
    assert "b" in set(Lake.open(lake).snapshot.visible()["video_id"])


def test_a_video_that_is_forgotten_while_it_waits_for_its_commit_never_comes(
    lake: Path, video: Callable[..., Any]
) -> None:
    committer = Committer(lake)
    for each in ("waits_1", "waits_2", "waits_3"):
        committer.add(video(each, "ase", 50))
    done = _forget(lake, "waits_2", "video_2")
    committer.flush()
    with Lake.open(lake) as opened:
        assert {"waits_1", "waits_3"} < set(opened.snapshot.visible()["video_id"])
        assert opened.keypoints("waits_3").shape[0] == 50
    assert list(verify_folder(lake)) == []
    assert done.at_work == () or "keypoints" in str(done.at_work[0])
    assert _left(lake, "waits_2", "video_2") == []


@pytest.mark.parametrize("table", ["keypoints", pytest.param("videos", marks=pytest.mark.slow)])
def test_a_commit_that_failed_before_a_forgetting_does_not_bring_the_video_back(
    tmp_path: Path, video: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """At whichever table it failed; the other videos of it come with the next run."""
    folder, real = tmp_path / "lake", delta.commit
    Lake.create(folder).close()

    def full(place: Path, *args: Any, **options: Any) -> None:
        if place.name == table:
            raise OSError(28, "the disk is full")
        real(place, *args, **options)

    committer = Committer(folder)
    for each in ("unwanted", "wanted"):
        committer.add(video(each, "ase", 9))
    with monkeypatch.context() as patch:
        patch.setattr(delta, "commit", full)
        with pytest.raises(OSError, match="full"):
            committer.flush()
    _forget(folder, "unwanted")
    with pytest.raises(SignverseError, match="forgotten since"):
        committer.flush()
    with Committer(folder) as again:
        again.add(video("wanted", "ase", 9))
    assert set(_points(folder)) == {"wanted"}
    assert _left(folder, "unwanted") == []
    assert list(verify_folder(folder)) == []


@pytest.mark.slow
def test_new_captions_of_another_video_find_its_keypoints_where_they_were_moved_to(
    lake: Path, video: Callable[..., Any]
) -> None:
    with Lake.open(lake) as opened:
        row = opened.video("video_10")
        points = opened.keypoints("video_10")
    committer = Committer(lake)
    of_text = video("video_10", "ase", 44, texts=("New words.",))
    committer.add(replace(of_text, video={**row}, keypoints=StoredKeypoints.of(row)))
    _forget(lake, "after")
    committer.flush()
    with Lake.open(lake) as opened:
        assert opened.keypoints("video_10").tobytes() == points.tobytes()
        assert opened.clips(text="New words").collect().height == 1
    assert list(verify_folder(lake)) == []


def test_every_user_of_a_shared_lake_takes_turns_with_a_forgetting(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        with no_commits(tmp_path):
            pass
    finally:
        os.umask(mask)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "_writers").iterdir()}
    assert modes == {"commits": 0o666, "turn": 0o666}


def test_the_reason_may_not_name_the_video(lake: Path) -> None:
    with pytest.raises(BadInputError, match="the reason names a video"):
        _forget(lake, "b", reason="b asked for it")


@pytest.mark.parametrize("many", [1, 60])
@pytest.mark.parametrize("other", ["video_1-00001", "video_1-123456", "video_1-00001-00000", "video_12", "-video_1"])
def test_an_id_that_only_looks_like_a_clip_of_a_forgotten_video_is_another_video(other: str, many: int) -> None:
    """Property: of two videos, whatever their ids, the one is not taken for the other; its clips are."""
    ids = Ids({"video_1", *(f"none_of_{number}" for number in range(1, many))}, {other})
    salted = tombstones.Tombstones(b"salt")
    hashed = Hashed(replace(salted, hashes=frozenset({salted.hash_of("video_1")})), {other})
    for text in (other, f"{other}-00003", f"of {other}.en.vtt", f"{other}/{other}.npz"):
        assert not ids.in_text(text) and not ids.in_values([text]) and not ids.in_bytes(b"\x0e" + text.encode())
        assert ids.replaced(text, "(forgotten)") == text and not hashed.in_text(text)
    for text in ("video_1", "video_1-00002", f"{other} and video_1.en.vtt"):
        assert ids.in_text(text) == {"video_1"} == ids.in_bytes(text.encode())
        assert hashed.in_text(text)


_RUN = """
import os, sys
from pathlib import Path
from signverse.lake.lake import Lake
from signverse.lake.storage.forgotten import tombstones
from signverse.lake.storage.forgotten.commit_lock import no_commits
from signverse.lake.upkeep.forget.plan import make_forget_plan
from signverse.lake.upkeep.forget.run import forget
folder, last = Path(sys.argv[1]), int(sys.argv[2])
seen = 0
def count(event, args):
    global seen
    writes = event == "open" and isinstance(args[2], int) and args[2] & 3
    if writes or event in ("os.rename", "os.remove", "os.mkdir"):
        if str(folder) in str(args[0]):
            seen += 1
            if seen == last:
                os._exit(9)
lake = Lake.open(folder)
sys.addaudithook(count)
ids = {*sys.argv[3:], *tombstones.pending(folder)}
forget(lake.snapshot, make_forget_plan(lake.snapshot, ids))
tombstones.end(folder)
print(seen)
"""


def _killed_at(folder: Path, last: int, *video_ids: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _RUN, str(folder), str(last), *video_ids], capture_output=True, text=True, check=False
    )


def _check_killed(aged: Path, place: Path, shares: list[float]) -> None:
    gone = {"video_1", "a name ü"}
    rows, points = _rows(aged, gone), _points(aged)
    rows["outcomes"] = [row.replace("video_1.en.vtt", "(forgotten).en.vtt") for row in rows["outcomes"]]
    points = {key: value for key, value in points.items() if key not in gone}
    whole = _killed_at(Path(shutil.copytree(aged, place / "whole")), -1, *gone)
    steps = int(whole.stdout)
    for share in shares:
        folder = Path(shutil.copytree(aged, place / f"killed at {share}"))
        assert _killed_at(folder, max(1, round(share * steps)), *gone).returncode == 9
        # Whoever reads the lake now finds the others, row for row.
        half = _rows(folder, gone)
        half["outcomes"] = [row.replace("video_1.en.vtt", "(forgotten).en.vtt") for row in half["outcomes"]]
        assert half == rows
        assert points.items() <= _points(folder).items()
        # Without the ids: the run that was killed has noted them.
        again = () if tombstones.pending(folder) else gone
        assert _killed_at(folder, -1, *again).returncode == 0
        assert _rows(folder, gone) == rows
        assert _points(folder) == points
        assert _left(folder, *gone) == []
        assert list(verify_folder(folder)) == []
        shutil.rmtree(folder)


@pytest.mark.slow
def test_killed_at_any_of_twenty_places_it_loses_nothing_and_the_next_run_finishes_it(
    aged: Path, tmp_path: Path
) -> None:
    _check_killed(aged, tmp_path, [place / 20 for place in range(20)])


_WRITE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.lake.conftest import _video
from signverse.lake.storage.committer import Committer
folder, name = Path(sys.argv[1]), sys.argv[2]
for turn in range(8):
    with Committer(folder) as committer:
        for each in (f"{name}_{turn}_a", "unwanted", f"{name}_{turn}_b"):
            committer.add(_video(each, "ase", 30))
"""


@pytest.mark.slow
def test_writers_and_readers_at_work_lose_nothing_and_the_video_stays_away(
    tmp_path: Path, fill: Callable[..., Path], video: Callable[..., Any]
) -> None:
    folder = fill(tmp_path / "lake", video("first", "ase", 30))
    root = str(Path(__file__).parents[4])
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITE, str(folder), name, root], stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    reader = Lake.open(folder)
    while "unwanted" not in set(reader.snapshot.visible()["video_id"]):
        assert None in [writer.poll() for writer in writers]
        reader.refresh()
    _forget(folder, "unwanted")
    # Of an earlier version it finds all, or says in a line that the version is past.
    with suppress(SignverseError):
        assert "first" in set(reader.table("keypoints").collect()["video_id"])
    for writer in writers:
        assert writer.wait() == 0, writer.stderr and writer.stderr.read()
        writer.communicate()
    wanted = {f"{name}_{turn}_{part}" for name in ("one", "two") for turn in range(8) for part in "ab"}
    assert set(_points(folder)) == {"first", *wanted}
    assert _left(folder, "unwanted") == []
    assert list(verify_folder(folder)) == []
    reader.close()


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    names=st.lists(
        st.text("ab1_-é #%.", min_size=1, max_size=12).filter(_is_id), min_size=2, max_size=6, unique_by=normal_form
    ),
)
def test_any_videos_of_any_lake_vanish_and_the_rest_stays(
    data: st.DataObject, names: list[str], tmp_path_factory: pytest.TempPathFactory, video: Callable[..., Any]
) -> None:
    """Property: whatever is forgotten, of a lake of whatever shape, every other row stays and no file holds it."""
    folder = tmp_path_factory.mktemp("any") / "lake"
    Lake.create(folder).close()
    for _ in range(data.draw(st.integers(1, 3))):
        some = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        with Committer(folder) as committer:
            for each in some:
                texts = data.draw(st.sampled_from([("Hello.", "Again."), (None,)]))
                committer.add(video(each, data.draw(st.sampled_from(["ase", "bfi"])), 20, texts=texts))
        if data.draw(st.booleans()):
            with Lake.open(folder) as lake:
                add_sources(lake.snapshot, [_listed(data.draw(st.sampled_from(names)))])
                retention = timedelta(days=data.draw(st.sampled_from([0, 7])))
                maintain(lake.snapshot, make_plan(lake.snapshot, retention=retention, full=True), retention=retention)
    gone = set(data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))
    rows, points = _rows(folder, gone), _points(folder)
    _forget(folder, *gone)
    assert _rows(folder, gone) == rows
    assert _points(folder) == {key: value for key, value in points.items() if key not in gone}
    assert _left(folder, *gone) == []
    assert list(verify_folder(folder)) == []
