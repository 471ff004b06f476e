"""Seeing that rows of one page come again on the page beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.api.page import edges_of, short_hash
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from de_classes.api.page import Page
    from de_classes.utils.run_records import PageEntry


class Seam(Value):
    """How a page fits the page beside it.

    Attributes:
        repeats: Whether a row at the seam is on both pages.
        slid: Whether that shows that rows slid from page to page: no row is twice on one page, so that
            the data does not repeat by itself.
    """

    repeats: bool = False
    slid: bool = False


class Overlap:
    """Holds the records of the furthest page, or, right after a resume, their short hashes.

    A page that is fetched late is held against the edges of the pages on both its sides.

    Args:
        front: The furthest page that was taken.
        tail: Hashes of its records, as ``tail`` gives them.
        edges: By page, hashes of the first and the last record, as ``edges_of`` gives them; of the pages
            beside those that are still to come.
    """

    def __init__(
        self, front: int, tail: Iterable[str] = (), edges: Mapping[int, Sequence[str]] | None = None
    ) -> None:
        self._front = front
        self._hashes = tuple(tail)
        self._edges = dict(edges or {})
        self._records: Sequence[dict[str, Any]] = []

    def step(self, page: Page) -> Seam:
        """Take a page; tells how it fits the page before it, or, if it comes late, both its neighbours."""
        if page.number <= self._front:
            return self._late_seam(page)
        seam = self._seam(page) if page.number == self._front + 1 else Seam()
        self._front = page.number
        self._hashes = () if page.records else self._hashes
        self._records = page.records or self._records
        return seam

    def tail(self) -> tuple[str, ...]:
        """Short hashes of the furthest page's records."""
        return self._hashes or _hashes(self._records)

    def _seam(self, page: Page) -> Seam:
        if not page.records or not self._holds(page.records[0]):
            return Seam()
        return Seam(repeats=True, slid=_goes_on_with(self.tail(), _hashes(page.records)))

    def _holds(self, record: dict[str, Any]) -> bool:
        return record in self._records or (bool(self._hashes) and short_hash(record) in self._hashes)

    def _late_seam(self, page: Page) -> Seam:
        before = self._edges.get(page.number - 1, ())[-1:]
        after = self._edges.get(page.number + 1, ())[:1]
        hashes = _hashes(page.records)
        self._edges[page.number] = page.edges
        repeats = not {*before, *after}.isdisjoint(hashes)
        return Seam(repeats, repeats and _is_distinct(hashes))


def still_stands(page: Page, entry: PageEntry) -> bool:
    """Whether a page begins and ends as when it was taken; others may have been appended to it since."""
    return len(page.records) >= entry.records and edges_of(page.records[: entry.records]) == entry.edges


def _goes_on_with(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether a page begins with the rows that the page before it ends with, each once on either.

    A page that is the one before it all over again is a loop, which is somebody else's to see.
    """
    if after[0] not in before:  # equal, but not the same: 1 and 1.0
        return False
    start = before.index(after[0])
    fits = all(mine == theirs for mine, theirs in zip(before[start:], after, strict=False))
    return start > 0 and fits and _is_distinct(before) and len(after) == len(set(after))


def _is_distinct(hashes: Sequence[str]) -> bool:
    """Whether no row is there twice; a row alone tells nothing of the others."""
    return len(hashes) == len(set(hashes)) > 1


def _hashes(records: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(map(short_hash, records))
