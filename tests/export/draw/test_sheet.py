"""Pictures of a lake's videos: `signverse picture`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, JOINTS, joint_index

ARM = {"right_shoulder": (60, 100), "right_elbow": (50, 150), "right_wrist": (80, 190), "neck": (80, 100)}
KNEES = {"right_hip": (70, 200), "right_knee": (250, 30)}
"""The knee is far off, where a model puts what it cannot see."""


def somebody(places: dict[str, tuple[float, float]], score: float = 0.9, moved: float = 0) -> np.ndarray:
    points = np.full((128, 3), np.nan, np.float32)
    points[:, 2] = 0
    for name, (x, y) in places.items():
        points[joint_index(name)] = x + moved, y, score
    return points


@pytest.fixture
def lake(make_lake, video) -> Lake:
    """`unknown` has no body scores and a hidden knee, `two` two people, `-dash` one."""
    hidden = np.ones((24, BODY.size), bool)
    hidden[:, joint_index("right_knee")] = False
    unknown = {(i, 0): somebody({**ARM, **KNEES}, np.nan) for i in range(24)}
    two = {(i, p): somebody(ARM, moved=150 * p) for i in range(24) for p in range(2)}
    alone = {(i, 0): somebody(ARM) for i in range(24)}
    return make_lake(video("unknown", 24, unknown, visible=hidden), video("two", 24, two), video("-dash", 24, alone))


@pytest.fixture
def draw(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse) -> Callable[..., np.ndarray]:
    monkeypatch.chdir(tmp_path)

    def draw(*words: object) -> np.ndarray:
        code, out, err = signverse("picture", *words, "--lake", lake.folder, "-o", "x.png")
        assert (code, out) == (0, ""), err
        with Image.open("x.png") as image:
            assert err == f"{image.width} x {image.height} -> x.png\n"
            return np.asarray(image).astype(int)

    return draw


def test_a_joint_that_is_known_to_be_hidden_is_not_drawn(draw) -> None:
    """As in .pose files: of the published data a knee below the picture is where a model guesses it."""
    drawn = draw("unknown", "--count", 1, "--tile-width", 320)
    assert drawn[100:190, 50:90].any()
    assert not drawn[30:60, 200:300].any(), "the knee and the way to it"


def test_pictures_and_pose_files_show_the_same_joints(lake: Lake, tmp_path: Path, signverse) -> None:
    from pose_format import Pose

    signverse("export", "pose", "--lake", lake.folder, "--out", tmp_path / "pose")
    pose = Pose.read((tmp_path / "pose" / "unknown" / "unknown-00000.pose").read_bytes())
    shown = ~np.isnan(lake.keypoints("unknown", mask_hidden=True)[..., 0])
    np.testing.assert_array_equal(~pose.body.data.mask[:, 0, :, 0], shown)
    plain = lake.keypoints("unknown")
    assert [JOINTS[joint] for joint in np.flatnonzero(~shown[0] & ~np.isnan(plain[0, :, 0]))] == ["right_knee"]
    np.testing.assert_array_equal(lake.keypoints("unknown", mask_hidden=True)[shown], plain[shown])


def test_the_command_says_that_scores_are_unknown_and_leaves_hidden_joints_out_on_request(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = signverse("keypoints", "unknown", "--lake", lake.folder, "-o", "x.npy")
    assert (code, err.count("\n")) == (0, 2)
    assert "--mask-hidden" in err.splitlines()[1]
    np.testing.assert_array_equal(np.load("x.npy"), lake.keypoints("unknown"))
    code, _, err = signverse("keypoints", "unknown", "--lake", lake.folder, "-o", "x.npy", "--mask-hidden")
    assert (code, err.count("\n")) == (0, 1)
    np.testing.assert_array_equal(np.load("x.npy"), lake.keypoints("unknown", mask_hidden=True))
    assert signverse("keypoints", "two", "--lake", lake.folder, "-o", "x.npy")[2].count("\n") == 1


def test_one_person_is_drawn_alone(draw) -> None:
    both, second = draw("two", "--count", 1), draw("two", "--count", 1, "--person", 1)
    assert both[100:190, 50:90].any()
    assert not second[100:190, 50:90].any()
    np.testing.assert_array_equal(both[:, 180:], second[:, 180:])


def test_a_person_who_is_not_there_is_refused_with_those_who_are(lake: Lake, signverse, tmp_path: Path) -> None:
    code, _, err = signverse("picture", "two", "--lake", lake.folder, "--person", 5, "-o", tmp_path / "x.png")
    assert (code, err.count("\n")) == (1, 1)
    assert "These are there: 0, 1." in err
    assert list(tmp_path.glob("x*")) == []


def test_cropped_the_person_fills_the_frame(draw) -> None:
    whole, cropped = draw("-dash", "--count", 1), draw("-dash", "--count", 1, "--crop")
    # 30 x 90 pixels of 320 x 240 stand upright.
    assert cropped.shape[0] > 2 * cropped.shape[1] > 640
    shares = [(image[40:, 8:-8].max(axis=-1) > 80).mean() for image in (whole, cropped)]
    assert shares[1] > 5 * shares[0]
    assert cropped.shape[1] == whole.shape[1]


def test_a_white_ground_and_other_tiles(draw) -> None:
    drawn = draw("-dash", "--count", 2, "--background", "white", "--tile-width", 100)
    assert drawn.shape[1] == 2 * 100 + 3 * 2
    assert tuple(drawn[10, 90]) == (255, 255, 255)
    assert tuple(draw("-dash", "--count", 1, "--background", "#123456")[200, 300]) == (0x12, 0x34, 0x56)


def test_several_videos_stand_below_each_other(draw) -> None:
    one, other = draw("two", "--count", 2), draw("-dash", "--count", 2)
    both = draw("two", "-dash", "--count", 2)
    line = (len(both) - len(one) - len(other)) // 2
    assert line > 10
    np.testing.assert_array_equal(both[line : line + len(one)], one)
    np.testing.assert_array_equal(both[-len(other) :], other)
    # The names of the two videos.
    assert both[:line].std() > 1


def test_a_pdf_is_a_page_and_the_same_each_time(lake: Lake, tmp_path: Path, monkeypatch, signverse) -> None:
    monkeypatch.chdir(tmp_path)
    written = []
    for _ in range(2):
        assert signverse("picture", "two", "--lake", lake.folder, "-o", "x.PDF", "--background", "white")[0] == 0
        written.append(Path("x.PDF").read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(b"%PDF")
    assert b"/Count 1" in written[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "x.gif"], "End the name in .png or .pdf."),
        (["--background", "blurple", "-o", "x.png"], "is not a colour"),
    ],
    ids=["format", "colour"],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_read(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = signverse("picture", "two", "--lake", lake.folder, *words)
    assert (code, err.count("\n"), said in err) == (2, 1, True)
    assert list(tmp_path.glob("x*")) == []
