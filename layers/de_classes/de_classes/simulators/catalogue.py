"""Every fault there is, in the order of the draw, and how they are listed.

Append only: a fault in between, and every seed means something else.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from de_classes.simulators.answer_faults import (
    BODY_FAULTS,
    EARLY_FAULTS,
    HTTP_FAULTS,
    MORE_WIRE_FAULTS,
    WIRE_FAULTS,
)
from de_classes.simulators.drift import FIRST_DRIFT_FAULTS, LATER_DRIFT_FAULTS
from de_classes.simulators.faults import FaultRegistry, InjectionPoint
from de_classes.simulators.page_faults import (
    END_FAULTS,
    MORE_PAGE_FAULTS,
    MORE_RECORD_FAULTS,
    PAGE_FAULTS,
    RECORD_FAULTS,
)
from de_classes.simulators.status_faults import (
    MORE_STATUS_FAULTS,
    OTHER_SUCCESSES,
    PACE_FAULTS,
    PASSING_STATUSES,
    RETRY_AFTER_FAULTS,
    STATUS_FAULTS,
    VANISHING_PAGES,
)
from de_classes.simulators.token_faults import (
    FOREIGN_FAULTS,
    GRANT_FAULTS,
    LOGIN_FAULTS,
    MORE_TOKEN_FAULTS,
    TOKEN_FAULTS,
)

if TYPE_CHECKING:
    from de_classes.simulators.faults import FaultKind

CATALOGUE = FaultRegistry(
    (
        *STATUS_FAULTS,
        *WIRE_FAULTS,
        *MORE_STATUS_FAULTS,
        *RETRY_AFTER_FAULTS,
        *MORE_WIRE_FAULTS,
        *BODY_FAULTS,
        *PAGE_FAULTS,
        *PACE_FAULTS,
        *FIRST_DRIFT_FAULTS,
        *TOKEN_FAULTS,
        *LOGIN_FAULTS,
        *GRANT_FAULTS,
        *FOREIGN_FAULTS,
        *RECORD_FAULTS,
        *END_FAULTS,
        *VANISHING_PAGES,
        *PASSING_STATUSES,
        *OTHER_SUCCESSES,
        *HTTP_FAULTS,
        *EARLY_FAULTS,
        *LATER_DRIFT_FAULTS,
        *MORE_TOKEN_FAULTS,
        *MORE_RECORD_FAULTS,
        *MORE_PAGE_FAULTS,
    )
)


_MEANING = {
    InjectionPoint.ANSWER: "an answer",
    InjectionPoint.LOGIN: "a login",
    InjectionPoint.GRANT: "a token answer",
    InjectionPoint.TOTAL: "a page's totals",
    InjectionPoint.PAGE: "a page",
    InjectionPoint.HEADERS: "a page's headers",
    InjectionPoint.LINK: "a page's link",
    InjectionPoint.RECORDS: "the records",
    InjectionPoint.RUN: "the run",
}
_WIDTH = 100


def _lowest_id(fault: FaultKind) -> str:
    return fault.catalogue_ids[0]


def _by_id() -> list[FaultKind]:
    return sorted(CATALOGUE, key=lambda fault: int(_lowest_id(fault)[1:]))


def short_list() -> str:
    """Every fault by id and name, a few to a line."""
    groups = groupby(_by_id(), key=_lowest_id)
    text = "; ".join(f"{number} {', '.join(fault.name for fault in faults)}" for number, faults in groups)
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def long_list() -> str:
    """Every fault on a line of its own: id, name, where it strikes, how, and what it is."""
    rows = [
        (_lowest_id(fault), fault.name, _MEANING[fault.point], _remedy(fault), fault.summary)
        for fault in _by_id()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = (
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4]]) for row in rows
    )
    return "\n".join(lines) + "\n"


def as_json() -> list[dict[str, object]]:
    """Every fault for the OpenAPI description's ``x-faults``."""
    return [
        {
            "name": fault.name,
            "ids": list(fault.catalogue_ids),
            "summary": fault.summary,
            "strikes": _MEANING[fault.point],
            "curedByRetry": fault.cured_by_retry,
            "loopbackOnly": fault.loopback_only,
        }
        for fault in _by_id()
    ]


def _remedy(fault: FaultKind) -> str:
    how = "once" if fault.once else "by rate" if fault.cured_by_retry else "lasting"
    return f"{how}, loopback" if fault.loopback_only else how
