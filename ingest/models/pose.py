"""Where a person's 133 points are: RTMPose with SimCC heads, as DWPose runs it (easy-dwpose, pose.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.models.io_binding import Bound

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MEAN: Final = np.array((123.675, 116.28, 103.53), np.float32)
STD: Final = np.array((58.395, 57.12, 57.375), np.float32)
PADDING: Final = 1.25
SIMCC_RATIO: Final = 2.0

# A crop is 1.3 MB of input and 0.7 MB of output: a crowd may not decide how much memory a run takes.
MAX_BATCH: Final = 16


class PoseEstimator:
    """A whole-body model with SimCC heads; may be called from several threads at once.

    Calling it with a BGR image uint8 [H, W, 3] and boxes float32 [P, 4] (x0, y0, x1, y1 in pixels) gives float32
    [P, 133, 3]: x, y in image pixels and the score. A score of 0 or less means that the point was not found.

    Args:
        model: a session of a model's file, or a graph of `widen_pose` bound on a GPU.

    Attributes:
        batch: crops that go through the model together, at most.
        free: whether fewer may; a model of a fixed batch is filled up with crops that nobody looks at.
    """

    def __init__(self, model: InferenceSession | Bound) -> None:
        if isinstance(model, Bound):
            self.height, self.width = model.height, model.width
            self.free, self.batch = model.free, model.batch
        else:
            batch, _, self.height, self.width = model.get_inputs()[0].shape
            self.free = not isinstance(batch, int)
            self.batch = MAX_BATCH if self.free else batch
        self._model = model
        # Buffers for crops, one for each thread that is in the middle of a call: fresh memory costs more than a crop.
        self._slots: list[_Slot] = []

    def __call__(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.many([image], [boxes])[0]

    def many(
        self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """The points in the boxes of several images; batches go across people and images.

        Args:
            images: uint8 [H, W, 3], BGR.
            boxes: float32 [P, 4] for each image.

        Returns:
            float32 [P, 133, 3] for each image.
        """
        counts = [len(some) for some in boxes]
        owners = np.repeat(np.arange(len(images)), counts)
        centres, sizes = crop_regions(np.concatenate([np.empty((0, 4), np.float32), *boxes]), self.width / self.height)
        points = np.empty((len(owners), 133, 3), np.float32)
        try:
            slot = self._slots.pop()
        except IndexError:
            slot = (
                self._model.slot() if isinstance(self._model, Bound) else _HostSlot(self._model, self.batch, self.free)
            )
        for start in range(0, len(owners), self.batch):
            some = range(start, min(start + self.batch, len(owners)))
            for place, i in enumerate(some):
                slot.put(place, crop(images[owners[i]], centres[i], sizes[i], (self.width, self.height)))
            points[start : some.stop] = slot.run(len(some))
        self._slots.append(slot)
        size = np.array((self.width, self.height), np.float64)
        points[..., :2] = points[..., :2] / size * sizes[:, None] + centres[:, None] - sizes[:, None] / 2
        return np.split(points, np.cumsum(counts[:-1]))


class _Slot(Protocol):
    """Room for a batch of crops."""

    def put(self, place: int, image: NDArray[np.uint8]) -> None: ...

    def run(self, count: int) -> NDArray[np.float32]:
        """The points in the first `count` crops, float32 [count, 133, 3], in pixels of the crop."""


class _HostSlot:
    """A batch that is made ready here, as the models' files want it."""

    def __init__(self, session: InferenceSession, batch: int, free: bool) -> None:
        taken = session.get_inputs()[0]
        self._session, self._free = session, free
        self._input = taken.name
        self._outputs = simcc_names([output.name for output in session.get_outputs()])
        self._crops = np.zeros((batch, 3, *taken.shape[2:]), np.float32)

    def put(self, place: int, image: NDArray[np.uint8]) -> None:
        normalise(image, self._crops[place])

    def run(self, count: int) -> NDArray[np.float32]:
        fed = self._crops[:count] if self._free else self._crops
        simcc_x, simcc_y = self._session.run(self._outputs, {self._input: fed})
        return decode_simcc(simcc_x[:count], simcc_y[:count])


def simcc_names(names: list[str]) -> list[str]:
    """The outputs that hold x and y: by name, else the first two."""
    wanted = ["simcc_x", "simcc_y"]
    return wanted if set(wanted) <= set(names) else names[:2]


def crop_regions(boxes: NDArray[np.float32], aspect: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The regions around boxes that the model looks at: grown by a quarter, then to the model's aspect.

    Args:
        boxes: float32 [P, 4], x0, y0, x1, y1.
        aspect: width / height of the model's input.

    Returns:
        Centres and sizes, float64 [P, 2] each, in pixels.
    """
    corners = np.asarray(boxes, np.float64)
    centres = (corners[:, :2] + corners[:, 2:]) * 0.5
    # A box without extent has no affine map: it becomes a pixel.
    width, height = np.maximum((corners[:, 2:] - corners[:, :2]) * PADDING, 1.0).T
    wide = width > height * aspect
    sizes = np.stack([np.where(wide, width, height * aspect), np.where(wide, width / aspect, height)], axis=1)
    return centres, sizes


def crop(
    image: NDArray[np.uint8], centre: NDArray[np.float64], size: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """A region of an image, warped bilinearly to `shape` (width, height); black where it leaves the image."""
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
    """The peaks of the two heads.

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
