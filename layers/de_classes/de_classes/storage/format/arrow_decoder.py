"""Records decoded from their text into Arrow arrays, without a Python object a value on the way.

Most sources write every record with the same keys in the same order and the same spaces. Then the text is
values with a few fixed pieces between them, and a value begins and ends where those do.

There the text is cut at every key's end, and every value is
taken out by its place: Arrow does both for a whole page at a time. What is proved, given that the text is
well-formed JSON in UTF-8, is that each piece between two values is the very one that the layout demands. A
key's end within a string would need an unescaped quote, so there is none that the layout does not name. Then
every value must be one token, of its column's type and no wider: so nothing else is between
the keys, and no key is missing, new, doubled or in another place, not even one with a space before its colon.

Tokens are well-formed JSON. Arrow's own casts refuse 2.5 and 1e3 among integers; what they would let pass,
and a strict reader takes for something else, is refused here. A null among the tokens is a null of Arrow's.

What is refused here is decoded row by row (`decoders`).
"""

from __future__ import annotations

import array
import json
import struct
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import MalformedDataError
from de_classes.storage.format.arrow_arrays import FALSE, ArrowColumns, array_of, arrow_schema, as_array
from de_classes.storage.format.decoders import decoder_of
from de_classes.storage.format.schema import Kind
from de_classes.utils import strict_json
from de_classes.utils.strict_json import Number, read_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.storage.format.blocks import Column, Columns
    from de_classes.storage.format.decoders import RowDecoder
    from de_classes.storage.format.schema import Schema

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
class TokenGrid:
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


def token_grid(layout: Layout, quoted: frozenset[int], rows: int) -> TokenGrid:
    """The token_grid for at least so many records; quotes of some columns count as what stands around."""
    return _tiles(layout, quoted, _rounded(rows))


@lru_cache(_TILES_KEPT)
def _tiles(layout: Layout, quoted: frozenset[int], rows: int) -> TokenGrid:
    width = len(layout.names)
    quotes = ['"' if number in quoted else "" for number in range(width)]
    befores = [f"{before}{quote}" for before, quote in zip(layout.befores(), quotes, strict=True)]
    afters = [f"{quote}{after}" for after, quote in zip(layout.afters(), quotes, strict=True)]
    nexts = [*befores[1:], befores[0]]
    between = "".join(f"{after}{before}" for after, before in zip(afters, nexts, strict=True)).encode()
    return TokenGrid(
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


NULL: Final = array_of(["null"], pa.string())[0]
"""The token of a null. As all constants here it is an Arrow scalar: to make one of a Python value each time
costs more than to compare it, and the first time the import of pandas where there is one."""

NO_TEXT: Final = pa.nulls(1, pa.string())[0]
_TRUE, _FALSE_TOKEN, _ZERO = array_of(["true", "false", "-0"], pa.string())
_QUOTE, _ESCAPE, _ESCAPED_QUOTE = b'"', b"\\", b'\\"'
_EXACT: Final = 2**53
_HELD: Final = array_of([16], pa.int64())[0]
"""Characters: 15 digits come back out of a float, whatever they are."""

_TEXTS: Final = msgspec.json.Decoder(list[str])


class TokenMismatchError(Exception):
    """The text is not laid out as it would have to be, or a value does not fit."""


def unquoted(values: pa.StringArray) -> pa.StringArray:
    """Texts without the quotes around them; nulls are left."""
    is_text = pc.and_(pc.starts_with(values, _QUOTE), pc.ends_with(values, _QUOTE))
    if pc.all(is_text).as_py() is False:
        raise TokenMismatchError
    return pc.binary_slice(values.cast(pa.binary()), 1, -1).cast(pa.string())


def unescaped(values: pa.Array) -> pa.Array:
    """Texts with what their escapes stand for; other columns as they are.

    Raises:
        TokenMismatchError: What stands between a first and a last quote is more than one text: a key
            with a space before its colon, say, which nobody has counted.
    """
    if not pa.types.is_string(values.type):
        return values
    content = _bytes_of(values)
    has_escapes = _ESCAPE in content
    if _QUOTE in content:
        _check_quotes(values, has_escapes=has_escapes)
    if not has_escapes:
        return values
    plain = pc.replace_substring(values, _ESCAPED_QUOTE, _QUOTE)  # nearly always these are all
    return _decoded(values) if _ESCAPE in _bytes_of(plain) else plain


def _check_quotes(values: pa.StringArray, *, has_escapes: bool) -> None:
    """Every quote within a text is behind a backslash; where another key hides, its first one is not."""
    if not has_escapes or _QUOTE in _bytes_of(pc.replace_substring(values, _ESCAPED_QUOTE, b"")):
        raise TokenMismatchError


def _decoded(values: pa.StringArray) -> pa.StringArray:
    """The same by msgspec, which knows all escapes, and refuses lone surrogates."""
    has_escapes = pc.fill_null(pc.match_substring(values, _ESCAPE), fill_value=FALSE)
    spelled = '","'.join(values.filter(has_escapes).to_pylist())
    return pc.replace_with_mask(values, has_escapes, array_of(_TEXTS.decode(f'["{spelled}"]'), pa.string()))


def _bytes_of(values: pa.StringArray) -> bytes:
    """All values in a row."""
    _, offsets, content = values.buffers()
    ends = memoryview(offsets).cast("i")
    start, stop = ends[values.offset], ends[values.offset + len(values)]
    found: bytes = content.slice(start, stop - start).to_pybytes()
    return found


def booleans(values: pa.StringArray) -> pa.BooleanArray:
    """True and false.

    Raises:
        TokenMismatchError: There is something else.
    """
    found = pc.equal(values, _TRUE)
    if pc.all(pc.or_(found, pc.equal(values, _FALSE_TOKEN))).as_py() is False:
        raise TokenMismatchError
    return found


def integers(values: pa.StringArray, *, is_exact: bool) -> pa.Int64Array:
    """Integers of 64 bits.

    Args:
        values: The tokens.
        is_exact: Whether each must be one that a float holds too.

    Raises:
        TokenMismatchError: One is not.
        pyarrow.ArrowInvalid: There is something else.
    """
    found = values.cast(pa.int64())
    bounds = pc.min_max(found).as_py()
    if is_exact and bounds["min"] is not None and (bounds["min"] < -_EXACT or bounds["max"] > _EXACT):
        raise TokenMismatchError
    return found


def floats(values: pa.StringArray) -> pa.DoubleArray:
    """Integers among them must be exact; what is larger may be none, and is looked at by others.

    So is a number of more digits than a float holds.
    """
    found = values.cast(pa.float64())
    lengths = pc.binary_length(values)
    if (pc.max(lengths).as_py() or 0) > _HELD.as_py():
        long = values.filter(pc.greater(lengths, _HELD))
        if any(map(_is_rounded, filter(None, long.to_pylist()))):
            raise TokenMismatchError
    bounds = pc.min_max(found).as_py()
    is_exact = bounds["min"] is None or -_EXACT < bounds["min"] <= bounds["max"] < _EXACT
    if not is_exact or (b"-0" in _bytes_of(values) and pc.any(pc.equal(values, _ZERO)).as_py()):
        raise TokenMismatchError
    return found


def _is_rounded(text: str) -> bool:
    number = read_number(text)
    return type(number) is Number and number.is_rounded


def nulls(tokens: pa.StringArray) -> pa.NullArray:
    """Nulls alone.

    Raises:
        TokenMismatchError: There is something else.
    """
    if not pc.all(pc.equal(tokens, NULL)).as_py():
        raise TokenMismatchError
    return pa.nulls(len(tokens))


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


class ArrowDecoder:
    """Decodes texts into Arrow arrays; see ``ColumnDecoder``. Safe among threads.

    Args:
        schema: Columns without nested ones.
        rows: What decodes all that is laid out otherwise.
        worth_it: Bytes of text from which on it is shorter than by rows.

    Attributes:
        schema: The same.
    """

    def __init__(self, schema: Schema, rows: RowDecoder, *, worth_it: int = _WORTH_IT) -> None:
        self.schema = schema
        self._rows = rows
        self._worth_it = worth_it
        self._types = arrow_schema(schema).types
        self._kinds = {field.name: field.type for field in schema.fields}
        self._layout: Layout | None = None
        self._nullable: frozenset[str] = frozenset()
        self._misses = 0

    def decode(self, text: bytes) -> Columns | None:
        """Decode an array of records; see ``ColumnDecoder.decode``."""
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
        except (TokenMismatchError, msgspec.MsgspecError, pa.ArrowException):
            return None

    def _arrays_of(self, text: bytes, layout: Layout) -> tuple[_Cut, list[pa.Array]]:
        """Columns as if those alone could be null that were before; if that is not so, as if all could."""
        try:
            return self._arrays(text, layout, self._nullable)
        except (TokenMismatchError, pa.ArrowException):
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
        return cut, list(map(unescaped, arrays))

    def _column(self, name: str, tokens: pa.StringArray, nullable: frozenset[str]) -> pa.Array:
        kind = self._kinds[name]
        values = pc.if_else(pc.equal(tokens, NULL), NO_TEXT, tokens) if name in nullable else tokens
        match kind:
            case Kind.STRING:
                return unquoted(values) if name in nullable else values
            case Kind.BOOL:
                return booleans(values)
            case Kind.FLOAT64:
                return floats(values)
            case Kind.NULL:
                return nulls(tokens)
            case _:
                return integers(values, is_exact=kind is Kind.INT53)

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
def arrow_decoder_of(schema: Schema) -> ArrowDecoder | RowDecoder | None:
    """The decoder of a schema for a format that is written from Arrow arrays; None as ``decoder_of``."""
    rows = decoder_of(schema)
    is_flat = all(isinstance(field.type, Kind) for field in schema.fields)
    return ArrowDecoder(schema, rows) if rows and is_flat else rows


def _joined(texts: Sequence[bytes], layout: Layout) -> bytes:
    """The texts as one array."""
    text = texts[0]
    if len(texts) > 1:
        text = b"".join([b"[", layout.comma.join(text[1:-1] for text in texts), b"]"])
    if len(text) > _MOST_BYTES:
        raise TokenMismatchError
    return text


def _cut(text: bytes, layout: Layout, quoted: frozenset[int]) -> tuple[_Cut, TokenGrid]:
    """Cut a text into values and what stands between them, and make sure of the latter.

    Raises:
        TokenMismatchError: There is anything else between two values than the layout says.
    """
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("ii", 0, len(text))), pa.py_buffer(text))
    pieces = pc.split_pattern(whole, AFTER_A_KEY).values
    count = len(pieces) - 1
    rows, over = divmod(count, len(layout.names))
    if over or not rows or count > _MOST_VALUES:
        raise TokenMismatchError
    placed = token_grid(layout, quoted, rows)
    tail = _tail(text, layout, is_quoted=(0 in quoted, len(layout.names) - 1 in quoted))
    _, offsets, content = pieces.buffers()
    keys = memoryview(offsets).cast("i")[pieces.offset + 1 : pieces.offset + count + 2]
    ends_of_keys = pa.Array.from_buffers(pa.int32(), count + 1, [None, offsets], offset=pieces.offset + 1)
    starts = pc.add(ends_of_keys.slice(0, count), placed.before.slice(0, count))
    ends = pc.subtract(ends_of_keys.slice(1, count - 1), placed.after.slice(0, count - 1))
    ends = pa.concat_arrays([ends, int32(array.array("i", [keys[count] - len(tail)]))])
    if pc.min(pc.subtract(ends, starts)).as_py() < 0:
        raise TokenMismatchError
    values = pa.StringArray.from_buffers(2 * count - 1, taken_in_turn(starts, ends).buffers()[1], content)
    _check_between(values, placed, count)
    return _Cut(values, rows, keys), placed


def _tail(text: bytes, layout: Layout, *, is_quoted: tuple[bool, bool]) -> bytes:
    """What stands behind the last value; what stands before the first is looked at too."""
    first, last = is_quoted
    tail = b'"}]' if last else b"}]"
    if not (text.startswith(layout.head + b'"' * first) and text.endswith(tail)):
        raise TokenMismatchError
    return tail


def _check_between(values: pa.StringArray, placed: TokenGrid, count: int) -> None:
    """The lengths are right by the way they were cut; so the bytes in a row tell all."""
    between = values.take(placed.gaps.slice(0, count - 1))
    found = between.buffers()[2]
    size = memoryview(between.buffers()[1]).cast("i")[count - 1] if count > 1 else 0
    if size and not found.slice(0, size).equals(placed.between.slice(0, size)):
        raise TokenMismatchError


def _rows_before(place: int, cut: _Cut, width: int) -> int:
    """How many records begin before a place in the text."""
    keys = cut.keys
    end_of_key = bisect_left(range(len(keys)), place, key=lambda number: keys[number] + 2 * number)
    return -(-end_of_key // width)
