"""How it is known that a run brought everything, as a receipt says it, and the requests that this takes.

What it is worked out by, ``proof.py`` has from top to bottom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

from msgspec import Struct

from de_classes.errors import DeClassesError, RequestRejectedError, RetriesExhaustedError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest

EndBy = Literal["total", "marker", "probed", "counted", "seen before", "declared", "unproven"]

StillBy = Literal["by key", "sampled", "read twice", "repaired", "begun anew", "unknown"]


class End(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the end of a collection is known.

    Attributes:
        by: ``total``: the source counts its records, the same in every answer, and as many came. ``marker``:
            a field that says whether more follows, or what leads on, was seen to say both. ``probed``: what
            would follow was asked for, and nothing does. ``counted``: by a request that counts. ``seen
            before``: an earlier run by the same description followed what leads on, and nothing does here.
            ``declared``: nothing follows by what was asked for or described. ``unproven``: nothing tells.
        requests: How many requests it took, beyond those for the pages.
        saw: What was seen.
    """

    by: EndBy
    requests: int = 0
    saw: str = ""


class Still(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it is known that the source stood still while it was read.

    Attributes:
        by: ``by key``: each page begins behind the last record's unique key. ``sampled``: some pages were
            asked for again at the end, and began and ended as before. ``read twice``: all of them were.
            ``repaired``: it changed, and passes over it went on until one brought no new key. ``begun anew``:
            it changed, and what was kept comes from a later reading alone. ``unknown``: it was not asked.
        pages: How many pages were asked for again.
        of: How many there are.
        requests: How many requests that took.
    """

    by: StillBy
    pages: int = 0
    of: int = 0
    requests: int = 0


class Evidence(Value):
    """What "complete" rests on.

    Attributes:
        end: How the end is known.
        still: How it is known that the source stood still.
        warnings: What weakens it, a sentence each, with what to do about it.
    """

    end: End
    still: Still
    warnings: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        """Requests that proved something and brought nothing."""
        return self.end.requests + self.still.requests

    @property
    def weak(self) -> list[str]:
        """What ``--strict`` does not accept."""
        by = [
            f"end: {self.end.by}" if self.end.by == "unproven" else "",
            f"still: {self.still.by}" if self.still.by in {"sampled", "unknown"} else "",
        ]
        return [each for each in by if each]

    def __str__(self) -> str:
        saw = f" ({self.end.saw})" if self.end.saw else ""
        looked = f" {self.still.pages} of {self.still.of}" if self.still.pages else ""
        requests = f"{self.requests} request{'' if self.requests == 1 else 's'} for it"
        return f"end {self.end.by}{saw}, still {self.still.by}{looked}; {requests}"


LEAST_REQUESTS: Final = 5
"""What a run may spend on proof however short it is."""

LEAST_LOOKS: Final = 2
"""Pages that are looked at whatever the proof of the end took: the first and the last."""

LEAST_LOOKS_BY_NUMBERS: Final = 4
"""The same where nothing tells of the end but that no page of such a number is there."""


def most_requests(pages: int) -> int:
    """What a run of so many pages spends on proof at the most, unless it looks at every page again."""
    return max(LEAST_REQUESTS, pages // 100)


class FetchPage(Protocol):
    """Gets one page, with all retries."""

    def __call__(self, request: PageRequest) -> Page:
        """Send the request until it is answered or given up."""
        ...


REFUSALS = frozenset({400, 404, 410, 416, 422})
"""How sources say that there is no such page."""


class ProofRequests:
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
