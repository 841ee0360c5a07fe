"""Renews `model_detector` in models/reference/reference.json from the source itself.

Runs OpenCV Zoo's own graph, whose input is only freed of its fixed size, and
decodes its twelve outputs in NumPy: nothing of detector.py takes part.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx

from verify import PICTURE, REFERENCE, picture, session

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


def expected(path: Path) -> dict:
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="face_detection_yunet_2023mar.onnx of the pinned wheel")
    file = REFERENCE / "reference.json"
    reference = json.loads(file.read_text())
    reference["model_detector"] = expected(parser.parse_args().source)
    file.write_text(json.dumps(reference, separators=(",", ":")) + "\n")
