"""Faults that are an honest HTTP status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.simulators.fault_kinds import Fault
from de_classes.simulators.messages import error_response

if TYPE_CHECKING:
    from de_classes.simulators.fault_kinds import FaultContext, Genuine, Play
    from de_classes.simulators.messages import SimResponse


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
