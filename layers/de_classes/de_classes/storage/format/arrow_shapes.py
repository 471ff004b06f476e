"""Records decoded from their text into Arrow arrays, without a Python object a value on the way.

Where all records are laid out alike (`arrow_layout`), the text is cut at every key's end, and every value is
taken out by its place: Arrow does both for a whole page at a time. What is proved, given that the text is
well-formed JSON in UTF-8, is that each piece between two values is the very one that the layout demands. A
key's end within a string would need an unescaped quote, so there is none that the layout does not name. Then
every value must be one token, of its column's type and no wider (`arrow_tokens`): so nothing else is between
the keys, and no key is missing, new, doubled or in another place, not even one with a space before its colon.

What is refused here is decoded row by row (`shapes`).
"""

from __future__ import annotations

import array
import struct
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # it ships no types

from de_classes.storage.format import arrow_tokens
from de_classes.storage.format.arrow_columns import ArrowColumns, as_array
from de_classes.storage.format.arrow_layout import AFTER_A_KEY, Layout, int32, taken_in_turn, tiles
from de_classes.storage.format.arrow_tokens import NO_TEXT, NULL, NotSoError
from de_classes.storage.format.arrow_types import arrow_schema
from de_classes.storage.format.schema import Kind
from de_classes.storage.format.shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.storage.format.arrow_layout import Tiles
    from de_classes.storage.format.columns import Column, Columns
    from de_classes.storage.format.schema import Schema
    from de_classes.storage.format.shapes import RowShape

_WORTH_IT: Final = 32 * 1024  # bytes: below that, as many calls cost more than they save
_MOST_BYTES: Final = 16 * 2**20  # of a text, and
_MOST_VALUES: Final = 2**18  # in it: what is kept to find them grows with their number
_MISSES: Final = 10  # in a row, after which a source is taken to be otherwise, and
_TRIED: Final = 64  # only one text in so many is tried
_SHAPES_KEPT: Final = 64
_NULLS: Final = (b":null", b": null")


@dataclass(frozen=True, slots=True)
class _Cut:
    """A text as Arrow has it once it is cut: values, and what stands between them, in turn.

    Attributes:
        values: Both.
        rows: How many records.
        keys: Where each key ends, in bytes of the text, less twice its number.
    """

    values: pa.StringArray
    rows: int
    keys: memoryview


class ArrowShape:
    """Decodes texts into Arrow arrays; see ``Shape``. Safe among threads: what it remembers only saves time.

    Args:
        schema: Columns without nested ones.
        rows: What decodes all that is laid out otherwise.
        worth_it: Bytes of text from which on it is shorter than by rows.

    Attributes:
        schema: The same.
    """

    def __init__(self, schema: Schema, rows: RowShape, *, worth_it: int = _WORTH_IT) -> None:
        self.schema = schema
        self._rows = rows
        self._worth_it = worth_it
        self._types = arrow_schema(schema).types
        self._kinds = {field.name: field.type for field in schema.fields}
        self._layout: Layout | None = None
        self._nullable: frozenset[str] = frozenset()
        self._misses = 0

    def decode(self, text: bytes) -> Columns | None:
        """Decode an array of records; see ``Shape.decode``."""
        found = self._together([text]) if len(text) >= self._worth_it else None
        return found[0] if found else self._rows.decode(text)

    def decode_all(self, texts: Sequence[bytes]) -> list[Columns | None]:
        """Decode several texts as one, if together they are worth it and all are alike."""
        if len(texts) > 1 and sum(map(len, texts)) >= self._worth_it and (found := self._together(texts)):
            return found
        return list(map(self.decode, texts))

    def join(self, parts: Iterable[Column], number: int) -> Column:
        """Make one column of several."""
        return pa.concat_arrays([as_array(part, self._types[number]) for part in parts])

    def _together(self, texts: Sequence[bytes]) -> list[Columns | None] | None:
        if self._misses >= _MISSES and (self._misses - _MISSES) % _TRIED:
            self._misses += 1
            return None
        found = self._under_layout(texts) or self._under_new_layout(texts)
        self._misses = 0 if found else self._misses + 1
        return found

    def _under_new_layout(self, texts: Sequence[bytes]) -> list[Columns | None] | None:
        layout = Layout.of(texts[0])
        if layout is None or layout == self._layout or sorted(layout.names) != sorted(self._kinds):
            return None
        self._layout = layout
        return self._under_layout(texts)

    def _under_layout(self, texts: Sequence[bytes]) -> list[Columns | None] | None:
        layout = self._layout
        if layout is None or not all(text.startswith(layout.head) for text in texts):
            return None
        try:
            text = _joined(texts, layout)
            return self._shared_out(texts, text, layout, *self._arrays_of(text, layout))
        except (NotSoError, msgspec.MsgspecError, pa.ArrowException):
            return None

    def _arrays_of(self, text: bytes, layout: Layout) -> tuple[_Cut, list[pa.Array]]:
        """Columns as if those alone could be null that were before; if that is not so, as if all could."""
        try:
            return self._arrays(text, layout, self._nullable)
        except (NotSoError, pa.ArrowException):
            if len(self._nullable) == len(self._kinds) or not any(null in text for null in _NULLS):
                raise
        cut, arrays = self._arrays(text, layout, frozenset(self._kinds))
        found = (name for name, values in zip(self.schema.names, arrays, strict=True) if values.null_count)
        self._nullable |= frozenset(found)
        return cut, arrays

    def _arrays(self, text: bytes, layout: Layout, nullable: frozenset[str]) -> tuple[_Cut, list[pa.Array]]:
        quoted = frozenset(
            number
            for number, name in enumerate(layout.names)
            if self._kinds[name] is Kind.STRING and name not in nullable
        )
        cut, placed = _cut(text, layout, quoted)
        made = {
            name: self._column(name, cut.values.take(placed.places[number].slice(0, cut.rows)), nullable)
            for number, name in enumerate(layout.names)
        }
        arrays = [made[name] for name in self.schema.names]
        return cut, list(map(arrow_tokens.unescaped, arrays))

    def _column(self, name: str, tokens: pa.StringArray, nullable: frozenset[str]) -> pa.Array:
        kind = self._kinds[name]
        values = pc.if_else(pc.equal(tokens, NULL), NO_TEXT, tokens) if name in nullable else tokens
        match kind:
            case Kind.STRING:
                return arrow_tokens.unquoted(values) if name in nullable else values
            case Kind.BOOL:
                return arrow_tokens.booleans(values)
            case Kind.FLOAT64:
                return arrow_tokens.floats(values)
            case Kind.NULL:
                return arrow_tokens.nulls(tokens)
            case _:
                return arrow_tokens.integers(values, is_exact=kind is Kind.INT53)

    def _shared_out(
        self, texts: Sequence[bytes], whole: bytes, layout: Layout, cut: _Cut, arrays: list[pa.Array]
    ) -> list[Columns | None]:
        """Each text's own part of the columns."""
        found: list[Columns | None] = []
        start, place = 0, 0
        for text in texts:
            place += len(text) - 2 + len(layout.comma)
            stop = _rows_before(place, cut, len(layout.names))
            found.append(ArrowColumns(self.schema.names, arrays, start, stop - start, text, layout.seam))
            start = stop
        return found


@lru_cache(_SHAPES_KEPT)
def arrow_shape_of(schema: Schema) -> ArrowShape | RowShape | None:
    """The shape of a schema for a format that is written from Arrow arrays; None as ``shape_of``."""
    rows = shape_of(schema)
    is_flat = all(isinstance(field.type, Kind) for field in schema.fields)
    return ArrowShape(schema, rows) if rows and is_flat else rows


def _joined(texts: Sequence[bytes], layout: Layout) -> bytes:
    """The texts as one array."""
    text = texts[0]
    if len(texts) > 1:
        text = b"".join([b"[", layout.comma.join(text[1:-1] for text in texts), b"]"])
    if len(text) > _MOST_BYTES:
        raise NotSoError
    return text


def _cut(text: bytes, layout: Layout, quoted: frozenset[int]) -> tuple[_Cut, Tiles]:
    """Cut a text into values and what stands between them, and make sure of the latter.

    Raises:
        NotSoError: There is anything else between two values than the layout says.
    """
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("ii", 0, len(text))), pa.py_buffer(text))
    pieces = pc.split_pattern(whole, AFTER_A_KEY).values
    count = len(pieces) - 1
    rows, over = divmod(count, len(layout.names))
    if over or not rows or count > _MOST_VALUES:
        raise NotSoError
    placed = tiles(layout, quoted, rows)
    tail = _tail(text, layout, is_quoted=(0 in quoted, len(layout.names) - 1 in quoted))
    _, offsets, content = pieces.buffers()
    keys = memoryview(offsets).cast("i")[pieces.offset + 1 : pieces.offset + count + 2]
    ends_of_keys = pa.Array.from_buffers(pa.int32(), count + 1, [None, offsets], offset=pieces.offset + 1)
    starts = pc.add(ends_of_keys.slice(0, count), placed.before.slice(0, count))
    ends = pc.subtract(ends_of_keys.slice(1, count - 1), placed.after.slice(0, count - 1))
    ends = pa.concat_arrays([ends, int32(array.array("i", [keys[count] - len(tail)]))])
    if pc.min(pc.subtract(ends, starts)).as_py() < 0:
        raise NotSoError
    values = pa.StringArray.from_buffers(2 * count - 1, _in_turn(starts, ends), content)
    _check_between(values, placed, count)
    return _Cut(values, rows, keys), placed


def _tail(text: bytes, layout: Layout, *, is_quoted: tuple[bool, bool]) -> bytes:
    """What stands behind the last value; what stands before the first is looked at too."""
    first, last = is_quoted
    tail = b'"}]' if last else b"}]"
    if not (text.startswith(layout.head + b'"' * first) and text.endswith(tail)):
        raise NotSoError
    return tail


def _in_turn(starts: pa.Int32Array, ends: pa.Int32Array) -> pa.Buffer:
    return taken_in_turn(starts, ends).buffers()[1]


def _check_between(values: pa.StringArray, placed: Tiles, count: int) -> None:
    """The lengths are right by the way they were cut; so the bytes in a row tell all."""
    between = values.take(placed.gaps.slice(0, count - 1))
    found = between.buffers()[2]
    size = memoryview(between.buffers()[1]).cast("i")[count - 1] if count > 1 else 0
    if size and not found.slice(0, size).equals(placed.between.slice(0, size)):
        raise NotSoError


def _rows_before(place: int, cut: _Cut, width: int) -> int:
    """How many records begin before a place in the text."""
    keys = cut.keys
    end_of_key = bisect_left(range(len(keys)), place, key=lambda number: keys[number] + 2 * number)
    return -(-end_of_key // width)
