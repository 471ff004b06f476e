"""Compare what a request costs by each transport: CPU time on loopback, one page of 219 kB at a time.

Usage: ``python benchmarks/transports.py``, in the development environment. Each transport runs in fresh
processes, taking turns; the server is a process of its own, so that only the client's time is counted.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import statistics
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ROUNDS = 7
REQUESTS = 400
BODY_BYTES = 219_000
TRANSPORTS = {
    "http.client": "de_classes.api.http_transport:HttpClientTransport",
    "requests": "de_classes.api.requests_transport:RequestsTransport",
}

CLIENT = """
import json, sys, time
from importlib import import_module
home, port, requests, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
module, _, name = home.partition(":")
started = time.process_time()
transport = getattr(import_module(module), name)()
from de_classes.api.messages import HttpRequest
def fetch():
    url, headers = f"http://127.0.0.1:{port}/data", {"Authorization": "Bearer t"}
    request = HttpRequest("GET", url, {"page": "7"}, headers)
    assert len(transport.send(request, timeout=10.0).body) == size
fetch()
ready = time.process_time()
for _ in range(requests):
    fetch()
print(json.dumps([(ready - started) * 1e3, (time.process_time() - ready) / requests * 1e6]))
"""


def main() -> None:
    """Print one line a transport, and the ratio of the two."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    rounds = [{name: measure(home, port) for name, home in TRANSPORTS.items()} for _ in range(ROUNDS)]
    server.terminate()
    say(f"{'':12} {'import and first, ms':>21} {'each further request, us':>25}   (CPU, medians of {ROUNDS})")
    per_request = {name: report(name, [each[name] for each in rounds]) for name in TRANSPORTS}
    say(f"ratio, requests / http.client: {per_request['requests'] / per_request['http.client']:.2f}")


def report(name: str, measured: list[list[float]]) -> float:
    """Print what a transport took; return the microseconds of a request."""
    start, each = (statistics.median(values) for values in zip(*measured, strict=True))
    say(f"{name:12} {start:21.0f} {each:25.0f}")
    return float(each)


def measure(home: str, port: int) -> list[float]:
    """CPU milliseconds to import and fetch once, and microseconds of a request after that."""
    command = [sys.executable, "-c", CLIENT, home, str(port), str(REQUESTS), str(BODY_BYTES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - code from this file
    figures: list[float] = json.loads(done.stdout)
    return figures


def serve(told: Connection) -> None:
    """Answer every request with the same page, on connections that are kept."""
    listener = socket.create_server(("127.0.0.1", 0))
    told.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    """Serve one connection until it is closed."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {BODY_BYTES}\r\n\r\n"
    page = head.encode() + b"x" * BODY_BYTES
    with connection:
        while b"\r\n\r\n" in connection.recv(65536):
            connection.sendall(page)


def say(line: str) -> None:
    """Print."""
    print(line)  # noqa: T201 - a report


if __name__ == "__main__":
    main()
