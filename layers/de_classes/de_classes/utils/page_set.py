"""A set of page numbers that may be huge: kept as ranges, read as a sequence."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, overload

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
