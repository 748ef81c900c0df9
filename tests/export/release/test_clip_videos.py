"""`signverse video` of a selection: a folder of videos, one for each clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from signverse.export.release import clip_videos
from signverse.lake.lake import Lake
from tests.export.conftest import Video, fill, somebody
from tests.ingest.extract import numbered_video

CUES = [(0.0, 0.25, "one"), (0.25, 0.5, "two"), (0.5, 1.0, "three")]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    people = {(i, 0): somebody(i, 1.0) for i in range(24)}
    videos = [Video(name, 24, people, CUES) for name in ("a.b", "-c")]
    return fill(tmp_path_factory.mktemp("films") / "lake", videos)


@pytest.fixture
def draw(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse) -> Callable[..., tuple[int, str]]:
    monkeypatch.chdir(tmp_path)

    def draw(*words: object) -> tuple[int, str]:
        code, out, err = signverse("video", "--lake", lake.folder, "--captioned", "-o", "out", "--width", 64, *words)
        assert out == ""
        return code, err

    return draw


def files(ending: str = ".mp4") -> list[str]:
    return sorted(str(path.relative_to("out")) for path in Path("out").rglob(f"*{ending}"))


ALL = [f"{name}/{name}-0000{n}.mp4" for name in ("-c", "a.b") for n in range(3)]


def test_each_clip_becomes_a_video_and_the_same_command_goes_on(draw) -> None:
    assert draw() == (0, "6 videos of 6 -> out\n")
    assert files() == ALL
    with av.open("out/a.b/a.b-00002.mp4") as container:
        assert container.streams.video[0].frames == 12
    kept = Path("out", ALL[0]).stat().st_mtime_ns
    Path("out", ALL[4]).unlink()
    assert draw() == (0, "5 videos already written\n6 videos of 6 -> out\n")
    assert files() == ALL
    assert Path("out", ALL[0]).stat().st_mtime_ns == kept


def test_other_settings_are_not_mixed_with_earlier_ones(draw) -> None:
    assert draw()[0] == 0
    code, err = draw("--style", "openpose")
    assert (code, "drawn in another way" in err) == (1, True)
    before = Path("out", ALL[0]).read_bytes()
    assert draw("--style", "openpose", "--overwrite")[0] == 0
    assert Path("out", ALL[0]).read_bytes() != before
    assert files() == ALL


def test_a_folder_with_other_files_is_left_alone(draw) -> None:
    Path("out").mkdir()
    Path("out", "thesis.txt").write_text("mine")
    code, err = draw("--overwrite")
    assert (code, err.count("\n"), "holds something already" in err) == (1, 1, True)
    assert Path("out", "thesis.txt").read_text() == "mine"


def test_a_clip_that_cannot_be_drawn_costs_its_own_video_only(draw, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    times = [round(i * 1000 / 24) for i in range(24)]
    numbered_video.write(tmp_path / "media" / "a.b.mp4", times, size=(320, 240))
    code, err = draw("--over", "media")
    assert code == 1
    lines = err.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == ["-c-00000", "-c-00001", "-c-00002"]
    assert lines[-1] == "3 videos of 6 -> out"
    assert files() == ALL[3:]
    numbered_video.write(tmp_path / "media" / "-c.mp4", times, size=(320, 240))
    assert draw("--over", "media") == (0, "3 videos already written\n6 videos of 6 -> out\n")


def test_after_ctrl_c_the_finished_videos_are_kept_and_nothing_else(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    whole = clip_videos.encode

    def encode(path: Path, *words: object, **more: object) -> None:
        drawn.append(path)
        if len(drawn) == 3:

            def broken_off(pictures):
                yield next(pictures)
                raise KeyboardInterrupt

            form, pictures = words
            whole(path, form, broken_off(pictures), **more)
        whole(path, *words, **more)

    monkeypatch.setattr(clip_videos, "encode", encode)
    code, err = draw()
    assert (code, "the videos that are finished are kept" in err) == (130, True)
    assert files() == ALL[:2]
    assert list(Path("out").rglob("*signverse-*")) == []


def test_frames_of_clips_are_folders(draw) -> None:
    assert draw("--as", "frames", "--limit", 1)[0] == 0
    assert files(".png") == [f"-c/-c-00000/{n:08d}.png" for n in range(6)]
    assert draw("--as", "frames", "--limit", 1) == (0, "1 video already written\n1 video of 1 -> out\n")


@pytest.mark.slow
def test_several_processes_write_the_same_videos(draw) -> None:
    assert draw("--workers", 2) == (0, "6 videos of 6 -> out\n")
    assert files() == ALL


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Name a VIDEO_ID, or choose clips"),
        (["a.b", "--captioned"], "Do one of the two"),
        (["--captioned", "--start", "1"], "ranges of their own"),
        (["--captioned", "--selection", "x.csv"], "--selection"),
    ],
)
def test_what_is_unclear_is_refused(lake: Lake, tmp_path: Path, signverse, words: list[str], said: str) -> None:
    code, _, err = signverse("video", "--lake", lake.folder, "-o", tmp_path / "out", *words)
    assert code in {1, 2}
    assert said in err
    assert not (tmp_path / "out").exists()


def test_several_named_videos_go_into_a_folder(lake: Lake, tmp_path: Path, monkeypatch, signverse) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = signverse("video", "-c", "a.b-00001", "--lake", lake.folder, "-o", "out", "--as", "gif")
    assert code == 0, err
    assert files(".gif") == ["-c.gif", "a.b-00001.gif"]
