"""A project of one's own, from `de-classes new` to an upgrade: made by what pip installs, deployed by SAM."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.source.loading import SHIPPED
from de_classes.cli.new import NAME, PROJECT
from de_classes.version import VERSION
from localcloud.emulator import Emulator, free_port
from localcloud.verify import stored_records
from localcloud.workspace import Workspace, isolated, without_proxies
from tests.fakes.mimics import GitHub
from tests.fakes.mimics.kit import json_answer
from tests.fakes.mimics.serving import serving
from tests.fakes.sources import LIBRARY, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.mimics.kit import Answer, Request

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.xdist_group("new_project")]

STACK = "my-lake"
BEFORE = "6842951"
"""A commit from before runs were proved, and before a run's plan knew of transforms."""
BEFORE_VERSION = "0.0.9"
MOST_BYTES = 150_000_000
"""Of function and layer, unzipped; Lambda's own limit is 262,144,000."""
RECORDS, PAGE, REACHED = 400, 50, 2
RUN = {"source": "github.issues", "parameters": {"owner": "acme", "repo": "widgets"}, "limit": PAGE}


class Breaking(GitHub):
    """GitHub, which knows nothing behind the second page until it is mended."""

    is_mended = False

    def answer(self, request: Request) -> Answer:
        if not self.is_mended and int(request.query.get("page", 1)) > REACHED:
            return json_answer(404, {"message": "Not Found"})
        return super().answer(request)

    def pages_asked(self) -> list[int]:
        return [int(each.query.get("page", 1)) for each in self.asked]


def done(*command: str | Path, folder: Path, **variables: str) -> str:
    """What a program prints, in an environment without this project's own."""
    ours = ("PYTHON", "VIRTUAL_ENV", "PYTEST", "MAKE", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    result = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def uv() -> Path:
    return Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("new")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """What pip installs of this version."""
    done(uv(), "build", "--quiet", "--wheel", "--out-dir", folder / "dist", ROOT, folder=folder)
    return folder / "dist" / f"de_classes-{VERSION}-py3-none-any.whl"


@pytest.fixture(scope="module")
def wheel_before(folder: Path) -> Path:
    """The library of an earlier commit, with what a project needs of it where it is looked for today."""
    if done("git", "rev-parse", "--is-shallow-repository", folder=ROOT).strip() == "true":
        pytest.skip("a shallow clone has no earlier version to upgrade from: git fetch --unshallow")
    top = folder / "before"
    command = ["git", "archive", BEFORE]
    archive = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(top, filter="data")
    library = top / "layers" / "de_classes" / "de_classes"
    shutil.copy(top / "functions" / "ingestion_worker" / "app.py", library / "handler.py")
    for tool in ("find-compiler.sh", "finish_layer.py"):
        shutil.copy(LIBRARY / "cli" / tool, library / "cli" / tool)
    for file in (top / "pyproject.toml", library / "version.py"):
        named = file.read_text()
        assert named.count(f'"{VERSION}"') == 1
        file.write_text(named.replace(f'"{VERSION}"', f'"{BEFORE_VERSION}"'))
    done(uv(), "build", "--quiet", "--wheel", "--out-dir", folder / "dist", top, folder=folder)
    return folder / "dist" / f"de_classes-{BEFORE_VERSION}-py3-none-any.whl"


@pytest.fixture(scope="module")
def program(folder: Path, wheel: Path) -> Path:
    """The command, installed from the wheel alone."""
    home = folder / "installed"
    done(uv(), "venv", "--quiet", "--python", sys.executable, home, folder=folder)
    done(uv(), "pip", "install", "--quiet", "--python", home / "bin" / "python", wheel, folder=folder)
    return home / "bin" / "de-classes"


@pytest.fixture(scope="module")
def project(folder: Path, program: Path, wheel: Path) -> Path:
    done(program, "new", STACK, "--wheel", wheel, folder=folder)
    return folder / STACK


def with_version(project: Path, version: str, wheel: Path) -> None:
    """What a person does who wants another version."""
    pin = project / "requirements.txt"
    first, _, _ = pin.read_text().partition("==")
    pin.write_text(f"{first}=={version}\n")
    shutil.copy(wheel, project / "wheels")


@dataclass
class Lake:
    """The project's stack in a local cloud.

    Attributes:
        project: The project's folder.
        emulator: The cloud.
        variables: By which the SAM CLI builds for this machine, and deploys to that cloud.
    """

    project: Path
    emulator: Emulator
    variables: dict[str, str]

    def allow_plain_http(self) -> None:
        """The one edit that a local cloud needs, which has no TLS and enforces the bucket's policy."""
        path = self.project / "template.yaml"
        left, count = re.subn(r"  BucketPolicy:\n(?:    .*\n)+", "", path.read_text())
        assert count == 1
        path.write_text(left)

    def deploy(self) -> None:
        done("sam", "build", folder=self.project, **self.variables)
        done("sam", "deploy", "--no-confirm-changeset", folder=self.project, **self.variables)

    def ingest(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the function answers; an error as Lambda tells it."""
        client = self.emulator.aws.session.client("lambda", endpoint_url=self.emulator.endpoint)
        answer = client.invoke(FunctionName=self._id("Ingest"), Payload=json.dumps(event))
        body: dict[str, Any] = json.loads(answer["Payload"].read())
        return body

    @property
    def bucket(self) -> str:
        return self._id("Bucket")

    def _id(self, name: str) -> str:
        """What the stack calls a resource of the template."""
        cloudformation = self.emulator.aws.cloudformation()
        found = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])


@pytest.fixture(scope="module")
def lake(project: Path, folder: Path) -> Iterator[Lake]:
    workspace = Workspace(ROOT, folder / "cloud")
    python = subprocess.run(
        [workspace.emulator_python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with Emulator(workspace) as emulator:
        own = without_proxies(isolated(os.environ, workspace))
        variables = {name: value for name, value in own.items() if os.environ.get(name) != value}
        variables |= {
            "PATH": os.pathsep.join([str(workspace.sam.parent), str(uv().parent), os.environ["PATH"]]),
            "AWS_ENDPOINT_URL": emulator.endpoint,
            "LAMBDA_PYTHON": python,
            "LAMBDA_PLATFORM": f"{platform.machine()}-manylinux_2_28",
            "LAYER_COMPILER": str(workspace.emulator_python),
        }
        lake = Lake(project, emulator, variables)
        lake.allow_plain_http()
        yield lake


def test_sam_init_gives_the_same_files(folder: Path, program: Path) -> None:
    home = folder / "home"
    home.mkdir()
    variables = {"HOME": str(home), "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    location = done(program, "new", "--location", folder=folder).strip()
    assert Path(location).name == PROJECT.name
    sam = Workspace.default().sam
    done(program, "new", "by-new", folder=folder)
    done(sam, "init", "--no-input", "--name", "by-new", "--location", location, folder=home, **variables)
    ours, theirs = (
        {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (folder / "by-new", home / "by-new")
    )
    assert ours == theirs
    assert len(ours) == len([path for path in (PROJECT / NAME).rglob("*") if path.is_file()])
    assert "is a valid SAM Template" in done(sam, "validate", "--lint", folder=folder / "by-new", **variables)


def test_its_own_test_passes_and_its_rehearsal_is_complete(project: Path) -> None:
    assert "1 passed" in done("make", "test", f"PYTHON={sys.executable}", folder=project)
    said = done("make", "rehearse", f"PYTHON={sys.executable}", f"PORT={free_port()}", folder=project)
    assert "complete: 2000 records of 2000 expected" in said


def test_it_is_built_for_lambda_and_fits(project: Path) -> None:
    variables = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    sam = Workspace.default().sam
    path = os.pathsep.join([str(uv().parent), os.environ["PATH"]])
    done(sam, "build", "--build-dir", "built", folder=project, PATH=path, **variables)
    files = [each for each in (project / "built").rglob("*") if each.is_file()]
    assert 0 < sum(each.stat().st_size for each in files) <= MOST_BYTES
    library = project / "built" / "Library" / "python" / "de_classes"
    assert list(library.rglob("handler.cpython-313.pyc"))
    assert not (library / "cli").exists()
    ingest = project / "built" / "Ingest"
    assert {each.relative_to(ingest).as_posix() for each in files if each.is_relative_to(ingest)} == {
        "app.py",
        "de_classes_sources/shop.toml",
    }


def test_a_run_that_was_begun_before_an_upgrade_goes_on_after_it(
    lake: Lake, wheel: Path, wheel_before: Path
) -> None:
    mimic = Breaking(RECORDS, is_throttled=False)
    with serving(mimic) as address:
        described = (SHIPPED / "github.toml").read_text().replace("https://api.github.com", address)
        (lake.project / "sources" / "github.toml").write_text(described)
        lake.emulator.aws.secrets().create_secret(
            Name=f"{STACK}/sources/github", SecretString=json.dumps(dict(mimic.secrets))
        )
        with_version(lake.project, BEFORE_VERSION, wheel_before)
        lake.deploy()
        broken = lake.ingest({**RUN, "run_id": "monday"})
        assert "404" in broken["errorMessage"]
        assert mimic.pages_asked()[: REACHED + 1] == [1, 2, 3]
        kept = parts(lake)
        assert len(kept) == 1

        with_version(lake.project, VERSION, wheel)
        lake.deploy()
        mimic.is_mended, mimic.asked = True, []
        receipt = lake.ingest({"run_id": "monday"})
        assert (receipt["status"], receipt["records"]) == ("complete", RECORDS)
        assert receipt["versions"]["de-classes"] == VERSION
        stored = list(stored_records(lake.emulator.aws.store(), lake.bucket, receipt["key"]))
        assert stored == mimic.expected("issues")
        assert kept.items() < parts(lake).items()

        again = lake.ingest({**RUN, "run_id": "monday"})
        assert (again["status"], again["key"]) == ("complete", receipt["key"])


def parts(lake: Lake) -> dict[str, str]:
    """The parts in the bucket, each with the digest of its bytes."""
    listed = (
        lake.emulator.aws.s3().list_objects_v2(Bucket=lake.bucket, Prefix="raw/github/").get("Contents", [])
    )
    return {each["Key"]: each["ETag"] for each in listed if "/part-" in each["Key"]}
