"""A video file to the keypoints of all people in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.extract.defaults import DETECT_EVERY
from signverse.ingest.extract.frame_buffer import FrameRows, SpillBuffer
from signverse.ingest.extract.openpose import to_openpose
from signverse.ingest.extract.pipeline import batched, map_in_order
from signverse.ingest.extract.windows import Boxes, FramePeople, Image, process_window, run_batched
from signverse.ingest.models.detector import Detector
from signverse.ingest.models.load import load_models
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.models.pins import model_sha256
from signverse.ingest.models.pose import MAX_BATCH, PoseEstimator
from signverse.ingest.tracking.detections import CHUNK
from signverse.ingest.tracking.identities import MAX_PEOPLE, number_people
from signverse.lake.media.clock import Join
from signverse.lake.media.decode import Decoder
from signverse.lake.media.facts import VideoFacts
from signverse.lake.model.skeleton import NUM_JOINTS

IMAGES_BYTES: Final = 512 << 20
"""Bytes of decoded images in memory, at most: 190 of 720p, 20 of 4K, 5 of 8K. Larger batches may hold more."""


@dataclass(frozen=True)
class Extraction:
    """The people found in a video, and how they were found. Rows are sorted by frame, then person.

    Attributes:
        facts: what the file says about itself.
        num_frames: frames at 24 a second.
        damaged_frames: frames that are corrupt or undecodable, or that the file promised and lacks.
        remark: "", or a line about the file's end.
        repairs: what was changed to make all frames alike.
        joins: where the file's clock leaps; empty where it does not.
        events: what happened to the people: cuts, returns, crossings (see `Numbering`).
        frames: int32 [N], counted from 0; a frame with nobody has no row.
        person: int8 [N], 0 is the primary signer.
        unsorted_points: the points of N people, in the order in which they were found.
        order: int64 [N], the index of each row among those.
        detector: file name.
        detector_sha256: of the file.
        pose_model: file name.
        pose_sha256: of the file.
        provider: the ONNX Runtime execution provider of both models.
        detect_every: frames from one detection to the next.
    """

    facts: VideoFacts
    num_frames: int
    damaged_frames: int
    remark: str
    repairs: list[str]
    joins: list[Join]
    events: list[str]
    frames: NDArray[np.int32]
    person: NDArray[np.int8]
    unsorted_points: SpillBuffer
    order: NDArray[np.int64]
    detector: str
    detector_sha256: str
    pose_model: str
    pose_sha256: str
    provider: str
    detect_every: int

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """The points of all rows in arrays float32 [CHUNK, 128, 3]; the last is shorter, and empty if there is no row.

        x, y in pixels as displayed and score; (nan, nan, 0) where absent.
        """
        return self.unsorted_points.chunks(CHUNK, self.order)

    @property
    def points(self) -> NDArray[np.float32]:
        """The points of all rows at once, float32 [N, 128, 3]: 130 MB an hour for each person."""
        return np.concatenate(list(self.chunks()))


class Extractor:
    """The two models, loaded once for many videos.

    Args:
        models: a pair of `find_models`.
        device: cpu, cuda, tensorrt, a card such as cuda:1, or auto.
        threads: windows of frames processed in parallel. On the CPU each runs the models in its own thread: two
            threads of one frame each do 1.5 times the frames of two threads on one frame (measured with both stand-in
            models). The result does not depend on it.
        detect_every: run the detector on every Nth frame; 1 is exact.

    Raises:
        BadInputError: a model cannot be loaded, or a device requested by name is not the one in use.
    """

    def __init__(
        self, models: ModelPair, device: str = "auto", threads: int = 1, detect_every: int = DETECT_EVERY
    ) -> None:
        # Imported in functions, not at the top: it would slow the start of the command line.
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
        """Find the people of a video.

        Args:
            path: a video file.
            on_frame: called after each frame with the number of frames done.
            on_open: called before the first frame with what the file says about itself.

        Raises:
            BadInputError: the file is not a video that can be decoded.
        """
        boxes, points = FrameRows(4), SpillBuffer(NUM_JOINTS, 3)
        with Decoder(path) as video:
            if on_open is not None:
                on_open(video.facts)
            for frame_boxes, frame_points in find_people(
                video,
                3 * video.facts.width * video.facts.height,
                self._detector,
                self._pose,
                self._every,
                self._threads,
            ):
                boxes.append(frame_boxes)
                points.append(to_openpose(frame_points))
                if on_frame is not None:
                    on_frame(len(boxes))
        frames = np.repeat(np.arange(len(boxes), dtype=np.int32), boxes.counts)
        numbering = number_people(frames, boxes.rows, points.chunks(CHUNK))
        order = np.lexsort((numbering.person, frames))
        return Extraction(
            facts=video.facts,
            num_frames=video.num_frames,
            damaged_frames=video.damaged_frames,
            remark=video.remark,
            repairs=video.repairs,
            joins=video.joins,
            events=numbering.events,
            frames=frames,
            person=numbering.person[order],
            unsorted_points=points,
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
) -> Iterator[FramePeople]:
    """Boxes and points of all people in each image of a video, in order.

    Args:
        images: uint8 [H, W, 3], BGR, all of one size; decoded in the caller's thread while threads run the models.
        image_bytes: size of one image. At most IMAGES_BYTES of images, or one image, are in memory at a time; on a GPU
            with larger batches, correspondingly more.
        every: run the detector on every Nth frame.
        threads: how many run the models at once; the result does not depend on it.
    """
    window_bytes = every * image_bytes
    max_bytes = IMAGES_BYTES * max(1, pose.batch // MAX_BATCH)
    # Windows share batches if the models take more than one image: a group fills a batch with two people for each
    # window, and four groups fit into the memory that is allowed.
    group_size = max(1, min(pose.batch // 2 if pose.dynamic_batch else detector.batch, max_bytes // 4 // window_bytes))
    max_pending = min(threads + 2, max_bytes // (group_size * window_bytes))

    def detect(images: list[Image]) -> list[Boxes]:
        return [people[:MAX_PEOPLE, :4] for people in detector.predict_batch(images)]

    def work(windows: list[list[Image]]) -> list[list[FramePeople]]:
        return run_batched([process_window(window) for window in windows], detect, pose.predict_batch)

    if max_pending < 2:
        source = iter(images)
        for first in source:
            window = chain([first], islice(source, every - 1))
            yield from run_batched([process_window(window)], detect, pose.predict_batch)[0]
        return
    for group in map_in_order(work, batched(batched(images, every), group_size), threads, max_pending):
        for window_people in group:
            yield from window_people
