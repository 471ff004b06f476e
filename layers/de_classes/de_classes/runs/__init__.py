"""Runs: pages into sealed parts, parts into a committed dataset; resumable, replayable, with a receipt.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.runs.journal import RunJournal
    from de_classes.runs.open_part import PartLimits
    from de_classes.runs.plan import RunPlan, new_run_id
    from de_classes.runs.run_service import RunService
    from de_classes.runs.verify import differences

__all__ = ["PartLimits", "RunJournal", "RunPlan", "RunService", "differences", "new_run_id"]

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "journal": ("RunJournal",),
        "open_part": ("PartLimits",),
        "plan": ("RunPlan", "new_run_id"),
        "run_service": ("RunService",),
        "verify": ("differences",),
    },
)
