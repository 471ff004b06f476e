"""One deployment into a local cloud, for every test that wants one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from localcloud.console import Console
from localcloud.demo import Options, parameters
from localcloud.emulator import Emulator
from localcloud.launch import LOCAL_PARAMETERS, launch
from localcloud.sam import SamCli
from localcloud.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localcloud.stack import Stack


@dataclass(frozen=True)
class CalmCloud:
    """A stack, and how to deploy it again with other parameters."""

    stack: Stack
    redeploy: Callable[..., None]


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


@pytest.fixture(scope="session")
def calm_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalmCloud]:
    """A second local cloud, where the simulators do not fail."""
    workspace = Workspace(Workspace.default().root, tmp_path_factory.mktemp("calm"))
    with Emulator(workspace) as emulator:
        sam, calm = SamCli(workspace), parameters(Options(rate=0))
        stack = launch(emulator, sam, calm, Console(sys.stderr))

        def redeploy(**changed: str) -> None:
            base = {**LOCAL_PARAMETERS, "ApiBaseUrl": emulator.rest_api_base_url}
            sam.deploy(emulator.endpoint, {**base, **calm, **changed})

        yield CalmCloud(stack, redeploy)
