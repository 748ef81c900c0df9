"""What a stranger's video can make a worker do is bounded: memory, frames, and the files that are opened."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signverse.ingest.extract.probe import probe
from signverse.lake.media import decode, packets
from signverse.lake.media.clock import Clock
from signverse.lake.media.decode import SUFFIXES, Decoder
from signverse.lake.media.opening import FORMATS, open_video
from signverse.lake.media.packets import READ_AGAIN
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.frame_ranges import FPS
from tests.ingest.extract.hostile_videos import ENCODERS, blank, endless_index, ffmpeg, gif, repeated
from tests.ingest.extract.numbered_video import write

ROOT = Path(__file__).parents[3]

OPEN = """
import sys
from bench.memory import peak_mb
from signverse.lake.media.decode import Decoder
from signverse.lake.model.errors import BadInputError
try:
    with Decoder(sys.argv[1]) as video:
        print(sum(1 for _ in video))
except BadInputError as error:
    print(error)
print(peak_mb())
"""


def opened(path: Path) -> tuple[str, float]:
    """What a process of its own says of a video, and the MB that it took at most."""
    ran = subprocess.run(
        [sys.executable, "-c", OPEN, str(path)], check=True, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    said, peak = ran.stdout.splitlines()
    return said, float(peak)


@pytest.mark.parametrize("size", [(16_000, 16_000), (8000, 8000), (65_535, 65_535), (65_535, 512)], ids=str)
def test_a_gif_of_a_few_bytes_takes_no_memory_for_its_canvas(tmp_path: Path, size: tuple[int, int]) -> None:
    said, peak = opened(gif(tmp_path / "v.gif", *size))
    assert f"pictures of {size[0]}x{size[1]} are too large, at most 33,554,432 pixels" in said
    assert peak < 150


LARGE = [
    pytest.param(codec, marks=pytest.mark.slow) if codec in {"libvpx-vp9", "ffv1", "png"} else codec
    for codec in ENCODERS
    # Its own pictures end at 8191 pixels.
    if codec != "mpeg4"
]


@pytest.mark.parametrize("codec", LARGE)
def test_whatever_the_codec_pictures_over_the_bound_are_refused_before_one_is_decoded(
    tmp_path: Path, codec: str
) -> None:
    path = blank(tmp_path / f"v.{ENCODERS[codec][0]}", codec, 8192, 4112)
    said, peak = opened(path)
    assert "pictures of 8192x4112 are too large" in said
    # The packets of formats that do not compress are read. A picture of this size is 200 MB, and several are needed.
    assert peak < 150 + path.stat().st_size / 1e6
    assert "\n" not in said


def test_a_stream_that_grows_in_the_middle_loses_what_is_too_large_and_says_so(tmp_path: Path) -> None:
    small = blank(tmp_path / "small.ts", "libx264", 128, 64, frames=24)
    large = blank(tmp_path / "large.ts", "libx264", 8192, 4112)
    path = tmp_path / "v.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes() + small.read_bytes())
    with Decoder(path) as video:
        assert {image.shape for image in video} == {(64, 128, 3)}
    assert video.num_frames in range(46, 54)
    assert video.damaged_frames


def test_pixels_that_are_not_square_count_as_they_are_shown(tmp_path: Path) -> None:
    path = blank(tmp_path / "v.mkv", "mpeg4", 8000, 640, aspect=Fraction(7))
    with pytest.raises(BadInputError, match="pictures of 56000x640 are too large"):
        Decoder(path)


def test_8k_is_within_the_bound(tmp_path: Path) -> None:
    with Decoder(blank(tmp_path / "v.avi", "mjpeg", 8192, 4096)) as video:
        assert [image.shape for image in video] == [(4096, 8192, 3)]


@pytest.mark.parametrize("name", ["far.mkv", "far.nut", "far.mp4", "far.avi", "far.mov"])
def test_a_second_picture_years_later_is_not_filled_with_copies(tmp_path: Path, name: str) -> None:
    # AVI writes an empty packet for each picture that is left out.
    path = tmp_path / name
    far = {".mkv": 10**8, ".nut": 10**8, ".avi": 50_000}.get(path.suffix, 80_000)
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=s=64x64:r=1:d=2", "-vf", f"setpts=N*{far}/TB", "-fps_mode", "passthrough"),
        *("-c:v", "mjpeg", path),
    )
    with Decoder(path) as video:
        assert sum(1 for _ in islice(video, 10_000)) < 10_000
    assert any("leap ahead" in line for line in video.repairs)
    assert (probe(path).frames_expected or 0) < 3600 * FPS


@given(steps=st.lists(st.integers(1, 4000), min_size=1, max_size=60), claimed=st.booleans())
@settings(deadline=None)
def test_whatever_its_steps_a_clock_stands_still_for_twelve_hours_at_most(steps: list[int], claimed: bool) -> None:
    """A file of kilobytes must not become days of extraction."""
    clock = Clock(
        Fraction(1), start=0, end=sum(steps) + 1 if claimed else None, step=1, discontinuous=False, dts_only=False
    )
    times = [sum(steps[:count]) for count in range(len(steps) + 1)]
    frames: list[Any] = [SimpleNamespace(pts=time, dts=time, duration=1) for time in times]
    shown = [frame.pts for frame in clock.stamp(frames)]
    assert sum(step for before, after in pairwise(shown) if (step := after - before) > 10) <= 12 * 3600
    assert all(after - before <= 3600 for before, after in pairwise(shown))
    assert len(shown) + clock.damaged_frames >= len(frames)


def test_a_length_of_thousands_of_hours_is_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", [0, 41, 83])
    content = path.read_bytes()
    # Matroska's Duration, a float of 8 bytes in milliseconds.
    at = content.index(b"\x44\x89\x88") + 3
    path.write_bytes(content[:at] + bytes.fromhex("42d6bcc41e900000") + content[at + 8 :])
    # The tag that says it once more, and truly.
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"DURATIOM"))
    with Decoder(path) as video:
        assert len(list(video)) == 3
    assert "hours is not believed" in video.repairs[0]
    assert video.damaged_frames == 0


@pytest.mark.parametrize("words", ["00:00:nan", "1e9:00:00.00", "99999999999:00:00", "-1:00:00", "x"])
def test_a_length_that_is_not_one_is_not_believed(tmp_path: Path, words: str) -> None:
    path = write(tmp_path / "v.mkv", [0, 41, 83])
    content = path.read_bytes()
    at = content.index(b"00:00:00.1", content.index(b"DURATION"))
    path.write_bytes(content[:at] + words.encode().ljust(18, b"\0") + content[at + 18 :])
    with Decoder(path) as video:
        assert len(list(video)) == 3
    assert video.damaged_frames == 0


def test_a_video_longer_than_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_FRAMES", 30)
    path = write(tmp_path / "v.ts", range(48), clock=Fraction(1, 24))
    with Decoder(path) as video, pytest.raises(BadInputError, match="is longer than"):
        list(video)


@pytest.mark.slow
def test_an_index_of_millions_from_kilobytes_is_bounded_by_the_memory_of_a_worker(tmp_path: Path) -> None:
    from signverse.lake.jobs.pool import LOCAL

    path = endless_index(tmp_path / "v.mp4", write(tmp_path / "s.mp4", [0, 41, 83]), 40_000_000)
    with LOCAL.executor(1, make_opening, memory_mb=1000) as executor:
        kinds = [event.kind for event in executor.run([path])]
    assert kinds == ["memory"]


def test_a_second_that_is_shown_again_and_again_is_read_four_times_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the megabyte that any file has free: its frames are small, and take long.
    monkeypatch.setattr(packets, "_SMALL", 0)
    small = write(tmp_path / "s.mp4", range(24), clock=Fraction(1, 24))
    path = repeated(tmp_path / "v.mp4", small, 2_000)
    with Decoder(path) as video:
        frames = sum(1 for _ in islice(video, 48_000))
    assert frames < 10_000
    assert READ_AGAIN in video.repairs
    assert READ_AGAIN in probe(path).remarks


def test_a_stream_that_is_called_by_a_megabyte_is_shown_in_a_line(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.metadata["language"] = "t" * 1_000_000
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    report = probe(tmp_path / "v.mkv")
    assert len(str(report)) < 3000
    assert report.streams[0].language.endswith("... (1,000,000 characters)")


def make_opening() -> Any:
    return lambda path, _: Decoder(path).num_frames


LISTS = {
    "ffconcat": "ffconcat version 1.0\nfile {secret}\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{secret}\n#EXT-X-ENDLIST\n",
    "hls with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{secret}"\n#EXTINF:5,\n{secret}\n#EXT-X-ENDLIST\n',
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="1"><BaseURL>{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "rtsp in a reference movie": "RTSPtext\n{secret}",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{secret}"/></svg>',
    "text": "see {secret}\n" * 40,
    "ffmetadata": ";FFMETADATA1\ntitle={secret}\n",
    "vobsub": "# VobSub index file, v7\nid: en, index: 0\n",
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_other_files_opens_none_of_them(tmp_path: Path, kind: str) -> None:
    """A pipe stands for the other file: were it opened, its writer would get an end to write to."""
    secret = tmp_path / "secret.mp4"
    os.mkfifo(secret)
    found: list[int] = []
    reader = threading.Thread(target=lambda: found.append(os.open(secret, os.O_WRONLY)), daemon=True)
    reader.start()
    for ending in (".mp4", ".mkv", ".ts", ".mpg", ".idx"):
        for target in ("secret.mp4", str(secret), f"file:{secret}", f"concat:{secret}"):
            path = tmp_path / f"v{ending}"
            path.write_text(LISTS[kind].format(secret=target))
            with pytest.raises(BadInputError, match=path.name) as refusal:
                open_video(path)
            assert "\n" not in str(refusal.value)
    assert not found
    # Let the thread go.
    os.close(os.open(secret, os.O_RDONLY | os.O_NONBLOCK))
    reader.join(5)


@pytest.mark.parametrize(
    "name", ["concat:secret.mp4", "subfile,,start,0,end,0,,:secret.mp4", "a%03d.mjpeg", "-", "fd:0", "pipe:0"]
)
def test_a_name_is_never_an_instruction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("secret.mp4"), range(24), clock=Fraction(1, 24))
    with pytest.raises(BadInputError, match="no such file"):
        open_video(Path(name))
    write(Path("v.mp4"), range(5), clock=Fraction(1, 24)).rename(name)
    with Decoder(name) as video:
        assert len(list(video)) == 5


@pytest.mark.parametrize("kind", ["pipe", "link to a device", "folder"])
def test_what_is_not_an_ordinary_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "v.mp4"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(BadInputError, match=r"v\.mp4"):
        open_video(path)


def test_every_ending_that_is_looked_for_has_a_format_that_is_read() -> None:
    known = {ending for name in FORMATS if name in av.formats_available for ending in _endings(name)}
    by_content = {
        ".3g2", ".3gp", ".amv", ".asf", ".divx", ".dvr-ms", ".gxf", ".insv", ".ismv", ".ivf", ".lrv", ".m1v", ".m2t",
        ".m2ts", ".m2v", ".mod", ".mpe", ".mpeg", ".mpg", ".mpv", ".mts", ".mxf", ".nsv", ".ogm", ".ogv", ".qt", ".rm",
        ".rmvb", ".swf", ".tod", ".tp", ".trp", ".ts", ".vob", ".wmv", ".wtv",
    }  # fmt: skip
    assert set(SUFFIXES) - known <= by_content
    assert not {name for name in FORMATS if name in {"concat", "hls", "dash", "sdp", "image2", "tty", "lavfi", "rtsp"}}


def _endings(name: str) -> set[str]:
    return {f".{ending}" for ending in av.ContainerFormat(name, "r").extensions}
