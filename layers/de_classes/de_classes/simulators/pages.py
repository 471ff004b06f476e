"""One page, before it is written as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.messages import error_response, json_response
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from de_classes.simulators.messages import SimResponse
    from de_classes.simulators.records import RecordSource

RECORDS_FIELD = b'"data":['
PAGE_END = b"]}"


class Page(DiscreetValue):
    """A page as it will go out.

    Args:
        number: Asked for, from 1.
        limit: Records a page.
        source: All records, as they were when the request came.
        records: Those of this page, each the bytes of a JSON object.
        total_pages: JSON text; None leaves the field out.
        total_records: JSON text; None leaves the field out.
        links: Whether it says where the next page is, by ``next`` and the ``Link`` header.
        next_url: Where the next page is; None on the last one.
        headers: Beside the usual ones.
        exists: False is answered 404.
    """

    shown = ("number", "limit", "total_pages", "total_records", "links", "next_url", "headers", "exists")

    number: int
    limit: int
    source: RecordSource
    records: Sequence[bytes]
    total_pages: str | None
    total_records: str | None
    links: bool = False
    next_url: str | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    exists: bool = True

    @property
    def last(self) -> int:
        """How many pages there really are."""
        return -(-self.source.count // self.limit)

    def records_of(self, number: int) -> list[bytes]:
        """The records of another page."""
        start = (number - 1) * self.limit
        return self.source.slice(start, start + self.limit)

    def with_total(self, pages: int) -> Self:
        """The same page, lying about how many there are."""
        records = min(self.source.count, pages * self.limit)
        return replace(self, total_pages=str(pages), total_records=str(records))

    def linked(self, next_url: str | None) -> Self:
        """The same page, with a link to the next one, or to none."""
        return replace(self, links=True, next_url=next_url)

    def response(self) -> SimResponse:
        """The answer that carries it."""
        if not self.exists:
            return error_response(404, "there is no such page")
        headers = dict(self.headers)
        if self.next_url is not None:
            headers["Link"] = f'<{self.next_url}>; rel="next"'
        return json_response(200, self._body(), headers=headers)

    def _body(self) -> bytes:
        head = f'{{"page":{self.number},"limit":{self.limit},{self._totals()}{self._next()}'.encode()
        # Joined, not encoded: the records go out as the bytes they came in.
        return b"".join((head, RECORDS_FIELD, b",".join(self.records), PAGE_END))

    def _totals(self) -> str:
        fields = {"total_pages": self.total_pages, "total_records": self.total_records}
        return "".join(f'"{name}":{text},' for name, text in fields.items() if text is not None)

    def _next(self) -> str:
        if not self.links:
            return ""
        return '"next":null,' if self.next_url is None else f'"next":"{self.next_url}",'


def page_of(source: RecordSource, number: int, limit: int) -> Page:
    """The genuine page."""
    start = (number - 1) * limit
    page = Page(number, limit, source, source.slice(start, start + limit), None, str(source.count))
    return replace(page, total_pages=str(page.last))
