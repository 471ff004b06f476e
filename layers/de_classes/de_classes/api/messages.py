"""One HTTP request and its answer, as values: what every transport takes and gives."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urljoin, urlsplit

import msgspec

from de_classes.errors import ProtocolError
from de_classes.redaction import excerpt, is_secret_name, shared_filter
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from urllib.parse import SplitResult

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAFE_IN_URL = "!$%&'()*+,/:;=?@[]~"
_CURSOR = re.compile(
    r"(?:after|before|continuation|cursor|next|page|paging|skip|start|sync)[_-]?token", re.IGNORECASE
)


class HttpRequest(DiscreetValue):
    """What a transport sends: the whole of one HTTP request.

    Example:
        >>> HttpRequest("GET", "https://api.shop.example/orders", headers={"Authorization": "Bearer t0ken"})
        HttpRequest(method='GET', url='https://api.shop.example/orders', params={})

    Attributes:
        method: ``GET``, ``POST``, ...
        url: Absolute, without credentials in it.
        params: Query parameters, added to those the URL has; of a list each value goes by the same name.
        headers: Header names and values; hidden from ``repr``, since tokens live there.
        body: The bytes to send, or None.
    """

    shown = ("method", "url", "params")

    method: str
    url: str
    params: Mapping[str, str | Sequence[str]] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes | None = None

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """What is shown, with the keys masked that go into the query."""
        return [(name, shared_filter().value(value)) for name, value in super().__rich_repr__()]


class HttpResponse(DiscreetValue):
    """What a transport gives back: one HTTP answer, whole and decoded.

    Example:
        >>> HttpResponse(429, {"retry-after": "2"}).header("Retry-After")
        '2'

    Attributes:
        status: The HTTP status.
        headers: Header values by lower-case name.
        body: The content, after any Content-Encoding was undone.
        seconds: From sending the request to the last byte.
    """

    shown = ("status", "seconds")

    status: int
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    def header(self, name: str) -> str | None:
        """The value of one header, whatever its case."""
        return self.headers.get(name.lower())


def target(request: HttpRequest) -> str:
    """Path and query of a request, letter for letter as they are sent: what a signature is made over."""
    path, query = _path_and_query(request.url)
    query = "&".join(filter(None, (query, urlencode(request.params, doseq=True, quote_via=_quoted))))
    return f"{path}?{query}" if query else path


_quoted = lru_cache(maxsize=16)(quote_plus)  # of a page's parameters all but one are those of the page before


@lru_cache(maxsize=16)
def _path_and_query(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return quote(parts.path or "/", safe=_SAFE_IN_URL), quote(parts.query, safe=_SAFE_IN_URL)


@lru_cache(maxsize=16)  # it is asked for several times a request, and nearly always for the same URL
def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL: a token issued for one origin is sent to no other."""
    parts = _split(url)
    return parts.scheme, (parts.hostname or "").lower(), _port(parts)


def joined(url: str, target: str) -> str:
    """An address that a source names, absolute or relative to where it was named.

    Raises:
        ProtocolError: It is none.
    """
    try:
        return urljoin(url, target)
    except ValueError as error:  # a bracket that is not closed, characters no host may have
        shown = excerpt(target.partition("?")[0], 40)
        raise ProtocolError(f"the source names an address that is none: '{shown}'") from error


def without_secrets(url: str) -> str:
    """The URL as it may be shown: no user, no password, no query, no fragment."""
    parts = _split(url)
    port = _port(parts)
    shown_port = f":{port}" if port not in {None, _DEFAULT_PORTS.get(parts.scheme)} else ""
    return f"{parts.scheme}://{parts.hostname or ''}{shown_port}{parts.path}"


def holds_credential(url: str) -> bool:
    """Whether a URL must not be written down: its query has names as credentials have, or it has a user.

    A query name such as ``page_token`` is that of a cursor.
    """
    parts = _split(url)
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    suspects = [name for name in names if is_secret_name(name) and not _CURSOR.fullmatch(name)]
    return bool(suspects) or "@" in parts.netloc or shared_filter().holds_secret(url)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that is not closed, characters no host may have
        return urlsplit("invalid:")


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
