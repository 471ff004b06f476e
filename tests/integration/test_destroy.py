"""`make destroy` against the local cloud, on a small stack of its own beside the one that the tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from localcloud.workspace import isolated
from tests.fakes.sam import FakeSam
from tools import stack as tool

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.aws import LocalAws
    from localcloud.workspace import Workspace
    from tests.integration.conftest import Cloud

pytestmark = pytest.mark.xdist_group("local_cloud")

TEMPLATE = """
Resources:
  Data: {{Type: AWS::S3::Bucket, DeletionPolicy: RetainExceptOnCreate, Properties: {{BucketName: {bucket}}}}}
  Told: {{Type: AWS::SNS::Topic}}
"""
SAMCONFIG = """
version = 0.1
[prod.global.parameters]
stack_name = "{name}"
[prod.deploy.parameters]
region = "us-east-1"
"""


class Small:
    """A stack of a bucket that stays and a topic that does not, and the settings that name it."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.name = f"small-{uuid4().hex[:8]}"
        self.bucket = f"{self.name}-data"
        self.client = aws.cloudformation()
        self.client.create_stack(StackName=self.name, TemplateBody=TEMPLATE.format(bucket=self.bucket))
        self.client.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})
        self.samconfig = folder / "samconfig.toml"
        self.samconfig.write_text(SAMCONFIG.format(name=self.name))

    def destroy(self, *options: str) -> int:
        return tool.main(["destroy", "--env", "prod", "--config-file", str(self.samconfig), *options])

    def is_there(self) -> bool:
        listed = self.client.list_stacks()["StackSummaries"]
        (status,) = {each["StackStatus"] for each in listed if each["StackName"] == self.name}
        return status != "DELETE_COMPLETE"


@pytest.fixture(scope="module")
def kept(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """One that no test deletes."""
    return Small(cloud.stack.aws, tmp_path_factory.mktemp("small"))


@pytest.fixture
def shell(cloud: Cloud, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of a shell whose account is the local cloud."""
    for name, value in {**isolated({}, workspace), "AWS_ENDPOINT_URL": cloud.stack.aws.endpoint}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSam:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return FakeSam(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("shell")
def test_a_stack_is_deleted_and_what_stays_is_named(
    cloud: Cloud,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = Small(cloud.stack.aws, tmp_path)
    monkeypatch.setenv("PATH", f"{workspace.sam.parent}{os.pathsep}{os.environ['PATH']}")
    assert small.destroy("--yes") == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"{small.name} is deleted.")
    assert said[1:] == [f"  AWS::S3::Bucket {small.bucket}"]
    assert not small.is_there()
    cloud.stack.aws.s3().head_bucket(Bucket=small.bucket)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize(("options", "asked"), [([], True), (["--yes"], False)])
def test_sam_is_told_the_stack_and_its_region_and_asks_unless_told_not_to(
    kept: Small, sam: FakeSam, options: list[str], *, asked: bool
) -> None:
    assert kept.destroy(*options) == 0
    (words,) = sam.words
    assert words[0] == "delete"
    assert words[words.index("--stack-name") + 1] == kept.name
    assert words[words.index("--region") + 1] == "us-east-1"
    assert ("--no-prompts" not in words) is asked


@pytest.mark.usefixtures("shell", "sam")
def test_nothing_is_called_deleted_that_is_still_there(
    kept: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kept.destroy() == 0
    assert capsys.readouterr().err == ""
    assert kept.is_there()


@pytest.mark.usefixtures("shell")
def test_a_stack_that_there_is_not_is_told_and_sam_is_not_called(
    kept: Small, sam: FakeSam, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "samconfig.toml"
    missing.write_text(SAMCONFIG.format(name="no-such-stack"))
    assert kept.destroy("--config-file", str(missing)) == 1
    assert "the stack no-such-stack cannot be looked at" in capsys.readouterr().err
    assert sam.told == []
