"""Pages in order, several at a time, by http.client: what the special-purpose scripts share."""

from __future__ import annotations

import http.client
import re
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from benchmarks.clients.task import Task

ATTEMPTS = 10
_OK = 200
_TOTAL = re.compile(rb'"total_pages":(\d+)')
_RECORDS = b'"data":['


class Fetcher:
    """A connection a thread; what fails is asked for again at once."""

    def __init__(self, task: Task) -> None:
        self._host = urlsplit(task.url).netloc
        self._limit = task.limit
        self._mine = threading.local()

    def fetch(self, page: int) -> bytes:
        """The body of a page.

        Raises:
            OSError: It does not come.
        """
        for _ in range(ATTEMPTS):
            answer = self._ask(page)
            body = answer.read()
            if answer.status == _OK:
                return body
        raise OSError(f"page {page} does not come")

    def _ask(self, page: int) -> http.client.HTTPResponse:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = http.client.HTTPConnection(self._host, timeout=30)
        connection: http.client.HTTPConnection = self._mine.connection
        connection.request("GET", f"/data?page={page}&limit={self._limit}")
        return connection.getresponse()


def pages(task: Task) -> Iterator[bytes]:
    """The body of every page, in order, a few ahead of who takes them."""
    fetch = Fetcher(task).fetch
    first = fetch(1)
    yield first
    found = _TOTAL.search(first)
    with ThreadPoolExecutor(task.workers) as pool:
        ahead: deque[Future[bytes]] = deque()
        for page in range(2, int(found[1] if found else 1) + 1):
            ahead.append(pool.submit(fetch, page))
            if len(ahead) > task.workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def lines(body: bytes) -> bytes:
    """A page's records as JSON Lines, unread: right for flat records whose text holds no ``},{``."""
    start = body.index(_RECORDS) + len(_RECORDS)
    return body[start:-2].replace(b"},{", b"}\n{") + b"\n"


def nested_lines() -> Callable[[bytes], bytes]:
    """The same for records that hold objects, whose ends only a reader of JSON finds; it checks no field."""
    from msgspec import Raw, defstruct
    from msgspec.json import Decoder

    decode: Callable[[bytes], Any] = Decoder(defstruct("Page", [("data", list[Raw])])).decode
    return lambda body: b"".join(b"%b\n" % bytes(record) for record in decode(body).data)
