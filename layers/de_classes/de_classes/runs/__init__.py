"""Runs: pages into sealed parts, parts into a committed dataset; resumable, replayable, with a receipt.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from de_classes.runs.journal import RunJournal
    from de_classes.runs.open_part import PartLimits
    from de_classes.runs.plan import RunPlan, new_run_id
    from de_classes.runs.run_service import RunService
    from de_classes.runs.verify import differences

__all__ = ["PartLimits", "RunJournal", "RunPlan", "RunService", "differences", "new_run_id"]

_HOMES = {
    "PartLimits": "open_part",
    "RunJournal": "journal",
    "RunPlan": "plan",
    "RunService": "run_service",
    "differences": "verify",
    "new_run_id": "plan",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562: the type is the one imported above
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
