"""How far a run is: what is remembered of each part once it is sealed, and what that comes to.

It is enough to go on from there, on any machine.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field, structs

from de_classes.errors import StorageError
from de_classes.runs.forecast import FirstPage, RunCounts
from de_classes.storage.datasets.manifest import ManifestPart
from de_classes.storage.format.schema import Schema, merge
from de_classes.utils import layouts
from de_classes.utils.run_records import PageEntry, RunPlace, RunState
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


FOLDER: Final = 10**8
"""What sets the places of the parts of a range apart from those of another: no range has as many."""


class StepCounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went through one transform on the way into a part.

    Attributes:
        rows_in: Records that went in.
        rows_out: Records that came out.
        repeats: How many of those between were left out because they had come before.
        keys: Where what came for the first time is, as the keys of records are kept; None if there is none.
    """

    rows_in: int = 0
    rows_out: int = 0
    repeats: int = 0
    keys: str | None = None


class SealedPart(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="version", tag=layouts.JOURNAL
):
    """One part of a run, and the place where the run goes on after it.

    Attributes:
        pass_: On which pass over the source, from 1.
        sequence: Its place in the order of sealing, from 1: its maker knew all those before it.
        invocation: Which go of the run sealed it.
        entries: The pages in it, consecutive, in order.
        gaps: Pages before it that were given up.
        place: Where the walk goes on; None where it is over.
        part: The object; None if the pages brought no record that is kept.
        quarantine: The object with the records that were set aside; None if there are none.
        schema: The columns known when it was sealed.
        widenings: Columns whose type had to widen in it.
        rounded: By column, how many numbers had more digits than its format keeps.
        values: By column, how many values are not null; Parquet alone counts them.
        duplicates: Records dropped because their key had come before.
        drift: How the source changed on the passes before, a sentence each.
        transforms: What went through each transform of the run, in order.
        keys: Where the keys of its records are; None if they are not told apart.
        first: What the first page of the run showed; only in the part that holds it.
        counts: What was spent since the part before, or since the invocation began.
        reached: How far its records reach, where the run brings only what is new: a place, as a number.
        before: How many of them lie before the place where the run begins.
        head: Short hashes of the records of a range's first page, if it is in it: its seam is compared later.
        head_page: That page; 0 if it is not in it.
        compared: Where the hashes of its records are by their keys, so that those of one key can be compared;
            only of a range, and from the second pass on.
        begins_pass: Whether it holds the first page of a run that is cut into ranges behind it.
        reached_of: How far those of each parent reach, by its hashed key, where each has a place of its own.
        job: Which of the run's jobs at the source its pages are of, from 1; 0 where there are none.
    """

    pass_: int = 1
    sequence: int
    invocation: str
    entries: tuple[PageEntry, ...]
    gaps: tuple[int, ...] = ()
    place: RunPlace | None = None
    part: ManifestPart | None = None
    quarantine: ManifestPart | None = None
    schema: Schema = Schema()
    widenings: tuple[str, ...] = ()
    rounded: dict[str, int] = {}
    values: dict[str, int] = {}
    duplicates: int = 0
    drift: tuple[str, ...] = ()
    transforms: tuple[StepCounts, ...] = ()
    keys: str | None = None
    first: FirstPage | None = None
    counts: RunCounts = RunCounts()
    reached: int | None = None
    before: int = 0
    head: tuple[str, ...] = ()
    head_page: int = 0
    compared: str | None = None
    begins_pass: bool = False
    reached_of: dict[str, int] = {}
    job: int = 0

    @property
    def range(self) -> int:
        """Which range of the run sealed it; 0 if none did."""
        return self.sequence // FOLDER

    @property
    def is_of_range(self) -> bool:
        """Whether a range sealed it, which knew nothing of the others."""
        return self.range > 0

    @property
    def came(self) -> int:
        """How many records its pages brought, but for those whose key had come before."""
        if self.transforms:
            return self.transforms[0].rows_in
        return sum(each.records for each in (self.part, self.quarantine) if each)

    @property
    def repeats(self) -> bool:
        """Whether records were left out of it because they had come before, perhaps with another part."""
        return self.duplicates > 0 or any(step.repeats for step in self.transforms)

    @property
    def first_page(self) -> int:
        """The first page in it."""
        return self.entries[0].number

    @property
    def last_page(self) -> int:
        """The last page in it."""
        return self.entries[-1].number


class BrokenPartsError(StorageError):
    """Parts of a run are not what was sealed, or are gone: their pages have to be fetched again.

    Attributes:
        parts: Which.
    """

    def __init__(self, parts: Sequence[SealedPart], what: str) -> None:
        pages = ", ".join(f"{part.first_page}-{part.last_page}" for part in parts)
        super().__init__(f"{what} of pages {pages} is gone, or not what was kept there")
        self.parts = tuple(parts)


def in_order_said(parts: Iterable[SealedPart]) -> tuple[PageEntry, ...]:
    """The pages of parts, in the order in which they were taken as far as totals tell of it.

    Ranges are read at once: of a total that grew, the old one is also said by a range that comes behind it by
    number, and was read before. Judged by number it would have fallen.
    """
    entries: list[tuple[float, PageEntry]] = []
    now = 0.0
    for part in parts:
        for entry in part.entries:
            if entry.said_at is not None:
                now = entry.said_at
            elif not part.is_of_range and not part.begins_pass:
                now = float("inf")
            entries.append((now, entry))
    if len({entry.total_records for _, entry in entries}) > 1:
        entries.sort(key=lambda each: each[0])  # those of one moment stay as they are
    return tuple(entry for _, entry in entries)


class RunProgress(Value, dict=True):
    """The parts of a run, in the order in which they were sealed.

    Attributes:
        sealed: All that were ever sealed, without a hole.
        struck: The places of those that were found broken since, and count no more.
        side_by_side: Whether ranges of it were read at once, so that pages may be missing between them.
        changed: By pass, how a range found that the source had changed under it.
    """

    sealed: tuple[SealedPart, ...]
    struck: frozenset[int] = frozenset()
    side_by_side: bool = False
    changed: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def parts(self) -> tuple[SealedPart, ...]:
        """Those that count. No page is in two of them, on one pass."""
        return tuple(part for part in self.sealed if part.sequence not in self.struck)

    def plus(self, part: SealedPart) -> RunProgress:
        """With one more part."""
        return structs.replace(self, sealed=(*self.sealed, part))

    @property
    def sequences(self) -> list[int]:
        """The places of all that were ever sealed."""
        return [part.sequence for part in self.sealed]

    def to_strike(self, broken: Iterable[SealedPart], *, stand_alone: bool) -> list[SealedPart]:
        """Which parts have to go for some that are broken, so that the run can go on from the others.

        As a rule all that were sealed from the first of them on: the run is then as it was before. Where
        pages stand alone the others stay, but for those that left out a record because it had come before: it
        may have come with what is broken. The first page is what the rest is reckoned from.

        Args:
            broken: Parts that count.
            stand_alone: Whether any page can be asked for by its number, whatever came before it.
        """
        named = {part.sequence for part in broken}
        gone = [part for part in self.parts if part.sequence in named]
        if not gone:
            return []
        since = self.parts[self.parts.index(gone[0]) :]
        starts_at = min(part.first_page for part in self.sealed)
        if not stand_alone or any(part.first_page == starts_at for part in gone):
            return list(since)
        return [
            part for part in since if part.sequence in named or part.repeats or part.pass_ > gone[0].pass_
        ]

    @property
    def pass_(self) -> int:
        """The pass that is under way."""
        return max((part.pass_ for part in self.parts), default=1)

    def state(self, pass_: int, *, stand_alone: bool = True) -> RunState | None:
        """Where a pass goes on; None if it was not begun, or nothing of it counts.

        Args:
            pass_: Which pass.
            stand_alone: As in ``to_strike``: the pages of parts that were struck are gaps then. Otherwise
                none that counts is behind them, and the walk comes by them again.
        """
        parts = self._of_pass(pass_)
        if not parts:
            return None
        entries = in_order_said(parts)
        there = {entry.number for entry in entries}
        walked = [part for part in self.sealed if part.pass_ == pass_] if stand_alone else parts
        gaps = {gap for part in walked for gap in part.gaps}
        if stand_alone:
            gaps |= {entry.number for part in walked for entry in part.entries}
        furthest = max(walked, key=lambda part: part.last_page)
        if self.side_by_side:
            gaps |= set(range(min(there), furthest.last_page))
        gaps -= there
        place = furthest.place
        if gaps and max(gaps) > furthest.last_page:  # what was behind them is struck
            place = RunPlace(number=max(gaps) + 1)
        return RunState(entries=entries, gaps=tuple(sorted(gaps)), place=place)

    def last_pass(self) -> RunProgress:
        """Only what the last pass brought: where it began anew, nothing of those before is kept."""
        return self.of_pass(self.pass_)

    def of_pass(self, pass_: int) -> RunProgress:
        """Only what one pass brought."""
        return RunProgress(tuple(self._of_pass(pass_)))

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

    def new_of(self, pass_: int) -> int:
        """Records that a pass brought and no pass before it, whatever became of them."""
        return sum(part.came for part in self._of_pass(pass_))

    def transformed(self) -> list[tuple[int, int]]:
        """For each transform of the run, how many records went in and came out."""
        each = zip(*(part.transforms for part in self.parts), strict=True)
        return [(sum(step.rows_in for step in one), sum(step.rows_out for step in one)) for one in each]

    @property
    def duplicates(self) -> int:
        """Records dropped on the first pass; later passes see every record again."""
        return sum(part.duplicates for part in self._of_pass(1))

    @property
    def widenings(self) -> list[str]:
        """Columns whose type had to widen, each said once."""
        return list(dict.fromkeys(widening for part in self.parts for widening in part.widenings))

    @property
    def rounded(self) -> dict[str, int]:
        """By column, how many numbers had more digits than the format keeps."""
        total: Counter[str] = Counter()
        for part in self.parts:
            total.update(part.rounded)
        return dict(total)

    @property
    def values(self) -> dict[str, int]:
        """By column, how many values are not null; none at all if one part was sealed without a count."""
        total: Counter[str] = Counter()
        for part in self.parts:
            if part.part is not None and not part.values:
                return {}
            total.update(part.values)
        return dict(total)

    @property
    def drift(self) -> tuple[str, ...]:
        """How the source changed on the passes before, as far as it was written down."""
        return max((part.drift for part in self.parts), key=len, default=())

    @property
    def first(self) -> FirstPage | None:
        """What the first page of the run showed, if that was written down."""
        return next((part.first for part in self.sealed if part.first), None)

    @property
    def counts(self) -> RunCounts:
        """What was spent in all."""
        return RunCounts.total(part.counts for part in self.sealed)

    @property
    def invocations(self) -> set[str]:
        """The goes that sealed anything."""
        return {part.invocation for part in self.sealed}

    def _of_pass(self, pass_: int) -> list[SealedPart]:
        return [part for part in self.parts if part.pass_ == pass_]
