"""Page numbers: the range that is the unit of ingestion, and sets that may be huge."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, overload

from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class PageSet(Sequence[int]):
    """Page numbers, ascending, each once.

    A source may claim a million million pages: what is missing of them is still a few numbers here.

    Args:
        ranges: Pairs of first and last page, both included, in any order; they may overlap.
    """

    __slots__ = ("_ranges", "_starts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = _joined(ranges)
        self._starts: list[int] = []
        length = 0
        for first, last in self._ranges:
            self._starts.append(length)
            length += last - first + 1

    @classmethod
    def of(cls, pages: Iterable[int]) -> PageSet:
        """Single pages."""
        return cls((page, page) for page in pages)

    def ranges(self) -> tuple[str, ...]:
        """As people and requests write them: ``("3", "7-12")``."""
        return tuple(str(first) if first == last else f"{first}-{last}" for first, last in self._ranges)

    def __or__(self, other: PageSet) -> PageSet:
        return PageSet(chain(self._ranges, other._ranges))

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(index)
        place = bisect_right(self._starts, position) - 1
        return self._ranges[place][0] + position - self._starts[place]

    def __len__(self) -> int:
        if not self._ranges:
            return 0
        first, last = self._ranges[-1]
        return self._starts[-1] + last - first + 1

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(first, last + 1) for first, last in self._ranges)

    def __contains__(self, page: object) -> bool:
        return isinstance(page, int) and any(first <= page <= last for first, last in self._ranges)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PageSet):
            return self._ranges == other._ranges
        if isinstance(other, Sequence) and not isinstance(other, str | bytes):
            return len(self) == len(other) and all(
                mine == theirs for mine, theirs in zip(self, other, strict=True)
            )
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __repr__(self) -> str:
        return f"PageSet({', '.join(self.ranges())})"


def _joined(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return tuple(joined)


MAX_PAGE = 1_000_000_000

_SPEC = re.compile(r"\s*([0-9]{1,20})\s*(?:(-)\s*([0-9]{1,20})?\s*)?", re.ASCII)
_FORMS = 'a page such as "5", a range such as "3-7", or everything from a page on such as "3-"'


class PageRange:
    """Consecutive pages, both ends included; pages are numbered from 1.

    In documents and requests it is text, see ``parse_pages``: read once, where they are read.

    Args:
        start: The first page, 1 to ``MAX_PAGE``.
        stop: The last page, ``start`` to ``MAX_PAGE``, or None for as far as the source goes.

    Raises:
        InvalidInputError: An end is no page number, or the range runs backwards.
    """

    __slots__ = ("start", "stop")

    def __init__(self, start: int = 1, stop: int | None = None) -> None:
        _check_page("first", start)
        if stop is not None:
            _check_page("last", stop)
            if stop < start:
                raise InvalidInputError(
                    f"the page range {start}-{stop} runs backwards: its last page must not be below its first"
                )
        self.start: Final = start
        self.stop: Final = stop

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PageRange):
            return NotImplemented
        return (self.start, self.stop) == (other.start, other.stop)

    def __hash__(self) -> int:
        return hash((self.start, self.stop))

    def __repr__(self) -> str:
        return f"PageRange(start={self.start}, stop={self.stop})"

    @property
    def is_open(self) -> bool:
        """Whether the range goes as far as the source does."""
        return self.stop is None

    def pages(self) -> Iterator[int]:
        """Page numbers, ascending; without end for an open range."""
        page = self.start
        while self.stop is None or page <= self.stop:
            yield page
            page += 1

    def split(self, parts: int) -> tuple[PageRange, ...]:
        """Cut into consecutive ranges whose sizes differ by one page at most.

        Args:
            parts: How many are wanted, at least 1. A range of fewer pages gives one range a page.

        Raises:
            InvalidInputError: The range is open, so nobody knows its middle, or ``parts`` is below 1.
        """
        if parts < 1:
            raise InvalidInputError(f"a page range cannot be split into {parts} parts: ask for 1 or more")
        size = len(self)
        parts = min(parts, size)
        bounds = [self.start + size * part // parts for part in range(parts + 1)]
        return tuple(PageRange(bounds[part], bounds[part + 1] - 1) for part in range(parts))

    def up_to(self, last: int) -> PageRange | None:
        """The part of this range that is at or below ``last``, or None if there is none.

        Args:
            last: The last page the source has, for instance its ``total_pages``; 0 for none.
        """
        stop = last if self.stop is None else min(self.stop, last)
        return PageRange(self.start, stop) if stop >= self.start else None

    def __contains__(self, page: object) -> bool:
        if not isinstance(page, int):
            return False
        return self.start <= page and (self.stop is None or page <= self.stop)

    def __len__(self) -> int:
        """How many pages.

        Raises:
            InvalidInputError: The range is open.
        """
        if self.stop is None:
            raise InvalidInputError(
                f"the page range {self} is open and has no length: close it with up_to(total_pages) first"
            )
        return self.stop - self.start + 1

    def __bool__(self) -> bool:
        return True  # else an open range would ask for its length

    def __str__(self) -> str:
        """The form that ``parse_pages`` reads."""
        if self.stop == self.start:
            return str(self.start)
        return f"{self.start}-{'' if self.stop is None else self.stop}"


def parse_pages(spec: str | int | Mapping[str, int | None]) -> PageRange:
    """Read a range of pages as people and requests write it.

    Args:
        spec: ``5`` or ``"5"`` for one page, ``"3-7"``, ``"3-"`` for an open range, or
            ``{"start": 3, "stop": 7}`` where ``stop`` may be missing or null.

    Raises:
        InvalidInputError: It is none of these, or no valid range.
    """
    if isinstance(spec, Mapping):
        return _from_mapping(spec)
    if isinstance(spec, int):
        return PageRange(spec, spec)
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise InvalidInputError(f"{spec[:40]!r} is no page range: give {_FORMS}")
    first, dash, last = match.groups()
    return PageRange(int(first), int(last) if last else None if dash else int(first))


def _from_mapping(spec: Mapping[str, int | None]) -> PageRange:
    unknown = sorted(str(name)[:40] for name in spec.keys() - {"start", "stop"})
    if unknown:
        raise InvalidInputError(f"a page range has a start and a stop, not {', '.join(map(repr, unknown))}")
    start = spec.get("start")
    return PageRange(1 if start is None else start, spec.get("stop"))


def _check_page(which: str, page: object) -> None:
    if isinstance(page, bool) or not isinstance(page, int):
        raise InvalidInputError(f"the {which} page must be a whole number, not {type(page).__name__}")
    if not 1 <= page <= MAX_PAGE:
        zero = (
            "; where the source counts from 0, its description says pagination.first = 0" if not page else ""
        )
        raise InvalidInputError(
            f"the {which} page must be from 1 to {MAX_PAGE:,}, but is {_short(page)}{zero}"
        )


def _short(number: int) -> str:
    return str(number) if number.bit_length() < 64 else "far beyond it"  # noqa: PLR2004 - a machine word
