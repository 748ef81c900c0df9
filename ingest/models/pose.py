"""Pose estimation: a person's 133 points by RTMPose with SimCC heads, as DWPose runs it (easy-dwpose, pose.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.models.io_binding import BoundModel

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MEAN: Final = np.array((123.675, 116.28, 103.53), np.float32)
STD: Final = np.array((58.395, 57.12, 57.375), np.float32)
PADDING: Final = 1.25
SIMCC_RATIO: Final = 2.0

# A crop is 1.3 MB of input and 0.7 MB of output: the limit bounds the memory that a crowd takes.
MAX_BATCH: Final = 16


class PoseEstimator:
    """A whole-body model with SimCC heads; thread-safe.

    Calling it with a BGR image uint8 [H, W, 3] and boxes float32 [P, 4] (x0, y0, x1, y1 in pixels) gives float32
    [P, 133, 3]: x, y in image pixels and the score. A score of 0 or less means that the point was not found.

    Args:
        model: a session of a model's file, or a graph of `extend_pose` bound on a GPU.

    Attributes:
        batch: the largest batch.
        dynamic_batch: whether the model takes fewer crops; a batch of fixed size is padded.
    """

    def __init__(self, model: InferenceSession | BoundModel) -> None:
        if isinstance(model, BoundModel):
            self.height, self.width = model.height, model.width
            self.dynamic_batch, self.batch = model.dynamic_batch, model.batch
        else:
            batch, _, self.height, self.width = model.get_inputs()[0].shape
            self.dynamic_batch = not isinstance(batch, int)
            self.batch = MAX_BATCH if self.dynamic_batch else batch
        self._model = model
        # Reused buffers, one for each concurrent call: fresh memory costs more than a crop.
        self._free_buffers: list[_Buffers] = []

    def __call__(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.predict_batch([image], [boxes])[0]

    def predict_batch(
        self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """The points in the boxes of several images; batches span people and images.

        Args:
            images: uint8 [H, W, 3], BGR.
            boxes: float32 [P, 4] for each image.

        Returns:
            float32 [P, 133, 3] for each image.
        """
        counts = [len(image_boxes) for image_boxes in boxes]
        image_index = np.repeat(np.arange(len(images)), counts)
        centres, sizes = crop_regions(np.concatenate([np.empty((0, 4), np.float32), *boxes]), self.width / self.height)
        points = np.empty((len(image_index), 133, 3), np.float32)
        try:
            buffers = self._free_buffers.pop()
        except IndexError:
            buffers = (
                self._model.buffers()
                if isinstance(self._model, BoundModel)
                else _HostBuffers(self._model, self.batch, self.dynamic_batch)
            )
        for start in range(0, len(image_index), self.batch):
            batch = range(start, min(start + self.batch, len(image_index)))
            for index, i in enumerate(batch):
                buffers.put(index, crop(images[image_index[i]], centres[i], sizes[i], (self.width, self.height)))
            points[start : batch.stop] = buffers.run(len(batch))
        self._free_buffers.append(buffers)
        size = np.array((self.width, self.height), np.float64)
        points[..., :2] = points[..., :2] / size * sizes[:, None] + centres[:, None] - sizes[:, None] / 2
        return np.split(points, np.cumsum(counts[:-1]))


class _Buffers(Protocol):
    """Buffers for a batch of crops."""

    def put(self, index: int, image: NDArray[np.uint8]) -> None: ...

    def run(self, count: int) -> NDArray[np.float32]:
        """Run the model on the first `count` crops: points float32 [count, 133, 3], in pixels of the crop."""


class _HostBuffers:
    """A batch in main memory, in the layout of the models' files."""

    def __init__(self, session: InferenceSession, batch: int, dynamic_batch: bool) -> None:
        model_input = session.get_inputs()[0]
        self._session, self._dynamic_batch = session, dynamic_batch
        self._input = model_input.name
        self._outputs = simcc_names([output.name for output in session.get_outputs()])
        self._crops = np.zeros((batch, 3, *model_input.shape[2:]), np.float32)

    def put(self, index: int, image: NDArray[np.uint8]) -> None:
        normalise(image, self._crops[index])

    def run(self, count: int) -> NDArray[np.float32]:
        crops = self._crops[:count] if self._dynamic_batch else self._crops
        simcc_x, simcc_y = self._session.run(self._outputs, {self._input: crops})
        return decode_simcc(simcc_x[:count], simcc_y[:count])


def simcc_names(names: list[str]) -> list[str]:
    """The names of the outputs for x and y: by name, else the first two."""
    expected = ["simcc_x", "simcc_y"]
    return expected if set(expected) <= set(names) else names[:2]


def crop_regions(boxes: NDArray[np.float32], aspect: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The regions around boxes that the model is given: grown by a quarter, then to the model's aspect ratio.

    Args:
        boxes: float32 [P, 4], x0, y0, x1, y1.
        aspect: width / height of the model's input.

    Returns:
        Centres and sizes, float64 [P, 2] each, in pixels.
    """
    corners = np.asarray(boxes, np.float64)
    centres = (corners[:, :2] + corners[:, 2:]) * 0.5
    # A box without extent has no affine map: it is grown to a pixel.
    width, height = np.maximum((corners[:, 2:] - corners[:, :2]) * PADDING, 1.0).T
    wide = width > height * aspect
    sizes = np.stack([np.where(wide, width, height * aspect), np.where(wide, width / aspect, height)], axis=1)
    return centres, sizes


def crop(
    image: NDArray[np.uint8], centre: NDArray[np.float64], size: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """A region of an image, warped bilinearly to `shape` (width, height); black where it leaves the image."""
    # Imported in functions, not at the top: it would slow the start of the command line.
    import cv2

    width, height = shape
    # Centre, the middle of the upper half and the point a quarter turn from it: the reference's three points. The scale
    # is that of the widths, in both directions.
    source = np.array(
        [centre, centre - (0, size[0] / 2), centre - (size[0] / 2, size[0] / 2)],
        np.float32,
    )
    target = np.array(
        [(width / 2, height / 2), (width / 2, height / 2 - width / 2), (0, height / 2 - width / 2)], np.float32
    )
    warp = cv2.getAffineTransform(source, target)
    warped: Any = cv2.warpAffine(image, warp, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)


def normalise(crop: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    """BGR uint8 [H, W, 3] -> RGB float32 [3, H, W] with ImageNet's mean and deviation, into `out`."""
    np.copyto(out, crop[..., ::-1].transpose(2, 0, 1))
    out -= MEAN[:, None, None]
    out /= STD[:, None, None]


def decode_simcc(simcc_x: NDArray[np.float32], simcc_y: NDArray[np.float32]) -> NDArray[np.float32]:
    """The points at the peaks of the two heads.

    Args:
        simcc_x: float32 [P, 133, 2 * width].
        simcc_y: float32 [P, 133, 2 * height].

    Returns:
        float32 [P, 133, 3]: x, y in pixels of the model's input; the score is the lower of the two peaks.
    """
    points = np.empty((*simcc_x.shape[:2], 3), np.float32)
    points[..., 2] = np.inf
    for axis, heads in enumerate((simcc_x, simcc_y)):
        peak = heads.argmax(axis=-1)
        points[..., axis] = peak / SIMCC_RATIO
        height = np.take_along_axis(heads, peak[..., None], axis=-1)[..., 0]
        np.minimum(points[..., 2], height, out=points[..., 2])
    return points
