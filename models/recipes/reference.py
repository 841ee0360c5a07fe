"""Renews `model_detector`, `model_verifier` and `model_refiner` in models/reference/reference.json from the sources.

Runs OpenCV Zoo's own graph, whose input is only freed of its fixed size, and
decodes its twelve outputs in NumPy; computes O-Net and the face mesh with
attention in NumPy, layer by layer, in double precision. Nothing that the recipes
build takes part.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx

from refiner import PREFIX, REGIONS
from tfjs import Interpreter
from verifier import MEAN, SCALE, SIZE, read_weights
from verify import PICTURE, REFERENCE, picture, session, verifier_crops

STRIDES = (8, 16, 32)


def source_outputs(path: Path, image: np.ndarray) -> dict[str, np.ndarray]:
    """The outputs of the source for one uint8 RGB picture whose sides are multiples of 32."""
    model = onnx.load(path)
    for dimension, name in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], "hw"):
        dimension.dim_param = name
    for value in (*model.graph.output, *model.graph.value_info):
        value.type.tensor_type.ClearField("shape")
    net = session(model.SerializeToString())
    pixels = image[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    return dict(zip((o.name for o in net.get_outputs()), net.run(None, {net.get_inputs()[0].name: pixels})))


def decoded(outputs: dict[str, np.ndarray], height: int, width: int):
    """scores [A], boxes [A, 4] and points [A, 5, 2], as the model card of OpenCV Zoo decodes them."""
    scores, boxes, points = [], [], []
    for s in STRIDES:
        maps = {kind: outputs[f"{kind}_{s}"][0].astype(np.float64) for kind in ("cls", "obj", "bbox", "kps")}
        rows, columns = np.divmod(np.arange(height // s * (width // s)), width // s)
        corner = np.stack([columns, rows], 1)
        centre = (maps["bbox"][:, :2] + corner) * s
        half = np.exp(maps["bbox"][:, 2:]) * s / 2
        scores.append(np.sqrt(maps["cls"] * maps["obj"])[:, 0])
        boxes.append(np.concatenate([centre - half, centre + half], 1))
        points.append((maps["kps"].reshape(-1, 5, 2) + corner[:, None]) * s)
    return np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)


def expected_detector(path: Path) -> dict:
    """The section `model_detector`."""
    image = picture(PICTURE)
    scores, boxes, points = decoded(source_outputs(path, image), *image.shape[:2])
    best = int(scores.argmax())
    return {
        "input": "test/images/astronaut.png as it is (512x512 RGB), one image",
        "anchors": len(scores),
        "best_anchor": best,
        "score": round(float(scores[best]), 5),
        "box_x1y1x2y2": boxes[best].round(3).tolist(),
        "points": points[best].round(3).tolist(),
        "count_score_over_0.3": int((scores > 0.3).sum()),
        # Below that the runtime's Sigmoid differs by its own error from one graph to the next.
        "sum_of_scores_over_0.01": round(float(scores[scores > 0.01].sum()), 4),
    }


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A convolution without padding, stride 1: [C, h, w] to [K, h', w']."""
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(1, 2))
    return np.einsum("chwij,kcij->khw", windows, weight) + bias[:, None, None]


def pooled(x: np.ndarray, kernel: int) -> np.ndarray:
    """The maximum of each window, stride 2; the last window may hang over the edge."""
    count = -(-(x.shape[1] - kernel) // 2) + 1
    rows = [x[:, 2 * i : 2 * i + kernel].max(1) for i in range(count)]
    across = np.stack(rows, 1)
    return np.stack([across[:, :, 2 * i : 2 * i + kernel].max(2) for i in range(count)], 2)


def onet(weights: dict[str, np.ndarray], face: np.ndarray) -> tuple[float, np.ndarray]:
    """Probability of a face and box in the crop, for one uint8 crop [48, 48, 3]."""
    w = {name: values.astype(np.float64) for name, values in weights.items()}

    def prelu(x: np.ndarray, name: str) -> np.ndarray:
        slope = w[name].reshape(-1, *[1] * (x.ndim - 1))
        return np.where(x > 0, x, slope * x)

    x = (face.transpose(2, 0, 1) - MEAN) / SCALE
    for index, kernel in ((1, 3), (2, 3), (3, 2), (4, 0)):
        x = prelu(convolved(x, w[f"conv{index}.weight"], w[f"conv{index}.bias"]), f"prelu{index}.weight")
        if kernel:
            x = pooled(x, kernel)
    x = x.transpose(2, 1, 0).ravel()
    x = prelu(w["dense5.weight"] @ x + w["dense5.bias"], "prelu5.weight")
    powers = np.exp(w["dense6_1.weight"] @ x + w["dense6_1.bias"])
    offsets = w["dense6_2.weight"] @ x + w["dense6_2.bias"]
    return powers[1] / powers.sum(), offsets * SIZE + np.array([0, 0, SIZE, SIZE])


def expected_verifier(path: Path) -> dict:
    """The section `model_verifier`."""
    weights = read_weights(path)
    crops = verifier_crops(picture(REFERENCE / "crop-verifier-48.png"))
    outputs = {name: onet(weights, crop) for name, crop in crops.items()}
    return {
        "input": "crop-verifier-48.png; a grey crop; its top left 12x12 pixels tiled",
        **{name: {"face": round(float(p), 7), "box": box.round(4).tolist()} for name, (p, box) in outputs.items()},
    }


# Yaw ratios for which the mix of both nets is stored: left, hardly left, ahead, right.
YAW_RATIOS = (-0.15, -0.08, 0.0, 0.4)
JAW = {"left": range(1, 17), "right": range(17, 33)}
PUPILS = (38, 92)


def along(nodes: np.ndarray, share: float) -> np.ndarray:
    """The point of a polyline at a share of its length."""
    reached = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(nodes, axis=0), axis=1))])
    return np.array([np.interp(share * reached[-1], reached, nodes[:, axis]) for axis in (0, 1)])


def attention(path: Path, table: dict, face: np.ndarray) -> np.ndarray:
    """The 106 points [106, 2] of one uint8 crop [192, 192, 3]."""
    net = Interpreter(path, {"input_1": face[None].astype(np.float64) / 255})
    vertices = net.value("Identity_4").reshape(-1, 3)[:, :2].copy()
    for suffix, output, _ in REGIONS:
        gather = net.nodes[f"{PREFIX}landmarks_to_transform_matrix_v2{suffix}/GatherV2"]
        vertices[net.value(gather["input"][1])] = net.value(output).reshape(-1, 2)
    points = np.array([sum(w * vertices[v] for v, w in row) for row in table["mesh_map"]["points"]])
    for side in table["contour"].values():
        if isinstance(side, dict):
            nodes = np.array([sum(w * vertices[v] for v, w in node) for node in side["nodes"]])
            for step, index in enumerate(side["indices"]):
                points[index] = along(nodes, step / len(side["indices"]))
    for point, output in zip(PUPILS, ("Identity_2", "Identity_6")):
        points[point] = net.value(output).ravel()[:2]
    return points


def mixed(mesh: np.ndarray, refined: np.ndarray, yaw_ratio: float) -> np.ndarray:
    """Landmarks and refiner's points together; the yaw ratio is negative to the left of the picture."""
    points = (mesh + refined) / 2
    for pupil in PUPILS:
        points[pupil] = 0.3 * mesh[pupil] + 0.7 * refined[pupil]
    t = np.clip((abs(yaw_ratio) - 0.05) / 0.15, 0, 1)
    for side, indices in JAW.items():
        far = side == ("left" if yaw_ratio < 0 else "right")
        for index in indices:
            points[index] = (1 - t) * refined[index] + t * mesh[index] if far else refined[index]
    return points


def expected_refiner(path: Path, mesh: np.ndarray) -> dict:
    """The section `model_refiner`."""
    table = json.loads((REFERENCE / "landmark106.json").read_text())
    points = attention(path, table, picture(REFERENCE / "crop-landmarks-192.png"))
    return {
        "input": "crop-landmarks-192.png; mixed: with model_landmarks, for a head of such a yaw ratio",
        "points_in_crop": points.round(3).tolist(),
        "mixed": [
            {"yaw_ratio": ratio, "points_in_crop": mixed(mesh, points, ratio).round(3).tolist()} for ratio in YAW_RATIOS
        ],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("yunet", type=Path, help="face_detection_yunet_2023mar.onnx of the pinned wheel")
    parser.add_argument("onet", type=Path, help="onet.pt of the pinned wheel")
    parser.add_argument("attention", type=Path, help="facemesh-attention.json of the pinned package")
    arguments = parser.parse_args()
    file = REFERENCE / "reference.json"
    reference = json.loads(file.read_text())
    reference["model_detector"] = expected_detector(arguments.yunet)
    reference["model_verifier"] = expected_verifier(arguments.onet)
    mesh = np.array(reference["model_landmarks"]["points_in_crop"])
    reference["model_refiner"] = expected_refiner(arguments.attention, mesh)
    file.write_text(json.dumps(reference, separators=(",", ":")) + "\n")
