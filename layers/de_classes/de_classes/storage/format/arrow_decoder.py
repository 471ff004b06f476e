r"""Records decoded from their text into Arrow arrays by Arrow's own JSON reader.

A page's array of records is handed over as one row, ``{"d":[...]}``, under the explicit schema
``d: list<struct<...>>``: nested values cost nothing special, and several pages are rows of one table. Held to
a schema the reader is strict by itself. It refuses a key that comes twice, at any depth and however it is
spelled, a key that is new, 2.5 or 1e2 or 2^63 among integers, numbers beyond a float's range, lone
surrogates, and any value of another kind.

What it lets pass and a strict reader takes for something else is refused here, each by a proof of its own:

- bytes that are no UTF-8;
- a ``null`` where a record should be;
- an object without keys: a struct has some, so its column becomes JSON text (see `schema`);
- an integer that is wider than its column, or that meets floats and is none of them;
- ``-0`` among floats, an integer, which is no negative zero;
- a number of more digits than its float gives back, or nearer to zero than floats are.

The grammar of the text is known before (see ``ColumnDecoder``), so a row is what stands in one page.
What is refused here is decoded row by row (`decoders`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final, cast

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.json as pj  # type: ignore[import-untyped]  # it ships no types

from de_classes.storage.format.arrow_arrays import ArrowColumns, array_of, arrow_schema, as_array, kernels
from de_classes.storage.format.decoders import NO_KEYS, decoder_of, holds_floats
from de_classes.storage.format.schema import Kind, ListType, StructType
from de_classes.utils.strict_json import Number, read_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.storage.format.blocks import Column, Columns
    from de_classes.storage.format.decoders import RowDecoder
    from de_classes.storage.format.schema import DataType, Schema

_WORTH_IT: Final = 32 * 1024  # bytes: below that a call costs more than it saves
_MOST_BYTES: Final = 16 * 2**20  # of text in one call
_MISSES: Final = 10  # in a row, after which a source is taken to be otherwise, and
_TRIED: Final = 64  # only one text in so many is tried
_SHAPES_KEPT: Final = 64

_EXACT: Final = 2**53
_NUMBERS: Final = bytes(
    ord("0") if chr(byte) in "0123456789." else ord("e") if chr(byte) in "eE" else byte for byte in range(256)
)
"""A text is searched by it for what a float may not give back: quicker than to look at each number."""
_MANY_DIGITS: Final = b"0" * 16  # fifteen come back out of a float, whatever they are
_NEAR_ZERO: Final = b"0e-000"
_LEAST_EXACT: Final = 1e-290  # above it, floats have all their digits
_NUMBER: Final = re.compile(rb"[0-9.]+(?:[eE][-+]?[0-9]+)?")
_FLOATS: Final = msgspec.json.Decoder(list[float])
_NEGATIVE_ZERO: Final = array_of([-(2**63)], pa.int64())[0]
"""Its bits, as an Arrow scalar: to make one of a Python value each time costs more than to compare it."""


class ArrowDecoder:
    """Decodes texts into Arrow arrays; see ``ColumnDecoder``. Safe among threads.

    Args:
        schema: The columns.
        rows: What decodes all that is refused here, and what is too short to be worth it.
        worth_it: Bytes of text from which on it is shorter than by rows.

    Attributes:
        schema: The same.
        has_structs: Objects lie in some of the columns.
    """

    def __init__(self, schema: Schema, rows: RowDecoder, *, worth_it: int = _WORTH_IT) -> None:
        self.schema = schema
        self.has_structs = rows.has_structs
        self._rows = rows
        self._worth_it = worth_it
        self._has_floats = any(holds_floats(field.type) for field in schema.fields)
        self._types = arrow_schema(schema).types
        record = pa.struct(list(arrow_schema(schema)))
        self._strictly = pj.ParseOptions(
            explicit_schema=pa.schema([pa.field("d", pa.list_(record))]), unexpected_field_behavior="error"
        )
        self._misses = 0

    def decode(self, text: bytes) -> Columns | None:
        """Decode an array of records; see ``ColumnDecoder.decode``."""
        found = self._together([text]) if len(text) >= self._worth_it else None
        return found[0] if found else self._rows.decode(text)

    def decode_all(self, texts: Sequence[bytes]) -> list[Columns | None]:
        """Decode several texts as one, if together they are worth it and all of them fit."""
        if len(texts) > 1 and sum(map(len, texts)) >= self._worth_it and (found := self._together(texts)):
            return list(found)
        return list(map(self.decode, texts))

    def join(self, parts: Iterable[Column], number: int) -> Column:
        """Make one column of several; lists stay one, since to make an array of each costs more."""
        parts = list(parts)
        if all(isinstance(part, list) for part in parts):
            return list(chain.from_iterable(parts))
        return pa.concat_arrays([as_array(part, self._types[number]) for part in parts])

    def _together(self, texts: Sequence[bytes]) -> list[ArrowColumns] | None:
        if self._misses >= _MISSES and (self._misses - _MISSES) % _TRIED:
            self._misses += 1
            return None
        found = self._read(texts) if sum(map(len, texts)) <= _MOST_BYTES else None
        self._misses = self._misses + 1 if found is None else 0
        return found

    def _read(self, texts: Sequence[bytes]) -> list[ArrowColumns] | None:
        whole = b"\n".join([b'{"d":%b}' % text for text in texts])
        spelled = whole.translate(_NUMBERS) if self._has_floats else b""
        if not self._is_plain(whole, spelled):
            return None
        in_one_go = pj.ReadOptions(use_threads=False, block_size=len(whole) + 1)
        try:
            table = pj.read_json(pa.BufferReader(whole), in_one_go, self._strictly)
        except pa.ArrowException:
            return None
        pages = table.column(0)
        if len(pages) != len(texts) or pages.num_chunks != 1:
            return None
        offsets, records = pages.chunk(0).offsets, pages.chunk(0).values
        arrays = [records.field(number) for number in range(records.type.num_fields)]
        types = [field.type for field in self.schema.fields]
        if records.null_count or not all(map(_fits, arrays, types)):
            return None
        if any(map(_come_near_zero, arrays, types)) and _NEAR_ZERO in spelled:
            return None
        return [
            ArrowColumns(self.schema, arrays, start, stop - start, text)
            for (start, stop), text in zip(pairwise(offsets.to_pylist()), texts, strict=True)
        ]

    def _is_plain(self, text: bytes, spelled: bytes) -> bool:
        """Whether the reader and a strict one take a text for the same, but for the values' bounds."""
        return (
            _is_utf8(text)
            and not (self.has_structs and NO_KEYS.search(text))
            and not _may_round(text, spelled)
        )


@lru_cache(_SHAPES_KEPT)
def arrow_decoder_of(schema: Schema) -> ArrowDecoder | RowDecoder | None:
    """The decoder of a schema for a format that is written from Arrow arrays; None as ``decoder_of``.

    Arrow's reader has no type for a mixed column, and makes arrays of a wrong length of lists of nothing
    but nulls.
    """
    rows = decoder_of(schema)
    is_readable = all(map(_is_readable, (field.type for field in schema.fields)))
    return ArrowDecoder(schema, rows) if rows and is_readable else rows


def _is_readable(data_type: DataType) -> bool:
    match data_type:
        case ListType(element):
            return element is not Kind.NULL and _is_readable(element)
        case StructType(fields):
            return all(_is_readable(field.type) for field in fields)
        case _:
            return data_type is not Kind.JSON


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _may_round(text: bytes, spelled: bytes) -> bool:
    """Whether there may be a number of too many digits for its float to give it back, be it within a text.

    Args:
        text: The text.
        spelled: The same by ``_NUMBERS``; nothing if no float is in it.
    """
    numbers = _long_numbers(text, spelled)
    if not numbers:
        return False
    joined = b",".join(numbers)
    return not _is_written_alike(joined) and any(map(_is_rounded, joined.decode().split(",")))


def _long_numbers(text: bytes, spelled: bytes) -> list[bytes]:
    """All that may be a number with a fraction or an exponent, of sixteen characters and more, no sign.

    Integers are held to what floats hold by their value.
    """
    found: list[bytes] = []
    start = spelled.find(_MANY_DIGITS)
    while start >= 0:
        number = cast("re.Match[bytes]", _NUMBER.match(text, start))  # a digit or a point is there
        if not (token := number[0]).isdigit():
            found.append(token)
        start = spelled.find(_MANY_DIGITS, number.end())
    return found


def _is_written_alike(numbers: bytes) -> bool:
    """Whether floats are written just as these were."""
    try:
        values = _FLOATS.decode(b"[%b]" % numbers)
    except msgspec.DecodeError:
        return False
    return msgspec.json.encode(values)[1:-1] == numbers


def _is_rounded(token: str) -> bool:
    try:
        number = read_number(token)
    except ValueError:  # it stands within a text, as 1.2.3 would have to
        return False
    return type(number) is Number and number.is_rounded


def _fits(values: pa.Array, data_type: DataType) -> bool:
    """Whether the numbers among some values are no wider than their type, at every depth."""
    match data_type:
        case ListType(element):
            return _fits(values.values, element)
        case StructType(fields):
            return all(_fits(values.field(number), field.type) for number, field in enumerate(fields))
        case Kind.INT53:
            low, high = _bounds(values)
            return low >= -_EXACT and high <= _EXACT
        case Kind.FLOAT64:
            low, high = _bounds(values)
            return low > -_EXACT and high < _EXACT and not (low <= 0 <= high and _has_negative_zero(values))
        case _:
            return True


def _come_near_zero(values: pa.Array, data_type: DataType) -> bool:
    """Whether a number among some values may be too small for its float to give it back."""
    match data_type:
        case ListType(element):
            return _come_near_zero(values.values, element)
        case StructType(fields):
            return any(_come_near_zero(values.field(place), each.type) for place, each in enumerate(fields))
        case Kind.FLOAT64:
            low, high = _bounds(values)
            return low < _LEAST_EXACT and high > -_LEAST_EXACT
        case _:
            return False


def _bounds(values: pa.Array) -> tuple[float, float]:
    found = kernels().min_max(values).as_py()
    return (1, 1) if found["min"] is None else (found["min"], found["max"])


def _has_negative_zero(floats: pa.DoubleArray) -> bool:
    pc = kernels()
    return bool(pc.any(pc.equal(floats.view(pa.int64()), _NEGATIVE_ZERO)).as_py())
