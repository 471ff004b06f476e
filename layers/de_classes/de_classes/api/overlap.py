"""Seeing that a page begins with what the page before it already held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.utils.digests import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.api.page import Page

_BYTES = 6


class Overlap:
    """Holds the records of the furthest page, or, right after a resume, their short hashes.

    Only neighbours are compared: a page that is fetched late has none at hand, see ``SourceDrift``.

    Args:
        front: The furthest page that was taken.
        tail: Hashes of its records, as ``tail`` gives them.
    """

    def __init__(self, front: int, tail: Iterable[str] = ()) -> None:
        self._front = front
        self._hashes = tuple(tail)
        self._records: Sequence[dict[str, Any]] = []

    def step(self, page: Page) -> bool:
        """Take a page; tells whether its first record was already on the page before it."""
        is_next = page.number == self._front + 1
        repeats = is_next and bool(page.records) and self._holds(page.records[0])
        if page.number > self._front:
            self._front = page.number
            self._hashes = () if page.records else self._hashes
            self._records = page.records or self._records
        return repeats

    def tail(self) -> tuple[str, ...]:
        """Short hashes of the furthest page's records."""
        return self._hashes or tuple(map(_short_hash, self._records))

    def _holds(self, record: dict[str, Any]) -> bool:
        return record in self._records or (bool(self._hashes) and _short_hash(record) in self._hashes)


def _short_hash(record: dict[str, Any]) -> str:
    return digest(record, _BYTES).hex()
