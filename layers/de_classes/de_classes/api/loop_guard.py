"""Noticing that a source hands out what it has handed out before."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from de_classes.api.page import Page


class LoopGuard:
    """Remembers eight bytes a page: of how many records, and of the first and the last of them.

    Pages whose records are all alike are no sign of a loop: such data repeats by itself.
    """

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def has_seen(self, page: Page) -> bool:
        """Whether a page with the same records was remembered."""
        return _is_telling(page.records) and _fingerprint(page.records) in self._seen

    def remember(self, page: Page) -> None:
        """Keep a page's fingerprint."""
        if _is_telling(page.records):
            self._seen.add(_fingerprint(page.records))


def _is_telling(records: list[dict[str, Any]]) -> bool:
    return len(records) > 1 and any(record != records[0] for record in records)


def _fingerprint(records: list[dict[str, Any]]) -> bytes:
    text = json.dumps([len(records), records[0], records[-1]], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
