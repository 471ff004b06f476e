"""Every file of ``events/``, by the command that a user types after ``sam build``: nothing is exported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.fakes.events import load_event, names
from tools.containers.sam_local import SAM_PORT

if TYPE_CHECKING:
    from tools.containers.sam_local import Invocation, SamLocal
    from tools.containers.services import Services

pytestmark = pytest.mark.containers

FUNCTIONS = {
    "auth_simulator": "AuthSimulatorFunction",
    "unstable_simulator": "UnstableSimulatorFunction",
    "ingestion_worker": "IngestionWorkerFunction",
}
EXPECTED = {
    "auth_simulator": {
        "data": 200,
        "data_unsigned_token": 401,
        "data_without_token": 401,
        "health": 200,
        "login": 200,
        "login_by_function_url": 200,
        "login_by_hand": 200,
        "login_malformed": 400,
        "login_wrong_password": 401,
    },
    "unstable_simulator": {
        "bad_page_and_limit": 400,
        "first_page": 200,
        "health": 200,
        "page_by_function_url": 200,
        "page_by_hand": 200,
        "page_unsigned_token": 401,
        "page_without_token": 401,
        "past_the_end": 200,
    },
    "ingestion_worker": {
        "bad_request": 400,
        "ingest_csv_of_some_pages": 200,
        "ingest_parquet": 200,
        "ingest_partial": 200,
        "ingest_resume": 200,
        "ingest_with_defaults": 200,
        "not_json": 400,
    },
}
DIRECT = "direct_jsonl"  # answered with the receipt itself
FLAKY = {500, 503, 429}  # the unstable simulator may fail on a well-formed request: that is what it is for
SIMULATORS = [
    (function, name)
    for function, cases in EXPECTED.items()
    if function != "ingestion_worker"
    for name in cases
]
WORKER = list(EXPECTED["ingestion_worker"])
SERVED = f"http://127.0.0.1:{SAM_PORT}"
LOGIN = json.loads(str(load_event("auth_simulator", "login")["body"]))
FIRST = "run `make containers` in another shell first"


def invoke(sam: SamLocal, function: str, name: str) -> Invocation:
    """``sam local invoke FUNCTION -e FILE``, and nothing else."""
    command = ["sam", "local", "invoke", FUNCTIONS[function], "-e", f"events/{function}/{name}.json"]
    return sam.run(command)


def status_of(invocation: Invocation) -> int:
    assert invocation.exit_status == 0, invocation.log
    assert "REPORT RequestId:" in invocation.log
    return int(json.loads(invocation.answer)["statusCode"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_event_has_its_expectation(function: str) -> None:
    direct = {DIRECT} if function == "ingestion_worker" else set()
    assert names(function) == {*EXPECTED[function], *direct}


@pytest.mark.parametrize(("function", "name"), SIMULATORS)
def test_a_simulator_answers_with_nothing_else_running(alone: SamLocal, function: str, name: str) -> None:
    invocation = invoke(alone, function, name)
    assert status_of(invocation) in acceptable(function, name), invocation.log


@pytest.mark.parametrize("name", ["bad_request", "not_json"])
def test_the_worker_refuses_a_wrong_request_with_nothing_else_running(alone: SamLocal, name: str) -> None:
    assert status_of(invoke(alone, "ingestion_worker", name)) == 400


def test_the_worker_says_in_a_line_what_to_run_first(alone: SamLocal) -> None:
    invocation = invoke(alone, "ingestion_worker", "ingest_parquet")
    assert status_of(invocation) == 500
    message = json.loads(json.loads(invocation.answer)["body"])["message"]
    assert FIRST in message
    assert "\n" not in message


def test_a_direct_invocation_raises_the_same_line(alone: SamLocal) -> None:
    assert FIRST in json.loads(invoke(alone, "ingestion_worker", DIRECT).answer)["errorMessage"]


def test_plain_start_api_serves_the_simulators_and_says_what_the_worker_lacks(alone: SamLocal) -> None:
    with alone.start_api(), requests.Session() as http:
        http.trust_env = False  # no proxy
        login = http.post(f"{SERVED}/auth/login", json=LOGIN, timeout=120)
        assert login.status_code == 200, login.text
        bearer = {"Authorization": f"Bearer {login.json()['access_token']}"}
        assert http.get(f"{SERVED}/auth/data", headers=bearer, timeout=120).status_code == 200
        page = http.get(f"{SERVED}/unstable/data?page=1", headers=bearer, timeout=120)
        assert page.status_code in {200, *FLAKY}
        ingest = http.post(f"{SERVED}/ingest", json={}, timeout=120)
        assert (ingest.status_code, FIRST in ingest.json()["message"]) == (500, True)


@pytest.mark.usefixtures("api_log")
@pytest.mark.parametrize("name", WORKER)
def test_the_worker_answers_while_a_local_cloud_is_up(sam: SamLocal, name: str) -> None:
    invocation = invoke(sam, "ingestion_worker", name)
    assert status_of(invocation) == EXPECTED["ingestion_worker"][name], invocation.log


@pytest.mark.usefixtures("api_log")
def test_a_direct_invocation_is_answered_with_the_receipt(sam: SamLocal, services: Services) -> None:
    receipt: dict[str, Any] = json.loads(invoke(sam, "ingestion_worker", DIRECT).answer)
    assert (receipt["status"], receipt["format"]) == ("complete", "jsonl")
    assert sum(1 for _ in services.records(receipt["key"])) == receipt["records"]


@pytest.mark.usefixtures("services")
def test_no_log_holds_a_token_or_a_password(sam: SamLocal) -> None:
    logs = invoke(sam, "auth_simulator", "login").log + invoke(sam, "auth_simulator", "data").log
    assert '"route":"/login"' in logs
    assert "eyJ" not in logs  # how every JSON Web Token begins
    assert LOGIN["password"] not in logs


def acceptable(function: str, name: str) -> set[int]:
    status = EXPECTED[function][name]
    return {status, *FLAKY} if function == "unstable_simulator" and status == 200 else {status}
