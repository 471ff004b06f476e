"""One deployment into a local cloud, for every test that wants one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from localcloud.console import Console
from localcloud.demo import Options, parameters
from localcloud.emulator import Emulator
from localcloud.launch import launch
from localcloud.sam import SamCli
from localcloud.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcloud.stack import Stack


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """This working copy, with the emulator's data apart from a demonstration's."""
    return Workspace(Workspace.default().root, tmp_path_factory.mktemp("localcloud"))


@pytest.fixture(scope="session")
def deployed_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """Fails where the tests that share the deployment are not all in one process."""
    if worker_id != "master":
        deployed = tmp_path_factory.getbasetemp().parent / "local-cloud-deployed"
        assert not deployed.exists(), "deployed twice: use --dist loadgroup, and mark the test's xdist_group"
        deployed.touch()


@pytest.fixture(scope="session")
def stack(workspace: Workspace, deployed_once: None) -> Iterator[Stack]:  # noqa: ARG001 - it is a check
    """The template, deployed; a fifth of the requests for pages fail."""
    with Emulator(workspace) as emulator:
        yield launch(emulator, SamCli(workspace), parameters(Options(rate=0.2)), Console(sys.stderr))
