"""Ctrl-C, a killed run, a killed worker and a full disk cost little, and the same command goes on."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signverse.lake.lake import Lake
from signverse.lake.upkeep.verify import verify_lake
from tests.ingest.videos.conftest import ROOT, outcomes


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_video_that_makes_no_progress_is_given_up_and_the_others_go_on(
    folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data, "--stalled-after", "15") as process:
        first_finished(process)
        os.kill(workers_of(process.pid)[0], signal.SIGSTOP)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if ": failed: " in line]
    assert "no progress for 15 seconds, given up" in line
    assert [row[1:] for row in outcomes(lake) if row[2] == "failed"] == [("extract", "failed", "stalled", 1)]
    assert Lake.open(lake).snapshot.visible().height == len(many) - 1


def workers_of(parent: int) -> list[int]:
    """The worker processes of a run."""
    return [
        int(child)
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()
    ]


def start(folder: Path, lake: Path, data: Path, *options: str) -> subprocess.Popen[str]:
    """`signverse ingest videos` with one worker, in a process group of its own, as a terminal starts it."""
    command = [sys.executable, "-u", "-m", "signverse", "ingest", "videos", folder, "--lake", lake, *options]
    return subprocess.Popen(
        [*map(str, command), "--models", str(data / "models"), "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def first_finished(process: subprocess.Popen[str]) -> str:
    """Waits until a video is told to be done; what was said up to there."""
    assert process.stderr is not None
    said = ""
    while " frames" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


@pytest.fixture
def many(folder: Path, clip: Path) -> list[str]:
    """Four short videos; their ids."""
    ids = [f"v{i}" for i in range(4)]
    for video_id in ids:
        shutil.copy(clip, folder / f"{video_id}.mp4")
    return ids


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(
    ingest, folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data) as process:
        first_finished(process)
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, "Traceback" in errors) == ("", False)
    kept = Lake.open(lake).snapshot.visible()["video_id"].to_list()
    assert 0 < len(kept) < len(many)
    assert list(verify_lake(Lake.open(lake).snapshot)) == []
    rerun = ingest(folder)
    assert rerun.returncode == 0
    assert f"{len(many) - len(kept)} video" in rerun.stderr
    assert f"{len(kept)} already in the lake" in rerun.stderr
    rows = Lake.open(lake).raw_table("videos").collect()
    assert rows["video_id"].sort().to_list() == many
    assert list(verify_lake(Lake.open(lake).snapshot)) == []


@pytest.mark.slow
def test_a_killed_run_leaves_a_lake_that_opens_and_the_same_command_goes_on(
    ingest, folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data) as process:
        first_finished(process)
        process.kill()
        process.wait()
        opened = Lake.open(lake)
        assert set(opened.snapshot.visible()["video_id"]) < set(many)
        assert list(verify_lake(opened.snapshot)) == []
        # The worker ends by itself when it next has something to tell.
        process.communicate(timeout=60)
    assert ingest(folder).returncode == 0
    opened = Lake.open(lake)
    assert opened.raw_table("videos").collect()["video_id"].sort().to_list() == many
    assert opened.table("segments").collect().height == len(many)
    frames = opened.table("keypoints").select("video_id", "frame", "person").collect()
    assert frames.is_unique().all()
    assert list(verify_lake(opened.snapshot)) == []


@pytest.mark.slow
def test_a_disk_that_fills_is_told_in_a_line_and_the_lake_stays_whole(
    ingest, folder: Path, tmp_path: Path, clip: Path, grey: Path
) -> None:
    lake = tmp_path / "lake"
    shutil.copy(grey, folder / "a.mp4")
    assert ingest(folder).returncode == 0
    shutil.copy(clip, folder / "b.mp4")
    for limit in (2_000, 9_000):
        ran = ingest(folder, preexec_fn=lambda size=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        assert ran.returncode == 1, ran.stderr
        (line,) = [line for line in ran.stderr.splitlines() if line.startswith("signverse: ")]
        assert "File too large" in line
        assert list(verify_lake(Lake.open(lake).snapshot)) == []
        assert Lake.open(lake).snapshot.visible()["video_id"].to_list() == ["a"]
    assert ingest(folder).returncode == 0
    opened = Lake.open(lake)
    assert opened.raw_table("videos").collect()["video_id"].sort().to_list() == ["a", "b"]
    assert opened.table("segments").collect().height == 2
    assert list(verify_lake(opened.snapshot)) == []


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_costs_its_video_only(
    ingest, folder: Path, tmp_path: Path, many: list[str], data: Path
) -> None:
    lake = tmp_path / "lake"
    with start(folder, lake, data) as process:
        first_finished(process)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if ": failed: " in line]
    assert "the process that read it ended with SIGKILL" in line
    assert Lake.open(lake).snapshot.visible().height == len(many) - 1
    assert [row[1:] for row in outcomes(lake) if row[2] == "failed"] == [("extract", "failed", "crashed", 1)]
