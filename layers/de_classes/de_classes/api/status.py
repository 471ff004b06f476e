"""From an HTTP status to the error that says what to do about it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from de_classes.api.charset import in_utf8
from de_classes.api.content_range import IGNORE_206
from de_classes.api.messages import without_secrets
from de_classes.api.rate_limits import RateRules, read_rate_limit
from de_classes.api.redirects import REDIRECTS, refused_redirect
from de_classes.api.retry_after import answered_at, parse_retry_after
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

if TYPE_CHECKING:
    from de_classes.api.messages import HttpResponse
    from de_classes.errors import RetryableError

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
