"""How an array of flat records is laid out as text, where all are alike: what stands between two values.

Most sources write every record with the same keys in the same order and the same spaces. Then the text is
values with a few fixed pieces between them, and a value begins and ends where those do.
"""

from __future__ import annotations

import array
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import MalformedDataError
from de_classes.utils import strict_json

AFTER_A_KEY: Final = '":'
"""What ends every key, and, where a text is laid out so, stands nowhere else."""

_LEAST: Final = 1_024
_TILES_KEPT: Final = 4  # 20 bytes a value each
_FIRST_RECORD: Final = 16 * 1024  # characters in which it is looked for


@dataclass(frozen=True)
class Layout:
    """What stands between the values of records.

    Attributes:
        names: The keys, in their order.
        space: What follows each comma and each colon: nothing, or one space.
    """

    names: tuple[str, ...]
    space: str

    @classmethod
    def of(cls, text: bytes) -> Layout | None:
        """That of the first record; None if it cannot be told."""
        start = text[:_FIRST_RECORD].decode(errors="ignore")
        try:
            record, _ = strict_json.decode_at(start, 1)
        except (json.JSONDecodeError, MalformedDataError):
            return None
        if not isinstance(record, dict) or not record:
            return None
        layout = cls(tuple(record), " " if start.startswith(f'[{{"{next(iter(record))}": ') else "")
        return layout if start.startswith(layout.head.decode()) else None

    @cached_property
    def head(self) -> bytes:
        """What the text of an array begins with."""
        return f'[{{"{self.names[0]}{AFTER_A_KEY}{self.space}'.encode()

    @cached_property
    def seam(self) -> bytes:
        """What stands between one record's last value and the next one's first."""
        return f'}},{self.space}{{"{self.names[0]}{AFTER_A_KEY}{self.space}'.encode()

    @cached_property
    def comma(self) -> bytes:
        """What stands between two records."""
        return f",{self.space}".encode()

    def befores(self) -> list[str]:
        """What stands before each value, after ``AFTER_A_KEY``."""
        return [self.space] * len(self.names)

    def afters(self) -> list[str]:
        """What stands behind each value, before the next ``AFTER_A_KEY``."""
        within = [f',{self.space}"{name}' for name in self.names[1:]]
        return [*within, f'}},{self.space}{{"{self.names[0]}']


@dataclass(frozen=True)
class Tiles:
    """The same layout over and over, as arrays: for each value in turn, what stands around it.

    Attributes:
        rows: For how many records.
        before: Bytes before each value.
        after: Bytes behind it.
        between: What stands between each value and the next.
        places: For each column, where its values are in an array of values and what stands between them.
        gaps: Where the latter are.
    """

    rows: int
    before: pa.Int32Array
    after: pa.Int32Array
    between: pa.Buffer
    between_bytes: int
    places: tuple[pa.Int32Array, ...]
    gaps: pa.Int32Array


def tiles(layout: Layout, quoted: frozenset[int], rows: int) -> Tiles:
    """The tiles for at least so many records; quotes of some columns count as what stands around."""
    return _tiles(layout, quoted, _rounded(rows))


@lru_cache(_TILES_KEPT)
def _tiles(layout: Layout, quoted: frozenset[int], rows: int) -> Tiles:
    width = len(layout.names)
    quotes = ['"' if number in quoted else "" for number in range(width)]
    befores = [f"{before}{quote}" for before, quote in zip(layout.befores(), quotes, strict=True)]
    afters = [f"{quote}{after}" for after, quote in zip(layout.afters(), quotes, strict=True)]
    nexts = [*befores[1:], befores[0]]
    between = "".join(f"{after}{before}" for after, before in zip(afters, nexts, strict=True)).encode()
    return Tiles(
        rows=rows,
        before=int32(_lengths(befores) * rows),
        after=int32(_lengths(afters) * rows),
        between=pa.py_buffer(between * rows),
        between_bytes=len(between),
        places=tuple(
            int32(array.array("i", range(2 * number, 2 * rows * width, 2 * width))) for number in range(width)
        ),
        gaps=int32(array.array("i", range(1, 2 * rows * width, 2))),
    )


def taken_in_turn(first: pa.Int32Array, second: pa.Int32Array) -> pa.Int32Array:
    """The numbers of two arrays of one length, one from each in turn."""
    size = _rounded(len(first))
    padded = pa.concat_arrays([first, _alternating(size).slice(0, size - len(first)), second])
    return padded.take(_alternating(size).slice(0, 2 * len(first)))


@lru_cache(_TILES_KEPT)
def _alternating(size: int) -> pa.Int32Array:
    """Where to take from, to have the first and the second half of an array of twice the size in turn."""
    places = array.array("i", bytes(8 * size))
    places[0::2] = array.array("i", range(size))
    places[1::2] = array.array("i", range(size, 2 * size))
    return int32(places)


def _rounded(count: int) -> int:
    """Up to a power of two: what is made for one is good for all below it."""
    return max(_LEAST, 1 << (count - 1).bit_length())


def int32(numbers: array.array[int]) -> pa.Int32Array:
    """An Arrow array over the very memory of some integers of 32 bits."""
    return pa.Array.from_buffers(pa.int32(), len(numbers), [None, pa.py_buffer(numbers)])


def _lengths(texts: list[str]) -> array.array[int]:
    return array.array("i", [len(text.encode()) for text in texts])
