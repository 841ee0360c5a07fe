"""TensorFlow.js graph models: their weights, and a literal NumPy interpreter to compare conversions with.

The interpreter runs the source's own nodes one by one, in double precision. It
knows the operations of MediaPipe's face meshes and refuses any other.
"""
from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np

from graph import same_padding


def read_weights(manifest: list[dict], folder: Path) -> dict[str, np.ndarray]:
    """The weights of a TensorFlow.js manifest; the files here hold float16 and int32 only."""
    weights = {}
    for part in manifest:
        data = b"".join((folder / path).read_bytes() for path in part["paths"])
        offset = 0
        for entry in part["weights"]:
            stored = entry.get("quantization", {}).get("dtype", entry["dtype"])
            dtype = {"float16": "<f2", "float32": "<f4", "int32": "<i4"}[stored]
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(data, dtype, count, offset).reshape(entry["shape"])
            offset += values.nbytes
            weights[entry["name"]] = values if entry["dtype"] == "int32" else values.astype(np.float32)
        if offset != len(data):
            raise ValueError(f"{len(data) - offset} bytes of weights are left over")
    return weights


def integers(node: dict, name: str) -> list[int]:
    """An attribute that is a list of integers."""
    return [int(i) for i in node["attr"][name]["list"]["i"]]


def padded(x: np.ndarray, kernel: int, node: dict) -> np.ndarray:
    """A convolution's input with the padding that the node asks for."""
    if base64.b64decode(node["attr"]["padding"]["s"]) == b"VALID":
        return x
    top, left, bottom, right = same_padding(kernel, integers(node, "strides")[1])
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))


def windows(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """[N, h, w, C, kernel, kernel] of an NHWC array."""
    return np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]


def prelu(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, slope * x)


class Interpreter:
    """Evaluates nodes of a TensorFlow.js graph model on request, each once."""

    def __init__(self, file: Path, inputs: dict[str, np.ndarray]):
        model = json.loads(file.read_text())
        weights = read_weights(model["weightsManifest"], file.parent)
        self.nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        self.values = {name: v if v.dtype.kind == "i" else v.astype(np.float64) for name, v in weights.items()}
        self.values.update(inputs)

    def value(self, name: str) -> np.ndarray:
        if name not in self.values:
            node = self.nodes[name]
            inputs = [self.value(one) for one in node.get("input", [])]
            self.values[name] = getattr(self, node["op"].lstrip("_"))(node, *inputs)
        return self.values[name]

    def FusedConv2D(self, node, x, weight, bias, slope=None):
        x = windows(padded(x, weight.shape[0], node), weight.shape[0], integers(node, "strides")[1])
        x = np.einsum("nhwcij,ijck->nhwk", x, weight, optimize=True) + bias
        return x if slope is None else prelu(x, slope)

    def DepthwiseConv2dNative(self, node, x, weight):
        x = windows(padded(x, weight.shape[0], node), weight.shape[0], integers(node, "strides")[1])
        return np.einsum("nhwcij,ijc->nhwc", x, weight[..., 0], optimize=True)

    def MaxPool(self, node, x):
        return windows(x, integers(node, "ksize")[1], integers(node, "strides")[1]).max((4, 5))

    def Prelu(self, node, x, slope):
        return prelu(x, slope)

    def StridedSlice(self, node, x, begin, end, strides):
        mask = {kind: int(node["attr"][f"{kind}_mask"]["i"]) for kind in ("begin", "end", "ellipsis", "shrink_axis")}
        index: list = []
        for i, (first, last, step) in enumerate(zip(begin, end, strides)):
            if mask["ellipsis"] >> i & 1:
                index.append(Ellipsis)
            elif mask["shrink_axis"] >> i & 1:
                index.append(int(first))
            else:
                ends = (None if mask["begin"] >> i & 1 else first, None if mask["end"] >> i & 1 else last)
                index.append(slice(*ends, step))
        return x[tuple(index)]

    def BatchMatMulV2(self, node, a, b):
        adjoint = [node["attr"].get(name, {}).get("b", False) for name in ("adj_x", "adj_y")]
        return (a.swapaxes(-1, -2) if adjoint[0] else a) @ (b.swapaxes(-1, -2) if adjoint[1] else b)

    def MatMul(self, node, a, b):
        return a @ b

    def Cast(self, node, x):
        # Truncates towards zero, like TensorFlow's cast of a float to an integer.
        return x.astype({"DT_FLOAT": np.float64, "DT_INT32": np.int32}[node["attr"]["DstT"]["type"]])

    def ConcatV2(self, node, *values):
        return np.concatenate(values[:-1], int(values[-1]))

    def Pack(self, node, *values):
        return np.stack(values, int(node["attr"]["axis"]["i"]))

    def GatherV2(self, node, x, indices, axis):
        return np.take(x, indices, int(axis))

    def Reshape(self, node, x, shape):
        return x.reshape([int(side) for side in shape])

    def Pad(self, node, x, pads):
        return np.pad(x, pads)

    def Sigmoid(self, node, x):
        return 1 / (1 + np.exp(-x))

    def Identity(self, node, x):
        return x

    def AddN(self, node, *values):
        return sum(values)

    def Shape(self, node, x):
        return np.array(x.shape, np.int32)

    def ExpandDims(self, node, x, axis):
        return np.expand_dims(x, int(axis))

    def Fill(self, node, shape, value):
        return np.full([int(side) for side in shape], value)

    def Range(self, node, start, limit, step):
        return np.arange(start, limit, step)

    def Tile(self, node, x, times):
        return np.tile(x, times)

    def Transpose(self, node, x, order):
        return x.transpose(order)

    def Min(self, node, x, axis):
        return x.min(int(axis))

    def Max(self, node, x, axis):
        return x.max(int(axis))

    def ZerosLike(self, node, x):
        return np.zeros_like(x)

    def AddV2(self, node, a, b):
        return a + b

    def Sub(self, node, a, b):
        return a - b

    def Mul(self, node, a, b):
        return a * b

    def Neg(self, node, x):
        return -x

    def Sin(self, node, x):
        return np.sin(x)

    def Cos(self, node, x):
        return np.cos(x)

    def Atan2(self, node, y, x):
        return np.arctan2(y, x)

    def Floor(self, node, x):
        return np.floor(x)

    def Minimum(self, node, a, b):
        return np.minimum(a, b)

    def Maximum(self, node, a, b):
        return np.maximum(a, b)

    def LessEqual(self, node, a, b):
        return a <= b

    def GreaterEqual(self, node, a, b):
        return a >= b

    def LogicalAnd(self, node, a, b):
        return a & b
