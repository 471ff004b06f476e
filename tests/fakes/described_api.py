"""An API that speaks as one kind of auth, pagination or answer wants it, and refuses all others."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from de_classes.api.messages import HttpRequest, HttpResponse
from de_classes.utils.clock import ManualClock
from tests.fakes.auths import BETWEEN_REQUESTS, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from de_classes.utils.clock import Clock
    from tests.fakes.auths import AuthCase

ROWS = 10


def _by_cursor(query: Mapping[str, str], _: Mapping[str, str], __: int) -> int:
    return int(query.get("cursor", 0))


def _no_headers(at: int, rows: int, total: int, following: str | None) -> dict[str, str]:  # noqa: ARG001 - a contract
    return {}


@dataclass(frozen=True)
class Paging:
    """A kind of pagination as a description says it, and how an API speaks it: one entry a kind.

    Attributes:
        said: The TOML of ``pagination``.
        ends: What proves the end: of several pages, of several the last of which is full, and of one alone.
        place: How many rows a request leaves out, by its query, its headers in lower case, and its size.
        headers: Those of an answer, by rows before it, rows in it, rows in all, and the address of what
            follows if anything does. The body of each has ``pages``, and ``next`` with a ``cursor``, an
            ``url`` and ``params``.
        is_file: Whether all rows are the lines of one file, of which bytes are asked for.
    """

    said: str
    ends: tuple[str, str, str]
    place: Callable[[Mapping[str, str], Mapping[str, str], int], int] = _by_cursor
    headers: Callable[[int, int, int, str | None], dict[str, str]] = _no_headers
    is_file: bool = False


OFFSET = Paging(
    '{ type = "offset" }',
    ("probed", "probed", "probed"),
    lambda query, _, __: int(query.get("offset", 0)),
)


PAGE = Paging(
    '{ type = "page", pages_path = "pages" }',
    ("probed", "probed", "probed"),
    lambda query, _, size: (int(query["page"]) - 1) * size,
)


class DescribedApi:
    """Ten records, by one kind of everything; a transport, and what ``served`` serves.

    Args:
        auth: What a request must bear; None for nothing.
        paging: How pages lead on.
        answer: How answers are encoded.

    Attributes:
        clock: The API's own, which a client in the same process is given; one in another has the machine's.
    """

    clock: Clock

    def __init__(self, *, auth: AuthCase | None = None, paging: Paging = PAGE, answer: str = "json") -> None:
        self._auth = auth
        self._paging = paging
        self._answer = answer
        self.clock = ManualClock()
        is_text = answer in {"csv", "xml"}
        self.records = [{"id": str(n) if is_text else n, "name": f"record {n}"} for n in range(1, ROWS + 1)]

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """Answer as the API does."""
        parts = urlsplit(request.url)
        if parts.path == "/login":
            return self._login()
        seen = Seen.of(request, self.clock.now())
        if isinstance(self.clock, ManualClock):
            self.clock.advance(BETWEEN_REQUESTS)
        if self._auth is not None and not self._auth.sees(seen):
            challenge = {name.replace("_", "-"): text for name, text in self._auth.challenge.items()}
            return HttpResponse(401, challenge)
        if self._paging.is_file:
            return self._piece(seen.headers["range"])
        size = int(seen.query.get("limit", ROWS))
        at = self._paging.place(seen.query, seen.headers, size)
        base = f"{parts.scheme}://{parts.netloc}/items"
        return self._encoded(self.records[at : at + size], at, size, base)

    def _piece(self, wanted: str) -> HttpResponse:
        """Bytes of all rows as lines."""
        body = "".join(f"{json.dumps(row)}\n" for row in self.records).encode()
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = body[int(first) : int(last) + 1]
        if not part:
            return HttpResponse(416, {"content-range": f"bytes */{len(body)}"})
        there = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
        return HttpResponse(206, {"content-range": there, "etag": '"one"'}, part)

    def _login(self) -> HttpResponse:
        token = {} if self._auth is None else self._auth.token(1)
        return HttpResponse(200, {}, json.dumps(token).encode())

    def _encoded(self, rows: list[dict[str, Any]], at: int, size: int, base: str) -> HttpResponse:
        if self._answer == "jsonl":
            return HttpResponse(200, {}, "".join(f"{json.dumps(row)}\n" for row in rows).encode())
        if self._answer == "csv":
            lines = ["id,name", *(f"{row['id']},{row['name']}" for row in rows)]
            return HttpResponse(200, {}, "\n".join(lines).encode())
        if self._answer == "xml":
            items = "".join(f"<item><id>{row['id']}</id><name>{row['name']}</name></item>" for row in rows)
            return HttpResponse(200, {}, f"<items>{items}</items>".encode())
        body: dict[str, Any] = {"items": rows, "pages": -(-ROWS // size)}
        following, behind = None, at + size
        if behind < ROWS:
            following = f"{base}?limit={size}&cursor={behind}"
            body["next"] = {"cursor": str(behind), "url": following, "params": {"cursor": str(behind)}}
        headers = self._paging.headers(at, len(rows), ROWS, following)
        return HttpResponse(200, headers, json.dumps(body).encode())


@contextmanager
def served(api: DescribedApi) -> Iterator[str]:
    """The API on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            host = f"http://{self.headers['host']}"
            request = HttpRequest(self.command, host + self.path, {}, dict(self.headers.items()), body)
            response = api.send(request, timeout=1.0)
            self.send_response(response.status)
            for name, value in {**response.headers, "content-length": str(len(response.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        do_POST = do_GET  # noqa: N815 - the standard library finds it by this name

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
