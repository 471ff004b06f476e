"""What was built for the functions: it fits, nothing is shipped twice, and nothing is forgotten."""

from __future__ import annotations

import json
import os
import subprocess
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from tests.fakes.template import functions

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.workspace import Workspace

pytestmark = [pytest.mark.xdist_group("local_cloud"), pytest.mark.usefixtures("stack")]

LAMBDA_LIMIT_BYTES = 262_144_000
LAYERS = ("DeClassesLayer", "SdkLayer", "ArrowLayer")
# Beyond the handler: what is imported only once it is needed.
LATER = {
    "AuthSimulatorFunction": "boto3",
    "UnstableSimulatorFunction": "boto3",
    "IngestionWorkerFunction": "boto3, pyarrow.parquet, de_classes.storage.format.parquet_codec",
}
PROBE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import app, {later}
print(json.dumps([module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]))
"""


def built(workspace: Workspace, logical_id: str) -> Path:
    return workspace.built / "build" / logical_id


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def layers_of(function: str) -> list[str]:
    return [each["Ref"] for each in functions()[function]["Layers"]]


@pytest.mark.parametrize("function", LATER)
def test_a_function_and_its_layers_fit_on_lambda(workspace: Workspace, function: str) -> None:
    total = sum(size(built(workspace, each)) for each in (function, *layers_of(function)))
    assert 0 < total <= LAMBDA_LIMIT_BYTES


def test_no_file_is_in_two_layers(workspace: Workspace) -> None:
    contents = {layer: files(built(workspace, layer)) for layer in LAYERS}
    assert all(contents.values())
    shared = {pair: contents[pair[0]] & contents[pair[1]] for pair in combinations(LAYERS, 2)}
    assert [pair for pair, both in shared.items() if both] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_ships_bytecode_for_every_module(workspace: Workspace, layer: str) -> None:
    top = built(workspace, layer)
    sources = list(top.rglob("*.py"))
    compiled = {path.parent.parent / f"{path.name.partition('.')[0]}.py" for path in top.rglob("*.pyc")}
    assert [str(path) for path in sources if path not in compiled] == []


@pytest.mark.parametrize("function", LATER)
def test_a_function_finds_all_it_imports_in_its_layers(workspace: Workspace, function: str) -> None:
    folders = [
        built(workspace, function),
        *(built(workspace, each) / "python" for each in layers_of(function)),
    ]
    # Without the interpreter's own packages, where a forgotten dependency might happen to be.
    command = [str(workspace.emulator_python), "-S", "-E", "-c", PROBE.format(later=LATER[function])]
    done = subprocess.run(
        [*command, json.dumps([str(folder) for folder in folders])],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not [path for path in json.loads(done.stdout) if "site-packages" in path]
