"""What walks, and those who drive them, need of one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest
    from de_classes.errors import PageGivenUpError
    from de_classes.utils.run_records import RunPlace


class FetchPage(Protocol):
    """Gets one page, with all retries."""

    def __call__(self, request: PageRequest) -> Page:
        """Send the request until it is answered or given up."""
        ...


class SkipPage(Protocol):
    """Is told of a page that was given up, where a walk may go on without it."""

    def __call__(self, number: int, because: PageGivenUpError) -> None:
        """Take note of the gap."""
        ...


class PageWalk(Protocol):
    """Pages in order, and the place where another process could go on."""

    @property
    def place(self) -> RunPlace | None:
        """Where the walk goes on after the page just handed on; None if it knows of no other page."""
        ...

    @property
    def way_here(self) -> RunPlace | None:
        """What the page just handed on was asked for by, where each page is found through another."""
        ...

    @property
    def is_filling_gaps(self) -> bool:
        """Whether pages that were skipped before are still to be asked for."""
        ...

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on. Iterate it once."""
        ...
