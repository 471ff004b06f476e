"""How an API numbers its pages: stateless strategies, a page in, the next request out.

A strategy that can compute any page's request from its number (``random_access``) lets pages be
fetched several at a time; one that must read each answer to find the next cannot.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin

import msgspec

from de_classes.errors import ConfigurationError, ProtocolError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.api.page import Page

_PARAMETER = r"""\s*;\s*([^\s=;,"<>]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?"""
_PARAMETERS = re.compile(_PARAMETER)
_LINK = re.compile(rf"""<([^<>]*)>((?:{_PARAMETER.replace("([", "(?:[")})*)""")


class Totals(Protocol):
    """What a page says of the whole: ``Page`` does, and so does a ``PageEntry`` that was written down."""

    @property
    def total_pages(self) -> int | None:
        """How many pages there are, or None."""
        ...

    @property
    def total_records(self) -> int | None:
        """How many records there are, or None."""
        ...


class PageRequest(Value):
    """Where one page is asked for.

    Attributes:
        number: Its place in the run, from 1.
        params: Query parameters.
        url: An absolute URL that replaces the configured one, or None.
    """

    number: int
    params: Mapping[str, str] = msgspec.field(default_factory=dict)
    url: str | None = None

    def identity(self) -> tuple[str | None, tuple[tuple[str, str], ...]]:
        """What makes two requests the same, whatever their numbers: the guard against loops."""
        return self.url, tuple(sorted(self.params.items()))


class PaginationStrategy(ABC):
    """From page to page. Holds settings only, never a place: one object serves any number of runs."""

    random_access = False
    """Whether any page can be asked for by its number."""

    counts_records = False
    """Whether a page's place is counted in records, so that a short page leaves a hole behind it."""

    echo_field: str | None = None
    """The answer's field that repeats the page's number, if it has one; it must then be the right one."""

    @abstractmethod
    def request_for(self, number: int, limit: int) -> PageRequest:
        """The request for a page by its number.

        Raises:
            ConfigurationError: The strategy can only start at page 1 and follow.
        """

    @abstractmethod
    def request_after(self, page: Page, limit: int, *, url: str) -> PageRequest | None:
        """The request that follows a page, or None if the page says that it is the last.

        Args:
            page: The page just read.
            limit: Records a page.
            url: Where the page came from, to resolve a relative link.
        """

    def page_count(self, page: Totals, limit: int) -> int | None:
        """How many pages there are according to this page, or None if it cannot be known."""
        return None


@dataclass(frozen=True)
class PageNumberPagination(PaginationStrategy):
    """``?page=3&limit=100``, with the number of pages in the answer: the default."""

    page_param: str = "page"
    limit_param: str = "limit"
    echo_field: str | None = "page"
    random_access = True

    def request_for(self, number: int, limit: int) -> PageRequest:
        """Page and limit, as numbers."""
        return PageRequest(number, {self.page_param: str(number), self.limit_param: str(limit)})

    def request_after(self, page: Page, limit: int, *, url: str) -> PageRequest | None:
        """The next number, up to the stated total; without a total, until a page is empty."""
        ended = not page.records if page.total_pages is None else page.number >= page.total_pages
        return None if ended else self.request_for(page.number + 1, limit)

    def page_count(self, page: Totals, limit: int) -> int | None:
        """What the API says."""
        return page.total_pages


@dataclass(frozen=True)
class OffsetPagination(PaginationStrategy):
    """``?offset=200&limit=100``, with the number of records in the answer if the API gives it."""

    offset_param: str = "offset"
    limit_param: str = "limit"
    random_access = True
    counts_records = True

    def request_for(self, number: int, limit: int) -> PageRequest:
        """Offset and limit, in records."""
        offset = (number - 1) * limit
        return PageRequest(number, {self.offset_param: str(offset), self.limit_param: str(limit)})

    def request_after(self, page: Page, limit: int, *, url: str) -> PageRequest | None:
        """The next offset, up to the stated total; without a total, until a page is empty."""
        count = self.page_count(page, limit)
        ended = not page.records if count is None else page.number >= count
        return None if ended else self.request_for(page.number + 1, limit)

    def page_count(self, page: Totals, limit: int) -> int | None:
        """The number of records, divided."""
        return None if page.total_records is None else -(-page.total_records // limit)


@dataclass(frozen=True)
class CursorPagination(PaginationStrategy):
    """``?cursor=abc&limit=100``, with the next cursor in the answer; none, null or "" ends it."""

    cursor_param: str = "cursor"
    cursor_field: str = "next_cursor"
    limit_param: str = "limit"

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The first page only: any other is known by its cursor alone."""
        _only_from_the_start(number)
        return PageRequest(number, {self.limit_param: str(limit)})

    def request_after(self, page: Page, limit: int, *, url: str) -> PageRequest | None:
        """The request with the cursor that this page names.

        Raises:
            ProtocolError: A full first page without the field: the cursor goes by another name.
        """
        cursor = page.payload.get(self.cursor_field)
        if self.cursor_field not in page.payload:
            _must_be_all(page, limit, f"no field {self.cursor_field!r}")
        if cursor is None or cursor == "":
            return None
        return PageRequest(page.number + 1, {self.cursor_param: str(cursor), self.limit_param: str(limit)})


@dataclass(frozen=True)
class LinkHeaderPagination(PaginationStrategy):
    """``Link: <https://api.example/items?page=2>; rel="next"`` (RFC 8288)."""

    limit_param: str = "limit"

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The first page only: any other is known by its link alone."""
        _only_from_the_start(number)
        return PageRequest(number, {self.limit_param: str(limit)})

    def request_after(self, page: Page, limit: int, *, url: str) -> PageRequest | None:
        """The linked URL, made absolute; the client checks that it stays on its origin.

        Raises:
            ProtocolError: A full first page without the header: the source does not link its pages.
        """
        header = page.headers.get("link")
        if header is None:
            _must_be_all(page, limit, "no Link header")
        target = next_link(header or "")
        return None if target is None else PageRequest(page.number + 1, {}, urljoin(url, target))


def next_link(header: str) -> str | None:
    """The target of the first ``rel="next"`` in a Link header, or None. Never raises."""
    for target, parameters in _LINK.findall(header):
        if any(_is_next(*parameter) for parameter in _PARAMETERS.findall(parameters)):
            return str(target).strip()
    return None


def _is_next(name: str, quoted: str, bare: str) -> bool:
    return name.lower() == "rel" and "next" in (quoted or bare).lower().split()


def _only_from_the_start(number: int) -> None:
    if number != 1:
        raise ConfigurationError(
            f"this pagination cannot start at page {number}: each page is found through the one before it"
        )


def _must_be_all(page: Page, limit: int, what: str) -> None:
    """A first page without a way on is believed to be all only if it is short, or the total says so."""
    is_full = page.number == 1 and len(page.records) >= limit
    if is_full and page.total_records != len(page.records):
        raise ProtocolError(f"a full first page has {what}: name what leads to the next page")
