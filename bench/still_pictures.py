"""A presenter as a still picture, with a signer of a quarter of her height in a corner.

The constants of ingest/tracking/stillness.py were chosen on such compositions, with other movements, encoders' settings
and pairs of signers beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from bench.composed_videos import HEIGHT, WIDTH
from bench.synthetic_scenes import Scene
from signverse.ingest.extract.extractor import find_people
from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session
from signverse.lake.media.decode import Decoder

FRAMES: Final = 72
_INSET_HEIGHT: Final = 125

_Move = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _moved(image: np.ndarray, size: float, right: float, down: float, degrees: float = 0) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, size)
    matrix[:, 2] += (right, down)
    return cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def _noisy(image: np.ndarray, _: float, random: np.random.Generator) -> np.ndarray:
    return np.clip(image + random.normal(0, 10, image.shape), 0, 255).astype(np.uint8)


MOVES: Final[dict[str, _Move]] = {
    "frozen": lambda image, *_: image,
    "noisy": _noisy,
    "panned": lambda image, share, _: _moved(image, 1, -60 + 120 * share, 0),
    "zoomed": lambda image, share, _: _moved(image, 1 + 0.4 * share, 0, 20 * share),
    "tilted": lambda image, share, _: _moved(image, 1.1, 0, 0, -4 + 8 * share),
}
"""What happens to the picture: takes it, the share of the time that has passed, and a source of chance."""

PAIRS: Final = (
    ("signer_720p24.mp4", "bsl_360p25.mp4"),
    ("libras_1080p30_vp9.webm", "sentence_720p30.mp4"),
    ("sentence_720p30.mp4", "bsl_360p25.mp4"),
    ("bsl_360p25.mp4", "sentence_720p30.mp4"),
    ("football_360p2997.mp4", "bsl_360p25.mp4"),
)
"""Who is the picture, and who signs."""


def compose(data: Path, move: str, presenter: str, signer: str) -> list[np.ndarray]:
    """The frames, uint8 [540, 960, 3], BGR."""
    picture = _on_grey(_frames(data / "videos" / presenter, 41)[-1])
    random = np.random.default_rng(0)
    frames = []
    for t, image in enumerate(_frames(data / "videos" / signer, FRAMES)):
        frame = MOVES[move](picture, t / FRAMES, random).copy()
        inset = _fitted(image, _INSET_HEIGHT)
        frame[-10 - len(inset) : -10, -10 - inset.shape[1] : -10] = inset
        frames.append(frame)
    return frames


def still_scenes(data: Path) -> Iterator[Scene]:
    """Each movement with another pair, through the real models; the primary signer is the smaller of two."""
    detector = Detector(make_session(data / "models" / "yolox_nano_640.onnx", "cpu"))
    pose = PoseEstimator(make_session(data / "models" / "wholebody133_384x288.onnx", "cpu"))
    for move, (presenter, signer) in zip(MOVES, PAIRS, strict=True):
        images = compose(data, move, presenter, signer)
        scene = Scene(f"a picture, {move}, and a signer in a corner", 1)
        for boxes, raw in find_people(iter(images), images[0].nbytes, detector, pose, 6, threads=1):
            scene.boxes.append(boxes)
            scene.points.append(to_openpose(raw))
            scene.truth.append((boxes[:, 3] - boxes[:, 1] < HEIGHT / 2).astype(np.int64))
        yield scene


def _frames(path: Path, count: int) -> list[np.ndarray]:
    with Decoder(path) as video:
        return [image.copy() for image, _ in zip(video, range(count), strict=False)]


def _fitted(image: np.ndarray, height: int) -> np.ndarray:
    return cv2.resize(image, (round(image.shape[1] * height / len(image)), height), interpolation=cv2.INTER_AREA)


def _on_grey(image: np.ndarray) -> np.ndarray:
    """In the middle of the picture, cut off where it is wider."""
    image = _fitted(image, HEIGHT)
    cut = max(0, (image.shape[1] - WIDTH) // 2)
    image = image[:, cut : cut + WIDTH]
    ground = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    left = (WIDTH - image.shape[1]) // 2
    ground[:, left : left + image.shape[1]] = image
    return ground
