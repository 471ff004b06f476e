"""A request and its answer, neutral: the same on Lambda, on loopback and in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = "page"
"""The service of what is for people to look at: it is neither counted nor logged."""

_ERROR_CODES = {
    307: "temporary_redirect",
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    411: "length_required",
    413: "content_too_large",
    414: "uri_too_long",
    422: "unprocessable_content",
    429: "too_many_requests",
    431: "request_header_fields_too_large",
    500: "internal_server_error",
    501: "not_implemented",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
    505: "http_version_not_supported",
}


class Headers(Mapping[str, str]):
    """Header fields, found by any spelling of their name; of two spellings the later wins."""

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        self._fields = {name.lower(): value for name, value in (fields or {}).items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({sorted(self._fields)})"  # values may be tokens


class SimRequest(DiscreetValue):
    """What a client asks.

    Args:
        method: Upper case.
        path: Without query and without a stage.
        query: The parameters, decoded; of a repeated one the last value.
        headers: Found by any spelling.
        body: As sent, decoded from base64 where the carrier had encoded it.
    """

    shown = ("method", "path", "query", "headers")

    method: str
    path: str
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    headers: Headers = msgspec.field(default_factory=Headers)
    body: bytes = b""


class Outcome(Value):
    """The facts of one answer, for logs and counts: never a token, a password or a record.

    Args:
        service: The simulator that answered: ``auth`` or ``unstable``; or ``PAGE``.
        route: The path without its mount, or ``unknown``.
        page: The page asked for, from 1.
        limit: Records a page.
        attempt: The how-manieth try for this page it was, from 1.
        fault: The name of the fault that was played, if any.
        modes: The names of the lasting faults that changed this answer.
    """

    service: str | None = None
    route: str = "unknown"
    page: int | None = None
    limit: int | None = None
    attempt: int | None = None
    fault: str | None = None
    modes: tuple[str, ...] = ()


class WireConnection(Protocol):
    """What a fault may do to a client's connection; only a server of our own can offer it."""

    def send(self, data: bytes) -> None:
        """Put these bytes on the wire at once."""
        ...

    def pause(self, seconds: float) -> None:
        """Leave the client waiting."""
        ...

    def reset(self) -> None:
        """Close with RST rather than FIN, dropping what was not yet sent."""
        ...


class WireBehaviour(Protocol):
    """A raw-socket misbehaviour: writes the answer itself, whole or in pieces; closing follows."""

    def __call__(self, connection: WireConnection, genuine: SimResponse, /) -> None:
        """Answer on the connection in place of ``genuine``."""
        ...


class SimResponse(DiscreetValue):
    """What a simulator answers.

    Args:
        status: The HTTP status.
        headers: Header fields; lengths are the carrier's business.
        body: The bytes to send.
        delay: Seconds to wait before sending.
        outcome: The facts, for the log.
        wire: Takes over the connection in place of an ordinary answer.
    """

    shown = ("status", "headers", "delay", "outcome", "wire")

    status: int
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    outcome: Outcome = msgspec.field(default_factory=Outcome)
    wire: WireBehaviour | None = None


class Simulator(Protocol):
    """Anything that answers requests."""

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request; never raises for what a client sent."""
        ...


def json_response(status: int, body: object, *, headers: Mapping[str, str] | None = None) -> SimResponse:
    """An answer in JSON; bytes are taken to be JSON already."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    fields = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    return SimResponse(status, fields, content)


def error_response(
    status: int, message: str, *, problems: Sequence[str] = (), headers: Mapping[str, str] | None = None
) -> SimResponse:
    """An error in JSON: a code, a sentence, and every problem if the client can mend them."""
    code = _ERROR_CODES.get(status, "error")
    body: dict[str, object] = {"error": code, "message": message}
    if problems:
        body["problems"] = list(problems)
    return json_response(status, body, headers=headers)


def with_facts(response: SimResponse, **facts: str | int | tuple[str, ...] | None) -> SimResponse:
    """The same answer with more of its outcome filled in."""
    return replace(response, outcome=replace(response.outcome, **facts))
