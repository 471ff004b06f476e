"""Write what ``checks/report.py`` says to ``docs/check.md`` and ``docs/check.schema.json``.

Usage: ``python -m tools.check_document``. The page's prose is its own; its tables lie between two marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.api.receipt import Figures
from de_classes.checks.report import CheckReport, FieldSeen, Finding, PaginationEvidence
from tools.receipt_document import DOCS, as_text, schema_of, with_tables

if TYPE_CHECKING:
    from msgspec import Struct

PAGE, SCHEMA = DOCS / "check.md", DOCS / "check.schema.json"
BEGIN = "<!-- written by tools/check_document.py -->\n"
DOCUMENTED: tuple[type[Struct], ...] = (CheckReport, Finding, FieldSeen, PaginationEvidence)


def main() -> None:
    """Bring both files up to date."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def schema_text() -> str:
    """The schema as the file has it."""
    return as_text(schema_of(CheckReport, (*DOCUMENTED, Figures), "What a check of a source found"))


def updated(page: str) -> str:
    """The page with the tables of today.

    Args:
        page: As it is.
    """
    return with_tables(page, DOCUMENTED, BEGIN)


if __name__ == "__main__":
    main()
