"""A run that goes on looks back first: does what was taken still stand where it stood?"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import OffsetPagination, PageNumberPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import (
    DeClassesError,
    IncompleteRunError,
    RequestRejectedError,
    SourceChangedError,
)
from de_classes.utils.clock import ManualClock
from de_classes.utils.run_records import RunState
from tests.fakes.paged_source import LIMIT as SMALL
from tests.fakes.paged_source import Answer, PagedSource, Taken
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.messages import HttpRequest

BASE = "https://api.example"
LIMIT = 10
QUIET = logging.getLogger("tests.look_back")
DOWN = HttpResponse(503)


@dataclass
class Live(FakeTransport):
    """Rows that change between two goes, by page or by offset.

    Args:
        rows: The ids.
        broken: Pages that cannot be had.
        counts: Whether it says how many rows it has.
        beyond: The status of an answer past the end; 200 is an empty page.
    """

    rows: Iterable[int]
    broken: tuple[int, ...] = ()
    counts: bool = True
    beyond: int = 200
    once: dict[int, list[HttpResponse]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self._serve)
        self.rows = list(self.rows)
        self.asked: list[int] = []

    def _serve(self, request: HttpRequest) -> HttpResponse:
        number = int(request.params.get("page") or -(-int(request.params["offset"]) // LIMIT) + 1)
        self.asked.append(number)
        if number in self.broken:
            return DOWN
        if self.once.get(number):
            return self.once[number].pop(0)
        if "offset" in request.params:
            start = int(request.params["offset"])
            return self.page(number, list(self.rows)[start : start + int(request.params["limit"])])
        return self.page(number)

    def page(self, number: int, served: list[int] | None = None) -> HttpResponse:
        rows = list(self.rows)
        served = rows[(number - 1) * LIMIT : number * LIMIT] if served is None else served
        data = [{"id": row} for row in served]
        if not data and self.beyond != 200:
            return HttpResponse(self.beyond)
        totals = {"total_pages": -(-len(rows) // LIMIT), "total_records": len(rows)} if self.counts else {}
        return json_response({"data": data, **totals})


@dataclass
class Go:
    """One go of a run over a live source.

    Args:
        source: Answers.
        before: The go before.
        after: Pages after which it dies.
    """

    source: Live
    before: Go | None = None
    after: int | None = None
    offset: bool = False
    ids: list[int] = field(default_factory=list)
    error: DeClassesError | None = None

    def __post_init__(self) -> None:
        client = UnstableAPIClient(
            Endpoint.at(
                f"{BASE}/data",
                pagination=OffsetPagination() if self.offset else PageNumberPagination(),
                reader=PageReader(total_pages_field="total_pages" if self.source.counts else None),
                look_back="none",
            ),
            None,
            QUIET,
            limits=ClientLimits(retry_policy=RetryPolicy(max_attempts=3)),
            runtime=ClientRuntime(transport=self.source, clock=ManualClock()),
        )
        self.client = client
        state = self.before.state if self.before else None
        self.run = client.start_pass(LIMIT, state=state, skip_failed=True)
        self.ids += self.before.ids if self.before else []
        entries = list(state.entries) if state else []
        try:
            self._take(entries)
        except DeClassesError as error:
            self.error = error
        self.state = RunState(entries=tuple(entries), gaps=tuple(self.run.gaps), place=self.run.place)

    def _take(self, entries: list[Any]) -> None:
        for taken, page in enumerate(self.run, 1):
            entries.append(self.run.entry)
            self.ids += [record["id"] for record in page.records]
            if taken == self.after:
                return


@pytest.mark.parametrize("offset", [False, True])
def test_F26_rows_deleted_in_front_and_appended_between_two_goes_are_a_change(*, offset: bool) -> None:
    first = Go(Live(range(100)), after=4, offset=offset)
    second = Go(Live(range(10, 110)), before=first, offset=offset)
    assert isinstance(second.error, SourceChangedError)
    assert "page 4 is not what it was" in str(second.error)
    assert second.error.missing_pages == (5, 6, 7, 8, 9, 10)
    assert second.source.asked == [4, 4]


def test_F25_a_whole_page_inserted_in_front_between_two_goes_is_a_change() -> None:
    first = Go(Live(range(100)), after=4)
    second = Go(Live(range(-10, 100)), before=first)
    assert isinstance(second.error, SourceChangedError)
    assert second.ids == list(range(40))


def test_what_still_stands_costs_one_request_and_is_not_handed_on_again() -> None:
    first = Go(Live(range(95)), after=4)
    second = Go(Live(range(95)), before=first)
    assert (second.error, second.ids) == (None, list(range(95)))
    assert second.source.asked == [4, 5, 6, 7, 8, 9, 10]
    counts = second.client.counts()
    assert (counts.requests, counts.successful_pages, counts.records_ingested) == (7, 6, 55)


def test_F22_growth_between_two_goes_is_followed() -> None:
    second = Go(Live(range(103)), before=Go(Live(range(95)), after=4))
    assert (second.error, second.ids) == (None, list(range(103)))


@pytest.mark.parametrize("rows", [100, 103, 117])
def test_F22_growth_between_two_goes_does_not_hinder_the_pages_that_were_skipped(rows: int) -> None:
    first = Go(Live(range(100), broken=(5, 8)))
    assert sorted(first.state.gaps) == [5, 8]
    second = Go(Live(range(rows)), before=first)
    assert (second.error, sorted(second.ids)) == (None, list(range(rows)))


@pytest.mark.parametrize("offset", [False, True])
def test_F22_a_run_that_had_ended_with_a_short_page_ends_there_though_rows_were_appended(
    *, offset: bool
) -> None:
    first = Go(Live(range(95), broken=(5, 8)), offset=offset)
    second = Go(Live(range(99), broken=(8,)), before=first, offset=offset)
    assert second.state.gaps == (8,)
    third = Go(Live(range(123)), before=second, offset=offset)
    assert (third.error, sorted(third.ids), third.source.asked) == (None, list(range(95)), [10, 8])
    assert third.run.ledger.expected_records == 95
    again = Go(Live(range(130)), before=third, offset=offset)
    assert (again.error, again.source.asked) == (None, [])


def test_F22_a_last_page_that_was_skipped_comes_with_what_was_appended_to_it() -> None:
    second = Go(Live(range(103)), before=Go(Live(range(95), broken=(10,))))
    assert (second.error, second.ids, second.source.asked[0]) == (None, list(range(103)), 9)


@pytest.mark.parametrize("offset", [False, True])
def test_F22_without_totals_rows_appended_to_a_short_page_are_not_lost_unseen(*, offset: bool) -> None:
    first = Go(Live(range(95), counts=False), after=10, offset=offset)
    same = Go(Live(range(95), counts=False), before=first, offset=offset)
    assert (same.error, same.ids) == (None, list(range(95)))
    grown = Go(Live(range(103), counts=False), before=first, offset=offset)
    if offset:  # the next page starts behind the rows that came, so that nothing is lost
        assert (grown.error, grown.ids) == (None, list(range(103)))
    else:
        assert isinstance(grown.error, SourceChangedError)
        assert "page 10 is not what it was" in str(grown.error)


def test_F25_rows_that_slid_before_the_skipped_pages_come_are_a_change_whatever_the_total() -> None:
    first = Go(Live(range(100), broken=(5,)))
    for rows in (range(-3, 97), range(-3, 100), range(3, 103)):
        second = Go(Live(rows), before=first)
        assert isinstance(second.error, SourceChangedError)
        assert second.ids == first.ids


@pytest.mark.parametrize("status", [404, 410, 416])
def test_F23_a_page_that_was_taken_and_is_gone_is_a_change(status: int) -> None:
    second = Go(Live(range(25), beyond=status), before=Go(Live(range(100)), after=4))
    assert isinstance(second.error, SourceChangedError)
    assert "page 4 is gone" in str(second.error)


def test_F23_a_page_that_was_taken_and_is_empty_now_is_a_change() -> None:
    second = Go(Live(range(25)), before=Go(Live(range(100)), after=4))
    assert isinstance(second.error, SourceChangedError)


def test_F21_a_page_that_comes_empty_although_it_is_counted_is_asked_for_another_time() -> None:
    source = Live(range(100))
    void = json_response({"data": [], "total_pages": 10, "total_records": 100})
    source.once[4] = [void] * 9
    second = Go(source, before=Go(Live(range(100)), after=4))
    assert type(second.error) is IncompleteRunError
    assert "page 4 came empty" in str(second.error)
    third = Go(Live(range(100)), before=second)
    assert (third.error, third.ids) == (None, list(range(100)))


def test_an_answer_that_is_wrong_once_is_no_change() -> None:
    source = Live(range(100))
    source.once[4] = [source.page(3)]
    second = Go(source, before=Go(Live(range(100)), after=4))
    assert (second.error, second.source.asked[:3]) == (None, [4, 4, 5])


def test_a_look_back_that_cannot_be_had_leaves_the_run_as_it_was() -> None:
    second = Go(Live(range(100), broken=(4,)), before=Go(Live(range(100)), after=4))
    assert type(second.error) is IncompleteRunError
    assert second.state.gaps == ()
    assert (Go(Live(range(100)), before=second).error, second.ids) == (None, list(range(40)))


def test_pages_of_one_row_are_known_again_too() -> None:
    first = Taken(PagedSource("number", [Answer((n,), 5, 5) for n in range(5)]), after=3)
    moved = Taken(PagedSource("number", [Answer((n,), 5, 5) for n in range(1, 6)]), state=first.state)
    assert isinstance(moved.error, SourceChangedError)


def test_a_state_that_says_nothing_of_a_pages_edges_is_taken_as_it_is() -> None:
    first = Go(Live(range(100)), after=4)
    bare = (structs.replace(entry, edges=()) for entry in first.state.entries)
    first.state = structs.replace(first.state, entries=tuple(bare))
    assert Go(Live(range(100)), before=first).source.asked == [5, 6, 7, 8, 9, 10]


@dataclass(frozen=True)
class Expired(PagedSource):
    """Has forgotten every place but the first.

    Args:
        status: How it says so.
        from_page: The first page that it has forgotten.
    """

    status: int = 410
    from_page: int = 2

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_forgotten = self.number(request) >= self.from_page
        return HttpResponse(self.status) if is_forgotten else super().__call__(request)


PAGES = [Answer(tuple(range(start, start + SMALL))) for start in range(0, 12, SMALL)]


@pytest.mark.parametrize("style", ["cursor", "link"])
@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_place_that_is_not_known_any_more_says_to_begin_anew(style: str, status: int) -> None:
    first = Taken(PagedSource(style, PAGES), after=2)
    second = Taken(Expired(style, PAGES, status=status, from_page=3), state=first.state)
    assert isinstance(second.error, SourceChangedError)
    assert f"page 3 would follow (status {status}): begin the run anew" in str(second.error)
    assert (second.error.missing_pages, second.asked) == ((3,), [2, 3])


@pytest.mark.parametrize("style", ["cursor", "link"])
@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_page_before_the_place_that_is_not_known_any_more_says_so_too(style: str, status: int) -> None:
    first = Taken(PagedSource(style, PAGES), after=2)
    second = Taken(Expired(style, PAGES, status=status), state=first.state)
    assert isinstance(second.error, SourceChangedError)
    assert "page 2 is not what it was when this run took it: begin the run anew" in str(second.error)
    assert (second.error.missing_pages, second.asked) == ((3,), [2])


@pytest.mark.parametrize("style", ["cursor", "link"])
def test_F25_F26_a_page_before_the_place_whose_rows_moved_is_a_change(style: str) -> None:
    first = Taken(PagedSource(style, PAGES), after=2)
    moved = [PAGES[0], Answer((9, 4, 5)), *PAGES[2:]]
    second = Taken(PagedSource(style, moved), state=first.state)
    assert isinstance(second.error, SourceChangedError)
    assert (second.error.missing_pages, second.asked) == ((3,), [2])
    alike = Taken(PagedSource(style, PAGES), state=first.state)
    assert (alike.error, alike.asked) == (None, [2, 3, 4, 4])


@pytest.mark.parametrize("style", ["cursor", "link"])
def test_a_place_that_is_refused_within_a_run_or_forbidden_stays_what_it_is(style: str) -> None:
    assert isinstance(Taken(Expired(style, PAGES)).error, RequestRejectedError)
    first = Taken(PagedSource(style, PAGES), after=2)
    conflict = Taken(Expired(style, PAGES, status=409, from_page=3), state=first.state)
    assert isinstance(conflict.error, RequestRejectedError)


@pytest.mark.parametrize("style", ["cursor", "link"])
def test_only_the_first_request_of_a_resume_can_be_for_an_expired_place(style: str) -> None:
    class Forgets(Expired):
        def __call__(self, request: HttpRequest) -> HttpResponse:
            return (
                super().__call__(request) if self.number(request) > 3 else PagedSource.__call__(self, request)
            )

    first = Taken(PagedSource(style, PAGES), after=2)
    second = Taken(Forgets(style, PAGES), state=first.state)
    assert [page.number for page in second.pages] == [3]
    assert isinstance(second.error, RequestRejectedError)
