"""A run that several workers carry out: the ranges that it is cut into, and what they come to together.

One worker begins the run: it takes the first page, which tells how many there are, and cuts the rest into
ranges. Each range is a pass of its own over its pages, sealed part by part in a journal of its own, which
proves nothing. Whoever commits the run reads all journals as one: pages that no range brought are gaps, seams
between ranges are compared as those within them, and what a single worker would have asked for is asked for.

What cannot be asked for by number, or has no known end, is one range without an end: one worker after the
other goes on with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct, structs

from de_classes.api.page import seam_of
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import RunPlace
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.errors import DeClassesError
    from de_classes.runs.progress import RunProgress, SealedPart

MOST_RANGES: Final = 10_000
"""As many executions of its own may a Distributed Map of Step Functions have under way."""


class RangeSizes(Value):
    """How a run is cut.

    Example:
        >>> RangeSizes(at_once=4).cut("monday", 2, 1000)[0]
        PageRangeOfRun(run_id='monday', range=1, first=2, last=250, of=4, at_once=4)

    Attributes:
        at_once: How many ranges are carried out at once; fewer than that are no gain.
        pages: Pages in a range at the most: what a worker that never comes back leaves to others.
        least: Pages in a range at the least, unless there are fewer: each costs a login and a part.
    """

    at_once: int = 4
    pages: int = 1_000
    least: int = 10

    def cut(self, run_id: str, first: int, last: int) -> tuple[PageRangeOfRun, ...]:
        """Ranges of about one size.

        Args:
            run_id: Of which run.
            first: The first page.
            last: The last one; before the first if there is none.
        """
        if last < first:
            return ()
        whole = PageRange(first, last)
        most = max(min(self.at_once, len(whole) // self.least), -(-len(whole) // self.pages), 1)
        ranges = whole.split(min(most, MOST_RANGES))
        return tuple(
            PageRangeOfRun(
                run_id=run_id,
                range=number,
                first=each.start,
                last=each.stop,
                of=len(ranges),
                at_once=min(len(ranges), self.at_once),
            )
            for number, each in enumerate(ranges, 1)
        )


class PageRangeOfRun(Struct, frozen=True, kw_only=True):
    """One range of a run, as a line of ``ranges.jsonl`` has it.

    Attributes:
        run_id: The run.
        range: Its number, from 1.
        first: Its first page.
        last: Its last one; None if it goes as far as the source does.
        of: How many ranges the run has.
        at_once: How many of them are carried out at once, by which limits are divided.
    """

    run_id: str
    range: int
    first: int
    last: int | None = None
    of: int = 1
    at_once: int = 1

    @property
    def is_last(self) -> bool:
        """Whether no range comes behind it."""
        return self.range == self.of

    @property
    def pages(self) -> PageRange:
        """Its pages."""
        return PageRange(self.first, self.last)


def joined(progress: RunProgress) -> RunProgress:
    """What ranges that were read side by side, and whoever knows them all, have brought together.

    Parts come in an order in which each may count on those before it: of a pass the first page, then the
    ranges, then what was fetched in knowledge of these. A part of a range counts for nothing if a page of it
    was fetched again since: a worker that was given up may still have sealed it. Nor do those behind it.

    Args:
        progress: All parts, in any order.
    """
    ordered = sorted(progress.sealed, key=_order)
    struck = set(progress.struck)
    again = {
        (part.pass_, entry.number)
        for part in ordered
        if not part.is_of_range and part.sequence not in struck
        for entry in part.entries
    }
    late: set[tuple[int, int]] = set()  # the ranges, by pass
    for part in ordered:
        if not part.is_of_range or part.sequence in struck:
            continue
        of = (part.pass_, part.range)
        if of in late or any((part.pass_, entry.number) in again for entry in part.entries):
            late.add(of)
            struck.add(part.sequence)
    sealed = _with_seams(ordered, struck)
    return structs.replace(progress, sealed=tuple(sealed), struck=frozenset(struck), side_by_side=True)


def within(progress: RunProgress, of: PageRangeOfRun) -> RunProgress:
    """What counts of a run for one of its ranges: its own parts, and what others fetched of its pages.

    Args:
        progress: What the range brought, and whoever commits.
        of: The range.
    """
    cut = (part if part.range == of.range else _within(part, of) for part in progress.sealed)
    return structs.replace(progress, sealed=tuple(part for part in cut if part is not None))


def _within(part: SealedPart, of: PageRangeOfRun) -> SealedPart | None:
    entries = tuple(entry for entry in part.entries if entry.number in of.pages)
    if not entries:
        return None
    place = RunPlace(number=entries[-1].number + 1)  # where its maker went on is another's
    gaps = tuple(gap for gap in part.gaps if gap in of.pages)
    return structs.replace(part, entries=entries, gaps=gaps, place=place)


def _order(part: SealedPart) -> tuple[int, int, int]:
    is_behind = not part.is_of_range and not part.begins_pass
    return part.pass_, is_behind, part.sequence


def _with_seams(parts: Sequence[SealedPart], struck: Iterable[int]) -> list[SealedPart]:
    """The parts, with what the first page of each range repeats of the page before it."""
    tails = {
        (part.pass_, part.last_page): part.place.tail
        for part in parts
        if part.place is not None and part.sequence not in struck
    }
    return [_with_seam(part, tails.get((part.pass_, part.head_page - 1), ())) for part in parts]


def _with_seam(part: SealedPart, tail: Sequence[str]) -> SealedPart:
    seam = seam_of(tail, part.head)
    if not seam.repeats:
        return part
    entries = tuple(
        structs.replace(entry, repeats=True, slid=seam.slid) if entry.number == part.head_page else entry
        for entry in part.entries
    )
    return structs.replace(part, entries=entries)


class RangeOutcome(Value):
    """What became of a range for now.

    Attributes:
        status: ``done``; ``again`` where it goes on; ``left`` where that is for whoever commits.
        pages: How many of its pages are there.
        missing_pages: Those that are not, as requests write them; none where that is not known.
        reason: What ended it, for people.
        error: The same, as it was raised; None if nothing was.
    """

    status: Literal["done", "again", "left"]
    pages: int
    missing_pages: tuple[str, ...] = ()
    reason: str = ""
    error: DeClassesError | None = None
