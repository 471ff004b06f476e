"""Requests that are sent only to make sure: they bring nothing that is kept, and are counted apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import RequestRejectedError

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest
    from de_classes.api.walk_contracts import FetchPage

REFUSALS = frozenset({400, 404, 410, 416, 422})
"""How sources say that there is no such page."""


class Prober:
    """Asks a source what a run need not know, in order to believe what it does. Safe among threads.

    Args:
        fetch: Gets a page, decoded.

    Attributes:
        requests: How many answers were asked for.
    """

    def __init__(self, fetch: FetchPage) -> None:
        self._fetch = fetch
        self.requests = 0

    def ask(self, request: PageRequest) -> Page | None:
        """The page, decoded; None if the source refuses it as one that does not exist.

        Raises:
            RetriesExhaustedError: It kept failing.
            FatalError: It cannot be had for another reason.
        """
        self.requests += 1
        try:
            return self._fetch(request)
        except RequestRejectedError as error:
            if error.status in REFUSALS:
                return None
            raise
