"""What an answer means by its status and its head: an error, a part, or what a description says it is."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from de_classes.api.charset import in_utf8
from de_classes.api.messages import without_secrets
from de_classes.api.pace import RateRules, read_rate_limit
from de_classes.api.redirects import REDIRECTS, refused_redirect
from de_classes.api.retry import answered_at, parse_retry_after
from de_classes.api.templates import Path, as_text
from de_classes.errors import (
    BODY_EXCERPT_CHARS,
    AuthenticationError,
    CorruptResponseError,
    DeClassesError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RequestRejectedError,
    TransientStatusError,
)
from de_classes.redaction import excerpt, shared_filter
from de_classes.utils.paths import MISSING, find
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from de_classes.api.messages import HttpResponse
    from de_classes.errors import RetryableError

_RANGE = re.compile(r"\s*(?:([\w.-]+)[ =]\s*)?([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)\s*", re.ASCII)
_TOTAL = re.compile(r"\s*(?:([\w.-]+)[ =]\s*)?(?:[0-9]{1,15}-[0-9]{1,15}|\*)/([0-9]{1,15})\s*", re.ASCII)
_BYTES = "bytes"
IGNORE_206 = (
    'if its pages are meant so, an error rule says it, errors = [{ status = [206], action = "ignore" }]'
)


class ContentRange(Value):
    """``Content-Range: items 0-9/30``, as sources say it that page by ranges of records.

    Attributes:
        unit: What is counted, in lower case; ``items`` where it is not said.
        first: The first that is there, from 0.
        last: The last.
        total: How many there are in all; None if that is not said.
    """

    unit: str
    first: int
    last: int
    total: int | None

    @classmethod
    def of(cls, response: HttpResponse) -> ContentRange | None:
        """What an answer says; None if it says nothing that can be read."""
        match = _RANGE.fullmatch(response.header("content-range") or "")
        if match is None:
            return None
        total = None if match[4] == "*" else int(match[4])
        return cls((match[1] or "items").lower(), int(match[2]), int(match[3]), total)

    @staticmethod
    def total_of(headers: Mapping[str, str]) -> int | None:
        """How many records there are in all, be the range empty (``items */0``); None if that is not said.

        Args:
            headers: Of an answer, names in lower case.
        """
        match = _TOTAL.fullmatch(headers.get("content-range", ""))
        return None if match is None or (match[1] or "").lower() == _BYTES else int(match[2])

    @staticmethod
    def total_bytes(response: HttpResponse) -> int | None:
        """How many bytes there are in all, be the range empty (``bytes */0``); None if that is not said."""
        match = _TOTAL.fullmatch(response.header("content-range") or "")
        return int(match[2]) if match is not None and (match[1] or "").lower() == _BYTES else None

    def may_be_read(self, response: HttpResponse) -> bool:
        """Whether the body is no torn one: records are counted, or every byte of it is there."""
        if self.unit != _BYTES:
            return True
        is_coded = response.header("content-encoding") is not None
        is_all = self.first == 0 and self.last + 1 == self.total
        return is_all and (is_coded or self.total == len(response.body))

    def check(self, records: int, wanted: int | None, *, url: str) -> None:
        """Make sure that the records are there that the answer says, and all that were asked for.

        Args:
            records: How many came.
            wanted: How many were asked for, or None.
            url: Where they came from, without secrets.

        Raises:
            ProtocolError: Some are not.
        """
        if self.unit == _BYTES:
            return
        there = self.last - self.first + 1
        is_all = wanted is None or there >= wanted or self.last + 1 == self.total
        if there == records and is_all:
            return
        asked = "" if wanted is None else f" of {wanted} that were asked for"
        total = "*" if self.total is None else self.total
        raise ProtocolError(
            f"{url} answered 206, {self.unit} {self.first}-{self.last}/{total}, and {records} records came"
            f"{asked}: {IGNORE_206}"
        )


OK: Final = 200
ACCEPTED: Final = 202
NO_CONTENT: Final = 204
PARTIAL_CONTENT: Final = 206
UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_MOST_READ: Final = 64 * 1024  # bytes of an answer that is quoted: a secret that it repeats is whole in there
SLOWER: Final = frozenset({418, 420, 429, 509})
"""Slow down: what the standard has for it, and what others say: 418 and 420 of some APIs, 509 of hosts."""

TRANSIENT: Final = frozenset({408, 423, 425, 500, 502, 503, 504, *range(520, 525), 529, 530, 598, 599})
"""Not now: the standard's, those of proxies in front of a source (520 to 530), and of clients' (598, 599)."""

_LATER_IF_TOLD: Final = frozenset({_FORBIDDEN, 409, 413})
"""Not now, where the answer names a time."""

_LONGEST_LIMIT: Final = 86_400.0  # seconds until a limit counts anew: what asks for more is no such limit
_UNEXPECTED: Final = {
    206: f"a part of what was asked for, and no Content-Range says that it is all of it: {IGNORE_206}",
    304: "not modified since, but nobody asked that: a cache in between, or a described header "
    "If-None-Match or If-Modified-Since",
}

_TELLING: Final = (
    "www-authenticate",
    "x-accepted-oauth-scopes",
    "x-oauth-scopes",
    "x-github-sso",
    "x-amzn-errortype",
    "x-deny-reason",
    "cf-mitigated",
)
"""Headers that say why an answer is 403."""


def raise_for_status(
    response: HttpResponse, *, url: str, now: float, quote: bool = True, limits: RateRules | None = None
) -> None:
    """Return for 200, raise the fitting error for everything else.

    Args:
        response: The answer.
        url: Where it came from; only scheme, host and path are quoted.
        now: Seconds since the epoch, for a Retry-After that is a date and an answer that has no date itself.
        quote: Whether an error may quote the answer; a login's may repeat the password.
        limits: Which headers name the source's limit, and how long to wait where none does.

    Raises:
        RetryableError: ``SLOWER``, ``TRANSIENT``, 202; and 403, 409 or 413 where the answer names a time, or
            says that no request is left.
        FatalError: Everything else, by kind.
    """
    if response.status != OK:
        raise _error_for(response, url, now, quote=quote, limits=limits or RateRules())


def _error_for(
    response: HttpResponse, url: str, now: float, *, quote: bool, limits: RateRules
) -> DeClassesError:
    status = response.status
    message = f"{without_secrets(url)} answered {status}"
    passing = _passing(response, message, now, limits)
    if passing is not None:
        return passing
    if status == UNAUTHORIZED:
        return AuthenticationError(f"{message}: check the credentials")
    if status == _FORBIDDEN:
        said = _said(response) if quote else ""
        return PermissionDeniedError(f"{message}: these credentials may not read it, ask for access{said}")
    if status in REDIRECTS:
        return refused_redirect(response, url)
    if status < UNAUTHORIZED - 1:
        return ProtocolError(f"{message}, {_UNEXPECTED.get(status, 'where 200 was expected')}")
    quoted = _excerpt(response) if quote else "its answer is not quoted, it may repeat a secret"
    return RequestRejectedError(f"{message}: {quoted}", status=status, body=quoted)


def _passing(response: HttpResponse, message: str, now: float, limits: RateRules) -> RetryableError | None:
    """The error of an answer that will be another one later; None for what stays."""
    status = response.status
    wait = parse_retry_after(response.header("retry-after"), now=answered_at(response.headers, now))
    if status in TRANSIENT:
        return TransientStatusError(message, status=status, retry_after=wait)
    if status == ACCEPTED and wait is not None:
        return TransientStatusError(f"{message}: not there yet", status=status, retry_after=wait)
    if status == ACCEPTED:
        return CorruptResponseError(f"{message}: what was asked for is not there yet")
    if status not in SLOWER | _LATER_IF_TOLD:
        return None
    limit = read_rate_limit(response.headers, now=now, rules=limits, longest=_LONGEST_LIMIT)
    is_spent = limit is not None and limit.remaining == 0
    if wait is None and limit is not None and is_spent:
        wait = limit.reset
    if status not in SLOWER and not is_spent and wait is None:
        return None
    return RateLimitedError(message, status=status, retry_after=limits.wait if wait is None else wait)


def _said(response: HttpResponse) -> str:
    """What an answer says of why it is refused, in its body and in its headers."""
    headers = (f"{name}: {response.headers[name]}" for name in _TELLING if name in response.headers)
    words = [_excerpt(response), *(shared_filter().text(excerpt(each, 100)) for each in headers)]
    told = "; ".join(filter(None, words))
    return f"; it says {told}" if told else ""


def _excerpt(response: HttpResponse) -> str:
    """The first characters of an answer, with what it repeats of the request's credentials masked."""
    body = response.body[:_MOST_READ]
    with suppress(DeClassesError):  # it is quoted as far as it can be read
        body = in_utf8(body, response.headers)
    text = excerpt(body.decode("utf-8", "replace"), BODY_EXCERPT_CHARS * 16)
    return shared_filter().text(text)[:BODY_EXCERPT_CHARS]


_EPOCH: Final = 1_000_000_000

Text = Annotated[str, Meta(min_length=1)]


class ErrorRule(Described, kw_only=True):
    """What an answer means; the first rule that fits it counts.

    Attributes:
        status: Any of these statuses; every status unless given.
        header: These headers have these values.
        when: A JMESPath over the body that is true, or finds something.
        message: Where the body says what is wrong.
        kind: Where it says which kind of wrong it is; ``message`` unless given.
        rate_limited: Kinds that mean "too many requests".
        unauthorized: Kinds that mean that the credentials are wrong.
        retry: Kinds that pass by themselves.
        action: What any other kind means: ``fail``, ``retry``, ``rate_limit``, ``empty`` (a page without
            records), ``unauthorized``, or ``ignore``.
        wait: Seconds to wait, where the answer names no time.
        retry_after: The header that names the wait, where it is not ``Retry-After``: seconds, or an epoch.
    """

    status: tuple[Annotated[int, Meta(ge=100, le=599)], ...] = ()
    header: dict[str, str] = msgspec.field(default_factory=dict)
    when: Path | None = None
    message: Path | None = None
    kind: Path | None = None
    rate_limited: tuple[str, ...] = ()
    unauthorized: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    action: Literal["fail", "retry", "rate_limit", "empty", "unauthorized", "ignore"] = "fail"
    wait: Annotated[float, Meta(ge=0, le=3600)] | None = None
    retry_after: Text | None = None


def verdict(
    rules: Sequence[ErrorRule],
    response: HttpResponse,
    answer: Any,  # noqa: ANN401 - a JSON value
    *,
    url: str,
    now: float,
    default_wait: float | None = None,
) -> str | None:
    """What a description says that an answer means: the first rule that fits it counts.

    Args:
        rules: In order.
        response: The answer.
        answer: Its body as a JSON value, as far as it is one.
        url: Where it came from.
        now: Seconds since the epoch.
        default_wait: Seconds to wait where neither answer nor rule names a time.

    Returns:
        ``"empty"`` for a page without records, ``"ignore"``, or None if no rule fits.

    Raises:
        RetryableError: It passes by itself.
        FatalError: It does not.
    """
    rule = next((rule for rule in rules if _fits(rule, response, answer)), None)
    if rule is None:
        return None
    said = _told(rule.message, answer)
    kind = _told(rule.kind, answer) if rule.kind else said
    action = _action(rule, kind)
    if action in {"empty", "ignore"}:
        return action
    words = ": ".join(text for text in dict.fromkeys((kind, said)) if text)
    message = shared_filter().text(
        f"{without_secrets(url)} answered {response.status}{f', {words}' if words else ''}"
    )
    wait = _wait(rule, response, now)
    wait = default_wait if wait is None else wait
    if action == "rate_limit":
        raise RateLimitedError(message, status=response.status, retry_after=wait)
    if action == "retry":
        raise TransientStatusError(message, status=response.status, retry_after=_wait(rule, response, now))
    if action == "unauthorized":
        raise AuthenticationError(f"{message}: check the credentials")
    raise RequestRejectedError(message, status=response.status, body=words)


def _fits(rule: ErrorRule, response: HttpResponse, answer: Any) -> bool:  # noqa: ANN401 - a JSON value
    if rule.status and response.status not in rule.status:
        return False
    if not rule.status and rule.when is None and not rule.header:
        return False
    if any(response.header(name) != value for name, value in rule.header.items()):
        return False
    return rule.when is None or _is_true(find(answer, rule.when))


def _is_true(found: object) -> bool:
    return found is not MISSING and found is not False and found is not None and found not in ("", [], {})


def _told(path: str | None, answer: Any) -> str:  # noqa: ANN401 - a JSON value
    found = MISSING if path is None else find(answer, path)
    return as_text(found)[:BODY_EXCERPT_CHARS] if isinstance(found, str | int | float) else ""


def _action(rule: ErrorRule, kind: str) -> str:
    if kind in rule.rate_limited:
        return "rate_limit"
    if kind in rule.unauthorized:
        return "unauthorized"
    return "retry" if kind in rule.retry else rule.action


def _wait(rule: ErrorRule, response: HttpResponse, now: float) -> float | None:
    now = answered_at(response.headers, now)
    asked = parse_retry_after(response.header("retry-after"), now=now)
    if rule.retry_after is not None:
        named = parse_retry_after(response.header(rule.retry_after), now=now)
        asked = named - now if named is not None and named > _EPOCH else named
    return rule.wait if asked is None else asked
