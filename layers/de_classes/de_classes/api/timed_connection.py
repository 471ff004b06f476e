"""A connection that speaks as ``http.client`` does; one deadline holds for the whole of a request.

A socket's own timeout is for each wait alone, so that a server which sends a byte a second keeps its client
for as long as it likes, in the head as well as in the body. Here every wait gets what is left of the
request's time, and no more: to connect, to shake hands, to send, and to read each piece.
"""

from __future__ import annotations

import errno
import io
import select
import socket
import time
import weakref
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, cast

from de_classes.api.http_answer import HttpAnswer
from de_classes.api.request_head import RequestHeads
from de_classes.errors import ConfigurationError, NetworkError

if TYPE_CHECKING:
    import ssl

    from de_classes.api.messages import HttpRequest
    from de_classes.api.surroundings import Proxy

_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})
_OK: Final = 200
_AT_ONCE: Final = 64 * 1024  # bytes: a small page comes with its head, and each call is one of the system's
_PROXY_WANTS_A_PASSWORD: Final = 407


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


class TimedConnection:
    """A connection that can be kept, for one exchange after another.

    Args:
        host: Where to connect to.
        port: Its port.
        context: For HTTPS: what certificates are checked by.
        proxy: What it is connected through, or None.

    Attributes:
        exchange: The present one; ``start`` it before a request.
    """

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None = None, proxy: Proxy | None = None
    ) -> None:
        self.exchange = Exchange()
        self._proxy = proxy
        self._host = host
        self._port = port
        self._context = context
        self._heads = RequestHeads(host, port, is_https=context is not None)
        self._socket: _TimedSocket | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection; the other side may have closed it."""
        return self._socket is not None

    def ask(self, request: HttpRequest, target: str) -> HttpAnswer:
        """Send a request, over a new connection if there is none, and read the head of its answer.

        Args:
            request: What is sent.
            target: Its path and query; nothing but characters that a URL may have.

        Raises:
            ValueError: The method or a header is malformed.
            HTTPException: The host is, or the head of the answer.
            OSError: The network failed, or the time was up.
            NetworkError: The proxy did.
            ConfigurationError: The proxy wants a password.
        """
        if self._proxy is not None and self._context is None:
            authority = self._authority.removesuffix(":80")
            head = self._for_the_proxy(self._heads.head(request, f"http://{authority}{target}"))
        else:
            head = self._heads.head(request, target)
        there = self._socket = self._socket or self._connected()
        there.sendall(head)
        if request.body:
            there.sendall(request.body)
        answer = HttpAnswer(cast("socket.socket", there), method=request.method)  # it needs no more of one
        try:
            answer.begin()
        except BaseException:
            answer.close()
            raise
        return answer

    def close(self) -> None:
        """Close it; the present answer cannot be read on."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close_if_stale(self) -> None:
        """Close it if there is something to read before anything was asked.

        That is the end of the connection, or bytes that would pass for the next answer.
        """
        if self._socket is not None and self._socket.is_readable():
            self.close()

    @property
    def _authority(self) -> str:
        """Host and port, as an address has them."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    def _for_the_proxy(self, head: bytes) -> bytes:
        """A head with what the proxy itself wants to see, behind its first line."""
        told = self._proxy.authorization if self._proxy else None
        first, _, fields = head.partition(b"\r\n")
        return (
            head if told is None else b"%s\r\nProxy-Authorization: %s\r\n%s" % (first, told.encode(), fields)
        )

    def _connected(self) -> _TimedSocket:
        """Connect to the first of the host's addresses that answers, and shake hands."""
        if self._proxy is None:
            connected = _connect(self._host, self._port, self.exchange)
        else:
            connected = self._connected_through(self._proxy)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                connected.settimeout(self.exchange.left())
                connected = self._context.wrap_socket(connected, server_hostname=self._host)
        except BaseException:
            connected.close()
            raise
        return _TimedSocket(connected, self.exchange)

    def _connected_through(self, proxy: Proxy) -> socket.socket:
        """Connect to the proxy; for HTTPS, have it connect to the host."""
        try:
            connected = _connect(proxy.host, proxy.port, self.exchange)
        except OSError as error:
            raise NetworkError(f"{proxy}: {why(error)}") from error
        if self._context is None:
            return connected
        try:
            self._open_tunnel(connected, proxy)
        except BaseException:
            connected.close()
            raise
        return connected

    def _open_tunnel(self, connected: socket.socket, proxy: Proxy) -> None:
        head = f"CONNECT {self._authority} HTTP/1.1\r\nHost: {self._authority}\r\n\r\n".encode("ascii")
        connected.settimeout(self.exchange.left())
        connected.sendall(self._for_the_proxy(head))
        stream = io.BufferedReader(_TimedReader(connected, self.exchange))
        answer = HttpAnswer(cast("socket.socket", _Stream(stream)), method="CONNECT")
        try:
            answer.begin()
        except (HTTPException, OSError) as error:
            raise NetworkError(f"{proxy} gave no answer: {why(error)}") from error
        if answer.status == _PROXY_WANTS_A_PASSWORD:
            raise ConfigurationError(
                f"{proxy} wants a user and a password, or others: http://USER:PASSWORD@HOST"
            )
        if answer.status != _OK:
            raise NetworkError(f"{proxy} does not connect to {self._host}: it answered {answer.status}")


class _Stream:
    """What an answer needs of a socket: the stream that it reads."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - any buffered reader
        self._stream = stream

    def makefile(self, _: str) -> Any:  # noqa: ANN401 - as above
        return self._stream


class _TimedSocket:
    """What an exchange needs of a socket, with a deadline."""

    def __init__(self, connected: socket.socket, exchange: Exchange) -> None:
        self._socket = connected
        self._exchange = exchange
        self.close = weakref.finalize(
            self, connected.close
        )  # a thread that ends leaves its connections behind
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._exchange.left())
        self._socket.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._socket, self._exchange), _AT_ONCE)

    def is_readable(self) -> bool:
        return bool(self._poll.poll(0))


class _TimedReader(io.RawIOBase):
    """Reads from a socket, which is not closed with it."""

    def __init__(self, connected: socket.socket, exchange: Exchange) -> None:
        super().__init__()
        self._socket = connected
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any buffer
        self._socket.settimeout(self._exchange.left())
        count = self._socket.recv_into(buffer)
        self._exchange.is_heard = self._exchange.is_heard or bool(count)
        return count


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


def why(error: Exception) -> str:
    """In plain words why a server could not be spoken to."""
    if isinstance(error, socket.gaierror):
        return (
            "its name could not be looked up just now"
            if error.errno == socket.EAI_AGAIN
            else "there is no host of that name"
        )
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there (connection refused)"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return "there is no way there (unreachable)"
    return type(error).__name__
