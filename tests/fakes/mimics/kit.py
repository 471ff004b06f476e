"""What every mimic shares: a request as a value, an answer as a tuple, and what it is to be a mimic."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from de_classes.utils.clock import Clock

Answer = tuple[int, dict[str, str], bytes]
Record = dict[str, Any]
ROWS = 40


class Request:
    """One request: ``query`` and ``form`` are plain dicts (the last value wins), header names lower-case."""

    def __init__(self, method: str, target: str, headers: Mapping[str, str], body: bytes, base: str) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.base, self.body = method, parts.path, base, body
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.raw_query = parts.query
        self.headers = {name.lower(): value for name, value in headers.items()}

    def json(self) -> Any:
        """The body as a JSON value, or None."""
        if "json" not in self.headers.get("content-type", ""):
            return None
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            return None

    @property
    def form(self) -> dict[str, str]:
        """The body as form fields; empty if it is none."""
        if "x-www-form-urlencoded" not in self.headers.get("content-type", ""):
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def bearer(self) -> str | None:
        return self.token("bearer")

    def token(self, kind: str) -> str | None:
        """What follows that word in Authorization, or None."""
        said, _, token = self.headers.get("authorization", "").partition(" ")
        return token if said.lower() == kind.lower() else None

    @property
    def basic(self) -> tuple[str, str] | None:
        try:
            user, _, password = base64.b64decode(self.token("basic") or "").decode().partition(":")
        except ValueError:
            return None
        return user, password

    def number(self, name: str, default: int | None, source: Mapping[str, Any] | None = None) -> int | None:
        """An integer of the query, or of another mapping; None if it is none."""
        return whole((self.query if source is None else source).get(name, default))


class Mimic:
    """One API as its documentation says it is: ``answer`` takes a request and gives status, headers and body.

    Args:
        count: Records that it has.
        clock: Measures its limits.
        is_throttled: Whether it refuses a request on the way, or one that comes too soon.
    """

    name: ClassVar[str]
    hosts: ClassVar[dict[str, str]]
    """Its hosts, each with the folder below which it stands where one server plays them all."""
    parameters: ClassVar[dict[str, str]] = {}
    secrets: ClassVar[dict[str, str]] = {}
    resources: ClassVar[tuple[str, ...]]
    maximum: ClassVar[int]
    """The largest page that a run may ask for and get."""

    def __init__(self, count: int = ROWS, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        self.count = count
        self.clock = clock or SystemClock()
        self.is_throttled = is_throttled
        self.asked: list[Request] = []
        self.rows: Sequence[Record] = self.make()
        self._counted = 0

    def make(self) -> list[Record]:
        """The records, in the order in which they are given."""
        raise NotImplementedError

    def answer(self, request: Request) -> Answer:
        """What the API says."""
        raise NotImplementedError

    def expected(self, resource: str) -> list[Record]:
        """What a complete run over a resource holds."""
        return list(self.rows)

    def is_third(self) -> bool:
        """Whether this is the request that is refused on the way."""
        self._counted += 1
        return self.is_throttled and self._counted == 3

    def numbers(self) -> range:
        return range(1, self.count + 1)


def json_answer(status: int, value: object, **headers: object) -> Answer:
    """``(status, headers, body)``; header names are given with underscores."""
    named = {name.replace("_", "-"): str(text) for name, text in headers.items()}
    return status, {"Content-Type": "application/json", **named}, msgspec.json.encode(value)


def text_answer(status: int, text: str, kind: str = "text/plain", **headers: object) -> Answer:
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return status, {"Content-Type": kind, **named}, text.encode()


def opaque(value: object) -> str:
    """A cursor that says nothing to whoever holds it."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unopaque(text: object) -> Any:
    """What was put into a cursor, or None if it is not one of ours."""
    try:
        return json.loads(base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4)))
    except (ValueError, UnicodeError):
        return None


def whole(value: object) -> int | None:
    """A whole number that was sent as such or as text, or None."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return int(value)
    except ValueError:
        return None
