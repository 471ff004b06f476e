"""Integers that were seen, as long as no hash is needed to tell them apart."""

from __future__ import annotations

import struct
import tempfile
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BYTES: Final = 8
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_IN_MEMORY: Final = 2**19  # bytes, of 65,536 integers
_RANGES: Final = 256


class IntegerKeys:
    """Integers of 64 bits that were taken in page by page, each page apart from all others.

    Most sources number their records and give them in that order, up or down. Then a page lies above or below
    all pages before it, or in a gap between two, and it takes one comparison to see that all of it is new.
    What lies across others is not taken: it may be new or not.

    Memory does not grow: the integers are in a file without a name, to be hashed should that be needed.
    """

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []
        """Least and greatest, in order and apart: all integers seen are within one, and perhaps not all
        within one were seen."""
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close

    def take(self, values: Sequence[Any]) -> bool:
        """Take values in if it is plain that all are new: integers, each once, apart from all others.

        Returns:
            Whether they were taken in; otherwise none was.

        Raises:
            OSError: The disk is full.
        """
        if not values:
            return True
        if not (_are_integers(values) and len(set(values)) == len(values) and self.lie_apart(values)):
            return False
        self._file.write(packed(values))
        self._add_range(min(values), max(values))
        return True

    def lie_apart(self, values: Sequence[Any]) -> bool:
        """Whether values are integers that lie apart from all that were taken in: none of them was."""
        if not _are_integers(values):
            return False
        least, greatest = min(values), max(values)
        place = bisect_left(self._ranges, (least,))
        is_above = place == 0 or self._ranges[place - 1][1] < least
        return is_above and (place == len(self._ranges) or greatest < self._ranges[place][0])

    def pieces(self, size: int) -> Iterator[Sequence[int]]:
        """All that were taken in, so many at a time; nothing can be taken in afterwards."""
        self._file.seek(0)
        while piece := self._file.read(_BYTES * size):
            yield unpacked(piece)

    def close(self) -> None:
        """Forget them; the file is gone."""
        self._file.close()

    def _add_range(self, least: int, greatest: int) -> None:
        place = bisect_left(self._ranges, (least,))
        self._ranges.insert(place, (least, greatest))
        if len(self._ranges) > _RANGES:  # each two neighbours become one, and the gap between them is no more
            pairs = (self._ranges[start : start + 2] for start in range(0, len(self._ranges), 2))
            self._ranges = [(pair[0][0], pair[-1][1]) for pair in pairs]


def packed(values: Sequence[int]) -> bytes:
    """Integers of 64 bits, eight bytes each."""
    return struct.pack(f"<{len(values)}q", *values)


def are_packed(integers: bytes) -> bool:
    """Whether ``packed`` may have made them."""
    return not len(integers) % _BYTES


def unpacked(integers: bytes | bytearray) -> Sequence[int]:
    """What ``packed`` was given."""
    return struct.unpack(f"<{len(integers) // _BYTES}q", integers)


def _are_integers(values: Sequence[Any]) -> bool:
    """Whether all are of 64 bits, and none is true or false."""
    return set(map(type, values)) == {int} and min(values) >= _LEAST and max(values) <= _GREATEST
