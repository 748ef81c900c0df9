"""The pictures of a clip in the middle of a video are those that reading the video from its start gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from signverse.lake.media.decode import Decoder
from signverse.lake.media.seeking import frames_from, key_frame_before
from tests.export.conftest import Video, fill
from tests.ingest.extract import numbered_video
from tests.ingest.extract.numbered_video import number_of

FRAMES = 22 * 24
SIZE = (160, 120)

Made = tuple[Path, list[bytes], bool]


def steady(rate: float, first: int = 0) -> list[int]:
    return [first + round(i * 1000 / rate) for i in range(int(FRAMES / 24 * rate))]


def uneven(seed: int) -> list[int]:
    """Times with steps of 1 to 400 ms, as of a phone in the dark or a recorded screen."""
    return np.random.default_rng(seed).integers(1, 400, 110).cumsum().tolist()


def encoded(name: str, times: Sequence[int], codec: str = "libx264", clock: int = 1000, **settings: str) -> Callable:
    """A video by an encoder's settings, with a key frame every second or two."""

    def make(folder: Path) -> Path:
        import av

        path = folder / name
        with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
            stream = container.add_stream(codec, rate=24, options=settings)
            stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, clock)
            stream.codec_context.gop_size = 40
            for number, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(numbered_video.picture(number, *SIZE), format="rgb24")
                frame.pts, frame.time_base = time * clock // 1000, Fraction(1, clock)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


def cut(name: str, make: Callable, at: str) -> Callable:
    """Cut by ffmpeg without encoding again: an mp4 with a list of edits."""

    def make_cut(folder: Path) -> Path:
        whole = make(folder)
        numbered_video.ffmpeg("-ss", at, "-i", whole, "-c", "copy", folder / name)
        return folder / name

    return make_cut


def without_index(make: Callable) -> Callable:
    """An mp4 that does not say which pictures are key frames."""

    def make_changed(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(path.read_bytes().replace(b"stss", b"free"))
        return path

    return make_changed


def lying(make: Callable) -> Callable:
    """An mp4 that calls other pictures key frames than those that are."""

    def make_changed(folder: Path) -> Path:
        path = make(folder)
        data = bytearray(path.read_bytes())
        table = data.index(b"stss") + 8
        count = int.from_bytes(data[table : table + 4])
        for entry in range(1, count):
            place = table + 4 + 4 * entry
            data[place : place + 4] = (int.from_bytes(data[place : place + 4]) - 9).to_bytes(4)
        path.write_bytes(data)
        return path

    return make_changed


BFRAMES = {"bf": "3", "preset": "veryfast"}
PLAIN = encoded("x.mp4", steady(25), **BFRAMES)
KINDS: dict[str, tuple[Callable, bool]] = {
    "25 a second with B-frames": (PLAIN, True),
    "29.97 a second": (encoded("x.mp4", steady(29.97), clock=90_000, **BFRAMES), True),
    "uneven": (encoded("x.mp4", uneven(1), **BFRAMES), True),
    "uneven in Matroska": (encoded("x.mkv", uneven(2), **BFRAMES), True),
    "begins late": (encoded("x.mkv", steady(30, 700), **BFRAMES), True),
    "open groups of pictures": (encoded("x.mp4", steady(24), **BFRAMES, **{"x264-params": "open-gop=1"}), True),
    "no key frames but a moving column": (
        encoded("x.mp4", steady(24), bf="0", **{"x264-params": "intra-refresh=1"}), False
    ),
    "HEVC with open groups": (
        encoded("x.mp4", steady(24), "libx265", **{"x265-params": "open-gop=1:log-level=none:pools=1"}), True
    ),
    "VP9": (encoded("x.webm", steady(30), "libvpx-vp9", deadline="realtime", **{"cpu-used": "8"}), True),
    "VP8 with pictures that are not shown": (
        encoded("x.webm", steady(30), "libvpx", **{"auto-alt-ref": "1", "lag-in-frames": "12", "cpu-used": "4"}), True
    ),
    "MPEG-4": (encoded("x.mp4", steady(25), "mpeg4", bf="2"), True),
    "MPEG-TS": (encoded("x.ts", steady(25), clock=90_000, **BFRAMES), True),
    "MPEG-2 in a program stream": (encoded("x.mpg", steady(25), "mpeg2video", clock=25, bf="2"), False),
    "all key frames": (encoded("x.mkv", steady(25), "ffv1"), True),
    "AVI": (encoded("x.avi", steady(24), "mpeg4"), False),
    "cut inside a group of pictures": (cut("cut.mp4", PLAIN, "1.3"), True),
    "no list of key frames": (without_index(PLAIN), True),
    "a list of key frames that are none": (lying(PLAIN), True),
    "MPEG-4, a list of key frames that are none": (lying(encoded("x.mp4", steady(25), "mpeg4")), False),
}  # fmt: skip
"""How a video is made, and whether it can be entered in the middle."""


@pytest.fixture(scope="module", params=KINDS)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A file, its pictures at 24 a second, and whether it can be entered."""
    make, can_be_entered = KINDS[request.param]
    path = make(tmp_path_factory.mktemp("later"))
    with Decoder(path) as decoder:
        return path, [image.tobytes() for image in decoder], can_be_entered


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_pictures_from_any_frame_on_are_those_of_a_reading_from_the_start(video: Made, data: st.DataObject) -> None:
    path, whole, _ = video
    start = data.draw(st.integers(0, len(whole) - 1))
    count = data.draw(st.integers(1, 30))
    with Decoder(path) as decoder:
        got = list(islice(frames_from(decoder, start), count))
    assert [number for number, _ in got] == list(range(start, min(start + count, len(whole))))
    assert [image.tobytes() for _, image in got] == whole[start : start + count]


def test_the_last_frame_is_reached_and_the_length_known(video: Made) -> None:
    path, whole, _ = video
    for start in (len(whole) - 3, len(whole) + 100):
        with Decoder(path) as decoder:
            got = [image.tobytes() for _, image in frames_from(decoder, start)]
            assert (got, decoder.num_frames) == (whole[start:], len(whole))


def test_what_lies_before_is_not_decoded(video: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, can_be_entered = video
    restarts: list[Decoder] = []
    monkeypatch.setattr(Decoder, "restart", lambda self: restarts.append(self) or self._open())
    with Decoder(path) as decoder:
        key = key_frame_before(decoder, 400)
        next(frames_from(decoder, 400))
    assert (key is not None and not restarts) == can_be_entered


def test_each_clip_of_a_selection_is_drawn_on_the_pictures_of_its_time(signverse, tmp_path: Path) -> None:
    """The video shows its own clock: each picture says which of its frames it is."""
    (tmp_path / "media").mkdir()
    times = steady(30)
    encoded("one.mp4", times, **BFRAMES)(tmp_path / "media")
    cues = [(at, at + 0.3, "said") for at in (0.5, 10.9, 12, 15.4, 21.5)]
    lake = fill(tmp_path / "lake", [Video("one", FRAMES, {}, cues)])
    code, _, err = signverse(
        *("video", "--lake", lake.folder, "--captioned", "--over", tmp_path / "media"),
        *("--as", "frames", "-o", tmp_path / "out"),
    )
    assert code == 0, err
    expected = numbered_video.shown([time / 1000 for time in times], FRAMES)
    pictures = sorted((tmp_path / "out").rglob("*.png"))
    assert len(pictures) > 5 * 7
    for path in pictures:
        with Image.open(path) as image:
            assert number_of(np.asarray(image).astype(int)) == expected[int(path.stem)] % 256
