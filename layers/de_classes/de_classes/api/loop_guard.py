"""Noticing that a source hands out what it has handed out before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.utils.digests import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.api.page import Page

_BYTES = 8


class LoopGuard:
    """Remembers eight bytes a page: of how many records, and of the first and the last of them.

    Pages whose records are all alike are no sign of a loop: such data repeats by itself.

    Args:
        marks: Those of the pages that were taken before, as ``mark_of`` gives them.
    """

    def __init__(self, marks: Iterable[str | None] = ()) -> None:
        self._seen = {bytes.fromhex(mark) for mark in marks if mark is not None}

    def has_seen(self, page: Page) -> bool:
        """Whether a page with the same records was remembered."""
        return page.mark is not None and bytes.fromhex(page.mark) in self._seen

    def remember(self, page: Page) -> None:
        """Keep a page's fingerprint."""
        if page.mark is not None:
            self._seen.add(bytes.fromhex(page.mark))


def mark_of(records: Sequence[dict[str, Any]]) -> str | None:
    """A page's fingerprint, hexadecimal; None where the records are too alike to tell pages apart."""
    return _fingerprint(records).hex() if _is_telling(records) else None


def _is_telling(records: Sequence[dict[str, Any]]) -> bool:
    """Whether two differ: nearly always the first and the last do, and the others need not be looked at."""
    if len(records) <= 1:
        return False
    first = records[0]
    return records[-1] != first or any(record != first for record in records)


def _fingerprint(records: Sequence[dict[str, Any]]) -> bytes:
    return digest([len(records), records[0], records[-1]], _BYTES)
