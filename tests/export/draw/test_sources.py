"""Pictures and videos of files that are in no lake: released shards, their .npz files, .pose files."""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signverse import ingest
from signverse.lake.lake import Lake

SHARD = Path(ingest.__file__).parent / "sample" / "synthetic.tar"
VIDEO = "synthASE001"


@pytest.fixture
def draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse) -> Callable[..., np.ndarray]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGNVERSE_LAKE", raising=False)

    def draw(*words: object) -> np.ndarray:
        code, out, err = signverse("picture", *words, "-o", "x.png", "--style", "dwpose")
        assert (code, out) == (0, ""), err
        with Image.open("x.png") as image:
            return np.asarray(image).astype(int)

    return draw


@pytest.mark.slow
def test_a_shard_its_npz_and_a_pose_file_give_the_picture_that_the_lake_gives(
    draw, sample: Lake, tmp_path: Path, signverse
) -> None:
    """What is drawn of a file is what an import of it would draw; no lake is needed."""
    of_lake = draw(VIDEO, "--lake", sample.folder)
    assert of_lake.any()
    np.testing.assert_array_equal(draw(f"{SHARD}:{VIDEO}"), of_lake)
    with tarfile.open(SHARD) as tar:
        name = next(name for name in tar.getnames() if name.startswith(VIDEO) and name.endswith("poses.npz"))
        (tmp_path / "one.npz").write_bytes(tar.extractfile(name).read())
    np.testing.assert_array_equal(draw("one.npz"), of_lake)
    selected = tmp_path / "clips.csv"
    signverse("select", "--lake", sample.folder, "-o", selected, "--where", f"video_id = '{VIDEO}'")
    assert signverse("export", "pose", "--lake", sample.folder, "--out", "poses", "--selection", selected)[0] == 0
    first = min((tmp_path / "poses").rglob("*.pose"))
    # Frames count from the first in the file, and from the first of the video in the lake: the labels differ.
    of_clip = draw(first.stem, "--lake", sample.folder, "--count", 1)
    np.testing.assert_array_equal(draw(first, "--count", 1)[30:], of_clip[30:])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{SHARD}:none", "does not hold a video 'none'"),
        (str(SHARD), "Name one: SHARD.tar:VIDEO_ID"),
        ("gone.npz", "there is no file gone.npz"),
        ("gone.pose", "there is no file gone.pose"),
        ("gone.tar:x", "there is no file gone.tar"),
        ("noise.npz", "noise.npz"),
        ("noise.pose", "not a .pose file"),
        ("noise.tar:x", "noise.tar"),
        ("empty.pose", "not a .pose file"),
        ("nobody.pose", "not a .pose file"),
        ("names.pose", "has the components a\\x1b[31m"),
    ],
)
def test_a_file_that_cannot_be_drawn_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse, name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGNVERSE_LAKE", raising=False)
    for ending in ("npz", "pose", "tar"):
        Path(f"noise.{ending}").write_bytes(np.random.default_rng(0).bytes(3000))
        Path(f"empty.{ending}").write_bytes(b"")
    Path("nobody.pose").write_bytes(struct.pack("<f7H", 0.1, 640, 480, 0, 0, 24, 0, 0))
    long = b"a\x1b[31m" * 9000
    one = struct.pack("<H", len(long)) + long + struct.pack("<H3s3HHs", 3, b"XYC", 1, 0, 0, 1, b"p")
    Path("names.pose").write_bytes(
        struct.pack("<f4H", 0.1, 640, 480, 0, 1) + one + struct.pack("<3H3f", 24, 1, 1, 0, 0, 1)
    )
    code, out, err = signverse("picture", name, "-o", "x.png")
    assert len(err) < 600
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err
    assert "/tmp/signverse" not in err.replace(str(tmp_path), "")
    assert not Path("x.png").exists()


def test_without_a_lake_an_id_asks_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse) -> None:
    monkeypatch.delenv("SIGNVERSE_LAKE", raising=False)
    code, _, err = signverse("picture", "abc", "-o", tmp_path / "x.png")
    assert (code, "Missing option '--lake'" in err) == (2, True)


def test_frames_are_named_by_their_numbers(sample: Lake, tmp_path: Path, signverse) -> None:
    for words, said in (("0,x", "Write them as 0,24,48."), ("", "Write them"), ("0,99999", "has no frame 99999")):
        code, _, err = signverse("picture", VIDEO, "--lake", sample.folder, "--frames", words, "-o", tmp_path / "x.png")
        assert (code in {1, 2}, said in err) == (True, True), err


@pytest.mark.parametrize("other", [("--count", "3"), ("--start", "1"), ("--end", "2")])
def test_frames_by_their_numbers_leave_no_room_for_another_choice(
    sample: Lake, tmp_path: Path, signverse, other: tuple[str, str]
) -> None:
    words = ("picture", VIDEO, "--lake", sample.folder, "--frames", "0,24", *other, "-o", tmp_path / "x.png")
    code, _, err = signverse(*words)
    assert (code in {1, 2}, "Give one way." in err) == (True, True), err


@pytest.mark.parametrize("style", ["lake", "openpose", "dwpose", "controlnext"])
def test_a_tile_as_wide_as_the_frame_has_the_exact_pixels_of_the_style(
    sample: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse, style: str
) -> None:
    from signverse.export.draw.styles.registry import paint_people, painter

    monkeypatch.chdir(tmp_path)
    row = sample.video(VIDEO)
    words = ("--style", style, "--frames", "30", "--tile-width", row["width"])
    assert signverse("picture", VIDEO, "--lake", sample.folder, *words, "-o", "x.png")[0] == 0
    with Image.open("x.png") as image:
        sheet = np.asarray(image)
    points = sample.keypoints(VIDEO, start_frame=30, end_frame=31, mask_hidden=True)
    drawn = paint_people(points, row["width"], row["height"], painter(style))
    gap = (sheet.shape[1] - row["width"]) // 2
    # Below the label.
    below = slice(160, row["height"])
    np.testing.assert_array_equal(sheet[gap:-gap, gap:-gap][below], drawn[below])
