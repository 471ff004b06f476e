"""Faults that are an honest HTTP status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.simulators.faults import Fault
from de_classes.simulators.messages import error_response

if TYPE_CHECKING:
    from de_classes.simulators.faults import FaultContext, Genuine
    from de_classes.simulators.messages import SimResponse


def _server_error(_: FaultContext, __: Genuine) -> SimResponse:
    return error_response(500, "something went wrong; try again")


def _unavailable(_: FaultContext, __: Genuine) -> SimResponse:
    return error_response(503, "the service is not available; try again")


def _rate_limited(context: FaultContext, _: Genuine) -> SimResponse:
    return error_response(
        429, "too many requests; slow down", headers={"Retry-After": str(context.retry_after)}
    )


SERVER_ERROR = Fault("server-error-500", ("F01",), "answers 500", _server_error, short="500")
UNAVAILABLE = Fault("unavailable-503", ("F01",), "answers 503", _unavailable, short="503")
RATE_LIMIT = Fault(
    "rate-limit-429", ("F04",), "answers 429 with Retry-After in seconds", _rate_limited, short="429"
)

STATUS_FAULTS = (SERVER_ERROR, UNAVAILABLE, RATE_LIMIT)
