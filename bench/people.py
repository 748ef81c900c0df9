"""Tracking: identity switches a minute, the share of people with the correct number, and speed.

    python -m bench people      on synthetic keypoints, and on composed videos if the sample videos are there

A switch is a person whose number differs from when they were last seen. Correct ("right") is a number that agrees with
the best one-to-one assignment of numbers to people over the whole video; "primary" is the share of the primary signer's
frames in which they are person 0. Beside ours: the order in which the detector lists people, and a plain IoU tracker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.composed_videos import film, stories
from bench.held_out_videos import held_out_stories
from bench.iou_baseline import assign_people_by_iou
from bench.sample_videos import data_folder
from bench.still_pictures import still_scenes
from bench.synthetic_scenes import Scene, scenes
from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.sample.signer import make_signer
from signverse.ingest.tracking.assignment import best_assignment
from signverse.ingest.tracking.identities import assign_people, number_people

SEEDS: Final = 10
_SPEED_FRAMES: Final = 20_000

Numbers = Sequence[np.ndarray]
RULES: dict[str, Callable[[list[np.ndarray], list[np.ndarray]], Numbers]] = {
    "detector's order": lambda boxes, points: [np.arange(len(frame)) for frame in boxes],
    "IoU tracker": assign_people_by_iou,
    "ours": assign_people,
}


@dataclass(frozen=True)
class Figures:
    """Figures of one video: switches a minute, shares of correct numbers and of the primary signer as person 0."""

    switches: float
    right: float
    primary: float


def judge(scene: Scene, numbers: Numbers) -> Figures:
    """Compare numbers with the truth; detections of nobody (-1) are ignored."""
    agreement = np.zeros((32, 128))
    last: dict[int, int] = {}
    switches = 0
    for frame_truth, frame_numbers in zip(scene.truth, numbers, strict=True):
        for person, number in zip(frame_truth.tolist(), frame_numbers.tolist(), strict=True):
            if person >= 0:
                agreement[person, number] += 1
                switches += last.get(person, number) != number
                last[person] = number
    right = sum(agreement[pair] for pair in best_assignment(agreement))
    primary = agreement[scene.primary]
    return Figures(switches / scene.minutes, float(right / agreement.sum()), float(primary[0] / primary.sum()))


def main() -> None:
    _speed()
    print(f"people: synthetic keypoints, {SEEDS} times each scene")
    synthetic = [scene for seed in range(SEEDS) for scene in scenes(seed)]
    for name in dict.fromkeys(scene.name for scene in synthetic):
        _table(name, [scene for scene in synthetic if scene.name == name])
    data = data_folder()
    if data is None:
        print("people: no composed videos: name the folder of the sample videos in SIGNVERSE_TEST_DATA")
        return
    print("people: composed of real signers, detected on every frame by the stand-in models")
    for name, roles in stories(data):
        scene, _ = film(name, roles, data / "models")
        _table(name, [scene])
    print("people: a presenter as a still picture, and a signer in a corner")
    for scene in still_scenes(data):
        _table(scene.name, [scene])
    print("people: held out: composed of other signers, written after the tracker was tuned")
    held_out: dict[int, list[Scene]] = {every: [] for every in (1, DETECT_EVERY)}
    for name, roles in held_out_stories(data):
        for every, filmed in held_out.items():
            filmed.append(film(name, roles, data / "models", every)[0])
            _table(f"{name}; detection every {every}", filmed[-1:], primary=False)
    for every, filmed in held_out.items():
        _table(f"all held out; detection every {every}", filmed, primary=False)


def _table(name: str, videos: list[Scene], primary: bool = True) -> None:
    """Print the figures of each rule; without `primary` for videos with no defined primary signer."""
    print(f"  {name}")
    for rule, assign in RULES.items():
        numbers = [assign(scene.boxes, scene.points) for scene in videos]
        found = [judge(scene, given) for scene, given in zip(videos, numbers, strict=True)]
        switches, right, first = (
            np.array([getattr(f, key) for f in found]) for key in ("switches", "right", "primary")
        )
        words = [f"primary {first.mean():6.1%}"] if primary else []
        if len(videos) == 1:
            words.append(", ".join(getattr(numbers[0], "events", ())))
        print(
            f"    {rule:16} {switches.mean():8.1f} switches a minute (most {switches.max():7.1f})   "
            f"right {right.mean():6.1%} (least {right.min():6.1%})   {'   '.join(words)}",
            flush=True,
        )


def _speed() -> None:
    for count in (1, 2, 3):
        signers = [
            make_signer(seed, _SPEED_FRAMES, 1280, 720, centre=0.2 + 0.3 * seed, size=0.5) for seed in range(count)
        ]
        points = np.stack(signers, axis=1)
        boxes = np.concatenate([np.nanmin(points[..., :2], axis=2), np.nanmax(points[..., :2], axis=2)], axis=-1)
        lists = list(boxes), list(points)
        rows = np.repeat(np.arange(_SPEED_FRAMES), count), boxes.reshape(-1, 4), points.reshape(-1, 128, 3)
        before = _rate(lambda lists=lists: assign_people_by_iou(*lists))
        framewise = _rate(lambda lists=lists: assign_people(*lists))
        flat = _rate(lambda rows=rows: number_people(*rows))
        print(
            f"people: frames a second with {count}: before {before:9,.0f}   ours, frame by frame {framewise:9,.0f}   "
            f"as rows {flat:9,.0f}"
        )


def _rate(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return _SPEED_FRAMES / min(times)
