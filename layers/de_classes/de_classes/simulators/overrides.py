"""Faults by request: what a client may set for this one request, where that is switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.configs.settings import load
from de_classes.simulators.settings import Overrides

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.simulators.fault_kinds import FaultKind
    from de_classes.simulators.messages import SimRequest

# Field to header; the parameter in the query has the field's name.
PLAIN_OVERRIDES = {
    "attempt": "X-Attempt",
    "seed": "X-Seed",
    "retry_after": "X-Retry-After",
    "jitter": "X-Jitter",
}
RATE_HEADER = "X-Fault-Rate-"
RATE_PARAMETER = "fault_rate_"


def read_overrides(request: SimRequest, faults: Iterable[FaultKind]) -> Overrides:
    """Read them from the headers, or else from the parameters.

    Raises:
        ConfigurationError: Its ``problems`` name each that is wrong.
    """
    given: dict[str, object] = {
        name: text
        for name, header in PLAIN_OVERRIDES.items()
        if (text := _text(request, header, name)) is not None
    }
    given["rates"] = {
        fault.override: text
        for fault in faults
        if fault.site.has_pages and (text := _rate_text(request, fault)) is not None
    }
    return load(Overrides, given, source="request")


def _rate_text(request: SimRequest, fault: FaultKind) -> str | None:
    return _text(request, RATE_HEADER + fault.override, RATE_PARAMETER + fault.override)


def _text(request: SimRequest, header: str, parameter: str) -> str | None:
    return request.headers.get(header, request.query.get(parameter))
