"""A copy of the project, built by plain ``sam build``, and what its functions call: once for all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from localcloud.workspace import Workspace
from tools.containers import engine
from tools.containers.sam_local import SamLocal
from tools.containers.services import Services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GONE_SECONDS = 240.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With the first test that needs the local cloud it stays up: those that need its absence come before."""
    items.sort(key=lambda item: "alone" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a clone has it, with the environments that make set up, and nothing built."""
    root, copy = Workspace.default().root, tmp_path_factory.mktemp("clone") / "de-classes"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).exists():  # else it was deleted, and that is not committed yet
            shutil.copy2(root / name, copy / name)
    for environment in (".venv", ".venvs"):
        (copy / environment).symlink_to(root / environment)
    return copy


@pytest.fixture(scope="session")
def sam(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """The SAM CLI with an engine; none of its containers is left afterwards, nor any other touched."""
    reason = engine.problem()
    if reason:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(f"no Lambda containers: {reason}")
    before = engine.containers()
    yield SamLocal(Workspace(project, tmp_path_factory.mktemp("containers")))
    engine.remove_containers_of(project)
    deadline = time.monotonic() + GONE_SECONDS  # the engine removes in its own time
    while engine.containers() - before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert engine.containers() <= before, "containers were left behind that are not of this copy"


@pytest.fixture(scope="session")
def built(sam: SamLocal) -> SamLocal:
    """The same after ``sam build``, which is all that a user types before ``sam local``."""
    sam.build()
    return sam


@pytest.fixture(scope="session")
def alone(built: SamLocal, project: Path) -> SamLocal:
    """The same with nothing else running."""
    variables = project / ".aws-sam" / "env-by-sam-build.json"
    assert variables.read_text() == (project / "events" / "env.json").read_text(), "a local cloud is up"
    return built


@pytest.fixture(scope="session")
def services(
    built: SamLocal,  # noqa: ARG001 - what runs has to be built
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Services]:
    """The local cloud that the functions call."""
    workspace = Workspace(project, tmp_path_factory.mktemp("localcloud"))
    with Services(workspace, engine.gateway()) as running:
        yield running


@pytest.fixture(scope="session")
def api_log(sam: SamLocal, services: Services) -> Iterator[Path]:
    """Both APIs, served; the file that the functions' logs go to."""
    with sam.start_api(services.gateway, services.api_port) as log:
        yield log
