"""A connection of ``http.client`` on which one deadline holds for the whole of a request.

A socket's own timeout is for each wait alone, so that a server which sends a byte a second keeps its client
for as long as it likes, in the head as well as in the body. Here every wait gets what is left of the
request's time, and no more: to connect, to shake hands, to send, and to read each piece.
"""

from __future__ import annotations

import io
import select
import socket
import time
import weakref
from contextlib import suppress
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING, Any, cast

from de_classes.api.http_answer import HttpAnswer

if TYPE_CHECKING:
    import ssl


class Exchange:
    """One request and its answer, as a connection sees them.

    Attributes:
        is_heard: Whether a byte of the answer came.
    """

    def __init__(self) -> None:
        self.is_heard = False
        self._end = 0.0

    def start(self, seconds: float) -> None:
        """Begin; the exchange must end within so many seconds."""
        self.is_heard = False
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left, always more than none.

        Raises:
            TimeoutError: None are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class TimedConnection(HTTPConnection):
    """A connection that can be kept, for one exchange after another.

    Args:
        host: Where to connect to.
        port: Its port.
        context: For HTTPS: what certificates are checked by.

    Attributes:
        exchange: The present one; ``start`` it before a request.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None = None) -> None:
        super().__init__(host, port)
        self.response_class = HttpAnswer
        self.exchange = Exchange()
        self._context = context
        if context is not None:
            self.default_port = HTTPSConnection.default_port

    @property
    def is_open(self) -> bool:
        """Whether there is a connection; the other side may have closed it."""
        return self.sock is not None

    def connect(self) -> None:
        """Connect to the first of the host's addresses that answers, and shake hands."""
        connected = _connect(self.host, self.port, self.exchange)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                connected.settimeout(self.exchange.left())
                connected = self._context.wrap_socket(connected, server_hostname=self.host)
        except BaseException:
            connected.close()
            raise
        self.sock: Any = _TimedSocket(connected, self.exchange)  # of a socket, http.client needs no more

    def answer(self) -> HttpAnswer:
        """The answer to the request that was made, its head read."""
        return cast("HttpAnswer", self.getresponse())

    def close_if_stale(self) -> None:
        """Close it if there is something to read before anything was asked.

        That is the end of the connection, or bytes that would pass for the next answer.
        """
        if self.is_open and self.sock.is_readable():
            self.close()


class _TimedSocket:
    """What ``http.client`` uses of a socket, with a deadline."""

    def __init__(self, connected: socket.socket, exchange: Exchange) -> None:
        self._socket = connected
        self._exchange = exchange
        self.close = weakref.finalize(
            self, connected.close
        )  # a thread that ends leaves its connections behind

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._exchange.left())
        self._socket.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._socket, self._exchange))

    def is_readable(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


class _TimedReader(io.RawIOBase):
    """Reads from a socket, which stays open for as long as this does."""

    def __init__(self, connected: socket.socket, exchange: Exchange) -> None:
        super().__init__()
        self._socket = connected
        self._exchange = exchange
        self._raw = connected.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any buffer
        self._socket.settimeout(self._exchange.left())
        count = self._socket.recv_into(buffer)
        self._exchange.is_heard = self._exchange.is_heard or bool(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _connect(host: str, port: int, exchange: Exchange) -> socket.socket:
    """Try each address for its share of the time; only the resolver knows no deadline."""
    *others, last = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for tried, address in enumerate(others):
        with suppress(OSError):
            return _connect_to(address, exchange.left() / (len(others) + 1 - tried))
    return _connect_to(last, exchange.left())


def _connect_to(resolved: tuple[Any, ...], seconds: float) -> socket.socket:
    family, kind, protocol, _, address = resolved
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.settimeout(seconds)
        connecting.connect(address)
    except BaseException:
        connecting.close()
        raise
    return connecting
