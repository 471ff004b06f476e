"""What `sam build` makes of the layers for AWS: it fits, for that processor, and the same every time."""

from __future__ import annotations

import fcntl
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from de_classes.bootstrap import PACKAGED
from tests.fakes.sources import LIBRARY, imports, module_name, python_files, relative
from tests.fakes.template import functions, resources
from tools import layer_documents, layers
from tools.layers import ARCHITECTURES, LAYERS
from tools.template import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("layers")]  # one build, so one process

# Just above what is reached; Lambda's own limit is 262,144,000.
MAX_TOGETHER_BYTES = 235_000_000
MAX_WORKER_BYTES = 130_000_000
MAX_SIMULATOR_BYTES = 13_200_000
WORKER = ("DeClassesLayer", "SdkLayer", "ArrowLayer")
SOURCES = "SourcesLayer"
"""Descriptions alone: the same for every processor, and as large as its files."""
BY_THEMSELVES = {name: {"LGPL-3.0-only"} for name in ("psycopg", "psycopg-binary")}
"""Who passes these on passes on their source as well; so they are a layer of their own, and as they came."""
REBUILT = ("DeClassesLayer", "ArrowLayer")

MAGIC_3_13 = 3571  # of every bytecode file of Python 3.13
UNCHECKED_HASH = 0b01
MACHINES = {"x86_64": 62, "arm64": 183}  # ELF's numbers for them
LICENCES = {
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Apache-2.0",
    "PSF-2.0",
    "MPL-2.0",
    "0BSD",
    "Zlib",
    "CC0-1.0",
}


@pytest.fixture(scope="module", autouse=True)
def built() -> Iterator[None]:
    """Every layer for both architectures, built where something changed."""
    if layers.compiler() is None and "CI" not in os.environ:  # there its absence is a failure
        pytest.skip(f"no Python {layers.RUNTIME} to build layers for AWS with: see find-compiler.sh")
    layers.CACHE.mkdir(parents=True, exist_ok=True)
    wanted = [(name, architecture) for architecture in ARCHITECTURES for name in LAYERS]
    with (layers.CACHE / "lock").open("w") as lock, ThreadPoolExecutor(2) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        list(pool.map(lambda each: layers.built(*each), wanted))
        yield


def libraries(architecture: str) -> list[Path]:
    found = [path for name in LAYERS for path in layers.files(layers.built(name, architecture))]
    return [path for path in found if ".so" in path.suffixes]


def weight(architecture: str, *names: str) -> int:
    return sum(layers.measured(name, architecture).unzipped for name in names)


def test_every_layer_of_the_template_is_looked_at() -> None:
    of_loader = parsed((layers.ROOT / "postgres.yaml").read_text())["Resources"]
    named = {name for name, each in of_loader.items() if each["Type"] == "AWS::Serverless::LayerVersion"}
    assert {*resources("AWS::Serverless::LayerVersion"), *named} == {*LAYERS, SOURCES}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_function_with_all_layers_fits_on_lambda(architecture: str) -> None:
    assert 0 < weight(architecture, *LAYERS) <= MAX_TOGETHER_BYTES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_workers_own_layers_are_small(architecture: str) -> None:
    attached = {each["Ref"] for each in functions()["IngestionWorkerFunction"]["Layers"]}
    assert attached == {*WORKER, SOURCES}
    assert 0 < weight(architecture, *WORKER) <= MAX_WORKER_BYTES


@pytest.mark.parametrize("function", ["AuthSimulatorFunction", "UnstableSimulatorFunction"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_simulators_own_layer_is_tiny(function: str, architecture: str) -> None:
    attached = [each["Ref"] for each in functions()[function]["Layers"]]
    assert 0 < weight(architecture, *attached) <= MAX_SIMULATOR_BYTES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", LAYERS)
def test_an_archive_can_be_uploaded_without_s3(name: str, architecture: str) -> None:
    assert 0 < layers.measured(name, architecture).zipped < layers.UPLOAD_BYTES


def test_the_layer_of_sources_is_the_descriptions_at_the_root_and_nothing_else(tmp_path: Path) -> None:
    folder = layers.ROOT / "sources"
    layers.make(SOURCES, folder / "Makefile", tmp_path)
    written = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in {".toml", ".json"}}
    assert {path.name: path.read_bytes() for path in layers.files(tmp_path)} == written
    assert {path.parent for path in layers.files(tmp_path)} == {tmp_path / "python" / PACKAGED}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_file_is_in_two_layers(architecture: str) -> None:
    folders = {name: layers.built(name, architecture) for name in LAYERS}
    contents = {
        name: {path.relative_to(folder) for path in layers.files(folder)} for name, folder in folders.items()
    }
    assert all(contents.values())
    assert [pair for pair in combinations(LAYERS, 2) if contents[pair[0]] & contents[pair[1]]] == []


def test_the_command_line_is_left_out_and_nothing_that_is_there_imports_it() -> None:
    top = layers.built("DeClassesLayer", "arm64") / "python"
    files = python_files("layers/de_classes/de_classes")
    shipped = [path for path in files if (top / path.relative_to(LIBRARY.parent)).exists()]
    left_out = {module_name(path) for path in files if path not in shipped}
    assert {
        "de_classes.cli.ingest",
        "de_classes.checks.probe",
        "de_classes.api.source.guessing.guess",
    } <= left_out
    found = [
        f"{relative(path)}:{each.line} imports {each.module}"
        for path in shipped
        for each in imports(path)
        if any(f"{each.module}.".startswith(f"{module}.") for module in left_out)
    ]
    assert found == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", LAYERS)
def test_every_module_has_bytecode_that_lambdas_python_uses_unasked(name: str, architecture: str) -> None:
    folder = layers.built(name, architecture)
    sources = [path for path in layers.files(folder) if path.suffix == ".py"]
    compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in sources]
    assert sources
    assert [str(path) for path in compiled if not path.exists()] == []
    headers = {struct.unpack("<H2sI", path.read_bytes()[:8]) for path in compiled}
    assert headers == {(MAGIC_3_13, b"\r\n", UNCHECKED_HASH)}


def test_bytecode_names_where_lambda_unpacks_it() -> None:
    (path,) = layers.built("DeClassesLayer", "arm64").glob("python/de_classes/__pycache__/errors.*.pyc")
    assert b"/opt/python/de_classes/errors.py" in path.read_bytes()
    assert str(layers.ROOT).encode() not in path.read_bytes()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_library_is_for_the_processor_and_ends_with_what_is_loaded(architecture: str) -> None:
    found = libraries(architecture)
    assert len(found) > 50
    for path in found:
        content = path.read_bytes()
        assert struct.unpack_from("<H", content, 18) == (MACHINES[architecture],), path
        assert struct.unpack_from("<Q", content, 40) == (0,), f"{path} has its section table still"


@pytest.mark.parametrize("name", REBUILT)
def test_two_builds_give_the_same_content(name: str, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        layers.build(name, "arm64", tmp_path / "again")
    finally:
        os.umask(before)
    assert layers.content_hash(tmp_path / "again") == layers.content_hash(layers.built(name, "arm64"))


def test_the_licences_are_written_down_as_they_are_shipped() -> None:
    assert layer_documents.licences_page() == layer_documents.LICENCES_PAGE.read_text(), "run `make layers`"


def test_every_package_ships_its_licence_and_none_asks_for_more_than_to_be_named() -> None:
    shipped = [each for name in LAYERS for each in layer_documents.packages(layers.built(name, "arm64"))]
    assert len(shipped) > 20
    assert [each.name for each in shipped if each.texts == 0] == []
    used = {
        each.name: {word for word in each.licence.split() if word not in {"AND", "OR"}} for each in shipped
    }
    assert {name: words - LICENCES for name, words in used.items() if words - LICENCES} == BY_THEMSELVES


def test_the_written_sizes_are_those_of_a_build() -> None:
    page = layer_documents.LAYERS_PAGE.read_text()
    for name in LAYERS:
        (line,) = (each for each in page.splitlines() if each.startswith(f"| {name} |"))
        written = [float(cell) for cell in line.strip("|").split("|")[1:]]
        built_now = [layers.measured(name, each).unzipped / 1_000_000 for each in ARCHITECTURES]
        assert written[0::2] == pytest.approx(built_now, rel=0.03), "run `make layers`"
