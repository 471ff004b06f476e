from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import boto3
import pytest

from localcloud.credentials import CredentialFiles, Credentials
from localcloud.workspace import REGION, Workspace
from tests.fakes.aws import no_aws_environment

if TYPE_CHECKING:
    from pathlib import Path

ENDPOINT = "http://127.0.0.1:4566"
OWN = Credentials("AKIAOWN", "own-secret")
# What a user may have set, each of which would lead elsewhere.
USER = {
    "AWS_ACCESS_KEY_ID": "users",
    "AWS_SECRET_ACCESS_KEY": "users",
    "AWS_SESSION_TOKEN": "users",
    "AWS_PROFILE": "production",
    "AWS_ENDPOINT_URL": "https://example.com",
    "AWS_ENDPOINT_URL_S3": "https://example.com",
    "AWS_REGION": "eu-west-1",
    "AWS_CA_BUNDLE": "/a file",
}


@pytest.fixture
def files(tmp_path: Path) -> CredentialFiles:
    data = tmp_path / "with a space"
    data.mkdir()
    return CredentialFiles(Workspace(tmp_path, data))


def paths(files: CredentialFiles) -> list[Path]:
    return [files.workspace.credentials, files.shell, files.curl]


def test_each_run_has_its_own_and_does_not_show_the_secret() -> None:
    made = [Credentials.made_up() for _ in range(100)]
    assert len({each.access_key for each in made} | {each.secret_key for each in made}) == 200
    assert all(len(each.secret_key) == 40 for each in made)
    assert OWN.secret_key not in repr(OWN)


def test_nobody_but_the_owner_may_read_them(files: CredentialFiles) -> None:
    files.workspace.credentials.write_text("made by another, readable for all")
    files.workspace.credentials.chmod(0o644)
    files.write(OWN, ENDPOINT)
    assert [path.stat().st_mode & 0o777 for path in paths(files)] == [0o600] * 3


def test_they_are_removed_and_removing_twice_is_harmless(files: CredentialFiles) -> None:
    files.write(OWN, ENDPOINT)
    files.remove()
    files.remove()
    assert [path.exists() for path in paths(files)] == [False] * 3


@pytest.mark.parametrize("user", [{}, USER], ids=["nothing", "an account"])
def test_the_shells_script_leads_every_tool_there_whatever_the_user_has_set(
    files: CredentialFiles, user: dict[str, str]
) -> None:
    files.write(OWN, ENDPOINT)
    script = f". '{files.shell}'; env"
    done = subprocess.run(
        ["/bin/sh", "-euc", script],
        env={"PATH": "/bin:/usr/bin", **user},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("AWS_"))
    assert seen == {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_ACCESS_KEY_ID": OWN.access_key,
        "AWS_SECRET_ACCESS_KEY": OWN.secret_key,
    }


def test_the_shared_credentials_file_is_one_that_boto3_reads(files: CredentialFiles) -> None:
    files.write(OWN, ENDPOINT)
    with no_aws_environment() as environment:
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(files.workspace.credentials))
        found = boto3.Session().get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key, found.token) == (OWN.access_key, OWN.secret_key, None)
