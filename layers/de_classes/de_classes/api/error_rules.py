"""What an answer means that HTTP's own statuses do not say, as a description puts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from de_classes.api.messages import without_secrets
from de_classes.api.pagination import Path
from de_classes.api.retry_after import answered_at, parse_retry_after
from de_classes.api.templates import as_text
from de_classes.errors import (
    BODY_EXCERPT_CHARS,
    AuthenticationError,
    RateLimitedError,
    RequestRejectedError,
    TransientStatusError,
)
from de_classes.redaction import shared_filter
from de_classes.utils.paths import MISSING, find
from de_classes.utils.values import Described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.messages import HttpResponse

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
    said = _said(rule.message, answer)
    kind = _said(rule.kind, answer) if rule.kind else said
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


def _said(path: str | None, answer: Any) -> str:  # noqa: ANN401 - a JSON value
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
