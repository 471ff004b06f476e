"""The few pages that a check asked for, and what follows from them whatever a marker says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from de_classes.api.pagination.by_number import OffsetPagination, PageNumberPagination
from de_classes.api.pagination.followed import LastRecordPagination, OnePagePagination
from de_classes.api.pagination.per_parent import PerParentPagination
from de_classes.errors import ProtocolError, RequestRejectedError

if TYPE_CHECKING:
    from de_classes.api.endpoint import Endpoint
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
    from de_classes.checks.probe import Asked
    from de_classes.errors import DeClassesError

_NOTHING_THERE: Final = frozenset({400, 404, 410, 416, 422})
_ROUND: Final = 5


class CheckedPages:
    """The pages that were asked for, and what follows from them.

    Args:
        endpoint: What was asked.
        limit: Records a page, for the first.
        first: The first page, as it was asked for.
        page: Itself.
    """

    def __init__(self, endpoint: Endpoint, limit: int, first: Asked, page: Page) -> None:
        self.endpoint = endpoint
        self.first, self.page, self._limit = first, page, limit
        self.records = first.records
        self.inner = inner_of(endpoint.pagination)
        self.is_per_parent = isinstance(endpoint.pagination, PerParentPagination)
        self._bare = without_markers(endpoint.pagination)
        self.bare_endpoint = structs.replace(endpoint, pagination=self._bare)
        self.small: Asked | None = None
        self.second: Asked | None = None
        self.small_second: Asked | None = None
        self.other_first: Asked | None = None
        self.last: Asked | None = None
        self.way_error: DeClassesError | None = None

    @property
    def following(self) -> PageRequest | None:
        """What is asked for behind the first page, whatever a marker says."""
        if isinstance(self.inner, OffsetPagination) and not self.is_per_parent:
            total, count = self.page.total_records, len(self.records)
            return (
                self.inner.request_at(2, count, self._limit)
                if count and (total is None or total > count)
                else None
            )
        return self.next_of(self.page, self.first.request)

    @property
    def small_following(self) -> PageRequest | None:
        """The same behind the small page."""
        if self.small is None or self.small.page is None or not self.is_heeded:
            return None
        return self.next_of(self.small.page, self.small.request)

    def next_of(self, page: Page, request: PageRequest) -> PageRequest | None:
        """What leads on from a page, whatever a marker says; of several parents, not to another one's."""
        size = request.size or self._limit
        try:
            found = self._bare.request_after(page, size, url=page.url, asked=request)
        except ProtocolError as error:
            self.way_error = error
            return None
        is_other = found is not None and found.parent != request.parent
        return None if is_other and not isinstance(self.inner, OnePagePagination) else found

    @property
    def is_heeded(self) -> bool:
        """Whether no more came than were asked for, where fewer were asked for."""
        small = self.small
        return (
            small is not None
            and small.page is not None
            and 0 < len(small.records) <= (small.request.size or 0)
        )

    @property
    def is_reckoned(self) -> bool:
        """Whether the next place is reckoned, so that it may be one behind the end."""
        return self.inner.random_access or isinstance(self.inner, LastRecordPagination)

    @property
    def is_cut(self) -> bool:
        """Whether the source gives fewer than were asked for although more follow, each time as many."""
        count, second = len(self.records), self.second
        if second is None or not second.records or not 0 < count < self._limit or self.is_per_parent:
            return False
        return second.records != self.records and len(second.records) <= count and count % _ROUND == 0

    @property
    def ends_by_total(self) -> bool:
        """Whether the total says that all is on the first page."""
        return self.page.total_records is not None and self.page.total_records == len(self.records)

    @property
    def ends_by_marker(self) -> bool:
        """Whether the marker says that no other page follows the first."""
        try:
            return self.inner.ends(self.page) is True
        except ProtocolError:
            return False

    @property
    def stands_in(self) -> bool:
        """Whether what leads on is there, be it null."""
        return self.inner.way_on is not None and self.inner.stands_in(self.page)

    @property
    def all_records(self) -> list[dict[str, Any]]:
        """Those of all pages at the usual size."""
        pages = [self.second, self.last if self.last and self.last.request.number > 2 else None]  # noqa: PLR2004
        more = [record for asked in pages if asked is not None for record in asked.records]
        return (
            self.records
            if self.second is not None and self.second.records == self.records
            else [*self.records, *more]
        )

    def truths(self) -> list[tuple[Page, bool]]:
        """Pages of which it is known whether others follow."""
        found: list[tuple[Page, bool]] = []
        if self.small is not None and self.small.page is not None and self.is_heeded:
            found.append((self.small.page, True))
        second = self.second
        if second is not None and second.records and second.records != self.records:
            found.append((self.page, True))
            leads_on = second.page is not None and self.next_of(second.page, second.request) is not None
            if second.page is not None and not self.is_reckoned and not leads_on and self.stands_in:
                found.append((second.page, False))
        elif (
            (
                second is not None
                and self.is_reckoned
                and (second.page is not None or says_nothing_there(second))
            )
            or self.ends_by_total
            or (self.following is None and self.small_following is not None)
        ):
            found.append((self.page, False))
        if self.last is not None and self.last.page is not None and self.last.records:
            found.append((self.last.page, False))
        return found


def inner_of(pagination: PaginationStrategy) -> PaginationStrategy:
    """What leads from page to page, of one parent where there are several."""
    return pagination.inner if isinstance(pagination, PerParentPagination) else pagination


def with_inner(pagination: PaginationStrategy, inner: PaginationStrategy) -> PaginationStrategy:
    """The same with another in its place."""
    return structs.replace(pagination, inner=inner) if isinstance(pagination, PerParentPagination) else inner


def without_markers(pagination: PaginationStrategy) -> PaginationStrategy:
    """The same without what a source might say wrongly: end markers, and the number of a page."""
    inner: Any = structs.replace(inner_of(pagination), more=None, done=None)
    if isinstance(inner, PageNumberPagination):
        inner = structs.replace(inner, echo_path=None)
    return with_inner(pagination, inner)


def says_nothing_there(asked: Asked) -> bool:
    """Whether a source refuses as one does that has no such page."""
    return isinstance(asked.error, RequestRejectedError) and asked.error.status in _NOTHING_THERE
