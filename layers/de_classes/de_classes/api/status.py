"""From an HTTP status to the error that says what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.api.messages import origin, without_secrets
from de_classes.api.retry_after import parse_retry_after
from de_classes.common.logger.redaction import excerpt, shared_filter
from de_classes.errors import (
    BODY_EXCERPT_CHARS,
    AuthenticationError,
    ForeignOriginError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RequestRejectedError,
    TransientStatusError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.api.messages import HttpResponse
    from de_classes.errors import (
        DeClassesError,
    )

OK = 200
UNAUTHORIZED = 401
_FORBIDDEN = 403
_MOST_READ = 64 * 1024  # bytes of an answer that is quoted: a secret that it repeats is whole in there
_TOO_MANY_REQUESTS = 429
TRANSIENT = frozenset({408, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def raise_for_status(
    response: HttpResponse, *, url: str, now: float, quote: bool = True, default_wait: float | None = None
) -> None:
    """Return for 200, raise the fitting error for everything else.

    Args:
        response: The answer.
        url: Where it came from; only scheme, host and path are quoted.
        now: Seconds since the epoch, for a Retry-After that is a date.
        quote: Whether an error may quote the answer; a login's may repeat the password.
        default_wait: Seconds to wait after a 429 that names no time.

    Raises:
        RetryableError: 408, 429, 500, 502, 503, 504.
        FatalError: Everything else, by kind.
    """
    if response.status != OK:
        raise _error_for(response, url, now, quote=quote, default_wait=default_wait)


def _error_for(
    response: HttpResponse, url: str, now: float, *, quote: bool, default_wait: float | None
) -> DeClassesError:
    status, where = response.status, without_secrets(url)
    retry_after = parse_retry_after(response.header("retry-after"), now=now)
    message = f"{where} answered {status}"
    if status == _TOO_MANY_REQUESTS:
        retry_after = default_wait if retry_after is None else retry_after
        return RateLimitedError(message, status=status, retry_after=retry_after)
    if status in TRANSIENT:
        return TransientStatusError(message, status=status, retry_after=retry_after)
    if status == UNAUTHORIZED:
        return AuthenticationError(f"{message}: check the credentials")
    if status == _FORBIDDEN:
        return PermissionDeniedError(f"{message}: these credentials may not read it")
    if status in REDIRECTS:
        return _redirect_error(message, url, response.headers)
    return _rejection(message, response, quote=quote)


def _redirect_error(message: str, url: str, headers: Mapping[str, str]) -> ProtocolError:
    target = headers.get("location", "")
    if "://" in target and origin(target) != origin(url):
        return ForeignOriginError(
            f"{message}, a redirect to {without_secrets(target)}: no token is sent there"
        )
    return ProtocolError(f"{message}, a redirect: configure the address it leads to")


def _rejection(message: str, response: HttpResponse, *, quote: bool) -> RequestRejectedError | ProtocolError:
    excerpt = _excerpt(response.body) if quote else "its answer is not quoted, it may repeat a secret"
    if response.status < UNAUTHORIZED - 1:
        return ProtocolError(f"{message}, where 200 was expected")
    return RequestRejectedError(f"{message}: {excerpt}", status=response.status, body=excerpt)


def _excerpt(body: bytes) -> str:
    """The first characters of an answer, with what it repeats of the request's credentials masked."""
    text = excerpt(body[:_MOST_READ].decode("utf-8", "replace"), BODY_EXCERPT_CHARS * 16)
    return shared_filter().text(text)[:BODY_EXCERPT_CHARS]
