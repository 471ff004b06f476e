"""Signs that a source changed under the run, so that its pages may not fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from de_classes.utils.run_records import PageEntry


class SourceDrift:
    """Follows the totals in the order in which pages were taken, whatever their numbers.

    A total that shrinks is drift, and so is one that grows while rows repeat across two pages: the
    pages slid under the reader's hands. Rows may slide while the total stays, where others go as they
    come: where no page holds a row twice, a row on two of them is drift by itself.
    """

    def __init__(self) -> None:
        self._totals: list[int] = []
        self._rows_repeat = False
        self._total_beside_records = 0
        self._own_counts = 0
        self._others = 0
        self._slid_at: int | None = None

    @property
    def total(self) -> int | None:
        """Records the source has, as it said last."""
        return self._totals[-1] if self._totals else None

    @property
    def total_beside_records(self) -> int:
        """How many the source said it has on the last page that had any: an empty one may lie."""
        return self._total_beside_records

    @property
    def has_moved(self) -> bool:
        """Whether the source said several totals, one after the other."""
        return len(self._totals) > 1

    @property
    def counts_pages(self) -> bool:
        """Whether every page names its own records for a total: then it tells nothing of the whole."""
        return self._own_counts > 1 and not self._others

    @property
    def has_only_said_none(self) -> bool:
        """Whether the source never said that it has any record."""
        return not any(self._totals)

    def enter(self, entry: PageEntry) -> None:
        """Enter one page."""
        self.note_total(entry.total_records)
        if entry.records:
            self._total_beside_records = entry.total_records or 0
            is_own = entry.total_records == entry.records + entry.left
            self._own_counts += is_own
            self._others += not is_own
        self._rows_repeat |= entry.repeats
        if entry.slid and self._slid_at is None:
            self._slid_at = entry.number

    def note_total(self, total: int | None) -> None:
        """Enter what a page said of the total, if it did."""
        if total is not None and total != self.total:
            self._totals.append(total)

    def problems(self) -> list[str]:
        """What was found, for people."""
        has_moved = self.has_moved and not self.counts_pages
        if has_moved and self._totals != sorted(self._totals):
            return [
                f"the source lost records during the run, its total fell from {max(self._totals)}: run again"
            ]
        if self._rows_repeat and has_moved:
            return [f"records were inserted during the run, the total rose from {self._totals[0]}: run again"]
        if self._slid_at is not None:
            return [
                f"page {self._slid_at} has rows of the page beside it, they slid during the run: run again"
            ]
        return []
