from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.messages import HttpRequest
from de_classes.api.transport import BodyLimits
from de_classes.errors import ConfigurationError, NetworkError, ProtocolError
from de_classes.utils.clock import ManualClock
from tests.fakes.raw_server import PATIENCE, RawServer, answer, drip, one_by_one, read_head, reset
from tests.fakes.tls import self_signed

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

BODY = b'{"data": []}' * 200
KEPT = answer(BODY, connection="keep-alive")


def fetch(transport: HttpClientTransport, server: RawServer, method: str = "GET") -> bytes:
    return transport.send(HttpRequest(method, server.url + "/data"), timeout=PATIENCE).body


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
)
def test_F16_a_drip_ends_at_the_deadline_wherever_it_is(head: bytes) -> None:
    with RawServer([drip(head, b"1" * 1000)]) as server:
        started = time.monotonic()
        with pytest.raises(NetworkError, match=r"no whole answer within 0.2 s"):
            HttpClientTransport().send(HttpRequest("GET", server.url), timeout=0.2)
        assert 0.15 < time.monotonic() - started < 15.0  # of twenty that the drip takes


def test_F16_a_handshake_that_never_ends_does_so_at_the_deadline() -> None:
    with (
        RawServer([answer(BODY)]) as server,  # waits for an HTTP request, and says nothing till then
        pytest.raises(NetworkError, match=r"no whole answer within 0.2 s"),
    ):
        HttpClientTransport().send(HttpRequest("GET", server.url.replace("http:", "https:")), timeout=0.2)


def test_each_request_has_its_own_time_on_a_kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr("de_classes.api.timed_connection.time", clock)
    with RawServer([one_by_one(KEPT, KEPT, KEPT)]) as server:
        transport = HttpClientTransport()
        for _ in range(3):
            transport.send(HttpRequest("GET", server.url), timeout=PATIENCE)
            clock.advance(0.6 * PATIENCE)
        assert server.connections == 1


def hang_up_when_asked_again(*, by: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    """Look alive until the second request is there, and answer nothing to it."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(KEPT)
        if read_head(connection):
            by(connection)

    return behave


@pytest.mark.parametrize("hang_up", [lambda _: None, reset])
def test_a_get_that_the_closing_of_a_kept_connection_swallowed_is_sent_again(
    hang_up: Callable[[socket.socket], None],
) -> None:
    with RawServer([hang_up_when_asked_again(by=hang_up), answer(b"new")]) as server:
        transport = HttpClientTransport()
        assert fetch(transport, server) == BODY
        assert fetch(transport, server) == b"new"
        assert server.connections == 2


def test_a_post_is_never_sent_again_on_its_own() -> None:
    with RawServer([hang_up_when_asked_again(by=reset), answer(b"new")]) as server:
        transport = HttpClientTransport()
        fetch(transport, server)
        with pytest.raises(NetworkError):
            fetch(transport, server, "POST")
        assert server.connections == 1


def test_a_get_of_which_a_byte_was_answered_is_not_sent_again() -> None:
    cut = hang_up_when_asked_again(by=lambda connection: connection.sendall(b"HTTP/1.1 2"))
    with RawServer([cut, answer(b"new")]) as server:
        transport = HttpClientTransport()
        fetch(transport, server)
        with pytest.raises(NetworkError):
            fetch(transport, server)
        assert server.connections == 1


def test_a_first_connection_that_fails_is_not_tried_again() -> None:
    with RawServer([b""]) as server:
        with pytest.raises(NetworkError):
            fetch(HttpClientTransport(), server)
        assert server.connections == 1


def test_bytes_that_nobody_asked_for_are_not_taken_for_the_next_answer() -> None:
    is_read, is_sent = threading.Event(), threading.Event()

    def twice(connection: socket.socket) -> None:
        connection.sendall(KEPT)
        is_read.wait(PATIENCE)
        connection.sendall(answer(b"not asked for", connection="keep-alive"))
        is_sent.set()
        read_head(connection)

    with RawServer([twice, answer(b"new")]) as server:
        transport = HttpClientTransport()
        assert fetch(transport, server) == BODY
        is_read.set()
        assert is_sent.wait(PATIENCE)
        time.sleep(0.02)  # it has yet to come from one end to the other
        assert fetch(transport, server) == b"new"


@pytest.mark.parametrize("length", ["5, 6", "abc", "-1", "+5", "5_0", "\u0665"])
def test_a_length_that_is_no_number_is_worth_another_try(length: str) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello".encode()
    with RawServer([raw]) as server, pytest.raises(NetworkError, match="Content-Length"):
        fetch(HttpClientTransport(), server)


def test_a_transfer_encoding_that_was_not_asked_for_is_refused() -> None:
    raw = answer(BODY, Transfer_Encoding="gzip, chunked")
    with RawServer([raw]) as server, pytest.raises(ProtocolError, match="gzip, chunked"):
        fetch(HttpClientTransport(), server)


def test_F11_a_body_that_ends_early_is_said_to() -> None:
    with (
        RawServer([answer(BODY, content_length="99999")]) as server,
        pytest.raises(NetworkError, match="ended before its Content-Length"),
    ):
        fetch(HttpClientTransport(), server)


@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
def test_F19_chunks_are_refused_beyond_the_limit_whatever_the_status(status: str) -> None:
    raw = (
        f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        + b"400\r\n%s\r\n" % (b"x" * 1024) * 9
    )
    transport = HttpClientTransport(limits=BodyLimits(wire=4000))
    with RawServer([raw]) as server, pytest.raises(ProtocolError, match="wire bytes"):
        fetch(transport, server)


@pytest.mark.parametrize("size", [4000, 4001])
def test_F19_a_body_of_a_known_length_may_be_as_large_as_the_limit(size: int) -> None:
    transport = HttpClientTransport(limits=BodyLimits(wire=4000))
    with RawServer([answer(b"x" * size)]) as server:
        if size > 4000:
            with pytest.raises(ProtocolError, match="wire bytes"):
                fetch(transport, server)
        else:
            assert fetch(transport, server) == b"x" * size


def test_a_connection_that_is_to_be_closed_is_not_used_again() -> None:
    def wait(connection: socket.socket) -> None:
        connection.sendall(answer(BODY, connection="close"))
        read_head(connection)  # of the next request, if it came this way

    with RawServer([wait, answer(b"new")]) as server:
        transport = HttpClientTransport()
        assert fetch(transport, server) == BODY
        assert fetch(transport, server) == b"new"
        assert server.connections == 2


def test_credentials_in_a_url_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        HttpClientTransport().send(HttpRequest("GET", "http://me:hunter2@127.0.0.1:9/"), timeout=1.0)


def test_an_authority_of_ones_own_can_be_trusted(tmp_path: Path) -> None:
    context, authority = self_signed(tmp_path)
    trusting = HttpClientTransport(context=ssl.create_default_context(cafile=authority))
    with RawServer([one_by_one(KEPT, KEPT)], tls=context) as server:
        assert [fetch(trusting, server) for _ in range(2)] == [BODY, BODY]
        assert server.connections == 1


def test_a_certificate_for_another_name_is_fatal(tmp_path: Path) -> None:
    context, authority = self_signed(tmp_path)
    trusting = HttpClientTransport(context=ssl.create_default_context(cafile=authority))
    with (
        RawServer([answer(BODY)], tls=context) as server,
        pytest.raises(ConfigurationError, match="certificate"),
    ):
        trusting.send(HttpRequest("GET", server.url.replace("127.0.0.1", "localhost")), timeout=PATIENCE)


def test_F16_a_drip_under_tls_ends_at_the_deadline(tmp_path: Path) -> None:
    context, authority = self_signed(tmp_path)
    trusting = HttpClientTransport(context=ssl.create_default_context(cafile=authority))
    with RawServer([drip(b"HTTP/1.1 200 OK\r\n", b"x" * 1000)], tls=context) as server:
        started = time.monotonic()
        with pytest.raises(NetworkError):
            trusting.send(HttpRequest("GET", server.url), timeout=0.3)
        assert time.monotonic() - started < 15.0  # of twenty that the drip takes


def test_threads_have_connections_of_their_own_and_leave_none_behind() -> None:
    closed = threading.Event()

    def until_closed(connection: socket.socket) -> None:
        connection.sendall(KEPT)
        if not read_head(connection):
            closed.set()

    with RawServer([until_closed]) as server:
        thread = threading.Thread(target=fetch, args=(HttpClientTransport(), server))
        thread.start()
        thread.join()
        assert closed.wait(PATIENCE)
