"""Requests that are sent only to make sure: they bring nothing that is kept, and are counted apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import DeClassesError, RequestRejectedError, RetriesExhaustedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest
    from de_classes.api.walk_contracts import FetchPage

REFUSALS = frozenset({400, 404, 410, 416, 422})
"""How sources say that there is no such page."""


class Prober:
    """Asks a source what a run need not know, in order to believe what it does. Safe among threads.

    Args:
        fetch: Gets a page, decoded.
        fetch_once: The same in one attempt; ``fetch`` if there is none.
        fetch_count: Gets an answer that counts the records, where the source has one.
        fetch_filled: Gets a page that should hold records: it is asked for again where it comes empty.
        is_late: Whether the time of this go is up: then nothing else is begun.

    Attributes:
        is_late: As given.
        requests: How many answers were asked for.
    """

    def __init__(
        self,
        fetch: FetchPage,
        fetch_once: FetchPage | None = None,
        fetch_count: Callable[[], Page] | None = None,
        fetch_filled: FetchPage | None = None,
        is_late: Callable[[], bool] = lambda: False,
    ) -> None:
        self._fetch = fetch
        self._fetch_once = fetch_once or fetch
        self._fetch_count = fetch_count
        self._fetch_filled = fetch_filled or fetch
        self.is_late = is_late
        self.requests = 0

    def ask(self, request: PageRequest) -> Page | None:
        """The page, decoded; None if the source refuses it as one that does not exist.

        Raises:
            RetriesExhaustedError: It kept failing.
            FatalError: It cannot be had for another reason.
        """
        return self._asked(self._fetch, request)

    def look(self, request: PageRequest) -> Page | None:
        """The same of a page that came before: one that comes empty now is asked for again, as then."""
        return self._asked(self._fetch_filled, request)

    def _asked(self, fetch: FetchPage, request: PageRequest) -> Page | None:
        if self.is_late():
            raise RetriesExhaustedError("the time is up", attempts=0)
        self.requests += 1
        try:
            return fetch(request)
        except RequestRejectedError as error:
            if error.status in REFUSALS:
                return None
            raise

    def ask_again(self, request: PageRequest, came: Page) -> Page | None:
        """The same of a page that came before: that it is refused, or has fewer records, must come again."""
        page = self.ask(request)
        is_less = page is None or len(page.records) < len(came.records)
        return self.ask(request) if is_less else page

    def ask_once(self, request: PageRequest) -> Page | None:
        """The page of a request that the source may not understand; None if anything is wrong with it."""
        self.requests += 1
        try:
            return self._fetch_once(request)
        except DeClassesError:
            return None

    @property
    def has_count(self) -> bool:
        """Whether the source has a request of its own that counts the records."""
        return self._fetch_count is not None

    def note(self) -> None:
        """Count an answer that a walk asked for itself, and that brought nothing but where the end is."""
        self.requests += 1

    def count(self) -> int | None:
        """How many records there are, by the request that counts them; None where there is none.

        Raises:
            RetriesExhaustedError: It kept failing.
            FatalError: The source refuses it, or counts in another place than is described.
        """
        if self._fetch_count is None:
            return None
        self.requests += 1
        return self._fetch_count().total_records

    def glance(self, request: PageRequest) -> Page | None:
        """The same as ``ask``, where a run goes on: it proves nothing of the end, and is not counted."""
        page = self.ask(request)
        self.requests -= 1
        return page
