"""What users would run instead, run as they would: a script for an environment of its own, started by bench/extract.py.

    python -m bench.references easy|rtmlib|exact MODELS OUT VIDEO

easy is easy-dwpose's own loop, a frame after the other; rtmlib its detector and pose model, a frame after the other,
with the channel orders that the models want and a threshold of 0.3; exact is easy-dwpose's Wholebody on full-resolution
frames, as the reference for points. All get the frames that our decoder gives. The seconds are printed, the points kept
in OUT.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ingest.decode import Decoder

Run = Callable[[np.ndarray], np.ndarray | None]
"""A BGR image -> [P, 133 or 128, 3] in its pixels, None where nobody was found."""


def easy(detector: str, pose: str) -> Run:
    # Of torch it uses only a decorator that keeps gradients away.
    torch = types.ModuleType("torch")
    torch.inference_mode = lambda: lambda function: function
    sys.modules["torch"] = torch
    from easy_dwpose.body_estimation import Wholebody
    from easy_dwpose.dwpose import DWposeDetector

    # Its constructor would download the production models.
    loop = DWposeDetector.__new__(DWposeDetector)
    loop.pose_estimation = Wholebody(detector, pose, device="cpu")

    def run(image: np.ndarray) -> np.ndarray:
        found = loop(image[..., ::-1], draw_pose=None)
        count = len(found["faces"])
        hands, scores = found["hands"].reshape(2, count, 21, 2), found["hands_scores"].reshape(2, count, 21)
        xy = np.concatenate([found["bodies"].reshape(count, 18, 2), found["faces"], hands[0], hands[1]], axis=1)
        seen = np.concatenate([found["body_scores"] >= 0, found["faces_scores"], scores[0], scores[1]], axis=1)
        return np.concatenate([xy * image.shape[1::-1], seen[..., None]], axis=-1)

    return run


def exact(detector: str, pose: str) -> Run:
    easy(detector, pose)
    from easy_dwpose.body_estimation.detector import inference_detector
    from easy_dwpose.body_estimation.pose import inference_pose
    from onnxruntime import InferenceSession

    models = [InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (detector, pose)]

    def run(image: np.ndarray) -> np.ndarray | None:
        boxes = inference_detector(models[0], image)
        if not len(boxes):
            return None
        points, scores = inference_pose(models[1], boxes, np.ascontiguousarray(image[..., ::-1]))
        return np.concatenate([points, scores[..., None]], axis=-1)

    return run


def rtmlib(detector: str, pose: str) -> Run:
    from rtmlib import YOLOX, RTMPose

    detect = YOLOX(detector, (640, 640), score_thr=0.3)
    estimate = RTMPose(pose, (288, 384))

    def run(image: np.ndarray) -> np.ndarray | None:
        boxes = detect(image)
        points, scores = estimate(np.ascontiguousarray(image[..., ::-1]), boxes)
        return np.concatenate([points, scores[..., None]], axis=-1) if len(boxes) else None

    return run


def main(name: str, models: str, out: str, path: str) -> None:
    run = {"easy": easy, "exact": exact, "rtmlib": rtmlib}[name](
        f"{models}/yolox_nano_640.onnx", f"{models}/wholebody133_384x288.onnx"
    )
    found = []
    began = time.perf_counter()
    with Decoder(path) as video:
        for image in video:
            found.append(run(image))
    seconds = time.perf_counter() - began
    there = [(frame, people) for frame, people in enumerate(found) if people is not None]
    frames = np.repeat([frame for frame, _ in there], [len(people) for _, people in there])
    np.savez(Path(out, f"{name}-{Path(path).stem}.npz"), frames=frames, points=np.concatenate([p for _, p in there]))
    print(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
