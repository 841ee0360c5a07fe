"""MTCNN's O-Net: from the weights of facenet-pytorch to models/verifier-onet.onnx.

The wheel ships the weights in PyTorch's old file format, a chain of pickles and
raw storages. This reads them without PyTorch, and without running anything a
pickle could name, and writes the network as ONNX, from uint8 crops to the
probability of a face and its box in the crop. The third head, five points, is
left out.
"""
from __future__ import annotations

import argparse
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from graph import FLOAT, UINT8, Graph

SIZE = 48
# torch.serialization.MAGIC_NUMBER
MAGIC = 0x1950A86A20F9469CFC6C
# Pixels 0..255 are fed as (x - 127.5) / 128.
MEAN = 127.5
SCALE = 128


@dataclass
class Tensor:
    """A view of a storage, which follows the pickles in the file."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, values: np.ndarray) -> np.ndarray:
        """The tensor's elements; convolutions and matrices are stored with other strides than C's."""
        start = values[self.offset :]
        strides = [values.itemsize * s for s in self.strides]
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(start, self.shape, strides))


class Unpickler(pickle.Unpickler):
    """Knows what a dictionary of tensors is made of, and nothing else."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.sizes: dict[str, int] = {}

    def find_class(self, module: str, name: str):
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "FloatStorage"): "float32",
            ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *_: Tensor(
                storage, offset, shape, strides
            ),
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")
        return known[module, name]

    def persistent_load(self, reference):
        kind, dtype, key, _, count, _ = reference
        if (kind, dtype) != ("storage", "float32"):
            raise pickle.UnpicklingError(f"unexpected {kind} of {dtype}")
        self.sizes[key] = count
        return key


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file that torch.save wrote before its version 1.6, by name."""
    with path.open("rb") as file:
        if pickle.load(file) != MAGIC:
            raise ValueError(f"{path.name} is not of PyTorch's old format")
        protocol, system = pickle.load(file), pickle.load(file)
        if protocol != 1001 or not system["little_endian"]:
            raise ValueError(f"{path.name} has protocol {protocol}, {system}")
        unpickler = Unpickler(file)
        tensors = unpickler.load()
        storages = {}
        for key in pickle.load(file):
            (count,) = np.frombuffer(file.read(8), "<i8")
            if count != unpickler.sizes[key]:
                raise ValueError(f"storage {key} has {count} elements, expected {unpickler.sizes[key]}")
            storages[key] = np.frombuffer(file.read(4 * int(count)), "<f4")
        if file.read(1):
            raise ValueError(f"{path.name} goes on after its storages")
    return {name: tensor.of(storages[tensor.storage]) for name, tensor in tensors.items()}


def build(weights: dict[str, np.ndarray], target: Path) -> None:
    """Writes the verifier of the model contract."""
    g = Graph("verifier")

    def conv(x: str, index: int) -> str:
        weight, bias = (weights[f"conv{index}.{part}"].astype(np.float64) for part in ("weight", "bias"))
        if index == 1:
            # Nothing is padded, so the scaling of the pixels is exact inside the first layer.
            bias = bias - weight.sum((1, 2, 3)) * MEAN / SCALE
            weight = weight / SCALE
        return g.prelu(g.conv(x, weight, bias), weights[f"prelu{index}.weight"].reshape(-1, 1, 1))

    def pool(x: str, kernel: int) -> str:
        return g.op("MaxPool", x, kernel_shape=[kernel, kernel], strides=[2, 2], ceil_mode=1)

    def dense(x: str, name: str) -> str:
        weight, bias = (g.const(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return g.op("Gemm", x, weight, bias, transB=1)

    pixels = g.op("Cast", g.op("Transpose", "faces", perm=[0, 3, 1, 2]), to=FLOAT)
    x = conv(pool(conv(pool(conv(pool(conv(pixels, 1), 3), 2), 3), 3), 2), 4)
    # The first dense layer counts columns first, as Caffe's port of a MATLAB net did.
    x = g.op("Flatten", g.op("Transpose", x, perm=[0, 3, 2, 1]))
    x = g.prelu(dense(x, "dense5"), weights["prelu5.weight"])
    logits = dense(x, "dense6_1")
    other, face = g.op("Split", logits, g.ints(1, 1), outputs=2, axis=1)
    g.op("Squeeze", g.op("Sigmoid", g.op("Sub", face, other)), g.ints(1), name="face")
    # Offsets of the box's sides, in shares of the crop.
    offsets = g.op("Mul", dense(x, "dense6_2"), g.const(float(SIZE)))
    g.op("Add", offsets, g.const([0, 0, SIZE, SIZE]), name="boxes")
    g.save(
        target,
        inputs=[("faces", UINT8, ("M", SIZE, SIZE, 3))],
        outputs=[("face", FLOAT, ("M",)), ("boxes", FLOAT, ("M", 4))],
        doc="O-Net of MTCNN (MIT, facenet-pytorch by Timothy Esler), rewritten by facequeue.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="onet.pt of the pinned wheel")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    build(read_weights(arguments.weights), arguments.target)
