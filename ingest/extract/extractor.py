"""A video file -> the keypoints of everybody in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.extract.decode import Decoder, VideoFacts
from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.extract.frame_buffer import Kept, Ragged
from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.extract.pipeline import bundled, in_order
from signverse.ingest.extract.windows import Boxes, Found, Image, run_together, walk
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.load import load_models
from signverse.ingest.models.pair import ModelPair, model_sha256
from signverse.ingest.models.pose import MAX_BATCH, PoseEstimator
from signverse.ingest.tracking.detections import CHUNK
from signverse.ingest.tracking.identities import MAX_PEOPLE, number_people
from signverse.lake.model.skeleton import NUM_JOINTS

IMAGES_BYTES: Final = 512 << 20
"""Decoded images that wait or are looked at, at most: 190 of 720p, 20 of 4K, 5 of 8K. Larger batches may hold more."""


@dataclass(frozen=True)
class Extraction:
    """What was found in a video, with how it was found. Rows are sorted by frame, then person.

    Attributes:
        facts: what the file says about itself.
        num_frames: frames at 24 a second.
        damaged_frames: corrupt, undecodable or promised and missing.
        remark: "", or a line about the file's end.
        repairs: what was changed to make the frames alike, and what happened to the people (tracking).
        frames: int32 [N], counted from 0; a frame with nobody has no row.
        person: int8 [N], 0 is the primary signer.
        kept: the points, in the order in which they were found.
        order: int64 [N], which of those each row has.
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
    kept: Kept
    order: NDArray[np.int64]
    detector: str
    detector_sha256: str
    pose_model: str
    pose_sha256: str
    provider: str
    detect_every: int

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """The rows' points, float32 [CHUNK, 128, 3] at a time; the last is shorter, and empty where there is no row.

        x, y in pixels as displayed and score; (nan, nan, 0) where absent.
        """
        return self.kept.chunks(CHUNK, self.order)

    @property
    def points(self) -> NDArray[np.float32]:
        """All of them at once, float32 [N, 128, 3]: 130 MB an hour for each person."""
        return np.concatenate(list(self.chunks()))


class Extractor:
    """The two models, loaded once for many videos.

    Args:
        models: what `find_models` gave.
        device: cpu, cuda, tensorrt, a card such as cuda:1, or auto.
        threads: stretches of frames that are done side by side. On the CPU each runs the models in its own thread: two
            threads of one frame each do 1.5 times the frames of two threads on one frame (measured with both stand-in
            models), and what is found does not depend on their number.
        detect_every: frames from one detection to the next; 1 is exact.

    Raises:
        BadInputError: a model cannot be loaded, or the device asked for by name is not the one in use.
    """

    def __init__(
        self, models: ModelPair, device: str = "auto", threads: int = 1, detect_every: int = DETECT_EVERY
    ) -> None:
        import cv2

        # OpenCV would take every core for each of the images that are cropped side by side.
        cv2.setNumThreads(1)
        loaded = load_models(models, device)
        self._detector, self._pose, self.provider = loaded.detector, loaded.pose, loaded.provider
        self._threads = max(1, threads)
        self._every = max(1, detect_every)
        self._models = models
        self._detector_sha256 = model_sha256(models.detector)
        self._pose_sha256 = model_sha256(models.pose)

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
        boxes, points = Ragged(4), Kept(NUM_JOINTS, 3)
        with Decoder(path) as video:
            if on_open is not None:
                on_open(video.facts)
            for some, those in find_people(
                video,
                3 * video.facts.width * video.facts.height,
                self._detector,
                self._pose,
                self._every,
                self._threads,
            ):
                boxes.append(some)
                points.append(to_openpose(those))
                if on_frame is not None:
                    on_frame(len(boxes))
        frames = np.repeat(np.arange(len(boxes), dtype=np.int32), boxes.counts)
        numbers = number_people(frames, boxes.rows, points.chunks(CHUNK))
        order = np.lexsort((numbers.person, frames))
        return Extraction(
            facts=video.facts,
            num_frames=video.num_frames,
            damaged_frames=video.damaged_frames,
            remark=video.remark,
            repairs=[*video.repairs, *numbers.events],
            frames=frames,
            person=numbers.person[order],
            kept=points,
            order=order,
            detector=self._models.detector.name,
            detector_sha256=self._detector_sha256,
            pose_model=self._models.pose.name,
            pose_sha256=self._pose_sha256,
            provider=self.provider,
            detect_every=self._every,
        )


def find_people(
    images: Iterable[Image], image_bytes: int, detector: Detector, pose: PoseEstimator, every: int, threads: int
) -> Iterator[Found]:
    """Boxes and points of everybody in each of a video's images, in their order.

    Args:
        images: uint8 [H, W, 3], BGR, all of one size; decoded in the thread of the caller while threads run the models.
        image_bytes: of one image. At most IMAGES_BYTES of images, or one image, are held at a time; on a GPU, whose
            batches are larger, as many times more as its batches are.
        every: frames from one detection to the next.
        threads: how many run the models at once; what is found does not depend on it.
    """
    stretch_bytes = every * image_bytes
    held_bytes = IMAGES_BYTES * max(1, pose.batch // MAX_BATCH)
    # Stretches share batches where the models take them: as many together as fit four times into what may be held, and
    # of two people each into one batch.
    together = max(1, min(pose.batch // 2 if pose.free else detector.batch, held_bytes // 4 // stretch_bytes))
    ahead = min(threads + 2, held_bytes // (together * stretch_bytes))

    def detect(some: list[Image]) -> list[Boxes]:
        return [found[:MAX_PEOPLE, :4] for found in detector.many(some)]

    def work(stretches: list[list[Image]]) -> list[list[Found]]:
        return run_together([walk(stretch) for stretch in stretches], detect, pose.many)

    if ahead < 2:
        source = iter(images)
        for first in source:
            stretch = chain([first], islice(source, every - 1))
            yield from run_together([walk(stretch)], detect, pose.many)[0]
        return
    for group in in_order(work, bundled(bundled(images, every), together), threads, ahead):
        for found in group:
            yield from found
