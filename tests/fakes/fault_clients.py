"""A simulator with faults switched on, and a client that keeps exactly the bytes that came."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import structs

from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.utils.clock import ManualClock
from tests.fakes.canary import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET = SimulatorSettings(jitter_seconds=0, seed=7, total_records=100, retry_after_seconds=3)
LIMIT = 10


@dataclass(frozen=True)
class Wire:
    """What came over the wire.

    Args:
        raw: Every byte.
        reset: Whether the connection was reset rather than closed.
    """

    raw: bytes
    reset: bool

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        head = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")
        return dict(line.split(": ", 1) for line in head.split("\r\n")[1:])

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def exchange(server: SimulatorServer, request: bytes) -> Wire:
    """Send these bytes, and keep all that comes until the connection ends."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request)
        try:
            while data := connection.recv(65_536):
                received += data
        except ConnectionResetError:
            return Wire(received, reset=True)
    return Wire(received, reset=False)


@dataclass(frozen=True)
class Client:
    """Asks one server, each request over a connection of its own."""

    server: SimulatorServer
    clock: ManualClock
    token: str

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Wire:
        fields = {"Host": f"127.0.0.1:{self.server.port}", "Connection": "close", **headers}
        if body:
            fields["Content-Length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return exchange(self.server, "\r\n".join([*lines, "", ""]).encode() + body)

    def page(self, number: int = 2, *, limit: int = LIMIT, token: str | None = None) -> Wire:
        bearer = f"Bearer {token or self.token}"
        return self.ask("GET", f"/data?page={number}&limit={limit}", Authorization=bearer)

    def login(self) -> Wire:
        login = {"username": self.server.username, "password": self.server.password}
        return self.ask("POST", "/login", json.dumps(login).encode())

    def genuine(self, number: int = 2) -> bytes:
        """The page as it would be without faults."""
        with client(None) as undisturbed:
            return undisturbed.page(number).body


@contextmanager
def client(faults: str | None, settings: SimulatorSettings = QUIET, **changes: Any) -> Iterator[Client]:
    """A server with these faults, on a clock that no test waits for, and a client with a token."""
    clock = ManualClock()
    calm = structs.replace(settings, rate_500=0, rate_503=0, rate_429=0, fault_rate=1, **changes)
    with SimulatorServer(calm, faults=faults, clock=clock, password=PASSWORD) as server:
        yield Client(server, clock, server.tokens.issue("demo"))
