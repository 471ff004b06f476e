"""The figures of a whole run, for readers."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tools.mutation.equivalent import EQUIVALENT

if TYPE_CHECKING:
    from pathlib import Path

    from tools.mutation.report import Report

START, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


@dataclass(frozen=True)
class Spent:
    """What a run took.

    Attributes:
        seconds: From its beginning to its end.
        processor_seconds: What it and its copies computed; on a busy machine, the better measure.
    """

    seconds: float
    processor_seconds: float

    def __str__(self) -> str:
        return f"{self.seconds / 60:.1f} minutes, {self.processor_seconds / 60:.1f} of processor time"


def write_documents(report: Report, folder: Path, *, date: str, spent: Spent) -> None:
    """Put the table into ``mutation.md`` between its marks, and everything into ``mutation.json``."""
    python = ".".join(map(str, sys.version_info[:3]))
    about = {"date": date, "python": python, **asdict(spent), "equivalent": EQUIVALENT}
    report.write(folder / "mutation.json", about)
    page = folder / "mutation.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    figures = f"\n{date}, Python {python}, {spent}.\n\n{report.table()}\n\n"
    page.write_text(f"{before}{START}{figures}{END}{after}", encoding="utf-8")
