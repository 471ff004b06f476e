"""What was built for the functions: it fits, nothing is shipped twice, and nothing is forgotten."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from de_classes.storage.format.codec import format_names
from tests.fakes.template import functions

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.workspace import Workspace

pytestmark = [pytest.mark.xdist_group("local_cloud"), pytest.mark.usefixtures("stack")]

LAMBDA_LIMIT_BYTES = 262_144_000
LAYERS = ("DeClassesLayer", "SdkLayer", "ArrowLayer")
# Beyond the handler: what is imported only once it is needed. (The simulators use the runtime's boto3.)
LATER = {
    "AuthSimulatorFunction": "jwt",
    "UnstableSimulatorFunction": "jwt",
    "IngestionWorkerFunction": "boto3, pyarrow.parquet, de_classes.storage.format.parquet_codec",
}
PROBE = """
import json, sys, app, {later}
print(json.dumps([module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]))
"""

ROUND_TRIP = """
import awswrangler
import pandas as pd
from de_classes.storage.format import DataFormatService, format_names

frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
service = DataFormatService()
for name in format_names():
    back = service.from_bytes(service.to_bytes(frame, name), name)
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)
    print(name)
"""


def bare_python(workspace: Workspace, path: list[Path], code: str) -> subprocess.CompletedProcess[str]:
    """Run code without the interpreter's own packages, where a forgotten dependency might happen to be."""
    set_path = f"import sys; sys.path[:0] = {[str(folder) for folder in path]!r}\n"
    return subprocess.run(
        [str(workspace.emulator_python), "-S", "-E", "-c", set_path + code],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )


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
    layers = [built(workspace, each) / "python" for each in layers_of(function)]
    done = bare_python(workspace, [built(workspace, function), *layers], PROBE.format(later=LATER[function]))
    assert done.returncode == 0, done.stderr
    assert not [path for path in json.loads(done.stdout) if "site-packages" in path]


@pytest.fixture(scope="module")
def dataframes(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer that no function of the stack attaches, built as `sam build` builds it."""
    artifacts = tmp_path_factory.mktemp("DataFramesLayer")
    tools = f"{workspace.root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": tools, "ARTIFACTS_DIR": str(artifacts)}
    makefile = workspace.root / "layers" / "dataframes" / "Makefile"
    subprocess.run(
        [shutil.which("make") or "make", "-s", "--makefile", str(makefile), "build-DataFramesLayer"],
        env={**environment, "LAYER_PYTHON": str(workspace.emulator_python)},
        check=True,
    )
    return artifacts


@pytest.mark.slow
def test_all_layers_together_fit_on_lambda(workspace: Workspace, dataframes: Path) -> None:
    total = sum(size(folder) for folder in (dataframes, *(built(workspace, each) for each in LAYERS)))
    assert total <= LAMBDA_LIMIT_BYTES


@pytest.mark.slow
def test_the_dataframe_layer_repeats_no_file_of_the_others(workspace: Workspace, dataframes: Path) -> None:
    own = files(dataframes)
    assert "python/pandas/__init__.py" in own
    assert [layer for layer in LAYERS if own & files(built(workspace, layer))] == []


@pytest.mark.slow
def test_dataframes_work_from_the_layers_alone(workspace: Workspace, dataframes: Path) -> None:
    folders = [dataframes / "python", *(built(workspace, each) / "python" for each in LAYERS)]
    done = bare_python(workspace, folders, ROUND_TRIP)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(format_names())
