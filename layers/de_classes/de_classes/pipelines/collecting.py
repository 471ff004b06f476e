"""A load that needs all records at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from de_classes.storage.format.schema import infer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from de_classes.pipelines.steps import Receipt
    from de_classes.storage.format.schema import Record


@dataclass(frozen=True, slots=True)
class LoadReceipt:
    """What a loader committed.

    Attributes:
        uri: Where it is.
        records: How many records it holds.
    """

    uri: str
    records: int


class CollectingSession:
    """Holds every record in memory until it is told to commit.

    Args:
        store: Makes all of them visible, or none.
    """

    def __init__(self, store: Callable[[Sequence[Record]], Receipt]) -> None:
        self._store = store
        self._records: list[Record] = []

    def write(self, records: Sequence[Record]) -> None:
        """Keep them.

        Raises:
            UnsupportedValueError: A value is no JSON value; column and row are named.
        """
        infer(records, first_row=len(self._records) + 1)
        self._records.extend(records)

    def commit(self) -> Receipt:
        """Store all of them."""
        return self._store(self._records)

    def abort(self) -> None:
        """Forget them."""
        self._records = []
