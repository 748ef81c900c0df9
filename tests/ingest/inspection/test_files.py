"""`signverse inspect` says what would be read from what a person has: a video, captions, a manifest, or all of them."""

from __future__ import annotations

import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signverse.ingest.captions.files_beside import CaptionFiles
from signverse.ingest.inspection.kinds import Kind, kind_of

SAMPLE = Path(__file__).parents[3] / "ingest" / "sample"
VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nfirst words\n\n00:02.500 --> 00:04.000\nsecond\n"
SRT = "1\r\n00:00:01,000 --> 00:00:02,000\r\nan srt\r\n"
CSV = "video_id,sign_language,mood\nabcdefghijk,Polish Sign Language,good\n#NAME?,ase,bad\nbbcdefghijk,ase,\n"


def video(path: Path, *, form: str | None = None, subtitles: bool = False) -> Path:
    """A second of grey, with an empty stream of subtitles where there shall be one."""
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if subtitles:
            text = container.add_stream("mov_text")
            text.metadata["language"] = "eng"
        for number in range(24):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_video_is_told_by_streams_clock_shape_and_captions(signverse, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = video(tmp_path / "A title [abcdefghijk].mp4")
    (tmp_path / "A title [abcdefghijk].en.vtt").write_text(VTT)
    (tmp_path / "abcdefghijk.de.srt").write_text(SRT)
    code, out, err = signverse("inspect", path)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith("A title [abcdefghijk].mp4: video")
    assert "id        abcdefghijk" in lines
    assert "stream 0  video h264 64x48, und, default, extracted" in lines
    assert "shape     64x48 as displayed" in lines
    assert "frames    24 expected, at 24 a second" in lines
    assert "captions  beside it: abcdefghijk.de.srt, A title [abcdefghijk].en.vtt" in lines
    path = path.rename(tmp_path / "what?.mp4")
    assert "remark    video id 'what?' is not a plain name." in signverse("inspect", path)[1]


def test_captions_are_told_by_language_and_their_first_cues(signverse, tmp_path: Path) -> None:
    path = tmp_path / "a.de-orig.vtt"
    path.write_text(VTT)
    code, out, err = signverse("inspect", path)
    assert (code, err) == (0, "")
    assert out.splitlines()[1:3] == ["format    WebVTT in UTF-8", "language  de, automatic"]
    assert "          1.000 to 2.000 s  first words" in out.splitlines()


def test_a_manifest_is_told_by_columns_languages_and_refused_rows(signverse, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "list").write_text(CSV)
    code, out, _ = signverse("inspect", tmp_path / "list")
    assert code == 0
    lines = out.splitlines()
    assert "format    CSV in UTF-8, separated by commas, with a header" in lines
    assert "rows      2 videos of 3 rows, 1 refused; columns not used: mood" in lines
    assert "column    sign_language: taken as language_label (Polish Sign Language, ase, ase)" in " ".join(
        out.replace("\n          ", " ").splitlines()
    )
    assert "column    mood: not used (good, bad)" in lines
    assert "remark    line 3: #NAME? is an error of a spreadsheet" in lines
    assert max(map(len, lines[1:])) <= 80


def test_arguments_of_all_kinds_are_told_apart_by_content_and_go_to_files(signverse, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("1", "2", "3", "4")]
    video(files[0], form="mp4")
    files[1].write_text(SRT.replace(",", "."))
    files[2].write_text(CSV)
    shutil.copy(SAMPLE / "synthetic.tar", files[3])
    files[1].rename(tmp_path / "2.vtt")
    files[1] = tmp_path / "2.vtt"
    files[1].write_text(VTT)
    code, out, err = signverse("inspect", *files)
    assert code == 0
    assert err == "6 videos in 1 shard, 3 other files, 0 problems\n"
    assert out.splitlines()[0].split() == ["video_id", "dialect", "frames", "people", "defects", "captions"]
    assert [line for line in out.splitlines() if line.startswith(str(tmp_path))] == [
        f"{files[0]}: video",
        f"{files[1]}: captions",
        f"{files[2]}: manifest",
    ]
    assert "summary   h264, 64x48, 24 pictures/s, 1.000 s" in out.splitlines()
    assert "frames    24 expected, at 24 a second" in signverse("inspect", *files, "--wide")[1].splitlines()
    for ending in ("csv", "json", "parquet"):
        assert signverse("inspect", *files, "-o", tmp_path / f"rows.{ending}")[0] == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [row["kind"] for row in rows] == [None] * 6 + ["video", "captions", "manifest"]
    assert (rows[6]["frames"], rows[6]["codec"], rows[8]["rows_refused"]) == (24, "h264", 1)
    assert rows[8]["columns_not_used"] == ["mood"]
    assert pl.read_parquet(tmp_path / "rows.parquet").height == pl.read_csv(tmp_path / "rows.csv").height == 9


def test_what_cannot_be_read_ends_with_1_and_the_others_are_shown(signverse, tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_text("no captions at all")
    (tmp_path / "b.mp4").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "c.csv").write_bytes(b"PK\x03\x04" + b"x" * 99)
    video(tmp_path / "d.mp4")
    for name in "a.vtt", "b.mp4", "c.csv":
        code, out, err = signverse("inspect", tmp_path / name)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith("signverse: ")
        assert str(tmp_path / name) in err
    code, out, err = signverse("inspect", *(tmp_path / name for name in ("a.vtt", "b.mp4", "c.csv", "d.mp4")))
    assert code == 1
    assert out.splitlines()[0] == f"{tmp_path}/d.mp4: video"
    assert err.splitlines()[-1] == "4 files, 3 problems"
    code, out, _ = signverse("inspect", tmp_path / "a.vtt", tmp_path / "d.mp4", "--format", "json")
    assert code == 1
    assert [bool(row["problem"]) for row in json.loads(out)] == [True, False]
    code, _, err = signverse("inspect", tmp_path / "missing.mp4")
    assert (code, err.count("\n")) == (1, 1)


def test_a_folder_is_looked_into_and_what_is_left_is_named(signverse, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "sub").mkdir()
    video(tmp_path / "sub" / "a.mp4")
    (tmp_path / "a.en.vtt").write_text(VTT)
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    code, out, err = signverse("inspect", ".")
    assert code == 0
    assert [line for line in out.splitlines() if ": " in line and "summary" not in line] == [
        "a.en.vtt: captions",
        "sub/a.mp4: video",
    ]
    assert err.splitlines() == [".: 1 file not looked into: notes.txt", "2 files, 0 problems"]
    shutil.copy(SAMPLE / "synthetic.tar", tmp_path)
    assert signverse("inspect", os.curdir)[2].splitlines()[-1] == "6 videos in 1 shard, 0 problems"


def test_what_a_file_says_to_the_terminal_is_escaped(signverse, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("video_id,\x1b[2Jmood\nabcdefghijk,\x1b]0;title\x9c\n")
    code, out, err = signverse("inspect", tmp_path / "m.csv")
    assert code == 0
    assert "column    \\x1b[2Jmood: not used (\\x1b]0;title\\x9c)" in out.splitlines()
    code, _, listed = signverse("ingest", "plan", tmp_path / "m.csv")
    assert code == 0
    assert "columns not used: \\x1b[2Jmood" in listed
    assert not {"\x1b", "\x9c"} & set(out + err + listed)


def test_linked_folders_are_looked_into_once(signverse, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere" / "a.en.vtt").write_text(VTT)
    (tmp_path / "folder" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    code, out, err = signverse("inspect", "folder")
    assert code == 0
    assert out.startswith("folder/linked/a.en.vtt: captions\n")
    assert err == "folder/linked/back links to a folder that is read anyway, or that contains folder\n"


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    def kind(data: bytes | str, name: str = "x") -> Kind:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return kind_of(path)

    for text in (VTT, SRT, "[Script Info]\nTitle: x", '{"wireMagic": "pb3", "events": []}', "\ufeff" + VTT):
        assert kind(text) is Kind.captions
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "latin-1"):
        assert kind(SRT.encode(encoding)) is Kind.captions
        assert kind(CSV.encode(encoding)) is Kind.manifest
    assert kind(CSV, "x.vtt") is Kind.captions
    assert kind("a --> b,ase\n") is Kind.manifest
    assert kind('[{"id": "abcdefghijk"}]') is Kind.manifest
    assert kind(b"PAR1....") is Kind.manifest
    assert kind("YUV4MPEG2 W64 H48\nFRAME\n" + "\0\1" * 999) is Kind.video
    assert kind(b"") is kind(b"", "x.mp4") is Kind.video
    # The page of a refused download, called a video: an ingestion takes it for one, and so does this.
    for name in ("x.mp4", "x.MKV", "x.webm"):
        assert kind("<!DOCTYPE html><html>Too many requests</html>", name) is Kind.video
    assert kind(b"", "x.csv") is Kind.manifest
    assert kind(b"", "x.vtt") is Kind.captions
    assert kind(b"\x1f\x8b", "x.tar.gz") is Kind.shard
    assert kind((SAMPLE / "synthetic.tar").read_bytes()[:99_999]) is Kind.shard
    assert kind((SAMPLE / "astronaut.mp4").read_bytes()) is Kind.video


def test_a_lake_is_shown_by_another_command(signverse, tmp_path: Path) -> None:
    from signverse.lake.lake import Lake

    Lake.create(tmp_path / "lake")
    code, _, err = signverse("inspect", tmp_path / "lake")
    assert code == 1
    assert f"signverse info {tmp_path / 'lake'}" in err


@given(st.binary(max_size=2000))
def test_any_bytes_are_one_kind_and_are_answered_in_a_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    from signverse.ingest.inspection.one_file import inspect_file

    path = tmp_path_factory.mktemp("bytes") / "file"
    path.write_bytes(data)
    kind = kind_of(path)
    if kind is not Kind.shard:
        report = inspect_file(path, kind, CaptionFiles())
        assert report.problem or report.lines
        assert "\n" not in report.problem
