"""Who is who: identity switches a minute, the share of people with the right number, and speed.

    python -m bench people                # on made keypoints, and on composed videos where shared/data is there
    python -m bench.people FOLDER         # the composed videos alone; pictures of them go into the folder

A switch is a person whose number is another than when it was last seen. Right is the number that is the person's in
the best one-to-one reading of the numbers over the whole video; primary is the share of the primary signer's frames in
which it is person 0. Beside ours: the order in which the detector lists people, and the rule before this one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from bench.composed import film, stories
from bench.people_before import assign_people_before
from bench.scenes import Scene, scenes
from ingest.matching import best_pairs
from ingest.people import assign_people, number_people
from ingest.sample.synthetic import make_signer
from lake.skeleton import BODY, BODY_LIMBS, SEEN

SEEDS: Final = 10
_SPEED_FRAMES: Final = 20_000
_PICTURES: Final = 12
_COLOURS: Final = ((60, 180, 75), (0, 130, 245), (200, 80, 180), (0, 225, 255))

Numbers = Sequence[np.ndarray]
RULES: dict[str, Callable[[list[np.ndarray], list[np.ndarray]], Numbers]] = {
    "detector's order": lambda boxes, points: [np.arange(len(frame)) for frame in boxes],
    "rule before": assign_people_before,
    "ours": assign_people,
}


@dataclass(frozen=True)
class Figures:
    """Of one video: switches a minute, and the shares of right numbers and of the primary signer as person 0."""

    switches: float
    right: float
    primary: float


def judge(scene: Scene, numbers: Numbers) -> Figures:
    """Compare numbers with the truth; who is nobody (-1) is passed over."""
    together = np.zeros((32, 128))
    last: dict[int, int] = {}
    switches = 0
    for who, given in zip(scene.truth, numbers, strict=True):
        for person, number in zip(who.tolist(), given.tolist(), strict=True):
            if person >= 0:
                together[person, number] += 1
                switches += last.get(person, number) != number
                last[person] = number
    right = sum(together[pair] for pair in best_pairs(together))
    primary = together[scene.primary]
    return Figures(switches / scene.minutes, float(right / together.sum()), float(primary[0] / primary.sum()))


def main(folder: Path | None = None) -> None:
    if folder is None:
        _speed()
        print(f"people: made keypoints, {SEEDS} times each scene")
        made = [scene for seed in range(SEEDS) for scene in scenes(seed)]
        for name in dict.fromkeys(scene.name for scene in made):
            _table(name, [scene for scene in made if scene.name == name])
    data = Path(os.environ.get("SIGNVERSE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not (data / "videos").is_dir():
        print("people: no composed videos: shared/data is not there")
        return
    print("people: composed of real signers, detected on every frame by the stand-in models")
    for name, roles in stories(data):
        scene, images = film(name, roles, data / "models")
        _table(name, [scene])
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"people-{name.split(':')[0].replace(' ', '-')}.png"
            cv2.imwrite(str(path), picture(scene, images))
            print(f"    {path}")


def _table(name: str, some: list[Scene]) -> None:
    print(f"  {name}")
    for rule, assign in RULES.items():
        numbers = [assign(scene.boxes, scene.points) for scene in some]
        found = [judge(scene, given) for scene, given in zip(some, numbers, strict=True)]
        switches, right, primary = (
            np.array([getattr(f, key) for f in found]) for key in ("switches", "right", "primary")
        )
        events = ", ".join(getattr(numbers[0], "events", ()))
        print(
            f"    {rule:16} {switches.mean():8.1f} switches a minute (most {switches.max():7.1f})   "
            f"right {right.mean():6.1%} (least {right.min():6.1%})   primary {primary.mean():6.1%}   {events}"
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
        before = _rate(lambda lists=lists: assign_people_before(*lists))
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


def picture(scene: Scene, images: list[np.ndarray]) -> np.ndarray:
    """Frames of a video, evenly spread, above as the detector lists people and below as they are numbered here."""
    shown = np.linspace(0, len(images) - 1, _PICTURES).round().astype(int)
    rules = {rule: RULES[rule](scene.boxes, scene.points) for rule in ("detector's order", "ours")}
    strips = []
    for rule, numbers in rules.items():
        tiles = [
            _drawn(images[t], scene.boxes[t], scene.points[t], numbers[t], f"{rule}, {t / 24:.1f} s") for t in shown
        ]
        strips += [np.concatenate(tiles[i : i + 6], axis=1) for i in range(0, _PICTURES, 6)]
    return np.concatenate(strips)


def _drawn(image: np.ndarray, boxes: np.ndarray, points: np.ndarray, numbers: np.ndarray, words: str) -> np.ndarray:
    image = image.copy()
    for box, person, number in zip(boxes, points[:, BODY.slice], numbers.tolist(), strict=True):
        colour = _COLOURS[min(number, len(_COLOURS) - 1)]
        corners = np.nan_to_num(box).round().astype(int).tolist()
        cv2.rectangle(image, corners[:2], corners[2:4], colour, 4)
        cv2.putText(image, str(number), (corners[0] + 8, corners[1] + 52), cv2.FONT_HERSHEY_SIMPLEX, 1.8, colour, 5)
        for one, other in BODY_LIMBS:
            if min(person[one, 2], person[other, 2]) > SEEN:
                ends = person[[one, other], :2].round().astype(int).tolist()
                cv2.line(image, ends[0], ends[1], colour, 3)
    cv2.putText(image, words, (12, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3)
    return cv2.resize(image, (320, 180), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
