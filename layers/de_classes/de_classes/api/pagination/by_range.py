"""Records by ranges in headers, as the Range and Content-Range of HTTP say it of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.api.pagination.by_number import OffsetPagination
from de_classes.api.pagination.strategy import PageRequest
from de_classes.api.status import ContentRange
from de_classes.api.templates import Into  # noqa: TC001 - msgspec reads them

if TYPE_CHECKING:
    from de_classes.api.page import Page


class RangePagination(OffsetPagination, kw_only=True, tag_field="type", tag="range"):
    """``Range: items=200-299``, answered by ``Content-Range: items 200-299/1234``, the total.

    Example:
        >>> RangePagination().request_for(3, limit=100).values
        {'header.Range': 'items=200-299'}

    Attributes:
        into: Where the range goes.
        first: The first record's number.
        unit: What stands before it; nothing if empty, as where ``Range-Unit`` is a header of its own.
    """

    into: Into = "header.Range"
    unit: str = "items"

    def request_at(self, number: int, records: int, limit: int) -> PageRequest:
        """The range that starts behind so many records."""
        first = records + self.first
        unit = f"{self.unit}=" if self.unit else ""
        return PageRequest(number, {self.into: f"{unit}{first}-{first + limit - 1}"}, size=limit)

    def records_before(self, request: PageRequest) -> int:
        """What the range leaves out before it."""
        first, _, _ = request.values[self.into].rpartition("=")[2].rpartition("-")
        return int(first) - self.first

    def with_totals(self, page: Page) -> Page:
        """How many records there are, by the header."""
        return page.with_totals(records=ContentRange.total_of(page.headers))
