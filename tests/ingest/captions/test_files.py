"""From the caption files beside a video to the rows of a lake: segments, captions, and what is told of the English."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from signverse.command_line import build_app
from signverse.ingest.captions import files_beside
from signverse.ingest.captions.files_beside import captions_beside
from signverse.ingest.captions.settings import TextSettings
from signverse.ingest.captions.track_names import file_tag
from signverse.ingest.manifest import Entry
from signverse.ingest.videos.plan import VideoTask
from signverse.ingest.videos.workers import extract_video
from signverse.lake.cli.entry import run
from signverse.lake.storage.committer import VideoRows
from tests.ingest.captions.videos_with_captions import write_video

Ingest = Callable[..., VideoRows]


def plain(*texts: str) -> str:
    """A file of captions of a second each."""
    cues = [f"00:{i:02d}.000 --> 00:{i + 1:02d}.000\n{text}\n" for i, text in enumerate(texts)]
    return "\n".join(["WEBVTT\n", *cues])


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    """Takes a video of ten seconds with caption files in, by their tags; nobody is in the picture."""
    nobody = np.empty((0, 128, 3), np.float32)
    found = SimpleNamespace(
        facts=SimpleNamespace(width=64, height=48, codec="h264", source_fps=24.0, rotation=0),
        num_frames=240,
        frames=np.empty(0, np.int32),
        person=np.empty(0, np.int8),
        points=nobody,
        chunks=lambda: iter([nobody]),
        damaged_frames=0,
        repairs=(),
        joins=(),
        events=(),
        detector="d",
        detector_sha256="",
        pose_model="p",
        pose_sha256="",
        provider="CPU",
        detect_every=6,
    )
    extractor = SimpleNamespace(extract=lambda *_, **__: found)
    write_video(tmp_path / "x.mp4", {})

    def take(files: Mapping[str, str], **settings: bool) -> VideoRows:
        for tag, text in files.items():
            (tmp_path / f"x.{tag}.vtt").write_text(text, "utf-8")
        captions = captions_beside(tmp_path / "x.mp4", "x", [path.name for path in tmp_path.iterdir()])
        assert len(captions) == len(files)
        task = VideoTask(tmp_path / "x.mp4", Entry("x"), tuple(captions))
        return extract_video(extractor, task, lambda _: None, text=TextSettings(**settings))

    return take


def texts(rows: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    return [(row["start_s"], row["end_s"], row["text"]) for row in rows]


SCHEMA = re.compile("native|translated_from:[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")
"""What the release says that english_source is."""


@pytest.mark.parametrize(
    ("tags", "source", "kind", "language"),
    [
        (["en", "en-orig", "de"], "native", "manual", "en"),
        (["en-GB", "en-orig"], "native", "manual", "en-GB"),
        (["en-eEY6OEpapPo", "de-orig"], "native", "manual", "en"),
        (["en-orig", "de"], "native", "automatic", "en"),
        (["en-orig"], "native", "automatic", "en"),
        (["en-t-de", "de"], "translated_from:de", "translated", "en"),
        (["en-t-zh-hans"], "translated_from:zh-Hans", "translated", "en"),
        (["en-t-und"], "translated_from:und", "translated", "en"),
    ],
)
def test_the_best_english_becomes_segments_and_its_origin_is_told_as_the_release_does(
    ingest: Ingest, tags: list[str], source: str, kind: str, language: str
) -> None:
    rows = ingest({tag: plain(f"this is {tag}") for tag in tags})
    assert SCHEMA.fullmatch(source)
    assert rows.video["english_source"] == source
    (segment,) = rows.segments
    assert (segment["english_source"], segment["caption_kind"], segment["text_language"]) == (source, kind, language)
    assert segment["text"] == f"this is {tags[0]}"
    assert sorted(row["text"] for row in rows.captions) == sorted(f"this is {tag}" for tag in tags)


@pytest.mark.parametrize(("files", "text"), [({}, None), ({"de": plain("hallo"), "fr-orig": plain("salut")}, "hallo")])
def test_without_english_there_is_no_source_of_it(ingest: Ingest, files: dict[str, str], text: str | None) -> None:
    rows = ingest(files)
    assert rows.video["english_source"] == "none"
    assert [(row["text"], row["english_source"]) for row in rows.segments] == [(text, "none")]


def test_of_two_english_tracks_by_people_both_are_kept_and_the_one_without_a_number_counts(ingest: Ingest) -> None:
    rows = ingest({"en": plain("one"), file_tag("en-eEY6OEpapPo", "manual"): plain("other")})
    assert [(row["track"], row["language"], row["text"]) for row in rows.captions] == [
        ("en.manual", "en", "one"),
        ("en.manual.2", "en", "other"),
    ]
    assert [row["text"] for row in rows.segments] == ["one"]


GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize("name", ["youtube-en", "youtube-ar", "youtube-ja", "broadcast-3"])
def test_the_text_of_a_video_that_rolls_up_holds_each_line_once(ingest: Ingest, name: str) -> None:
    rows = ingest({"en": (GOLDEN / f"{name}.vtt").read_text("utf-8")})
    lines = [line.split(" ", 2)[2] for line in (GOLDEN / f"{name}.txt").read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows.captions] == lines
    inside = [row["text"] for row in rows.segments]
    assert inside == lines[: len(inside)]
    for line in {line for line in inside if len(line) > 12}:
        assert rows.video["document_text"].count(line) == len([one for one in inside if line in one])


def test_sentences_are_segments_and_cues_stay_captions(ingest: Ingest) -> None:
    files = {"en": plain("I am", "going home.", "Bye.")}
    assert texts(ingest(files).segments) == [(0, 1, "I am"), (1, 2, "going home."), (2, 3, "Bye.")]
    rows = ingest(files, sentences=True)
    assert texts(rows.segments) == [(0, 2, "I am going home."), (2, 3, "Bye.")]
    assert [(row["start_frame"], row["end_frame"]) for row in rows.segments] == [(0, 48), (48, 72)]
    assert texts(rows.captions) == [(0, 1, "I am"), (1, 2, "going home."), (2, 3, "Bye.")]
    assert rows.video["document_text"] == "I am going home. Bye."


def test_lines_that_roll_up_without_a_full_stop_are_joined_by_time(ingest: Ingest) -> None:
    rows = ingest({"hi": (GOLDEN / "youtube-hi.vtt").read_text("utf-8")}, sentences=True)
    assert [row["text"] for row in rows.segments] == [
        "नमस्ते दोस्तों आज हम सीखेंगे भारतीय सांकेतिक भाषा में क्‍यों और कैसे कहते हैं नहीं नहीं नहीं"
    ]


def test_sound_marks_go_from_segments_and_captions_where_they_are_not_wanted(ingest: Ingest) -> None:
    files = {"en": plain("[Music]", "- Hi (laughs)\n- Hello", "(s)he"), "ja": plain("［音楽］")}  # noqa: RUF001
    assert [row["text"] for row in ingest(files).captions] == ["[Music]", "- Hi (laughs) - Hello", "(s)he", "［音楽］"]  # noqa: RUF001
    rows = ingest(files, sound_marks=False)
    assert texts(rows.segments) == [(1, 2, "Hi Hello"), (2, 3, "(s)he")]
    assert texts(rows.captions) == texts(rows.segments)


def test_a_track_of_sound_marks_alone_is_none_where_they_are_not_wanted(ingest: Ingest) -> None:
    files = {"en": plain("[Music]"), "de": plain("Hallo")}
    assert ingest(files).video["english_source"] == "native"
    rows = ingest(files, sound_marks=False)
    assert (rows.video["english_source"], rows.segments[0]["text"]) == ("none", "Hallo")


def test_sound_marks_are_kept_or_dropped_and_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = run(build_app(), ["ingest", "videos", str(tmp_path), "--lake", "lake", "--sound-marks", "maybe"])
    assert code == 2
    assert "choose from keep, drop" in capfd.readouterr().err


def test_caption_files_of_every_format_are_found_webvtt_first(tmp_path: Path) -> None:
    names = ["x.en.srt", "x.en.ass", "x.en.vtt", "x.de.json3", "x.SRT", "y.en.srt", "x.mp4", "x.en.txt"]
    assert [name for name in names if files_beside.is_caption_file(name)] == names[:-2]
    found = captions_beside(tmp_path / "x.mp4", "x", names)
    assert [path.name for path in found] == ["x.de.json3", "x.en.vtt", "x.en.srt", "x.en.ass", "x.SRT"]
    assert [files_beside.tag_of(path, "x") for path in found] == ["de", "en", "en", "en", ""]
