"""YuNet: from OpenCV Zoo's face_detection_yunet_2023mar.onnx to models/detector-yunet.onnx.

The source takes a float picture of 640x640 and ends in twelve raw maps. This
keeps its layers and weights and writes the network of the model contract round
them: any size, from uint8 pixels to decoded boxes.
"""
from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from graph import FLOAT, INT64, UINT8, Graph

PARAMETERS = 53_104
STRIDES = (8, 16, 32)
# What turns a map of the source into the rows it puts out.
RESHAPING = ("Sigmoid", "Reshape", "Transpose")


@dataclass(frozen=True)
class Convolution:
    """A convolution of the source."""

    input: str
    weight: np.ndarray
    bias: np.ndarray
    stride: int
    pads: tuple[int, ...]
    group: int


class Source:
    """The source's graph, read from its outputs backwards."""

    def __init__(self, path: Path):
        graph = onnx.load(path).graph
        self.input = graph.input[0].name
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output}
        convolutions = [self.convolution(node.output[0]) for node in graph.node if node.op_type == "Conv"]
        count = sum(c.weight.size + c.bias.size for c in convolutions)
        if count != PARAMETERS:
            raise ValueError(f"{count} parameters, expected {PARAMETERS}")

    def convolution(self, output: str) -> Convolution:
        """The convolution that makes `output`."""
        node = self.producers[output]
        if node.op_type != "Conv":
            raise ValueError(f"{output} is made by {node.op_type}, expected Conv")
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        x, weight, bias = node.input
        return Convolution(
            x, self.constants[weight], self.constants[bias], attributes["strides"][0],
            tuple(attributes["pads"]), attributes["group"],
        )  # fmt: skip

    def head(self, name: str) -> tuple[Convolution, Convolution]:
        """The pointwise and the depthwise convolution behind an output such as `cls_8`."""
        while self.producers[name].op_type in RESHAPING:
            name = self.producers[name].input[0]
        depthwise = self.convolution(name)
        return self.convolution(depthwise.input), depthwise


class Trunk:
    """The layers below the heads, added to a graph as far as somebody asks for them."""

    def __init__(self, g: Graph, source: Source, pixels: str):
        self.g = g
        self.source = source
        self.added = {source.input: pixels}

    def add(self, name: str) -> str:
        """The name in the new graph of what the source calls `name`."""
        if name not in self.added:
            self.added[name] = self._add(name)
        return self.added[name]

    def _add(self, name: str) -> str:
        node = self.source.producers[name]
        if node.op_type == "Conv":
            layer = self.source.convolution(name)
            # The source takes B G R, the contract R G B.
            weight = layer.weight[:, ::-1] if layer.input == self.source.input else layer.weight
            x = self.add(layer.input)
            return self.g.conv(x, weight, layer.bias, stride=layer.stride, pads=layer.pads, group=layer.group)
        if node.op_type == "Resize":
            # Twice as large, whatever the size; the source's other inputs say the same for 640x640.
            return self.g.op(
                "Resize", self.add(node.input[0]), "", self.g.const([1, 1, 2, 2]), mode="nearest",
                coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
        if node.op_type == "MaxPool":
            return self.g.op("MaxPool", self.add(node.input[0]), kernel_shape=[2, 2], strides=[2, 2])
        if node.op_type in ("Relu", "Add"):
            return self.g.op(node.op_type, *[self.add(x) for x in node.input])
        raise ValueError(f"{name} is made by {node.op_type}, which no layer of YuNet is")


def head(g: Graph, source: Source, trunk: Trunk, stride: int) -> str:
    """All four heads of a level as one 64 -> 16 pointwise and one 16-channel depthwise.

    Saves 8-14 % against four separate ones. Channels come out as cls, obj,
    half width, half height (both as logarithms), centre x, y, five points x, y.
    The last convolution has no activation, so the stride (pixels a cell) and
    the halving of the size are folded into its weights and biases.
    """
    cls, obj, box, points = (source.head(f"{kind}_{stride}") for kind in ("cls", "obj", "bbox", "kps"))
    (features,) = {pointwise.input for pointwise, _ in (cls, obj, box, points)}
    # (head, its channels, scale, bias added)
    parts = [
        (cls, slice(0, 1), 1.0, 0.0),
        (obj, slice(0, 1), 1.0, 0.0),
        (box, slice(2, 4), 1.0, math.log(stride / 2)),
        (box, slice(0, 2), stride, 0.0),
        (points, slice(0, 10), stride, 0.0),
    ]
    x = g.conv(
        trunk.add(features),
        np.concatenate([pointwise.weight[c] for (pointwise, _), c, _, _ in parts]),
        np.concatenate([pointwise.bias[c] for (pointwise, _), c, _, _ in parts]),
    )
    return g.conv(
        x,
        np.concatenate([depthwise.weight[c] * s for (_, depthwise), c, s, _ in parts]),
        np.concatenate([depthwise.bias[c] * s + b for (_, depthwise), c, s, b in parts]),
        pads=(1, 1, 1, 1),
        group=16,
    )


def prefix(g: Graph) -> str:
    """uint8 NHWC to float NCHW at `size`, resizing only when the sizes differ.

    An If, because ORT's Resize to the same size still copies the picture. Both
    branches do their own layout change, so neither hands a copy through.
    The sizes are compared in int64, which GPU providers leave to the CPU: in
    any other type the answer would make a trip to the GPU and back.
    """
    apart = g.op("Sub", g.op("Shape", "images", start=1, end=3), "size")
    same = g.op("Equal", g.op("ReduceSum", g.op("Mul", apart, apart), keepdims=0), g.const(0, np.int64))

    def branch(name: str, resize: bool):
        b = Graph(name, prefix=f"{name}_")
        x = b.op("Cast", b.op("Transpose", "images", perm=[0, 3, 1, 2]), to=FLOAT)
        if resize:
            sizes = b.op("Concat", b.op("Shape", x, start=0, end=2), "size", axis=0)
            x = b.op("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel")
        return b.body(outputs=[(x, FLOAT, ("N", 3, "H", "W"))])

    return g.op("If", same, then_branch=branch("as_is", False), else_branch=branch("resized", True))


def priors(g: Graph) -> str:
    """The corner (x, y) in pixels of every cell, [2, A]: stride 8, 16, 32, row-major within each."""
    # Cast last: int64 stays on the CPU, where Range wants its bounds.
    height, width = (g.op("Cast", g.op("Gather", "size", g.const(i, np.int64)), to=FLOAT) for i in (0, 1))
    zero = g.const(0.0)
    corners = []
    for stride in STRIDES:
        step = g.const(float(stride))
        xs = g.op("Range", zero, width, step)
        ys = g.op("Unsqueeze", g.op("Range", zero, height, step), g.ints(1))
        shape = g.op("Concat", g.op("Shape", ys, start=0, end=1), g.op("Shape", xs), axis=0)
        grid = [g.op("Reshape", g.op("Expand", v, shape), g.ints(1, -1)) for v in (xs, ys)]
        corners.append(g.op("Concat", *grid, axis=0))
    return g.op("Concat", *corners, axis=1)


def decode(g: Graph, maps: list[str]) -> None:
    """Head maps [N, 16, h, w] of the three levels to the outputs.

    Everything stays channel-first until the end: slices are then contiguous
    and only the few final values an anchor are transposed.
    """
    flat = g.op("Concat", *[g.op("Reshape", m, g.ints(0, 16, -1)) for m in maps], axis=2)
    cls, obj, log_half, offsets = g.op("Split", flat, g.ints(1, 1, 2, 12), outputs=4, axis=1)
    score = g.op("Sqrt", g.op("Mul", g.op("Sigmoid", cls), g.op("Sigmoid", obj)))
    g.op("Squeeze", score, g.ints(1), name="scores")

    half = g.op("Exp", log_half)
    places = g.op("Add", g.op("Reshape", offsets, g.ints(0, 6, 2, -1)), priors(g))
    centre, points = g.op("Split", places, g.ints(1, 5), outputs=2, axis=1)
    centre = g.op("Squeeze", centre, g.ints(1))
    corners = g.op("Concat", g.op("Sub", centre, half), g.op("Add", centre, half), axis=1)
    g.op("Transpose", corners, perm=[0, 2, 1], name="boxes")
    g.op("Transpose", points, perm=[0, 3, 1, 2], name="points")


def build(path: Path, target: Path) -> None:
    """Writes the detector of the model contract."""
    source = Source(path)
    g = Graph("detector")
    trunk = Trunk(g, source, prefix(g))
    decode(g, [head(g, source, trunk, stride) for stride in STRIDES])
    g.save(
        target,
        inputs=[("images", UINT8, ("N", "h", "w", 3)), ("size", INT64, (2,))],
        outputs=[
            ("scores", FLOAT, ("N", "A")),
            ("boxes", FLOAT, ("N", "A", 4)),
            ("points", FLOAT, ("N", "A", 5, 2)),
        ],
        doc="YuNet face detector of OpenCV Zoo, 2023mar (MIT, Shiqi Yu and others), rewritten by facequeue.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="face_detection_yunet_2023mar.onnx of the pinned wheel")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    build(arguments.source, arguments.target)
