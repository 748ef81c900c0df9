"""Person detection with YOLOX. The constants are those of DWPose's own detector code (easy-dwpose, detector.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.models.io_binding import BoundModel

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CANDIDATE_SCORE: Final = 0.1
KEPT_SCORE: Final = 0.3
NMS_IOU: Final = 0.45
PAD: Final = 114
STRIDES: Final = (8, 16, 32)
PERSON: Final = 0

# An image of 640 by 640 is 4.9 MB of input.
MAX_BATCH: Final = 8


class Detector:
    """A YOLOX model of any size; thread-safe.

    Calling it with a BGR image uint8 [H, W, 3] gives float32 [P, 5]: x0, y0, x1, y1 in image pixels and the score,
    best first. Boxes may reach outside the image, as in the reference.

    Args:
        model: a session of a model's file, or a graph of `extend_detector` bound on a GPU.

    Attributes:
        batch: the largest batch.
    """

    def __init__(self, model: InferenceSession | BoundModel) -> None:
        if isinstance(model, BoundModel):
            self.height, self.width, self.batch = model.height, model.width, model.batch
        else:
            batch, _, self.height, self.width = model.get_inputs()[0].shape
            self.batch = 1 if isinstance(batch, int) else MAX_BATCH
        self._model = model
        self._grid, self._strides = make_grid(self.height, self.width)
        # Reused buffers, a pair for each concurrent call: fresh memory costs more than a letterbox.
        self._free_buffers: list[tuple[NDArray[np.uint8], _Buffers]] = []

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.predict_batch([image])[0]

    def predict_batch(self, images: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """The people in each of several images, float32 [P, 5], in batches if the model allows."""
        try:
            canvas, buffers = self._free_buffers.pop()
        except IndexError:
            canvas = np.empty((self.height, self.width, 3), np.uint8)
            buffers = (
                self._model.buffers() if isinstance(self._model, BoundModel) else _HostBuffers(self._model, self.batch)
            )
        found = []
        for start in range(0, len(images), self.batch):
            batch = images[start : start + self.batch]
            ratios = []
            for i, image in enumerate(batch):
                ratios.append(letterbox(image, canvas))
                buffers.put(i, canvas)
            found += [self._people(rows, ratio) for rows, ratio in zip(buffers.run(len(batch)), ratios, strict=True)]
        self._free_buffers.append((canvas, buffers))
        return found

    def _people(self, cells: NDArray[np.float32], ratio: float) -> NDArray[np.float32]:
        people = decode_cells(cells, self._grid, self._strides)
        people[:, :4] /= ratio
        people = people[nms(people[:, :4], people[:, 4], NMS_IOU)]
        return people[people[:, 4] > KEPT_SCORE]


class _Buffers(Protocol):
    """Buffers for a batch of letterboxed images."""

    def put(self, index: int, image: NDArray[np.uint8]) -> None: ...

    def run(self, count: int) -> NDArray[np.float32]:
        """Run the model on `count` images: the cells' centre, size and person score, float32 [count, A, 5]."""


class _HostBuffers:
    """A batch in main memory, in the layout of the models' files."""

    def __init__(self, session: InferenceSession, batch: int) -> None:
        model_input = session.get_inputs()[0]
        self._session = session
        self._input, self._output = model_input.name, session.get_outputs()[0].name
        self._blob = np.empty((batch, *model_input.shape[1:]), np.float32)

    def put(self, index: int, image: NDArray[np.uint8]) -> None:
        self._blob[index] = image.transpose(2, 0, 1)

    def run(self, count: int) -> NDArray[np.float32]:
        raw = self._session.run([self._output], {self._input: self._blob[:count]})[0]
        return person_cells(raw.reshape(count, -1, raw.shape[-1]))


def letterbox(image: NDArray[np.uint8], canvas: NDArray[np.uint8]) -> float:
    """Shrink or grow an image into the top left of a canvas, the rest grey (114).

    Args:
        image: uint8 [h, w, 3].
        canvas: uint8 [H, W, 3], written in place.

    Returns:
        Canvas pixels per image pixel.
    """
    # Imported in functions, not at the top: it would slow the start of the command line.
    import cv2

    ratio: float = min(canvas.shape[0] / image.shape[0], canvas.shape[1] / image.shape[1])
    width, height = max(1, int(image.shape[1] * ratio)), max(1, int(image.shape[0] * ratio))
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas[height:] = PAD
    canvas[:height, width:] = PAD
    return ratio


def make_grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The cell (x, y) [A, 2] and the stride [A, 1] of each of a model's A outputs, strides 8, 16, 32, row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
        strides.append(np.full((xs.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def person_cells(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cells of a model's output, reduced to the person class.

    Args:
        raw: float32 [..., A, 85]: centre, size, objectness and 80 class scores.

    Returns:
        float32 [..., A, 5]: centre, size and score.
    """
    cells = raw[..., :5].copy()
    cells[..., 4] *= raw[..., 5 + PERSON]
    return cells


def decode_cells(
    cells: NDArray[np.float32], grid: NDArray[np.float32], strides: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The people among a model's cells, before suppression.

    Args:
        cells: float32 [A, 5], of `person_cells`.
        grid: float32 [A, 2] and
        strides: float32 [A, 1], of `make_grid`.

    Returns:
        float32 [P, 5]: x0, y0, x1, y1 in canvas pixels and score, best first, scores above 0.1.
    """
    scores = cells[:, 4]
    found = np.flatnonzero(scores > CANDIDATE_SCORE)
    found = found[np.argsort(-scores[found], kind="stable")]
    people = np.empty((len(found), 5), np.float32)
    centre = (cells[found, :2] + grid[found]) * strides[found]
    with np.errstate(over="ignore"):
        half = np.exp(cells[found, 2:4]) * strides[found] / 2
    people[:, :2] = centre - half
    people[:, 2:4] = centre + half
    people[:, 4] = scores[found]
    return people[np.isfinite(people).all(axis=1)]


def nms(boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float = NMS_IOU) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: the indices of the boxes to keep, best first.

    A box is dropped when its IoU with a better kept one exceeds `overlap`. Widths and heights count one pixel more than
    the difference of the corners, as in the reference.

    Args:
        boxes: float32 [P, 4], x0, y0, x1, y1 in pixels.
        scores: float32 [P].
    """
    order = np.argsort(-scores, kind="stable")
    area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        size = np.minimum(boxes[best, 2:], boxes[rest, 2:]) - np.maximum(boxes[best, :2], boxes[rest, :2]) + 1
        intersection = np.maximum(size, 0).prod(axis=1)
        order = rest[intersection <= overlap * (area[best] + area[rest] - intersection)]
    return np.array(kept, np.intp)
