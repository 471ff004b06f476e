"""A loopback server that sends exactly the bytes it is told to, connection by connection."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

Behaviour = "bytes | Callable[[socket.socket], None]"
PATIENCE = 60.0
"""Seconds for what happens at once, on a machine that may stand still meanwhile."""


class RawServer:
    """Reads a request head, then sends scripted bytes and closes; the last behaviour repeats."""

    def __init__(
        self,
        behaviours: Sequence[bytes | Callable[[socket.socket], None]],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._behaviours = list(behaviours)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._closed = threading.Semaphore(0)
        self.connections = 0
        self.heads: list[bytes] = []
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def wait_until_one_is_closed(self) -> None:
        """Wait until this side has closed one more connection than it was waited for until now."""
        assert self._closed.acquire(timeout=PATIENCE)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(PATIENCE)
                    self._answer(connection)
                self._closed.release()

    def _answer(self, plain: socket.socket) -> None:
        self.connections += 1
        connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
        with connection:
            if head := read_head(connection):
                self.heads.append(head)
                self._behave(connection)

    def _behave(self, connection: socket.socket) -> None:
        behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        if callable(behaviour):
            behaviour(connection)
        else:
            connection.sendall(behaviour)


def read_head(connection: socket.socket) -> bytes:
    """Read the head of a request, and what came along; nothing if the client has gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            return b""
        head += data
    return head


def answer(body: bytes, *, status: str = "200 OK", **headers: str) -> bytes:
    """A well-formed answer that ends with its connection."""
    named = {"content_length": str(len(body)), "connection": "close", **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def one_by_one(*answers: bytes) -> Callable[[socket.socket], None]:
    """Answer so many requests on one connection, then close it."""

    def behave(connection: socket.socket) -> None:
        for number, each in enumerate(answers):
            if number and not read_head(connection):
                return
            connection.sendall(each)

    return behave


def drip(head: bytes, rest: bytes) -> Callable[[socket.socket], None]:
    """Send the rest a byte at a time: fifty a second, as long as nobody hangs up."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        for byte in rest:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)  # the server's own slowness is what is tested

    return behave


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def tunnel(server: RawServer) -> Callable[[socket.socket], None]:
    """Do as a proxy that was asked to connect to a server."""

    def behave(connection: socket.socket) -> None:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as there:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {connection: there, there: connection}
            while True:
                for one in select.select(list(ends), [], [], PATIENCE)[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    ends[one].sendall(data)

    return behave
