"""Write the JSON Schemas of what commands print with ``--json`` to docs/.

Usage: ``python -m tools.command_schemas``. Those of a receipt and of a check have tools of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from de_classes.api.evidence import End, Still
from de_classes.cli.clean import Cleaning, LeftBehind
from de_classes.cli.dataset_overview import (
    ColumnOverview,
    DatasetOverview,
    GenerationOverview,
    RunOverview,
)
from de_classes.cli.init import WrittenDescription
from de_classes.cli.lake import Catalogue
from de_classes.cli.new import NewProject
from de_classes.cli.sample import Sample
from de_classes.cli.schedule import Reconciled, ScheduleChange
from de_classes.cli.sql import AskedDataset, SqlAnswer
from de_classes.cli.verify import Comparison
from de_classes.pipelines.glue.table import Registered
from de_classes.pipelines.postgres.loader import Loaded
from de_classes.runs.status import ListedRun, RangeStatus, RunList, RunStatus
from de_classes.simulators.cli import ListedFaults, Served, Serving
from de_classes.storage.datasets.lake import CataloguedDataset, Generation
from de_classes.utils.run_records import Reached
from tools.receipt_document import DOCS, as_text, schema_of

if TYPE_CHECKING:
    from msgspec import Struct

DOCUMENTS: Final[dict[str, tuple[Any, tuple[type[Struct], ...], str]]] = {
    "verify.schema.json": (Comparison, (Comparison,), "What a comparison with a receipt found"),
    "show.schema.json": (
        DatasetOverview,
        (DatasetOverview, ColumnOverview, GenerationOverview, RunOverview, Reached, End, Still),
        "A dataset",
    ),
    "load.schema.json": (
        Loaded | Registered,
        (Loaded, Registered),
        "What was loaded into PostgreSQL, or is shown by Glue",
    ),
    "runs.schema.json": (RunStatus, (RunStatus, RangeStatus), "Where a run stands"),
    "runs-list.schema.json": (RunList, (RunList, ListedRun), "The runs that there are"),
    "sql.schema.json": (SqlAnswer, (SqlAnswer, AskedDataset), "An answer to a question in SQL"),
    "clean.schema.json": (Cleaning, (Cleaning, LeftBehind), "What runs left behind"),
    "lake.schema.json": (Catalogue, (Catalogue, CataloguedDataset, Generation), "The datasets of a place"),
    "init.schema.json": (WrittenDescription, (WrittenDescription,), "A description that was written"),
    "sample.schema.json": (Sample, (Sample,), "The first records of a source"),
    "schedule.schema.json": (Reconciled, (Reconciled, ScheduleChange), "What became of a stack's schedules"),
    "new.schema.json": (NewProject, (NewProject,), "A project that was written"),
    "simulate.schema.json": (
        Serving | Served | ListedFaults,
        (Serving, Served, ListedFaults),
        "What a simulator says, a line each",
    ),
}
"""By file: what is printed, the structs in it, and what it is."""


def main() -> None:
    """Bring the files up to date."""
    for name in DOCUMENTS:
        (DOCS / name).write_text(schema_text(name), encoding="utf-8")


def schema_text(name: str) -> str:
    """A schema as its file has it."""
    root, structs, title = DOCUMENTS[name]
    return as_text(schema_of(root, structs, title))


if __name__ == "__main__":
    main()
