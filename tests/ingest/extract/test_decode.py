"""Videos become 24 frames a second, whatever they were."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.lake.media.decode import Decoder
from signverse.lake.model.errors import BadInputError
from tests.ingest.extract.numbered_video import frames_of_ffmpeg, number_of, picture, seen, shown, steady, write


def test_a_video_at_24_gives_each_of_its_frames_once(tmp_path: Path) -> None:
    assert seen(write(tmp_path / "v.mp4", range(40), clock=Fraction(1, 24))) == list(range(40))


@pytest.mark.parametrize("rate", [5, 12, 25, 30, 50, 60])
def test_other_rates_show_the_frame_of_the_moment(tmp_path: Path, rate: int) -> None:
    found = seen(write(tmp_path / "v.mkv", steady(2 * rate, rate), rate=rate))
    assert len(found) == 48
    assert found == shown([time / 1000 for time in steady(2 * rate, rate)], 48)


def test_a_frame_of_5_a_second_is_shown_to_its_end(tmp_path: Path) -> None:
    found = seen(write(tmp_path / "v.mp4", range(10), clock=Fraction(1, 5), rate=5))
    assert len(found) == 48
    assert found[-4:] == [9] * 4


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.integers(5, 400), min_size=1, max_size=25))
def test_a_variable_rate_shows_the_frame_of_the_moment(tmp_path: Path, gaps: list[int]) -> None:
    times = np.cumsum([0, *gaps]).tolist()
    found = seen(write(tmp_path / "v.mkv", times, codec="ffv1"))
    assert found == shown([time / 1000 for time in times], len(found))
    assert found[-1] == len(times) - 1 or round(times[-1] * 24 / 1000) >= len(found)


def test_frames_count_from_the_start_of_the_sound(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", [500 + time for time in steady(24, 24)], sound=2)
    found = seen(path)
    # Half a second of the first frame, so that captions keep their places.
    assert found[:12] == [0] * 12
    assert found[12:] == list(range(24))


def test_a_clock_that_starts_late_counts_from_its_start(tmp_path: Path) -> None:
    path = write(tmp_path / "v.ts", [7000 + time for time in steady(24, 24)])
    assert seen(path) == list(range(24))


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    with Decoder(write(tmp_path / "v.mp4", [0], clock=Fraction(1, 24))) as video:
        assert [number_of(image) for image in video] == [0]
        assert (video.num_frames, video.damaged_frames, video.remark) == (1, 0, "")


@pytest.mark.parametrize(("counterclockwise", "turns"), [(90, 1), (180, 2), (-90, 3), (270, 3)])
def test_a_video_filmed_on_its_side_comes_upright(tmp_path: Path, counterclockwise: int, turns: int) -> None:
    lying = write(tmp_path / "lying.mp4", range(3), clock=Fraction(1, 24))
    turned = write(tmp_path / "turned.mp4", range(3), clock=Fraction(1, 24), rotation=counterclockwise)
    with Decoder(lying) as one, Decoder(turned) as other:
        for flat, upright in zip(one, other, strict=True):
            assert np.abs(np.rot90(flat, turns).astype(int) - upright).max() <= 2
        assert (other.facts.height, other.facts.width) == upright.shape[:2]
        assert other.facts.rotation == -counterclockwise % 360


def test_the_facts_are_those_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", range(60), clock=Fraction(1, 30), rate=30)
    with Decoder(path) as video:
        facts = video.facts
    assert (facts.width, facts.height, facts.codec, facts.rotation) == (128, 64, "h264", 0)
    assert facts.source_fps == pytest.approx(30)
    assert facts.duration_s == pytest.approx(2)


def test_a_download_that_broke_off_says_where_it_ends(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.webm", steady(144, 24), codec="libvpx-vp9", options={"cluster_time_limit": "500"})
    cut = tmp_path / "cut.webm"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with Decoder(cut) as video:
        count = sum(1 for _ in video)
    assert 10 < count < 140
    assert video.num_frames == count
    assert video.num_frames + video.damaged_frames == pytest.approx(144, abs=2)
    assert video.remark == f"ends at {count / 24:.1f} s of 6.0 s"


def test_a_whole_video_has_no_damage(tmp_path: Path) -> None:
    with Decoder(write(tmp_path / "v.webm", steady(50, 25), codec="libvpx-vp9", rate=25)) as video:
        assert sum(1 for _ in video) == 48
    assert (video.damaged_frames, video.remark, video.repairs) == (0, "", [])


def test_damage_in_the_middle_is_counted_and_passed_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "v.mp4", range(96), clock=Fraction(1, 24))
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pos is not None and packet.size]
    content = bytearray(path.read_bytes())
    for packet in packets[40:50]:
        content[packet.pos : packet.pos + packet.size] = np.random.default_rng(1).bytes(packet.size)
    path.write_bytes(content)
    runs = []
    for _ in range(2):
        with Decoder(path) as video:
            images = [number_of(image) for image in video]
        runs.append((images, video.damaged_frames))
    images, damaged = runs[0]
    assert damaged > 0
    assert len(images) == 96
    assert images[:12] == list(range(12))
    assert images[-5:] == list(range(91, 96))
    assert runs[0] == runs[1]
    assert capfd.readouterr() == ("", "")


def test_a_size_that_changes_is_scaled_to_the_first_and_said(tmp_path: Path) -> None:
    one = write(tmp_path / "one.ts", steady(24, 24))
    two = write(tmp_path / "two.ts", steady(24, 24), size=(256, 128), first=24)
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    with Decoder(both) as video:
        images = list(video)
    assert {image.shape for image in images} == {(64, 128, 3)}
    assert len(images) == 48
    assert any(repair == "256x128 scaled to 128x64 from 1.0 s" for repair in video.repairs)


def test_recordings_glued_together_follow_each_other(tmp_path: Path) -> None:
    one = write(tmp_path / "one.ts", steady(24, 24))
    two = write(tmp_path / "two.ts", steady(24, 24), first=24)
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    with Decoder(both) as video:
        images = [number_of(image) for image in video]
    assert images == list(range(48))
    assert video.repairs == ["timestamps restart at 1.0 s: joined"]


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("hevc.mkv", "libx265", 24),
        ("hevc50.mkv", "libx265", 50),
        ("av1.mkv", "libsvtav1", 24),
        ("av1.webm", "libsvtav1", 30),
        ("vp9.webm", "libvpx-vp9", 60),
        ("old.avi", "mpeg4", 30),
        ("lossless.mkv", "ffv1", 5),
        ("fast.mp4", "libx264", 60),
        ("slow.mp4", "libx264", 5),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 31])
def test_any_codec_and_rate_gives_as_many_frames_as_ffmpeg(
    tmp_path: Path, name: str, codec: str, rate: int, count: int
) -> None:
    clock = Fraction(1, rate)
    path = write(tmp_path / name, range(count), clock=clock, rate=rate, codec=codec)
    with Decoder(path) as video:
        found = len(list(video))
    assert found == frames_of_ffmpeg(path)
    assert (video.damaged_frames, video.repairs) == (0, [])


def odd(name: str, folder: Path) -> Path:
    path = folder / f"{name}.mkv"
    if name == "variable":
        return write(path, [0, 33, 400, 410, 420, 1300, 1333, 2000])
    if name == "turned":
        return write(folder / "v.mp4", range(31), clock=Fraction(1, 30), rate=30, rotation=90)
    if name == "late":
        return write(path, [7000 + time for time in steady(30, 30)], rate=30)
    if name == "sound first":
        return write(path, [500 + time for time in steady(24, 24)], sound=2)
    whole = write(path, steady(96, 24), codec="mpeg4", options={"cluster_time_limit": "500"}).read_bytes()
    if name == "cut":
        path.write_bytes(whole[: len(whole) * 2 // 3])
    elif name == "rotten":
        noise = np.random.default_rng(1).bytes(len(whole) // 8)
        path.write_bytes(whole[: len(whole) // 2] + noise + whole[len(whole) // 2 + len(noise) :])
    return path


@pytest.mark.parametrize("name", ["variable", "turned", "late", "sound first", "cut", "rotten"])
def test_an_odd_video_gives_as_many_frames_as_ffmpeg(tmp_path: Path, name: str) -> None:
    path = odd(name, tmp_path)
    with Decoder(path) as video:
        found = len(list(video))
    assert found == frames_of_ffmpeg(path)
    assert (video.damaged_frames > 0) == (name in {"cut", "rotten"})


def write_nothing(path: Path, *, picture: bool) -> Path:
    """A file of sound alone, or of a video stream in which there is no frame."""
    with av.open(str(path), "w") as container:
        if picture:
            stream = container.add_stream("mpeg4", rate=24)
            stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        audio = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.rate, silence.pts = 8000, 0
        container.mux([*audio.encode(silence), *audio.encode(None)])
    return path


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
@pytest.mark.parametrize("picture", [False, True], ids=["sound alone", "no frames"])
def test_a_file_in_which_nothing_is_to_be_seen_is_refused(tmp_path: Path, name: str, picture: bool) -> None:
    with pytest.raises(BadInputError, match=name):
        Decoder(write_nothing(tmp_path / name, picture=picture))


def test_an_animated_gif_is_a_video(tmp_path: Path) -> None:
    path = tmp_path / "v.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "rgb8"
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24").reformat(format="rgb8")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = seen(path)
    assert sorted(set(found)) == list(range(12))
    assert len(found) == frames_of_ffmpeg(path)


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", range(24), clock=Fraction(1, 24))
    bad = {
        "empty.mp4": b"",
        "words.mp4": b"these are words\n" * 99,
        "words.txt": b"these are words\n" * 99,
        "no_index.mp4": whole.read_bytes()[: whole.stat().st_size // 2],
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        silence.rate, silence.pts = 8000, 0
        container.mux(stream.encode(silence))
    with av.open(str(tmp_path / "picture.png"), "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(1), format="rgb24")))
    (tmp_path / "folder.mp4").mkdir()
    for name in (*bad, "sound.wav", "picture.png", "folder.mp4", "absent.mp4"):
        with pytest.raises(BadInputError) as refusal:
            Decoder(tmp_path / name)
        assert name in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_name_that_looks_like_a_protocol_is_a_name(tmp_path: Path) -> None:
    assert len(seen(write(tmp_path / "v.mp4", range(5), clock=Fraction(1, 24)).rename(tmp_path / "a:b%03d.mp4"))) == 5


REAL = [
    "bsl_360p25.mp4",
    "football_360p2997.mp4",
    "house_240p25.mp4",
    "libras_1080p30_vp9.webm",
    "sentence_720p30.mp4",
    "signer_720p24.mp4",
    "word_192p30.mp4",
    pytest.param("no_person_122s.mp4", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("name", REAL)
def test_real_videos_give_the_frames_that_ffmpeg_gives(data: Path, name: str) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("the ffmpeg program is not installed: nothing to compare with")
    command = [program, "-v", "quiet", "-i", str(data / "videos" / name), "-vf", "fps=24"]
    with (
        Decoder(data / "videos" / name) as video,
        subprocess.Popen([*command, "-f", "rawvideo", "-pix_fmt", "bgr24", "-"], stdout=subprocess.PIPE) as other,
    ):
        assert other.stdout is not None
        for image in video:
            assert other.stdout.read(image.size) == image.tobytes(), f"frame {video.num_frames - 1} differs"
        assert other.stdout.read() == b""
    assert (video.damaged_frames, video.remark, video.repairs) == (0, "", [])
