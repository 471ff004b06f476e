"""Signs that a source changed under the run, so that its pages may not fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from de_classes.utils.run_records import PageEntry


class SourceDrift:
    """Follows the totals in the order in which pages were taken, whatever their numbers.

    A total that shrinks is drift, and so is one that grows while rows repeat across two pages: the
    pages slid under the reader's hands. Where pages were skipped and fetched late there are no
    neighbours to compare with, so that any change of the total counts.
    """

    def __init__(self) -> None:
        self._totals: list[int] = []
        self._rows_repeat = False
        self._is_out_of_order = False
        self._previous: int | None = None

    @property
    def total(self) -> int | None:
        """Records the source has, as it said last."""
        return self._totals[-1] if self._totals else None

    @property
    def has_only_said_none(self) -> bool:
        """Whether the source never said that it has any record."""
        return not any(self._totals)

    def enter(self, entry: PageEntry) -> None:
        """Enter one page."""
        self.note_total(entry.total_records)
        self._rows_repeat |= entry.repeats
        self._is_out_of_order |= self._previous is not None and entry.number != self._previous + 1
        self._previous = entry.number

    def note_total(self, total: int | None) -> None:
        """Enter what a page said of the total, if it did."""
        if total is not None and total != self.total:
            self._totals.append(total)

    def problems(self) -> list[str]:
        """What was found, for people."""
        first, last = (self._totals[0], self._totals[-1]) if self._totals else (None, None)
        if self._totals != sorted(self._totals):
            return [
                f"the source lost records during the run, its total fell from {max(self._totals)}: run again"
            ]
        if first != last and self._rows_repeat:
            return [f"records were inserted during the run, the total rose from {first}: run again"]
        if first != last and self._is_out_of_order:
            return [f"the total rose from {first} to {last} while pages were skipped: run again"]
        return []
