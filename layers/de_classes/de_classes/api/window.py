"""Fetching ahead: several pages under way, handed out by number.

How many is bounded twice: by a width, and by the bytes that they may be together, as far as the largest page
that came lets one expect. One page is always let through. Small pages are fetched further ahead, but no more
of them at once, so that several are there to be decoded together.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, Self

from de_classes.api.page_decoder import TOGETHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from de_classes.api.page import Page

MOST_BYTES: Final = 32 * 2**20
"""Of pages that are under way, or there and not taken yet."""

_AHEAD: Final = 4  # times the width, as long as pages are small


class PageWindow:
    """Up to ``width`` pages under way at once. Leaving it drops what nobody has taken.

    Its threads are daemons: a request that hangs never keeps an interrupted process alive.

    Args:
        get: Gets one page by number; called from several threads if ``width`` is above 1.
        width: Pages under way at the most; with 1 there are no threads and nothing is fetched ahead.
        start: The first page, if it need not go alone; None if the pages ahead are known only after it.
        prepare: Is given pages that are there, several if they are small, before the first of them is taken.
        most_bytes: Of pages under way and of those that nobody has taken yet.
    """

    def __init__(
        self,
        get: Callable[[int], Page],
        width: int,
        *,
        start: int | None = None,
        prepare: Callable[[Sequence[Page]], None] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._get = get
        self._width = width
        self._prepare = prepare
        self._most_bytes = most_bytes
        self._largest = 0
        self._ready: deque[Page] = deque()
        self._tasks: queue.SimpleQueue[tuple[int, Future[Page]] | None] = queue.SimpleQueue()
        self._under_way: deque[Future[Page]] = deque()
        self._threads = 0
        self._next = start or 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._under_way:
            future.cancel()
        for _thread in range(self._threads):
            self._tasks.put(None)

    def fill(self, end: int) -> None:
        """Start fetching pages up to ``end``, as far as the window reaches."""
        while self._width > 1 and self._next and self._next <= end and self._has_room():
            future: Future[Page] = Future()
            self._under_way.append(future)
            self._tasks.put((self._next, future))
            self._next += 1
            self._add_thread()

    def take(self, number: int) -> Page:
        """The page of that number, waited for or fetched now."""
        self._next = max(self._next, number + 1)
        if self._ready:
            return self._ready.popleft()
        if not self._under_way:
            return self._noted(self._get(number))
        self._ready.append(self._noted(self._under_way.popleft().result()))
        self._gather()
        if self._prepare:
            self._prepare(self._ready)
        return self._ready.popleft()

    def _gather(self) -> None:
        """Add the pages that are there already, up to as many bytes as are worth preparing together."""
        size = self._ready[0].size
        while size < TOGETHER and self._under_way and _has_come(self._under_way[0]):
            page = self._noted(self._under_way.popleft().result())
            self._ready.append(page)
            size += page.size

    def _has_room(self) -> bool:
        under_way = len(self._under_way)
        size = (under_way + len(self._ready) + 1) * self._largest
        if under_way >= self._width:
            return under_way < self._width * _AHEAD and 0 < size <= TOGETHER
        return size <= self._most_bytes or not under_way

    def _noted(self, page: Page) -> Page:
        self._largest = max(self._largest, page.size)
        return page

    def _add_thread(self) -> None:
        if self._threads < min(self._width, len(self._under_way)):
            self._threads += 1
            threading.Thread(target=self._work, name=f"page-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            number, future = task
            if future.set_running_or_notify_cancel():
                self._fetch_into(future, number)

    def _fetch_into(self, future: Future[Page], number: int) -> None:
        try:
            future.set_result(self._get(number))
        except BaseException as error:  # noqa: BLE001 - handed to whoever takes the page
            future.set_exception(error)


def _has_come(future: Future[Page]) -> bool:
    return future.done() and future.exception() is None
