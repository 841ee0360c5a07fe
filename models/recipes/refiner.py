"""MediaPipe face mesh with attention: from the TensorFlow.js graph model to models/refiner-attention.onnx.

The source net predicts 468 mesh vertices, cuts three regions out of its own
feature map by them (lips, and an eye with its brow on either side), and predicts
the vertices of each region once more, and the iris centres. Where it cuts is a
small calculation that the source spells out in some 600 nodes; here it is written
anew for all three regions together. The map from vertices to the 106 points is
folded into the last convolutions, as in landmarks.py. The points of the pupils
are the iris centres.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from graph import FLOAT, UINT8, Graph
from landmarks import POINTS, SIZE, VERTICES, Importer, Points, fold, read_pixels
from tfjs import integers, read_weights

PREFIX = "StatefulPartitionedCall/functional_1/"
MESH = "Identity_4"
# The sides of the feature map that regions are cut from, and of a region.
MAP = 48
REGION = 16
# A region is so many times as large as the bounding box of its vertices.
MARGIN = 1.5
# The source keeps 2 / (MAP - 1), by which it scales positions, as float16.
TO_GRID = float(np.float16(2 / (MAP - 1)))

# Region: suffix of its nodes in the source, outputs of its vertices, and of its iris with the pupil's point.
REGIONS = (
    ("", "Identity_3", None),
    ("_1", "Identity_1", ("Identity_2", 38)),
    ("_2", "Identity_5", ("Identity_6", 92)),
)


class AttentionImporter(Importer):
    """Knows what the regions' outputs pass through."""

    def vertex_output(self, output: str) -> dict:
        """The convolution whose result, moved back to the crop, is the graph output named `output`."""
        node = self.nodes[output]
        while node["op"] != "_FusedConv2D":
            # Of a product or sum, the first input comes from the convolution, the other from the region's place.
            index = 1 if node["op"] == "BatchMatMulV2" else 0
            node = self.nodes[node["input"][index]]
        return node

    def places(self, suffix: str) -> tuple[list[int], tuple[int, int]]:
        """A region's vertices, and the two of them that give its direction."""
        folder = f"{PREFIX}landmarks_to_transform_matrix_v2{suffix}/"
        vertices = self.weights[self.nodes[f"{folder}GatherV2"]["input"][1]].tolist()
        ends = [
            int(self.weights[self.nodes[f"{folder}strided_slice{part}"]["input"][1]][1]) for part in ("", "_2")
        ]
        return vertices, (ends[0], ends[1])


def chosen(vertices: list[int]) -> np.ndarray:
    """Rows over all vertices that pick these."""
    return np.eye(VERTICES)[vertices]


def where_regions_are(g: Graph, vertices: str, ends: str) -> tuple[str, str]:
    """The affine maps from px of each region to px of the feature map.

    vertices [M, 3, V, 2] and ends [M, 3, 2, 2] in px of the crop. A region px p (a
    row) lies at (p - REGION / 2) @ linear + centre: linear [M, 3, 2, 2], centre
    [M, 3, 1, 2].
    """
    axis = g.ints(2)
    first, second = g.op("Split", ends, g.ints(1, 1), outputs=2, axis=2)
    along = g.op("Sub", second, first)
    length = g.op("Max", g.op("ReduceL2", along, axes=[3], keepdims=1), g.const(1e-6))
    along = g.op("Div", along, length)
    across = g.op("MatMul", along, g.const([[0, 1], [-1, 0]]))
    turn = g.op("Concat", along, across, axis=2)
    upright = g.op("MatMul", vertices, g.op("Transpose", turn, perm=[0, 1, 3, 2]))
    low = g.op("ReduceMin", upright, axes=[2], keepdims=1)
    high = g.op("ReduceMax", upright, axes=[2], keepdims=1)
    # From px of the crop to px of the feature map, and from the box to a px of the region.
    to_map = MAP / SIZE
    size = g.op("Mul", g.op("Sub", high, low), g.const(to_map * MARGIN / REGION))
    middle = g.op("Mul", g.op("Add", low, high), g.const(to_map / 2))
    centre = g.op("MatMul", middle, turn)
    linear = g.op("Mul", g.op("Unsqueeze", g.op("Squeeze", size, axis), g.ints(3)), turn)
    return linear, centre


def cut(g: Graph, features: str, linear: str, centre: str) -> list[str]:
    """The regions [M, 32, REGION, REGION], sampled bilinearly; zero outside the feature map."""
    rows, columns = np.divmod(np.arange(REGION * REGION), REGION)
    pixels = np.stack([columns, rows], 1) + 0.5 - REGION / 2
    places = g.op("Add", g.op("MatMul", g.const(pixels), linear), g.op("Sub", centre, g.const(0.5)))
    grid = g.op("Sub", g.op("Mul", places, g.const(TO_GRID)), g.const(1.0))
    regions = []
    for part in g.op("Split", grid, g.ints(1, 1, 1), outputs=3, axis=1):
        grid = g.op("Reshape", part, g.ints(-1, REGION, REGION, 2))
        sampled = g.op("GridSample", features, grid, mode="bilinear", padding_mode="border", align_corners=1)
        farthest = g.op("ReduceMax", g.op("Abs", grid), axes=[3], keepdims=0)
        inside = g.op("Cast", g.op("LessOrEqual", farthest, g.const(1.0)), to=FLOAT)
        regions.append(g.op("Mul", sampled, g.op("Unsqueeze", inside, g.ints(1))))
    return regions


def build(model_file: Path, table_file: Path, target: Path) -> None:
    """Writes the refiner of the model contract."""
    model = json.loads(model_file.read_text())
    table = json.loads(table_file.read_text())
    g = Graph("refiner")
    net = AttentionImporter(g, model, read_weights(model["weightsManifest"], model_file.parent))
    read_pixels(g, net)
    points = Points(table)

    regions = [net.places(suffix) for suffix, *_ in REGIONS]
    mesh_rows = points.rows.copy()
    for vertices, _ in regions:
        mesh_rows[:, vertices] = 0
    pupils = [points.mapped.index(iris[1]) for *_, iris in REGIONS if iris]
    mesh_rows[pupils] = 0

    # One convolution gives the points' share of the mesh, and the vertices that say where the regions are.
    most = max(len(vertices) for vertices, _ in regions)
    # A vertex that is there twice changes no bounding box.
    bounds = chosen([v for vertices, _ in regions for v in (vertices + vertices)[:most]])
    ends = chosen([v for _, pair in regions for v in pair])
    mesh = net.vertex_output(MESH)
    weight, bias = fold(np.concatenate([mesh_rows, bounds, ends]), *net.kernel(mesh), 3)
    out = g.op("Reshape", g.conv(net.value(mesh["input"][0]), weight, bias, stride=3), g.ints(0, -1, 2))
    counts = g.ints(len(mesh_rows), len(bounds), len(ends))
    mesh_part, bounds_out, ends_out = g.op("Split", out, counts, outputs=3, axis=1)
    linear, centre = where_regions_are(
        g, g.op("Reshape", bounds_out, g.ints(0, 3, most, 2)), g.op("Reshape", ends_out, g.ints(0, 3, 2, 2))
    )

    folder = "transform_tensor_bilinear_v2{}/SpatialTransformer/transform/"
    features = net.value(net.nodes[PREFIX + folder.format("") + "interpolate/Reshape"]["input"][0])
    parts, shares = [], []
    for region, (suffix, output, iris), (vertices, _) in zip(cut(g, features, linear, centre), REGIONS, regions):
        net.done[f"{PREFIX}{folder.format(suffix)}Reshape_5"] = region
        rows = points.rows[:, vertices].copy()
        rows[pupils] = 0
        shares.append(rows.sum(1))
        sources = [(output, rows)]
        if iris:
            centre_row = np.zeros((len(rows), 5))
            centre_row[points.mapped.index(iris[1]), 0] = 1
            shares[-1] += centre_row.sum(1)
            sources.append((iris[0], centre_row))
        convolved = []
        for name, some in sources:
            node = net.vertex_output(name)
            weight, bias = fold(some, *net.kernel(node), 2)
            stride = integers(node, "strides")[1]
            convolved.append(g.conv(net.value(node["input"][0]), weight, bias, stride=stride))
        parts.append(convolved[0] if len(convolved) == 1 else g.op("Add", *convolved))
    together = g.op("Reshape", g.op("Concat", *parts, axis=1), g.ints(0, 3, -1, 2))

    # Vertices come in quarter px of their region; the crop has four px where the feature map has one.
    origin = g.op("Sub", centre, g.op("MatMul", g.const([[REGION / 2] * 2]), linear))
    origin = g.op("Mul", origin, g.const(SIZE / MAP))
    moved = g.op("Add", g.op("MatMul", together, linear), g.op("Mul", g.const(np.stack(shares)[None, :, :, None]), origin))
    regions_part = g.op("ReduceSum", moved, g.ints(1), keepdims=0)
    points.write(g, g.op("Add", mesh_part, regions_part))
    g.save(
        target,
        inputs=[("faces", UINT8, ("M", SIZE, SIZE, 3))],
        outputs=[("points", FLOAT, ("M", POINTS, 2))],
        doc="MediaPipe face mesh with attention (Apache-2.0, Google). Modified by facequeue: converted from "
        "TensorFlow.js, pixel scaling inside, PRelu and region sampling rewritten, outputs folded into 106 points.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="facemesh-attention.json, its .bin beside it")
    parser.add_argument("table", type=Path, help="landmark106.json")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    build(arguments.model, arguments.table, arguments.target)
