"""MediaPipe face mesh: from the TensorFlow.js graph model to models/landmarks-facemesh.onnx.

The source net gives 468 mesh vertices, a face flag and 133 refined contour
vertices. The contract wants 106 points, and every one of those is a linear
function of the vertices, up to the jaw line's equal arc-length steps. So the
vertex outputs never exist here: the 106-point map is folded into the weights
of the two last convolutions, and the arc length is a few small operations
after them.
"""
from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path

import numpy as np

from graph import FLOAT, UINT8, Graph, same_padding
from tfjs import read_weights

SIZE = 192
VERTICES = 468
POINTS = 106
# Output nodes of the source graph.
MESH = "Identity_2"
FLAG = "Identity_1"
CONTOURS = "Identity"


class Importer:
    """Writes the nodes of a TensorFlow.js graph (NHWC) into an ONNX graph (NCHW)."""

    def __init__(self, g: Graph, model: dict, weights: dict[str, np.ndarray]):
        self.g = g
        self.nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        self.weights = weights
        self.done: dict[str, str] = {}

    def value(self, name: str) -> str:
        """The ONNX name of a source node's output, writing the node when first asked for."""
        if name not in self.done:
            node = self.nodes[name]
            self.done[name] = getattr(self, node["op"].lstrip("_"))(node)
        return self.done[name]

    def before_reshape(self, output: str) -> dict:
        """The node whose flattened result is the graph output named `output`."""
        reshape = self.nodes[self.nodes[output]["input"][0]]
        if reshape["op"] != "Reshape":
            raise ValueError(f"{output} is not a reshape")
        return self.nodes[reshape["input"][0]]

    @staticmethod
    def geometry(node: dict, kernel: int) -> dict:
        """Stride and padding of a convolution or pooling node."""
        stride = int(node["attr"]["strides"]["list"]["i"][1])
        padding = base64.b64decode(node["attr"]["padding"]["s"])
        return {"stride": stride, "pads": same_padding(kernel, stride) if padding == b"SAME" else (0, 0, 0, 0)}

    def kernel(self, node: dict) -> tuple[np.ndarray, np.ndarray]:
        """Weight [out, in, kh, kw] and bias of a fused convolution."""
        return self.weights[node["input"][1]].transpose(3, 2, 0, 1), self.weights[node["input"][2]]

    def FusedConv2D(self, node: dict) -> str:
        weight, bias = self.kernel(node)
        x = self.g.conv(self.value(node["input"][0]), weight, bias, **self.geometry(node, weight.shape[2]))
        fused = [base64.b64decode(s) for s in node["attr"]["fused_ops"]["list"]["s"]]
        if fused == [b"BiasAdd", b"Prelu"]:
            return self.g.prelu(x, self.weights[node["input"][3]].reshape(-1, 1, 1))
        if fused != [b"BiasAdd"]:
            raise ValueError(f"unexpected fusion {fused}")
        return x

    def DepthwiseConv2dNative(self, node: dict) -> str:
        weight = self.weights[node["input"][1]].transpose(2, 3, 0, 1)
        x = self.value(node["input"][0])
        return self.g.conv(x, weight, None, group=weight.shape[0], **self.geometry(node, weight.shape[2]))

    def Prelu(self, node: dict) -> str:
        return self.g.prelu(self.value(node["input"][0]), self.weights[node["input"][1]].reshape(-1, 1, 1))

    def AddV2(self, node: dict) -> str:
        return self.g.op("Add", *[self.value(name) for name in node["input"]])

    def MaxPool(self, node: dict) -> str:
        return self.g.op("MaxPool", self.value(node["input"][0]), kernel_shape=[2, 2], strides=[2, 2])

    def Pad(self, node: dict) -> str:
        """Only channels are padded in this net, doubled with zeros after the existing ones.

        Written as a pointwise convolution with an identity, zeros below: ORT
        keeps convolutions in its blocked layout, while a Pad costs two layout
        changes (14 % of the net's time).
        """
        before, after = self.weights[node["input"][1]][3]
        if np.count_nonzero(self.weights[node["input"][1]]) != 1 or before != 0:
            raise ValueError(f"unexpected padding in {node['name']}")
        return self.g.conv(self.value(node["input"][0]), np.eye(2 * after, after)[:, :, None, None], None)

    def Sigmoid(self, node: dict) -> str:
        return self.g.op("Sigmoid", self.value(node["input"][0]))


def row(weights: list[list[float]]) -> np.ndarray:
    """A weighted sum of vertices, written [[vertex, weight], ...], as a row over all vertices."""
    values = np.zeros(VERTICES, np.float64)
    for vertex, weight in weights:
        values[vertex] += weight
    return values


def fold(rows: np.ndarray, weight: np.ndarray, bias: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Composes a convolution whose channels are `step` coordinates a vertex with a map of vertices.

    rows [K, V], weight [V * step, in, kh, kw] -> weight [K * 2, in, kh, kw], x and y only.
    """
    # Sums run in a fixed order over the few vertices of a row, in double
    # precision, so that every machine rounds to the same float32.
    xy = weight.reshape(rows.shape[1], step, -1)[:, :2].astype(np.float64)
    offset = bias.reshape(rows.shape[1], step)[:, :2].astype(np.float64)
    folded = np.zeros((len(rows), *xy.shape[1:]))
    folded_offset = np.zeros((len(rows), 2))
    for k, v in np.argwhere(rows):
        folded[k] += rows[k, v] * xy[v]
        folded_offset[k] += rows[k, v] * offset[v]
    return (
        folded.reshape(-1, *weight.shape[1:]).astype(np.float32),
        folded_offset.reshape(-1).astype(np.float32),
    )


def equal_arcs(g: Graph, nodes: str, count: int, steps: int) -> str:
    """Points at k / steps of the length of polylines [M, 2, count, 2], k = 0 .. steps - 1.

    A point at length t is node 0 plus, of every segment, the share that t has
    covered: clip((t - start) / length, 0, 1).
    """
    axis = g.ints(2)
    first = g.op("Slice", nodes, g.ints(0), g.ints(1), axis)
    segments = g.op(
        "Sub",
        g.op("Slice", nodes, g.ints(1), g.ints(count), axis),
        g.op("Slice", nodes, g.ints(0), g.ints(count - 1), axis),
    )
    # Segments of no length would divide 0 by 0.
    lengths = g.op("Max", g.op("ReduceL2", segments, axes=[3], keepdims=0), g.const(1e-6))
    # From the segment lengths, [steps, segments] values t - start, by one product.
    part = np.arange(steps)[None, :, None] / steps - np.tri(count - 1, k=-1).T[:, None, :]
    covered = g.op("MatMul", lengths, g.const(part.reshape(count - 1, -1)))
    covered = g.op("Reshape", covered, g.ints(0, 2, steps, count - 1))
    shares = g.op("Clip", g.op("Div", covered, g.op("Unsqueeze", lengths, axis)), g.const(0.0), g.const(1.0))
    return g.op("Add", first, g.op("MatMul", shares, segments))


class Points:
    """The 106 points as rows over the mesh's vertices: those that are weighted vertices, then the nodes of the jaw's two sides."""

    def __init__(self, table: dict):
        sides = [table["contour"][side] for side in ("left", "right")]
        self.steps, self.count = len(sides[0]["indices"]), len(sides[0]["nodes"])
        if any((len(s["indices"]), len(s["nodes"])) != (self.steps, self.count) for s in sides):
            raise ValueError("the two sides of the contour differ in length")
        self.resampled = [index for side in sides for index in side["indices"]]
        self.mapped = [index for index in range(POINTS) if index not in self.resampled]
        self.rows = np.stack(
            [row(table["mesh_map"]["points"][index]) for index in self.mapped]
            + [row(node) for side in sides for node in side["nodes"]]
        )

    def write(self, g: Graph, values: str) -> None:
        """The output `points`, from the rows' values [M, rows, 2]: the jaw's sides are cut into equal arcs."""
        interior, jaw = g.op("Split", values, g.ints(len(self.mapped), 2 * self.count), outputs=2, axis=1)
        arcs = equal_arcs(g, g.op("Reshape", jaw, g.ints(0, 2, self.count, 2)), self.count, self.steps)
        together = g.op("Concat", interior, g.op("Reshape", arcs, g.ints(0, 2 * self.steps, 2)), axis=1)
        order = np.argsort(self.mapped + self.resampled, kind="stable")
        g.op("Gather", together, g.const(order, np.int64), axis=1, name="points")


def read_pixels(g: Graph, net: Importer) -> None:
    """Starts both graphs: the net expects 0..1, and the scale goes into its first convolution (whose zero padding no scale changes)."""
    first = next(n for n in net.nodes.values() if n["op"] == "_FusedConv2D" and n["input"][0] == "input_1")
    net.weights[first["input"][1]] = net.weights[first["input"][1]] / np.float32(255)
    net.done["input_1"] = g.op("Cast", g.op("Transpose", "faces", perm=[0, 3, 1, 2]), to=FLOAT)


def build(model_file: Path, table_file: Path, target: Path) -> None:
    """Writes the landmark net of the model contract."""
    model = json.loads(model_file.read_text())
    table = json.loads(table_file.read_text())
    weights = read_weights(model["weightsManifest"], model_file.parent)

    points = Points(table)
    rows = points.rows

    # The contour output's vertices replace the mesh's own.
    replaced = table["contour_output_vertices"]["vertices"]
    mesh_rows = rows.copy()
    mesh_rows[:, replaced] = 0

    g = Graph("landmarks")
    net = Importer(g, model, weights)
    read_pixels(g, net)

    parts = []
    for output, part, step in ((MESH, mesh_rows, 3), (CONTOURS, rows[:, replaced], 2)):
        node = net.before_reshape(output)
        weight, bias = fold(part, *net.kernel(node), step)
        # Both see their whole 3x3 input once, so the result is 1x1.
        parts.append(g.conv(net.value(node["input"][0]), weight, bias, stride=3))
    vertices = g.op("Reshape", g.op("Add", *parts), g.ints(0, -1, 2))

    points.write(g, vertices)

    flag = net.value(net.before_reshape(FLAG)["name"])
    g.op("Reshape", flag, g.ints(-1), name="presence")

    g.save(
        target,
        inputs=[("faces", UINT8, ("M", SIZE, SIZE, 3))],
        outputs=[("points", FLOAT, ("M", POINTS, 2)), ("presence", FLOAT, ("M",))],
        doc="MediaPipe face mesh (Apache-2.0, Google). Modified by facequeue: converted from TensorFlow.js, "
        "pixel scaling inside, PRelu rewritten, mesh and contour outputs folded into 106 points.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="facemesh.json, its .bin beside it")
    parser.add_argument("table", type=Path, help="landmark106.json")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    build(arguments.model, arguments.table, arguments.target)
