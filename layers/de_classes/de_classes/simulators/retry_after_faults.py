"""429 with Retry-After in every form that has been seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from de_classes.simulators.fault_kinds import Fault
from de_classes.simulators.messages import error_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.simulators.fault_kinds import FaultContext, Genuine
    from de_classes.simulators.messages import SimResponse

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
