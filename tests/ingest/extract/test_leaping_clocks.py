"""Clocks that leap: the frames of a video take the time of its pictures, and what was joined or dropped is said.

The property of formats whose clock may restart: whatever the timestamps, there are as many frames as the pictures last,
give or take one for each leap; `repairs` names each leap and each dropped frame.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from signverse.ingest.extract.probe import probe
from signverse.lake.media.decode import Decoder
from tests.ingest.extract.damaged_clocks import TICKS, TURN, shift_cluster, shift_flv, shift_ts
from tests.ingest.extract.numbered_video import number_of, seen, steady, write

FIELD = Path(__file__).parent / "field"
HOUR = 3600.0


def decoded(path: Path) -> tuple[list[int], Decoder]:
    """The numbers that the frames show, and the decoder after them."""
    with Decoder(path) as video:
        images = []
        for image in video:
            images.append(number_of(image))
            assert len(images) < 10_000, f"{path.name}: frozen copies of a picture"
    return images, video


def glued(path: Path, first: int, second: int, *, codec: str = "libx264") -> Path:
    """Two recordings of 24 pictures each in one file, whose clocks start at the given seconds."""
    parts = []
    for number, start in enumerate((first, second)):
        part = path.with_name(f"{number}-{path.name}")
        times = range(start * 24, (start + 1) * 24)
        parts.append(write(part, times, clock=Fraction(1, 24), codec=codec, first=24 * number).read_bytes())
    path.write_bytes(b"".join(parts))
    return path


def test_a_recording_whose_second_half_is_39_s_ahead_has_48_frames() -> None:
    with Decoder(FIELD / "ts_jump40.ts") as video:
        assert len(list(video)) == 48
    assert video.repairs == ["timestamps leap ahead by 39.0 s at 1.0 s: joined"]
    assert [round(join.file_s - join.video_s) for join in video.joins] == [0, 39]


@pytest.mark.parametrize("second", [11, 50, 7200, 40_000], ids="{} s".format)
@pytest.mark.parametrize(("name", "codec"), [("v.ts", "libx264"), ("v.m2ts", "libx264"), ("v.mpg", "mpeg2video")])
def test_a_second_clock_ahead_is_joined(tmp_path: Path, name: str, codec: str, second: int) -> None:
    frames, video = decoded(glued(tmp_path / name, 0, second + 1, codec=codec))
    assert sorted(set(frames)) == list(range(48))
    assert len(frames) == pytest.approx(48, abs=1)
    assert len(video.repairs) == 1
    assert video.repairs[0].startswith("timestamps leap ahead by ")


@pytest.mark.parametrize("back", [0, 1, 59, 61, 7200, 80_000], ids="{} s".format)
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.ts", "libx264"),
        ("v.mpg", "mpeg2video"),
        ("v.mkv", "libx264"),
        ("v.webm", "libvpx"),
    ],
)
def test_a_second_clock_that_is_earlier_is_joined(tmp_path: Path, name: str, codec: str, back: int) -> None:
    """libavformat takes a clock earlier by more than a minute for a wrap of 33 bits and adds 26.5 hours."""
    frames, video = decoded(glued(tmp_path / name, 80_000, 80_000 - back, codec=codec))
    assert frames == list(range(48))
    # 80,000 s back are nearer to one turn of the 33 bits ahead; both are a leap.
    assert len(video.repairs) == 1
    assert video.repairs[0].startswith("timestamps ")
    assert video.repairs[0].endswith(" at 1.0 s: joined")


def test_a_clock_that_comes_to_the_end_of_its_bits_has_not_leapt(tmp_path: Path) -> None:
    path = shift_ts(write(tmp_path / "v.ts", steady(48, 24)), range(48), TURN / TICKS - 2)
    frames, video = decoded(path)
    assert frames == list(range(48))
    assert video.repairs == []


@pytest.mark.parametrize("number", [1, 2, 70, 143])
@pytest.mark.parametrize("seconds", [50.0, -50.0, 5000.0, -5000.0, 9.0, 1.0])
def test_one_frame_that_is_stamped_wrongly_is_dropped(tmp_path: Path, number: int, seconds: float) -> None:
    path = shift_ts(write(tmp_path / "v.ts", steady(144, 24)), {number}, seconds)
    frames, video = decoded(path)
    assert len(frames) == 144
    assert video.damaged_frames == 1
    if number < 143 or seconds < 0:
        assert len(set(frames)) == 143
        where = f"{abs(seconds):,.1f} s {'ahead' if seconds > 0 else 'back'}: dropped"
        assert [repair.endswith(where) for repair in video.repairs] == [True]


def test_many_such_frames_are_counted_and_a_few_are_named(tmp_path: Path) -> None:
    path = shift_ts(write(tmp_path / "v.ts", steady(144, 24)), range(5, 140, 3), 50)
    frames, video = decoded(path)
    assert len(frames) == 144
    assert video.damaged_frames > 20
    assert len(video.repairs) == 6
    assert video.repairs[-1].endswith(" more such places")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    leaps=st.lists(
        st.tuples(st.integers(0, 70), st.floats(11, 90_000) | st.floats(-90_000, -11)), min_size=1, max_size=4
    )
)
def test_frames_are_as_many_as_pictures_whatever_the_clock(tmp_path: Path, leaps: list[tuple[int, float]]) -> None:
    offsets = {sum(seconds for start, seconds in leaps if start <= frame) for frame in range(72)}
    # Leaps that cancel each other but for a second are a gap of a second, which is filled.
    assume(all(one == other or abs(one - other) > 10 for one in offsets for other in offsets))
    path = write(tmp_path / "v.ts", steady(72, 24))
    for start, seconds in leaps:
        shift_ts(path, range(start, 72), seconds)
    frames, video = decoded(path)
    assert len(frames) == pytest.approx(72, abs=2 * len(leaps))
    assert len(set(frames)) >= 72 - 2 * len(leaps)
    assert (frames == list(range(72))) or video.repairs


@pytest.mark.parametrize("seconds", [50.0, HOUR])
def test_flv_tags_that_leap_are_joined_and_one_alone_is_dropped(tmp_path: Path, seconds: float) -> None:
    options = {"flvflags": "no_duration_filesize"}
    frames, video = decoded(
        shift_flv(write(tmp_path / "v.flv", steady(72, 24), options=options), range(40, 99), seconds)
    )
    assert frames == list(range(72))
    assert len(video.repairs) == 1
    path = write(tmp_path / "w.flv", steady(72, 24), options=options)
    frames, video = decoded(shift_flv(path, {40}, seconds))
    assert len(frames) == 72
    assert len(video.repairs) == 1
    assert video.repairs[0].endswith(f"is stamped {seconds:,.1f} s ahead: dropped")


@pytest.mark.parametrize("cluster", [1, 2, -1])
@pytest.mark.parametrize("seconds", [61.0, 3 * HOUR])
@pytest.mark.parametrize(("name", "codec"), [("v.webm", "libvpx"), ("v.mkv", "libx264")])
def test_a_live_recording_with_one_cluster_hours_ahead(
    tmp_path: Path, name: str, codec: str, seconds: float, cluster: int
) -> None:
    """Where no length is claimed, a leap of over a minute is damage; its pictures are kept."""
    options = {"live": "1", "cluster_time_limit": "1000"}
    path = write(tmp_path / name, steady(96, 24), codec=codec, options=options)
    frames, video = decoded(shift_cluster(path, cluster, seconds))
    assert len(frames) == pytest.approx(96, abs=1)
    assert set(frames) == set(range(96))
    assert video.damaged_frames > 0
    assert video.repairs


def test_a_gap_within_the_claimed_length_is_shown(tmp_path: Path) -> None:
    """A picture that is shown for two minutes in a format whose clock does not restart is as ffmpeg gives it."""
    frames, video = decoded(write(tmp_path / "v.mkv", [0, 500, 120_000, 120_500]))
    assert len(frames) == pytest.approx(120.5 * 24, abs=2)
    assert (video.repairs, video.damaged_frames) == ([], 0)


@pytest.mark.parametrize("seconds", [15, 40, 3 * HOUR])
def test_a_leap_past_the_claimed_end_is_no_gap(tmp_path: Path, seconds: float) -> None:
    """Where a length is claimed, pictures over ten seconds behind its end are joined to those before."""
    path = write(tmp_path / "v.mkv", steady(96, 24), options={"cluster_time_limit": "1000"})
    frames, video = decoded(shift_cluster(path, 2, seconds))
    assert len(frames) == pytest.approx(96, abs=1)
    assert set(frames) == set(range(96))
    assert video.repairs


def test_pictures_that_go_on_past_the_claimed_end_have_not_leapt(tmp_path: Path) -> None:
    """A claim that is too short changes nothing: the clock runs on."""
    path = write(tmp_path / "v.flv", range(0, 72 * 500, 500))
    content, key = path.read_bytes(), b"\0\x08duration\0"
    at = content.index(key) + len(key)
    path.write_bytes(content[:at] + struct.pack(">d", 1.0) + content[at + 8 :])
    frames, video = decoded(path)
    assert set(frames) == set(range(72))
    assert len(frames) == pytest.approx(36 * 24, abs=12)
    assert (video.repairs, video.joins, video.damaged_frames) == ([], [], 0)


def test_a_fragmented_recording_that_follows_another_is_said(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    path = write(tmp_path / "v.mp4", steady(48, 24), options=options)
    assert decoded(path)[1].repairs == []
    path.write_bytes(path.read_bytes() * 2)
    assert decoded(path)[1].repairs[-1] == "another recording follows in the file: FFmpeg may read it in part only"
    assert probe(path).remarks[-1] == decoded(path)[1].repairs[-1]


def test_a_gap_of_seconds_in_a_transport_stream_is_shown(tmp_path: Path) -> None:
    assert len(seen(write(tmp_path / "v.ts", [0, 40, 9_000, 9_040]))) == pytest.approx(9 * 24, abs=3)


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.flv"])
def test_a_recording_that_follows_unread_is_said(tmp_path: Path, name: str) -> None:
    frames, video = decoded(glued(tmp_path / name, 0, 0))
    assert frames == list(range(24))
    assert video.repairs == ["another recording follows in the file: it is not read"]
    assert probe(tmp_path / name).remarks == tuple(video.repairs)


def test_a_second_recording_with_streams_of_other_numbers_is_said(tmp_path: Path) -> None:
    one = write(tmp_path / "one.ts", steady(24, 24))
    two = write(
        tmp_path / "two.ts", steady(24, 24), options={"mpegts_start_pid": "512", "mpegts_pmt_start_pid": "4352"}
    )
    path = tmp_path / "v.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    frames, video = decoded(path)
    assert frames == list(range(24))
    assert video.repairs == ["the file continues with other streams: they are not read"]
    assert probe(path).remarks == ("the file continues with other streams: they are not read",)


def test_a_frame_a_hundred_million_seconds_ahead_makes_no_work(tmp_path: Path) -> None:
    """The length that the file claims is no more to be believed than its timestamps."""
    path = write(tmp_path / "v.mkv", [0, 1000, 10**11])
    frames, video = decoded(path)
    assert len(frames) < 100
    assert video.repairs
