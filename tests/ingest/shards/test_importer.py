"""Released shards come in as they went out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse import ingest
from signverse.export.release.choice import chosen_videos
from signverse.export.release.shards import Spec, export_shards, plan_shards
from signverse.ingest.captions.tracks import Cue, Track
from signverse.ingest.manifest import Entry
from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Options
from signverse.ingest.shards.tar_files import find_tars
from signverse.ingest.videos.rows import build_rows
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import NUM_JOINTS, PARTS
from signverse.lake.storage.committer import Committer
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.shards.made_shards import caption, frame, outcomes, pack, parts, poses, video
from tests.lake.jobs.test_executor import HereEngine

SAMPLE = Path(ingest.__file__).parent / "sample" / "synthetic.tar"


# Round trips


@st.composite
def videos(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Small videos with absent frames, several people, absent points and captions, as a lake can hold them."""
    found = []
    for name in draw(st.lists(st.sampled_from(["-a", "b", "ö 1", "c" * 99]), min_size=1, max_size=3, unique=True)):
        num_frames = draw(st.integers(1, 6))
        # The last frame is there: a card says no more of a video's length.
        absent = draw(st.lists(st.integers(0, num_frames - 1), unique=True, max_size=3).map(sorted))
        absent = [frame for frame in absent if frame < num_frames - 1]
        there = [(f, p) for f in range(num_frames) if f not in absent for p in range(3)]
        who = sorted(draw(st.lists(st.sampled_from(there), unique=True, max_size=6)))
        random = np.random.default_rng(draw(st.integers(0, 999)))
        points = np.empty((len(who), NUM_JOINTS, 3), np.float32)
        points[..., :2] = random.integers(-800, 8000, points[..., :2].shape) / 8
        points[..., 2] = random.integers(1, 257, points[..., 2].shape) / 256
        for row, part in draw(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(PARTS)), max_size=6)):
            if row < len(who):
                points[row, part.slice] = (np.nan, np.nan, 0)
        points[random.uniform(size=points.shape[:2]) < draw(st.floats(0, 0.9))] = (np.nan, np.nan, 0)
        # Somebody without a single point is nobody.
        points[:, 40] = (1.5, 2.5, 0.5)
        texts = draw(st.lists(st.text("añ語 \"'\\", min_size=1, max_size=5).filter(str.strip), max_size=3))
        length = num_frames / 24
        found.append(
            {
                "entry": Entry(name, "ase", "ase", title=draw(st.sampled_from([None, "A, b"]))),
                "num_frames": num_frames,
                "absent": absent,
                "who": who,
                "points": points,
                "cues": [
                    Cue(i * length / 4, (i + 1) * length / 4, " ".join(text.split())) for i, text in enumerate(texts)
                ],
                "source": draw(st.sampled_from(["", "de"])),
            }
        )
    return found


def fill(folder: Path, contents: list[dict[str, Any]]) -> Lake:
    lake = Lake.create(folder)
    with Committer(lake.folder) as committer:
        for video in contents:
            where = np.array(video["who"], np.int32).reshape(-1, 2)
            kind = "translated" if video["source"] else "manual"
            committer.add(
                build_rows(
                    video["entry"],
                    stage="import",
                    width=640,
                    height=480,
                    num_frames=video["num_frames"],
                    frames=where[:, 0].copy(),
                    persons=where[:, 1].astype(np.int8),
                    points=video["points"],
                    tracks=[Track(f"en.{kind}", kind, "en", tuple(video["cues"]), video["source"])],
                    about={"source": "shard", "absent_frames": video["absent"]},
                )
            )
    lake.refresh()
    return lake


NOT_CARRIED = {"ingest_id", "ingested_at", "source_shard", "source_position", "keypoints_file", "first_row_group"}


def everything(lake: Lake) -> dict[str, list[dict]]:
    tables = {}
    for name in ("videos", "segments", "captions", "keypoints"):
        rows = lake.table(name).collect()
        rows = rows.drop(NOT_CARRIED & set(rows.columns))
        keys = [key for key in ("video_id", "frame", "person", "track", "ordinal") if key in rows.columns]
        tables[name] = rows.sort(keys).to_dicts()
    return tables


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(videos())
def test_a_lake_exported_and_imported_again_is_the_same_lake(contents: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        first = fill(here / "first", contents)
        (here / "out").mkdir()
        shards = plan_shards(chosen_videos(first, None)[0], videos_per_shard=2)
        export_shards(first, shards, here / "out", Spec())
        second = Lake.create(here / "second")
        # In this process: a new one for each example would take longer than the rest.
        from signverse.ingest.shards.reader import read_shard
        from signverse.ingest.shards.tar_files import ShardTask

        with Committer(second.folder) as committer:
            for shard in sorted((here / "out").glob("*.tar")):
                for item in read_shard(ShardTask(shard), Options()):
                    if hasattr(item, "keypoints"):
                        committer.add(item)
                    else:
                        assert not hasattr(item, "why"), item
        second.refresh()
        ours, theirs = everything(first), everything(second)
        for name in ours:
            assert ours[name] == theirs[name], name
        assert list(verify_lake(second.snapshot)) == []


def test_the_sample_goes_out_and_in_unchanged_through_the_command_line(tmp_path: Path, signverse) -> None:
    assert signverse("ingest", "shards", SAMPLE, "--lake", tmp_path / "one")[0] == 0
    assert signverse("export", "shards", "--lake", tmp_path / "one", "--out", tmp_path / "out")[0] == 0
    code, out, err = signverse("ingest", "shards", tmp_path / "out", "--lake", tmp_path / "two", "--workers", 2)
    captions = "  captions: 6 tracks with 14 cues of 6 videos\n"
    assert (code, out, err) == (0, "", f"6 videos ingested, 804 frames, from 1 shard\n{captions}")
    assert everything(Lake.open(tmp_path / "one")) == everything(Lake.open(tmp_path / "two"))
    assert signverse("verify", tmp_path / "two")[0] == 0
    # Nothing of the way in remains: the second lake gives the same bytes as the first.
    assert signverse("export", "shards", "--lake", tmp_path / "two", "--out", tmp_path / "again")[0] == 0
    for file in (tmp_path / "out").iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name


def test_what_numpy_writes_by_the_card_is_read(brought_in, tmp_path: Path) -> None:
    people = {**parts(9.0), "left_hand": np.zeros((21, 3), np.float32)}
    entries = [frame(0, parts(1.0), people), frame(1), frame(2, parts(3.0, 1.125))]
    faceless = {name: values for name, values in parts().items() if name != "face"}
    code, ids, failures = brought_in(
        video("x", poses(entries, frame_ids=np.array([0, 1, 4])))
        | video("faceless", poses([frame(0, faceless)]))
        | video("nobody", poses([frame(0), frame(1)]))
        | video("nothing", poses([]))
    )
    assert (code, ids, failures) == (0, ["faceless", "nobody", "nothing", "x"], [])
    lake = Lake.open(tmp_path / "lake")
    assert list(verify_lake(lake.snapshot)) == []
    row = lake.video("x")
    assert (row["num_frames"], row["absent_frames"], row["width"], row["height"]) == (5, [2, 3], 64, 48)
    assert (row["sign_language"], row["title"], row["people_max"]) == ("ase", "T", 2)
    assert (row["source"], row["source_shard"], row["source_position"]) == ("shard", "Sign_DWPose_NPZ_000001.tar", 0)
    signer, other = lake.keypoints("x"), lake.keypoints("x", person=1)
    assert signer[0, 0].tolist() == [1, 1, 0.5]
    assert signer[4, 0].tolist() == [3, 3, 1.125]  # The score as the model gave it.
    assert np.isnan(signer[1:4, :, 0]).all()
    assert other[0, 0].tolist() == [9, 9, 0.5]
    assert np.isnan(other[0, 86:107, :2]).all()
    assert (other[0, 86:107, 2] == 0).all()
    assert lake.clips(videos=["x"]).collect()["text"].to_list() == ["hello"]
    (row,) = lake.table("keypoints").filter(pl.col("video_id") == "faceless").collect().to_dicts()
    assert (row["face_xy"], row["face_confidence"], row["body_confidence"]) == (None, None, 0.5)
    assert [lake.num_frames(name) for name in ("nobody", "nothing")] == [2, 0]


def test_the_manifests_word_counts_over_the_captions(brought_in, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("x,pso\n")
    brought_in(video("x") | video("y", text=caption(sign_language="Klingon")), "--manifest", tmp_path / "m.csv")
    rows = Lake.open(tmp_path / "lake").videos().select("video_id", "sign_language", "language_label").collect().rows()
    assert rows == [("x", "pso", "pso"), ("y", "und", "Klingon")]


def test_rows_of_the_manifest_that_cannot_be_used_are_told(tmp_path: Path, signverse) -> None:
    (tmp_path / "m.csv").write_text("x,ase\n../x,ase\nx,pso\n")
    path = pack(tmp_path / "a.tar", video("x"))
    code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake", "--manifest", tmp_path / "m.csv")
    assert code == 0
    assert "m.csv: 1 repeated id" in err
    assert "m.csv line 2: video id '../x' is not a plain name" in err


def test_what_is_there_is_skipped_what_failed_is_tried_again_and_redo_brings_all(brought_in, tmp_path: Path) -> None:
    assert brought_in(video("x") | video("bad", b"nonsense"))[0] == 1
    first = Lake.open(tmp_path / "lake").snapshot.visible().rows()
    assert brought_in(video("x") | video("bad", b"nonsense"))[:2] == (1, ["x"])
    assert Lake.open(tmp_path / "lake").snapshot.visible().rows() == first
    assert outcomes(tmp_path / "lake") == {"x": ("done", None, 1), "bad": ("failed", "bad_shard", 2)}
    assert brought_in(video("x") | video("bad"), "--redo")[:2] == (0, ["bad", "x"])
    lake = Lake.open(tmp_path / "lake")
    assert first[0] not in lake.snapshot.visible().rows()
    assert lake.raw_table("videos").collect()["video_id"].sort().to_list() == ["bad", "x", "x"]
    assert outcomes(tmp_path / "lake") == {"x": ("done", None, 2), "bad": ("done", None, 3)}


def test_a_tar_named_twice_is_read_once(tmp_path: Path, signverse) -> None:
    pack(tmp_path / "a.tar", video("x"))
    assert find_tars([tmp_path, tmp_path / "a.tar"]) == [tmp_path / "a.tar"]
    code, _, err = signverse("ingest", "shards", tmp_path, tmp_path / "a.tar", "--lake", tmp_path / "lake")
    assert (code, err.splitlines()[0]) == (0, "1 video ingested, 3 frames, from 1 shard")


def test_where_there_is_no_tar_nothing_is_made(tmp_path: Path, signverse) -> None:
    for path in (tmp_path / "none.tar", tmp_path):
        code, _, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake")
        assert (code, err.count("\n")) == (1, 1)
    assert not (tmp_path / "lake").exists()


def test_tars_are_read_where_the_engine_runs_the_workers(tmp_path: Path) -> None:
    lake, engine = Lake.create(tmp_path / "lake"), HereEngine()
    path = pack(tmp_path / "a.tar", video("a") | video("b"))
    assert import_shards(lake, [path], Options(), engine=engine).done == 2
    assert [made.closed for made in engine.made] == [True]


def test_a_process_that_cannot_be_started_anew_leaves_what_came_before(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    path = pack(tmp_path / "a.tar", video("a") | video("b"))

    def stop(item: object) -> None:
        if getattr(item, "video", {}).get("video_id") == "b":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_shards(lake, [path], Options(), on_video=stop)
    lake.refresh()
    # Ctrl-C keeps what was finished.
    assert lake.snapshot.visible()["video_id"].to_list() == ["a", "b"]


def test_an_import_that_leaves_many_small_files_gathers_them(tmp_path: Path, signverse, monkeypatch) -> None:
    monkeypatch.setattr("signverse.lake.upkeep.compaction.MAX_SMALL_FILES", 3)
    for _ in range(3):
        code, _, err = signverse("ingest", "shards", SAMPLE, "--lake", tmp_path / "lake", "--redo")
        assert code == 0
        assert "compacted" not in err
    code, _, err = signverse("ingest", "shards", SAMPLE, "--lake", tmp_path / "lake", "--redo")
    assert code == 0
    assert "small files compacted: " in err
    opened = Lake.open(tmp_path / "lake")
    assert len(opened.snapshot.files("videos")) == 1
    assert list(verify_lake(opened.snapshot)) == []


@pytest.mark.parametrize("dialect", ["card", "consolidated"])
def test_a_body_score_that_was_lost_goes_out_as_visibility_and_never_comes_back_as_a_confidence(
    tmp_path: Path, signverse, dialect: str
) -> None:
    random = np.random.default_rng(5)
    points = random.integers(8, 4000, (20, NUM_JOINTS, 3)).astype(np.float32) / 8
    points[..., 2] = random.integers(1, 257, (20, NUM_JOINTS)) / 256
    visible = random.random((20, 18)) < 0.8
    points[:, :18][~visible] = (np.nan, np.nan, 0)
    points[:, :18, 2][visible] = np.nan
    first = Lake.create(tmp_path / "first")
    rows = build_rows(
        Entry("lost", "ase", "ase"),
        stage="import",
        width=640,
        height=480,
        num_frames=20,
        frames=np.arange(20, dtype=np.int32),
        persons=np.zeros(20, np.int8),
        points=points,
        body_visible=visible,
        tracks=[],
        about={"source": "shard", "repairs": ["body_scores_unknown"]},
    )
    with Committer(first.folder) as committer:
        committer.add(rows)
    out = tmp_path / "out"
    assert signverse("export", "shards", "--lake", first.folder, "--out", out, "--layout", dialect)[0] == 0
    assert signverse("ingest", "shards", out, "--lake", tmp_path / "second")[0] == 0
    first.refresh()
    ours, theirs = everything(first)["keypoints"], everything(Lake.open(tmp_path / "second"))["keypoints"]
    for one, other in zip(ours, theirs, strict=True):
        assert one["body_score"] == other["body_score"]
        assert one["body_visible"] == other["body_visible"]
        assert other["body_confidence"] is None
    assert Lake.open(tmp_path / "second").video("lost")["repairs"] == ["body_scores_unknown"]


def test_shards_a_manifest_and_the_lake_may_be_named_relative_to_where_one_stands(
    tmp_path: Path, signverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tars").mkdir()
    pack(tmp_path / "tars" / "a.tar", video("x"))
    (tmp_path / "m.csv").write_text("x,pso\n")
    monkeypatch.chdir(tmp_path / "tars")
    code, _, err = signverse("ingest", "shards", ".", "--manifest", "../m.csv", "--lake", "../lake")
    assert (code, "1 video ingested, 3 frames, from 1 shard" in err.splitlines()) == (0, True)
    assert Lake.open(tmp_path / "lake").video("x")["sign_language"] == "pso"
