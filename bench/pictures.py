"""Pictures: the references and ours on the same frames, each style of drawing, and who is who in a composed video.

    python -m bench pictures --out DIR

The footage belongs to third parties: do not commit the pictures.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.composed_videos import film, stories
from bench.drawing import original_drawings
from bench.people import RULES
from bench.references import results, run_reference
from bench.sample_videos import data_folder, spread_frames
from bench.synthetic_scenes import Scene
from signverse.export.draw.defaults import STYLES
from signverse.export.draw.skeleton import draw_people
from signverse.export.draw.styles.registry import paint_people, painter
from signverse.ingest.extract.extractor import find_people
from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session
from signverse.lake.model.skeleton import BODY, BODY_LIMBS
from signverse.lake.model.thresholds import SEEN

VIDEOS: Final = ("signer_720p24.mp4", "libras_1080p30_vp9.webm", "bsl_360p25.mp4")
COLUMNS: Final = {"exact": "easy-dwpose's Wholebody", "rtmlib": "rtmlib", "ours": "ours"}
_FRAMES, _TILE = 3, 420
_MOMENTS: Final = 12
_COLOURS: Final = ((60, 180, 75), (0, 130, 245), (200, 80, 180), (0, 225, 255))


def main(out: Path | None) -> None:
    data = data_folder()
    if data is None or out is None:
        print("pictures: they need the sample videos (SIGNVERSE_TEST_DATA) and a folder to go to (--out DIR)")
        return
    out.mkdir(parents=True, exist_ok=True)
    for name in VIDEOS:
        path = out / f"side-by-side-{Path(name).stem}.png"
        side_by_side(data / "videos" / name, data / "models").save(path)
        print(f"pictures: {path}", flush=True)
        path = out / f"styles-{Path(name).stem}.png"
        in_all_styles(data / "videos" / name, data / "models").save(path)
        print(f"pictures: {path}", flush=True)
    name, roles = next(iter(stories(data)))
    scene, images = film(name, roles, data / "models")
    path = out / f"who-is-who-{name.replace(' ', '-')}.png"
    cv2.imwrite(str(path), who_is_who(scene, images))
    print(f"pictures: {path}")


def side_by_side(video: Path, models: Path) -> Image.Image:
    """Frames of a video, each drawn on by the references and by ours with detection on every frame."""
    numbers, images = spread_frames(video, _FRAMES)
    points: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory(prefix="signverse-bench-") as temporary:
        sample = Path(temporary, f"{video.stem}.npy")
        np.save(sample, images)
        for name in ("exact", "rtmlib"):
            run_reference(name, models, sample.parent, sample)
            rows = results(sample.parent, name, sample)
            points[name] = [rows.points[rows.frames == t] for t in range(len(images))]
    detector = Detector(make_session(models / "yolox_nano_640.onnx", "cpu"))
    pose = PoseEstimator(make_session(models / "wholebody133_384x288.onnx", "cpu"))
    found = find_people(iter(images), images[0].nbytes, detector, pose, 1, threads=2)
    points["ours"] = [frame_points for _, frame_points in found]

    height, width = images[0].shape[:2]
    tile = round(_TILE * height / width)
    sheet = Image.new("RGB", (_TILE * len(COLUMNS), tile * len(images)))
    draw = ImageDraw.Draw(sheet)
    for row, (number, image) in enumerate(zip(numbers, images, strict=True)):
        for column, (name, words) in enumerate(COLUMNS.items()):
            people = to_openpose(points[name][row])
            background = np.ascontiguousarray(image[..., ::-1])
            drawn = draw_people(people, width, height, scale=_TILE / width, background=background)
            sheet.paste(drawn, (column * _TILE, row * tile))
            place = (column * _TILE + 6, row * tile + 4)
            label = f"{words}, frame {number}, {len(people)} found"
            draw.text(place, label, fill="white", stroke_fill="black", stroke_width=2, font=ImageFont.load_default(16))
    return sheet


def in_all_styles(video: Path, models: Path) -> Image.Image:
    """A frame of a video in each style, below each the original drawing where there is one."""
    _, images = spread_frames(video, 3)
    image = images[1]
    height, width = image.shape[:2]
    detector = Detector(make_session(models / "yolox_nano_640.onnx", "cpu"))
    pose = PoseEstimator(make_session(models / "wholebody133_384x288.onnx", "cpu"))
    found = next(points for _, points in find_people(iter([image]), image.nbytes, detector, pose, 1, threads=2))
    people = to_openpose(found)
    originals = original_drawings(width, height)
    tile = (640, round(640 * height / width))
    sheet = Image.new("RGB", (tile[0] * len(STYLES), 2 * tile[1]))
    draw = ImageDraw.Draw(sheet)
    for column, style in enumerate(STYLES):
        drawn = {f"{style}, ours": paint_people(people, width, height, painter(style))}
        if style in originals:
            drawn[f"{style}, original"] = originals[style](people)
        else:
            over = np.ascontiguousarray(image[..., ::-1])
            drawn[f"{style}, over the video"] = paint_people(people, width, height, painter(style), ground=over)
        for row, (words, picture) in enumerate(drawn.items()):
            place = (column * tile[0], row * tile[1])
            sheet.paste(Image.fromarray(picture).resize(tile, Image.Resampling.BOX), place)
            draw.text((place[0] + 6, place[1] + 4), words, fill="white", font=ImageFont.load_default(20))
    return sheet


def who_is_who(scene: Scene, images: list[np.ndarray]) -> np.ndarray:
    """Frames of a video, evenly spread, above as the detector lists people and below as they are numbered here."""
    shown = np.linspace(0, len(images) - 1, _MOMENTS).round().astype(int)
    rules = {rule: RULES[rule](scene.boxes, scene.points) for rule in ("detector's order", "ours")}
    strips = []
    for rule, numbers in rules.items():
        tiles = [
            _numbered(images[t], scene.boxes[t], scene.points[t], numbers[t], f"{rule}, {t / 24:.1f} s") for t in shown
        ]
        strips += [np.concatenate(tiles[i : i + 6], axis=1) for i in range(0, _MOMENTS, 6)]
    return np.concatenate(strips)


def _numbered(image: np.ndarray, boxes: np.ndarray, points: np.ndarray, numbers: np.ndarray, words: str) -> np.ndarray:
    image = image.copy()
    for box, person, number in zip(boxes, points[:, BODY.slice], numbers.tolist(), strict=True):
        colour = _COLOURS[min(number, len(_COLOURS) - 1)]
        corners = np.nan_to_num(box).round().astype(int).tolist()
        cv2.rectangle(image, corners[:2], corners[2:4], colour, 4)
        cv2.putText(image, str(number), (corners[0] + 8, corners[1] + 52), cv2.FONT_HERSHEY_SIMPLEX, 1.8, colour, 5)
        for start, end in BODY_LIMBS:
            if min(person[start, 2], person[end, 2]) > SEEN:
                ends = person[[start, end], :2].round().astype(int).tolist()
                cv2.line(image, ends[0], ends[1], colour, 3)
    cv2.putText(image, words, (12, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3)
    return cv2.resize(image, (320, 180), interpolation=cv2.INTER_AREA)
