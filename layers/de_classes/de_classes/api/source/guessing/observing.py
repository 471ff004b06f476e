"""Asking a source that nobody described yet: few requests, paced, none twice; and what came, as a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl

import msgspec

from de_classes.api.answers import ANSWERS, PageReader
from de_classes.api.charset import in_utf8
from de_classes.api.pace import read_rate_limit
from de_classes.api.page import says_error
from de_classes.api.retry import parse_retry_after
from de_classes.errors import DeClassesError, FatalError
from de_classes.redaction import shared_filter
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock

BUDGET: Final = 40
"""Requests at the most for one guess."""

PAUSE: Final = 0.2
"""Seconds between two requests; five times that, or what it asks for, once the source was asked too fast."""

_LONGEST_WAIT: Final = 65.0
_LONGEST_PAUSE: Final = 5.0
_SIGNED: Final = frozenset({"timestamp", "signature"})
_TRIES: Final = 4
_WAITS: Final = (2.0, 15.0, 60.0)  # where a refusal names no time, and some mean a minute
_REFUSED: Final = re.compile(
    r"auth|token|credential|api.?key|log.?in|sign|permission|forbidden|denied|session", re.IGNORECASE
)
_LIMITED: Final = re.compile(r"rate.?limit|too many|throttl|quota", re.IGNORECASE)
_OK: Final = 200
_EMPTY: Final = 204
_BAD: Final = frozenset({400, 404, 405, 406, 409, 410, 415, 422})


class BudgetSpentError(FatalError):
    """As many requests as a guess may cost were sent."""


class Answer(DiscreetValue):
    """What came.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        kind: How it is encoded, one of ``ANSWERS``; None for something else, such as a page for people.
        value: It, decoded; the text of what cannot be.
        url: Where it came from.
    """

    shown = ("status", "kind")

    status: int
    headers: dict[str, str]
    kind: str | None
    value: Any
    url: str

    @property
    def words(self) -> str:
        """What it says where it is an error, short, with no secret."""
        text = self.value if isinstance(self.value, str) else msgspec.json.encode(self.value).decode()
        return shared_filter().text(" ".join(text.split())[:300])

    @property
    def verdict(self) -> Literal["ok", "refused", "limited", "wrong"]:
        """Whether it is what was asked for, and if not, why."""
        if self.status == _OK and not says_error(self.value):
            return "ok" if self.kind else "wrong"
        is_said = self.status not in {401, 403} and _LIMITED.search(self.words) is not None
        if self.status in {429, 503} or is_said or self.headers.get("x-ratelimit-remaining") == "0":
            return "limited"
        if self.status in {401, 403, 407}:
            return "refused"
        is_auth = self.status in (_OK, 400)
        return "refused" if is_auth and _REFUSED.search(self.words) else "wrong"


def read(response: HttpResponse, url: str) -> Answer:
    """What is in a response, whatever it is. Never raises."""
    body = _text(response)
    said = (response.header("content-type") or "").lower()
    start = body.lstrip()[:1]
    kinds = ["json"] if start in {b"{", b"["} and "ndjson" not in said and "jsonl" not in said else []
    kinds += ["jsonl"] if start == b"{" or "ndjson" in said or "jsonl" in said else []
    kinds += ["xml"] if start == b"<" and "html" not in said else []
    kinds += ["csv"] if "csv" in said else []
    for kind in kinds:
        try:
            value = ANSWERS[kind].parse(body, PageReader(kind=kind))
        except (DeClassesError, ValueError, RecursionError):
            continue
        return Answer(response.status, dict(response.headers), kind, value, url)
    return Answer(response.status, dict(response.headers), None, body[:2000].decode(errors="replace"), url)


def _text(response: HttpResponse) -> bytes:
    try:
        return in_utf8(response.body, response.headers, is_xml=b"<?xml" in response.body[:64])
    except DeClassesError:
        return response.body


class Observer:
    """A transport that counts and paces what it sends, and answers what it has asked before from memory.

    Args:
        transport: Reaches the network.
        clock: Measures and waits.
        budget: Requests at the most.
        pause: Seconds between two.
    """

    def __init__(
        self, transport: Transport, clock: Clock, *, budget: int = BUDGET, pause: float = PAUSE
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._budget = budget
        self._pause = pause
        self._last: float | None = None
        self._known: dict[bytes, HttpResponse] = {}
        self.requests = 0
        self.was_limited = False
        self.limits: set[int] = set()

    @property
    def left(self) -> int:
        """Requests that may still be sent."""
        return self._budget - self.requests

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """See ``Transport.send``.

        Raises:
            BudgetSpentError: There were enough.
        """
        key = _key(request)
        known = self._known.get(key) if key else None
        if known is not None:
            return known
        if self.left <= 0:
            raise BudgetSpentError(f"{self._budget} requests were sent, and more are not worth a guess")
        if self._last is not None:
            self._clock.sleep(max(0.0, self._last + self._pause - self._clock.monotonic()))
        self.requests += 1
        response = self._transport.send(request, timeout=timeout)
        self._last = self._clock.monotonic()
        answer = read(response, request.url)
        if answer.verdict == "limited":
            asked = parse_retry_after(response.header("retry-after"), now=self._clock.now())
            self._pause = max(self._pause, PAUSE * 5, min(asked or 0.0, _LONGEST_PAUSE))
            self.was_limited = True
            self.limits.add(response.status)
        elif answer.verdict == "ok" and key:
            self._known[key] = response
        return response

    def ask(self, request: HttpRequest, *, timeout: float) -> Answer:
        """What a request brings, again after a wait where the source says that it was asked too fast."""
        for attempt in range(1, _TRIES + 1):
            response = self.send(request, timeout=timeout)
            answer = read(response, request.url)
            if answer.verdict != "limited" or attempt == _TRIES:
                return answer
            now = self._clock.now()
            asked = parse_retry_after(response.header("retry-after"), now=now)
            hint = read_rate_limit(response.headers, now=now)
            if asked is None and hint is not None and hint.reset is not None:
                asked = hint.reset
            self._clock.sleep(min(_LONGEST_WAIT, _WAITS[attempt - 1] if asked is None else asked))
        raise AssertionError("unreachable")  # pragma: no cover


def _key(request: HttpRequest) -> bytes | None:
    """What makes two requests the same, whichever token they carry; None for a login, which never is."""
    if any(name.lower() == "content-type" and "form" in value for name, value in request.headers.items()):
        return None
    headers = sorted(item for item in request.headers.items() if item[0].lower() != "authorization")
    address, _, query = request.url.partition("?")
    sent = [*parse_qsl(query, keep_blank_values=True), *request.params.items()]
    params = sorted((name, str(value)) for name, value in sent if name not in _SIGNED)
    return msgspec.json.encode([request.method, address, params, headers, request.body])


def is_rejection(answer: Answer) -> bool:
    """Whether the source refused what was asked for, as it does with a parameter it does not know."""
    return answer.status in _BAD or answer.verdict == "wrong"
