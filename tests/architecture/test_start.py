"""What a function's start does not load; how long it takes is measured by ``benchmarks/starts.py``."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.starts import script
from localcloud.sam import SamCli
from localcloud.workspace import Workspace

pytestmark = pytest.mark.xdist_group("layers")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Functions and layers as the local cloud runs them, with bytecode."""
    made = Workspace(Workspace.default().root, tmp_path_factory.mktemp("build"))
    SamCli(made).build()
    return made


def loaded(workspace: Workspace, name: str, module: str) -> bool:
    code = f"{script(workspace, name)}\nimport sys; sys.exit({module!r} in sys.modules)"
    done = subprocess.run([str(workspace.emulator_python), "-S", "-E", "-c", code], check=False)
    return bool(done.returncode)


@pytest.mark.parametrize("name", ["auth simulator", "unstable simulator"])
def test_a_simulator_starts_without_what_only_a_token_needs(workspace: Workspace, name: str) -> None:
    assert not loaded(workspace, name, "jwt")
    assert loaded(workspace, name, "app")


def test_a_worker_to_text_starts_without_arrow(workspace: Workspace) -> None:
    assert not loaded(workspace, "worker to text", "pyarrow")
    assert loaded(workspace, "worker to Parquet", "pyarrow")
