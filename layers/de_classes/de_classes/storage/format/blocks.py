"""Records as they came: the text of a JSON array, its lines and columns, and what was made of it so far.

A page's text can be needed as dictionaries, as columns or as lines. Each is made when it is first asked for,
and what a writer gets does not depend on which of them was made before. Whether the text is sound is known
once one of the first two was made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, overload

import msgspec

from de_classes.utils import strict_json
from de_classes.utils.values import DiscreetValue, Mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.storage.format.schema import Record, Schema

Column: TypeAlias = Any
"""A field's value in each record: a list, or an array of the library that the format is written by."""


class Columns(Protocol):
    """The records of a text, field by field.

    Attributes:
        schema: What they were decoded under.
        size: How many records.
        lines: A line for each record, in its own text, if decoding made them; else None.
    """

    @property
    def schema(self) -> Schema:
        """What they were decoded under."""
        ...

    @property
    def size(self) -> int:
        """How many records."""
        ...

    @property
    def lines(self) -> bytes | None:
        """A line for each record, in its own text, if decoding made them; else None."""
        ...

    def values(self, number: int) -> list[Any] | None:
        """The values of one field, as a strict reader gives them; None where that is not known of them.

        Args:
            number: Which field of the schema, from 0.
        """
        ...

    def has_nulls(self, number: int) -> bool:
        """Whether a record has a null in one field of the schema, or has no such key."""
        ...

    def record(self, index: int) -> Record:
        """One record, as a strict reader gives it but for the order of its keys; -1 is the last."""
        ...

    def __contains__(self, record: Record) -> bool:
        """Whether one of the records equals this one, as dictionaries do."""
        ...

    def dense(self, start: int, stop: int) -> tuple[Column, ...]:
        """The columns of some of the records as a table has them: an absent key is a null."""
        ...


class ColumnDecoder(Protocol):
    """Decodes texts whose records bring nothing new to a schema.

    A decoder may say no to any text, which is then decoded in the ordinary way; but never yes to one that is
    not sound or does not fit.
    """

    def decode(self, text: bytes) -> Columns | None:
        """Decode a well-formed JSON array of records; None if they do not fit, or are not sound."""
        ...

    def decode_all(self, texts: Sequence[bytes]) -> Sequence[Columns | None]:
        """The same for several texts, by whatever is the shortest way."""
        ...

    def join(self, parts: Iterable[Column], number: int) -> Column:
        """Make one column of several.

        Args:
            parts: What ``dense`` gave.
            number: Which column, from 0.
        """
        ...


_SLICES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_LINE_ENDS: Final = (b"\n", b"\r")
_BRACES_TRIED: Final = 64


def _sliced(text: bytes) -> list[bytes | msgspec.Raw]:
    """The texts of an array's records; one that is spread over several lines is made one."""
    raws = _SLICES.decode(text)
    return list(map(_one_line, raws)) if _has_line_ends(text) else list(raws)


def _has_line_ends(text: bytes) -> bool:
    return any(end in text for end in _LINE_ENDS)


def _one_line(raw: msgspec.Raw) -> bytes:
    text = bytes(raw)
    return msgspec.json.format(text, indent=-1) if _has_line_ends(text) else text


def record_in(text: bytes, index: int, size: int) -> Record:
    """One record of a sound array; the first and the last are found without going through the others.

    A text up to some brace is an object only where the first record ends. One from some brace to the end is
    an object only where the last record begins: from a brace further in, more is closed than was opened, and
    from one within a string, every string's end opens another.

    Args:
        text: The array: JSON, UTF-8.
        index: Which, from 0; -1 is the last.
        size: How many there are.
    """
    place = index + size if index < 0 else index
    found: Record | None = None
    if place == 0:
        found = _first_record(text)
    elif place == size - 1:
        found = _last_record(text)
    if found is None:
        found = strict_json.loads(bytes(_SLICES.decode(text)[place]))
    return found


def _first_record(text: bytes) -> Record | None:
    start = end = text.index(b"{")
    for _ in range(_BRACES_TRIED):
        end = text.index(b"}", end) + 1
        if (record := _object(text[start:end])) is not None:
            return record
    return None


def _last_record(text: bytes) -> Record | None:
    start = end = text.rindex(b"}") + 1
    for _ in range(_BRACES_TRIED):
        start = text.rindex(b"{", 0, start)
        if (record := _object(text[start:end])) is not None:
            return record
    return None


def _object(text: bytes) -> Record | None:
    """What a text within a sound array is, if it is one object and no more."""
    try:
        found: Record = strict_json.decode_sound(text)
    except (msgspec.MsgspecError, ValueError):
        return None
    return found


_NOTHING = re.compile(rb"\[[ \t\r\n]*\]")


class RecordBlock(Sequence["Record"]):
    """The records of one JSON array; as a sequence, the same dictionaries that a strict reader gives.

    Args:
        text: The array: JSON, UTF-8, of which nothing more need be known yet.
        records: What it decodes to, if that is known.
    """

    def __init__(self, text: bytes, *, records: list[Record] | None = None) -> None:
        self.text = text
        self._records = records
        self._columns: Columns | None = None
        self._decoder: ColumnDecoder | None = None
        self._lines: Sequence[bytes | msgspec.Raw] | None = None
        self._ends: dict[int, Record] = {}

    @property
    def is_decoded(self) -> bool:
        """Whether its text was found sound."""
        return self._records is not None or self._columns is not None

    def records(self) -> list[Record]:
        """The dictionaries, keys in the order of the text.

        Raises:
            MalformedDataError: The text is not sound.
        """
        if self._records is None:
            self._records = strict_json.loads(self.text)
        return self._records

    def columns(self, decoder: ColumnDecoder) -> Columns | None:
        """The columns under a decoder; None if the records do not fit it."""
        if self._decoder is not decoder:
            self._take(decoder, decoder.decode(self.text))
        return self._columns

    def values(self, names: Sequence[str]) -> list[list[Any]] | None:
        """The values of some fields, where they are known without making dictionaries."""
        if self._columns is None or not set(names) <= set(self._columns.schema.names):
            return None
        numbers = map(self._columns.schema.names.index, names)
        found = list(map(self._columns.values, numbers))
        return None if None in found else found  # type: ignore[return-value]  # each is a list

    def fits(self, schema: Schema, required: Sequence[str]) -> bool:
        """Whether it is known that the records fit a schema as they are, and have a value in some fields."""
        if self._columns is None:
            return False
        known = self._columns.schema
        return known == schema and not any(
            self._columns.has_nulls(known.names.index(name)) for name in required
        )

    def lines(self, start: int, stop: int) -> bytes:
        """Some of the records, each in its own text, made one line if it is spread over several."""
        made = None if self._columns is None else self._columns.lines
        if made is not None and stop - start == len(self):
            return made
        if self._lines is None:
            self._lines = _sliced(self.text) if made is None else made[:-1].split(b"\n")
        lines = self._lines[start:stop]
        return b"%b\n" % b"\n".join(lines) if lines else b""

    def _take(self, decoder: ColumnDecoder, columns: Columns | None) -> None:
        self._decoder, self._columns = decoder, columns

    def __len__(self) -> int:
        return len(self.records()) if self._columns is None else self._columns.size

    def __bool__(self) -> bool:
        return len(self) > 0 if self.is_decoded else _NOTHING.fullmatch(self.text) is None

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if self._records is not None or self._columns is None or isinstance(index, slice):
            return self.records()[index]
        if index not in self._ends:
            self._ends[index] = self._columns.record(index)
        return self._ends[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records())

    def __contains__(self, record: object) -> bool:
        if self._records is None and self._columns is not None and isinstance(record, dict):
            return record in self._columns
        return record in self.records()

    def __eq__(self, other: object) -> bool:
        return self.records() == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list


def decode_straight(blocks: Sequence[RecordBlock], decoder: ColumnDecoder | None) -> None:
    """Decode those of some blocks that can be without dictionaries; the others stay as they are."""
    waiting = [block for block in blocks if not block.is_decoded]
    if decoder is None or not waiting:
        return
    for block, columns in zip(waiting, decoder.decode_all([block.text for block in waiting]), strict=True):
        block._take(decoder, columns)  # noqa: SLF001 - of this module


class SharedDecoder(Mutable):
    """Decodes records for a writer, by the decoder that it has; a ``RecordDecoder`` of ``api``.

    Attributes:
        decoder: The writer's own; None as long as there is none.
    """

    decoder: ColumnDecoder | None = None

    def decode_together(self, texts: Sequence[bytes]) -> list[RecordBlock | None]:
        """The records of each text, as columns; None for those that do not fit, or are not sound."""
        blocks = [RecordBlock(text) for text in texts]
        decode_straight(blocks, self.decoder)
        return [block if block.is_decoded else None for block in blocks]

    def decode(self, text: bytes) -> RecordBlock:
        """The records, as dictionaries.

        Raises:
            MalformedDataError: The text is not sound.
        """
        block = RecordBlock(text)
        block.records()
        return block


class RecordSlice(DiscreetValue):
    """Neighbouring records of one page.

    Attributes:
        source: The page's records.
        start: The first of them, from 0.
        stop: The one after the last.
    """

    source: RecordBlock | list[Record]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def records(self) -> list[Record]:
        """The dictionaries."""
        return self.source[self.start : self.stop]

    def fits(self, decoder: ColumnDecoder) -> bool:
        """Whether the records fit a decoder; they do not if they have no text."""
        return isinstance(self.source, RecordBlock) and self.source.columns(decoder) is not None

    def columns(self, decoder: ColumnDecoder) -> tuple[Column, ...] | None:
        """The columns, absent keys as nulls; None if the records do not fit the decoder, or have no text."""
        columns = self.source.columns(decoder) if isinstance(self.source, RecordBlock) else None
        return None if columns is None else columns.dense(self.start, self.stop)

    def lines(self) -> bytes | None:
        """A line for each record, in its own text; None if there is none."""
        return self.source.lines(self.start, self.stop) if isinstance(self.source, RecordBlock) else None


class Batch:
    """Records that are looked at and written together, of one page or several.

    Args:
        slices: The records, none of them empty.
    """

    def __init__(self, slices: Sequence[RecordSlice]) -> None:
        self.slices = tuple(slices)

    def __len__(self) -> int:
        return sum(map(len, self.slices))

    def records(self) -> list[Record]:
        """The dictionaries."""
        return [record for part in self.slices for record in part.records()]

    def fits(self, decoder: ColumnDecoder) -> bool:
        """Whether all of the records fit a decoder."""
        return all(part.fits(decoder) for part in self.slices)

    def columns(self, decoder: ColumnDecoder) -> tuple[Column, ...] | None:
        """The columns, absent keys as nulls; None if some of the records do not fit the decoder."""
        parts: list[tuple[Column, ...]] = []
        for part in self.slices:
            columns = part.columns(decoder)
            if columns is None:
                return None
            parts.append(columns)
        if len(parts) == 1:
            return parts[0]
        return tuple(decoder.join(column, number) for number, column in enumerate(zip(*parts, strict=True)))


class Batcher:
    """Takes records as they come and hands them on in batches of one size, see ``Chunker``.

    Args:
        size: Records in a batch; fewer than that are held back, with the pages that they are of.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[RecordSlice] = []
        self._count = 0

    def add(self, records: Sequence[Record]) -> Iterator[Batch]:
        """Yield the batches that these records complete; go through all of them."""
        source = records if isinstance(records, RecordBlock) else list(records)
        start, end = 0, len(source)
        while start < end:
            stop = min(end, start + self._size - self._count)
            self._held.append(RecordSlice(source, start, stop))
            self._count += stop - start
            start = stop
            if self._count == self._size:
                yield self.rest()

    def rest(self) -> Batch:
        """Give up the unfinished batch, which may be empty."""
        held, self._held, self._count = self._held, [], 0
        return Batch(held)
