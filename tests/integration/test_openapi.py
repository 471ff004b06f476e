"""The simulators held to their own description, by schemathesis and all its checks, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests

from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from tests.fakes.checks import run

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.stack import Stack
    from tests.integration.conftest import Cloud

CALM = SimulatorSettings(rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0)
# The gateway answers a method that the template does not name before any function is asked: with 403 in the
# emulator, with the template's 404 on AWS; the check wants 405. What it answers is tested below.
BY_THE_GATEWAY = ("--exclude-checks", "unsupported_method")


def problems(folder: Path, description: str, base: str, token: str, *options: str) -> str:
    """What schemathesis finds; empty if all is well. It sees every operation, within a few seconds."""
    limits = ("--max-examples", "15", "--seed", "7", "--phases", "examples,coverage,fuzzing,stateful")
    target = (description, "--url", base, "--header", f"Authorization: Bearer {token}")
    done = run("schemathesis", "run", *target, "--checks", "all", *limits, *options, folder=folder)
    report = done.stdout + done.stderr
    assert "Test cases:" in report, report
    return report if done.returncode else ""


def token_of(login_url: str, login: dict[str, str]) -> str:
    answer = requests.post(login_url, json=login, timeout=120)
    return str(answer.json()["access_token"])


def deployed_token(stack: Stack) -> str:
    secret = stack.aws.secrets().get_secret_value(SecretId=stack.outputs["CredentialsSecretId"])
    return token_of(f"{stack.outputs['SimulatorsUrl']}/auth/login", json.loads(secret["SecretString"]))


@pytest.mark.slow
@pytest.mark.parametrize("mount", ["", "/auth", "/unstable"])
def test_on_loopback_what_is_described_is_what_is_answered(tmp_path: Path, mount: str) -> None:
    with SimulatorServer(CALM) as server:
        token = token_of(server.login_url, {"username": server.username, "password": server.password})
        base = server.base_url + mount
        assert problems(tmp_path, f"{base}/openapi.json", base, token) == ""


@pytest.mark.slow
def test_schemathesis_does_find_what_is_wrong(tmp_path: Path) -> None:
    """A control: the description of one simulator, held against the other."""
    with SimulatorServer(CALM) as server:
        token = token_of(server.login_url, {"username": server.username, "password": server.password})
        found = problems(
            tmp_path, f"{server.base_url}/auth/openapi.json", f"{server.base_url}/unstable", token
        )
    assert "Undocumented status code" in found


@pytest.mark.xdist_group("local_cloud")
@pytest.mark.slow
@pytest.mark.parametrize("mount", ["/auth", "/unstable"])
def test_deployed_what_is_described_is_what_is_answered(
    tmp_path: Path, calm_cloud: Cloud, mount: str
) -> None:
    stack = calm_cloud.stack
    base = stack.outputs["SimulatorsUrl"] + mount
    token = deployed_token(stack)
    found = problems(tmp_path, f"{base}/openapi.json", base, token, *BY_THE_GATEWAY)
    assert found == ""


@pytest.mark.xdist_group("local_cloud")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE"])
def test_deployed_a_method_that_is_not_described_reaches_no_function(calm_cloud: Cloud, method: str) -> None:
    stack = calm_cloud.stack
    before = len(stack.log_lines("AuthSimulatorLogName"))
    answer = requests.request(method, f"{stack.outputs['SimulatorsUrl']}/auth/login", timeout=120)
    assert answer.status_code in {403, 404}
    assert len(stack.log_lines("AuthSimulatorLogName")) == before
