"""Faults that are an honest HTTP status or header: errors, Retry-After, rate limits true and false."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.simulators.faults import Fault, InjectionPoint, PageFault
from de_classes.simulators.messages import SimResponse, error_response, json_response
from de_classes.simulators.pages import UNCOUNTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.simulators.faults import FaultContext, Genuine, Play
    from de_classes.simulators.pages import ServedPage

_NO_CONTENT = 204


def _answers(status: int, message: str) -> Play:
    return lambda _, __: error_response(status, message)


def _rate_limited(context: FaultContext, _: Genuine) -> SimResponse:
    return error_response(
        429, "too many requests; slow down", headers={"Retry-After": str(context.retry_after)}
    )


def _transient(name: str, catalogue_id: str, status: int, message: str) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=f"answers {status}",
        play=_answers(status, message),
        short=str(status),
        cured_by_retry=True,
    )


def _vanishes(name: str, status: int) -> Fault:
    """A page in the middle that is not there when it is asked for first; nothing says how many there are."""
    return Fault(
        name=name,
        catalogue_ids=("F59",),
        summary=f"a page behind the first is answered {status} once, and no page says how many there are",
        play=_no_content if status == _NO_CONTENT else _answers(status, "there is no such page"),
        cured_by_retry=True,
        once=True,
        from_page=2,
        shape=UNCOUNTED,
    )


def _forbidden(name: str, summary: str, headers: Callable[[FaultContext], dict[str, str]]) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=("F79",),
        summary=summary,
        play=lambda context, _: error_response(403, "not at the moment", headers=headers(context)),
        cured_by_retry=True,
    )


def _no_content(_: FaultContext, __: Genuine) -> SimResponse:
    return SimResponse(_NO_CONTENT)


def _not_ready(context: FaultContext, _: Genuine) -> SimResponse:
    headers = {"Retry-After": str(context.retry_after)}
    return json_response(202, {"status": "running"}, headers=headers)


def _partial(_: FaultContext, genuine: Genuine) -> SimResponse:
    answer = genuine()
    half = len(answer.body) // 2
    part = f"bytes 0-{half - 1}/{len(answer.body)}"
    return replace(
        answer, status=206, headers={**answer.headers, "Content-Range": part}, body=answer.body[:half]
    )


def _not_modified(_: FaultContext, __: Genuine) -> SimResponse:
    return SimResponse(304, {"ETag": '"as-it-was"'})


def _final(name: str, catalogue_id: str, status: int, message: str) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=f"answers {status}, which no retry cures",
        play=_answers(status, message),
        short=str(status),
    )


SERVER_ERROR = _transient("server-error-500", "F01", 500, "something went wrong; try again")
UNAVAILABLE = _transient("unavailable-503", "F01", 503, "the service is not available; try again")
RATE_LIMIT = Fault(
    name="rate-limit-429",
    catalogue_ids=("F04",),
    summary="answers 429 with Retry-After in seconds",
    play=_rate_limited,
    short="429",
    cured_by_retry=True,
)
BAD_GATEWAY = _transient("bad-gateway-502", "F01", 502, "the gateway got no answer; try again")
GATEWAY_TIMEOUT = _transient("gateway-timeout-504", "F01", 504, "the gateway waited in vain; try again")
REQUEST_TIMEOUT = _transient("request-timeout-408", "F02", 408, "the request came too slowly; try again")
BAD_REQUEST = _final("bad-request-400", "F03", 400, "the request is refused, on purpose")
NOT_FOUND = _final("not-found-404", "F03", 404, "there is no such page, on purpose")
UNPROCESSABLE = _final("unprocessable-422", "F03", 422, "the request makes no sense, on purpose")
FORBIDDEN = _final("forbidden-403", "F37", 403, "this user may not do that")

PASSING_STATUSES = (
    _transient("unknown-error-520", "F79", 520, "the proxy got an answer that it does not know; try again"),
    _transient("server-down-521", "F79", 521, "the proxy was refused; try again"),
    _transient("connection-timeout-522", "F79", 522, "the proxy could not connect; try again"),
    _transient("unreachable-523", "F79", 523, "the proxy found no way; try again"),
    _transient("proxy-timeout-524", "F79", 524, "the proxy waited in vain; try again"),
    _transient("overloaded-529", "F79", 529, "too much to do; try again"),
    _transient("bandwidth-509", "F79", 509, "the bandwidth is used up; try again"),
    _transient("network-timeout-599", "F79", 599, "the network was too slow; try again"),
    _transient("too-early-425", "F79", 425, "too early; try again"),
    _transient("locked-423", "F79", 423, "somebody else is at it; try again"),
    _transient("calm-down-420", "F79", 420, "calm down; try again"),
    _transient("teapot-418", "F79", 418, "too many requests, says the teapot; try again"),
    _forbidden(
        "forbidden-403-later",
        "answers 403 with Retry-After",
        lambda context: {"Retry-After": str(context.retry_after)},
    ),
    _forbidden(
        "forbidden-403-none-left",
        "answers 403 with no request left, and says until when",
        lambda context: {
            "X-RateLimit-Limit": "100",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(context.now) + context.retry_after),
        },
    ),
)
VANISHING_PAGES = (
    _vanishes("gone-once-404", 404),
    _vanishes("gone-once-416", 416),
    _vanishes("gone-once-400", 400),
    _vanishes("gone-once-422", 422),
    _vanishes("gone-once-204", 204),
)
OTHER_SUCCESSES = (
    Fault(
        name="not-ready-202",
        catalogue_ids=("F80",),
        summary="answers 202 with Retry-After, until it is asked again",
        play=_not_ready,
        cured_by_retry=True,
    ),
    Fault(
        name="partial-206", catalogue_ids=("F80",), summary="answers 206 with half of a page", play=_partial
    ),
    Fault(
        name="not-modified-304", catalogue_ids=("F80",), summary="answers 304, unasked", play=_not_modified
    ),
)

STATUS_FAULTS = (SERVER_ERROR, UNAVAILABLE, RATE_LIMIT)
MORE_STATUS_FAULTS = (
    BAD_GATEWAY,
    GATEWAY_TIMEOUT,
    REQUEST_TIMEOUT,
    BAD_REQUEST,
    NOT_FOUND,
    UNPROCESSABLE,
    FORBIDDEN,
)


_PAST_SECONDS = 3600


def http_date(seconds: float) -> str:
    """A moment as HTTP writes it, such as ``Sun, 06 Nov 1994 08:49:37 GMT``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def _fault(name: str, catalogue_id: str, form: str, value: Callable[[FaultContext], str]) -> Fault:
    def play(context: FaultContext, _: Genuine) -> SimResponse:
        return error_response(429, "too many requests; slow down", headers={"Retry-After": value(context)})

    return Fault(
        name=name,
        catalogue_ids=(catalogue_id,),
        summary=f"answers 429 with Retry-After {form}",
        play=play,
        cured_by_retry=True,
    )


RETRY_AFTER_FAULTS = (
    _fault(
        "retry-after-date",
        "F05",
        "as a date to come",
        lambda context: http_date(context.now + context.retry_after),
    ),
    _fault(
        "retry-after-past-date",
        "F05",
        "as a date an hour ago",
        lambda context: http_date(context.now - _PAST_SECONDS),
    ),
    _fault("retry-after-garbage", "F06", "that is no time at all", lambda _: "a while; after lunch"),
    _fault("retry-after-negative", "F06", "-5", lambda _: "-5"),
    _fault("retry-after-fraction", "F06", "1.5", lambda _: "1.5"),
    _fault("retry-after-zero", "F06", "0", lambda _: "0"),
    _fault("retry-after-huge", "F07", "999999", lambda _: "999999"),
)


_LIMIT = 100
_WINDOW_SECONDS = 1
_NONSENSE = ("", "-1", "soon", "1e400", "NaN", "9" * 400, "0", "1/2", "60, 60;w=1", "0x10")


def _limit_headers(limit: str, remaining: str, reset: str, reset_at: str) -> dict[str, str]:
    return {
        "RateLimit-Limit": limit,
        "RateLimit-Remaining": remaining,
        "RateLimit-Reset": reset,
        "X-RateLimit-Limit": limit,
        "X-RateLimit-Remaining": remaining,
        "X-RateLimit-Reset": reset_at,
    }


def _true_limits(context: FaultContext, page: ServedPage) -> ServedPage:
    remaining = str(_LIMIT - page.number % (_LIMIT + 1))
    reset_at = str(int(context.now) + _WINDOW_SECONDS)
    return replace(page, headers=_limit_headers(str(_LIMIT), remaining, str(_WINDOW_SECONDS), reset_at))


def _false_limits(_: FaultContext, page: ServedPage) -> ServedPage:
    values = [_NONSENSE[(page.number + turn) % len(_NONSENSE)] for turn in range(4)]
    return replace(page, headers=_limit_headers(*values))


PACE_FAULTS = (
    PageFault(
        name="pace-headers",
        catalogue_ids=("F08",),
        summary="true RateLimit-* and X-RateLimit-* headers beside a page",
        point=InjectionPoint.HEADERS,
        transform=_true_limits,
    ),
    PageFault(
        name="pace-headers-bad",
        catalogue_ids=("F08",),
        summary="nonsense in them: negative, huge, text, empty",
        point=InjectionPoint.HEADERS,
        transform=_false_limits,
    ),
)
