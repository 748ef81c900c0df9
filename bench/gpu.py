"""Frames/s on a GPU, end to end from a 720p H.264 file, against what the models alone could do on the same card.

    python -m bench gpu                         every GPU here, with TensorRT where it starts and with CUDA
    python -m bench.gpu --device tensorrt:0     one
    python -m bench.gpu --device cpu --small    tiny models and pictures on the CPU: whether the script runs

Both models have production's size and random weights (bench/random_models.py). Measured are:

- the models' own rate: images/s of each model at its best batch size, input and output on the card, nothing else.
  An ideal run takes that time for the detections and crops that ours requested, and no other;
- ours: the workers of `signverse ingest videos`, as many videos at once as it takes by default, rows built, nothing
  written;
- the published pipeline's method: one video, step by step, a detection a frame at batch 1, batches of 8 crops, the
  models' files as they are, on ONNX Runtime's CUDA provider;
- decoding alone, on one core: if that times the cores is less than the card can process, the card waits.

Rows go to bench/gpu.md.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from bench.random_models import make_detector, make_pose
from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.extract.extractor import Extractor
from signverse.ingest.manifest import Entry
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.devices import GPU_DEVICES, nvidia_driver, parse_device, process_devices
from signverse.ingest.models.import_runtime import import_onnxruntime
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session, usable_device
from signverse.ingest.models.tensorrt import engine_folder, engine_lock, engine_options, load_tensorrt
from signverse.ingest.videos.plan import VideoTask
from signverse.ingest.videos.workers import available_cores, default_workers, extraction_pool
from signverse.lake.media.decode import Decoder

TABLE: Final = Path(__file__).with_name("gpu.md")
BATCHES: Final = (1, 2, 4, 8, 16, 32, 64)
PUBLISHED_CROPS: Final = 8


@dataclass(frozen=True)
class Size:
    """How much is measured: picture size, frames of the video, videos a worker, seconds for each batch size."""

    width: int
    height: int
    frames: int
    videos: int
    seconds: float


FULL: Final = Size(1280, 720, 1200, 3, 1.0)
SMALL: Final = Size(160, 90, 24, 1, 0.01)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu")
    parser.add_argument("--device", help="cuda, tensorrt, a card such as cuda:1, or cpu; by default all that start")
    parser.add_argument("--small", action="store_true", help="tiny models and pictures")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="where the rows go; by default those of a GPU are kept"
    )
    given = parser.parse_args(arguments or [])
    names = [given.device] if given.device else list(GPU_DEVICES)
    tried = {name: usable_device(name) for name in names}
    usable = [name for name, (in_use, _) in tried.items() if in_use == name]
    for name, (_, why) in tried.items():
        if name not in usable:
            print(f"gpu: {name} cannot be used: {why}")
    if not usable:
        print("gpu: nothing was measured, the table stays as it is")
        return
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as folder:
        size = SMALL if given.small else FULL
        models, video = make_models(Path(folder), given.small), make_video(Path(folder) / "video.mp4", size)
        for device in usable:
            rows = measure(models, video, device, size)
            default_table = None if given.small or device == "cpu" else TABLE
            if table := given.table or default_table:
                note(table, rows)


def make_models(folder: Path, small: bool) -> ModelPair:
    pair = ModelPair(folder / "detector.onnx", folder / "pose.onnx")
    if small:
        counts = make_detector(pair.detector, 64, 8, 1), make_pose(pair.pose, 64, 48, 4, 1)
    else:
        counts = make_detector(pair.detector), make_pose(pair.pose)
    for name, count in zip(("detector", "pose model"), counts, strict=True):
        print(f"gpu: {name} of {count / 1e9:.2f} billion operations (a multiply-add is two), random weights")
    return pair


def make_video(path: Path, size: Size) -> Path:
    """A camera that pans slowly over a soft picture with grain: no cuts, and work for the decoder."""
    rng = np.random.default_rng(0)
    high, wide = 2 * size.height, 2 * size.width
    soft = cv2.resize(rng.uniform(90, 160, (9, 16, 3)).astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(soft + rng.normal(0, 6, soft.shape), 0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        for i in range(size.frames):
            x, y = (int(side * (0.5 + 0.5 * np.sin(i / 200))) for side in (size.width, size.height))
            image = np.ascontiguousarray(picture[y : y + size.height, x : x + size.width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def measure(models: ModelPair, video: Path, device: str, size: Size) -> list[str]:
    """The rows of a device for the table."""
    named = parse_device(device)
    cards = len(process_devices(device, default_workers(None, device)[0]))
    name = platform.processor() or platform.machine()
    if named.kind in GPU_DEVICES:
        found = nvidia_driver().cards
        name = found[named.card or 0].name
    own = [own_rate(path, device, size) for path in (models.detector, models.pose)]
    (detector, its_batch), (pose, poses_batch) = own
    print(f"gpu: {device} on {name}, {cards} of them; {available_cores()} cores")
    print(f"  detector alone {detector:8.1f} images/s at batch {its_batch}")
    print(f"  pose alone     {pose:8.1f} crops/s at batch {poses_batch}")
    print(f"  decoding alone {decoding(video):8.1f} frames/s on one core")
    their_device = f"cuda:{named.card or 0}" if named.kind in GPU_DEVICES else device
    theirs = published(models, video, their_device, size)
    print(f"  published way  {theirs:8.1f} frames/s")
    rows = []
    for every in (1, DETECT_EVERY):
        detections, people = requests_per_frame(models, video, device, every)
        ideal = cards / (detections / detector + people / pose)
        mine = ours(models, video, device, every, size)
        print(
            f"  ours, detection every {every}: {mine:8.1f} frames/s, {mine / ideal:.0%} of the models' own {ideal:.1f} "
            f"(aim 90 %), {mine / theirs:.1f} times the published way (aim 10); {detections:.2f} detections and "
            f"{people:.2f} crops a frame"
        )
        today = datetime.datetime.now(tz=datetime.UTC).date()
        rows.append(
            f"| {today} | {name} | {cards} | {device} | {available_cores()} | {detector:.0f} at {its_batch} "
            f"| {pose:.0f} at {poses_batch} | {every} | {mine:.1f} | {mine / ideal:.0%} | {theirs:.1f} "
            f"| {mine / theirs:.1f} |\n"
        )
    return rows


def note(table: Path, rows: list[str]) -> None:
    """Append rows to the table."""
    with table.open("a") as file:
        file.writelines(rows)


def own_rate(path: Path, device: str, size: Size) -> tuple[float, int]:
    """A model's images/s at its best batch size, and that size; input and output stay on the device."""
    ort = import_onnxruntime()

    named = parse_device(device)
    place = ("cuda", named.card or 0) if named.kind in GPU_DEVICES else ("cpu", 0)
    session = _plain_session(path, device, BATCHES[-1])
    model_input = session.get_inputs()[0]
    rng = np.random.default_rng(0)
    best = (0.0, 0)
    for batch in BATCHES:
        images = rng.normal(size=(batch, *model_input.shape[1:])).astype(np.float32)
        binding = session.io_binding()
        binding.bind_ortvalue_input(model_input.name, ort.OrtValue.ortvalue_from_numpy(images, *place))
        for output in session.get_outputs():
            binding.bind_output(output.name, *place)
        for _ in range(3):
            session.run_with_iobinding(binding)
        count, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < size.seconds or not count:
            session.run_with_iobinding(binding)
            count += batch
        best = max(best, (count / took, batch))
    return best


def _plain_session(path: Path, device: str, batch: int) -> Any:
    """A model's file as it is; with TensorRT, an engine for batches up to `batch`."""
    named = parse_device(device)
    if named.kind != "tensorrt":
        return make_session(path, device)
    card = nvidia_driver().cards[named.card or 0].name
    folder = engine_folder(path.read_bytes(), card, load_tensorrt())
    model_input = make_session(path, "cpu").get_inputs()[0]
    with engine_lock(folder, path.name, card):
        options = engine_options(folder, model_input.name, tuple(model_input.shape[1:]), batch)
        return make_session(path, device, options=options)


def decoding(video: Path) -> float:
    began = time.perf_counter()
    with Decoder(video) as images:
        count = sum(1 for _ in images)
    return count / (time.perf_counter() - began)


def published(models: ModelPair, video: Path, device: str, size: Size) -> float:
    """Frames/s of the published pipeline's method: one frame a detection, batches of 8 crops, nothing overlaps."""
    cores = available_cores() if device == "cpu" else 1
    detector = Detector(make_session(models.detector, device, cores))
    pose = PoseEstimator(make_session(models.pose, device, cores))

    def run(images: Iterator[Any]) -> int:
        count = 0
        waiting: list[tuple[Any, Any]] = []
        for image in images:
            count += 1
            waiting += [(image, box[None, :4]) for box in detector(image)]
            while len(waiting) >= PUBLISHED_CROPS:
                some, waiting = waiting[:PUBLISHED_CROPS], waiting[PUBLISHED_CROPS:]
                pose.predict_batch([image for image, _ in some], [box for _, box in some])
        if waiting:
            pose.predict_batch([image for image, _ in waiting], [box for _, box in waiting])
        return count

    with Decoder(video) as images:
        # The first batches of each size take long.
        run(image for _, image in zip(range(2 * PUBLISHED_CROPS), images, strict=False))
    most = size.frames // 4
    began = time.perf_counter()
    with Decoder(video) as images:
        count = run(image for _, image in zip(range(most), images, strict=False))
    return count / (time.perf_counter() - began)


def requests_per_frame(models: ModelPair, video: Path, device: str, every: int) -> tuple[float, float]:
    """Detections and crops a frame that our extraction of the video needs."""
    counts = [0, 0]
    extractor = Extractor(models, device, 2, every)
    detect, estimate = extractor._detector.predict_batch, extractor._pose.predict_batch

    def detect_counted(images: Any) -> Any:
        counts[0] += len(images)
        return detect(images)

    def estimate_counted(images: Any, boxes: Any) -> Any:
        counts[1] += sum(map(len, boxes))
        return estimate(images, boxes)

    extractor._detector.predict_batch = detect_counted  # type: ignore[method-assign]
    extractor._pose.predict_batch = estimate_counted  # type: ignore[method-assign]
    frames = extractor.extract(video).num_frames
    return counts[0] / frames, counts[1] / frames


def ours(models: ModelPair, video: Path, device: str, every: int, size: Size) -> float:
    """Frames/s of ingestion's own workers, once their models are loaded."""
    workers, threads = default_workers(None, device)
    task = VideoTask(video, Entry("bench"), ())
    with extraction_pool(workers, models, device, threads, every, False) as pool:

        def frames(count: int) -> int:
            done = 0
            for event in pool.run([task] * count):
                if event.kind == "result":
                    done += event.value.video["num_frames"]
                elif event.kind != "progress":
                    raise SystemExit(f"gpu: {event.kind}: {event.value}")
            return done

        frames(workers)
        began = time.perf_counter()
        return frames(workers * size.videos) / (time.perf_counter() - began)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
