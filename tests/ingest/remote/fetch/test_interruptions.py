"""A fetch that is interrupted, or whose disk fills, says so in a line and goes on later; nothing is half-written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakehub.hub import Hub
from tests.ingest.remote.fetch.remote_shards import ids_in, listed
from tests.ingest.remote.fetch.test_hub import large_release, publish, received

pytestmark = pytest.mark.slow


def start(words: list[object], limit: int | None = None) -> subprocess.Popen[str]:
    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-m", "signverse", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        preexec_fn=prepare,
    )


@pytest.fixture
def command(hub: Hub, tmp_path: Path) -> Callable[[bool], list[object]]:
    languages = large_release(tmp_path / "shards", 4, 12)
    publish(hub, tmp_path / "shards")
    ids = listed(tmp_path / "ids.txt", languages)

    def words(out: bool) -> list[object]:
        target = ["--out", tmp_path / "out"] if out else ["--lake", tmp_path / "lake"]
        return ["fetch", "owner/name", "--ids", ids, *target]

    return words


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("after", [0.1, 0.6], ids=["walking", "fetching"])
def test_after_an_interruption_the_same_command_goes_on(
    hub: Hub, tmp_path: Path, command: Callable[[bool], list[object]], number: int, code: int, after: float
) -> None:
    process = start(command(False))
    while process.poll() is None and received(hub) < after * 10e6:
        time.sleep(0.005)
    process.send_signal(number)
    began = time.monotonic()
    _, err = process.communicate()
    assert time.monotonic() - began < 20
    assert process.returncode == code, err
    assert err.splitlines() == ["interrupted: finished videos are in the lake, and the same command goes on from there"]
    process = start(command(False))
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert len(ids_in(tmp_path / "lake")) == 48


@pytest.mark.parametrize("out", [False, True], ids=["lake", "tars"])
def test_a_disk_that_fills_is_one_line_and_nothing_half_written(
    hub: Hub, tmp_path: Path, command: Callable[[bool], list[object]], out: bool
) -> None:
    process = start(command(out), 1_000_000)
    _, err = process.communicate()
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert "the disk is full" in line
    if out:
        assert not list((tmp_path / "out").glob("*.tar"))
    process = start(command(out))
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert "48 videos wanted: 48 fetched" in err
