"""The API of every run: pages out of one file, a process of its own, never to be what is waited for.

Usage: ``python -m benchmarks.server OPTIONS.json``. It prints its port, serves until its stdin is closed, and
then prints what it saw. ``GET /data?page=1&limit=1000`` answers a page; there is no login. It uses the
standard library only, and does nothing for a page but to send two slices of memory. Every other address is
that of a mimic, where a case has one: see ``benchmarks.mimicked``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import resource
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.records_file import RecordsFile

if TYPE_CHECKING:
    from benchmarks.mimicked import MimickedApi

TIMES_RUNNING = 6
_TARGET = re.compile(rb"^GET /data\?(\S*) ")
_PARAMETER = re.compile(rb"(page|limit)=(\d+)")
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Options:
    """What is served, and how badly.

    Attributes:
        records_file: See ``benchmarks.kinds.write``.
        records: How many of its records there are to be.
        latency: Seconds before every answer.
        failing: The share of requests answered 503.
        seed: Of that share.
        mimic: The source whose API has the same records at its own addresses; none if empty.
    """

    records_file: str
    records: int
    latency: float = 0.0
    failing: float = 0.0
    seed: int = 0
    mimic: str = ""


def fails(options: Options, page: int, attempt: int) -> bool:
    """Whether this attempt at this page, counted from 1, is answered 503: the same in every run."""
    digest = hashlib.blake2b(f"{options.seed}/{page}/{attempt}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < options.failing * 2**32


def failures(options: Options, page: int) -> int:
    """How many times running this page fails before it comes."""
    attempt = 1
    while fails(options, page, attempt):
        attempt += 1
    return attempt - 1


def seed_of_six(options: Options, pages: int, nth: int = 1) -> int:
    """The nth seed by which one page fails six times running, and none more often."""
    seeds = (seed for seed in itertools.count() if _worst(options, seed, pages) == TIMES_RUNNING)
    return next(itertools.islice(seeds, nth - 1, None))


def _worst(options: Options, seed: int, pages: int) -> int:
    return max(failures(_with_seed(options, seed), page) for page in range(1, pages + 1))


def _with_seed(options: Options, seed: int) -> Options:
    return Options(options.records_file, options.records, options.latency, options.failing, seed)


class Pages:
    """Pages as bytes, out of a file in memory."""

    def __init__(self, options: Options) -> None:
        self._records = options.records
        self._file = RecordsFile(Path(options.records_file))

    def page(self, number: int, limit: int) -> list[bytes | memoryview]:
        """The parts of an answer, to be sent one after the other."""
        first, end = (min(place * limit, self._records) for place in (number - 1, number))
        records = self._file.part(first, end)
        total = -(-self._records // limit)
        head = (
            f'{{"page":{number},"limit":{limit},"total_pages":{total},"total_records":{self._records},"data":['
        ).encode()
        return [answer_head(200, len(head) + len(records) + 2), head, records, b"]}"]

    def mimicked(self, name: str) -> MimickedApi:
        """The same records behind the API of a described source."""
        from benchmarks.mimicked import FileRecords, MimickedApi  # noqa: PLC0415 - few cases have one

        return MimickedApi(name, FileRecords(self._file, self._records))


def answer_head(status: int, length: int) -> bytes:
    """The status line and the headers of an answer of JSON."""
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    headers = f"Content-Type: application/json\r\nContent-Length: {length}"
    return f"HTTP/1.1 {status} {reason}\r\n{headers}\r\n\r\n".encode()


class Server:
    """A thread a connection: most of each is waiting, in the kernel or for the latency to pass."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._pages = Pages(options)
        self._mimic = self._pages.mimicked(options.mimic) if options.mimic else None
        self._lock = threading.Lock()
        self._attempts: Counter[int] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]

    @property
    def requests(self) -> int:
        """How many requests for pages there were."""
        return self._attempts.total()

    def serve(self) -> None:
        """Take connections for ever."""
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        asked = b""
        with connection:
            while received := connection.recv(65536):
                asked += received
                if asked.endswith(_END):
                    send_all(connection, self._answer(asked))
                    asked = b""

    def _answer(self, asked: bytes) -> list[bytes | memoryview]:
        if self._options.latency:
            time.sleep(self._options.latency)
        target = _TARGET.match(asked)
        if target is None and self._mimic is not None:
            with self._lock:
                self._attempts[0] += 1
                return self._mimic.answer(asked)
        parameters = dict(_PARAMETER.findall(target[1])) if target else {}
        if parameters.keys() != {b"page", b"limit"}:
            return [answer_head(404, 2), b"{}"]
        number = int(parameters[b"page"])
        with self._lock:
            self._attempts[number] += 1
            attempt = self._attempts[number]
        if fails(self._options, number, attempt):
            return [answer_head(503, 2), b"{}"]
        return self._pages.page(number, int(parameters[b"limit"]))


def send_all(connection: socket.socket, parts: list[bytes | memoryview]) -> None:
    """Send several pieces of memory without joining them."""
    left = [memoryview(part) for part in parts if part]
    while left:
        sent = connection.sendmsg(left)
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if sent:
            left[0] = left[0][sent:]


def main() -> None:
    """Serve until stdin is closed."""
    server = Server(Options(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    threading.Thread(target=server.serve, daemon=True).start()
    print(server.port, flush=True)  # noqa: T201 - the protocol
    before = _processor_seconds()
    sys.stdin.read()
    print(json.dumps({"requests": server.requests, "cpu": _processor_seconds() - before}), flush=True)  # noqa: T201 - too
    os._exit(0)  # clients' connections may be open still


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
