"""What the tests of acquisition share: a site on this machine, manifests of it, and fast models that detect no one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ingest.models.test_pair import detector, pose
from tests.site.server import PLUGINS, Captions, Clip, Site
from tests.site.videos import small_video

QUICK = ("--sleep", "0", "--pause", "0.01", "--proxy", "", "--parallel", "1")
"""Tests need not be polite to their own site; a worker takes a second to start."""


@dataclass
class Place:
    """A site, and a folder for what is made of it."""

    site: Site
    folder: Path
    signverse: Callable[..., tuple[int, str, str]]

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def media(self) -> Path:
        return self.folder / "media"

    def manifest(self, *video_ids: str, language: str = "ase", name: str = "manifest.csv") -> Path:
        """A manifest of videos of the site."""
        path = self.folder / name
        rows = [f"{video_id},{language},{self.site.url(video_id)}\n" for video_id in video_ids]
        path.write_text("video_id,sign_language,url\n" + "".join(rows), "utf-8")
        return path

    def download(self, manifest: Path, *more: object) -> tuple[int, str, str]:
        return self.signverse("ingest", "download", manifest, "--media", self.media, "--lake", self.lake, *QUICK, *more)

    def run(self, manifest: Path, *more: object) -> tuple[int, str, str]:
        return self.signverse("ingest", "run", manifest, "--media", self.media, "--lake", self.lake, *QUICK, *more)

    def status(self) -> dict:
        code, out, err = self.signverse("status", "--lake", self.lake, "--media", self.media, "--format", "json")
        assert code == 0, err
        status = json.loads(out)
        assert sum(status["states"].values()) == status["listed"]
        return status

    def files(self) -> list[str]:
        """What a person sees in the media folder."""
        return sorted(path.name for path in self.media.iterdir() if not path.name.startswith("."))

    def inside(self) -> list[str]:
        """What there is of unfinished videos, leases and journals."""
        return sorted(str(path.relative_to(self.media)) for path in (self.media / ".signverse").rglob("*/*"))


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signverse: Callable[..., tuple[int, str, str]]
) -> Iterator[Place]:
    # Workers take the path of Python over from us: there yt-dlp finds our extractor.
    monkeypatch.syspath_prepend(str(PLUGINS))
    with Site() as site:
        yield Place(site, tmp_path, signverse)


def clip(video_id: str, *tracks: Captions, **more: object) -> Clip:
    """A second of video, with an English track of a person's where no other is given."""
    return Clip(video_id, small_video(1), tracks=tracks or (Captions(),), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of models that detects no one, and is fast."""
    folder = tmp_path_factory.mktemp("models")
    detector(folder / "detector.onnx")
    pose(folder / "pose.onnx")
    return folder
