"""Captions inside video files count as those beside them do, and no captions are taken twice."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.ingest.captions.embedded import embedded_tracks
from signverse.ingest.captions.track_reader import track_from
from signverse.ingest.captions.tracks import Cue, Track, choose
from tests.ingest.captions.videos_with_captions import write_video

CUES = [(0.5, 1.25, "One"), (1.25, 1.9, "two"), (3.0, 4.0, "two")]


def inside(path: Path, *beside: Track) -> tuple[list[Track], list[tuple[str, str]]]:
    with av.open(str(path)) as container:
        return embedded_tracks(container, path.name, beside)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.mkv", "subrip"), ("x.mkv", "ass"), ("x.mkv", "webvtt"), ("x.mp4", "mov_text"), ("x.mov", "mov_text")],
)
def test_text_of_every_format_comes_out_of_a_video_at_its_time(tmp_path: Path, name: str, codec: str) -> None:
    (track,), remarks = inside(write_video(tmp_path / name, {(codec, "eng", ""): CUES}))
    assert track.cues == tuple(Cue(*cue) for cue in CUES)
    assert (track.name, track.file, track.found, remarks) == ("en.manual", f"{name}, stream 1", 3, [])


def test_a_video_is_named_by_a_relative_path_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "x.mkv", {("subrip", "eng", ""): CUES})
    monkeypatch.chdir(tmp_path)
    assert len(inside(Path("x.mkv"))[0]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.mkv"]


def test_markup_of_a_format_is_no_text(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "x.mkv",
        {
            ("subrip", "eng", ""): [(0, 1, "<i>Tom & Anna</i>\n{\\an8}say <3")],
            ("ass", "ger", ""): [(0, 1, "{\\k20}eins\\Nzwei, {a comment}drei"), (1, 2, "{\\p1}m 0 0 l 9 9")],
            ("webvtt", "fre", ""): [(0, 1, "<v Anna>&lt;un&gt;</v>")],
        },
    )
    tracks, _ = inside(path)
    assert [(track.language, [cue.text for cue in track.cues]) for track in tracks] == [
        ("en", ["Tom & Anna say <3"]),
        ("de", ["eins zwei, drei"]),
        ("fr", ["<un>"]),
    ]
    assert tracks[1].remarks == ("x.mkv, stream 2: 1 of 2 cues has no words, left out",)


def test_the_title_tells_who_made_a_track(tmp_path: Path) -> None:
    # As YouTube calls its tracks.
    path = write_video(
        tmp_path / "x.mkv",
        {
            ("webvtt", "eng", "English (auto-generated)"): [(0, 1, "machine")],
            ("subrip", "eng", "English from German"): [(0, 1, "translated")],
            ("subrip", "ger", "Deutsch"): [(0, 1, "von Hand")],
            ("ass", "eng", "SDH"): [(0, 1, "by hand")],
        },
    )
    tracks, _ = inside(path)
    assert [(track.name, track.source) for track in tracks] == [
        ("en.automatic", ""),
        ("en.translated", "de"),
        ("de.manual", ""),
        ("en.manual", ""),
    ]
    best, source = choose(tracks)
    assert best is not None
    assert (best.cues[0].text, source) == ("by hand", "native")
    assert "taken as automatic" in tracks[0].remarks[0]


def test_a_recognisers_track_is_known_by_the_times_of_its_words(tmp_path: Path) -> None:
    cues = [
        (0, 1, " \ngood<00:00:00.500><c> day</c>"),
        (1, 1.01, "good day\n "),
        (1.01, 2, "good day\nall<00:00:01.500>"),
    ]
    (track,), _ = inside(write_video(tmp_path / "x.mkv", {("webvtt", "eng", ""): cues}))
    assert track.kind == "automatic"
    assert [cue.text for cue in track.cues] == ["good day", "all"]


def beside(text: str, tag: str, file: str = "x.vtt") -> Track:
    return track_from(text.encode(), file, tag)


VTT = "WEBVTT\n\n" + "\n\n".join(f"00:00:0{start:.3f} --> 00:00:0{end:.3f}\n{text}" for start, end, text in CUES)


@pytest.mark.parametrize(("tag", "language"), [("en", "eng"), ("en-orig", "eng"), ("en-GB", "eng"), ("en", "und")])
def test_captions_beside_a_video_and_inside_it_are_taken_once(tmp_path: Path, tag: str, language: str) -> None:
    file = beside(VTT, tag, f"x.{tag}.vtt")
    path = write_video(tmp_path / "x.mkv", {("subrip", language, ""): CUES})
    remark = f"x.mkv, stream 1: the same captions as in x.{tag}.vtt, taken once"
    assert inside(path, file) == ([], [("captions_changed", remark)])


def test_other_words_or_another_language_are_another_track(tmp_path: Path) -> None:
    path = write_video(tmp_path / "x.mp4", {("mov_text", "eng", ""): CUES, ("mov_text", "ger", ""): CUES})
    tracks, remarks = inside(path, beside(VTT.replace("One", "Other"), "en"))
    assert [track.name for track in tracks] == ["en.manual", "de.manual"]
    assert remarks == []


def test_a_forced_track_comes_last_and_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "x.mkv", {("subrip", "eng", ""): CUES[:1], ("ass", "eng", ""): CUES}, forced=0)
    tracks, _ = inside(path)
    assert [(track.file, len(track.cues)) for track in tracks] == [("x.mkv, stream 2", 3), ("x.mkv, stream 1", 1)]
    assert tracks[1].remarks == ("x.mkv, stream 1: marked as forced: it may hold a part of what is said",)


def test_pictures_of_text_are_named_and_left_out(tmp_path: Path) -> None:
    path = write_video(tmp_path / "x.mkv", {("dvd_subtitle", "eng", ""): [(0, 1, "bitmap")]})
    tracks, remarks = inside(path)
    assert tracks == []
    assert [reason for reason, _ in remarks] == ["captions_in_part"]
    assert "x.mkv, stream 1" in remarks[0][1]


words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
cue_lists = st.lists(st.tuples(st.integers(1, 2000), words), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(cue_lists, st.sampled_from([("x.mkv", "subrip"), ("x.mkv", "webvtt"), ("x.mkv", "ass"), ("x.mp4", "mov_text")]))
def test_what_is_inside_is_what_a_file_beside_would_say(
    tmp_path: Path, spoken: list[tuple[int, str]], where: tuple[str, str]
) -> None:
    at, cues = 0, []
    for length, text in spoken:
        cues.append((at / 1000, (at + length) / 1000, text))
        at += length
    stamps = [f"00:00:{start:06.3f} --> 00:00:{end:06.3f}\n{text}" for start, end, text in cues]
    file = beside("\n\n".join(["WEBVTT", *stamps]), "en")
    path = write_video(tmp_path / where[0], {(where[1], "eng", ""): cues})
    (track,), _ = inside(path)
    assert track.cues == file.cues
    assert len(track.cues) + track.joined + sum(left.count for left in track.left_out) == track.found == len(cues)
    assert inside(path, file)[0] == []
