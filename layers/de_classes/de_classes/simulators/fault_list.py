"""The faults as they are listed: for people in the help, for programs in the API's description."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.fault_kinds import Site

if TYPE_CHECKING:
    from de_classes.simulators.fault_kinds import FaultKind

_MEANING = {
    Site.ANSWER: "an answer",
    Site.LOGIN: "a login",
    Site.GRANT: "a token answer",
    Site.TOTAL: "a page's totals",
    Site.PAGE: "a page",
    Site.HEADERS: "a page's headers",
    Site.LINK: "a page's link",
    Site.RECORDS: "the records",
    Site.RUN: "the run",
}
_WIDTH = 100


def _id(fault: FaultKind) -> str:
    return fault.catalogue_ids[0]


def _sorted() -> list[FaultKind]:
    return sorted(CATALOGUE, key=lambda fault: int(_id(fault)[1:]))


def short_list() -> str:
    """Every fault by id and name, a few to a line."""
    groups = groupby(_sorted(), key=_id)
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
    rows = [(_id(fault), fault.name, _MEANING[fault.site], _how(fault), fault.summary) for fault in _sorted()]
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
            "strikes": _MEANING[fault.site],
            "curedByRetry": fault.cured_by_retry,
            "loopbackOnly": fault.loopback_only,
        }
        for fault in _sorted()
    ]


def _how(fault: FaultKind) -> str:
    how = "once" if fault.once else "by rate" if fault.cured_by_retry else "lasting"
    return f"{how}, loopback" if fault.loopback_only else how
