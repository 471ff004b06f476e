from __future__ import annotations

import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from de_classes.errors import ConfigurationError
from de_classes.simulators.answer_faults import EMPTY_REPLY, RESET
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import FaultPlan
from de_classes.simulators.http_handler import MAX_BODY_BYTES
from de_classes.simulators.records import JsonLinesRecords
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.utils.clock import ManualClock
from localcloud.emulator import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.simulators.faults import Fault

CALM = SimulatorSettings(rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0)
ROUGH = SimulatorSettings(
    rate_500=0.1,
    rate_503=0.1,
    rate_429=0.1,
    retry_after_seconds=3,
    jitter_seconds=0,
    seed=7,
    total_records=3000,
)
CLIENTS = 64
PATIENCE = 60.0
"""Seconds for what happens at once, on a machine that may stand still meanwhile."""


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(CALM) as running:
        yield running


def login(server: SimulatorServer) -> dict[str, str]:
    body = {"username": server.username, "password": server.password}
    token = requests.post(server.login_url, json=body, timeout=PATIENCE).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def raw(server: SimulatorServer, request: bytes) -> bytes:
    """Send these bytes, and read until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def fetch_until_served(server: SimulatorServer, headers: dict[str, str], page: int) -> list[int]:
    """The statuses met on the way to a page."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    statuses: list[int] = []
    while not statuses or statuses[-1] != 200:
        connection.request("GET", f"/data?page={page}&limit=100", headers=headers)
        with connection.getresponse() as response:
            response.read()
        statuses.append(response.status)
    connection.close()
    return statuses


def test_login_and_pages_over_one_kept_connection(server: SimulatorServer) -> None:
    headers = login(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    ids: list[int] = []
    local_ports = set()
    for page in range(1, 11):
        connection.request("GET", f"/data?page={page}&limit=100", headers=headers)
        local_ports.add(connection.sock.getsockname()[1])
        ids += [record["id"] for record in json.load(connection.getresponse())["data"]]
    connection.close()

    assert ids == list(range(1, 1001))
    assert len(local_ports) == 1
    assert server.log.served_pages == dict.fromkeys(range(1, 11), 1)
    assert (server.log.requests, server.log.logins, server.log.by_status) == (11, 1, {200: 11})


def test_both_mounts_and_both_descriptions_answer(server: SimulatorServer) -> None:
    headers = login(server)
    paths = ["/auth/data", "/unstable/data", "/auth/health", "/unstable/health", "/health"]
    documents = ["/openapi.json", "/auth/openapi.json", "/unstable/openapi.json"]

    statuses = [
        requests.get(server.base_url + path, headers=headers, timeout=PATIENCE).status_code for path in paths
    ]
    described = [
        list(requests.get(server.base_url + path, timeout=PATIENCE).json()["paths"]) for path in documents
    ]

    assert statuses == [200] * 5
    assert [paths[:2] for paths in described] == [
        ["/login", "/auth/data"],
        ["/login", "/data"],
        ["/data", "/health"],
    ]


def test_F01_F04_64_clients_at_once_meet_the_faults_that_one_meets() -> None:
    pages = range(1, 31)
    with SimulatorServer(ROUGH) as alone:
        headers = login(alone)
        expected = {page: fetch_until_served(alone, headers, page) for page in pages}
    with SimulatorServer(ROUGH) as crowded:
        headers = login(crowded)
        with ThreadPoolExecutor(CLIENTS) as pool:
            met = dict(
                zip(
                    pages,
                    pool.map(lambda page: fetch_until_served(crowded, headers, page), pages),
                    strict=True,
                )
            )

    assert met == expected
    assert sum(len(statuses) for statuses in met.values()) == crowded.log.requests - 1
    assert crowded.log.by_fault == alone.log.by_fault
    assert sum(crowded.log.by_fault.values()) > 5


def test_64_clients_connect_at_the_same_moment_and_all_are_answered(server: SimulatorServer) -> None:
    headers, barrier = login(server), threading.Barrier(CLIENTS)

    def client(number: int) -> int:
        barrier.wait(timeout=PATIENCE)
        return fetch_until_served(server, headers, number % 10 + 1)[-1]

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = list(pool.map(client, range(CLIENTS)))

    assert statuses == [200] * CLIENTS
    assert server.log.requests == CLIENTS + 1
    assert sum(server.log.served_pages.values()) == CLIENTS


def test_F31_every_login_of_a_crowd_is_counted(server: SimulatorServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        tokens = {headers["Authorization"] for headers in pool.map(lambda _: login(server), range(CLIENTS))}

    assert (server.log.logins, len(tokens)) == (CLIENTS, CLIENTS)


def test_F36_a_wrong_password_is_401_and_no_login(server: SimulatorServer) -> None:
    answer = requests.post(server.login_url, json={"username": "demo", "password": "wrong"}, timeout=PATIENCE)

    assert answer.status_code == 401
    assert (server.log.logins, server.log.by_status) == (0, {401: 1})


def test_F29_a_token_expires_while_the_server_runs() -> None:
    clock = ManualClock()
    with SimulatorServer(CALM, clock=clock) as server:
        headers = login(server)
        fresh = requests.get(server.data_url, headers=headers, timeout=PATIENCE)
        clock.advance(CALM.token_life_seconds)
        stale = requests.get(server.data_url, headers=headers, timeout=PATIENCE)

    assert (fresh.status_code, stale.status_code) == (200, 401)
    assert 'error="invalid_token"' in stale.headers["WWW-Authenticate"]


def test_F04_a_rate_limit_says_how_long_to_wait_and_the_log_says_when_it_was_asked() -> None:
    clock = ManualClock()
    plan = FaultPlan(CATALOGUE, {"rate-limit-429": 1.0}, retry_after=3)
    with SimulatorServer(CALM, plan=plan, clock=clock) as server:
        headers = login(server)
        answers = []
        for _ in range(2):
            answers.append(requests.get(server.data_url, headers=headers, timeout=PATIENCE))
            clock.advance(3)
        asked = [entry.at for entry in server.log.entries if entry.outcome.fault]

    assert [answer.headers["Retry-After"] for answer in answers] == ["3", "3"]
    assert asked == [0.0, 3.0]


def test_jitter_passes_on_the_clock() -> None:
    clock = ManualClock()
    settings = SimulatorSettings(rate_500=0, rate_503=0, rate_429=0, jitter_seconds=20)
    with SimulatorServer(settings, clock=clock) as server:
        requests.get(server.data_url, headers=login(server), timeout=PATIENCE)

    assert len(clock.sleeps) == 1
    assert 0 < clock.sleeps[0] < 20


@pytest.mark.parametrize(
    ("fault", "error"), [(EMPTY_REPLY, http.client.RemoteDisconnected), (RESET, ConnectionResetError)]
)
def test_F10_F11_a_fault_of_the_wire_takes_the_connection(fault: Fault, error: type[Exception]) -> None:
    with SimulatorServer(CALM, plan=FaultPlan(CATALOGUE, {fault.name: 1.0})) as server:
        headers = login(server)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("GET", "/data", headers=headers)
        with pytest.raises(error) as caught:
            connection.getresponse()
        connection.close()

    assert type(caught.value) is error
    assert server.log.by_fault == {fault.name: 1}
    assert server.log.by_status == {200: 1, None: 1}
    assert server.log.served_pages == {}


def test_the_users_file_arrives_byte_for_byte(tmp_path: Path) -> None:
    lines = [b'{"n": %d, "\xc3\xbc":  [1.50, null]}' % number for number in range(250)]
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\r\n".join(lines))
    with SimulatorServer(CALM, records=JsonLinesRecords(path)) as server:
        headers = login(server)
        bodies = [
            requests.get(server.data_url, params={"page": page}, headers=headers, timeout=PATIENCE).content
            for page in (1, 2, 3)
        ]

    parts = [body.partition(b'"data":[')[2].removesuffix(b"]}") for body in bodies]
    assert b",".join(parts) == b",".join(lines)


def test_http_1_0_gets_its_answer_and_a_closed_connection(server: SimulatorServer) -> None:
    answer = raw(server, b"GET /health HTTP/1.0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'{"status":"ok"}')


def test_http_1_0_may_ask_to_keep_the_connection(server: SimulatorServer) -> None:
    once = b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    answer = raw(server, once + b"GET /health HTTP/1.0\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200") == 2
    assert b"Connection: keep-alive" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /health HTTP/9.9\r\n\r\n", 505),
        (b"GET /health HTTP/x\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431),
        (b"BREW /health HTTP/1.1\r\n\r\n", 501),
        (b"GET http://[::1/health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health?" + b"a=1&" * 200 + b" HTTP/1.1\r\n\r\n", 400),
        (b"POST /login HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST /login HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /login HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST /login HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ],
)
def test_a_malformed_request_is_answered_in_json_and_counted(
    server: SimulatorServer, request_: bytes, status: int
) -> None:
    head, _, body = raw(server, request_).partition(b"\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status}".encode())
    assert b"Connection: close" in head
    assert set(json.loads(body)) >= {"error", "message"}
    assert [type(each) for each in server.log.by_status] == [int]
    assert server.log.by_status == {status: 1}


def test_a_method_nobody_asked_for_is_405(server: SimulatorServer) -> None:
    methods = ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]
    answers = [requests.request(method, f"{server.base_url}/health", timeout=PATIENCE) for method in methods]
    assert {(answer.status_code, answer.headers["Allow"]) for answer in answers} == {(405, "GET")}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Host", "rebound.example"),
        ("Origin", "https://page.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
    ],
)
def test_a_web_page_from_elsewhere_gets_neither_a_token_nor_a_grant(
    server: SimulatorServer, field: str, value: str
) -> None:
    headers = {"Content-Type": "text/plain", field: value}  # what a page may send without a preflight
    body = json.dumps({"username": server.username, "password": server.password})
    answers = [
        requests.post(server.login_url, data=body, headers=headers, timeout=PATIENCE),
        requests.options(server.login_url, headers=headers, timeout=PATIENCE),
        requests.get(f"{server.base_url}/health", headers=headers, timeout=PATIENCE),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert {answer.json()["message"].partition(":")[0] for answer in answers} == {f"{field} is foreign"}
    assert not any("Access-Control-Allow-Origin" in answer.headers for answer in answers)
    assert server.log.logins == 0


def test_a_foreign_target_is_refused_whatever_the_host_says(server: SimulatorServer) -> None:
    request = b"GET http://rebound.example/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert raw(server, request).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_pages_are_answered(server: SimulatorServer, name: str) -> None:
    own = f"http://{name}:{server.port}"
    headers = {"Host": f"{name}:{server.port}", "Origin": own, "Sec-Fetch-Site": "same-origin"}
    assert requests.get(f"{own}/health", headers=headers, timeout=PATIENCE).status_code == 200


def test_a_body_beyond_the_bound_is_413_and_the_client_sees_it(server: SimulatorServer) -> None:
    answer = requests.post(server.login_url, data=b"x" * (MAX_BODY_BYTES + 1), timeout=PATIENCE)
    assert answer.status_code == 413


def test_a_body_that_claims_to_be_endless_is_refused(server: SimulatorServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nContent-Length: " + b"9" * 50 + b"\r\n\r\nx")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_cut_body_is_400(server: SimulatorServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nContent-Length: 10\r\n\r\nx")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_head_has_no_body_and_the_connection_goes_on(server: SimulatorServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request("HEAD", "/health")
    with connection.getresponse() as head:
        empty = head.read()
    connection.request("GET", "/health")
    with connection.getresponse() as answer:
        body = answer.read()
    connection.close()

    assert (head.status, head.headers["Allow"], empty) == (405, "GET", b"")
    assert body == b'{"status":"ok"}'


def test_an_answer_from_a_broken_record_source_is_500_without_detail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"{}\n")
    with SimulatorServer(CALM, records=JsonLinesRecords(path)) as server:
        path.unlink()
        answer = requests.get(server.data_url, headers=login(server), timeout=PATIENCE)

    assert answer.status_code == 500
    assert str(tmp_path) not in answer.text
    assert "cannot be read any more" in caplog.text


def test_stopping_hangs_up_on_idle_clients_and_frees_the_port() -> None:
    port = free_port()
    server = SimulatorServer(CALM, port=port).start()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as idle:
        idle.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        answered = idle.recv(1000)
        server.stop()
        rest = idle.recv(1000)
    server.stop()

    with SimulatorServer(CALM, port=port) as again:
        assert requests.get(f"{again.base_url}/health", timeout=PATIENCE).status_code == 200
    assert answered.startswith(b"HTTP/1.1 200")
    assert rest == b""


def test_a_server_runs_once_and_has_no_address_before() -> None:
    server = SimulatorServer(CALM)
    with pytest.raises(ConfigurationError, match="start it first"):
        server.base_url  # noqa: B018 - reading it is what is tried
    with server, pytest.raises(ConfigurationError, match="runs already"):
        server.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "", "::"])  # noqa: S104 - refused
def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(ConfigurationError, match="loopback"):
        SimulatorServer(CALM, host=host)


def test_a_name_for_loopback_will_do() -> None:
    with SimulatorServer(CALM, host="localhost") as server:
        assert server.base_url.startswith("http://127.0.0.1:")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_loopback_is_served() -> None:
    try:
        server = SimulatorServer(CALM, host="::1").start()
    except ConfigurationError:
        pytest.skip("no IPv6 loopback here")
    with socket.create_connection(("::1", server.port), timeout=PATIENCE):
        assert server.base_url.startswith("http://[::1]:")
    server.stop()
