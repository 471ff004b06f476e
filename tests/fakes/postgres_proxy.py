"""Stands before a PostgreSQL server, and sees each message that a client sends."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

HOST = "127.0.0.1"
_ENDS_A_STEP = b"QSdc"
"""A query, the end of one with values, a piece of what is copied, and the end of that."""


class Then(Enum):
    """What becomes of a message."""

    PASS = auto()
    CUT = auto()
    """It does not come, and the connection is cut."""
    CUT_ANSWER = auto()
    """It comes, and is carried out; the connection is cut before the client hears of it."""


class Proxy:
    """A context manager: inside it, a port leads to the server.

    Args:
        port: The server's.
        on_step: Told the number of a step, from 1, over all connections, and the message that ends it; says
            what becomes of that.
    """

    def __init__(self, port: int, on_step: Callable[[int, bytes], Then]) -> None:
        self._server = port
        self._on_step = on_step
        self._lock = threading.Lock()
        self.steps = 0
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(30)

    def _start(self, work: Callable[..., None], *words: object) -> None:
        thread = threading.Thread(target=work, args=words)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self._server))
            except OSError:
                client.close()
                continue
            _Conversation(client, server, self._step).start(self._start)

    def _step(self, message: bytes) -> Then:
        with self._lock:
            self.steps += 1
            number = self.steps
        return self._on_step(number, message)


class _Conversation:
    def __init__(self, client: socket.socket, server: socket.socket, step: Callable[[bytes], Then]) -> None:
        self._client = client
        self._server = server
        self._step = step
        self._is_deaf = threading.Event()

    def start(self, begin: Callable[..., None]) -> None:
        begin(self._forth)
        begin(self._back)

    def _forth(self) -> None:
        try:
            self._server.sendall(self._rest_of(b""))  # what begins a conversation has no kind
            while not self._is_deaf.is_set():
                message = self._rest_of(self._exactly(1))
                then = self._step(message) if message[:1] in _ENDS_A_STEP else Then.PASS
                if then is Then.CUT:
                    break
                if then is Then.CUT_ANSWER:
                    self._is_deaf.set()
                self._server.sendall(message)
        except OSError:
            pass
        if not self._is_deaf.is_set():
            self._cut()

    def _back(self) -> None:
        try:
            while data := self._server.recv(1 << 16):
                if self._is_deaf.is_set():
                    break
                self._client.sendall(data)
        except OSError:
            pass
        self._cut()

    def _rest_of(self, kind: bytes) -> bytes:
        size = self._exactly(4)
        return kind + size + self._exactly(struct.unpack("!i", size)[0] - 4)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._client.recv(size - len(data))
            if not piece:
                raise OSError("it has gone")
            data += piece
        return data

    def _cut(self) -> None:
        for each in (self._client, self._server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
