"""What a page's records are between their text and a file: columns, and the shape to decode under."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.storage.format.schema import Record

Column: TypeAlias = Any
"""A field's value in each record: a list, or an array of the library that the format is written by."""


class Columns(Protocol):
    """The records of a text, field by field.

    Attributes:
        size: How many records.
    """

    @property
    def size(self) -> int:
        """How many records."""
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


class Shape(Protocol):
    """Decodes texts whose records bring nothing new to a schema.

    A shape may say no to any text, which is then decoded in the ordinary way; but never yes to one that is
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
