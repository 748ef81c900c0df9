"""What would be read from a video file is said without decoding all of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from signverse.ingest.extract.probe import probe
from signverse.lake.media.decode import Decoder
from signverse.lake.model.errors import BadInputError
from tests.ingest.extract.numbered_video import ffmpeg, steady, write

FIELD = Path(__file__).parent / "field"


@pytest.mark.parametrize(
    ("name", "options"),
    [("v.mp4", {}), ("v.mkv", {}), ("v.webm", {}), ("v.avi", {}), ("v.mp4", {"movflags": "frag_keyframe+empty_moov"})],
)
@pytest.mark.parametrize("sound", [0.0, 3.0])
def test_the_frames_expected_are_those_that_decoding_gives(
    tmp_path: Path, name: str, options: dict[str, str], sound: float
) -> None:
    if sound and name == "v.webm":
        pytest.skip("WebM takes no PCM")
    codec = "libvpx" if name == "v.webm" else "libx264"
    clock = Fraction(1, 24)
    path = write(tmp_path / name, range(48), clock=clock, codec=codec, sound=sound if name != "v.mp4" else 0)
    report = probe(path)
    with Decoder(path) as video:
        assert report.frames_expected == pytest.approx(len(list(video)), abs=1)
    assert (report.width, report.height, report.rotation, report.sample_aspect) == (128, 64, 0, 1)
    assert [stream.kind for stream in report.streams if stream.used] == ["video"]
    assert not report.clock.discontinuous
    assert report.clock.fps == pytest.approx(24, abs=0.1)


def test_a_clock_that_leaps_is_foretold() -> None:
    report = probe(FIELD / "ts_jump40.ts")
    assert report.clock.discontinuous
    assert report.frames_expected == pytest.approx(48, abs=2)
    assert report.remarks == ("timestamps leap ahead by 39.0 s at 1.0 s: joined",)


def test_the_stream_in_use_the_shape_and_the_rotation_are_said(tmp_path: Path) -> None:
    report = probe(FIELD / "two_streams.mkv")
    assert [(stream.codec, stream.width, stream.used) for stream in report.streams] == [
        ("mjpeg", 16, False),
        ("h264", 64, True),
    ]
    assert report.remarks[0].startswith("2 video streams: ")
    report = probe(FIELD / "sar.mp4")
    assert (report.width, report.height, report.sample_aspect) == (102, 58, Fraction(64, 45))
    report = probe(write(tmp_path / "v.mp4", range(4), clock=Fraction(1, 24), rotation=90))
    assert (report.width, report.height, report.rotation) == (64, 128, 270)


def test_subtitles_inside_the_file_are_listed(tmp_path: Path) -> None:
    (tmp_path / "text.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nHallo\n", encoding="utf-8")
    plain = write(tmp_path / "plain.mkv", steady(48, 24))
    tags = ("-metadata:s:s:0", "language=ger", "-metadata:s:s:0", "title=Deutsch", "-disposition:s:0", "forced")
    ffmpeg("-i", plain, "-i", tmp_path / "text.srt", "-map", "0", "-map", "1", "-c", "copy", *tags, tmp_path / "v.mkv")
    report = probe(tmp_path / "v.mkv")
    assert [(text.index, text.codec, text.language, text.title) for text in report.subtitles] == [
        (1, "subrip", "ger", "Deutsch")
    ]
    assert [(text.is_text, text.forced) for text in report.subtitles] == [(True, True)]


def test_a_relative_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "v.mkv", steady(24, 24))
    monkeypatch.chdir(tmp_path)
    assert probe("v.mkv") == probe(tmp_path / "v.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["v.mkv"]


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"these are words\n" * 99)
    with pytest.raises(BadInputError, match=r"v\.mp4"):
        probe(tmp_path / "v.mp4")
