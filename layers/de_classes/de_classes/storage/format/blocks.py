"""Records as they came: the text of a JSON array, and what was made of it so far.

A page's text can be needed as dictionaries, as columns or as lines. Each is made when it is first asked for,
and what a writer gets does not depend on which of them was made before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, overload

import msgspec

from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.storage.format.codec import Record
    from de_classes.storage.format.shapes import Column, Columns, Shape

_SLICES = msgspec.json.Decoder(list[msgspec.Raw])
_LINE_ENDS = (b"\n", b"\r")
_OPENING = re.compile(rb'\[(\{"\w[^"\\]*":)')


class RecordBlock(Sequence["Record"]):
    """The records of one JSON array; as a sequence, the same dictionaries that a strict reader gives.

    Args:
        text: The array: JSON that was found sound, UTF-8.
        records: What it decodes to, if that is known.
        columns: The same, decoded under a shape. One of the two is given.
    """

    def __init__(
        self, text: bytes, *, records: list[Record] | None = None, columns: Columns | None = None
    ) -> None:
        self.text = text
        self._records = records
        self._columns = columns
        self._shape = columns.shape if columns else None
        self._lines: _Lines | None = None
        self._size = len(self.records()) if columns is None else columns.size

    @classmethod
    def straight(cls, text: bytes, shape: Shape | None) -> RecordBlock | None:
        """Decode a text without dictionaries; None if that cannot be, or the text is not sound."""
        columns = shape.decode(text) if shape else None
        return cls(text, columns=columns) if columns else None

    def records(self) -> list[Record]:
        """The dictionaries, keys in the order of the text."""
        if self._records is None:
            self._records = strict_json.loads(self.text)
        return self._records

    def columns(self, shape: Shape) -> Columns | None:
        """The columns under a shape; None if the records do not fit it."""
        if self._shape is not shape:
            self._shape, self._columns = shape, shape.decode(self.text)
        return self._columns

    def lines(self, start: int, stop: int) -> bytes:
        """Some of the records, each in its own text, made one line if it is spread over several."""
        if self._lines is None:
            self._lines = _cut(self.text, self._size) or _sliced(self.text)
        return self._lines.text(start, stop)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if self._records is None and self._columns is not None and isinstance(index, int):
            return self._columns.record(index)
        return self.records()[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records())

    def __contains__(self, record: object) -> bool:
        if self._records is None and self._columns is not None and isinstance(record, dict):
            return record in self._columns
        return record in self.records()

    def __eq__(self, other: object) -> bool:
        return self.records() == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list


@dataclass(frozen=True, slots=True)
class Piece:
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

    def columns(self, shape: Shape) -> tuple[Column, ...] | None:
        """The columns, absent keys as nulls; None if the records do not fit the shape, or have no text."""
        columns = self.source.columns(shape) if isinstance(self.source, RecordBlock) else None
        return None if columns is None else columns.dense(self.start, self.stop)

    def lines(self) -> bytes | None:
        """A line for each record, in its own text; None if there is none."""
        return self.source.lines(self.start, self.stop) if isinstance(self.source, RecordBlock) else None


class Batch:
    """Records that are looked at and written together, of one page or several.

    Args:
        pieces: The records, none of them empty.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def records(self) -> list[Record]:
        """The dictionaries."""
        return [record for piece in self.pieces for record in piece.records()]

    def columns(self, shape: Shape) -> tuple[Column, ...] | None:
        """The columns, absent keys as nulls; None if some of the records do not fit the shape."""
        parts: list[tuple[Column, ...]] = []
        for piece in self.pieces:
            columns = piece.columns(shape)
            if columns is None:
                return None
            parts.append(columns)
        return parts[0] if len(parts) == 1 else tuple(map(_joined, zip(*parts, strict=True)))


class Batcher:
    """Takes records as they come and hands them on in batches of one size, see ``Rebatcher``.

    Args:
        size: Records in a batch; fewer than that are held back, with the pages that they are of.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[Piece] = []
        self._count = 0

    def add(self, records: Sequence[Record]) -> Iterator[Batch]:
        """Yield the batches that these records complete; go through all of them."""
        source = records if isinstance(records, RecordBlock) else list(records)
        start, end = 0, len(source)
        while start < end:
            stop = min(end, start + self._size - self._count)
            self._held.append(Piece(source, start, stop))
            self._count += stop - start
            start = stop
            if self._count == self._size:
                yield self.rest()

    def rest(self) -> Batch:
        """Give up the unfinished batch, which may be empty."""
        held, self._held, self._count = self._held, [], 0
        return Batch(held)


def _joined(parts: Iterable[Column]) -> Column:
    return list(chain.from_iterable(parts))


@dataclass(frozen=True, slots=True)
class _Lines:
    """Records, each without the beginning and the end that all of them have."""

    records: Sequence[bytes | msgspec.Raw]
    head: bytes = b""
    tail: bytes = b""

    def text(self, start: int, stop: int) -> bytes:
        end = self.tail + b"\n"
        return b"".join((self.head, (end + self.head).join(self.records[start:stop]), end))


def _cut(text: bytes, size: int) -> _Lines | None:
    """Cut a text between its records where that is plain to see, which is cheaper than to read it.

    It is cut at every ``},{"id":`` where ``"id"`` is the first record's first key. That is never within a
    string: the quote would have to end it, and no letter follows such a quote. Outside of strings ``},{``
    is between two elements of an array, and no other array begins than that of the records. So all cuts
    are between records; and where they make as many pieces as there are records, none is missing.
    """
    opening = _OPENING.match(text)
    if opening is None or not text.endswith(b"}]") or text.find(b"[", 1) > 0 or _has_line_ends(text):
        return None
    head = opening[1]
    records = text[opening.end() : -2].split(b"}," + head)
    return _Lines(records, head, b"}") if len(records) == size else None


def _sliced(text: bytes) -> _Lines:
    raws = _SLICES.decode(text)
    return _Lines(list(map(_one_line, raws)) if _has_line_ends(text) else raws)


def _has_line_ends(text: bytes) -> bool:
    return any(end in text for end in _LINE_ENDS)


def _one_line(raw: msgspec.Raw) -> bytes:
    text = bytes(raw)
    return msgspec.json.format(text, indent=-1) if _has_line_ends(text) else text
