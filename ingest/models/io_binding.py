"""A model on a GPU with its buffers bound once: a run copies bytes to the card and answers back, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIZES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Sizes of batches that a card is given. For each new one cuDNN measures and memory is bound: there are few, and a
batch in between is filled up by less than a half with images that nobody looks at."""


class Bound:
    """A session of a graph of onnx_graphs.py; may be used from several threads at once, each with a slot of its own.

    Args:
        session: on any device.
        batch: images that go through together, at most, where the model takes any number.
        place: ONNX Runtime's name of the memory that the session's device works in, and the number of the device.

    Attributes:
        height: pixels of an image.
        width: pixels of an image.
        free: whether fewer images than `batch` may go through together.
        batch: images that go through together, at most.
    """

    def __init__(self, session: InferenceSession, batch: int, place: tuple[str, int] = ("cpu", 0)) -> None:
        taken, given = session.get_inputs()[0], session.get_outputs()[0]
        count, self.height, self.width, _ = taken.shape
        self.free = not isinstance(count, int)
        self.batch: int = batch if self.free else count
        self.sizes: Sequence[int] = [*(n for n in SIZES if n < self.batch), self.batch] if self.free else [self.batch]
        self.names = taken.name, given.name
        self.shape: tuple[int, ...] = tuple(given.shape[1:])
        self.session = session
        self.place = place

    def slot(self) -> BoundSlot:
        """Buffers for one thread."""
        return BoundSlot(self)


class BoundSlot:
    """One thread's buffers: images are put in, a run gives what was found in them."""

    def __init__(self, model: Bound) -> None:
        self._model = model
        self._images = np.zeros((model.batch, model.height, model.width, 3), np.uint8)
        self._bound: dict[int, tuple[Any, Any, NDArray[np.float32]]] = {}

    def put(self, place: int, image: NDArray[np.uint8]) -> None:
        """Puts an image uint8 [H, W, 3], BGR, into a place of the next batch."""
        self._images[place] = image

    def run(self, count: int) -> NDArray[np.float32]:
        """What the model finds in the first `count` images: float32 [count, ...], which lasts until the next run."""
        size = next(size for size in self._model.sizes if size >= count)
        if size not in self._bound:
            self._bound[size] = self._bind(size)
        binding, images, found = self._bound[size]
        images.update_inplace(self._images[:size])
        self._model.session.run_with_iobinding(binding)
        return found[:count]

    def _bind(self, size: int) -> tuple[Any, Any, NDArray[np.float32]]:
        from onnxruntime import OrtValue

        model = self._model
        images = OrtValue.ortvalue_from_shape_and_type([size, *self._images.shape[1:]], np.uint8, *model.place)
        found = np.empty((size, *model.shape), np.float32)
        binding = model.session.io_binding()
        binding.bind_ortvalue_input(model.names[0], images)
        # The answers are small: ONNX Runtime copies them from the card into this array at the end of a run.
        binding.bind_ortvalue_output(model.names[1], OrtValue.ortvalue_from_numpy(found))
        return binding, images, found
