"""Videos composed of real signers who were cut out of their own videos, so that it is known who is where.

The signers of three sample videos stand before plain backgrounds and can be cut out by colour. They are played
forwards and backwards and moved over a grey background, the larger in front of the smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.synthetic_scenes import Scene
from signverse.ingest.extract.extractor import find_people
from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session
from signverse.ingest.tracking.detections import TRACKED_JOINTS, iou
from signverse.lake.media.decode import Decoder
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.skeleton import BODY
from signverse.lake.model.thresholds import SEEN

WIDTH, HEIGHT = 960, 540
# The points of the face are no better, and would outvote these.
_BODY_JOINTS = [joint for joint in TRACKED_JOINTS if joint < BODY.size]


def _green(image: np.ndarray) -> np.ndarray:
    blue, green, red = (image[..., i].astype(int) for i in range(3))
    return green - np.maximum(blue, red) < 12


def _white(image: np.ndarray) -> np.ndarray:
    return image.min(axis=-1) < 225


def _blue(image: np.ndarray) -> np.ndarray:
    return image[..., 0].astype(int) - image[..., 2] < 22


SIGNERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "signer_720p24.mp4": _green,
    "libras_1080p30_vp9.webm": _white,
    "sentence_720p30.mp4": _blue,
}
"""The videos, and what in them is not background."""


@dataclass
class CutOut:
    """A signer frame by frame: BGR images and masks, 480 pixels high, cropped to where the signer ever is."""

    images: list[np.ndarray]
    masks: list[np.ndarray]


def cut_out(path: Path, is_signer: Callable[[np.ndarray], np.ndarray], frames: int = 120) -> CutOut:
    """The signer of a video: the largest patch that is not background, with its holes filled."""
    images, masks = [], []
    with Decoder(path) as video:
        for image in video:
            image = cv2.resize(image, (480 * image.shape[1] // image.shape[0], 480))
            # Gaps of a few pixels are closed, such as a neck in the shade.
            solid = cv2.morphologyEx(is_signer(image).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
            _, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
            largest = (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
            outlines, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            masks.append(cv2.drawContours(np.zeros_like(largest), outlines, -1, 1, -1).astype(bool))
            images.append(image)
            if len(images) == frames:
                break
    across, down = (np.flatnonzero(np.any(masks, axis=(0, axis))) for axis in (1, 2))
    part = np.s_[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    return CutOut([image[part] for image in images], [mask[part] for mask in masks])


def mirrored(who: CutOut) -> CutOut:
    return CutOut([image[:, ::-1] for image in who.images], [mask[:, ::-1] for mask in who.masks])


@dataclass
class Role:
    """Where a signer is: the middle's x as a share of the picture and the size, frame by frame; nan is away."""

    who: CutOut
    x: np.ndarray
    size: np.ndarray


def compose(roles: list[Role]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames uint8 [540, 960, 3], BGR, and who is seen at each pixel, int8 [540, 960]; -1 is nobody."""
    shade = np.linspace(90, 150, HEIGHT).astype(np.uint8)
    for t in range(len(roles[0].x)):
        image = np.broadcast_to(shade[:, None, None], (HEIGHT, WIDTH, 3)).copy()
        owner = np.full((HEIGHT, WIDTH), -1, np.int8)
        for n in sorted(range(len(roles)), key=lambda n: roles[n].size[t]):
            role = roles[n]
            if np.isfinite(role.x[t]):
                _paste(image, owner, role, t, n)
        yield image, owner


def _paste(image: np.ndarray, owner: np.ndarray, role: Role, t: int, number: int) -> None:
    count = len(role.who.images)
    # Forwards and backwards, so that nothing jumps.
    at = t % (2 * count - 2)
    at = min(at, 2 * count - 2 - at)
    size = float(role.size[t])
    part = cv2.resize(role.who.images[at], None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(role.who.masks[at].astype(np.uint8), part.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    top = HEIGHT - part.shape[0]
    left = round(float(role.x[t]) * WIDTH - part.shape[1] / 2)
    rows = slice(max(top, 0), HEIGHT)
    columns = slice(max(left, 0), min(left + part.shape[1], WIDTH))
    if columns.stop <= columns.start:
        return
    inner = np.s_[rows.start - top :, columns.start - left : columns.stop - left]
    image[rows, columns][mask[inner]] = part[inner][mask[inner]]
    owner[rows, columns][mask[inner]] = number


def stories(data: Path) -> Iterator[tuple[str, list[Role]]]:
    """Composed videos of 8 seconds, each by name. Person 0 of each is the largest, whose hands never rest."""
    first, second, third = (cut_out(data / "videos" / name, key) for name, key in SIGNERS.items())
    n = int(8 * FPS)
    t = np.arange(n) / FPS
    swing = 0.5 + 0.24 * np.cos(2 * np.pi * t / 5)
    still = np.ones(n)
    yield "two cross", [Role(first, swing, 1.0 * still), Role(second, 1 - swing, 0.85 * still)]

    away = np.where((t > 3) & (t < 5.5), np.nan, 0.85)
    walk = (t > 2) & (t <= 3)
    away[walk] = 0.85 + 0.35 * (t[walk] - 2)
    walk = (t >= 5.5) & (t < 6.5)
    away[walk] = 1.2 - 0.35 * (t[walk] - 5.5)
    walker = 0.15 + 0.45 * (1 - np.cos(2 * np.pi * t / 8)) / 2
    yield (
        "three: one leaves and returns, one walks behind another",
        [Role(first, 0.42 * still, 0.95 * still), Role(second, walker, 0.7 * still), Role(third, away, 0.75 * still)],
    )

    shot = (t // 2).astype(int) % 2
    yield (
        "cuts between both and one",
        [
            Role(first, np.where(shot == 0, 0.28, 0.5), np.where(shot == 0, 0.8, 1.1)),
            Role(second, np.where(shot == 0, 0.72, np.nan), np.where(shot == 0, 0.75, 1.0)),
        ],
    )


def film(name: str, roles: list[Role], models: Path, every: int = 1) -> tuple[Scene, list[np.ndarray]]:
    """A composed video through the real models, and its images.

    The truth of a detection is the person on whom three quarters of its head and shoulders lie. A mixture of two, as
    the model finds for occluded people, is nobody: -1. So is the worse of two detections of one person.
    """
    detector = Detector(make_session(models / "yolox_nano_640.onnx", "cpu"))
    pose = PoseEstimator(make_session(models / "wholebody133_384x288.onnx", "cpu"))
    composed = list(compose(roles))
    images = [image for image, _ in composed]
    scene = Scene(name, 0)
    found = find_people(iter(images), images[0].nbytes, detector, pose, every, threads=1)
    for (boxes, raw), (_, owner) in zip(found, composed, strict=True):
        points = to_openpose(raw)
        scene.boxes.append(boxes)
        scene.points.append(points)
        scene.truth.append(_true_person(boxes, points, owner))
    return scene, images


def _true_person(boxes: np.ndarray, points: np.ndarray, owner: np.ndarray) -> np.ndarray:
    truth = np.full(len(points), -1)
    fit = np.zeros(int(owner.max()) + 1)
    for row, (box, person) in enumerate(zip(boxes, points[:, _BODY_JOINTS], strict=True)):
        x, y, score = person.T
        inside = (score > SEEN) & (x >= 0) & (x < WIDTH) & (y >= 0) & (y < HEIGHT)
        if not inside.any():
            continue
        owners, count = np.unique(owner[y[inside].astype(int), x[inside].astype(int)], return_counts=True)
        who = owners[count.argmax()]
        if who < 0 or count.max() < 0.75 * inside.sum():
            continue
        down, across = np.nonzero(owner == who)
        fits = iou(box[:4], np.array([across.min(), down.min(), across.max() + 1, down.max() + 1], np.float32))
        if fits > fit[who]:
            truth[truth == who] = -1
            truth[row], fit[who] = who, fits
    return truth
