"""Folders of small videos, and `signverse ingest videos` on them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from signverse.lake.lake import Lake

ROOT = Path(__file__).parents[3]


def encode(path: Path, frames: Iterator[np.ndarray] | list[np.ndarray], rate: int = 24) -> Path:
    with av.open(str(path), "w") as container:
        stream = None
        for image in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def clip(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third of a second of real signing."""
    with av.open(str(data / "videos" / "word_192p30.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return encode(tmp_path_factory.mktemp("clip") / "clip.mp4", frames[12:20])


@pytest.fixture(scope="session")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of nothing."""
    return encode(tmp_path_factory.mktemp("grey") / "grey.mp4", [np.full((96, 128, 3), 128, np.uint8)] * 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "videos"
    path.mkdir()
    return path


@pytest.fixture
def ingest(data: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `signverse ingest videos` as a process, into the folder's neighbour `lake`."""

    def run(
        folder: Path | str, *options: object, lake: Path | None = None, place: Path = ROOT, **more: object
    ) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "signverse", "ingest", "videos", folder, "--lake", lake or tmp_path / "lake"]
        if "--models" not in options:
            command += ["--models", data / "models"]
        ran = subprocess.run(
            [str(word) for word in (*command, *options)],
            capture_output=True,
            text=True,
            cwd=place,
            check=False,
            **more,
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        assert ran.stdout == ""
        return ran

    return run


@pytest.fixture
def refused(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the same command line in this process, where it must end before any work; gives what it said."""
    from signverse.command_line import build_app
    from signverse.lake.cli.entry import run

    def command(folder: Path, *options: object, lake: Path | None = None, ends_in: int = 1) -> str:
        words = ["ingest", "videos", folder, "--lake", lake or tmp_path / "lake"]
        if "--models" not in options:
            words += ["--models", data / "models"]
        code = run(build_app(), [str(word) for word in (*words, *options)])
        out, errors = capfd.readouterr()
        assert (code, out, errors.count("\n")) == (ends_in, "", 1), errors
        assert errors.startswith("signverse: ")
        return errors

    return command


def outcomes(lake: Path) -> list[tuple[str, str, str, str | None, int]]:
    columns = ["video_id", "stage", "outcome", "reason", "attempt"]
    return sorted(Lake.open(lake).raw_table("outcomes").select(columns).collect().rows())
