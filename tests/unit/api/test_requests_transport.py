from __future__ import annotations

import gzip
import socket
import time
from typing import TYPE_CHECKING

import pytest
import requests

from de_classes.api.messages import HttpRequest
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.transport import BodyLimits
from de_classes.errors import ConfigurationError, NetworkError, ProtocolError
from tests.fakes.raw_server import RawServer, answer, reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.messages import HttpResponse

BODY = b'{"data": []}' * 200


def get(behaviour: bytes | Callable[[socket.socket], None], **limits: int) -> HttpResponse:
    with RawServer([behaviour]) as server:
        request = HttpRequest("GET", server.url + "/data", params={"api_key": "hunter2"})
        return RequestsTransport(limits=BodyLimits(**limits)).send(request, timeout=2.0)


def fails(behaviour: bytes | Callable[[socket.socket], None]) -> None:
    with pytest.raises(NetworkError) as caught:
        get(behaviour)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value)


def test_an_answer_comes_whole_with_headers_in_lower_case() -> None:
    response = get(answer(BODY, X_Thing="7"))
    assert (response.status, response.body, response.header("X-Thing")) == (200, BODY, "7")
    assert response.seconds > 0


def test_any_status_is_an_answer() -> None:
    assert get(answer(b"no", status="503 Service Unavailable")).status == 503


def test_gzip_is_undone() -> None:
    assert get(answer(gzip.compress(BODY), Content_Encoding="gzip")).body == BODY


def test_chunks_are_joined() -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:100], BODY[100:]))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert get(head + chunks + b"0\r\n\r\n").body == BODY


def test_F09_a_refused_connection_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NetworkError):
        RequestsTransport().send(HttpRequest("GET", f"http://127.0.0.1:{port}/"), timeout=2.0)


def test_F09_a_name_that_does_not_resolve_is_worth_another_try() -> None:
    with pytest.raises(NetworkError):
        RequestsTransport().send(HttpRequest("GET", "http://no-such-host.invalid/"), timeout=2.0)


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x13garbage", b"HTTP/1.1 abc\r\n\r\n"])
def test_F10_an_empty_reply_or_garbage_is_worth_another_try(data: bytes) -> None:
    fails(data)


def test_F11_a_reset_is_worth_another_try() -> None:
    fails(reset)


def test_F11_a_body_shorter_than_announced_is_worth_another_try() -> None:
    fails(answer(BODY, content_length="99999"))


@pytest.mark.parametrize("sent", [b"400\r\nonly a part", b"4\r\ndata\r\n", b"zz\r\n"])
def test_F12_a_chunked_body_cut_short_is_worth_another_try(sent: bytes) -> None:
    fails(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + sent)


def test_F14_a_truncated_gzip_is_worth_another_try() -> None:
    fails(answer(gzip.compress(BODY)[:-12], Content_Encoding="gzip"))


def test_F15_a_bad_gzip_checksum_is_worth_another_try() -> None:
    body = bytearray(gzip.compress(BODY))
    body[-6] ^= 0xFF
    fails(answer(bytes(body), Content_Encoding="gzip"))


def test_F16_a_slow_drip_ends_at_the_deadline_for_the_whole_request() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.02)  # the server's own slowness is what is tested

    with RawServer([drip]) as server:
        started = time.monotonic()
        with pytest.raises(NetworkError):
            RequestsTransport().send(HttpRequest("GET", server.url), timeout=0.3)
        assert time.monotonic() - started < 1.5


def test_F19_an_answer_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ProtocolError, match="wire bytes"):
        get(answer(BODY), wire=1000)


def test_F39_a_redirect_is_handed_back_not_followed() -> None:
    response = get(answer(b"", status="302 Found", Location="https://evil.example/"))
    assert (response.status, response.header("location")) == (302, "https://evil.example/")


@pytest.mark.parametrize("url", ["nonsense", "ftp://api.example/data", "http://", "http://[bad/"])
def test_an_unusable_url_is_a_matter_of_configuration(url: str) -> None:
    with pytest.raises(ConfigurationError):
        RequestsTransport().send(HttpRequest("GET", url), timeout=1.0)


def test_peoples_own_sessions_are_used() -> None:
    session = requests.Session()
    session.headers["X-Mine"] = "yes"
    received = []

    def echo(connection: socket.socket) -> None:
        connection.sendall(answer(b"{}"))
        received.append(True)

    with RawServer([echo]) as server:
        transport = RequestsTransport(session)
        assert transport.send(HttpRequest("GET", server.url), timeout=2.0).status == 200
    assert received == [True]


def test_the_environments_credentials_and_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert get(answer(BODY)).status == 200
