"""The bench for GPUs runs from end to end, on tiny models and the CPU, and invents nothing where there is no GPU."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench import gpu
from bench.random_models import make_detector, make_pose
from signverse.ingest.manifest import Entry
from signverse.ingest.models import devices
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.pair import find_models
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session
from signverse.ingest.videos.plan import VideoTask
from signverse.ingest.videos.workers import extract_video, make_job
from signverse.lake.jobs.pool import ProcessPool
from signverse.lake.media.decode import Decoder


@pytest.mark.slow
def test_the_bench_measures_and_notes_a_row_for_each_interval(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = Path(shutil.copy(gpu.TABLE, tmp_path / "gpu.md"))
    before = table.read_text()
    gpu.main(["--device", "cpu", "--small", "--table", str(table)])
    said = capfd.readouterr().out
    # Every frame has the one person; with detection every sixth frame, a sixth of them is looked at.
    assert "1.00 detections and 1.00 crops a frame" in said
    assert "0.17 detections and 1.00 crops a frame" in said
    assert table.read_text().startswith(before)
    rows = [line.split(" | ") for line in table.read_text().removeprefix(before).splitlines()]
    assert [(row[3], row[7]) for row in rows] == [("cpu", "1"), ("cpu", "6")]
    assert all(re.fullmatch(r"\d+\.\d", row[8]) and float(row[8]) > 0 for row in rows)


@pytest.mark.skipif(bool(devices.nvidia_driver().cards), reason="this machine has a GPU")
def test_without_a_gpu_it_says_so_and_the_table_stays_as_it_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "gpu.md"
    gpu.main(["--table", str(table)])
    assert "gpu: cuda cannot be used: no NVIDIA device is visible" in capfd.readouterr().out
    assert not table.exists()


def test_the_giants_fit_the_contract_and_find_one_person(tmp_path: Path) -> None:
    make_detector(tmp_path / "d.onnx", 64, 8, 1)
    make_pose(tmp_path / "p.onnx", 128, 96, 8, 1)
    pair = find_models(tmp_path)
    video = gpu.make_video(tmp_path / "v.mp4", gpu.SMALL)
    with Decoder(video) as images:
        image = next(iter(images))
    boxes = Detector(make_session(pair.detector, "cpu"))(image)
    assert [[round(float(x)) for x in box[:4]] for box in boxes] == [[60, 5, 100, 85]]
    points = PoseEstimator(make_session(pair.pose, "cpu"))(image, boxes[:, :4])
    assert points.shape == (1, 133, 3)
    assert (points[..., 2] > 0.8).all()


def test_videos_that_are_done_at_once_in_one_process_come_out_as_each_does_alone(tmp_path: Path) -> None:
    from signverse.ingest.extract.extractor import Extractor

    make_detector(tmp_path / "d.onnx", 64, 8, 1)
    make_pose(tmp_path / "p.onnx", 64, 48, 4, 1)
    pair = find_models(tmp_path)
    tasks = []
    for number in range(4):
        size = replace(gpu.SMALL, width=160 - 32 * number, frames=30 - 7 * number)
        video = gpu.make_video(tmp_path / f"{number}.mp4", size)
        tasks.append(VideoTask(video, Entry(str(number)), ()))
    alone = Extractor(pair, "cpu", 1, 3)
    with ProcessPool(4, make_job, per_process=[(pair, "cpu", 2, 3, True)]) as pool:
        together = {event.task.entry.video_id: event.value for event in pool.run(tasks) if event.kind == "result"}
    for task in tasks:
        expected = extract_video(alone, task, lambda value: None, exact=True)
        found = together[task.entry.video_id]
        assert found.video == expected.video
        assert found.keypoints.equals(expected.keypoints)
        assert found.video["num_frames"] == len(expected.keypoints)
