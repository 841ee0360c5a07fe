"""face-api's AgeGenderNet: from its TensorFlow.js weights to models/attributes-agegender.onnx.

The package holds weights only; the graph (a small Xception) is written out
here after face-api's AgeGenderNet and TinyXception.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from graph import FLOAT, UINT8, Graph, same_padding

SIZE = 112
# Mean pixel (RGB) the net was trained with; then divided by 255.
MEAN = (122.782, 117.001, 104.298)
MAIN_BLOCKS = 2


def read_weights(manifest_file: Path) -> dict[str, np.ndarray]:
    """The weights of a TensorFlow.js manifest: float32, or uint8 with a scale and a minimum."""
    weights = {}
    for part in json.loads(manifest_file.read_text()):
        data = b"".join((manifest_file.parent / path).read_bytes() for path in part["paths"])
        offset = 0
        for entry in part["weights"]:
            quantization = entry.get("quantization")
            dtype = np.dtype(quantization["dtype"] if quantization else entry["dtype"])
            values = np.frombuffer(data, dtype, int(np.prod(entry["shape"])), offset).reshape(entry["shape"])
            offset += values.nbytes
            if quantization:
                values = values * np.float64(quantization["scale"]) + quantization["min"]
            weights[entry["name"]] = values.astype(np.float32)
        if offset != len(data):
            raise ValueError(f"{len(data) - offset} bytes of weights are left over")
    return weights


class Xception:
    """The blocks of TinyXception; each weight may be taken once, so none is forgotten or reused."""

    def __init__(self, g: Graph, weights: dict[str, np.ndarray]):
        self.g = g
        self.weights = dict(weights)

    def take(self, name: str) -> np.ndarray:
        return self.weights.pop(name)

    def conv(self, x: str, name: str, scale: float = 1.0) -> str:
        """Full convolution, stride 2, "same" padding."""
        weight = self.take(f"{name}/filters").transpose(3, 2, 0, 1) * np.float32(scale)
        return self.g.conv(x, weight, self.take(f"{name}/bias"), stride=2, pads=same_padding(weight.shape[2], 2))

    def separable(self, x: str, name: str) -> str:
        """Depthwise 3x3 without bias, then pointwise with it."""
        depthwise = self.take(f"{name}/depthwise_filter").transpose(2, 3, 0, 1)
        pointwise = self.take(f"{name}/pointwise_filter").transpose(3, 2, 0, 1)
        x = self.g.conv(x, depthwise, None, pads=same_padding(3, 1), group=depthwise.shape[0])
        return self.g.conv(x, pointwise, self.take(f"{name}/bias"))

    def relu(self, x: str) -> str:
        return self.g.op("Relu", x)

    def reduction(self, x: str, name: str, activate: bool = True) -> str:
        out = self.separable(self.relu(x) if activate else x, f"{name}/separable_conv0")
        out = self.separable(self.relu(out), f"{name}/separable_conv1")
        out = self.g.op("MaxPool", out, kernel_shape=[3, 3], strides=[2, 2], pads=list(same_padding(3, 2)))
        return self.g.op("Add", out, self.conv(x, f"{name}/expansion_conv"))

    def main(self, x: str, name: str) -> str:
        out = x
        for index in range(3):
            out = self.separable(self.relu(out), f"{name}/separable_conv{index}")
        return self.g.op("Add", out, x)


def build(manifest_file: Path, target: Path) -> None:
    """Writes the attributes net of the model contract."""
    g = Graph("attributes")
    net = Xception(g, read_weights(manifest_file))

    pixels = g.op("Cast", g.op("Transpose", "faces", perm=[0, 3, 1, 2]), to=FLOAT)
    # The mean can't go into the convolution's bias: padding is zero after the
    # subtraction, so the last row and column would come out differently.
    centred = g.op("Sub", pixels, g.const(np.reshape(MEAN, (1, 3, 1, 1))))
    x = net.relu(net.conv(centred, "entry_flow/conv_in", 1 / 255))
    x = net.reduction(x, "entry_flow/reduction_block_0", activate=False)
    x = net.reduction(x, "entry_flow/reduction_block_1")
    for index in range(MAIN_BLOCKS):
        x = net.main(x, f"middle_flow/main_block_{index}")
    x = net.reduction(x, "exit_flow/reduction_block")
    x = net.relu(net.separable(x, "exit_flow/separable_conv"))
    features = g.op("Flatten", g.op("GlobalAveragePool", x))

    # One product for both: years, and the logit of male. The softmax of
    # (male, female) is the sigmoid of their difference.
    gender, gender_bias = net.take("fc/gender/weights"), net.take("fc/gender/bias")
    weight = np.concatenate([net.take("fc/age/weights"), gender[:, :1] - gender[:, 1:]], axis=1)
    bias = np.concatenate([net.take("fc/age/bias"), gender_bias[:1] - gender_bias[1:]])
    age, male = g.op("Split", g.op("Gemm", features, g.const(weight), g.const(bias)), outputs=2, axis=1)
    g.op("Sigmoid", g.op("Reshape", male, g.ints(-1)), name="male")
    g.op("Reshape", age, g.ints(-1), name="age")
    if net.weights:
        raise ValueError(f"unused weights: {sorted(net.weights)}")

    g.save(
        target,
        inputs=[("faces", UINT8, ("M", SIZE, SIZE, 3))],
        outputs=[("male", FLOAT, ("M",)), ("age", FLOAT, ("M",))],
        doc="Age and gender net of face-api (MIT, Vincent Muehler, Vladimir Mandic), rewritten as ONNX by facequeue.",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path, help="age_gender_model-weights_manifest.json, its .bin beside it")
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    build(arguments.manifest, arguments.target)
