"""Reading many clips: each as `Lake.keypoints` gives it, every page once, and from any sample on."""

from __future__ import annotations

import json
import threading

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.lake.clips import order as order_module
from signverse.lake.clips import stream as clips_module
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, DamagedLakeError, EmptySelectionError
from signverse.lake.model.skeleton import JOINTS, LEFT_HAND, RIGHT_HAND
from signverse.lake.query.selection import KEY, Selection
from signverse.lake.storage.clip_reader import batch as batch_module
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan


@pytest.fixture(scope="module")
def street(tmp_path_factory, fill, video):
    """A lake with many clips a row group, over its edges, of several people and languages, in several files."""
    texts = tuple(f"Sentence {i}" for i in range(40))
    folder = tmp_path_factory.mktemp("street") / "lake"
    fill(folder, video("zebra", "ase", 2500, texts=texts), video("-ant", "pso", 300, texts=texts[:7]))
    fill(folder, video("mole", "ase", 1100, people=2, empty=(0, 5), texts=texts[:20]), video("bee", "bfi", 40))
    return fill(folder, video("nobody", "und", 30, people=0, texts=(None,)))


@pytest.fixture
def open_street(street):
    opened = Lake.open(street)
    yield opened
    opened.close()


@pytest.fixture
def fetched(monkeypatch):
    """The ranges of files that are read while a test runs."""
    seen = []
    real = batch_module.fetch

    def noting(ranges, buffer):
        seen.extend(one for of_run in ranges for one in of_run)
        real(ranges, buffer)

    monkeypatch.setattr(batch_module, "fetch", noting)
    return seen


def ids(clips) -> list[str]:
    return [clip.segment_id for clip in clips]


@pytest.mark.parametrize("order", ["stored", "given", "shuffled"])
@pytest.mark.parametrize("person", [0, 1])
def test_every_clip_comes_once_and_as_keypoints_gives_it(open_street, order, person):
    rows = open_street.clips().collect()
    read = list(open_street.read_clips(rows, order=order, person=person, read_ahead=7))
    assert sorted(ids(read)) == sorted(rows["segment_id"])
    for clip in read:
        whole = open_street.keypoints(
            clip.video_id, start_frame=clip.start_frame, end_frame=clip.end_frame, person=person
        )
        np.testing.assert_array_equal(clip.points, whole)
        assert clip.points.dtype == np.float32


def test_a_clip_says_what_its_row_said(open_street):
    (row,) = open_street.clips(text="sentence 3", videos=["-ant"]).collect().iter_rows(named=True)
    (clip,) = open_street.read_clips(Selection(text="sentence 3", videos=("-ant",)))
    for name in ("segment_id", "video_id", "start_frame", "end_frame", "text", "sign_language"):
        assert getattr(clip, name) == row[name]
    (bare,) = open_street.read_clips(open_street.clips(text="sentence 3", videos=["-ant"]).select(KEY))
    assert (bare.text, bare.sign_language) == (None, None)


def test_a_selection_a_frame_a_query_and_a_file_mean_the_same_clips(open_street, tmp_path):
    query = open_street.clips(languages=["ase"])
    rows = query.collect()
    rows.write_parquet(tmp_path / "clips.parquet")
    rows.select(KEY).write_csv(tmp_path / "clips.csv")
    (tmp_path / "clips.json").write_text(rows.select(KEY).write_json())
    meant = [query, rows, Selection(languages=("ase",)), tmp_path / "clips.parquet", str(tmp_path / "clips.csv")]
    meant.append(tmp_path / "clips.json")
    readers = [open_street.read_clips(clips) for clips in meant]
    assert len({reader.state_dict()["clips"] for reader in readers}) == 1
    assert len({tuple(ids(reader)) for reader in readers}) == 1


def test_rows_of_other_libraries_and_ids_mean_the_same_clips(open_street):
    query = open_street.clips(languages=["ase"])
    rows = query.collect()
    ids_ = rows["segment_id"].to_list()
    meant = [rows.to_arrow(), ids_, tuple(ids_), rows["segment_id"], np.array(ids_)]
    with open_street.duckdb() as connection:
        wanted = "select * from clips where sign_language = 'ase' order by video_id, start_frame, ordinal"
        meant.append(connection.sql(wanted).to_arrow_table())
    try:
        import pandas as pd
    except ModuleNotFoundError:
        pass
    else:
        frame = rows.to_pandas()
        meant += [frame, frame["segment_id"], pd.concat([frame, frame])[: len(frame)]]
    readers = [open_street.read_clips(clips) for clips in meant]
    assert {reader.state_dict()["clips"] for reader in readers} == {open_street.read_clips(query).state_dict()["clips"]}
    given = [ids_[5], ids_[0], ids_[5]]
    assert ids(open_street.read_clips(given, order="given")) == given
    assert next(open_street.read_clips(given)).text == rows["text"][0]


def test_clips_come_in_the_order_asked_for(open_street):
    rows = open_street.clips().collect().sample(30, seed=2, shuffle=True)
    assert ids(open_street.read_clips(rows, order="given", read_ahead=4)) == rows["segment_id"].to_list()
    stored = list(dict.fromkeys(clip.video_id for clip in open_street.read_clips(open_street.clips())))
    assert stored == ["nobody", "mole", "zebra", "bee", "-ant"]
    first, again, other = (ids(open_street.read_clips(rows, order="shuffled", seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_clips_of_one_video_come_by_frame(open_street):
    starts = [clip.start_frame for clip in open_street.read_clips(Selection(videos=("zebra",)))]
    assert starts == sorted(starts)
    assert len(starts) == 40


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("order", ["stored", "shuffled"])
def test_a_page_that_several_clips_share_is_read_once_or_twice(open_street, fetched, order, threads):
    """Once by the clips that are read together; clips at the edge of those and the next ones may share one."""
    rows = open_street.clips().collect()
    assert len(list(open_street.read_clips(rows, order=order, threads=threads))) == rows.height == 70
    distinct = sum(size for _, _, size in set(fetched))
    stored = sum(path.stat().st_size for path in (open_street.folder / "keypoints").rglob("*.parquet"))
    assert distinct <= sum(size for _, _, size in fetched) <= 1.2 * stored


def test_only_the_joints_of_the_parts_are_read(open_street):
    hands = open_street.read_clips(Selection(videos=("mole",)), parts=[RIGHT_HAND, "left_hand"])
    assert hands.joints == JOINTS[LEFT_HAND.slice] + JOINTS[RIGHT_HAND.slice]
    whole = open_street.read_clips(Selection(videos=("mole",)))
    assert whole.joints == JOINTS
    for some, all_ in zip(hands, whole, strict=True):
        np.testing.assert_array_equal(some.points, all_.points[:, LEFT_HAND.start :])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_reader_that_is_resumed_goes_on_with_exactly_the_next_clip(street, data):
    order = data.draw(st.sampled_from(["stored", "given", "shuffled"]))
    options = {
        "order": order,
        "seed": data.draw(st.integers(0, 3)),
        "read_ahead": data.draw(st.integers(1, 90)),
        "threads": data.draw(st.integers(1, 3)),
    }
    opened = Lake.open(street)
    rows = opened.clips().collect().sample(fraction=1, seed=data.draw(st.integers(0, 5)), shuffle=True)
    whole = ids(opened.read_clips(rows, **options))
    before = opened.read_clips(rows, **options)
    read = [next(before).segment_id for _ in range(data.draw(st.integers(0, len(whole))))]
    state = json.loads(json.dumps(before.state_dict()))
    before.close()
    after = Lake.open(street).read_clips(rows, **options)
    after.load_state_dict(state)
    assert read + ids(after) == whole
    opened.close()


def test_a_state_holds_when_upkeep_has_moved_the_keypoints(tmp_path, fill, video):
    folder = tmp_path / "lake"
    for name in ("zebra", "ant", "mole"):
        fill(folder, video(name, frames=60))
    opened = Lake.open(folder)
    rows = opened.clips().collect()
    for order in ("stored", "shuffled"):
        whole = ids(opened.read_clips(rows, order=order))
        reader = opened.read_clips(rows, order=order)
        read = [next(reader).segment_id for _ in range(3)]
        state = reader.state_dict()
        reader.close()
        if order == "stored":
            maintain(opened.snapshot, make_plan(opened.snapshot, full=True))
            opened.refresh()
        after = opened.read_clips(rows, order=order)
        after.load_state_dict(state)
        assert read + ids(after) == whole


def test_the_state_of_other_clips_is_refused(open_street):
    rows = open_street.clips().collect()
    state = open_street.read_clips(rows, order="shuffled", seed=1).state_dict()
    for clips, options in (
        (rows.head(5), {"seed": 1}),
        (rows.reverse(), {"seed": 1}),
        (rows, {"seed": 2}),
        (rows, {"seed": 1, "read_ahead": 3}),
    ):
        with pytest.raises(BadInputError, match=r"the state is of (clips|seed|read_ahead)") as error:
            open_street.read_clips(clips, order="shuffled", **options).load_state_dict(state)
        assert "\n" not in str(error.value)
    with pytest.raises(BadInputError, match="the state is of order shuffled"):
        open_street.read_clips(rows).load_state_dict(state)
    for wrong in ({"position": -1}, {"position": 999}, {"position": None}, {"epoch": "x"}):
        with pytest.raises(BadInputError, match="no valid position"):
            open_street.read_clips(rows, order="shuffled", seed=1).load_state_dict({**state, **wrong})
    with pytest.raises(BadInputError, match="the state is of clips None"):
        open_street.read_clips(rows).load_state_dict({})


def test_a_state_of_a_version_that_orders_the_same_clips_otherwise_is_refused(open_street, monkeypatch):
    rows = open_street.clips().collect()
    reader = open_street.read_clips(rows, order="shuffled", seed=1)
    first = next(reader).segment_id
    state = reader.state_dict()
    reader.close()
    whole = ids(open_street.read_clips(rows, order="shuffled", seed=1))
    monkeypatch.setattr(order_module, "_FRAMES_TOGETHER", 300)
    later = open_street.read_clips(rows, order="shuffled", seed=1)
    with pytest.raises(BadInputError, match="the state is of another order of these clips"):
        later.load_state_dict(state)
    # What was refused changed nothing.
    assert sorted(ids(later)) == sorted(whole)
    monkeypatch.undo()
    del state["order_digest"]  # As versions before saved it, whose order is today's.
    again = open_street.read_clips(rows, order="shuffled", seed=1)
    again.load_state_dict(state)
    assert [first, *ids(again)] == whole


def test_clips_of_an_ingestion_that_was_replaced_are_refused(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("a"), video("b"))
    opened = Lake.open(folder)
    rows = opened.clips().collect()
    opened.close()
    fill(folder, video("b", frames=50, seed=3))
    opened = Lake.open(folder)
    with pytest.raises(
        BadInputError, match=r"no longer has 2 clips of the selection as chosen: b-00000, b-00001\. Sel"
    ):
        opened.read_clips(rows)
    assert len(list(opened.read_clips(rows.filter(pl.col("video_id") == "a")))) == 2
    # As it was, it is still there.
    assert len(list(Lake.open(folder, version=opened.version - 1).read_clips(rows))) == 4


def test_a_selection_file_that_is_too_old_names_the_version_to_open(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("b"))
    metadata = {"signverse.lake_version": str(Lake.open(folder).version)}
    Lake.open(folder).clips().collect().write_parquet(tmp_path / "clips.parquet", metadata=metadata)
    Lake.open(folder).clips().collect().write_parquet(tmp_path / "plain.parquet")
    fill(folder, video("b", frames=50, seed=3))
    for name, version in (("clips", metadata["signverse.lake_version"]), ("plain", "N")):
        with pytest.raises(BadInputError, match=rf"signverse\.open\(LAKE, version={version}\)"):
            Lake.open(folder).read_clips(tmp_path / f"{name}.parquet")


def test_frames_beyond_the_video_are_refused(open_street):
    rows = open_street.clips(videos=["bee"]).collect()
    for start, end in ((-1, 5), (5, 41), (6, 5)):
        wrong = rows.with_columns(start_frame=pl.lit(start), end_frame=pl.lit(end))
        with pytest.raises(BadInputError, match="the frames of 2 clips of the selection are not in their videos"):
            open_street.read_clips(wrong)
    part = rows.head(1).with_columns(start_frame=pl.lit(3), end_frame=pl.lit(4))
    assert next(open_street.read_clips(part)).points.shape == (1, 128, 3)
    empty = rows.head(1).with_columns(start_frame=pl.lit(3), end_frame=pl.lit(3))
    assert next(open_street.read_clips(empty)).points.shape == (0, 128, 3)


def test_what_is_no_selection_is_refused_in_one_line(open_street, tmp_path):
    rows = open_street.clips().collect()
    (tmp_path / "broken.parquet").write_bytes(b"nothing")
    (tmp_path / "words.csv").write_text(",".join(KEY) + "\na-0,a,i,zero,5\n")
    wrong = [
        (rows.drop("ingest_id"), "lacks the columns ingest_id"),
        (rows.with_columns(video_id=pl.lit(None)), "lacks a value of segment_id, .* in 70 rows"),
        (tmp_path / "broken.parquet", "cannot be read"),
        (tmp_path / "missing.parquet", "cannot be read"),
        (tmp_path / "clips.txt", r"is not a \.parquet"),
        (tmp_path / "words.csv", "not whole numbers"),
        (7, "a int is not a selection"),
        (["zebra-00099", "bee-00000"], r"1 segment id not in the lake: zebra-00099. Nearest: zebra-"),
        (["bee-00000", None], "None is not a segment id"),
    ]
    for clips, words in wrong:
        with pytest.raises(BadInputError, match=words) as error:
            open_street.read_clips(clips)
        assert "\n" not in str(error.value)
    for nothing in (rows.clear(), [], open_street.clips(text="zzz"), Selection(text="zzz")):
        with pytest.raises(EmptySelectionError):
            open_street.read_clips(nothing)
    for options, words in (
        ({"parts": ["foot"]}, "'foot' is not a part"),
        ({"parts": []}, "no part of the body"),
        ({"order": "odd"}, "unknown order 'odd'"),
        ({"read_ahead": 0}, "read_ahead is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"person": -1}, "person is -1"),
    ):
        with pytest.raises(BadInputError, match=words):
            open_street.read_clips(rows, **options)


def test_a_file_that_is_gone_stops_the_reader_where_it_is(tmp_path, fill, video):
    folder = fill(tmp_path / "lake", video("a", "ase"), video("b", "bfi"))
    opened = Lake.open(folder)
    file = folder / "keypoints" / opened.video("b")["keypoints_file"]
    away = file.rename(tmp_path / "away")
    reader = opened.read_clips(opened.clips())
    assert [next(reader).video_id for _ in range(2)] == ["a", "a"]
    for _ in range(2):
        with pytest.raises(DamagedLakeError, match=f"{file.name} cannot be read"):
            next(reader)
    away.rename(file)
    assert ids(reader) == ["b-00000", "b-00001"]


def test_no_more_is_read_ahead_than_asked_for_and_threads_end(open_street, monkeypatch):
    read = []
    real = clips_module.read_points
    monkeypatch.setattr(
        clips_module,
        "read_points",
        lambda table, indices, *rest: (read.extend(indices), real(table, indices, *rest))[1],
    )
    before = threading.active_count()
    with open_street.read_clips(open_street.clips(), read_ahead=5, threads=2) as reader:
        assert len(reader) == 70
        next(reader)
    assert len(read) <= 10
    assert threading.active_count() == before
    # Closed, it can still go on.
    assert len(list(reader)) == 69
    assert next(reader, None) is None
    assert threading.active_count() == before


def test_a_clip_and_its_reader_are_shown_on_one_line(open_street) -> None:
    with open_street.read_clips(open_street.clips(videos=["nobody"])) as reader:
        assert repr(reader) == "ClipReader(0 of 1 clips read)"
        shown = repr(next(reader))
        assert repr(reader) == "ClipReader(1 of 1 clips read)"
    assert shown.startswith("Clip('nobody-00000', frames 0 to 30, points=[30, 128, 3], text=")
    assert "\n" not in shown
