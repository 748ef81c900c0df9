"""Models of production size with random weights: YOLOX-l at 640, RTMPose-l whole-body at 384x288, dynamic batch.

The layers are those of the two published architectures (YOLOX: CSPDarknet, PAFPN, decoupled head; RTMPose: CSPNeXt,
a 7x7 convolution, a gated attention unit, two SimCC heads), so that the arithmetic is theirs: 155 billion operations an
image and 20 billion a crop, counting a multiply-add as two (papers count RTMPose's as one: 10). Batch norms are folded
into the convolutions, as exporters do.

Random weights find nobody and move every point. A model's output is therefore overwritten at its very end, after all
arithmetic: one cell of the detector is a person in the middle of a 16:9 picture, and each point has its peak at a fixed
place. So every frame has one person, who keeps still, and box propagation works as with real models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int, int, int]
"""Channels, height, width."""


class Net:
    """A graph under construction; `operations` counts those of convolutions and matrix products for one image."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.operations = 0
        self._name = name
        self._rng = np.random.default_rng(0)
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self.shapes: dict[str, Shape] = {name: shape}

    def node(self, kind: str, *inputs: str, shape: Shape, **attributes: Any) -> str:
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        self.shapes[name] = shape
        return name

    def constant(self, value: Any) -> str:
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def random(self, *shape: int, inputs: int) -> str:
        """Weights that keep the size of what goes through them."""
        return self.constant(self._rng.normal(0, inputs**-0.5, shape).astype(np.float32))

    def conv(self, x: str, out: int, kernel: int = 1, stride: int = 1, *, groups: int = 1, plain: bool = False) -> str:
        """A convolution; with SiLU after it unless `plain`."""
        channels, height, width = self.shapes[x]
        shape = (out, -(-height // stride), -(-width // stride))
        inputs = channels // groups * kernel**2
        self.operations += 2 * inputs * int(np.prod(shape))
        weights = self.random(out, channels // groups, kernel, kernel, inputs=inputs)
        bias = self.constant(np.zeros(out, np.float32))
        y = self.node("Conv", x, weights, bias, shape=shape, strides=[stride] * 2, pads=[kernel // 2] * 4, group=groups)
        return y if plain else self.silu(y)

    def silu(self, x: str) -> str:
        shape = self.shapes[x]
        return self.node("Mul", x, self.node("Sigmoid", x, shape=shape), shape=shape)

    def add(self, x: str, y: str) -> str:
        return self.node("Add", x, y, shape=self.shapes[x])

    def cat(self, *parts: str) -> str:
        channels = sum(self.shapes[part][0] for part in parts)
        return self.node("Concat", *parts, shape=(channels, *self.shapes[parts[0]][1:]), axis=1)

    def up(self, x: str) -> str:
        channels, height, width = self.shapes[x]
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.node("Resize", x, "", scales, shape=(channels, 2 * height, 2 * width), mode="nearest")

    def pyramid(self, x: str) -> str:
        """SPP: the picture beside its maxima over 5, 9 and 13 pixels."""
        channels, *_ = self.shapes[x]
        x = self.conv(x, channels // 2)
        pools = [
            self.node("MaxPool", x, shape=self.shapes[x], kernel_shape=[k] * 2, pads=[k // 2] * 4) for k in (5, 9, 13)
        ]
        return self.conv(self.cat(x, *pools), channels)

    def product(self, x: str, out: int) -> str:
        """[N, rows, columns] times weights."""
        _, rows, columns = self.shapes[x]
        self.operations += 2 * rows * columns * out
        return self.node("MatMul", x, self.random(columns, out, inputs=columns), shape=(1, rows, out))

    def save(self, path: Path, outputs: dict[str, str]) -> Path:
        """Writes the graph.

        Args:
            outputs: by the name that each gets, the one that it has.
        """
        for name, inside in outputs.items():
            self._nodes.append(helper.make_node("Identity", [inside], [name]))
        graph = helper.make_graph(
            self._nodes,
            "giant",
            [helper.make_tensor_value_info(self._name, TensorProto.FLOAT, ["batch", *self.shapes[self._name]])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *self.shapes[inside][1:]])
                for name, inside in outputs.items()
            ],
            self._weights,
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
        return path


def make_detector(path: Path, size: int = 640, base: int = 64, depth: int = 3) -> int:
    """Writes a YOLOX; the defaults are YOLOX-l.

    Returns:
        Operations for an image.
    """
    net = Net("images", (3, size, size))

    def stage(x: str, out: int, count: int, *, add: bool = True) -> str:
        main = net.conv(x, out // 2)
        for _ in range(count):
            more = net.conv(net.conv(main, out // 2), out // 2, 3)
            main = net.add(main, more) if add else more
        return net.conv(net.cat(main, net.conv(x, out // 2)), out)

    x = net.node("SpaceToDepth", "images", shape=(12, size // 2, size // 2), blocksize=2)
    x = stage(net.conv(net.conv(x, base, 3), 2 * base, 3, 2), 2 * base, depth)
    eighth = stage(net.conv(x, 4 * base, 3, 2), 4 * base, 3 * depth)
    sixteenth = stage(net.conv(eighth, 8 * base, 3, 2), 8 * base, 3 * depth)
    last = stage(net.pyramid(net.conv(sixteenth, 16 * base, 3, 2)), 16 * base, depth, add=False)
    far = net.conv(last, 8 * base)
    middle = net.conv(stage(net.cat(net.up(far), sixteenth), 8 * base, depth, add=False), 4 * base)
    near = stage(net.cat(net.up(middle), eighth), 4 * base, depth, add=False)
    middle = stage(net.cat(net.conv(near, 4 * base, 3, 2), middle), 8 * base, depth, add=False)
    far = stage(net.cat(net.conv(middle, 8 * base, 3, 2), far), 16 * base, depth, add=False)
    levels = []
    for level in (near, middle, far):
        stem = net.conv(level, 4 * base)
        classes, place = (net.conv(net.conv(stem, 4 * base, 3), 4 * base, 3) for _ in range(2))
        parts = [net.conv(place, 4, plain=True)]
        for x, out in ((place, 1), (classes, 80)):
            x = net.conv(x, out, plain=True)
            parts.append(net.node("Sigmoid", x, shape=net.shapes[x]))
        x = net.cat(*parts)
        cells = net.shapes[x][1] * net.shapes[x][2]
        levels.append(net.node("Reshape", x, net.constant(np.array([0, 85, cells])), shape=(1, 85, cells)))
    count = sum(net.shapes[level][2] for level in levels)
    cells = net.node("Concat", *levels, shape=(1, 85, count), axis=2)
    cells = net.node("Transpose", cells, shape=(1, count, 85), perm=[0, 2, 1])
    mask, values = _one_person(size, count)
    given = net.node("Where", net.constant(mask), net.constant(values), cells, shape=(1, count, 85))
    net.save(path, {"output": given})
    return net.operations


def _one_person(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which numbers are overlaid, bool [1, A, 85], and with what: objectness 0 but for one cell of stride 32."""
    mask, values = np.zeros((1, count, 85), np.bool_), np.zeros((1, count, 85), np.float32)
    mask[..., 4] = True
    # A 16:9 picture fills the upper 9/16 of the square.
    centre = np.array([size / 2, size * 9 / 32]) / 32
    column, row = centre.astype(int)
    cell = count - (size // 32) ** 2 + row * (size // 32) + column
    mask[:, cell] = True
    values[:, cell, :2] = centre - (column, row)
    values[:, cell, 2:4] = np.log(np.array([0.25 * size, 0.5 * size]) / 32)
    values[:, cell, 4:6] = 1, 0.9
    return mask, values


def make_pose(path: Path, height: int = 384, width: int = 288, base: int = 64, depth: int = 3) -> int:
    """Writes an RTMPose with 133 points; the defaults are RTMPose-l.

    Returns:
        Operations for a crop.
    """
    net = Net("input", (3, height, width))
    x = net.conv("input", base // 2, 3, 2)
    x = net.conv(net.conv(x, base // 2, 3), base, 3)
    for number, count in enumerate((depth, 2 * depth, 2 * depth, depth)):
        out = base << (number + 1)
        x = net.conv(x, out, 3, 2)
        if number == 3:
            x = net.pyramid(x)
        main, beside = net.conv(x, out // 2), net.conv(x, out // 2)
        for _ in range(count):
            more = net.conv(net.conv(main, out // 2, 3), out // 2, 5, groups=out // 2)
            more = net.conv(more, out // 2)
            main = net.add(main, more) if number < 3 else more
        x = net.cat(main, beside)
        gate = net.node("GlobalAveragePool", x, shape=(out, 1, 1))
        gate = net.node("HardSigmoid", net.conv(gate, out, plain=True), shape=(out, 1, 1))
        x = net.conv(net.node("Mul", x, gate, shape=net.shapes[x]), out)
    x = net.conv(x, 133, 7, plain=True)
    flat = net.shapes[x][1] * net.shapes[x][2]
    x = net.node("Reshape", x, net.constant(np.array([0, 133, flat])), shape=(1, 133, flat))
    x = _attention(net, net.product(_scaled(net, x), 256))
    rng = np.random.default_rng(1)
    outputs = {}
    for name, side in (("simcc_x", width), ("simcc_y", height)):
        raw = net.product(x, 2 * side)
        shape = net.shapes[raw]
        small = net.node("Mul", net.node("Tanh", raw, shape=shape), net.constant(np.float32(0.01)), shape=shape)
        peaks = np.zeros((1, 133, 2 * side), np.float32)
        peaks[0, np.arange(133), rng.integers(side // 2, side * 3 // 2, 133)] = 0.9
        outputs[name] = net.node("Add", small, net.constant(peaks), shape=shape)
    net.save(path, outputs)
    return net.operations


def _scaled(net: Net, x: str) -> str:
    """Rows divided by their length."""
    shape = net.shapes[x]
    length = net.node("ReduceL2", x, shape=(1, shape[1], 1), axes=[2], keepdims=1)
    length = net.node("Mul", length, net.constant(np.float32(shape[2] ** -0.5)), shape=(1, shape[1], 1))
    length = net.node("Max", length, net.constant(np.float32(1e-5)), shape=(1, shape[1], 1))
    return net.node("Div", x, length, shape=shape)


def _attention(net: Net, x: str, inner: int = 512, key: int = 128) -> str:
    """A gated attention unit over the points."""
    _, rows, columns = net.shapes[x]
    mixed = net.silu(net.product(_scaled(net, x), 2 * inner + key))
    u, v, keys = f"{mixed}_u", f"{mixed}_v", f"{mixed}_keys"
    sizes = net.constant(np.array([inner, inner, key]))
    net._nodes.append(helper.make_node("Split", [mixed, sizes], [u, v, keys], axis=2))
    sides = []
    for _ in range(2):
        side = net.node("Mul", keys, net.random(key, inputs=1), shape=(1, rows, key))
        sides.append(net.node("Add", side, net.random(key, inputs=key), shape=(1, rows, key)))
    turned = net.node("Transpose", sides[1], shape=(1, key, rows), perm=[0, 2, 1])
    seen = net.node("MatMul", sides[0], turned, shape=(1, rows, rows))
    seen = net.node("Mul", seen, net.constant(np.float32(1 / (key**0.5 * rows**0.5))), shape=(1, rows, rows))
    seen = net.node("Relu", seen, shape=(1, rows, rows))
    seen = net.node("Mul", seen, seen, shape=(1, rows, rows))
    looked = net.node("MatMul", seen, v, shape=(1, rows, inner))
    net.operations += 2 * rows * rows * (key + inner)
    return net.add(x, net.product(net.node("Mul", u, looked, shape=(1, rows, inner)), columns))
