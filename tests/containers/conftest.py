"""The functions built for containers, what they call, and both APIs: once for all tests."""

from __future__ import annotations

import os
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

GONE_SECONDS = 60.0


@pytest.fixture(scope="session")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """The SAM CLI with an engine; none of its containers is left afterwards, nor any other touched."""
    reason = engine.problem()
    if reason:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(f"no Lambda containers: {reason}")
    before = engine.containers()
    root = Workspace.default().root
    yield SamLocal(Workspace(root, tmp_path_factory.mktemp("containers")))
    engine.remove_containers_of(root)
    deadline = time.monotonic() + GONE_SECONDS  # the engine removes in its own time
    while engine.containers() - before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert engine.containers() <= before, "containers were left behind that are not of this working copy"


@pytest.fixture(scope="session")
def services(sam: SamLocal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The functions built for containers, and the local cloud that they call."""
    sam.build()
    workspace = Workspace(Workspace.default().root, tmp_path_factory.mktemp("localcloud"))
    with Services(workspace, engine.gateway()) as running:
        yield running


@pytest.fixture(scope="session")
def api_log(sam: SamLocal, services: Services) -> Iterator[Path]:
    """Both APIs, served; the file that the functions' logs go to."""
    with sam.start_api(services.gateway, services.api_port) as log:
        yield log
