"""How often a page has been asked for since it was last served."""

from __future__ import annotations

import threading
from collections import OrderedDict

MAX_PAGES = 100_000


class AttemptCounter:
    """Counts tries per (page, limit). Safe among threads.

    Args:
        max_pages: How many unserved pages are remembered; the one longest untouched is forgotten first,
            so a client that asks for pages at random cannot fill the memory.
    """

    def __init__(self, max_pages: int = MAX_PAGES) -> None:
        self._max_pages = max_pages
        self._tries: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._lock = threading.Lock()

    def next(self, page: int, limit: int) -> int:
        """Note one more try, and say the how-manieth it is, from 1."""
        key = (page, limit)
        with self._lock:
            tries = self._tries.pop(key, 0) + 1
            self._tries[key] = tries
            if len(self._tries) > self._max_pages:
                self._tries.popitem(last=False)
        return tries

    def served(self, page: int, limit: int) -> None:
        """The page went out: its next try is the first again."""
        with self._lock:
            self._tries.pop((page, limit), None)
