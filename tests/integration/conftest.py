"""One deployment into one local cloud, for every test that wants one."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.console import Console
from localcloud.demo import Options, parameters
from localcloud.emulator import Emulator
from localcloud.launch import LOCAL_PARAMETERS, launch
from localcloud.sam import SamCli
from localcloud.stack import ARTIFACTS_BUCKET, STACK
from localcloud.workspace import Workspace
from tools import layers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.stack import Stack

PAGES = {"PagesAtOnce": "2"}  # each of a run's pages is a process that is started, as long as none is idle
FLAKY = {**parameters(Options(rate=0.2)), **PAGES}
CALM = {**parameters(Options(rate=0)), **PAGES}
CONTENT = re.compile(r"(?s)(\n  SourcesLayer:\n.*?\n      ContentUri: )\S+")


class Cloud:
    """The template, deployed once; another set of parameters is an update of the stack, not a deployment."""

    def __init__(self, emulator: Emulator, sam: SamCli) -> None:
        self._sam = sam
        self._emulator = emulator
        self.stack = launch(emulator, sam, FLAKY, Console(sys.stderr))
        self.parameters: Mapping[str, str] = FLAKY

    def update(self, wanted: Mapping[str, str]) -> None:
        """Change the parameters that differ, as CloudFormation does it: the template stays what it is."""
        changed = {name: value for name, value in wanted.items() if self.parameters.get(name) != value}
        if changed:
            self._update(changed)
        self.parameters = wanted

    @contextmanager
    def packaged(self, sources: Path) -> Iterator[None]:
        """The stack with another folder of descriptions, until the block ends.

        As `make deploy` does it where nothing else changed: the layer is built by its Makefile and uploaded,
        and the stack updated by a template that names what was uploaded.
        """
        found = self.stack.aws.cloudformation().get_template(StackName=STACK, TemplateStage="Original")
        template = found["TemplateBody"]  # before SAM's transform
        assert isinstance(template, str)
        with TemporaryDirectory() as folder:
            layers.make("SourcesLayer", sources / "Makefile", Path(folder) / "layer")
            archive = Path(shutil.make_archive(f"{folder}/sources", "zip", f"{folder}/layer")).read_bytes()
        changed, count = CONTENT.subn(rf"\g<1>s3://{ARTIFACTS_BUCKET}/{self._upload(archive)}", template)
        assert count == 1
        self._update({}, changed)
        try:
            yield
        finally:
            self._update({}, template)

    def _upload(self, content: bytes) -> str:
        key = hashlib.sha256(content).hexdigest()
        self.stack.aws.s3().put_object(Bucket=ARTIFACTS_BUCKET, Key=key, Body=content)
        return key

    def _update(self, changed: Mapping[str, str], template: str | None = None) -> None:
        client = self.stack.aws.cloudformation()
        kept = {each["ParameterKey"] for each in self._described()} - changed.keys()
        which: Any = {"UsePreviousTemplate": True}
        if template is not None:  # too long to be sent
            address = f"{self.stack.aws.endpoint}/{ARTIFACTS_BUCKET}/{self._upload(template.encode())}"
            which = {"TemplateURL": address}
        client.update_stack(
            StackName=STACK,
            Parameters=[
                *({"ParameterKey": name, "UsePreviousValue": True} for name in sorted(kept)),
                *({"ParameterKey": name, "ParameterValue": changed[name]} for name in sorted(changed)),
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            **which,
        )
        client.get_waiter("stack_update_complete").wait(
            StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
        )

    def deploy(self, wanted: Mapping[str, str]) -> None:
        """The same by the SAM CLI, as a user does it."""
        base = {**LOCAL_PARAMETERS, "ApiBaseUrl": self._emulator.rest_api_base_url}
        self._sam.deploy(self._emulator.endpoint, {**base, **wanted})
        self.parameters = wanted

    def _described(self) -> list[dict[str, str]]:
        (stack,) = self.stack.aws.cloudformation().describe_stacks(StackName=STACK)["Stacks"]
        return stack["Parameters"]


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is deployed; what wants it calm comes last, since each update starts all functions anew."""
    for item in items:
        if "cloud" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cloud)
    items.sort(key=lambda item: "calm_cloud" in getattr(item, "fixturenames", ()))


# All three are done with when the tests of this folder are, not when all tests are over: by then other
# processes have work, and hundreds of megabytes are let go of beside it.
@pytest.fixture(scope="package")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """This working copy, with the emulator's data apart from a demonstration's."""
    made = Workspace(Workspace.default().root, tmp_path_factory.mktemp("localcloud"))
    yield made
    shutil.rmtree(made.data / "tmp", ignore_errors=True)  # layers, once a function's process; logs stay


@pytest.fixture(scope="package")
def deployed_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """Fails where the tests that share the deployment are not all in one process."""
    if worker_id != "master":
        deployed = tmp_path_factory.getbasetemp().parent / "local-cloud-deployed"
        assert not deployed.exists(), "deployed twice: use --dist loadgroup, and mark the test's xdist_group"
        deployed.touch()


@pytest.fixture(scope="package")
def cloud(workspace: Workspace, deployed_once: None) -> Iterator[Cloud]:  # noqa: ARG001 - it is a check
    """The local cloud with the stack in it."""
    with Emulator(workspace) as emulator:
        yield Cloud(emulator, SamCli(workspace))


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> Stack:
    """The stack where a fifth of the requests for pages fail."""
    cloud.update(FLAKY)
    return cloud.stack


@pytest.fixture(scope="module")
def calm_cloud(cloud: Cloud) -> Cloud:
    """The same where the simulators do not fail."""
    cloud.update(CALM)
    return cloud
