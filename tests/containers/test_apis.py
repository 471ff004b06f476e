"""The whole path in containers: both APIs served, the worker pulls the simulators into the bucket."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import requests

from de_classes.simulators.records import SyntheticRecords
from localcloud.verify import differences
from tests.fakes.documents import documents
from tests.fakes.template import template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.containers.sam_local import SamLocal
    from tools.containers.services import Services

pytestmark = [pytest.mark.containers, pytest.mark.usefixtures("api_log")]

DEFAULTS = {name: each["Default"] for name, each in template()["Parameters"].items()}
SOURCE = SyntheticRecords(DEFAULTS["Seed"], DEFAULTS["TotalRecords"])
LIMIT = 100
COMMAND = re.compile(r"`(sam\s+local\s+invoke[^`]*)`")
DOCUMENTED = sorted(
    {" ".join(found.split()) for path in documents() for found in COMMAND.findall(path.read_text())}
)


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        yield session


def ingest(http: requests.Session, services: Services, **request: object) -> requests.Response:
    return http.post(f"{services.api_url}/ingest", json=request, timeout=120)


@pytest.mark.parametrize("name", ["csv", "json", "jsonl", "parquet"])
def test_what_arrives_equals_what_was_served(http: requests.Session, services: Services, name: str) -> None:
    response = ingest(http, services, format=name, limit=LIMIT)
    receipt: dict[str, Any] = response.json()
    assert response.status_code == 200, receipt
    assert (receipt["records"], receipt["pages"]) == (SOURCE.count, -(-SOURCE.count // LIMIT))
    assert differences(SOURCE, services.records(receipt["key"]), name) == []


def test_a_wrong_request_is_told_so(http: requests.Session, services: Services) -> None:
    response = ingest(http, services, format="xml")
    assert response.status_code == 400


@pytest.mark.parametrize("path", ["/auth/data", "/unstable/data"])
def test_the_simulators_serve_nothing_without_a_token(
    http: requests.Session, services: Services, path: str
) -> None:
    assert http.get(services.api_url + path, timeout=120).status_code == 401


@pytest.mark.parametrize("mount", ["/auth", "/unstable"])
def test_the_simulators_describe_themselves(http: requests.Session, services: Services, mount: str) -> None:
    assert http.get(f"{services.api_url}{mount}/health", timeout=120).status_code == 200
    assert "openapi" in http.get(f"{services.api_url}{mount}/openapi.json", timeout=120).json()


def test_what_the_functions_log_holds_no_token_or_password(
    http: requests.Session, services: Services, api_log: Path
) -> None:
    assert ingest(http, services, format="csv", limit=LIMIT, pages="1-1").status_code == 200
    text = api_log.read_text()
    assert '"message":"run complete"' in text
    assert "eyJ" not in text  # how every JSON Web Token begins
    assert "demo-password" not in text


def test_the_documents_show_how_to_invoke_a_function() -> None:
    assert any("events/ingestion_worker/ingest_csv_of_some_pages.json" in command for command in DOCUMENTED)


@pytest.mark.parametrize("command", DOCUMENTED)
def test_a_documented_command_works_word_for_word(sam: SamLocal, command: str) -> None:
    invocation = sam.run(shlex.split(command))
    assert invocation.exit_status == 0, invocation.log
    assert '"statusCode": 200' in invocation.answer, invocation.log
