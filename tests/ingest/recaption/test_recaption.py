"""Captions that come later give the clips that extraction would have made with them; no keypoints are written."""

from __future__ import annotations

import os
import shlex
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.manifest import Entry
from signverse.ingest.recaption.find import find_captions
from signverse.ingest.recaption.run import ingest_captions
from signverse.ingest.videos.relabel import relabel
from signverse.lake.lake import Lake
from signverse.lake.storage.committer import Committer
from signverse.lake.upkeep.maintain import maintain
from signverse.lake.upkeep.plan import make_plan
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.recaption.conftest import APART, assert_same, everything, extracted, vtt

FRAMES = {"a": 200, "b": 120, "c": 48}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "captions"
    path.mkdir()
    return path


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A lake of three videos without captions."""
    (tmp_path / "nothing").mkdir()
    return extracted(tmp_path / "lake", tmp_path / "nothing", FRAMES)


def keypoints_files(lake: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (lake / "keypoints").rglob("*.parquet")}


@pytest.mark.parametrize("options", [(), ("--sentences",), ("--sound-marks", "drop")])
def test_captions_that_come_later_give_the_lake_that_extraction_would_have_made(
    signverse, bare: Path, folder: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One two,"), (1, 2.5, "three."), (90, 91, "late")))
    (folder / "a.de.vtt").write_text(vtt((0, 1, "Eins"), (1, 2.5, "zwei.")))
    (folder / "b.de-orig.vtt").write_text(vtt((0.5, 1.25, "Hallo")))
    before, version = keypoints_files(bare), Lake.open(bare).version
    code, out, err = signverse("ingest", "captions", folder, "--lake", bare, *options)
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "a: de.manual new (2 cues), en.manual new (3 cues); 1 of "
        + ("2" if "--sentences" in options else "3")
        + " captions lie past the end",
        "b: de.automatic new (1 cue)",
        "2 videos got captions (tracks: 3 new), 0 unchanged",
    ]
    assert keypoints_files(bare) == before
    other = extracted(tmp_path / "other", folder, FRAMES, sentences="--sentences" in options)
    assert_same(bare, other)
    lake = Lake.open(bare)
    assert list(verify_lake(lake.snapshot)) == []
    assert lake.video("a")["detector"] == "d.onnx"
    assert lake.version == version + 1
    outcomes = lake.table("outcomes").sort("attempted_at").collect().filter(stage="captions")
    assert outcomes.select("video_id", "outcome", "reason", "attempt").rows() == [
        ("a", "done", "recaptioned,captions_past_end", 1),
        ("b", "done", "recaptioned", 1),
    ]
    # The version before is still there to be read, with its keypoints.
    assert Lake.open(bare, version=version).clips().collect()["text"].to_list() == [None] * 3
    np.testing.assert_array_equal(Lake.open(bare, version=version).keypoints("a"), lake.keypoints("a"))


def test_a_second_run_has_nothing_to_do(signverse, bare: Path, folder: Path) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One"), (1, 2.5, "[Music] two")))
    (folder / "a.en-x-abcde.vtt").write_text(vtt((0, 1, "Another of the same language")))
    assert signverse("ingest", "captions", folder, "--lake", bare)[0] == 0
    version = Lake.open(bare).version
    code, _, err = signverse("ingest", "captions", folder, "--lake", bare)
    assert (code, err) == (0, "0 videos got captions, 1 unchanged\n")
    assert Lake.open(bare).version == version
    # Other settings cut the same captions in another way.
    code, _, err = signverse("ingest", "captions", folder, "--lake", bare, "--sentences")
    assert "a: 2 segments before, 1 now" in err
    assert signverse("ingest", "captions", folder, "--lake", bare, "--sentences")[2].startswith("0 videos")


def test_a_corrected_file_takes_the_place_of_its_track_and_the_others_stay(
    signverse, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "Wrnog")))
    (folder / "a.de.vtt").write_text(vtt((0, 1, "Richtig")))
    lake = extracted(tmp_path / "lake", folder, FRAMES)
    (folder / "a.en.vtt").write_text(vtt((0, 1, "Right"), (1, 2, "and more")))
    later = tmp_path / "later"
    later.mkdir()
    (folder / "a.en.vtt").rename(later / "a.en.vtt")
    err = signverse("ingest", "captions", later, "--lake", lake)[2]
    assert "a: en.manual replaced (1 cue before, 2 now)" in err
    (later / "a.en.vtt").rename(folder / "a.en.vtt")
    assert_same(lake, extracted(tmp_path / "other", folder, FRAMES))
    # With --only the folder's tracks are all.
    (folder / "a.de.vtt").rename(later / "a.de.vtt")
    assert "a: en.manual removed (2 cues)" in signverse("ingest", "captions", later, "--lake", lake, "--only")[2]
    assert_same(lake, extracted(tmp_path / "third", later, FRAMES))


def test_a_dry_run_says_the_same_and_changes_nothing(signverse, bare: Path, folder: Path) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One")))
    before = {path: path.stat().st_mtime_ns for path in bare.rglob("*")}
    code, _, err = signverse("ingest", "captions", folder, "--lake", bare, "--dry-run")
    assert (code, err.splitlines()) == (
        0,
        ["a: en.manual new (1 cue)", "1 video would get captions (tracks: 1 new), 0 unchanged"],
    )
    assert {path: path.stat().st_mtime_ns for path in bare.rglob("*")} == before


def test_what_belongs_to_no_video_and_what_cannot_be_read_is_named(signverse, bare: Path, folder: Path) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One")))
    (folder / "b.en.vtt").write_text("not captions")
    (folder / "unknown.en.vtt").write_text(vtt((0, 1, "One")))
    code, _, err = signverse("ingest", "captions", folder, "--lake", bare)
    assert code == 1
    lines = err.splitlines()
    assert lines[0] == "a: en.manual new (1 cue)"
    assert lines[1].startswith(f"b: failed: {folder}/b.en.vtt holds no captions")
    assert lines[2] == f"1 caption file belongs to no video of the lake: {folder}/unknown.en.vtt"
    assert lines[3] == "1 video got captions (tracks: 1 new), 0 unchanged"
    assert lines[4].startswith("1 failed; to see why: signverse sql ")
    assert Lake.open(bare).video("b")["text_language"] is None
    failed = Lake.open(bare).table("outcomes").collect().filter(video_id="b", outcome="failed")
    assert failed.select("stage", "reason").rows() == [("captions", "bad_captions")]


def test_linked_folders_are_read_once_and_other_files_are_counted(
    signverse, bare: Path, folder: Path, tmp_path: Path, monkeypatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.en.vtt").write_text(vtt((0, 1, "One")))
    (folder / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (folder / "a.en.sbv").write_text("0:00:00.000,0:00:01.000\nOne\n")
    (folder / "notes.txt").write_text("about")
    monkeypatch.chdir(tmp_path)
    code, _, err = signverse("ingest", "captions", "captions", "--lake", bare)
    assert code == 0
    assert err.splitlines() == [
        "a: en.manual new (1 cue)",
        "captions/linked/back links to a folder that is read anyway, or that contains captions",
        "not used in captions: 2 other files (.sbv, .txt)",
        "1 video got captions (tracks: 1 new), 0 unchanged",
    ]


def test_what_cannot_work_is_refused_in_a_line(signverse, bare: Path, folder: Path, tmp_path: Path) -> None:
    for words, says in {
        (folder, "--lake", bare): f"no captions in {folder}",
        (tmp_path / "missing", "--lake", bare): f"there is no {tmp_path / 'missing'}",
        (folder, "--lake", tmp_path / "new"): "there is no lake at",
    }.items():
        code, _, err = signverse("ingest", "captions", *words)
        assert (code, err.count("\n")) == (1, 1)
        assert says in err
    assert not (tmp_path / "new").exists()


def test_paths_may_be_relative(signverse, bare: Path, folder: Path, monkeypatch) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One")))
    monkeypatch.chdir(folder)
    assert signverse("ingest", "captions", ".", "--lake", os.path.relpath(bare))[0] == 0
    assert signverse("ingest", "captions", "a.en.vtt", "--lake", os.path.relpath(bare))[0] == 0
    assert Lake.open(bare).video("a")["document_text"] == "One"


def test_maintenance_keeps_the_keypoints_that_only_a_captioned_row_refers_to(
    signverse, bare: Path, folder: Path
) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One")))
    signverse("ingest", "captions", folder, "--lake", bare)
    (folder / "a.en.vtt").write_text(vtt((0, 1, "Two")))
    signverse("ingest", "captions", folder, "--lake", bare)
    before = everything(bare)
    lake = Lake.open(bare)
    for _ in range(2):
        maintain(lake.snapshot, make_plan(lake.snapshot, retention=timedelta(0), full=True), retention=timedelta(0))
    assert everything(bare).keys() == before.keys()
    for name, rows in everything(bare).items():
        assert rows.equals(before[name]), name
    assert list(verify_lake(Lake.open(bare).snapshot)) == []
    assert Lake.open(bare).raw_table("videos").collect().height == len(FRAMES)
    assert make_plan(Lake.open(bare).snapshot, retention=timedelta(0)).empty


def test_a_video_that_gets_another_language_afterwards_takes_its_keypoints_along(
    signverse, bare: Path, folder: Path
) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One")))
    signverse("ingest", "captions", folder, "--lake", bare)
    points = Lake.open(bare).keypoints("a")
    relabel(Lake.open(bare), {"a": Entry("a", "Polish", "pso")})
    lake = Lake.open(bare)
    np.testing.assert_array_equal(lake.keypoints("a"), points)
    assert lake.video("a")["keypoints_ingest_id"] is None
    assert lake.table("keypoints").collect().filter(video_id="a")["sign_language"].unique().to_list() == ["pso"]


def test_a_video_that_is_extracted_again_meanwhile_keeps_its_new_keypoints(
    bare: Path, folder: Path, tmp_path: Path, monkeypatch
) -> None:
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One")))
    (tmp_path / "none").mkdir()
    flush = Committer._flush

    def meanwhile(self: Committer) -> None:
        monkeypatch.setattr(Committer, "_flush", flush)
        extracted(bare, tmp_path / "none", {"a": 30})
        flush(self)

    monkeypatch.setattr(Committer, "_flush", meanwhile)
    lake = Lake.open(bare)
    ingest_captions(lake, find_captions([folder], FRAMES))
    assert Lake.open(bare).num_frames("a") == 30
    last = Lake.open(bare).table("outcomes").collect().filter(stage="captions")
    assert last.select("outcome", "reason").rows() == [("failed", "ingested_meanwhile")]
    assert list(verify_lake(Lake.open(bare).snapshot)) == []


TEXTS = st.text("abc. ", min_size=1, max_size=8).filter(lambda text: any(c.isalpha() for c in text))
CUES = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4), TEXTS), min_size=1, max_size=5)
NAMES = st.sampled_from(["a.en.vtt", "a.de.vtt", "a.en-orig.vtt", "a.vtt", "b.en.vtt", "a.en-t-de.vtt", "c.fr.vtt"])


@settings(max_examples=5)
@given(st.dictionaries(NAMES, CUES, max_size=4), st.dictionaries(NAMES, CUES, min_size=1, max_size=4), st.booleans())
def test_first_captions_and_later_ones_together_are_as_if_all_had_been_there(
    tmp_path_factory: pytest.TempPathFactory, first, later, sentences: bool
) -> None:
    """The property of the command: rows(extract with A, then captions B) = rows(extract with A and B)."""
    place = tmp_path_factory.mktemp("property")

    def write(name: str, files) -> Path:
        (place / name).mkdir()
        for file, cues in files.items():
            text = vtt(*((start / 2, (start + length) / 2, words) for start, length, words in sorted(cues)))
            (place / name / file).write_text(text)
        return place / name

    lake = extracted(place / "lake", write("first", first), FRAMES, sentences=sentences)
    from signverse.ingest.captions.settings import TextSettings

    text = TextSettings(sentences=sentences)
    found = find_captions([write("later", later)], FRAMES)
    ingest_captions(Lake.open(lake), found, text=text)
    assert_same(lake, extracted(place / "other", write("all", first | later), FRAMES, sentences=sentences))
    assert ingest_captions(Lake.open(lake), found, text=text).changed == 0
    assert not APART & set(everything(lake)["videos"].columns)


def test_a_run_of_videos_names_known_videos_whose_captions_changed(
    signverse, bare: Path, folder: Path, data: Path, clip: Path, monkeypatch
) -> None:
    for name in FRAMES:
        shutil.copy(clip, folder / f"{name}.mp4")

    def said(*options: str) -> list[str]:
        monkeypatch.chdir(folder.parent)
        words = ("ingest", "videos", folder.name, "--lake", bare, "--models", data / "models", *options)
        code, _, err = signverse(*words)
        assert code == 0
        return err.splitlines()

    assert not [line for line in said() if "captions" in line]
    (folder / "a.en.vtt").write_text(vtt((0, 1, "One")))
    (folder / "b.en.vtt").write_text(vtt((0, 1, "One")))
    command = f"signverse ingest captions {folder.name} --lake {bare}"
    remark = "captions of 2 known videos are new or changed and not in the lake: a, b; take them: "
    assert f"{remark}{command}" in said()
    assert f"{remark}{command} --sentences" in said("--sentences")
    assert signverse(*shlex.split(command)[1:])[0] == 0
    assert not [line for line in said() if "captions" in line]
    (folder / "b.en.vtt").write_text(vtt((0, 1, "Two")))
    assert [line for line in said() if line.startswith("captions of 1 known video are new")]


def test_captions_are_found_by_the_names_that_videos_have(signverse, folder: Path, tmp_path: Path) -> None:
    """In brackets as yt-dlp names files, in any of Unicode's forms, with folders as `--id-from path` has them."""
    (tmp_path / "none").mkdir()
    lake = extracted(tmp_path / "lake", tmp_path / "none", {"abcdefghijk": 24, "caf\u00e9": 24, "day1__a": 24, "b": 24})
    (folder / "day1").mkdir()
    (folder / "day2").mkdir()
    text = vtt((0, 1, "One"))
    for name in (
        "A title [abcdefghijk].en.vtt",
        "cafe\u0301.en.vtt",
        "day1/a.en.vtt",
        "day1/b.en.vtt",
        "day2/b.en.vtt",
    ):
        (folder / name).write_text(text)
    code, _, err = signverse("ingest", "captions", folder, "--lake", lake)
    assert code == 0
    assert Lake.open(lake).clips().collect()["text"].to_list() == ["One"] * 4
    assert err.splitlines()[-2:] == [
        f"1 caption file skipped, of the same name as one of another folder: {folder}/day2/b.en.vtt",
        "4 videos got captions (tracks: 4 new), 0 unchanged",
    ]


def test_subrip_is_taken_as_webvtt_is(signverse, bare: Path, folder: Path) -> None:
    (folder / "a.en.srt").write_text("1\r\n00:00:00,500 --> 00:00:01,500\r\nfrom SubRip\r\n")
    assert "a: en.manual new (1 cue)" in signverse("ingest", "captions", folder, "--lake", bare)[2].splitlines()
    assert Lake.open(bare).video("a")["document_text"] == "from SubRip"


@pytest.mark.slow
def test_a_real_video_has_the_same_rows_whenever_its_captions_come(
    signverse, ingest, folder: Path, data: Path, tmp_path: Path
) -> None:
    shutil.copy(data / "videos" / "word_192p30.mp4", folder / "w.mp4")
    assert ingest(folder, "--sentences", lake=tmp_path / "later").returncode == 0
    (folder / "w.de.srt").write_text(
        "1\n00:00:00,200 --> 00:00:01,000\nHallo,\n\n2\n00:00:01,000 --> 00:00:01,300\ndu.\n"
    )
    assert signverse("ingest", "captions", folder, "--lake", tmp_path / "later", "--sentences")[0] == 0
    assert ingest(folder, "--sentences", lake=tmp_path / "first").returncode == 0
    assert_same(tmp_path / "later", tmp_path / "first")
