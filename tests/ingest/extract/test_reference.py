"""On the same frames ours finds what easy-dwpose and rtmlib find, with the same models: boxes and all 133 points.

Both run in an environment of their own (bench/references.py), which the first run makes and the user's cache keeps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.references import NoReferencesError, environment, results, run_reference
from bench.sample_videos import has_people, sample_videos, spread_frames
from signverse.ingest.extract.extractor import find_people
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.pose import PoseEstimator
from signverse.ingest.models.runtime import make_session

pytestmark = pytest.mark.slow

FRAMES = 8
"""Of each video, evenly spread over its first ten seconds: 64 in all, about 40 seconds on two idle cores."""

REFERENCES = ("exact", "rtmlib")

Frame = tuple[np.ndarray, np.ndarray]
"""Boxes [P, 4] and points [P, 133, 3]."""


@pytest.fixture(scope="module")
def found(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[Frame]]]:
    """What each reference and ours find: by video, then by who looked, frame by frame."""
    try:
        environment()
    except NoReferencesError as error:
        pytest.skip(f"easy-dwpose and rtmlib cannot be installed here: {error}")
    folder, models = tmp_path_factory.mktemp("references"), data / "models"
    detector = Detector(make_session(models / "yolox_nano_640.onnx", "cpu"))
    pose = PoseEstimator(make_session(models / "wholebody133_384x288.onnx", "cpu"))
    out: dict[str, dict[str, list[Frame]]] = {}
    samples = []
    for video in sample_videos(data):
        _, images = spread_frames(video, FRAMES)
        samples.append(folder / f"{video.stem}.npy")
        np.save(samples[-1], images)
        ours = find_people(iter(images), images[0].nbytes, detector, pose, every=1, threads=2)
        out[video.stem] = {"ours": list(ours)}
    for name in REFERENCES:
        run_reference(name, models, folder, *samples)
        for sample in samples:
            rows = results(folder, name, sample)
            frames = range(len(out[sample.stem]["ours"]))
            out[sample.stem][name] = [(rows.boxes[rows.frames == t], rows.points[rows.frames == t]) for t in frames]
    return out


@pytest.mark.parametrize("reference", REFERENCES)
def test_boxes_and_points_are_those_of_the_reference(
    found: dict[str, dict[str, list[Frame]]], reference: str, data: Path
) -> None:
    for video in sample_videos(data):
        ours, theirs = found[video.stem]["ours"], found[video.stem][reference]
        assert [len(boxes) for boxes, _ in ours] == [len(boxes) for boxes, _ in theirs], video.stem
        if not has_people(video):
            continue
        # Both list the surest person first.
        boxes = np.concatenate([np.abs(mine[0] - other[0]).ravel() for mine, other in zip(ours, theirs, strict=True)])
        points = np.concatenate(
            [
                np.linalg.norm(mine[1][..., :2] - other[1][..., :2], axis=-1).ravel()
                for mine, other in zip(ours, theirs, strict=True)
            ]
        )
        assert len(points) >= 133 * FRAMES // 2, f"{video.stem}: hardly anybody was found"
        for what, apart in (("boxes", boxes), ("points", points)):
            middle, most = np.median(apart), np.percentile(apart, 99)
            print(f"{video.stem} {what}: median {middle:.4f}, 99 % {most:.3f}, max {apart.max():.2f} pixels")
            assert middle < 0.1, f"{video.stem}: {what}"
            assert most < 2, f"{video.stem}: {what}"
