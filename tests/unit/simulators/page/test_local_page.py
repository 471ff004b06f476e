"""The simulator's page over real HTTP, without a browser; ``tests/browser`` uses it in one."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from de_classes.simulators.page.local_page import page_of
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from tests.fakes.parsed_page import ParsedPage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECTIONS = [
    "What is served",
    "Faults that are on",
    "Answers, by what they were",
    "The last requests",
    "Every fault",
]
JSON = {"Content-Type": "application/json"}
PASSWORD = "for-this-test"


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    settings = SimulatorSettings(total_records=250, faults="F21=0.5", jitter_seconds=0)
    with SimulatorServer(settings, page=True, password=PASSWORD) as running:
        yield running


def ask(
    server: SimulatorServer,
    path: str,
    body: object = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] = JSON,
) -> tuple[int, Mapping[str, str], bytes]:
    connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=60)
    data = None if body is None else json.dumps(body)
    connection.request(method or ("GET" if body is None else "POST"), path, data, dict(headers))
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def token(server: SimulatorServer) -> str:
    _, _, body = ask(server, "/login", {"username": server.username, "password": PASSWORD})
    found: str = json.loads(body)["access_token"]
    return found


def switch(server: SimulatorServer, fault: str, share: float) -> tuple[int, dict[str, Any]]:
    status, _, body = ask(server, "/simulator/faults", {"fault": fault, "share": share})
    return status, json.loads(body)


def test_the_page_shows_the_truth_and_what_goes_wrong(server: SimulatorServer) -> None:
    status, headers, body = ask(server, "/")
    page = ParsedPage(body.decode())
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.texts_of("h2") == SECTIONS
    assert "Records there really are 250" in page.text
    assert "50.0 %" in page.texts_of("td")
    pressed = [each["data-fault"] for each in page.named("button") if each["aria-pressed"] == "true"]
    assert set(pressed) == set(server.plan.rates)


def test_the_page_fetches_nothing_from_elsewhere_and_may_not_be_framed(server: SimulatorServer) -> None:
    _, headers, body = ask(server, "/")
    page = ParsedPage(body.decode())
    assert page.fetched == ["/openapi.json", "/docs"]  # where it leads
    assert page.allows("style")
    assert page.allows("script")
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert PASSWORD not in body.decode()


def test_what_was_served_is_counted_and_looking_at_it_is_not(server: SimulatorServer) -> None:
    bearer = {"Authorization": f"Bearer {token(server)}"}
    ask(server, "/data?page=2", headers=bearer)
    for path in ("/", "/docs", "/docs/start.js"):
        ask(server, path)
    switch(server, "bad-gateway-502", 0.1)
    assert (server.log.requests, server.log.logins) == (2, 1)
    text = ParsedPage(page_of(server)).text
    assert "GET /data 2 1" in text
    assert "POST /login" in text


def test_a_fault_is_switched_on_and_off_from_the_next_request_on(server: SimulatorServer) -> None:
    bearer = {"Authorization": f"Bearer {token(server)}"}
    for fault in server.plan.rates:
        switch(server, fault, 0)
    assert ask(server, "/data", headers=bearer)[0] == 200
    assert switch(server, "bad-gateway-502", 1)[0] == 200
    assert ask(server, "/data", headers=bearer)[0] == 502
    assert switch(server, "bad-gateway-502", 0)[1]["rates"]["bad-gateway-502"] == 0
    assert ask(server, "/data", headers=bearer)[0] == 200
    assert "None: every answer is as it should be." in ParsedPage(page_of(server)).text


def test_what_disfigures_the_records_does_so_from_the_next_request_on(server: SimulatorServer) -> None:
    before = server.truth()
    assert switch(server, "changing-type", 1)[0] == 200
    assert server.truth() != before
    assert switch(server, "changing-type", 0)[0] == 200
    assert server.truth() == before


def test_shares_that_are_more_than_everything_are_refused_and_change_nothing(server: SimulatorServer) -> None:
    before = server.plan
    assert switch(server, "bad-gateway-502", 0.4)[0] == 200
    status, said = switch(server, "unavailable-503", 0.9)
    assert (status, "more than 1" in said["message"]) == (400, True)
    assert server.plan.rates == {**before.rates, "bad-gateway-502": 0.4}


@pytest.mark.parametrize(
    "body",
    [
        {"fault": "no-such-fault", "share": 1},
        {"fault": "<script>", "share": 1},
        {"fault": "F14"},
        [],
        {"fault": 1},
        {"fault": "bad-gateway-502", "share": 7},
    ],
)
def test_what_is_no_switch_is_refused(server: SimulatorServer, body: object) -> None:
    status, _, said = ask(server, "/simulator/faults", body)
    assert status == 400
    assert b"Traceback" not in said


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Content-Type": "text/plain"}, 400),
        ({**JSON, "Origin": "https://elsewhere.example"}, 403),
        ({**JSON, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**JSON, "Host": "elsewhere.example"}, 403),
    ],
)
def test_a_page_from_elsewhere_switches_nothing(
    server: SimulatorServer, headers: dict[str, str], status: int
) -> None:
    before = server.plan
    body = {"fault": "bad-gateway-502", "share": 0.1}
    assert ask(server, "/simulator/faults", body, headers=headers)[0] == status
    assert server.plan is before


def test_the_switch_is_posted_to(server: SimulatorServer) -> None:
    status, headers, _ = ask(server, "/simulator/faults")
    assert (status, headers["allow"]) == (405, "POST")


def test_a_method_that_somebody_made_up_is_text_on_the_page(server: SimulatorServer) -> None:
    ask(server, "/<script>", method="QUERY")
    page = ParsedPage(page_of(server))
    assert len(page.named("script")) == 1
    assert "QUERY unknown" in page.text


def test_without_the_page_the_server_is_as_it_was() -> None:
    with SimulatorServer(SimulatorSettings(total_records=10)) as plain:
        assert ask(plain, "/")[0] == ask(plain, "/docs")[0] == 404
        assert ask(plain, "/simulator/faults", {"fault": "bad-gateway-502", "share": 1})[0] == 404


def test_docs_is_the_viewer_with_its_own_files_alone(server: SimulatorServer) -> None:
    status, headers, body = ask(server, "/docs")
    assert status == 200
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    page = ParsedPage(body.decode())
    for path in page.fetched:
        status, headers, _ = ask(server, path)
        assert (path.startswith("/docs/"), status) == (True, 200)
    assert b'url: "/openapi.json"' in ask(server, "/docs/start.js")[2]


@pytest.mark.parametrize(
    "path", ["/docs/../core.py", "/docs/%2e%2e/core.py", "/docs/index.html", "/docs//etc/passwd"]
)
def test_docs_gives_out_no_other_file(server: SimulatorServer, path: str) -> None:
    assert ask(server, path)[0] == 404


def test_the_records_that_drift_leaves_are_counted() -> None:
    settings = SimulatorSettings(total_records=50, faults="records-deleted")
    with SimulatorServer(settings, page=True, password=PASSWORD) as running:
        bearer = {"Authorization": f"Bearer {token(running)}"}
        for number in range(1, 20):
            ask(running, f"/data?page={number}&limit=5", headers=bearer)
        assert running.record_count == len(running.truth()) != 50
