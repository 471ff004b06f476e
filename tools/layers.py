"""Build the layers for AWS as ``sam build`` does, and measure them.

Needs uv, and a Python of Lambda's version to compile bytecode: see ``find-compiler.sh``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
FINDER = ROOT / "layers" / "de_classes" / "de_classes" / "cli" / "find-compiler.sh"
CACHE = ROOT / ".aws-sam" / "layers"
RUNTIME = "3.13"
ARCHITECTURES = ("arm64", "x86_64")
LAYERS = {
    "DeClassesLayer": "de_classes",
    "SdkLayer": "sdk",
    "ArrowLayer": "arrow",
    "DataFramesLayer": "dataframes",
    "PostgresLayer": "postgres",
}
SOURCES = (
    "layer.mk",
    "de_classes/de_classes/cli/finish_layer.py",
    "de_classes/de_classes/cli/find-compiler.sh",
)
SAM_LEVEL = 6
UPLOAD_BYTES = 50_000_000  # the largest archive that Lambda takes without S3
ENTRY_BYTES = 1_024  # more than an archive says of a file: its path twice, dates, modes
IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache")


class BuildError(Exception):
    """A layer cannot be built here; the message is the builder's own."""


@dataclass(frozen=True)
class Measure:
    """What a layer weighs, in bytes.

    Attributes:
        unzipped: The sum of its files.
        zipped: Of an archive of it.
    """

    unzipped: int
    zipped: int


@cache
def compiler() -> str | None:
    """The Python that compiles bytecode for Lambda, or None if there is none here; looked for once."""
    done = subprocess.run(  # noqa: S603 - our own script
        [str(FINDER), RUNTIME], env=_with_tools(os.environ), capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None


def build(name: str, architecture: str, folder: Path) -> None:
    """Build one layer as ``sam build`` does.

    Args:
        name: Its logical id in the template.
        architecture: ``arm64`` or ``x86_64``.
        folder: Empty, or to be made.

    Raises:
        BuildError: It cannot be built.
    """
    found = compiler()  # else the Makefile fetches one, or says what is wrong with the one that is named
    known = {} if found is None else {"LAYER_COMPILER": found}
    makefile = ROOT / "layers" / LAYERS[name] / "Makefile"
    make(name, makefile, folder, LAYER_ARCH=architecture, **known)


def make(name: str, makefile: Path, folder: Path, **variables: str) -> None:
    """Have a Makefile build a layer, as ``sam build`` has it.

    Args:
        name: The layer's logical id in the template.
        makefile: Builds it.
        folder: Empty, or to be made.
        variables: Of the environment, besides ``ARTIFACTS_DIR``.

    Raises:
        BuildError: It cannot be built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = {"ARTIFACTS_DIR": str(folder), "LAYER_PYTHON": "", **variables}
    done = subprocess.run(  # noqa: S603 - our own Makefile
        [shutil.which("make") or "make", "-s", "-f", str(makefile), f"build-{name}"],
        env={**_with_tools(os.environ), **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(done.stdout.strip())


@cache
def built(name: str, architecture: str) -> Path:
    """The layer, built if what it is made from changed. Not for two processes at a time.

    Raises:
        BuildError: It cannot be built.
    """
    folder = CACHE / architecture / name
    stamp, key = folder.with_suffix(".json"), _sources_key(name, architecture)
    if stamp.exists() and json.loads(stamp.read_text())["key"] == key:
        return folder
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    build(name, architecture, folder)
    bound = Measure(unzipped(folder), zipped_at_most(folder, UPLOAD_BYTES))
    stamp.write_text(json.dumps({"key": key, **asdict(bound)}))
    return folder


def measured(name: str, architecture: str) -> Measure:
    """What the layer weighs, zipped at most, which is found when it is built: see ``zipped_at_most``.

    Raises:
        BuildError: It cannot be built.
    """
    stamp = json.loads(built(name, architecture).with_suffix(".json").read_text())
    return Measure(stamp["unzipped"], stamp["zipped"])


def measure(folder: Path) -> Measure:
    """Weigh a folder.

    Args:
        folder: The layer's top.
    """
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=SAM_LEVEL) as archive:
            for path in files(folder):
                archive.write(path, path.relative_to(folder))
        return Measure(unzipped(folder), file.tell())


def unzipped(folder: Path) -> int:
    """Bytes of all files of a layer."""
    return sum(path.stat().st_size for path in files(folder))


def zipped_at_most(folder: Path, enough: int) -> int:
    """What an archive takes no more than; a quarter of the time that the archive itself would take.

    Args:
        folder: The layer's top.
        enough: Bytes. Files are compressed, the largest first, until the bound is below it: a bound that is
            not is of all files, compressed fast.
    """
    bound = unzipped(folder) + ENTRY_BYTES * len(files(folder))
    for path in sorted(files(folder), key=lambda path: path.stat().st_size, reverse=True):
        if bound < enough:
            break
        content = path.read_bytes()
        bound -= len(content) - len(zlib.compress(content, level=1))
    return bound


def files(folder: Path) -> list[Path]:
    """Every file of a layer, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def content_hash(folder: Path) -> str:
    """Name a layer's content: paths, modes and bytes."""
    digest = hashlib.sha256()
    for path in files(folder):
        content = path.read_bytes()
        head = f"{path.relative_to(folder).as_posix()}\0{path.stat().st_mode:o}\0{len(content)}\0"
        digest.update(head.encode() + content)
    return digest.hexdigest()


def _with_tools(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        **environment,
        "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}",
    }


def _sources_key(name: str, architecture: str) -> str:
    digest = hashlib.sha256(f"{architecture}\0{compiler()}".encode())
    for path in _sources(name):
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _sources(name: str) -> Iterator[Path]:
    yield from (ROOT / "layers" / source for source in SOURCES)
    own = files(ROOT / "layers" / LAYERS[name])
    yield from (path for path in own if not any(part in IGNORED for part in path.parts))
