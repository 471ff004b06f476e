"""Cut a stream of records into batches of a fixed size, whatever the pages were."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of ``size`` items; the last may be shorter, and none is empty."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


class Rebatcher(Generic[T]):
    """Takes items as they come and hands them on in batches of one size.

    Where a batch ends depends on the items' positions alone, so whatever is decided once a batch
    (a type, a row group) is the same however the items arrived.

    Args:
        size: Items in a batch; no more than that are held back.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[T] = []

    def add(self, items: Sequence[T]) -> Iterator[list[T]]:
        """Yield the batches that these items complete."""
        self._held.extend(items)
        whole = len(self._held) - len(self._held) % self._size
        complete, self._held = self._held[:whole], self._held[whole:]
        return batched(complete, self._size)

    def rest(self) -> list[T]:
        """Give up the unfinished batch, which may be empty."""
        held, self._held = self._held, []
        return held
