"""The default transport: the standard library's ``http.client``, at a tenth of the cost of ``requests``."""

from __future__ import annotations

import re
import ssl
import threading
import time
from functools import cached_property, lru_cache
from http.client import HTTPException, IncompleteRead, InvalidURL
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from de_classes.api.decoding import read_body
from de_classes.api.messages import HttpResponse, origin, target, without_secrets
from de_classes.api.surroundings import proxy_for, trusted
from de_classes.api.timed_connection import TimedConnection, why
from de_classes.api.transport import BodyLimits
from de_classes.configs.environment import environment
from de_classes.errors import ConfigurationError, NetworkError, ProtocolError
from de_classes.redaction import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from de_classes.api.http_answer import HttpAnswer
    from de_classes.api.messages import HttpRequest

_READ_SIZE = 16 * 1024  # measured: larger ones cost more, since their memory comes afresh from the system
_NUMBER = re.compile("[0-9]+")
_HUNG_UP = (ConnectionError, ssl.SSLEOFError)


class _Connections(threading.local):
    """Each thread's own; they are closed when it ends."""

    def __init__(self) -> None:
        self.by_origin: dict[tuple[str, str, int], TimedConnection] = {}


class HttpClientTransport:
    """Sends through ``http.client``, over one kept-alive connection a thread and origin.

    The timeout of a request is for all of it, from connecting to the last byte. Cookies are not kept.
    Proxies and authorities are those of the environment, see ``surroundings``, looked up when a server is
    first spoken to; no credential is read there. Who needs another proxy or an adapter gives
    ``RequestsTransport`` a session that has it.

    Example:
        >>> request = HttpRequest("GET", f"{api.base_url}/openapi.json")
        >>> HttpClientTransport().send(request, timeout=10).status
        200

    Args:
        limits: How much of an answer is taken.
        context: What servers' certificates are checked by; the environment's or the system's authorities by
            default.
        variables: Gives the environment.
    """

    def __init__(
        self,
        *,
        limits: BodyLimits | None = None,
        context: ssl.SSLContext | None = None,
        variables: Callable[[], Mapping[str, str]] = environment,
    ) -> None:
        self._limits = limits or BodyLimits()
        self._variables = variables
        self._given_context = context
        self._own = _Connections()

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """Send one request once; see ``Transport.send``.

        A kept connection may have been closed by the other side. A GET of which no byte was answered is then
        sent again on a new one: that is how such a connection ends, not a failure of the request.
        """
        try:
            connection = self._connection(request.url)
            connection.exchange.start(timeout)
            connection.close_if_stale()
            is_kept = connection.is_open
            try:
                return self._ask(connection, request)
            except _HUNG_UP:
                if not is_kept or connection.exchange.is_heard or request.method != "GET":
                    raise
                return self._ask(connection, request)
        except (HTTPException, OSError, ValueError) as error:
            raise _translated(error, without_secrets(request.url), timeout) from error

    def _ask(self, connection: TimedConnection, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        try:
            with connection.ask(request, target(request)) as answer:
                _check_framing(answer.fields)
                body = _body(answer, self._limits)
            if answer.will_close:
                connection.close()
            return HttpResponse(answer.status, answer.fields, body, time.monotonic() - started)
        except BaseException:
            connection.close()  # the rest of this answer must not be taken for the next one
            raise

    def _connection(self, url: str) -> TimedConnection:
        kept = self._own.by_origin
        key = _reachable(url)
        if key not in kept:
            scheme, host, port = key
            proxy = proxy_for(scheme, host, port, self._variables())
            kept[key] = TimedConnection(host, port, self._context if scheme == "https" else None, proxy)
        return kept[key]

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Made when it is needed: reading the authorities takes longer than a request."""
        return self._given_context or trusted(self._variables())


def _translated(error: Exception, where: str, timeout: float) -> ConfigurationError | NetworkError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConfigurationError(
            f"{where}: the server's certificate is not trusted; check host and CA bundle"
        )
    if isinstance(error, ssl.SSLError):
        return NetworkError(f"{where}: TLS failed")
    if isinstance(error, TimeoutError):
        return NetworkError(f"{where}: no whole answer within {timeout:g} s, the time for one request")
    if isinstance(error, (InvalidURL, ValueError)):
        return ConfigurationError(f"{where!r} is not a usable URL, or a header is malformed")
    return NetworkError(f"{where}: {why(error)}")


@lru_cache(maxsize=16)  # a run asks one URL for all its pages
def _reachable(url: str) -> tuple[str, str, int]:
    scheme, host, port = origin(url)
    if urlsplit(url).username is not None or scheme not in {"http", "https"} or not host or port is None:
        raise InvalidURL
    return scheme, host, port


def _body(answer: HttpAnswer, limits: BodyLimits) -> bytes:
    if answer.length == 0 and not answer.chunked:  # 204 and 304 among them, whatever coding they announce
        return b""
    encoding = answer.fields.get("content-encoding")
    is_plain = encoding is None and not answer.chunked
    if not is_plain or answer.length is None or answer.length > limits.wire:
        return read_body(_chunks(answer), encoding, limits)
    try:
        return answer.read()  # into one piece of memory, which is handed on as it is
    except IncompleteRead:  # holds what came
        pass
    raise _cut_short()


def _chunks(answer: HttpAnswer) -> Iterator[bytes]:
    while chunk := answer.read1(_READ_SIZE):
        yield chunk
    if answer.length:
        raise _cut_short()


def _cut_short() -> NetworkError:
    return NetworkError("the answer ended before its Content-Length")


def _check_framing(fields: Mapping[str, str]) -> None:
    """Refuse what http.client would read by guessing: an answer must say in one way where it ends."""
    coding = fields.get("transfer-encoding", "chunked").strip().lower()
    if coding not in {"chunked", "identity"}:
        shown = excerpt(coding, 40)
        raise ProtocolError(f"the answer has Transfer-Encoding '{shown}', which was not asked for")
    lengths = {each.strip() for each in fields.get("content-length", "0").split(",")}
    if len(lengths) > 1 or not _NUMBER.fullmatch(lengths.pop()):
        raise NetworkError("the answer has no usable Content-Length")
