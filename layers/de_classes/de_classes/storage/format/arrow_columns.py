"""Records as Arrow arrays, and as the text that they were decoded from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # it ships no types

from de_classes.storage.format.arrow_arrays import FALSE, array_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.storage.format.columns import Column
    from de_classes.storage.format.schema import Record

_SLICES: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True, repr=False)
class ArrowColumns:
    """The records of a text, field by field; see ``Columns``.

    Attributes:
        names: The names of the columns.
        shared: The columns, maybe together with the records of other texts; no key is absent from any record.
        start: The first of its own records in there.
        size: How many they are.
        text: What they were decoded from, sound.
        seam: What stands between two records in the text, and nowhere else.
    """

    names: tuple[str, ...]
    shared: Sequence[pa.Array]
    start: int
    size: int
    text: bytes
    seam: bytes

    def record(self, index: int) -> Record:
        """One record, out of its text, of which nothing is left to be proved."""
        record: Record = msgspec.json.decode(self._text_of(index))
        return record

    def __contains__(self, record: Record) -> bool:
        if record.keys() != set(self.names) or not self._may_hold(record):
            return False
        candidates = self._candidates(record)
        return any(self.record(place.as_py()) == record for place in pc.indices_nonzero(candidates))

    def dense(self, start: int, stop: int) -> tuple[pa.Array, ...]:
        """The columns of some of the records."""
        return tuple([values.slice(self.start + start, stop - start) for values in self.shared])

    def _text_of(self, index: int) -> bytes:
        place = index + self.size if index < 0 else index
        opening = self.seam.index(b"{")
        if place == 0:
            end = self.text.find(self.seam)
            return self.text[1:end] + b"}" if end >= 0 else self.text[1:-1]
        if place == self.size - 1:
            return self.text[self.text.rfind(self.seam) + opening : -1]
        return bytes(_SLICES.decode(self.text)[place])

    def _may_hold(self, record: Record) -> bool:
        """Whether an integer of the record is in its column: looking there costs less than to ask Arrow."""
        for name, values in zip(self.names, self.shared, strict=True):
            value = record[name]
            if type(value) is int and pa.types.is_integer(values.type):
                start = values.offset + self.start
                return value in memoryview(values.buffers()[1]).cast("q")[start : start + self.size]
        return True

    def _candidates(self, record: Record) -> pa.BooleanArray:
        """Which records may equal this one; nearly always the first column excludes all others."""
        left = None
        for name, values in zip(self.names, self.dense(0, self.size), strict=True):
            alike = _alike(values, record[name])
            left = alike if left is None else pc.and_(left, alike)
            if not pc.any(left).as_py():
                break
        return left


def as_array(column: Column, arrow_type: pa.DataType) -> pa.Array:
    """A column as an array of a type, whether it is one already or a list of values."""
    return column if isinstance(column, pa.Array) else array_of(column, arrow_type)


def _alike(values: pa.Array, value: Any) -> pa.BooleanArray:  # noqa: ANN401 - any JSON value
    """Which values may equal one, as Python has it: 1 equals 1.0 and true."""
    if value is None:
        return values.is_null()
    wanted = _as_type(value, values.type)
    if wanted is None:
        return pc.and_(values.is_null(), values.is_valid())
    return pc.fill_null(pc.equal(values, array_of([wanted], values.type)[0]), fill_value=FALSE)


def _as_type(value: Any, arrow_type: pa.DataType) -> Any:  # noqa: ANN401 - any JSON value, and one of the type
    """A value as one of a type that it may equal; None if it equals none."""
    if pa.types.is_string(arrow_type):
        return value if isinstance(value, str) else None
    if not isinstance(value, bool | int | float) or pa.types.is_null(arrow_type):
        return None
    if pa.types.is_boolean(arrow_type):
        return bool(value) if value in {0, 1} else None
    if pa.types.is_integer(arrow_type):
        return int(value) if value == int(value) and -(2**63) <= value < 2**63 else None
    return float(value) if abs(value) <= 2**53 else None
