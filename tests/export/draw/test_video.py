"""`signverse video`: skeletons as a video, on black, on the video itself, beside another lake's."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from signverse.export.draw.encoders import durations_ms
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import NUM_JOINTS, joint_index
from tests.export.conftest import Video, fill
from tests.ingest.extract import numbered_video

COUNT = 30


def moving(number: int, far: float = 0) -> np.ndarray:
    """Somebody whose shoulders are to the right by four pixels a frame."""
    points = np.full((NUM_JOINTS, 3), np.nan, np.float32)
    points[:, 2] = 0
    for name, x in (("neck", 60), ("right_shoulder", 40), ("left_shoulder", 80)):
        points[joint_index(name)] = x + 4 * number + far, 120, 1
    return points


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    people = {(i, 0): moving(i) for i in range(COUNT) if i != 7}
    cues = [(0.0, 0.5, "one"), (0.5, 1.0, "two")]
    return fill(tmp_path_factory.mktemp("film") / "lake", [Video("one", COUNT, people, cues), Video("-dash", 5, {})])


@pytest.fixture
def draw(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)

    def draw(*words: object) -> str:
        code, out, err = signverse("video", *words, "--lake", lake.folder)
        assert (code, out) == (0, ""), err
        return err

    return draw


def pictures(path: str) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def middle(picture: np.ndarray) -> float:
    """Where what is drawn has its middle, in x."""
    return float(np.nonzero(picture.max(axis=-1) > 60)[1].mean())


def test_a_video_has_24_frames_a_second_exactly_and_plays_before_it_is_whole(draw) -> None:
    assert draw("one", "-o", "x.mp4") == f"{COUNT} frames, 1.25 s -> x.mp4\n"
    with av.open("x.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.frames, stream.width, stream.height) == (24, COUNT, 320, 240)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        times = [Fraction(frame.pts) * frame.time_base for frame in container.decode(stream)]
    assert times == [Fraction(number, 24) for number in range(COUNT)]
    written = Path("x.mp4").read_bytes()
    assert written.index(b"moov") < written.index(b"mdat")
    drawn = pictures("x.mp4")
    assert not (drawn[7] > 60).any(), "nobody is there"
    for number in (0, 6, 8, COUNT - 1):
        assert abs(middle(drawn[number]) - 60 - 4 * number) < 1.5


def test_odd_sizes_get_a_row_or_column_more(draw) -> None:
    draw("one", "-o", "x.mp4", "--width", "121")
    assert pictures("x.mp4")[0].shape == (92, 122, 3)


@pytest.mark.parametrize("form", ["gif", "webp"])
def test_a_moving_picture_takes_as_long_as_the_clip(draw, form: str) -> None:
    draw("one", "--end", 1, "-o", f"x.{form}", "--width", 160)
    with Image.open(f"x.{form}") as image:
        lasting = 0
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            lasting += image.info["duration"]
        assert (image.n_frames, image.size, lasting) == (24, (160, 120), 1000)
        assert image.info["loop"] == 0


@given(count=st.integers(1, 2000), unit=st.sampled_from([1, 10]))
def test_durations_add_up_to_the_exact_time(count: int, unit: int) -> None:
    durations = durations_ms(count, unit)
    assert len(durations) == count
    assert abs(sum(durations) - count * 1000 / 24) <= unit / 2
    assert max(durations) - min(durations) <= unit
    assert all(duration % unit == 0 for duration in durations)


def test_frames_are_files_named_by_their_numbers_in_the_video(draw, tmp_path: Path) -> None:
    draw("one", "--start", 0.25, "--end", 0.5, "-o", "frames/")
    assert sorted(path.name for path in Path("frames").iterdir()) == [f"{n:08d}.png" for n in range(6, 12)]
    with Image.open("frames/00000010.png") as image:
        assert abs(middle(np.asarray(image).astype(int)) - 100) < 1.5
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_segment_is_a_clip_and_its_range_is_its_own(draw, lake: Lake, signverse) -> None:
    assert draw("one-00001", "-o", "x.mp4").startswith("12 frames")
    assert abs(middle(pictures("x.mp4")[0]) - 60 - 4 * 12) < 1.5
    code, _, err = signverse("video", "one-00001", "--lake", lake.folder, "-o", "y.mp4", "--start", 1)
    assert (code, "has its own range" in err) == (1, True)


@pytest.mark.parametrize(
    ("times", "clock", "options"),
    [
        (range(0, 1300, 20), Fraction(1, 1000), {}),
        ([round(i * 1001 / 30) for i in range(40)], Fraction(1, 1000), {}),
        ([i * 3003 for i in range(40)], Fraction(1, 90000), {}),
        ([500 + 40 * i for i in range(40)], Fraction(1, 1000), {"avoid_negative_ts": "disabled"}),
        ([0, 30, 100, 110, 250, 260, 270, 600, 610, 900, 1300], Fraction(1, 1000), {}),
    ],
    ids=["50", "29.97", "29.97-ticks", "starts-late", "uneven"],
)
def test_people_stand_on_the_picture_that_was_shown_at_their_time(
    draw, tmp_path: Path, times: list[int], clock: Fraction, options: dict[str, str]
) -> None:
    """The video shows its own clock: each picture says which of its frames it is.

    At a frame's time the picture is that of ingestion's own decoding, at any rate and start.
    """
    media = numbered_video.write(tmp_path / "clock.mp4", times, clock=clock, size=(320, 240), options=options)
    with numbered_video.Decoder(media) as decoder:
        shown = [numbered_video.number_of(image) for image in decoder][6:COUNT]
    draw("one", "--over", media, "--start", 0.25, "-o", "frames/")
    for number, expected in enumerate(shown, 6):
        with Image.open(f"frames/{number:08d}.png") as image:
            drawn = np.asarray(image).astype(int)
        assert numbered_video.number_of(drawn) == expected
        # Below the clock all is grey but the people.
        coloured = np.nonzero(np.ptp(drawn, axis=-1) > 12)[1]
        if number != 7:
            assert abs(coloured.mean() - 60 - 4 * number) < 4


def test_a_video_is_found_in_a_folder_by_its_id(draw, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    times = [round(i * 1000 / 24) for i in range(COUNT)]
    numbered_video.write(tmp_path / "media" / "one.mp4", times, size=(640, 480))
    draw("one", "--over", "media", "-o", "x.mp4")
    drawn = pictures("x.mp4")
    assert (len(drawn), drawn[0].shape) == (COUNT, (480, 640, 3))
    assert numbered_video.number_of(drawn[20]) == 20


def test_another_lake_is_drawn_to_the_right(draw, make_lake, video) -> None:
    other = make_lake(video("one", COUNT, {(i, 0): moving(i, 100) for i in range(COUNT)}), name="other")
    draw("one", "--side-by-side", other.folder, "-o", "x.mp4")
    first = pictures("x.mp4")[0]
    assert first.shape == (240, 640, 3)
    assert abs(middle(first[:, :320]) - 60) < 1.5
    assert abs(middle(first[:, 320:]) - 160) < 1.5


def test_captions_stand_in_the_picture_while_they_last(draw) -> None:
    draw("one", "--captions", "-o", "with.mp4")
    draw("one", "-o", "without.mp4")
    said = [(a[190:] > 150).any() for a in pictures("with.mp4")]
    assert said == [True] * 24 + [False] * (COUNT - 24)
    assert not any((a[190:] > 150).any() for a in pictures("without.mp4"))


def test_red_and_blue_change_places_on_request_and_the_video_below_keeps_its_own(draw, tmp_path: Path) -> None:
    media = numbered_video.write(tmp_path / "m.mp4", [round(i * 1000 / 24) for i in range(COUNT)], size=(320, 240))
    plain, swapped = [], []
    for words, kept in (((), plain), (("--swap-channels",), swapped)):
        for over in ((), ("--over", media)):
            folder = f"{len(words)}{len(over)}/"
            draw("one", "--style", "openpose", *over, *words, "--end", 0.05, "-o", folder)
            with Image.open(f"{folder}00000000.png") as image:
                kept.append(np.asarray(image).astype(int))
    np.testing.assert_array_equal(plain[0], swapped[0][..., ::-1])
    np.testing.assert_array_equal(plain[1][:100], swapped[1][:100])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none", "-o", "x.mp4"], "none"),
        (["one-00009", "-o", "x.mp4"], "no segment"),
        (["one", "-o", "x.avi"], "End the name in .mp4, .gif or .webp"),
        (["one", "-o", "missing/x.mp4"], "there is no folder"),
        (["one", "-o", "full/"], "holds something"),
        (["one", "-o", "x.mp4", "--start", 9], "no frame"),
        (["one", "-o", "x.mp4", "--person", 3], "no person 3"),
        (["one", "-o", "x.mp4", "--background", "blurple"], "not a colour"),
        (["one", "-o", "x.mp4", "--over", "full/note.txt"], "note.txt"),
        (["one", "-o", "x.mp4", "--over", "gone.mp4"], "no such file"),
        (["one", "-o", "x.mp4", "--over", "full"], "no video named 'one'"),
        (["one", "-o", "x.mp4", "--over", "short.mp4"], "ends after 5 frames"),
        (["one", "-o", "frames/", "--over", "short.mp4"], "ends after 5 frames"),
        (["one", "-o", "x.mp4", "--over", "square.mp4"], "another video"),
        (["one", "-o", "x.mp4", "--side-by-side", "full"], "full"),
        (["one", "-o", "x.mp4", "--captions", "--font", "full/note.txt"], "not a font"),
    ],
    ids=lambda value: "-".join(map(str, value))[-24:].replace("/", "") if isinstance(value, list) else "",
)
def test_what_cannot_be_drawn_is_said_in_one_line_and_leaves_nothing(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse, words: list[object], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("a note")
    for name, count, size in (("short", 5, (320, 240)), ("square", COUNT, (240, 240))):
        if f"{name}.mp4" in words:
            numbered_video.write(tmp_path / f"{name}.mp4", [round(i * 1000 / 24) for i in range(count)], size=size)
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, err = signverse("video", *words, "--lake", lake.folder)
    assert code in {1, 2}
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_video_that_ends_a_little_early_keeps_its_last_picture_and_says_so(draw, tmp_path: Path) -> None:
    media = numbered_video.write(tmp_path / "m.mp4", [round(i * 1000 / 24) for i in range(COUNT - 3)], size=(320, 240))
    assert "ends 3 frames early: its last picture stays" in draw("one", "--over", media, "-o", "x.mp4")
    assert numbered_video.number_of(pictures("x.mp4")[-1]) == COUNT - 4


def test_a_video_that_is_much_longer_is_drawn_on_with_a_question(draw, tmp_path: Path) -> None:
    media = numbered_video.write(tmp_path / "m.mp4", [round(i * 1000 / 24) for i in range(90)], size=(320, 240))
    assert "lasts 3.7 s, and 'one' 1.2 s: is it another video?" in draw("one", "--over", media, "-o", "x.mp4")


def test_a_turned_video_is_drawn_on_as_it_is_shown(draw, tmp_path: Path) -> None:
    times = [round(i * 1000 / 24) for i in range(COUNT)]
    media = numbered_video.write(tmp_path / "m.mp4", times, size=(240, 320), rotation=90)
    draw("one", "--over", media, "-o", "x.mp4")
    assert pictures("x.mp4")[0].shape == (240, 320, 3)


def test_a_video_without_captions_is_drawn_without_and_it_is_said(draw) -> None:
    assert "'-dash' has no captions" in draw("-dash", "--captions", "-o", "x.mp4")


def test_a_missing_encoder_is_said_with_what_works(draw, lake: Lake, monkeypatch, signverse, tmp_path: Path) -> None:
    from signverse.export.draw import encoders

    monkeypatch.setattr(encoders, "_CODEC", "h264_of_nobody")
    code, _, err = signverse("video", "one", "--lake", lake.folder, "-o", "x.mp4")
    assert (code, err.count("\n")) == (1, 1)
    assert "has no encoder h264_of_nobody" in err
    assert list(tmp_path.glob("*x*")) == []


def test_a_gif_of_an_hour_is_refused_before_anything_is_drawn(draw, lake: Lake, make_lake, video, signverse) -> None:
    long = make_lake(video("long", 24 * 90, {(0, 0): moving(0)}), name="long")
    code, _, err = signverse("video", "long", "--lake", long.folder, "-o", "x.gif")
    assert (code, err.count("\n")) == (1, 1)
    assert "too many for .gif" in err
