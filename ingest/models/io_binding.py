"""I/O binding: a model on a GPU whose buffers are bound once, so that a run copies only images in and results out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.models.import_runtime import import_onnxruntime

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIZES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Batch sizes that a card is given. Each new size costs a measurement by cuDNN and memory for its buffers, so there are
few; a batch in between is padded, by less than half of it."""


class BoundModel:
    """A session of a graph of onnx_graphs.py; thread-safe if each thread has buffers of its own.

    Args:
        session: on any device.
        batch: the largest batch, if the model takes any number of images.
        memory: ONNX Runtime's name of the memory of the session's device, and the number of the device.

    Attributes:
        height: pixels of an image.
        width: pixels of an image.
        dynamic_batch: whether the model takes fewer images than `batch`.
        batch: the largest batch.
    """

    def __init__(self, session: InferenceSession, batch: int, memory: tuple[str, int] = ("cpu", 0)) -> None:
        model_input, model_output = session.get_inputs()[0], session.get_outputs()[0]
        count, self.height, self.width, _ = model_input.shape
        self.dynamic_batch = not isinstance(count, int)
        self.batch: int = batch if self.dynamic_batch else count
        self.sizes: Sequence[int] = (
            [*(n for n in SIZES if n < self.batch), self.batch] if self.dynamic_batch else [self.batch]
        )
        self.names = model_input.name, model_output.name
        self.shape: tuple[int, ...] = tuple(model_output.shape[1:])
        self.session = session
        self.memory = memory

    def buffers(self) -> BoundBuffers:
        """Buffers for one thread."""
        return BoundBuffers(self)


class BoundBuffers:
    """One thread's buffers: images go in, a run gives the model's output for them."""

    def __init__(self, model: BoundModel) -> None:
        self._model = model
        self._images = np.zeros((model.batch, model.height, model.width, 3), np.uint8)
        self._bound: dict[int, tuple[Any, Any, NDArray[np.float32]]] = {}

    def put(self, index: int, image: NDArray[np.uint8]) -> None:
        """Put an image uint8 [H, W, 3], BGR, into the next batch."""
        self._images[index] = image

    def run(self, count: int) -> NDArray[np.float32]:
        """Run the model on the first `count` images: float32 [count, ...], valid until the next run."""
        size = next(size for size in self._model.sizes if size >= count)
        if size not in self._bound:
            self._bound[size] = self._bind(size)
        binding, images, output = self._bound[size]
        images.update_inplace(self._images[:size])
        self._model.session.run_with_iobinding(binding)
        return output[:count]

    def _bind(self, size: int) -> tuple[Any, Any, NDArray[np.float32]]:
        values = import_onnxruntime().OrtValue
        model = self._model
        images = values.ortvalue_from_shape_and_type([size, *self._images.shape[1:]], np.uint8, *model.memory)
        output = np.empty((size, *model.shape), np.float32)
        binding = model.session.io_binding()
        binding.bind_ortvalue_input(model.names[0], images)
        # The output is small: ONNX Runtime copies them from the card into this array at the end of a run.
        binding.bind_ortvalue_output(model.names[1], values.ortvalue_from_numpy(output))
        return binding, images, output
