"""easy-dwpose and rtmlib, run as their users would, in an environment of their own.

easy-dwpose's pins conflict with our dependencies; it and rtmlib are therefore installed into an environment that is
made once and kept in the user's cache. This file runs there as a script:

    python -m bench.references easy|rtmlib|exact MODELS OUT INPUT...

easy is easy-dwpose's own loop, frame by frame; rtmlib its detector and pose model, frame by frame, with the channel
orders that the models need and a threshold of 0.3; exact is easy-dwpose's Wholebody on full-resolution frames, the
reference for boxes and points. An input is a video, decoded by our decoder for all, or a .npy of frames uint8
[T, H, W, 3], BGR. The seconds for each are printed, results are written to OUT.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

ROOT: Final = Path(__file__).parents[1]
_REFERENCES: Final = ("easy-dwpose==1.0.2", "rtmlib==0.0.16")
_NEEDS: Final = ("numpy", "opencv-python-headless", "onnxruntime", "pillow", "huggingface-hub", "av", "tqdm")
_UNREACHED: Final = ("Failed to fetch", "error sending request", "network was disabled")

Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray] | None]
"""A BGR image -> boxes [P, 4] and points [P, 133 or 128, 3] in its pixels, None where nobody was found."""


class NoReferencesError(Exception):
    """The environment of the references cannot be made: uv is missing, or the package registry cannot be reached."""


@dataclass(frozen=True)
class Results:
    """What a reference found in one input, one row for each person in each frame.

    Attributes:
        frames: int [N], counted from 0, not falling.
        boxes: [N, 4], nan if the reference does not return them.
        points: [N, 133 or 128, 3].
    """

    frames: np.ndarray
    boxes: np.ndarray
    points: np.ndarray


def environment() -> Path:
    """The Python of the references' environment, which is made if it does not exist.

    It is in the user's cache, or in the folder that SIGNVERSE_BENCH_REFERENCES names.

    Raises:
        NoReferencesError: it does not exist and cannot be made.
    """
    from platformdirs import user_cache_path

    named = os.environ.get("SIGNVERSE_BENCH_REFERENCES")
    folder = (Path(named) if named else user_cache_path("signverse")) / "-".join(("references", *_REFERENCES))
    python = folder / "bin" / "python"
    if python.exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        raise NoReferencesError("uv is not installed")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made under another name first: an interrupted attempt is never used, and two processes may try at once.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="references-") as beside:
        made = Path(beside) / "made"
        subprocess.run([uv, "venv", "--quiet", made], check=True)
        for packages in (("--no-deps", *_REFERENCES), _NEEDS):
            install = [uv, "pip", "install", "--quiet", "--python", made / "bin" / "python", *packages]
            ran = subprocess.run(install, capture_output=True, text=True)
            if any(sign in ran.stderr for sign in _UNREACHED):
                raise NoReferencesError("the package registry cannot be reached")
            if ran.returncode:
                raise RuntimeError(f"the environment of the references cannot be made:\n{ran.stderr}")
        if not python.exists():
            made.rename(folder)
    return python


def run_reference(name: str, models: Path, out: Path, *inputs: Path) -> list[float]:
    """Run easy, rtmlib or exact on videos or arrays of frames; results are written to `out`.

    Args:
        models: the folder of yolox_nano_640.onnx and wholebody133_384x288.onnx.

    Returns:
        The seconds that each input took, without the start.
    """
    command = [environment(), "-m", "bench.references", name, models, out, *inputs]
    # Our package is not installed there.
    paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    ran = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}
    )
    if ran.returncode:
        raise RuntimeError(f"{name} failed:\n{ran.stderr}")
    return [float(line) for line in ran.stdout.splitlines()[-len(inputs) :]]


def results(out: Path, name: str, path: Path) -> Results:
    """The results of `run_reference` for an input."""
    with np.load(out / f"{name}-{path.stem}.npz") as file:
        return Results(file["frames"], file["boxes"].astype(np.float32), file["points"].astype(np.float32))


def easy(detector: str, pose: str) -> Run:
    # It uses nothing of torch but a decorator that disables gradients.
    torch = types.ModuleType("torch")
    torch.inference_mode = lambda: lambda function: function
    sys.modules["torch"] = torch
    from easy_dwpose.body_estimation import Wholebody
    from easy_dwpose.dwpose import DWposeDetector

    # Its constructor would download the production models.
    loop = DWposeDetector.__new__(DWposeDetector)
    loop.pose_estimation = Wholebody(detector, pose, device="cpu")

    def run(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = loop(image[..., ::-1], draw_pose=None)
        count = len(found["faces"])
        hands, scores = found["hands"].reshape(2, count, 21, 2), found["hands_scores"].reshape(2, count, 21)
        xy = np.concatenate([found["bodies"].reshape(count, 18, 2), found["faces"], hands[0], hands[1]], axis=1)
        seen = np.concatenate([found["body_scores"] >= 0, found["faces_scores"], scores[0], scores[1]], axis=1)
        points = np.concatenate([xy * image.shape[1::-1], seen[..., None]], axis=-1)
        return np.full((count, 4), np.nan), points

    return run


def exact(detector: str, pose: str) -> Run:
    easy(detector, pose)
    from easy_dwpose.body_estimation.detector import inference_detector
    from easy_dwpose.body_estimation.pose import inference_pose

    # Its import calls home otherwise.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from onnxruntime import InferenceSession

    models = [InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (detector, pose)]

    # The lines of its Wholebody.__call__, with the channel order that each of the models wants.
    def run(image: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        boxes = inference_detector(models[0], image)
        if not len(boxes):
            return None
        points, scores = inference_pose(models[1], boxes, np.ascontiguousarray(image[..., ::-1]))
        return boxes, np.concatenate([points, scores[..., None]], axis=-1)

    return run


def rtmlib(detector: str, pose: str) -> Run:
    from rtmlib import YOLOX, RTMPose

    # Of this version the mode "human" gives the boxes of all 80 classes, ties and chairs too.
    detect = YOLOX(detector, (640, 640), det_mode="multiclass", score_thr=0.3)
    estimate = RTMPose(pose, (288, 384))

    def run(image: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        boxes, classes = detect(image)
        boxes = boxes[classes == 0]
        points, scores = estimate(np.ascontiguousarray(image[..., ::-1]), boxes)
        return (boxes, np.concatenate([points, scores[..., None]], axis=-1)) if len(boxes) else None

    return run


def main(name: str, models: str, out: str, *paths: str) -> None:
    from signverse.lake.media.decode import Decoder

    run = {"easy": easy, "exact": exact, "rtmlib": rtmlib}[name](
        f"{models}/yolox_nano_640.onnx", f"{models}/wholebody133_384x288.onnx"
    )

    def run_all(images: Iterable[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray] | None]:
        return [run(image) for image in images]

    for path in map(Path, paths):
        began = time.perf_counter()
        if path.suffix == ".npy":
            found = run_all(np.load(path))
        else:
            with Decoder(path) as video:
                found = run_all(video)
        print(time.perf_counter() - began)
        frames = [(frame, *people) for frame, people in enumerate(found) if people is not None]
        np.savez(
            Path(out, f"{name}-{path.stem}.npz"),
            frames=np.repeat([frame for frame, *_ in frames], [len(boxes) for _, boxes, _ in frames]).astype(int),
            boxes=np.concatenate([np.empty((0, 4)), *(boxes for _, boxes, _ in frames)]),
            points=np.concatenate(
                [np.empty((0, 128 if name == "easy" else 133, 3)), *(points for *_, points in frames)]
            ),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
