"""Fetching ahead: several pages under way, handed out by number.

How far ahead is bounded twice: by a width, and by the bytes that the pages may be together, as far as the
largest that came lets one expect. The next page to be taken is always let through. Small pages are fetched
further ahead, but no more of them at once, so that several are there to be decoded together.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from de_classes.api.page import UndecodedRecords
from de_classes.errors import CorruptResponseError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from de_classes.api.answers import PageReader
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest

MOST_BYTES: Final = 32 * 2**20
"""Of pages that are under way, or there and not taken yet."""

_AHEAD: Final = 4  # times the width, as long as pages are small


class _Task(Value):
    """A page to be fetched.

    Attributes:
        place: How many pages of the window come before it.
        number: Its number.
        future: Where it goes.
    """

    place: int
    number: int
    future: Future[Page]


class Prefetcher:
    """Up to ``width`` pages under way at once. Leaving it drops what nobody has taken.

    Its threads are daemons: a request that hangs never keeps an interrupted process alive.

    Args:
        get: Gets one page by number; called from several threads if ``width`` is above 1.
        width: Pages under way at the most; with 1 there are no threads and nothing is fetched ahead.
        start: The first page, if it need not go alone; None if the pages ahead are known only after it.
        decode: Decodes pages that are there, several if they are small, before the first of them is taken.
        most_bytes: Of pages under way and of those that nobody has taken yet.
    """

    def __init__(
        self,
        get: Callable[[int], Page],
        width: int,
        *,
        start: int | None = None,
        decode: Callable[[Sequence[Page]], Sequence[Page]] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._get = get
        self._width = width
        self._decode = decode
        self._most_bytes = most_bytes
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._under_way: deque[Future[Page]] = deque()
        self._ready: deque[Page] = deque()
        self._threads = 0
        self._next = start or 0
        self._end = 0
        self._begun = 0
        self._moved = threading.Condition()
        self._taken = 0
        self._largest = 0
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._under_way:
            future.cancel()
        for _thread in range(self._threads):
            self._tasks.put(None)
        with self._moved:
            self._is_over = True
            self._moved.notify_all()

    def fill(self, end: int) -> None:
        """Start fetching pages up to ``end``, as far as the window reaches."""
        self._end = end
        self._fill()

    def _fill(self) -> None:
        while self._width > 1 and self._next and self._next <= self._end and self._reaches():
            future: Future[Page] = Future()
            self._under_way.append(future)
            self._tasks.put(_Task(self._begun, self._next, future))
            self._begun += 1
            self._next += 1
            self._add_thread()

    def take(self, number: int) -> Page:
        """The page of that number, waited for or fetched now."""
        self._next = max(self._next, number + 1)
        if self._ready:
            return self._handed_out()
        if not self._under_way:
            return self._noted(self._get(number))
        self._ready.append(self._first())
        self._gather()
        if self._decode:
            self._ready = deque(self._decode(self._ready))
        return self._handed_out()

    def _first(self) -> Page:
        try:
            return self._under_way.popleft().result()
        except BaseException:
            self._move_on()
            raise

    def _gather(self) -> None:
        """Add the pages that are there already, up to as many bytes as are worth decoding together."""
        size = self._ready[0].size
        while size < TOGETHER and self._under_way and _has_come(self._under_way[0]):
            page = self._under_way.popleft().result()
            self._ready.append(page)
            size += page.size

    def _handed_out(self) -> Page:
        self._move_on()
        self._fill()
        return self._ready.popleft()

    def _move_on(self) -> None:
        with self._moved:
            self._taken += 1
            self._moved.notify_all()

    def _reaches(self) -> bool:
        """Whether a page may be begun now: a thread that had to wait for it would be woken for each other."""
        ahead = self._begun - self._taken
        return ahead < self._width * (_AHEAD if self._largest else 1) and self._has_room(ahead)

    def _add_thread(self) -> None:
        if self._threads < min(self._width, len(self._under_way)):
            self._threads += 1
            threading.Thread(target=self._work, name=f"page-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._await_room(task)
            if task.future.set_running_or_notify_cancel():
                self._fetch_into(task.future, task.number)

    def _await_room(self, task: _Task) -> None:
        with self._moved:
            while not (self._is_over or self._has_room(task.place - self._taken)):
                self._moved.wait()

    def _has_room(self, ahead: int) -> bool:
        """Whether a page so far ahead may be begun: not if all up to it could be too large together."""
        most = self._most_bytes if ahead < self._width else min(TOGETHER, self._most_bytes)
        return ahead <= 0 or (ahead + 1) * self._largest <= most

    def _fetch_into(self, future: Future[Page], number: int) -> None:
        try:
            future.set_result(self._noted(self._get(number)))
        except BaseException as error:  # noqa: BLE001 - handed to whoever takes the page
            future.set_exception(error)

    def _noted(self, page: Page) -> Page:
        with self._moved:
            self._largest = max(self._largest, page.size)
        return page


def _has_come(future: Future[Page]) -> bool:
    return future.done() and future.exception() is None


TOGETHER: Final = 512 * 1024
"""Bytes of pages that are decoded in one go: small pages cost as many calls as large ones."""


class RecordDecoder(Protocol):
    """Makes of JSON arrays what somebody is to write: a client is handed one, and knows no format.

    Whatever it makes is a sequence of the same dictionaries that a strict reader gives.
    """

    def decode_together(self, texts: Sequence[bytes]) -> Sequence[Sequence[dict[str, Any]] | None]:
        """Records by the shortest way there is; None for a text that must be decoded by itself.

        Args:
            texts: JSON arrays, well-formed, of which nothing more need be known. It never raises.
        """
        ...

    def decode(self, text: bytes) -> Sequence[dict[str, Any]]:
        """Records, strictly.

        Raises:
            MalformedDataError: The text is not sound.
        """
        ...


class AskAgain(Protocol):
    """Asks once more for a page whose records were found not to be sound."""

    def __call__(self, request: PageRequest, page: Page, because: CorruptResponseError) -> Page:
        """Send the request until it is answered by a page that is sound, or given up."""
        ...


class PageDecoder:
    """Decodes the records of pages that were read as text, and leaves those alone that came decoded.

    Args:
        reader: Read the pages.
        decoder: Decodes records.
        again: Asks once more for a page whose records are not sound, and gives it decoded.
    """

    def __init__(self, reader: PageReader, decoder: RecordDecoder, again: AskAgain) -> None:
        self._reader = reader
        self._decoder = decoder
        self._again = again

    def decode_together(self, pages: Sequence[Page]) -> list[Page]:
        """The pages, decoded as far as that can be done in one go. It never raises."""
        texts = [page.records.text for page in pages if isinstance(page.records, UndecodedRecords)]
        found = iter(self._decoder.decode_together(texts) if texts else ())
        return [
            page
            if not isinstance(page.records, UndecodedRecords) or (records := next(found)) is None
            else page.decoded(records)
            for page in pages
        ]

    def decode(self, page: Page, request: PageRequest) -> Page:
        """The page, decoded; another one if it was not sound.

        Args:
            page: What came.
            request: What it was asked for by.

        Raises:
            PageGivenUpError: It was asked for again and kept failing.
            FatalError: It cannot be had, or cannot be trusted.
        """
        (page,) = self.decode_together([page])
        try:
            return self._reader.decoded(page, self._decoder.decode)
        except CorruptResponseError as error:
            return self._again(request, page, error)
