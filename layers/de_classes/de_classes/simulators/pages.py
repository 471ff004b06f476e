"""One page, before it is written as JSON, and how the pages of a run are built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.messages import SimResponse, error_response, json_response
from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from de_classes.simulators.records import RecordSource

RECORDS_FIELD = b'"data":['
PAGE_END = b"]}"


class Shape(Value):
    """How the pages of a whole run are built where a fault is switched on, so that it can be met at all.

    Args:
        hides: The totals that no page has.
        links: Whether pages say where the next one is, whatever the settings say.
        capped: Whether a page holds half of what is asked for, at the most.
        first: What the first page is called.
    """

    hides: tuple[str, ...] = ()
    links: bool = False
    capped: bool = False
    first: int = 1

    def __or__(self, other: Shape) -> Shape:
        return Shape(
            hides=(*self.hides, *other.hides),
            links=self.links or other.links,
            capped=self.capped or other.capped,
            first=min(self.first, other.first),
        )


PLAIN = Shape()
TOTAL_PAGES, TOTAL_RECORDS = "total_pages", "total_records"
UNCOUNTED = Shape(hides=(TOTAL_PAGES, TOTAL_RECORDS))
"""No page says how many there are, so that who reads them has to find the end."""
FOLLOWED = Shape(hides=UNCOUNTED.hides, links=True)
"""The same, and pages lead to one another."""


class ServedPage(DiscreetValue):
    """A page as it will go out.

    Args:
        number: Asked for, from ``first``.
        limit: Records a page, as they were asked for.
        size: Records a page, as they are given.
        source: All records, as they were when the request came.
        records: Those of this page, each the bytes of a JSON object.
        total_pages: JSON text; None leaves the field out.
        total_records: JSON text; None leaves the field out.
        links: Whether it says where the next page is, by ``next`` and the ``Link`` header.
        next_url: Where the next page is; None on the last one.
        headers: Beside the usual ones.
        first: What the first page is called.
        beside: Further fields, as JSON text with a comma behind each.
        status: 204 is an answer without a body, 400 and above an error.
    """

    shown = (
        "number",
        "limit",
        "size",
        "total_pages",
        "total_records",
        "links",
        "next_url",
        "headers",
        "status",
    )

    number: int
    limit: int
    size: int
    source: RecordSource
    records: Sequence[bytes]
    total_pages: str | None
    total_records: str | None
    links: bool = False
    next_url: str | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    first: int = 1
    beside: str = ""
    status: int = 200

    @property
    def count(self) -> int:
        """How many pages there really are."""
        return -(-self.source.count // self.size)

    @property
    def last(self) -> int:
        """The number of the last page; one less than that of the first if there is none."""
        return self.first + self.count - 1

    def records_of(self, number: int) -> list[bytes]:
        """The records of another page."""
        start = (number - self.first) * self.size
        return self.source.slice(start, start + self.size)

    def with_total(self, pages: int) -> Self:
        """The same page, lying about how many there are."""
        records = min(self.source.count, pages * self.size)
        return replace(self, total_pages=str(pages), total_records=str(records))

    def linked(self, next_url: str | None) -> Self:
        """The same page, with a link to the next one, or to none."""
        return replace(self, links=True, next_url=next_url)

    def response(self) -> SimResponse:
        """The answer that carries it."""
        if self.status >= 400:  # noqa: PLR2004 - an error of HTTP
            return error_response(self.status, "there is no such page")
        if self.status == 204:  # noqa: PLR2004 - no content
            return SimResponse(204)
        headers = dict(self.headers)
        if self.next_url is not None:
            headers["Link"] = f'<{self.next_url}>; rel="next"'
        return json_response(200, self._body(), headers=headers)

    def _body(self) -> bytes:
        told = {"total_pages": self.total_pages, "total_records": self.total_records}
        totals = "".join(f'"{name}":{text},' for name, text in told.items() if text is not None)
        fields = f"{totals}{self._next()}{self.beside}"
        head = f'{{"page":{self.number},"limit":{self.limit},{fields}'.encode()
        # Joined, not encoded: the records go out as the bytes they came in.
        return b"".join((head, RECORDS_FIELD, b",".join(self.records), PAGE_END))

    def _next(self) -> str:
        if not self.links:
            return ""
        return '"next":null,' if self.next_url is None else f'"next":"{self.next_url}",'


def page_of(source: RecordSource, number: int, limit: int, shape: Shape = PLAIN) -> ServedPage:
    """The genuine page, built as the faults of the run have it."""
    size = max(1, limit // 2) if shape.capped else limit
    page = ServedPage(number, limit, size, source, (), None, str(source.count), first=shape.first)
    page = replace(page, records=page.records_of(number), total_pages=str(page.count))
    return replace(page, **dict.fromkeys(shape.hides))
