"""Runs: pages into sealed parts, parts into a committed dataset; resumable, replayable, with a receipt.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.runs.api_data_service import ApiDataService
    from de_classes.runs.context import Runtime
    from de_classes.runs.dataset import DatasetDestination
    from de_classes.runs.dataset_loader import DatasetLoader
    from de_classes.runs.destination import MemoryDestination, ObjectDestination, PartLimits
    from de_classes.runs.journal import RunJournal
    from de_classes.runs.liveness import RunCancellation
    from de_classes.runs.plan import RunPlan, new_run_id
    from de_classes.runs.run_service import RunService
    from de_classes.runs.status import RunStatus, list_runs, read_status
    from de_classes.runs.verify import differences

__all__ = [
    "ApiDataService",
    "DatasetDestination",
    "DatasetLoader",
    "MemoryDestination",
    "ObjectDestination",
    "PartLimits",
    "RunCancellation",
    "RunJournal",
    "RunPlan",
    "RunService",
    "RunStatus",
    "Runtime",
    "differences",
    "list_runs",
    "new_run_id",
    "read_status",
]

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "api_data_service": ("ApiDataService",),
        "context": ("Runtime",),
        "dataset": ("DatasetDestination",),
        "dataset_loader": ("DatasetLoader",),
        "destination": ("MemoryDestination", "ObjectDestination", "PartLimits"),
        "journal": ("RunJournal",),
        "liveness": ("RunCancellation",),
        "plan": ("RunPlan", "new_run_id"),
        "run_service": ("RunService",),
        "status": ("RunStatus", "list_runs", "read_status"),
        "verify": ("differences",),
    },
)
