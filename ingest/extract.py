"""A video file -> the keypoints of everybody in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.decode import Decoder, VideoFacts
from ingest.detector import Detector
from ingest.models import ModelPair, model_sha256
from ingest.openpose import to_openpose
from ingest.people import MAX_PEOPLE, assign_people
from ingest.pose import PoseEstimator
from ingest.sessions import make_session, provider_in_use
from lake.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class Extraction:
    """What was found in a video, with how it was found. Rows are sorted by frame, then person.

    Attributes:
        facts: what the file says about itself.
        num_frames: frames at 24 a second.
        damaged_frames: corrupt, undecodable or promised and missing.
        remark: "", or a line about the file's end.
        repairs: what was changed to make the frames alike.
        frames: int32 [N], counted from 0; a frame with nobody has no row.
        person: int8 [N], 0 is the primary signer.
        points: float32 [N, 128, 3], x, y in pixels as displayed and score; (nan, nan, 0) where absent.
        detector: file name.
        detector_sha256: of the file.
        pose_model: file name.
        pose_sha256: of the file.
        provider: the ONNX Runtime execution provider in use, for both models.
        detect_every: frames from one detection to the next.
    """

    facts: VideoFacts
    num_frames: int
    damaged_frames: int
    remark: str
    repairs: list[str]
    frames: NDArray[np.int32]
    person: NDArray[np.int8]
    points: NDArray[np.float32]
    detector: str
    detector_sha256: str
    pose_model: str
    pose_sha256: str
    provider: str
    detect_every: int = 1


class Extractor:
    """The two models, loaded once for many videos.

    Args:
        models: what `find_models` gave.
        device: cpu, cuda, tensorrt or auto.
        threads: threads on the CPU, of the models and of the image operations.

    Raises:
        BadInputError: a model cannot be loaded, or the device asked for by name is not the one in use.
    """

    def __init__(self, models: ModelPair, device: str = "auto", threads: int = 1) -> None:
        import cv2

        # OpenCV would take every core, in each of the processes that work side by side.
        cv2.setNumThreads(threads)
        detector = make_session(models.detector, device, threads)
        pose = make_session(models.pose, device, threads)
        self._detect = Detector(detector)
        self._estimate = PoseEstimator(pose)
        self._models = models
        self._detector_sha256 = model_sha256(models.detector)
        self._pose_sha256 = model_sha256(models.pose)
        self.provider = provider_in_use(pose)

    def extract(
        self,
        path: str | Path,
        on_frame: Callable[[int], None] | None = None,
        on_open: Callable[[VideoFacts], None] | None = None,
    ) -> Extraction:
        """Run a video through.

        Args:
            path: a video file.
            on_frame: told the number of frames done, after each.
            on_open: told what the file says about itself, before the first frame.

        Raises:
            BadInputError: the file is no video that can be decoded.
        """
        boxes: list[NDArray[np.float32]] = []
        points: list[NDArray[np.float32]] = []
        with Decoder(path) as video:
            if on_open is not None:
                on_open(video.facts)
            for image in video:
                found = self._detect(image)[:MAX_PEOPLE, :4]
                boxes.append(found)
                points.append(to_openpose(self._estimate(image, found)))
                if on_frame is not None:
                    on_frame(len(boxes))
        frames, person, rows = _rows(assign_people(boxes, points), points)
        return Extraction(
            facts=video.facts,
            num_frames=video.num_frames,
            damaged_frames=video.damaged_frames,
            remark=video.remark,
            repairs=video.repairs,
            frames=frames,
            person=person,
            points=rows,
            detector=self._models.detector.name,
            detector_sha256=self._detector_sha256,
            pose_model=self._models.pose.name,
            pose_sha256=self._pose_sha256,
            provider=self.provider,
        )


def _rows(
    people: list[NDArray[np.int8]], points: list[NDArray[np.float32]]
) -> tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.float32]]:
    counts = [len(frame) for frame in people]
    frames = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    person = np.concatenate([np.empty(0, np.int8), *people])
    rows = np.empty((len(frames), NUM_JOINTS, 3), np.float32)
    start = 0
    for numbers, found in zip(people, points, strict=True):
        rows[start : start + len(numbers)] = found[np.argsort(numbers)]
        start += len(numbers)
    return frames, person[np.lexsort((person, frames))], rows
