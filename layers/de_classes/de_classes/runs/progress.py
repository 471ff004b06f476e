"""How far a run is, told from the parts that were sealed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

from de_classes.runs.sealed_part import RunCounts
from de_classes.storage.format.schema import Schema, merge
from de_classes.utils.run_records import RunState
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.runs.forecast import FirstPage
    from de_classes.runs.sealed_part import SealedPart
    from de_classes.utils.run_records import PageEntry


class RunProgress(Value, dict=True):
    """The parts of a run, in the order in which they were sealed.

    Attributes:
        parts: Without a hole. No page is in two of them, on one pass.
    """

    parts: tuple[SealedPart, ...]

    @classmethod
    def of(cls, sealed: Iterable[SealedPart]) -> Self:
        """What a listing showed of it, up to the first hole.

        A listing takes its time: it may show a part that was sealed meanwhile, and not the one before.
        """
        in_order = enumerate(sorted(sealed, key=lambda part: part.sequence), 1)
        return cls(tuple(part for place, part in in_order if part.sequence == place))

    def plus(self, part: SealedPart) -> RunProgress:
        """With one more part."""
        return RunProgress((*self.parts, part))

    @property
    def pass_(self) -> int:
        """The pass that is under way."""
        return max((part.pass_ for part in self.parts), default=1)

    def state(self, pass_: int) -> RunState | None:
        """Where a pass goes on; None if it was not begun."""
        parts = self._of_pass(pass_)
        if not parts:
            return None
        entries = tuple(entry for part in parts for entry in part.entries)
        there = {entry.number for entry in entries}
        gaps = {gap for part in parts for gap in part.gaps} - there
        furthest = max(parts, key=lambda part: part.last_page)
        return RunState(entries=entries, gaps=tuple(sorted(gaps)), place=furthest.place)

    def last_pass(self) -> RunProgress:
        """Only what the last pass brought: where it began anew, nothing of those before is kept."""
        return RunProgress(tuple(self._of_pass(self.pass_)))

    def in_page_order(self) -> tuple[SealedPart, ...]:
        """Every part, as its records follow one another."""
        return tuple(sorted(self.parts, key=lambda part: (part.pass_, part.first_page)))

    def pages(self, pass_: int) -> tuple[PageEntry, ...]:
        """What came on each page of a pass, in page order."""
        entries = (entry for part in self._of_pass(pass_) for entry in part.entries)
        return tuple(sorted(entries, key=lambda entry: entry.number))

    @cached_property
    def schema(self) -> Schema:
        """The union of what all parts hold."""
        union = Schema()
        for part in self.in_page_order():
            union = merge(union, part.schema)
        return union

    @property
    def records(self) -> int:
        """Records in all parts."""
        return sum(part.part.records for part in self.parts if part.part)

    def records_of(self, pass_: int) -> int:
        """Records that a pass brought and that were kept."""
        return sum(part.part.records for part in self._of_pass(pass_) if part.part)

    @property
    def duplicates(self) -> int:
        """Records dropped on the first pass; later passes see every record again."""
        return sum(part.duplicates for part in self._of_pass(1))

    @property
    def widenings(self) -> list[str]:
        """Columns whose type had to widen, each said once."""
        return list(dict.fromkeys(widening for part in self.parts for widening in part.widenings))

    @property
    def drift(self) -> tuple[str, ...]:
        """How the source changed on the passes before, as far as it was written down."""
        return max((part.drift for part in self.parts), key=len, default=())

    @property
    def first(self) -> FirstPage | None:
        """What the first page of the run showed, if that was written down."""
        return next((part.first for part in self.parts if part.first), None)

    @property
    def counts(self) -> RunCounts:
        """What was spent in all."""
        return RunCounts.total(part.counts for part in self.parts)

    @property
    def invocations(self) -> set[str]:
        """The goes that sealed anything."""
        return {part.invocation for part in self.parts}

    def _of_pass(self, pass_: int) -> list[SealedPart]:
        return [part for part in self.parts if part.pass_ == pass_]
