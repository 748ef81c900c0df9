"""The models' graphs extended for a GPU: image bytes in, results out, so that little is copied to and from the card.

A crop is 1.3 MB of float32 as the pose model takes it, and its output 0.7 MB. Extended, it takes the 0.3 MB of
the crop's own bytes, does what `normalise` and `decode_simcc` do on the card, and returns 1.6 kB. The numbers are the
same: the same operations in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.models.detector import PERSON
from signverse.ingest.models.pose import MEAN, SIMCC_RATIO, STD, simcc_names

if TYPE_CHECKING:
    from onnx import ModelProto

IMAGES: Final = "signverse_images"
FOUND: Final = "signverse_found"

# From this opset on, ReduceMax takes its axes as an input.
_AXES_AS_INPUT: Final = 18


@dataclass(frozen=True)
class ExtendedGraph:
    """A model's graph that takes image bytes.

    Attributes:
        graph: the content of an ONNX file.
        shape: of one input image, (H, W, 3).
        dynamic_batch: whether the batch may have any size.
    """

    graph: bytes
    shape: tuple[int, int, int]
    dynamic_batch: bool


def extend_pose(path: str | Path) -> ExtendedGraph:
    """Extend a pose model: crops uint8 [N, H, W, 3], BGR, to points float32 [N, 133, 3].

    The points are those of `decode_simcc`: x, y in pixels of the crop and the score.
    """
    graph = _Graph(path)
    planes = graph.planes()
    rgb = graph.add("Gather", planes, graph.constant(np.array([2, 1, 0])), axis=1)
    centred = graph.add("Sub", rgb, graph.constant(MEAN[:, None, None]))
    graph.connect_input(graph.add("Div", centred, graph.constant(STD[:, None, None])))
    coordinates, scores = [], []
    for head in simcc_names(graph.outputs):
        peak_index = graph.add("Cast", graph.add("ArgMax", head, axis=2, keepdims=1), to=graph.float)
        coordinates.append(graph.add("Div", peak_index, graph.constant(np.array(SIMCC_RATIO, np.float32))))
        if graph.opset < _AXES_AS_INPUT:
            scores.append(graph.add("ReduceMax", head, axes=[2], keepdims=1))
        else:
            scores.append(graph.add("ReduceMax", head, graph.constant(np.array([2])), keepdims=1))
    return graph.finish(graph.add("Concat", *coordinates, graph.add("Min", *scores), axis=2), (133, 3))


def extend_detector(path: str | Path) -> ExtendedGraph:
    """Extend a detector: letterboxed images uint8 [N, H, W, 3], BGR, to cells float32 [N, A, 5].

    Each of the A cells has centre and size as the model gives them, and the score of a person.
    """
    graph = _Graph(path)
    graph.connect_input(graph.planes())
    raw = graph.outputs[0]
    box, objectness, person = (
        graph.add("Gather", raw, graph.constant(np.array(columns)), axis=2) for columns in (range(4), [4], [5 + PERSON])
    )
    cells = sum((graph.height // stride) * (graph.width // stride) for stride in (8, 16, 32))
    return graph.finish(graph.add("Concat", box, graph.add("Mul", objectness, person), axis=2), (cells, 5))


class _Graph:
    """A model's graph, to which nodes are added before its input and after its outputs."""

    def __init__(self, path: str | Path) -> None:
        # Imported in functions, not at the top: it would slow the start of the command line.
        import onnx

        self._model: ModelProto = onnx.load(str(path))
        self._graph = self._model.graph
        self._before: list[Any] = []
        self._after: list[Any] = []
        self._count = 0
        self.float = onnx.TensorProto.FLOAT
        self.opset = next(known.version for known in self._model.opset_import if known.domain in ("", "ai.onnx"))
        self.outputs = [output.name for output in self._graph.output]
        weights = {weight.name for weight in self._graph.initializer}
        # Old files list the weights among the inputs.
        (self._input,) = (value for value in self._graph.input if value.name not in weights)
        batch, _, height, width = self._input.type.tensor_type.shape.dim
        self._batch: int | str = batch.dim_value or "batch"
        self.height, self.width = height.dim_value, width.dim_value
        self._input_connected = False

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; returns the name of its output."""
        import onnx

        self._count += 1
        output = f"signverse_{self._count}"
        node = onnx.helper.make_node(operator, list(inputs), [output], name=output, **attributes)
        (self._after if self._input_connected else self._before).append(node)
        return output

    def constant(self, value: NDArray[Any]) -> str:
        """Add a constant array; returns its name."""
        import onnx

        self._count += 1
        name = f"signverse_{self._count}"
        self._graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def planes(self) -> str:
        """The input images as float32 [N, 3, H, W]."""
        return self.add("Transpose", self.add("Cast", IMAGES, to=self.float), perm=[0, 3, 1, 2])

    def connect_input(self, name: str) -> None:
        """Feed an output to the model in place of its input; nodes added from now on come after the model."""
        import onnx

        self._before.append(onnx.helper.make_node("Identity", [name], [self._input.name], name="signverse_feed"))
        self._input_connected = True

    def finish(self, name: str, shape: tuple[int, ...]) -> ExtendedGraph:
        """The whole model, with one output.

        Args:
            name: the output.
            shape: of the output for one image.
        """
        import onnx

        self._after.append(onnx.helper.make_node("Identity", [name], [FOUND], name="signverse_give"))
        nodes = [*self._before, *self._graph.node, *self._after]
        del self._graph.node[:], self._graph.output[:]
        self._graph.node.extend(nodes)
        self._graph.input.remove(self._input)
        kinds = onnx.helper.make_tensor_value_info
        size = (self.height, self.width, 3)
        self._graph.input.append(kinds(IMAGES, onnx.TensorProto.UINT8, (self._batch, *size)))
        self._graph.output.append(kinds(FOUND, self.float, (self._batch, *shape)))
        return ExtendedGraph(self._model.SerializeToString(), size, isinstance(self._batch, str))
