"""Whatever is named as a video, a font, a .pose file or an output: a line, an exit code, nothing half-written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signverse.export.draw.pose_scene import COMPONENTS
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import PARTS
from tests.export.conftest import Video, fill, somebody
from tests.ingest.extract import numbered_video
from tests.ingest.extract.hostile_videos import blank, endless_index, gif, repeated

FRAMES = 300
TIMES = [round(i * 1000 / 24) for i in range(FRAMES)]
CAPTION = "ሰላም 你好 \x1b[31m " + "long" * 50_000


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    people = {(i, 0): somebody(0, 0.9) for i in range(6)}
    return fill(
        tmp_path_factory.mktemp("hostile") / "lake",
        [
            Video("one", FRAMES, people, [(0, 0.25, CAPTION), (11.0, 11.2, "late")]),
            Video("-é b%d{}$(x)[1]", 6, people, [(0, 0.25, "odd")]),
            Video("long", 24 * 90, people),
        ],
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_video.write(tmp_path_factory.mktemp("whole") / "m.mp4", TIMES, size=(320, 240))


def changed(data: bytes, kind: bytes, place: int, new: bytes) -> bytes:
    at = data.index(kind) + 4 + place
    return data[:at] + new + data[at + len(new) :]


def stepping(data: bytes, ticks: int) -> bytes:
    """An mp4 all of whose pictures are so many ticks after the one before."""
    at = data.index(b"stts") + 8
    for entry in range(int.from_bytes(data[at : at + 4])):
        place = at + 8 + 8 * entry
        data = data[:place] + ticks.to_bytes(4) + data[place + 4 :]
    return data


def zeros(data: bytes) -> bytes:
    index = data.index(b"moov") - 4
    return data[:64] + bytes(index - 64) + data[index:]


def sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts = 8000, 0
        container.mux([*stream.encode(frame), *stream.encode(None)])


def growing(path: Path) -> None:
    """Pictures that are of another size from the middle on: two MJPEG recordings, one after the other."""
    parts = []
    for width, height in ((320, 240), (160, 120)):
        made = blank(path.with_suffix(".avi"), "mjpeg", width, height, frames=FRAMES // 2)
        with av.open(str(made)) as container:
            parts += [bytes(packet) for packet in container.demux(video=0) if packet.size]
        made.unlink()
    path.write_bytes(b"".join(parts))


def listed(folder: Path = Path()) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


Make = Callable[[Path, Path], object]
"""Makes a file at a path; takes a whole video too."""


def of(change: Callable[[bytes], bytes]) -> Make:
    return lambda path, whole: path.write_bytes(change(whole.read_bytes()))


MEDIA: dict[str, Make] = {
    "nothing": lambda path, whole: path.touch(),
    "text": lambda path, whole: path.write_text("a note\n" * 1000),
    "an archive": lambda path, whole: path.write_bytes(b"PK\x03\x04" + bytes(5000)),
    "noise": lambda path, whole: path.write_bytes(np.random.default_rng(0).bytes(50_000)),
    "sound alone": lambda path, whole: sound(path),
    "cut before its index": of(lambda data: data[: len(data) // 2]),
    "its index alone": of(lambda data: data[data.index(b"moov") - 4 :]),
    "pictures that are zeros": of(zeros),
    "a clock that stands": of(lambda data: stepping(data, 0)),
    "a clock of centuries": of(lambda data: stepping(data, 0x7FFF_FFFF)),
    "no ticks in a second": of(lambda data: changed(data, b"mdhd", 12, bytes(4))),
    "a length of centuries": of(lambda data: changed(data, b"mdhd", 16, b"\x7f\xff\xff\xff")),
    "encrypted": of(lambda data: data.replace(b"avc1", b"encv")),
    "a picture of a pixel": lambda path, whole: gif(path, 1, 1),
    "pictures of 20,000 x 20,000": lambda path, whole: gif(path, 20_000, 20_000),
    "pictures of 8,000 x 4,000": lambda path, whole: gif(path, 8_000, 4_000),
    "pictures of a pixel's height": lambda path, whole: gif(path, 8_000, 1),
    "turned": lambda path, whole: numbered_video.write(path, TIMES, size=(320, 240), rotation=90),
    "an index of a billion": lambda path, whole: endless_index(path, whole, 1 << 30),
    "a second of it 20,000 times": lambda path, whole: repeated(path, whole, 20_000),
    "another size from the middle on": lambda path, whole: growing(path),
    "a playlist": lambda path, whole: path.write_text("#EXTM3U\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
    "a folder": lambda path, whole: path.mkdir(),
    "a pipe": lambda path, whole: os.mkfifo(path),
    "a device without an end": lambda path, whole: path.symlink_to("/dev/zero"),
    "missing": lambda path, whole: None,
}  # fmt: skip

DRAWN = {
    "a length of centuries",
    "no ticks in a second",
    "a second of it 20,000 times",
    "another size from the middle on",
}
"""Those that hold pictures enough, whatever else is wrong with them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", MEDIA)
def test_what_is_drawn_on_may_be_anything(
    signverse, lake: Lake, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Read from its start and entered in the middle: one line and exit code 1, or a whole video; nothing else."""
    monkeypatch.chdir(tmp_path)
    MEDIA[name](Path("m.mp4"), whole)
    for words in (["--end", 0.2], ["--start", 11, "--end", 11.2]):
        before = listed()
        code, out, err = signverse("video", "one", "--lake", lake.folder, "--over", "m.mp4", *words, "-o", "x.mp4")
        assert out == ""
        assert "Traceback" not in err and "unexpected" not in err
        if name in DRAWN:
            assert code == 0, err
            with av.open("x.mp4") as container:
                assert container.streams.video[0].frames == 5
            Path("x.mp4").unlink()
        elif code:
            assert (code, err.count("\n")) == (1, 1)
            assert "m.mp4" in err
        else:
            Path("x.mp4").unlink()
        assert listed() == before


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_video_with_changed_bytes_is_drawn_on_or_refused_in_a_line(
    signverse, lake: Lake, whole: Path, tmp_path: Path, data: st.DataObject
) -> None:
    changed = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + 8] = data.draw(st.binary(min_size=1, max_size=8))
    path, made = tmp_path / "m.mp4", tmp_path / "x.mp4"
    path.write_bytes(changed)
    words = ("--over", path, "--start", 11, "--end", 11.1, "-o", made)
    code, out, err = signverse("video", "one", "--lake", lake.folder, *words)
    assert (code in {0, 1}, out) == (True, "")
    assert err.count("\n") <= (3 if code == 0 else 1) and "unexpected" not in err
    assert made.exists() == (code == 0)
    made.unlink(missing_ok=True)
    assert listed(tmp_path) == ["m.mp4"]


FONTS: dict[str, Make] = {
    "nothing": lambda path, whole: path.touch(),
    "text": lambda path, whole: path.write_text("a note"),
    "a video": lambda path, whole: path.write_bytes(whole.read_bytes()),
    "the beginning of one": lambda path, whole: path.write_bytes(a_font().read_bytes()[:3000]),
    "a folder": lambda path, whole: path.mkdir(),
    "a pipe": lambda path, whole: os.mkfifo(path),
    "a device without an end": lambda path, whole: path.symlink_to("/dev/zero"),
    "missing": lambda path, whole: None,
}


def a_font(name: str = "DejaVuSansMono") -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")


@pytest.mark.parametrize("name", FONTS)
def test_a_font_may_be_anything(
    signverse, lake: Lake, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    FONTS[name](Path("f.ttf"), whole)
    before = listed()
    code, out, err = signverse(
        *("video", "one", "--lake", lake.folder, "--end", 0.2, "--captions", "--font", "f.ttf", "-o", "x.mp4")
    )
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "f.ttf" in err
    assert listed() == before


@pytest.mark.parametrize("font", ["DejaVuSansMono", "cmsy10"])
def test_a_font_without_the_letters_of_the_captions_is_told_once(signverse, lake: Lake, tmp_path: Path, font) -> None:
    """By script, not letter by letter: captions of a whole corpus say it in the same words."""
    words = ("--end", 0.2, "--captions", "--font", a_font(font), "-o", tmp_path / "x.mp4")
    code, _, err = signverse("video", "one", "--lake", lake.folder, *words)
    assert code == 0
    assert err.count("lacks letters of the captions") == 1
    assert "CJK" in err and "ETHIOPIC" in err and "\x1b" not in err


def test_a_font_for_no_captions_is_a_mistake(signverse, lake: Lake, tmp_path: Path) -> None:
    code, _, err = signverse("video", "one", "--lake", lake.folder, "--font", "x.ttf", "-o", tmp_path / "x.mp4")
    assert (code, err.count("\n"), "--captions" in err) == (2, 1, True)


OUTPUTS = {
    "": "names nothing",
    "-": "unknown video format",
    "x": "unknown video format",
    "x.": "unknown video format",
    ".mp4": "unknown video format",
    "x.mp4.": "unknown video format",
    ".": "holds something",
    "..": "holds something",
    "full": "holds something",
    "note.txt/x.mp4": "no folder",
    "note.txt/": "holds something",
    "gone/x.mp4": "no folder",
    "gone/frames/": "no folder",
    "/proc/x.mp4": "cannot be written",
    "/proc/frames/": "cannot be written",
    "m.mp4": "what is drawn on",
    "./full/../m.mp4": "what is drawn on",
    "linked.mp4": "what is drawn on",
    "hard.mp4": "what is drawn on",
    "LAKE/x.mp4": "lies in the lake",
    "LAKE/videos/frames/": "lies in the lake",
    "x" * 300 + ".mp4": "too long",
}


@pytest.mark.parametrize("name", OUTPUTS, ids=lambda name: name[:20].replace("/", "|") or "empty")
def test_a_place_to_write_may_be_anything(
    signverse, lake: Lake, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What is there stays as it is: files drawn on, folders that hold something, lakes."""
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full", "note").touch()
    Path("note.txt").write_text("a note")
    Path("m.mp4").write_bytes(whole.read_bytes())
    Path("linked.mp4").symlink_to("m.mp4")
    Path("hard.mp4").hardlink_to("m.mp4")
    before = {path: path.stat().st_size for path in [*Path().rglob("*"), *lake.folder.rglob("*")]}
    out = name.replace("LAKE", str(lake.folder))
    code, _, err = signverse("video", "one", "--lake", lake.folder, "--over", "m.mp4", "--end", 0.2, "-o", out)
    assert code in {1, 2}
    assert (err.count("\n"), OUTPUTS[name] in err) == (1, True), err
    assert {path: path.stat().st_size for path in [*Path().rglob("*"), *lake.folder.rglob("*")]} == before


def test_several_videos_never_take_the_place_of_what_they_are_drawn_on(
    signverse, lake: Lake, whole: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.mp4").write_bytes(whole.read_bytes())
    code, _, err = signverse("video", "one", "one-00001", "--lake", lake.folder, "--over", tmp_path, "-o", tmp_path)
    assert (code, "what is drawn on" in err) == (1, True)
    assert (tmp_path / "one.mp4").read_bytes() == whole.read_bytes()


def test_two_videos_of_one_name_are_not_written_over_each_other(signverse, lake: Lake, tmp_path: Path) -> None:
    code, _, err = signverse("video", "one-00001", "one-00001", "--lake", lake.folder, "-o", tmp_path / "out")
    assert (code, "two of these are called 'one-00001'" in err) == (1, True)


def test_odd_ids_are_names_of_files(signverse, lake: Lake, tmp_path: Path) -> None:
    odd = "-é b%d{}$(x)[1]"
    for out in ("x.mp4", "frames/", "y.gif"):
        assert signverse("video", odd, "--lake", lake.folder, "-o", f"{tmp_path}/{out}")[0] == 0
    code, _, err = signverse("video", odd, f"{odd}-00000", "--lake", lake.folder, "-o", tmp_path / "both")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == [f"{odd}-00000.mp4", f"{odd}.mp4"]
    assert signverse("picture", odd, "--lake", lake.folder, "-o", tmp_path / f"{odd}.png")[0] == 0


@pytest.mark.parametrize("form", ["gif", "webp"])
@pytest.mark.parametrize(
    ("words", "said"), [(["long"], "too many"), (["one", "--width", 4096], "too large")], ids=["minutes", "pixels"]
)
def test_what_loops_is_refused_before_it_fills_the_memory(
    signverse, lake: Lake, tmp_path: Path, form: str, words: list[object], said: str
) -> None:
    """A gif or webp is in memory until its end: the line says how much it may be, and what works."""
    code, _, err = signverse("video", *words, "--lake", lake.folder, "-o", tmp_path / f"x.{form}")
    assert (code, err.count("\n")) == (1, 1)
    assert said in err and "at most" in err and "Write .mp4" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "frames",
    ["0-100000000", "1,,2", "-1", "", "9" * 30, "9" * 6000, "5,300", ",".join(["1"] * 101), "1e3", "0x10", "nan"],
)
def test_frames_may_be_anything(signverse, lake: Lake, tmp_path: Path, frames: str) -> None:
    code, _, err = signverse("picture", "one", "--lake", lake.folder, f"--frames={frames}", "-o", tmp_path / "x.png")
    assert code in {1, 2}
    assert err.count("\n") == 1 and len(err) < 500
    assert list(tmp_path.iterdir()) == []


def pose_file(path: Path, xy: np.ndarray, width: int = 320, height: int = 240, confidence: float = 1.0) -> Path:
    from pose_format import Pose
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    components = [
        PoseHeaderComponent(COMPONENTS[part], [str(i) for i in range(part.size)], [], [], "XYC") for part in PARTS
    ]
    places = np.broadcast_to(np.asarray(xy, np.float32), (3, 1, 128, 2)).copy()
    body = NumPyPoseBody(24, np.ma.masked_array(places), np.full((3, 1, 128), confidence, np.float32))
    with path.open("wb") as file:
        Pose(PoseHeader(0.2, PoseHeaderDimensions(width, height, 0), components), body).write(file)
    return path


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    scale=st.sampled_from([0, 1e-30, 1, 1e4, 1e9, 1e30, np.inf, -1, -1e12, np.nan]),
    size=st.tuples(st.sampled_from([0, 1, 2, 320, 16_000, 65_535]), st.sampled_from([0, 1, 3, 240, 16_000, 65_535])),
    confidence=st.sampled_from([0, 1e-9, 0.5, 1, 1e30, -1, np.inf, np.nan]),
    style=st.sampled_from(["lake", "openpose", "dwpose", "controlnext"]),
)
def test_people_of_any_size_and_place_are_drawn_or_refused_in_a_line(
    signverse, tmp_path: Path, scale: float, size: tuple[int, int], confidence: float, style: str
) -> None:
    with np.errstate(all="ignore"):
        xy = np.random.default_rng(0).uniform(20, 200, (128, 2)).astype(np.float32) * np.float32(scale)
    path = pose_file(tmp_path / "p.pose", xy, *size, confidence)
    for words in (("picture", path, "--style", style, "-o", tmp_path / "x.png", "--tile-width", 64),
                  ("picture", path, "-o", tmp_path / "x.png", "--crop", "--tile-width", 64),
                  ("video", path, "--style", style, "-o", tmp_path / "x.mp4", "--width", 64)):  # fmt: skip
        code, out, err = signverse(*words)
        assert (code in {0, 1}, out, err.count("\n")) == (True, "", 1), err
        assert "unexpected" not in err
    assert {path.suffix for path in tmp_path.iterdir()} <= {".pose", ".png", ".mp4"}


def test_a_sheet_that_would_not_fit_into_memory_is_refused(signverse, tmp_path: Path) -> None:
    path = pose_file(tmp_path / "p.pose", np.full((128, 2), 0.5), 1, 16_000)
    code, _, err = signverse("picture", path, "-o", tmp_path / "x.png")
    assert (code, err.count("\n")) == (1, 1)
    assert "--tile-width" in err
