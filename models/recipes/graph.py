"""A small ONNX graph writer shared by the recipes.

Names are counted, nothing depends on time, paths or hashing order, so the same
packages always give the same bytes.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Opset 17 belongs to IR version 8; both are old enough for every runtime we
# care about (onnxruntime >= 1.14) and new enough for Shape(start, end).
OPSET = 17
IR_VERSION = 8

FLOAT = TensorProto.FLOAT
UINT8 = TensorProto.UINT8
INT64 = TensorProto.INT64


class Graph:
    """Collects nodes and constants of one ONNX graph, in execution order."""

    def __init__(self, name: str, prefix: str = ""):
        self.name = name
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._shared: dict[tuple, str] = {}

    def const(self, value, dtype=np.float32, name: str | None = None) -> str:
        """Adds an initializer and returns its name; small equal ones are shared."""
        array = np.asarray(value, dtype=dtype, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if name is None and key in self._shared:
            return self._shared[key]
        name = name or f"{self.prefix}const_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        self._shared.setdefault(key, name)
        return name

    def ints(self, *values: int) -> str:
        """An int64 vector (axes, shapes, slice bounds)."""
        return self.const(values, np.int64)

    def op(self, kind: str, *inputs: str, outputs: int = 1, name: str | None = None, **attributes):
        """Adds a node; returns its output name, or a list when outputs > 1."""
        base = f"{self.prefix}{kind}_{len(self.nodes)}"
        names = [name] if name else [base] if outputs == 1 else [f"{base}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=base, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x: str, weight, bias, *, stride: int = 1, pads=(0, 0, 0, 0), group: int = 1) -> str:
        """Conv with weight [out, in / group, kh, kw] and pads (top, left, bottom, right)."""
        weight = np.asarray(weight, np.float32)
        inputs = [x, self.const(weight)] + ([] if bias is None else [self.const(bias)])
        return self.op(
            "Conv", *inputs, kernel_shape=list(weight.shape[2:]), strides=[stride, stride], pads=list(pads), group=group
        )

    def prelu(self, x: str, slope: np.ndarray) -> str:
        """PRelu(x, s) = (1 - s) Relu(x) + s x, exact for every slope (some exceed 1).

        ORT's own PRelu is slow on real data: it branches on the sign. Where no
        slope exceeds 1 the factor may go inside the Relu, which ORT then fuses
        with the product (2 % of the face mesh's time).
        """
        factor = self.const(1 - slope)
        if np.all(slope <= 1):
            positive = self.op("Relu", self.op("Mul", x, factor))
        else:
            positive = self.op("Mul", self.op("Relu", x), factor)
        return self.op("Add", positive, self.op("Mul", x, self.const(slope)))

    def body(self, inputs=(), outputs=()) -> onnx.GraphProto:
        """The graph itself; inputs and outputs are (name, type, shape)."""
        def info(entries):
            return [helper.make_tensor_value_info(n, t, list(s)) for n, t, s in entries]

        return helper.make_graph(self.nodes, self.name, info(inputs), info(outputs), self.constants)

    def save(self, path: Path, inputs, outputs, doc: str) -> None:
        """Checks the model and writes it."""
        model = helper.make_model(
            self.body(inputs, outputs),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="facequeue-recipes",
            doc_string=doc,
        )
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))


def same_padding(kernel: int, stride: int) -> tuple[int, int, int, int]:
    """TensorFlow's "SAME" padding for an even input size: odd pixels go after, not before."""
    total = max(kernel - stride, 0)
    before = total // 2
    return before, before, total - before, total - before
