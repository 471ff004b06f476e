"""The head of a request, written by ``http.client``: once for all that differ in their target alone."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING, Any

from de_classes.api.decoding import ACCEPT_ENCODING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.api.messages import HttpRequest

_DEFAULT_HEADERS = {"Accept": "*/*", "Accept-Encoding": ACCEPT_ENCODING, "User-Agent": "de-classes"}


class RequestHeads:
    """Writes the heads of requests to one origin, and remembers the last. For one thread.

    Args:
        host: As the URL has it.
        port: Its port.
        is_https: Whether HTTPS is spoken.
    """

    def __init__(self, host: str, port: int, *, is_https: bool) -> None:
        self._host = host
        self._port = port
        self._is_https = is_https
        self._written_for: tuple[str, Mapping[str, str], int | None] | None = None
        self._fields = b""

    def head(self, request: HttpRequest, target: str) -> bytes:
        """All that goes before the body; ``Host`` and what else must be there is added.

        Args:
            request: What is to be sent.
            target: Its path and query; nothing but characters that a URL may have.

        Raises:
            ValueError: The method or a header is malformed.
            InvalidURL: The host is.
        """
        length = None if request.body is None else len(request.body)
        if self._written_for != (request.method, request.headers, length):
            self._fields = self._written(request)
            self._written_for = (request.method, {**request.headers}, length)
        return f"{request.method} {target} HTTP/1.1\r\n".encode("ascii") + self._fields

    def _written(self, request: HttpRequest) -> bytes:
        """The fields, without the line before them."""
        writing = _Writing(self._host, self._port)
        writing.default_port = HTTPSConnection.default_port if self._is_https else HTTPConnection.default_port
        writing.request(request.method, "/", request.body, _every_header(request.headers))
        return writing.sent[0].partition(b"\r\n")[2]


def _every_header(own: Mapping[str, str]) -> dict[str, str]:
    """The request's own win, whatever their case; each keeps the spelling it was given."""
    every = (*_DEFAULT_HEADERS.items(), *own.items())
    return dict({name.lower(): (name, value) for name, value in every}.values())


class _Writing(HTTPConnection):
    """Connects to nothing; keeps what would be sent."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.sent: list[bytes] = []

    def send(self, data: Any) -> None:  # noqa: ANN401 - the standard library's own signature
        self.sent.append(data)
