"""Checks the files against their contract and the reference outputs.

Reference: models/reference/reference.json, tolerances 0.02 pixels and 0.002
otherwise. Beyond it: batches, sizes that are not square, and the resize inside
the detector against the same resize done outside in floating point.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx.utils import Extractor
from PIL import Image

from manifest import MODELS

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
# The reference's picture lies with the tests' others.
PICTURE = Path(__file__).resolve().parents[2] / "test" / "images" / "astronaut.png"
PIXELS = 0.02
OTHERWISE = 0.002
# Against outputs computed from the source's weights in double precision; of the crop's side for boxes.
SOURCE = 1e-5


class Checks:
    """Prints each check with what was measured; remembers whether any failed."""

    def __init__(self) -> None:
        self.failed = 0

    def at_most(self, what: str, error: float, limit: float) -> None:
        passed = bool(error <= limit)
        self.failed += not passed
        print(f"{'ok  ' if passed else 'FAIL'} {what}: {error:.6g} (at most {limit:g})")


def session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """A session on one thread, as an engine process runs it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
    )


def picture(path: Path) -> np.ndarray:
    """uint8 [h, w, 3], RGB."""
    return np.asarray(Image.open(path).convert("RGB"))


def difference(a, b) -> float:
    """The largest difference of two arrays."""
    return float(np.max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))))


def linear_resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, half-pixel centres, no antialiasing; the definition, in double precision."""
    def taps(size: int, wanted: int):
        place = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
        low = np.floor(place).astype(int)
        return low, np.minimum(low + 1, size - 1), place - low

    y0, y1, fy = taps(image.shape[0], height)
    x0, x1, fx = taps(image.shape[1], width)
    fy, fx = fy[:, None, None], fx[None, :, None]
    values = image.astype(np.float64)
    rows = values[y0] * (1 - fy) + values[y1] * fy
    return rows[:, x0] * (1 - fx) + rows[:, x1] * fx


def without_prefix(path: Path) -> onnxruntime.InferenceSession:
    """The detector from its first convolution on: float pixels `x` [N, 3, H, W] in."""
    model = onnx.load(path)
    entry = next(node.output[0] for node in model.graph.node if node.op_type == "If")
    cut = Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(
        [entry, "size"], [output.name for output in model.graph.output]
    )
    for node in cut.graph.node:
        node.input[:] = ["x" if name == entry else name for name in node.input]
    next(i for i in cut.graph.input if i.name == entry).name = "x"
    return session(cut.SerializeToString())


def detect(net, images: np.ndarray, size: tuple[int, int] | None = None):
    """scores, boxes, points for uint8 images [N, h, w, 3] at size (H, W)."""
    return net.run(None, {"images": images, "size": np.array(size or images.shape[1:3], np.int64)})


def check_detector(path: Path, image: np.ndarray, expected: dict, checks: Checks) -> None:
    net = session(path)
    scores, boxes, points = detect(net, image[None])
    best = int(scores[0].argmax())
    checks.at_most("detector, number of anchors", abs(scores.shape[1] - expected["anchors"]), 0)
    checks.at_most("detector, best anchor", abs(best - expected["best_anchor"]), 0)
    checks.at_most("detector, score", difference(scores[0, best], expected["score"]), OTHERWISE)
    checks.at_most("detector, box", difference(boxes[0, best], expected["box_x1y1x2y2"]), PIXELS)
    checks.at_most("detector, points", difference(points[0, best], expected["points"]), PIXELS)
    count = int((scores > 0.3).sum())
    checks.at_most("detector, anchors over 0.3", abs(count - expected["count_score_over_0.3"]), 0)
    total = scores[scores > 0.01].sum()
    checks.at_most("detector, sum of scores over 0.01", difference(total, expected["sum_of_scores_over_0.01"]), OTHERWISE)

    pair = np.stack([image, image[:, ::-1]])
    for index, values in enumerate(zip(*detect(net, pair))):
        alone = [v[0] for v in detect(net, np.ascontiguousarray(pair[index : index + 1]))]
        error = max(difference(a, b) for a, b in zip(values, alone))
        checks.at_most(f"detector, image {index} of a batch against alone", error, 1e-3)

    # The same face elsewhere on canvases that are not square. It moves by
    # multiples of the coarsest stride, so that nothing but the border differs.
    for height, width, top, left in ((512, 768, 0, 256), (640, 512, 128, 0), (544, 1056, 32, 320)):
        canvas = np.zeros((height, width, 3), np.uint8)
        canvas[top : top + 512, left : left + 512] = image
        moved_scores, moved_boxes, moved_points = detect(net, canvas[None])
        place = int(moved_scores[0].argmax())
        row, column = divmod(best, 64)
        where = (row + top // 8) * (width // 8) + column + left // 8
        cells = sum((height // s) * (width // s) for s in (8, 16, 32))
        checks.at_most(f"detector, {width}x{height}, number of anchors", abs(moved_scores.shape[1] - cells), 0)
        checks.at_most(f"detector, {width}x{height}, best anchor", abs(place - where), 0)
        error = difference(moved_boxes[0, place], boxes[0, best] + np.array([left, top] * 2))
        checks.at_most(f"detector, {width}x{height}, box", error, 0.5)
        error = difference(moved_points[0, place], points[0, best] + np.array([left, top]))
        checks.at_most(f"detector, {width}x{height}, points", error, 0.5)

    floats = without_prefix(path)
    for height, width in ((640, 640), (320, 480), (736, 1024)):
        outside = linear_resize(image, height, width).transpose(2, 0, 1)[None].astype(np.float32)
        wanted = floats.run(None, {"x": outside, "size": np.array([height, width], np.int64)})
        found = detect(net, image[None], (height, width))
        checks.at_most(f"detector, resize to {width}x{height}, scores", difference(found[0], wanted[0]), OTHERWISE)
        sure = wanted[0] > 0.1
        for name, a, b in (("boxes", found[1], wanted[1]), ("points", found[2], wanted[2])):
            checks.at_most(f"detector, resize to {width}x{height}, {name}", difference(a[sure], b[sure]), PIXELS)


def check_landmarks(path: Path, face: np.ndarray, expected: dict, checks: Checks) -> None:
    net = session(path)
    points, presence = net.run(None, {"faces": face[None]})
    checks.at_most("landmarks, points", difference(points[0], expected["points_in_crop"]), PIXELS)
    checks.at_most("landmarks, presence", difference(presence[0], expected["presence"]), OTHERWISE)
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    batch = np.stack([noise, face, np.ascontiguousarray(face[:, ::-1]), np.zeros_like(face)])
    for index, (got, here) in enumerate(zip(*net.run(None, {"faces": batch}))):
        alone = net.run(None, {"faces": batch[index : index + 1]})
        checks.at_most(f"landmarks, crop {index} of a batch against alone", difference(got, alone[0][0]), 1e-2)
        checks.at_most(f"landmarks, presence {index} of a batch against alone", difference(here, alone[1][0]), 1e-4)


def check_refiner(path: Path, face: np.ndarray, expected: dict, checks: Checks) -> None:
    net = session(path)
    (points,) = net.run(None, {"faces": face[None]})
    checks.at_most("refiner, points", difference(points[0], expected["points_in_crop"]), PIXELS)
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    # Moved so far, regions of the face lie partly outside the crop.
    moved = np.roll(face, (90, -80), (0, 1))
    batch = np.stack([noise, face, moved, np.zeros_like(face)])
    for index, got in enumerate(net.run(None, {"faces": batch})[0]):
        alone = net.run(None, {"faces": batch[index : index + 1]})
        checks.at_most(f"refiner, crop {index} of a batch against alone", difference(got, alone[0][0]), 1e-2)


def check_attributes(path: Path, face: np.ndarray, expected: dict, checks: Checks) -> None:
    net = session(path)
    mirrored = np.ascontiguousarray(face[:, ::-1])
    male, age = net.run(None, {"faces": np.stack([face, mirrored])})
    for index, prefix in enumerate(("", "mirrored_")):
        checks.at_most(f"attributes, {prefix}male", difference(male[index], expected[f"{prefix}male"]), OTHERWISE)
        # The reference rounds ages to 0.01.
        checks.at_most(f"attributes, {prefix}age", difference(age[index], expected[f"{prefix}age"]), 0.007)
    alone = net.run(None, {"faces": mirrored[None]})
    checks.at_most("attributes, batch against alone", max(abs(male[1] - alone[0][0]), abs(age[1] - alone[1][0])), 1e-3)


def verifier_crops(face: np.ndarray) -> dict[str, np.ndarray]:
    """A face, and two that hold none: a grey crop, and a corner of the face, which must not look like one."""
    return {"crop": face, "grey": np.full_like(face, 128), "corner": np.tile(face[:12, :12], (4, 4, 1))}


def check_verifier(path: Path, face: np.ndarray, expected: dict, checks: Checks) -> None:
    net = session(path)
    crops = verifier_crops(face)
    found, boxes = net.run(None, {"faces": np.stack(list(crops.values()))})
    for index, (name, crop) in enumerate(crops.items()):
        checks.at_most(f"verifier, {name}, face", difference(found[index], expected[name]["face"]), SOURCE)
        checks.at_most(f"verifier, {name}, box", difference(boxes[index], expected[name]["box"]), SOURCE * crop.shape[0])
        alone = net.run(None, {"faces": crop[None]})
        error = max(difference(alone[0][0], found[index]), difference(alone[1][0], boxes[index]))
        checks.at_most(f"verifier, {name} of a batch against alone", error, 1e-4)


def measure(folder: Path, image: np.ndarray, crops: dict[str, np.ndarray]) -> None:
    """Prints milliseconds a run, one thread: the least and the median of several."""
    def clock(what: str, run, times: int) -> None:
        run()
        taken = []
        for _ in range(times):
            start = time.perf_counter()
            run()
            taken.append((time.perf_counter() - start) * 1e3)
        print(f"time {what}: {min(taken):.2f} ms, median {np.median(taken):.2f}")

    net = session(folder / MODELS["detector"][0])
    for height, width in ((320, 320), (384, 640), (480, 640), (640, 640), (736, 1280)):
        pixels = np.asarray(Image.fromarray(image).resize((width, height)))[None]
        clock(f"detector {width}x{height}", lambda: detect(net, pixels), 40)
    for (h, w), (height, width) in (((320, 320), (640, 640)), ((480, 640), (960, 1280))):
        pixels = np.asarray(Image.fromarray(image).resize((w, h)))[None]
        clock(f"detector {width}x{height} enlarged from {w}x{h}", lambda: detect(net, pixels, (height, width)), 20)
        pixels = np.asarray(Image.fromarray(image).resize((width, height)))[None]
        clock(f"detector {width}x{height} as it is", lambda: detect(net, pixels), 20)
    for role, face in crops.items():
        net = session(folder / MODELS[role][0])
        for count in (1, 2):
            batch = np.repeat(face[None], count, 0)
            clock(f"{role}, {count} crops", lambda: net.run(None, {"faces": batch}), 100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the onnx files")
    parser.add_argument("--image", type=Path, default=PICTURE, help="astronaut.png, the reference's picture")
    parser.add_argument("--time", action="store_true", help="measure as well")
    arguments = parser.parse_args()

    reference = json.loads((REFERENCE / "reference.json").read_text())
    astronaut = picture(arguments.image)
    crops = {
        "landmarks": picture(REFERENCE / "crop-landmarks-192.png"),
        "attributes": picture(REFERENCE / "crop-attributes-112.png"),
        "verifier": picture(REFERENCE / "crop-verifier-48.png"),
        "refiner": picture(REFERENCE / "crop-landmarks-192.png"),
    }
    checks = Checks()
    files = {role: arguments.folder / entry[0] for role, entry in MODELS.items()}
    check_detector(files["detector"], astronaut, reference["model_detector"], checks)
    check_landmarks(files["landmarks"], crops["landmarks"], reference["model_landmarks"], checks)
    check_attributes(files["attributes"], crops["attributes"], reference["model_attributes"], checks)
    check_refiner(files["refiner"], crops["refiner"], reference["model_refiner"], checks)
    check_verifier(files["verifier"], crops["verifier"], reference["model_verifier"], checks)
    if arguments.time:
        measure(arguments.folder, astronaut, crops)
    sys.exit(f"{checks.failed} checks failed" if checks.failed else 0)
