"""Where a format's clock does not restart, the frames are those of `ffmpeg -vf fps=24`: as many, the same pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from signverse.lake.media.decode import Decoder
from tests.ingest.extract.numbered_video import ffmpeg

SIZE = (64, 48)
B_FRAMES = ("-bf", "2")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")

FAMILIES: dict[str, tuple[str, ...]] = {
    "h264.mp4": H264,
    "h264.mkv": H264,
    "h264.mov": H264,
    "h264.flv": H264,
    "h264.avi": H264,
    "no_b_frames.avi": (*H264, "-bf", "0"),
    "fragments.mp4": (*H264, "-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    "no_edit_list.mp4": (*H264, "-use_editlist", "0"),
    "mpeg4.avi": ("-c:v", "mpeg4", *B_FRAMES),
    "xvid.avi": ("-c:v", "libxvid", *B_FRAMES, "-pix_fmt", "yuv420p"),
    "plain_mpeg4.avi": ("-c:v", "mpeg4"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "mpeg4.mp4": ("-c:v", "mpeg4", *B_FRAMES),
    "mpeg4.mkv": ("-c:v", "mpeg4", *B_FRAMES),
    "hevc.mp4": ("-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none"),
    "vp8.webm": ("-c:v", "libvpx", "-deadline", "realtime"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime"),
    "wmv2.wmv": ("-c:v", "wmv2"),
    "flv1.flv": ("-c:v", "flv"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", *B_FRAMES),
    "h264.ts": H264,
    "theora.ogv": ("-c:v", "libtheora"),
}


def made(path: Path, rate: str, *coding: str, sound: str = "", offset: str = "0", seconds: int = 1) -> Path:
    """A moving test picture; with sound, the picture begins `offset` seconds after it."""
    picture = ("-itsoffset", offset, "-f", "lavfi", "-i", f"testsrc=s={SIZE[0]}x{SIZE[1]}:r={rate}:d={seconds}")
    tone = ("-f", "lavfi", "-i", f"sine=d={seconds}", "-c:a", sound) if sound else ()
    ffmpeg(*picture, *tone, *coding, path)
    return path


def assert_as_ffmpeg(path: Path) -> None:
    raw = ffmpeg("-i", path, "-vf", "fps=24", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    theirs = np.frombuffer(raw, np.uint8).reshape(-1, SIZE[1], SIZE[0], 3)
    with Decoder(path) as video:
        ours = np.stack(list(video))
    assert len(ours) == len(theirs)
    # Decoders of two versions of FFmpeg differ by a little in rounding; a neighbouring picture differs by far more.
    assert np.abs(ours.astype(int) - theirs).max(initial=0) <= 3
    assert (video.damaged_frames, video.remark, video.repairs) == (0, "", [])


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        (name, rate)
        for name in FAMILIES
        for rate in ("25", "30000/1001", *(("12", "15", "24", "50") if name.endswith(".avi") else ()))
    ],
)
def test_a_recording_has_the_frames_that_ffmpeg_gives(tmp_path: Path, name: str, rate: str) -> None:
    assert_as_ffmpeg(made(tmp_path / name, rate, *FAMILIES[name]))


@pytest.mark.parametrize("offset", ["0", "0.3", "1.21"])
@pytest.mark.parametrize(
    ("name", "sound"), [("h264.mp4", "aac"), ("h264.mkv", "aac"), ("h264.flv", "aac"), ("wmv2.wmv", "wmav2")]
)
def test_the_time_before_the_first_picture_is_filled_as_ffmpeg_does(
    tmp_path: Path, name: str, sound: str, offset: str
) -> None:
    assert_as_ffmpeg(made(tmp_path / name, "25", *FAMILIES[name], sound=sound, offset=offset))


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "h264.mov"])
def test_a_part_that_was_cut_out_has_the_frames_that_ffmpeg_gives(tmp_path: Path, name: str) -> None:
    """An edit list hides the pictures between the key frame and the cut."""
    whole = made(tmp_path / f"whole_{name}", "25", *FAMILIES[name], seconds=2)
    ffmpeg("-ss", "0.7", "-i", whole, "-c", "copy", tmp_path / name)
    assert_as_ffmpeg(tmp_path / name)


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "flv1.flv", "h264.ts"])
def test_a_clock_that_starts_at_seven_seconds_has_the_same_frames(tmp_path: Path, name: str) -> None:
    assert_as_ffmpeg(made(tmp_path / name, "25", *FAMILIES[name], "-output_ts_offset", "7.3"))


@pytest.mark.parametrize("rate", ["12", "15", "25"])
def test_an_avi_with_sound_begins_with_its_first_picture(tmp_path: Path, rate: str) -> None:
    """An AVI has no display times: with B-frames all pictures come late by those that the decoder holds back."""
    path = made(tmp_path / "v.avi", rate, *FAMILIES["h264.avi"], sound="pcm_s16le")
    arguments = ("-vf", "fps=24", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    theirs = np.frombuffer(ffmpeg("-i", path, *arguments), np.uint8).reshape(-1, SIZE[1], SIZE[0], 3)
    with Decoder(path) as video:
        ours = np.stack(list(video))
    assert len(ours) == len(theirs) == 24
    assert np.abs(ours.astype(int) - theirs).max() <= 3
