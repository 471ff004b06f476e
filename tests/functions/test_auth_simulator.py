from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.logging import Logger
from moto import mock_aws

from de_classes.errors import ConfigurationError
from de_classes.utils.clock import ManualClock
from functions.auth_simulator import app
from functions.unstable_simulator import app as unstable
from tests.fakes.events import STANDING, load_event, names
from tests.fakes.simulators import ENVIRONMENT, PASSWORD, SECRETS, FakeSecrets, ListLogger, issuer

EXPECTED = {
    "login": 200,
    "login_by_function_url": 200,
    "login_by_hand": 200,
    "login_malformed": 400,
    "login_wrong_password": 401,
    "data": 200,
    "data_without_token": 401,
    "data_unsigned_token": 401,
    "health": 200,
}
REGION = "eu-central-1"
ROOT = Path(__file__).parents[2]
IMPORT_PATH = os.pathsep.join([str(ROOT), str(ROOT / "layers/de_classes")])


def body_of(answer: dict[str, object]) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(str(answer["body"]))
    return decoded


def test_every_event_has_its_expectation() -> None:
    assert names("auth_simulator") == set(EXPECTED)


@pytest.mark.parametrize(("name", "status"), EXPECTED.items())
def test_an_event_as_it_stands_is_answered_by_what_plain_sam_local_tells(name: str, status: int) -> None:
    secrets = json.loads(STANDING["SAM_LOCAL"])["secrets"]
    handler = app.build(STANDING, secrets.__getitem__, logger=ListLogger())
    assert handler(load_event("auth_simulator", name), None)["statusCode"] == status


@pytest.mark.parametrize(("name", "status"), EXPECTED.items())
def test_an_event_is_answered_and_logged(name: str, status: int) -> None:
    logger, clock = ListLogger(), ManualClock()
    handler = app.build(ENVIRONMENT, FakeSecrets(), logger=logger, clock=clock)

    answer = handler(load_event("auth_simulator", name, issuer(clock).issue("demo")), None)

    ((message, facts),) = logger.lines
    assert answer["statusCode"] == status
    assert (message, facts["status"], facts["route"]) == ("request", status, f"/{name.partition('_')[0]}")


def test_what_a_login_gives_opens_the_data_endpoint() -> None:
    handler = app.build(ENVIRONMENT, FakeSecrets(), logger=ListLogger(), clock=ManualClock())
    granted = body_of(handler(load_event("auth_simulator", "login")))

    answer = handler(load_event("auth_simulator", "data", str(granted["access_token"])))

    assert body_of(answer)["user"] == "demo"


def test_a_log_line_is_json_and_holds_neither_password_nor_token() -> None:
    stream = io.StringIO()
    logger = Logger(service="auth-simulator-test", stream=stream, level="INFO")
    handler = app.build({**ENVIRONMENT, "TOKEN_LIFE_SECONDS": "60"}, FakeSecrets(), logger=logger)
    granted = body_of(handler(load_event("auth_simulator", "login")))
    handler(load_event("auth_simulator", "data", str(granted["access_token"])))

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [(line["message"], line["route"], line["status"]) for line in lines] == [
        ("request", "/login", 200),
        ("request", "/data", 200),
    ]
    assert granted["expires_in"] == 60
    assert PASSWORD not in stream.getvalue()
    assert str(granted["access_token"]) not in stream.getvalue()


@pytest.mark.parametrize(("build", "name"), [(app.build, "auth"), (unstable.build, "unstable")])
def test_without_a_logger_of_its_own_a_simulator_masks_what_it_logs(
    build: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = build(ENVIRONMENT, FakeSecrets())
    handler(load_event(f"{name}_simulator", "health"))
    logging.getLogger(f"{name}-simulator").warning("login with password=%s", PASSWORD)
    request, login = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (request["message"], request["route"], request["status"]) == ("request", "/health", 200)
    assert login["message"] == "login with password=***"


def test_wrong_settings_are_all_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        app.build({**ENVIRONMENT, "TOKEN_LIFE_SECONDS": "0", "SEED": "x"}, FakeSecrets())

    assert {each.partition(" ")[0] for each in caught.value.problems} == {"TOKEN_LIFE_SECONDS", "SEED"}


def test_the_deployed_handler_reads_environment_and_secrets_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        **ENVIRONMENT,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        client = boto3.client("secretsmanager", region_name=REGION)
        for name, text in SECRETS.items():
            client.create_secret(Name=name, SecretString=text)
        first = app.lambda_handler(load_event("auth_simulator", "login"))
        for name in SECRETS:
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        second = app.lambda_handler(load_event("auth_simulator", "login_by_hand"), object())

    assert (first["statusCode"], second["statusCode"]) == (200, 200)


@pytest.mark.parametrize("function", ["auth_simulator", "unstable_simulator"])
def test_importing_a_handler_brings_in_nothing_heavy(function: str) -> None:
    heavy = ("boto3", "pydantic", "pandas", "pyarrow", "requests", "de_classes.api", "de_classes.storage")
    program = (
        f"import sys, functions.{function}.app; print([name for name in {heavy!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    environ = {**os.environ, "PYTHONPATH": IMPORT_PATH}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)

    assert done.stdout.strip() == "[]"
