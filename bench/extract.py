"""Extraction beside easy-dwpose's own loop and rtmlib: same models, same frames, one run.

    python -m bench extract                             three rounds
    SIGNVERSE_BENCH_ROUNDS=1 python -m bench extract    one

Speed is frames/s over all sample videos with people in them, the median of the rounds. In a round everything is
measured once for each video, one after the other, so that other load on the machine affects all alike. The ideal is
one thread a core, each with both models in single-threaded sessions, that runs them as often as ours did and does
nothing else.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.references import environment, results, run_reference
from bench.sample_videos import data_folder, has_people, sample_videos
from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.extract.extractor import Extraction, Extractor
from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.models.runtime import make_session
from signverse.lake.model.skeleton import FACE, LEFT_HAND, RIGHT_HAND

INTERVALS: Final = (1, 3, DETECT_EVERY, 12)
TIMED: Final = (1, DETECT_EVERY)


def main() -> None:
    data = data_folder()
    if data is None:
        print("extract: no sample videos and models: name their folder in SIGNVERSE_TEST_DATA")
        return
    videos = [video for video in sample_videos(data) if has_people(video)]
    models = ModelPair(data / "models" / "yolox_nano_640.onnx", data / "models" / "wholebody133_384x288.onnx")
    environment()
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as temporary:
        _measure(models, videos, Path(temporary), int(os.environ.get("SIGNVERSE_BENCH_ROUNDS", "3")))


def _theirs(name: str, models: ModelPair, video: Path, out: Path) -> float:
    return run_reference(name, models.detector.parent, out, video)[0]


class _DetectionCounter:
    """Counts the images that go through any detector."""

    def __init__(self) -> None:
        self.images = 0
        original = Detector.predict_batch

        def counted(detector: Detector, images: Any) -> Any:
            self.images += len(images)
            return original(detector, images)

        Detector.predict_batch = counted  # type: ignore[method-assign]


def _measure(models: ModelPair, videos: list[Path], out: Path, rounds: int) -> None:
    threads = len(os.sched_getaffinity(0))
    counter = _DetectionCounter()
    extractors = {every: Extractor(models, "cpu", threads, every) for every in INTERVALS}
    found: dict[int, dict[Path, Extraction]] = {every: {} for every in INTERVALS}
    detections: dict[int, dict[Path, int]] = {every: {} for every in INTERVALS}
    rounds_of: dict[str, list[float]] = {}

    def ours(every: int, path: Path) -> float:
        counter.images = 0
        began = time.perf_counter()
        found[every][path] = extractors[every].extract(path)
        seconds = time.perf_counter() - began
        detections[every][path] = counter.images
        return seconds

    for _ in range(rounds):
        total: dict[str, float] = {}
        for path in videos:
            seconds_of = {name: _theirs(name, models, path, out) for name in ("easy", "rtmlib")}
            for every in TIMED:
                seconds_of[f"ours {every}"] = ours(every, path)
                people = len(found[every][path].frames)
                seconds_of[f"ideal {every}"] = _ideal(models, threads, detections[every][path], people)
            count = found[1][path].num_frames
            rates = ", ".join(f"{name} {count / seconds:.1f}" for name, seconds in seconds_of.items())
            print(f"  {path.stem:20} {rates}", flush=True)
            for name, seconds in seconds_of.items():
                total[name] = total.get(name, 0.0) + seconds
        for name, seconds in total.items():
            rounds_of.setdefault(name, []).append(seconds)
    for path in videos:
        _theirs("exact", models, path, out)
        for every in INTERVALS:
            if path not in found[every]:
                ours(every, path)

    frames = sum(extraction.num_frames for extraction in found[1].values())
    rate = {name: frames / statistics.median(seconds) for name, seconds in rounds_of.items()}
    print(f"extract: {len(videos)} videos, {frames} frames, {threads} cores, medians of {rounds} rounds; frames/s")
    print(f"  easy-dwpose's own loop       {rate['easy']:6.1f}")
    print(f"  rtmlib                       {rate['rtmlib']:6.1f}")
    for every, target in zip(TIMED, (1.5, 2.5), strict=True):
        mine, ideal = rate[f"ours {every}"], rate[f"ideal {every}"]
        print(
            f"  ours, detection every {every:2}     {mine:6.1f}   {mine / rate['easy']:.2f} times easy-dwpose, "
            f"{mine / rate['rtmlib']:.2f} times rtmlib (target {target}); {mine / ideal:.0%} of the ideal {ideal:.1f} "
            "(target 90%)"
        )
    print("  per round: " + "; ".join(f"{name} {_each(frames, seconds)}" for name, seconds in rounds_of.items()))
    _accuracy(found, detections, videos, out)


def _each(frames: int, seconds: list[float]) -> str:
    return " ".join(f"{frames / second:.1f}" for second in seconds)


def _ideal(models: ModelPair, threads: int, detections: int, people: int) -> float:
    """Seconds that the models alone take in that many threads, each with its own single-threaded sessions."""
    pairs = [[make_session(path, "cpu", 1) for path in (models.detector, models.pose)] for _ in range(threads)]
    inputs = [
        {given.name: np.random.default_rng(0).normal(size=given.shape).astype(np.float32)}
        for given in (session.get_inputs()[0] for session in pairs[0])
    ]
    turns = [[0] * detections, [1] * people]
    # Detections spread evenly among the poses, so that both threads end at the same time.
    work = iter(sorted((i / max(1, len(turn)), which) for turn in turns for i, which in enumerate(turn)))
    lock = threading.Lock()

    def run(pair: list[Any]) -> None:
        while True:
            with lock:
                which = next(work, (0.0, -1))[1]
            if which < 0:
                return
            pair[which].run(None, inputs[which])

    workers = [threading.Thread(target=run, args=(pair,)) for pair in pairs]
    for pair in pairs:
        for which in (0, 1):
            pair[which].run(None, inputs[which])
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began


def _accuracy(
    found: dict[int, dict[Path, Extraction]], detections: dict[int, dict[Path, int]], videos: list[Path], out: Path
) -> None:
    print(
        "  distances of points seen (score above 0.3) to easy-dwpose's Wholebody on the same full-resolution frames;\n"
        "  pixels, and diagonals of the face's box                    median    99 %   |  median   95 %  hands 95 %"
        "   people missed, more   detections"
    )
    truth = [_found(out, "exact", path) for path in videos]
    frames = sum(extraction.num_frames for extraction in found[1].values())
    for every in INTERVALS:
        mine = [(found[every][path].frames, found[every][path].points) for path in videos]
        _row(f"ours, detection every {every}", mine, truth, f"{sum(detections[every].values()) / frames:.0%}")
    for name in ("easy", "rtmlib"):
        _row({"easy": "easy-dwpose's own loop"}.get(name, name), [_found(out, name, path) for path in videos], truth)
    print("  ours, detection every 1, video by video")
    for path, those in zip(videos, truth, strict=True):
        _row(path.stem, [(found[1][path].frames, found[1][path].points)], [those])


Found = tuple[np.ndarray, np.ndarray]
"""Frames [N] and points [N, 128, 3]."""


def _found(out: Path, name: str, video: Path) -> Found:
    rows = results(out, name, video)
    return rows.frames, to_openpose(rows.points) if rows.points.shape[1] == 133 else rows.points


def _row(name: str, videos: list[Found], truth: list[Found], more: str = "") -> None:
    pixels, faces, hands = [], [], []
    missed = extra = 0
    for (frames, points), (true_frames, true_points) in zip(videos, truth, strict=True):
        box = true_points[:, FACE.slice, :2]
        diagonal = np.nanmedian(np.linalg.norm(np.nanmax(box, axis=1) - np.nanmin(box, axis=1), axis=1))
        for frame in np.unique(np.r_[frames, true_frames]):
            mine, those = points[frames == frame], true_points[true_frames == frame]
            missed += max(0, len(those) - len(mine))
            extra += max(0, len(mine) - len(those))
            for person in those if len(mine) else ():
                apart = np.linalg.norm(mine[..., :2] - person[:, :2], axis=-1)
                nearest = apart[np.nanmedian(apart, axis=1).argmin()]
                seen = (person[:, 2] > 0.3) & np.isfinite(nearest)
                pixels.append(nearest[seen])
                faces.append(nearest[seen] / diagonal)
                hand = np.r_[LEFT_HAND.slice, RIGHT_HAND.slice]
                hands.append(nearest[hand][seen[hand]] / diagonal)
    px, face, hand = (np.concatenate(parts) for parts in (pixels, faces, hands))
    print(
        f"    {name:52}   {np.median(px):7.3f} {np.percentile(px, 99):7.2f}   | {np.median(face):7.4f} "
        f"{np.percentile(face, 95):7.4f} {np.percentile(hand, 95):7.4f}   {missed:4} {extra:4}          {more}"
    )
