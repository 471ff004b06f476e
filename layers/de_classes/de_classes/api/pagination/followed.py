"""Pages that are each found through the one before: by a cursor, a link, an address, or a field."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from de_classes.api.messages import joined
from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
from de_classes.api.templates import Into, Path
from de_classes.errors import ProtocolError, SourceChangedError
from de_classes.utils.paths import MISSING, finder, standing_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.page import Page
    from de_classes.utils.run_records import RunPlace

_PARAMETER = r"""\s*;\s*([^\s=;,"<>]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?"""
_PARAMETERS = re.compile(_PARAMETER)
_LINK = re.compile(rf"""<([^<>]*)>((?:{_PARAMETER.replace("([", "(?:[")})*)""")


class CursorPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="cursor"):
    """Each page names a token that leads to the next; absent, null, false or "" ends it.

    Where the token is a whole address, that is where the next page is, as for ``next_url``: sent as a
    parameter it would ask for the same page again.

    Example:
        >>> page = Page(1, [{"id": 7}], {"next_cursor": "b7"})
        >>> CursorPagination().request_after(page, 100, url="https://api.example/rows").values
        {'query.cursor': 'b7'}

    Attributes:
        path: Where it stands in the body.
        header: In which header it stands instead.
        into: Where it goes.
        first: What is sent for the first page, such as ``*``.
        keeps: Names of query parameters that go along with it; all of them unless given. Some sources refuse
            others beside a cursor.
        ends_empty: Whether it is always there, so that an empty page alone is the end.
    """

    path: Path = "next_cursor"
    header: Annotated[str, Meta(min_length=1)] | None = None
    into: Into = "query.cursor"
    first: str | int | None = None
    keeps: tuple[str, ...] | None = None
    ends_empty: bool = False

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The first page only: any other is known by its cursor alone."""
        first = super().request_for(number, limit)
        return first if self.first is None else msgspec.structs.replace(first, values={self.into: self.first})

    def request_again(self, place: RunPlace, limit: int) -> PageRequest:
        """The same, without the parameters that do not go along."""
        return msgspec.structs.replace(super().request_again(place, limit), keeps=self.keeps)

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The request with the cursor that this page names."""
        cursor = self._cursor(page)
        following = None
        is_address = isinstance(cursor, str) and cursor.startswith(("https://", "http://"))
        before = asked and (asked.url if is_address else asked.values.get(self.into))
        if cursor is not None and (page.records or not (self.ends_empty or before == cursor)):
            following = (
                PageRequest(page.number + 1, url=joined(url, str(cursor)), size=limit)
                if is_address
                else PageRequest(page.number + 1, {self.into: cursor}, size=limit, keeps=self.keeps)
            )
        return self._followed(page, following)

    @property
    def way_on(self) -> str:
        """The path, or the header."""
        return repr(self.path) if self.header is None else f"header {self.header!r}"

    def stands_in(self, page: Page) -> bool:
        """Whether the path leads to anything; a header is there only if it leads on."""
        return self.header is None and finder(self.path)(page.answer) is not MISSING

    @property
    def sent_on(self) -> str | None:
        """The path, unless it leads into a JSON body, where a number stays one."""
        return None if self.header is not None or self.into.startswith("json.") else self.path

    def _cursor(self, page: Page) -> object:
        if self.header is not None:
            told = page.headers.get(self.header.lower())
            return None if told in {None, "", "null"} else told  # a header has no other way to say null
        found = finder(self.path)(page.answer)
        if found is MISSING or found is None or found is False or found == "":
            return None
        if isinstance(found, str | int | float) and found is not True:
            return page.as_written(self.path, found)
        if self.into.startswith("json."):
            return found
        shown = "true" if found is True else standing_there(found)
        raise ProtocolError(
            f"the cursor at {self.path!r} is {shown}: it can only go into a JSON body "
            '(into = "json.NAME"); or name the value inside it by path (--cursor-field), or take its fields '
            'for parameters by type = "next_params"'
        )


class NextUrlPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="next_url"):
    """Each page names the address of the next, absolute or relative; absent, null or "" ends it.

    Example:
        >>> page = Page(1, [{"id": 7}], {"next": "/rows?after=7"})
        >>> NextUrlPagination(path="next").request_after(page, 100, url="https://api.example/rows").url
        'https://api.example/rows?after=7'

    Attributes:
        path: Where it stands.
    """

    path: Path

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The address, made absolute; the client checks that it stays where tokens may go."""
        found = finder(self.path)(page.answer)
        if found is MISSING or found is None or found is False or found == "":
            return self._followed(page, None)
        if not isinstance(found, str):
            raise ProtocolError(f"the next address at {self.path!r} is {standing_there(found)}, no text")
        return self._followed(page, PageRequest(page.number + 1, url=joined(url, found), size=limit))

    @property
    def way_on(self) -> str:
        """The path."""
        return repr(self.path)

    def stands_in(self, page: Page) -> bool:
        """Whether the path leads to anything."""
        return finder(self.path)(page.answer) is not MISSING


class LinkHeaderPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="link"):
    """``Link: <https://api.example/items?page=2>; rel="next"`` (RFC 8288).

    Example:
        >>> page = Page(1, [{"id": 7}], {}, headers={"link": '</rows?page=2>; rel="next"'})
        >>> LinkHeaderPagination().request_after(page, 100, url="https://api.example/rows").url
        'https://api.example/rows?page=2'

    Attributes:
        rel: The relation that leads on.
    """

    rel: Annotated[str, Meta(min_length=1)] = "next"

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The linked URL, made absolute; the client checks that it stays where tokens may go."""
        targets = next_links(page.headers.get("link") or "", self.rel)
        if len(targets) > 1:
            raise ProtocolError(
                f"the Link header of page {page.number} has {len(targets)} links with rel={self.rel!r}, and "
                "only one can be followed: name another rel, or another kind of pagination"
            )
        target = targets[0] if targets else None
        following = (
            None if target is None else PageRequest(page.number + 1, url=joined(url, target), size=limit)
        )
        return self._followed(page, following)

    @property
    def way_on(self) -> str:
        """The relation."""
        return f'Link header with rel="{self.rel}"'

    def stands_in(self, page: Page) -> bool:
        """Whether the source links its pages."""
        return "link" in page.headers


class LastRecordPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="last_record"):
    """The next page starts behind a field of the last record; an empty page ends it, or a marker.

    Other records may share that field, such as a time, and stand on no page then. So the records at a page's
    end that have its last value are left for the next one, which is asked for from the value before: unless
    the field is the primary key. Where a source keeps its order only so far, ``overlap`` says how far: all
    records that come so close to the furthest are left for the next page, and none of them comes twice.

    Example:
        >>> strategy = LastRecordPagination(path="id", into="query.after")
        >>> page = Page(1, [{"id": 7}, {"id": 9}], {})
        >>> strategy.request_after(page, 2, url="https://api.example/rows").values
        {'query.after': 9}

    Attributes:
        path: The field.
        into: Where its value goes.
        plus: What is added to it, where it is a number.
        first: What is sent for the first page.
        overlap: How far a record may lie behind one that has a larger value, in the field's own unit, of a
            timestamp in seconds; pages then go up.
    """

    path: Path
    into: Into
    plus: int = 0
    first: str | int | None = None
    overlap: Annotated[float, Meta(ge=0)] = 0

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The first page only: any other is known by the one before it."""
        first = super().request_for(number, limit)
        return first if self.first is None else msgspec.structs.replace(first, values={self.into: self.first})

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The request behind the last record."""
        if not page.records:
            return self._followed(page, None)
        if self.ends(page):
            return None
        found = finder(self.path)(self._furthest(page.records))
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            raise ProtocolError(
                f"the last record has no text or number at {self.path!r}: it has "
                f"{standing_there(page.records[-1])}"
            )
        self._check_order(page, None if asked is None or page.number == 1 else asked.values.get(self.into))
        values = {self.into: self._beyond(found)}
        return self._followed(page, PageRequest(page.number + 1, values, size=limit))

    @property
    def way_on(self) -> str:
        """The field."""
        return f"the last record's {self.path!r}"

    @property
    def tied_by(self) -> str:
        """The field."""
        return self.path

    @property
    def holds_back(self) -> bool:
        """Where it overlaps."""
        return self.overlap > 0

    def without_ties(self, page: Page) -> Page:
        """The page without the records that have the last value, unless all have it or none follows.

        Where pages overlap, without those that another which is still to come may lie before.
        """
        records = page.records
        if not records or self._says_end(page):
            return page
        if self.overlap:
            places = self._places(records)
            edge = max(places) - self.overlap
            if places[-1] < edge:
                raise self._out_of_order(page)
            kept = [record for record, place in zip(records, places, strict=True) if place < edge]
            left = [record for record, place in zip(records, places, strict=True) if place >= edge]
        else:
            value_of, count = finder(self.path), len(records)
            while count and value_of(records[count - 1]) == value_of(records[-1]):
                count -= 1
            kept, left = [*records[:count]], [*records[count:]]
        return dataclasses.replace(page, records=kept, left=left, checksum=None) if kept else page

    def _furthest(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The record that the next page begins behind: the last, or where pages overlap the furthest."""
        if not self.overlap:
            return records[-1]
        places = self._places(records)
        return records[places.index(max(places))]

    def _places(self, records: Sequence[dict[str, Any]]) -> list[float]:
        value_of = finder(self.path)
        places = [position(value_of(record)) for record in records]
        if None in places:
            raise ProtocolError(
                f"a record has no number or timestamp at {self.path!r}, so pages cannot overlap by it: it "
                f"has {standing_there(records[places.index(None)])}; change path, or leave out overlap"
            )
        return [place for place in places if place is not None]

    def _check_order(self, page: Page, behind: object) -> None:
        """Refuse records that are not in the order of the field: what is asked for next would leave some out.

        Raises:
            SourceChangedError: They go up and down, or not on from the value that was asked for.
        """
        if self.overlap:
            start = position(behind)
            leads_on = start is None or min(self._places(page.records)) >= start
        else:
            value_of = finder(self.path)
            leads_on = lead_on([value_of(record) for record in page.records], behind)
        if not leads_on:
            raise self._out_of_order(page)

    def _out_of_order(self, page: Page) -> SourceChangedError:
        return SourceChangedError(
            f"the records of page {page.number} are not in the order of {self.path!r}: they moved, or the "
            "source sorts otherwise, and some are on no page; if it does every time, ask it for that order, "
            "by a parameter in query",
            missing_pages=(page.number + 1,),
        )

    def _says_end(self, page: Page) -> bool:
        try:
            return bool(self.ends(page))
        except ProtocolError:  # told where the page is taken
            return False

    def _beyond(self, found: str | float) -> str | float:
        if not self.plus:
            return found
        if isinstance(found, str):
            if not (found.isascii() and found.isdigit()):
                raise ProtocolError(
                    f"{self.path!r} of the last record is no whole number, so nothing can be added"
                )
            return str(int(found) + self.plus)
        return found + self.plus


class NextParamsPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="next_params"):
    """Each page names an object whose fields all become parameters of the next; absent ends it.

    Example:
        >>> page = Page(1, [{"id": 7}], {"next": {"seek": 7}})
        >>> NextParamsPagination(path="next").request_after(page, 100, url="https://api.example/rows").values
        {'query.seek': 7}

    Attributes:
        path: The object.
        into: Where its fields go.
    """

    path: Path
    into: Literal["query", "form", "json"] = "query"

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The request with these parameters."""
        found = finder(self.path)(page.answer)
        if found is MISSING or not found:
            return self._followed(page, None)
        if not isinstance(found, dict):
            raise ProtocolError(
                f"{self.path!r} should be an object of parameters, not {standing_there(found)}"
            )
        written = page.as_written(self.path, found)
        values = {f"{self.into}.{name}": value for name, value in written.items()}
        return self._followed(page, PageRequest(page.number + 1, values, size=limit))

    @property
    def sent_on(self) -> str | None:
        """The path, unless it leads into a JSON body, where a number stays one."""
        return None if self.into == "json" else self.path

    @property
    def way_on(self) -> str:
        """The path."""
        return repr(self.path)

    def stands_in(self, page: Page) -> bool:
        """Whether the path leads to anything."""
        return finder(self.path)(page.answer) is not MISSING


class OnePagePagination(PaginationStrategy, kw_only=True, tag_field="type", tag="none"):
    """There is no next page: all is in the first answer. It must be said, and is never assumed.

    Example:
        >>> page = Page(1, [{"id": 7}], {})
        >>> OnePagePagination().request_after(page, 100, url="https://api.example/rows") is None
        True
    """

    @property
    def declared_end(self) -> str:
        """As described."""
        return "one page is all there is, as described"

    def may_lose_its_way(self, records: int, limit: int) -> bool:
        """No: there is none."""
        return False

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """None."""
        if self.ends(page) is False:
            raise ProtocolError(
                'the answer says that another page follows, but pagination is { type = "none" }'
            )
        return None


def next_links(header: str, rel: str = "next") -> list[str]:
    """The targets of that relation in a Link header, each once. Never raises.

    A link with an ``anchor`` says what follows something else, and is none of them.
    """
    found: dict[str, None] = {}
    for target, parameters in _LINK.findall(header):
        given = [(name.lower(), quoted or bare) for name, quoted, bare in _PARAMETERS.findall(parameters)]
        relations = {each for name, value in given if name == "rel" for each in value.lower().split()}
        if rel.lower() in relations and "anchor" not in dict(given):
            found[str(target).strip()] = None
    return [*found]


_DIGITS: Final = re.compile(r"[0-9]+")
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|[+-][0-9:]+)?")


def lead_on(values: Sequence[Any], behind: object = None) -> bool:
    """Whether the last value is the furthest, up or down, and none lies before the place that it began at.

    Numbers go by size; texts of digits by size or letter by letter, as sources compare them; timestamps that
    are written alike letter by letter. Of other values nothing is known: they may lead on.

    Args:
        values: JSON values.
        behind: The value that they were asked for behind; None if it was none.
    """
    orders = _orders(values if behind is None else [behind, *values])
    return not orders or any(_is_furthest(order, has_start=behind is not None) for order in orders)


def position(value: object) -> float | None:
    """Where a number lies, or a timestamp, in seconds; None for any other value.

    Args:
        value: A JSON value; a text of digits is a number, and a timestamp without a zone is in UTC.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    if _DIGITS.fullmatch(value):
        return float(value)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _orders(values: Sequence[Any]) -> list[Sequence[Any]]:
    """The values as they may be compared; nothing if it is not known how."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return [values]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        return []
    if all(map(_DIGITS.fullmatch, texts)):
        return [[int(text) for text in texts], texts]
    stamps = [_TIMESTAMP.fullmatch(text) for text in texts]
    spellings = {(len(stamp[0]), stamp[1]) for stamp in stamps if stamp}
    return [texts] if all(stamps) and len(spellings) == 1 else []


def _is_furthest(values: Sequence[Any], *, has_start: bool) -> bool:
    """Whether the last is the most and the first, if it is where they start, the least; or the other way."""
    if not values:
        return True
    first, last, least, most = values[0], values[-1], min(values), max(values)
    if not has_start:
        return bool(last in {least, most})
    return bool((first, last) in {(least, most), (most, least)})
