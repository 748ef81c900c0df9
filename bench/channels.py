"""The order of the detector's input channels: people found with BGR, as we do, and with RGB.

    python -m bench channels

easy-dwpose uses RGB. The pose model takes RGB in both.
"""

from __future__ import annotations

import numpy as np

from bench.sample_videos import data_folder, has_people, sample_videos, spread_frames
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.runtime import make_session

_FRAMES = 60


def main() -> None:
    data = data_folder()
    if data is None:
        print("channels: no sample videos and models: name their folder in SIGNVERSE_TEST_DATA")
        return
    print(
        f"channels: frames in which somebody is found, of up to {_FRAMES} of each video; the mean score of the surest"
    )
    for model in ("yolox_nano_640.onnx", "yolox_nano.onnx"):
        detector = Detector(make_session(data / "models" / model, "cpu"))
        total = np.zeros(3, int)
        for video in sample_videos(data):
            _, images = spread_frames(video, _FRAMES)
            bgr = [detector(image) for image in images]
            rgb = [detector(np.ascontiguousarray(image[..., ::-1])) for image in images]
            _row(f"{model[:-5]}, {video.stem}", len(images), bgr, rgb)
            if has_people(video):
                total += [len(images), *(sum(len(people) > 0 for people in found) for found in (bgr, rgb))]
        frames, with_bgr, with_rgb = total.tolist()
        print(f"  {model[:-5]}, all with a signer: of {frames} frames {with_bgr} with BGR, {with_rgb} with RGB")


def _row(name: str, frames: int, bgr: list[np.ndarray], rgb: list[np.ndarray]) -> None:
    words = []
    for order, found in (("BGR", bgr), ("RGB", rgb)):
        scores = [people[0, 4] for people in found if len(people)]
        words.append(f"{order} {len(scores):3} ({np.mean(scores) if scores else 0:.2f})")
    print(f"  {name:36} of {frames:3}: {'   '.join(words)}", flush=True)
