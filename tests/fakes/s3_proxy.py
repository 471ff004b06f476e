"""Stands before an S3 server, speaks HTTP, and does to requests and answers what a test says."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

HOST: Final = "127.0.0.1"
_SLOW_DOWN: Final = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_PIECES: Final = 8
_PAUSE: Final = 0.005
_TIMEOUT: Final = 60
_OF_THE_CONNECTION: Final = {"connection", "content-length", "expect", "keep-alive", "transfer-encoding"}


class Then(Enum):
    """What becomes of a request."""

    PASS = auto()
    RESET = auto()
    """It does not come: the connection is reset."""
    SLOW_DOWN = auto()
    """It does not come, and is answered 503 SlowDown."""
    LOSE_ANSWER = auto()
    """It comes and is done, and the connection is reset before anybody hears of it."""
    CUT_ANSWER = auto()
    """It comes and is done, and the connection is reset in the middle of the answer's body."""
    CRAWL = auto()
    """It comes in small pieces with pauses, and so does the answer."""


class Asked:
    """One request, as a test is told of it.

    Attributes:
        number: From 1, over all connections.
        method: ``PUT`` and so on.
        path: What is asked for, with its query.
    """

    def __init__(self, number: int, method: str, path: str) -> None:
        self.number = number
        self.method = method
        self.path = path

    def __repr__(self) -> str:
        return f"{self.number} {self.method} {self.path}"


class Proxy:
    """A context manager: inside it, ``address`` is a proxy as HTTP has them, which leads to one server.

    So clients sign what they send for the server itself.

    Args:
        endpoint: The server's address.
        on_request: Says what becomes of each.

    Attributes:
        asked: Every request.
    """

    def __init__(self, endpoint: str, on_request: Callable[[Asked], Then]) -> None:
        self.asked: list[Asked] = []
        self._on_request = on_request
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            server_address = urlsplit(endpoint).netloc

            def decide(self) -> Then:
                return proxy.decide(self.command, self.path)

        self._server = _Server((HOST, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def address(self) -> str:
        """Where it listens, for a client's ``proxies``."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def decide(self, method: str, path: str) -> Then:
        """Note a request, and say what becomes of it."""
        with self._lock:
            asked = Asked(len(self.asked) + 1, method, path)
            self.asked.append(asked)
            return self._on_request(asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_TIMEOUT)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is what happens here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_address = ""
    disable_nagle_algorithm = True

    def decide(self) -> Then:
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Keep still."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        assert "chunked" not in self.headers.get("transfer-encoding", ""), "a body without a length"
        self.path = urlsplit(self.path)._replace(scheme="", netloc="").geturl()
        then = self.decide()
        if then is Then.RESET:
            self._reset()
        elif then is Then.SLOW_DOWN:
            self._answer(503, [("Content-Type", "application/xml")], _SLOW_DOWN, then)
        else:
            status, headers, answer = self._pass_on(body, then)
            if then is Then.LOSE_ANSWER:
                self._reset()
            else:
                self._answer(status, headers, answer, then)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def _pass_on(self, body: bytes, then: Then) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server_address, timeout=_TIMEOUT)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OF_THE_CONNECTION:
                connection.putheader(name, value)
        if "content-length" in self.headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Connection", "close")
        connection.endheaders()
        for piece in _pieces(body, then):
            connection.send(piece)
        answer = connection.getresponse()
        content = answer.read()
        headers = [each for each in answer.getheaders() if each[0].lower() not in _OF_THE_CONNECTION]
        if self.command == "HEAD" and (length := answer.getheader("content-length")):
            headers.append(("Content-Length", length))
        connection.close()
        return answer.status, headers, content

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, then: Then) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if then is Then.CUT_ANSWER:
            self.wfile.write(body[: len(body) // 2])
            self._reset()
            return
        for piece in _pieces(body, then):
            self.wfile.write(piece)

    def _reset(self) -> None:
        """Close it so that the other side is told that it broke, and not that it ended."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _pieces(body: bytes, then: Then) -> Iterator[bytes]:
    size = max(len(body) // _PIECES, 1) if then is Then.CRAWL else max(len(body), 1)
    for start in range(0, len(body), size):
        if then is Then.CRAWL:
            time.sleep(_PAUSE)
        yield body[start : start + size]
