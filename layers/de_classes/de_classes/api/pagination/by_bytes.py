"""A file of lines, however large: in pieces of so many bytes, each cut behind its last whole line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from de_classes.api.messages import HttpResponse, without_secrets
from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
from de_classes.api.status import OK, PARTIAL_CONTENT, ContentRange
from de_classes.errors import CorruptResponseError, ProtocolError, SourceChangedError

if TYPE_CHECKING:
    from de_classes.api.page import Page

_OFFSET = "offset"
_EMPTY = 416


class FilePagination(PaginationStrategy, kw_only=True, tag_field="type", tag="file"):
    """One file of lines, asked for in ranges of bytes, so that no more than a piece is held in memory.

    A server that gives no ranges gives all of it at once. One whose file is another one meanwhile says so,
    by its ``ETag``.

    Example:
        >>> FilePagination(piece=1000).request_for(1, limit=100).values["header.Range"]
        'bytes=0-999'

    Attributes:
        piece: Bytes that are asked for at a time. No line may be longer.
    """

    piece: Annotated[int, Meta(ge=1)] = 8 * 2**20

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The first piece only: where any other begins is known by the lines before it."""
        return self._at(super().request_for(number, limit).number, 0, None, limit)

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The piece behind the last whole line."""
        if asked is None or self.ends(page):
            return None
        tag = page.headers.get("etag", "")
        behind = asked.values[_OFFSET] + page.size
        return self._at(page.number + 1, behind, tag if tag.startswith('"') else None, limit)

    def piece_of(self, response: HttpResponse, asked: PageRequest, *, url: str) -> HttpResponse:
        """The whole lines of a piece.

        Raises:
            CorruptResponseError: It is not the piece that was asked for, or not all of it.
            SourceChangedError: It is another file by now.
            ProtocolError: A line is longer than a piece.
        """
        begins, where = asked.values[_OFFSET], without_secrets(url)
        if response.status == OK and begins > 0:
            raise SourceChangedError(f"{where} is another file than the one whose beginning came")
        if response.status == _EMPTY and ContentRange.total_bytes(response) == 0:
            return HttpResponse(OK, {}, b"")
        if response.status != PARTIAL_CONTENT:
            return response
        part = ContentRange.of(response)
        if part is None or part.total is None or (part.unit, part.first) != ("bytes", begins):
            raise CorruptResponseError(f"{where} gave another part than bytes from {begins} on")
        if response.header("content-encoding") is not None:
            raise ProtocolError(f'{where} gives parts of a compressed file: describe pagination as "none"')
        if len(response.body) != part.last - part.first + 1:
            raise CorruptResponseError(f"{where} gave {len(response.body)} bytes of {part.last + 1 - begins}")
        body = response.body
        if part.last + 1 < part.total:
            body = body[: body.rfind(b"\n") + 1]
            if not body:
                raise ProtocolError(
                    f"{where} has a line of more than {self.piece} bytes: say a larger pagination.piece"
                )
        return HttpResponse(OK, response.headers, body)

    def ends(self, page: Page) -> bool:
        """Whether the last byte came."""
        part = ContentRange.of(HttpResponse(page.number, dict(page.headers), b""))
        return part is None or part.total is None or part.last + 1 >= part.total

    @property
    def ends_surely(self) -> bool:
        """Yes: every byte is counted."""
        return True

    @property
    def marker(self) -> str:
        """As HTTP says it."""
        return "Content-Range at the last byte"

    @property
    def way_on(self) -> str:
        """The header."""
        return "header 'Content-Range'"

    def may_lose_its_way(self, records: int, limit: int) -> bool:
        """No: what is left is counted in bytes."""
        return False

    def _at(self, number: int, offset: int, tag: str | None, limit: int) -> PageRequest:
        values: dict[str, Any] = {
            _OFFSET: offset,
            "header.Range": f"bytes={offset}-{offset + self.piece - 1}",
            "header.Accept-Encoding": "identity",
        }
        if tag is not None:
            values["header.If-Range"] = tag
        return PageRequest(number, values, size=limit)
