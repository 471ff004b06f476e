"""What leads from page to page: what every kind keeps, and what a page is asked for by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import msgspec

from de_classes.api.templates import (
    Path,
    as_text,
)
from de_classes.errors import ConfigurationError, ProtocolError
from de_classes.utils.paths import MISSING, finder, standing_there
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from de_classes.api.increments import EachParent
    from de_classes.api.messages import HttpResponse
    from de_classes.api.page import Page
    from de_classes.utils.run_records import RunPlace, RunState


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
    """Whether any page can be asked for by its number. Who says so has to say ``counts_records`` too."""

    counts_records: ClassVar[bool] = False
    """Whether a page's place is counted in records, so that a short page leaves a hole behind it: true of
    ``?skip=200``, false of ``?page=3``."""

    more: Path | None = None
    done: Path | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        said = {name for each in cls.__mro__[: cls.__mro__.index(PaginationStrategy)] for name in vars(each)}
        if "random_access" in said and "counts_records" not in said:
            raise TypeError(
                f"{cls.__name__} says random_access and has to say counts_records too: True where a page's "
                "place is counted in records, as by ?skip=200, since rows behind a short page would be left "
                "out; False where pages have numbers, as by ?page=3"
            )

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

    def parent_of(self, number: int, at: RunPlace | PageRequest | None) -> str | None:
        """The hashed key of the parent that a page belongs to; None where there are none, or it is not known.

        Args:
            number: The page's place in the run.
            at: What it was asked for by, as ``PageEntry`` has it.
        """
        return None

    def parent_keys(self) -> Sequence[str] | None:
        """The hashed keys of all parents; None where there are none."""
        return None

    @property
    def asks_from(self) -> EachParent | None:
        """Where the children of each parent are asked for; None where that is the same for all."""
        return None

    @property
    def fills(self) -> frozenset[str]:
        """What names begin with that it fills for each parent, besides ``parent``."""
        return frozenset()

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

    def request_behind(self, number: int, records: int, limit: int) -> PageRequest:
        """The request for the place behind the last record.

        Args:
            number: What the page there would be called.
            records: How many records come before it.
            limit: Records a page.
        """
        return self.request_for(number, limit)

    def request_before(self, limit: int) -> PageRequest | None:
        """The request for what lies before the first page; None where nothing can, or nobody can ask."""
        return None

    def request_across(self, request: PageRequest) -> PageRequest | None:
        """For the last record before a page, and its first, together; None where records have no numbers."""
        return None

    def learned_size(self, limit: int, *, records: int, total: int | None) -> int:
        """The size of pages, once the first came: what the source gives may be less than is asked for.

        Args:
            limit: Records a page that were asked for.
            records: How many were on the first page.
            total: How many the source says there are, or None.
        """
        return limit

    def shifted(self, number: int, records: int, total: int | None, limit: int) -> PaginationStrategy | None:
        """What leads on behind a page that is not as long as it should be; None if that changes nothing.

        Args:
            number: The page's.
            records: How many were on it.
            total: How many the source says there are, or None.
            limit: Records a page.
        """
        return None

    @property
    def shifted_at(self) -> int:
        """The last page that moved the place of those behind it; 0 if none did."""
        return 0

    def shifts(self, limit: int, state: RunState) -> Sequence[PaginationStrategy]:
        """What led on behind each of a run's pages that moved the place of those behind it, in order.

        Args:
            limit: Records a page, as the run had learned.
            state: The pages that it took.
        """
        return ()

    def as_it_was(self, limit: int, state: RunState) -> tuple[PaginationStrategy, int]:
        """What leads from page to page, and the size of pages, as a run had learned it from those it took."""
        return self, limit

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
    def ends_surely(self) -> bool:
        """Whether a page that ends is believed though it is the only one: HTTP itself says that it is all."""
        return False

    @property
    def marker(self) -> str | None:
        """How a page says that it is the last, for messages and receipts; None if no marker is described."""
        if self.done is not None:
            return f"{self.done} true"
        return None if self.more is None else f"{self.more} false"

    def piece_of(self, response: HttpResponse, asked: PageRequest, *, url: str) -> HttpResponse:
        """The answer as it is read, where it is a piece of something larger.

        Args:
            response: The answer.
            asked: What it was asked for by.
            url: Where it came from.

        Raises:
            RetryableError: It is worth another try.
            FatalError: It is not.
        """
        return response

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
