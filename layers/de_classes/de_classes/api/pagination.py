"""How one gets from page to page: stateless strategies, a page in, the next request out.

A strategy that can compute any page's request from its number (``random_access``) lets pages be fetched
several at a time; one that must read each answer to find the next cannot. Each is also a part of a
description, told by ``type``; ``PAGINATIONS`` of ``api/source/description.py`` lists them all.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

import msgspec
from msgspec import Meta

from de_classes.api.messages import joined
from de_classes.api.order import lead_on, position
from de_classes.api.templates import as_text
from de_classes.errors import ConfigurationError, ProtocolError, SourceChangedError
from de_classes.utils.paths import MISSING, finder, standing_there
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from de_classes.api.page import Page
    from de_classes.utils.run_records import RunPlace

_PARAMETER = r"""\s*;\s*([^\s=;,"<>]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?"""
_PARAMETERS = re.compile(_PARAMETER)
_LINK = re.compile(rf"""<([^<>]*)>((?:{_PARAMETER.replace("([", "(?:[")})*)""")

Path = Annotated[str, Meta(min_length=1, description="a path such as data.items, or @ for the answer itself")]
Into = Annotated[
    str,
    Meta(
        pattern=r"\A(query|header|form|json)\..+\Z",
        description="query.NAME, header.NAME, form.NAME or json.NAME.NAME",
    ),
]


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

    Example:
        >>> PageNumberPagination().request_for(3, limit=100).values
        {'query.page': 3}

    Attributes:
        number: Its place in the run, from 1.
        values: What distinguishes it, by where it goes, such as ``{"query.page": 3}``.
        url: An absolute URL that replaces the resource's own and its query, or None.
        size: How many records are asked for.
        keeps: The resource's query parameters that go along; all of them if None.
        parent: What ``${parent.FIELD}`` stands for, or None.
    """

    number: int
    values: Mapping[str, Any] = msgspec.field(default_factory=dict)
    url: str | None = None
    size: int | None = None
    keeps: tuple[str, ...] | None = None
    parent: Mapping[str, Any] | None = None

    def identity(self) -> object:
        """What makes two requests the same, whatever their numbers: the guard against loops."""
        return self.url, msgspec.json.encode(self.values, order="deterministic"), self.size


class PaginationStrategy(Described, kw_only=True):
    """From page to page. Holds settings only, never a place: one object serves any number of runs.

    Example:
        >>> strategy: PaginationStrategy = OffsetPagination(into="query.skip")  # or one of your own
        >>> strategy.request_for(3, limit=100).values
        {'query.skip': 200}

    Attributes:
        more: The path of a boolean that is true where another page follows.
        done: The path of one that is true where none does.
    """

    random_access: ClassVar[bool] = False
    """Whether any page can be asked for by its number."""

    counts_records: ClassVar[bool] = False
    """Whether a page's place is counted in records, so that a short page leaves a hole behind it."""

    more: Path | None = None
    done: Path | None = None

    @property
    def each(self) -> PaginationStrategy:
        """What leads from page to page within one collection, where a run goes over several."""
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens the proof of what was read to know which pages there are, a sentence each."""
        return ()

    def collection_of(self, number: int, at: RunPlace | PageRequest | None) -> int | None:
        """Which of several collections a page is of, from 0; None where there is one.

        Args:
            number: The page's place in the run.
            at: What it was asked for by, as ``PageEntry`` has it.
        """
        return None

    def hold_to_proof(self) -> None:
        """Take nothing for complete that is not proved, of what is read to know which pages there are."""

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The request for a page by its number.

        Raises:
            ConfigurationError: The strategy can only start at page 1 and follow.
        """
        if number != 1:
            raise ConfigurationError(
                f"this pagination cannot start at page {number}: each page is found through the one before it"
            )
        return PageRequest(1, size=limit)

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The request that follows a page, or None if the page says that it is the last.

        Args:
            page: The page just read.
            limit: Records a page.
            url: Where the page came from, to resolve a relative link.
            asked: What the page was asked for by.

        Raises:
            ProtocolError: The page says that another follows, and not where; or its marker is not there.
        """
        raise NotImplementedError

    def request_again(self, place: RunPlace, limit: int) -> PageRequest:
        """The request where a run goes on that was written down."""
        values = dict(place.values) or {f"query.{name}": value for name, value in place.params.items()}
        return PageRequest(place.number, values, place.url, limit)

    def page_count(self, page: Totals, limit: int) -> int | None:
        """How many pages there are according to this page, or None if it cannot be known."""
        return None

    def ends(self, page: Page) -> bool | None:
        """Whether the page says that it is the last; None if no marker is described.

        Raises:
            ProtocolError: The marker is not there, or is no boolean.
        """
        if self.done is not None:
            return _boolean(page, "done", self.done)
        return None if self.more is None else not _boolean(page, "more", self.more)

    @property
    def marker(self) -> str | None:
        """How a page says that it is the last, for messages and receipts; None if no marker is described."""
        if self.done is not None:
            return f"{self.done} true"
        return None if self.more is None else f"{self.more} false"

    def with_totals(self, page: Page) -> Page:
        """The page with what it says of the whole elsewhere than where the reader looks, such as in a header.

        Raises:
            ProtocolError: What it says cannot be true.
        """
        return page

    @property
    def declared_end(self) -> str | None:
        """Why the end is known by the description alone; None where the source has to tell."""
        return None

    @property
    def way_on(self) -> str | None:
        """Where a page says what comes next, for messages; None where that is reckoned."""
        return None

    def described(self) -> object:
        """What it is, as JSON: two that are the same lead the same way."""
        return msgspec.to_builtins(self)

    @property
    def echo(self) -> str | None:
        """Where an answer repeats its page's number, which must then be the right one; or None."""
        return None

    @property
    def first_number(self) -> int:
        """What the source calls its first page."""
        return 1

    @property
    def sent_on(self) -> str | None:
        """The path of what is sent on as text, so that its numbers stay as they are written; or None."""
        return None

    @property
    def tied_by(self) -> str | None:
        """The path of the field by which a page is found, where records may share it; or None."""
        return None

    @property
    def holds_back(self) -> bool:
        """Whether records that others may lie before, in no order, are left for the next page too."""
        return False

    def without_ties(self, page: Page) -> Page:
        """The page without the records that are left for the next one."""
        return page

    def stands_in(self, page: Page) -> bool:
        """Whether what leads on is there, be it null: then that there is nothing is the source's own word."""
        return True

    def may_lose_its_way(self, records: int, limit: int) -> bool:
        """Whether a page of so many records and no way on is asked for again before it is believed."""
        return True

    def ends_a_collection(self, asked: PageRequest, following: PageRequest | None) -> bool:
        """Whether a page is the last that belongs to its parent, where a run goes over several."""
        return False

    def leaves(self, asked: PageRequest, following: PageRequest) -> bool:
        """Whether what follows a page is of another collection, that of the next parent."""
        return False

    def _followed(self, page: Page, following: PageRequest | None) -> PageRequest | None:
        """The request that a page leads to, if its marker agrees."""
        ends = self.ends(page)
        if ends:
            return None
        if ends is False and following is None:
            where = f": {self.way_on} leads nowhere, the answer has {standing_there(page.answer)}"
            raise ProtocolError(f"page {page.number} says that another follows{where if self.way_on else ''}")
        return following


class PageNumberPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="page"):
    """Pages by number, ``?page=3``; any of them can be asked for. The default.

    Example:
        >>> PageNumberPagination(into="query.p", first=0).request_for(1, limit=100).values
        {'query.p': 0}

    Attributes:
        into: Where the number goes.
        first: The first page's number.
        pages_path: Where the answer says how many pages there are.
        echo_path: Where it repeats the page's number, which must then be the right one.
    """

    random_access = True

    into: Into = "query.page"
    first: int = 1
    pages_path: Path | None = None
    echo_path: Path | None = None

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The page's number."""
        return PageRequest(number, {self.into: number - 1 + self.first}, size=limit)

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The next number, up to the stated total; without a total, until a page is empty."""
        ended = not page.records if page.total_pages is None else page.number >= page.total_pages
        return None if ended or self.ends(page) else self.request_for(page.number + 1, limit)

    def page_count(self, page: Totals, limit: int) -> int | None:
        """What the API says."""
        return page.total_pages

    @property
    def echo(self) -> str | None:
        """The path."""
        return self.echo_path

    @property
    def first_number(self) -> int:
        """As described."""
        return self.first


class OffsetPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="offset"):
    """Records by number, ``?offset=200``; the next page starts behind the records that came.

    Example:
        >>> OffsetPagination().request_for(3, limit=100).values
        {'query.offset': 200}

    Attributes:
        into: Where the offset goes.
        first: The first record's number.
    """

    random_access = True
    counts_records = True

    into: Into = "query.offset"
    first: int = 0

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The offset, in records."""
        return self.request_at(number, (number - 1) * limit, limit)

    def request_at(self, number: int, records: int, limit: int) -> PageRequest:
        """The page that starts behind so many records."""
        return PageRequest(number, {self.into: records + self.first}, size=limit)

    def records_before(self, request: PageRequest) -> int:
        """How many records lie before a page, by what it was asked for."""
        return int(request.values[self.into]) - self.first

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The offset behind the records that came, up to the stated total, or until a page is empty."""
        begins = (page.number - 1) * limit if asked is None else self.records_before(asked)
        behind, total = begins + len(page.records), page.total_records
        if not page.records or (total is not None and behind >= total) or self.ends(page):
            return None
        return self.request_at(page.number + 1, behind, limit)

    def page_count(self, page: Totals, limit: int) -> int | None:
        """The number of records, divided."""
        return None if page.total_records is None else -(-page.total_records // limit)


class CursorPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="cursor"):
    """Each page names a token that leads to the next; absent, null, false or "" ends it.

    Where the token is a whole address, that is where the next page is, as for ``next_url``: sent as a
    parameter it would ask for the same page again.

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
            return page.headers.get(self.header.lower()) or None
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
    """There is no next page: all is in the first answer. It must be said, and is never assumed."""

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


def _boolean(page: Page, what: str, path: str) -> bool:
    found = finder(path)(page.answer)
    if isinstance(found, bool):
        return found
    if found is MISSING:
        raise ProtocolError(
            f"{what} = {path!r} is not in the answer of page {page.number}: it has "
            f"{standing_there(page.answer)}"
        )
    if isinstance(found, str) and found.lower() in {"true", "false"}:
        return found.lower() == "true"
    raise ProtocolError(f"{what} = {path!r} should be true or false, not {as_text(found)[:40]!r}")
