"""The models' graphs for a GPU: bytes go in and answers come out, so that little crosses the bus.

A crop as the pose model takes it is 1.3 MB of float32, and what it gives 0.7 MB. Widened, it takes the 0.3 MB of the
crop's own bytes, does on the card what `normalise` and `decode_simcc` do here, and gives 1.6 kB. The numbers are the
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
class Widened:
    """A model's graph that takes bytes.

    Attributes:
        graph: as an ONNX file holds it.
        shape: of one image that goes in, (H, W, 3).
        free: whether any number of images may go through together.
    """

    graph: bytes
    shape: tuple[int, int, int]
    free: bool


def widen_pose(path: str | Path) -> Widened:
    """A pose model that takes crops uint8 [N, H, W, 3], BGR, and gives points float32 [N, 133, 3].

    The points are those of `decode_simcc`: x, y in pixels of the crop and the score.
    """
    graph = _Graph(path)
    planes = graph.planes()
    rgb = graph.add("Gather", planes, graph.constant(np.array([2, 1, 0])), axis=1)
    centred = graph.add("Sub", rgb, graph.constant(MEAN[:, None, None]))
    graph.feed(graph.add("Div", centred, graph.constant(STD[:, None, None])))
    columns, peaks = [], []
    for heads in simcc_names(graph.outputs):
        place = graph.add("Cast", graph.add("ArgMax", heads, axis=2, keepdims=1), to=graph.float)
        columns.append(graph.add("Div", place, graph.constant(np.array(SIMCC_RATIO, np.float32))))
        if graph.opset < _AXES_AS_INPUT:
            peaks.append(graph.add("ReduceMax", heads, axes=[2], keepdims=1))
        else:
            peaks.append(graph.add("ReduceMax", heads, graph.constant(np.array([2])), keepdims=1))
    return graph.give(graph.add("Concat", *columns, graph.add("Min", *peaks), axis=2), (133, 3))


def widen_detector(path: str | Path) -> Widened:
    """A detector that takes letterboxed images uint8 [N, H, W, 3], BGR, and gives float32 [N, A, 5].

    Of each of the A cells: centre and size as the model gives them, and the score of a person.
    """
    graph = _Graph(path)
    graph.feed(graph.planes())
    raw = graph.outputs[0]
    box, objectness, person = (
        graph.add("Gather", raw, graph.constant(np.array(columns)), axis=2) for columns in (range(4), [4], [5 + PERSON])
    )
    cells = sum((graph.height // stride) * (graph.width // stride) for stride in (8, 16, 32))
    return graph.give(graph.add("Concat", box, graph.add("Mul", objectness, person), axis=2), (cells, 5))


class _Graph:
    """A model's graph, with nodes put before its input and after its outputs."""

    def __init__(self, path: str | Path) -> None:
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
        (self._input,) = (taken for taken in self._graph.input if taken.name not in weights)
        batch, _, height, width = self._input.type.tensor_type.shape.dim
        self._batch: int | str = batch.dim_value or "batch"
        self.height, self.width = height.dim_value, width.dim_value
        self._fed = False

    def add(self, kind: str, *taken: str, **attributes: Any) -> str:
        """Puts a node after those that are there; returns the name of what it gives."""
        import onnx

        self._count += 1
        given = f"signverse_{self._count}"
        node = onnx.helper.make_node(kind, list(taken), [given], name=given, **attributes)
        (self._after if self._fed else self._before).append(node)
        return given

    def constant(self, value: NDArray[Any]) -> str:
        """Keeps an array in the graph; returns its name."""
        import onnx

        self._count += 1
        name = f"signverse_{self._count}"
        self._graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def planes(self) -> str:
        """The images that go in, as float32 [N, 3, H, W]."""
        return self.add("Transpose", self.add("Cast", IMAGES, to=self.float), perm=[0, 3, 1, 2])

    def feed(self, name: str) -> None:
        """Lets the model take what is called so in the place of its input; what is added from now on comes after it."""
        import onnx

        self._before.append(onnx.helper.make_node("Identity", [name], [self._input.name], name="signverse_feed"))
        self._fed = True

    def give(self, name: str, shape: tuple[int, ...]) -> Widened:
        """The whole model, which gives what is called so and nothing else.

        Args:
            shape: of what it gives for one image.
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
        return Widened(self._model.SerializeToString(), size, isinstance(self._batch, str))
