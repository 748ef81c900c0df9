"""Drawing people: frames of 720p a second of a core, in each style, and how equal they are to the originals.

    python -m bench drawing

One signer, synthetic, of the sample that the package carries. The originals are the drawings of easy-dwpose 1.0.2.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any, Final

import cv2
import numpy as np

from bench.references import NoReferencesError, environment
from signverse import ingest
from signverse.export.draw.defaults import STYLES
from signverse.export.draw.encoders import encode
from signverse.export.draw.film import Film
from signverse.export.draw.scene import scene_of
from signverse.export.draw.skeleton import draw_people
from signverse.export.draw.styles.registry import paint_people, painter
from signverse.ingest.shards.importer import import_shards
from signverse.ingest.shards.reader import Options
from signverse.lake.lake import Lake
from signverse.lake.model.skeleton import BODY, FACE, LEFT_HAND, RIGHT_HAND

VIDEO: Final = "synthASE001"
WIDTH, HEIGHT = 1280, 720
_ROUNDS: Final = 5
_FRAMES: Final = 60

Draw = Callable[[np.ndarray], Any]


def main() -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as temporary:
        lake = Lake.create(Path(temporary, "lake"))
        import_shards(lake, [Path(ingest.__file__).parent / "sample" / "synthetic.tar"], Options())
        lake.refresh()
        frames = lake.keypoints(VIDEO, mask_hidden=True)[:_FRAMES, None]
        ways: dict[str, Draw] = {style: _in_style(style) for style in STYLES}
        ways["as stills (Pillow, 4 times as large)"] = lambda people: draw_people(people, WIDTH, HEIGHT)
        originals = original_drawings(WIDTH, HEIGHT)
        ways |= {f"easy-dwpose's {name}": draw for name, draw in originals.items()}
        for name, rate in _rates(ways, frames).items():
            print(f"drawing: {name:36} {rate:8,.0f} frames/s of a core", flush=True)
        for name, draw in originals.items():
            differ = drawn = most = 0
            for people in frames:
                theirs, ours = draw(people), ways[name](people)
                apart = np.abs(theirs.astype(int) - ours).max(axis=-1)
                differ, drawn = differ + int((apart > 0).sum()), drawn + int(theirs.any(axis=-1).sum())
                most = max(most, int(apart.max()))
            print(f"drawing: {name} and the original differ in {differ} of {drawn:,} pixels drawn, by at most {most}")
        _encoding(lake, Path(temporary))


def _in_style(style: str) -> Draw:
    paint = painter(style)
    return lambda people: paint_people(people, WIDTH, HEIGHT, paint)


def _rates(ways: dict[str, Draw], frames: np.ndarray) -> dict[str, float]:
    """Frames a second of processor time, the median of rounds in which all take their turns."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, draw in ways.items():
            some = frames if name in STYLES else frames[:10]
            start = time.process_time()
            for people in some:
                draw(people)
            rates[name].append(len(some) / (time.process_time() - start))
    return {name: median(values) for name, values in rates.items()}


def _encoding(lake: Lake, folder: Path) -> None:
    scene = scene_of(lake, VIDEO)
    plain = folder / "plain.mp4"
    for name, media in (("drawn and written as mp4", None), ("decoded, drawn on and written as mp4", plain)):
        start = time.process_time()
        out = plain if media is None else folder / "over.mp4"
        encode(out, "mp4", Film().pictures(scene, media=media), first=0, total=len(scene))
        taken = time.process_time() - start
        kb = out.stat().st_size / len(scene) / 1e3
        print(f"drawing: {name:36} {len(scene) / taken:8,.0f} frames/s of a core, {kb:.1f} kB a frame", flush=True)


def original_drawings(width: int, height: int) -> dict[str, Draw]:
    """easy-dwpose's drawings on frames of this size, by the names of our styles; none where they cannot be had.

    Two as the published visualiser has them: openpose drops all points below 0.6, controlnext does not shade the body.
    """
    try:
        python = environment()
    except NoReferencesError as error:
        print(f"drawing: without the originals: {error}")
        return {}
    folder = next(python.parents[1].glob("lib/python*/site-packages/easy_dwpose/draw"))
    draw_openpose, mimic_motion = _module(folder / "openpose.py"), _module(folder / "mimic_motion.py")

    def dwpose(people: np.ndarray) -> np.ndarray:
        drawn: np.ndarray = draw_openpose.draw_pose(_as_pose(people, width, height), height, width)
        return drawn

    def controlnext(people: np.ndarray) -> np.ndarray:
        pose, larger = _as_pose(people, width, height), 2160 / min(width, height)
        canvas = np.zeros((int(height * larger), int(width * larger), 3), np.uint8)
        there = np.where(np.isnan(people[:, BODY.slice, 0]), -1.0, 1.0)
        indexes = np.where(there > 0, np.arange(BODY.size * len(people)).reshape(-1, BODY.size), -1)
        canvas = mimic_motion.draw_bodypose(canvas, pose["bodies"], indexes, there)
        canvas = mimic_motion.draw_handpose(canvas, pose["hands"], pose["hands_scores"])
        canvas = mimic_motion.draw_facepose(canvas, pose["faces"], pose["faces_scores"])
        return np.asarray(cv2.cvtColor(cv2.resize(canvas, (width, height)), cv2.COLOR_BGR2RGB))

    def openpose(people: np.ndarray) -> np.ndarray:
        sure = people.copy()
        sure[people[..., 2] < 0.6] = np.nan, np.nan, 0
        return dwpose(sure)

    return {"openpose": openpose, "dwpose": dwpose, "controlnext": controlnext}


def _module(path: Path) -> ModuleType:
    """A file of another package, which would import PyTorch as a whole."""
    spec = importlib.util.spec_from_file_location(f"original_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _as_pose(people: np.ndarray, width: int, height: int) -> dict[str, Any]:
    """People [P, 128, 3] as easy-dwpose has them: shares of the frame, hands one below the other, indexes of joints."""
    places = np.nan_to_num(people[..., :2].astype(float)) / (width, height)
    scores = np.minimum(np.nan_to_num(people[..., 2].astype(float), nan=1.0), 1.0)
    numbers = np.arange(BODY.size * len(people)).reshape(-1, BODY.size)

    def stacked(values: np.ndarray, parts: Iterable[slice]) -> np.ndarray:
        return np.concatenate([values[:, part] for part in parts])

    hands = (LEFT_HAND.slice, RIGHT_HAND.slice)
    return {
        "bodies": places[:, BODY.slice].reshape(-1, 2),
        "body_scores": np.where(scores[:, BODY.slice] > 0.3, numbers, -1).astype(float),
        "hands": stacked(places, hands),
        "hands_scores": stacked(scores, hands),
        "faces": places[:, FACE.slice],
        "faces_scores": scores[:, FACE.slice],
    }
