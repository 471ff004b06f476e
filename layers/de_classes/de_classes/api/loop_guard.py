"""Noticing that a source hands out what it has handed out before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from de_classes.utils.digests import digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.page import Page

MOST_ALIKE: Final = 100
"""Pages in a row that hold nothing but one record, all the same: more than the source states, and these."""
MOST_EMPTY: Final = 1_000
"""Empty pages in a row: a source that filters may have many, but not more."""
BELIEVED: Final = 100_000
"""What a source states, up to that, is how often it may repeat itself."""
_BYTES: Final = 8


class LoopGuard:
    """Remembers eight bytes a page: a hash of its records.

    Pages whose records are all alike are no sign of a loop, since such data repeats by itself; but there is
    an end to that too.

    Args:
        marks: Those of the pages that were taken before, as ``mark_of`` gives them.
    """

    def __init__(self, marks: Iterable[str | None] = ()) -> None:
        self._seen = {bytes.fromhex(mark) for mark in marks if mark is not None}
        self._alike: bytes | None = None
        self._in_a_row = 0

    def has_seen(self, page: Page) -> bool:
        """Whether a page with the same records was remembered; of those that tell nothing, too many."""
        if page.mark is not None:
            return bytes.fromhex(page.mark) in self._seen
        most = (MOST_ALIKE if page.records else MOST_EMPTY) + _stated(page)
        return self._in_a_row >= most and _untelling(page) == self._alike

    def remember(self, page: Page) -> None:
        """Keep a page's fingerprint."""
        if page.mark is not None:
            self._seen.add(bytes.fromhex(page.mark))
            self._alike, self._in_a_row = None, 0
            return
        alike = _untelling(page)
        self._in_a_row = self._in_a_row + 1 if alike == self._alike else 1
        self._alike = alike


def _untelling(page: Page) -> bytes:
    """A fingerprint of records that are all alike: of the one, however often it is there."""
    return digest(page.records[0], _BYTES) if page.records else b""


def _stated(page: Page) -> int:
    """The most pages that a source can have by its own word, where that is believed."""
    stated = max(page.total_pages or 0, page.total_records or 0)
    return stated if stated <= BELIEVED else 0
