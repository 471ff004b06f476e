"""A source on loopback that answers each request with the bytes that a function gives, right or wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.raw_server import PATIENCE, answer, read_head

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class GuessRequest:
    """A request.

    Attributes:
        number: How many came until now, this one included.
        method: Of it.
        target: As the request line has it: a path, or an address where a proxy is asked.
        query: Of the target.
        headers: Names in lower case.
        body: As it came.
    """

    number: int
    method: str
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def page(self) -> int:
        return int(self.query.get("page", "1"))


class HttpSource:
    """Serves one request a connection, several connections at once.

    Args:
        behave: Gives the whole answer, head and body.
    """

    def __init__(self, behave: Callable[[GuessRequest], bytes]) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._lock = threading.Lock()
        self.asked: list[GuessRequest] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def pages_asked(self) -> list[int]:
        return [asked.page for asked in self.asked]

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            head = read_head(connection)
            if head:
                connection.sendall(self._behave(self._noted(head, connection)))

    def _noted(self, head: bytes, connection: socket.socket) -> GuessRequest:
        text, _, body = head.partition(b"\r\n\r\n")
        first, *lines = text.decode("iso-8859-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        with self._lock:
            query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
            asked = GuessRequest(len(self.asked) + 1, method, target, query, headers, body)
            self.asked.append(asked)
        return asked


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


def page(asked: GuessRequest, *, total: int = 30, **beside: object) -> bytes:
    """The right answer: ten records a page."""
    return as_json(page_of(asked.page, total=total, **beside))


def page_of(number: int, *, total: int = 30, **beside: object) -> dict[str, object]:
    """A page of the collection; below its first, page 1, as behind its last, there is nothing."""
    return {
        "data": rows(*range(max(number * 10 - 10, 0), min(number * 10, total))),
        "total_pages": -(-total // 10),
        "total_records": total,
        **beside,
    }


def as_json(value: object, *, status: str = "200 OK", **headers: str) -> bytes:
    return answer(
        json.dumps(value).encode(), status=status, **{"content_type": "application/json", **headers}
    )
