"""Exports of the package's own sample, to be published; and a hub that is waited for shortly."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from signverse.command_line import build_app
from signverse.lake.cli.entry import run
from signverse.lake.lake import Lake

LICENCE = ("--licence", "cc-by-4.0")

_EXPORT = {
    "shards": ("--videos-per-shard", "1"),
    "parquet": ("--clips-per-shard", "4"),
    "webdataset": ("--clips-per-shard", "4"),
    "pose": (),
}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here waits for a second where a person would have to."""
    monkeypatch.setattr("signverse.export.publish.client.answers.PAUSE_S", 0.01)
    shortened = SimpleNamespace(**{**vars(time), "sleep": lambda _: None})
    monkeypatch.setattr("huggingface_hub.utils._http.time", shortened)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, sample: Lake) -> Callable[[str], Path]:
    """written("parquet"): the folder of that export of the sample; only to be read."""
    base = tmp_path_factory.mktemp("exports")

    def export(kind: str) -> Path:
        if not (base / kind).exists():
            words = ["export", kind, "--lake", str(sample.folder), "--out", str(base / kind), "--quiet"]
            assert run(build_app(), [*words, *_EXPORT[kind]]) == 0
        return base / kind

    return export


@pytest.fixture
def export(tmp_path: Path, written: Callable[[str], Path]) -> Callable[..., Path]:
    """export("parquet", "name"): a copy of it that may be changed."""

    def copy(kind: str, name: str = "export") -> Path:
        return Path(shutil.copytree(written(kind), tmp_path / name))

    return copy
