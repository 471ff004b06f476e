from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from de_classes.api.evidence import ProofRequests
from de_classes.api.followed_walk import FollowedWalk
from de_classes.api.ledger import RunLedger
from de_classes.api.numbered_walk import NumberedWalk
from de_classes.api.page import Page
from de_classes.api.pagination import CursorPagination, PageNumberPagination
from de_classes.api.walk import PageSource
from de_classes.errors import (
    InvalidInputError,
    NetworkError,
    PaginationLoopError,
    ProtocolError,
    RequestRejectedError,
    SourceChangedError,
)
from de_classes.utils.page_range import PageRange

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from de_classes.api.evidence import FetchPage
    from de_classes.api.pagination import PageRequest

LIMIT = 2
WIDTHS = [1, 2, 16]


def page(
    number: int, total_pages: int | None, total_records: int | None = None, rows: int | None = None
) -> Page:
    """A full page, or an empty one past the end, unless it says how many rows it has."""
    is_past_end = total_pages is not None and number > total_pages
    count = rows if rows is not None else LIMIT * (not is_past_end)
    return Page(number, [{"id": number * 100 + row} for row in range(count)], {}, total_pages, total_records)


def numbered(
    fetch: FetchPage,
    width: int,
    pages: PageRange | None = None,
    stopped: threading.Event | None = None,
) -> Generator[Page]:
    """A walk whose pages are entered into its ledger as they come, as a run does it."""
    strategy, wanted = PageNumberPagination(), pages or PageRange()
    ledger = RunLedger(wanted, limit=LIMIT, strategy=strategy)
    walk = NumberedWalk(
        PageSource(
            fetch,
            ProofRequests(fetch),
            limit=LIMIT,
            pages=wanted,
            width=width,
            stopped=stopped or threading.Event(),
        ),
        strategy,
        ledger,
    )
    for each in walk:
        ledger.observe(each)
        yield each


class Source:
    """Serves what a function of (page number, how many requests came before) says."""

    def __init__(self, serve: Callable[[int, int], Page]) -> None:
        self._serve = serve
        self._lock = threading.Lock()
        self.asked: list[int] = []

    def __call__(self, request: PageRequest) -> Page:
        with self._lock:
            self.asked.append(request.number)
            return self._serve(request.number, len(self.asked) - 1)

    def numbers(self, *, width: int, pages: PageRange | None = None) -> list[int]:
        return [each.number for each in numbered(self, width, pages)]


@pytest.mark.parametrize("width", WIDTHS)
def test_all_pages_come_once_and_in_order_with_not_one_request_too_many(width: int) -> None:
    source = Source(lambda number, _: page(number, 40, 80))
    assert source.numbers(width=width) == list(range(1, 41))
    assert sorted(source.asked) == list(range(1, 41))


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_handed_on_in_order_however_they_arrive(width: int) -> None:
    gate = threading.Semaphore(0)

    def serve(request: PageRequest) -> Page:
        if request.number == 2 and width > 2:
            gate.acquire(timeout=60)  # page 2 comes after page 4
        if request.number == 4:
            gate.release()
        return page(request.number, 9, 18)

    walk = numbered(serve, width)
    assert [each.number for each in walk] == list(range(1, 10))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("pages", "expected"), [((3, 5), [3, 4, 5]), ((8, None), [8, 9]), ((2, 99), list(range(2, 10)))]
)
def test_a_range_is_kept_to(width: int, pages: tuple[int, int | None], expected: list[int]) -> None:
    source = Source(lambda number, _: page(number, 9, 18))
    assert source.numbers(width=width, pages=PageRange(*pages)) == expected
    assert sorted(source.asked) == expected


def test_no_more_pages_are_fetched_ahead_than_the_window_holds() -> None:
    source = Source(lambda number, _: page(number, 100, 200))
    walk = numbered(source, 4)
    for _ in range(3):
        next(walk)
    assert max(source.asked) <= 3 + 4
    walk.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_F22_a_source_that_grows_is_followed(width: int) -> None:
    source = Source(lambda number, asked: page(number, 5 if asked < 3 else 8, 16))
    assert source.numbers(width=width) == list(range(1, 9))


@pytest.mark.parametrize("width", WIDTHS)
def test_F22_growth_seen_on_the_last_page_only_is_followed(width: int) -> None:
    source = Source(lambda number, _: page(number, 5 if number < 5 else 6, None))
    assert source.numbers(width=width) == list(range(1, 7))


@pytest.mark.parametrize("width", WIDTHS)
def test_F22_rows_that_do_not_add_up_cost_one_look_past_the_end(width: int) -> None:
    source = Source(lambda number, _: page(number, 5, 99, rows=LIMIT if number <= 5 else 0))
    assert source.numbers(width=width) == list(range(1, 6))
    assert sorted(source.asked) == list(range(1, 7))


@pytest.mark.parametrize("width", WIDTHS)
def test_F23_a_total_that_shrinks_ends_where_the_pages_do(width: int) -> None:
    def serve(number: int, asked: int) -> Page:
        total = 8 if asked < 3 else 5
        return page(number, total, total * LIMIT, rows=LIMIT if number <= 5 else 0)

    assert Source(serve).numbers(width=width) == list(range(1, 6))


@pytest.mark.parametrize("width", WIDTHS)
def test_F23_a_total_that_shrinks_for_one_answer_only_loses_no_page(width: int) -> None:
    source = Source(lambda number, _: page(number, 3 if number == 4 else 8, 16, rows=LIMIT * (number <= 8)))
    assert source.numbers(width=width) == list(range(1, 9))


@pytest.mark.parametrize("width", WIDTHS)
def test_F21_an_empty_page_in_the_middle_is_handed_on_not_taken_for_the_end(width: int) -> None:
    source = Source(lambda number, _: page(number, 6, 10, rows=0 if number == 3 else LIMIT))
    assert source.numbers(width=width)[:6] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("width", WIDTHS)
def test_F27_the_same_page_for_ever_is_a_loop(width: int) -> None:
    same = page(1, 50, 100).records
    source = Source(lambda number, _: Page(number, same, {}, 50, 100))
    with pytest.raises(PaginationLoopError):
        source.numbers(width=width)
    assert len(source.asked) <= 3 + width


@pytest.mark.parametrize("width", WIDTHS)
def test_F27_a_page_repeated_once_is_asked_for_again(width: int) -> None:
    stale = page(3, 6, 12).records
    seen: list[int] = []

    def serve(number: int, _: int) -> Page:
        seen.append(number)
        fresh = page(number, 6, 12)
        return Page(4, stale, {}, 6, 12) if number == 4 and seen.count(4) == 1 else fresh

    assert Source(serve).numbers(width=width) == [1, 2, 3, 4, 5, 6]
    assert seen.count(4) == 2


def test_single_records_may_be_equal_for_a_while() -> None:
    source = Source(lambda number, _: Page(number, [{"on": True}], {}, 10, 10))
    assert source.numbers(width=1) == list(range(1, 11))


@pytest.mark.parametrize("width", WIDTHS)
def test_F28_without_a_total_an_empty_page_is_the_end(width: int) -> None:
    source = Source(lambda number, _: page(number, None, rows=LIMIT if number < 5 else 0))
    assert source.numbers(width=width) == [1, 2, 3, 4]


@pytest.mark.parametrize("width", WIDTHS)
def test_an_empty_source_has_one_empty_page(width: int) -> None:
    source = Source(lambda number, _: page(number, 0, 0, rows=0))
    assert source.numbers(width=width) == [1]
    assert source.asked == [1]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_failing_page_fails_the_walk_after_the_pages_before_it(width: int) -> None:
    def serve(request: PageRequest) -> Page:
        if request.number == 4:
            raise NetworkError("gone")
        return page(request.number, 9, 18)

    numbers: list[int] = []

    def take_all() -> None:
        for each in numbered(serve, width):
            numbers.append(each.number)  # noqa: PERF401 - what came before the error is looked at

    with pytest.raises(NetworkError):
        take_all()
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_first_page_beyond_the_last_is_refused(width: int) -> None:
    source = Source(lambda number, _: page(number, 3, 6, rows=0))
    with pytest.raises(InvalidInputError, match="the source has 3 pages"):
        source.numbers(width=width, pages=PageRange(50))


def test_records_of_a_source_that_says_it_has_no_pages_are_no_success() -> None:
    with pytest.raises(ProtocolError, match="0 pages"):
        Source(lambda number, _: page(number, 0, rows=LIMIT)).numbers(width=1)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("status", [400, 404, 410, 416, 422])
def test_F28_beyond_the_end_an_error_is_the_end(width: int, status: int) -> None:
    def serve(request: PageRequest) -> Page:
        if request.number > 5:
            raise RequestRejectedError("no such page", status=status)
        return page(request.number, 4 if request.number < 3 else 5, 10)

    assert [each.number for each in numbered(serve, width)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, SourceChangedError),
        (410, SourceChangedError),
        (416, SourceChangedError),
        (400, RequestRejectedError),
    ],
)
def test_F28_before_the_end_a_missing_page_is_an_error(
    width: int, status: int, error: type[Exception]
) -> None:
    def serve(request: PageRequest) -> Page:
        if request.number == 3:
            raise RequestRejectedError("no such page", status=status)
        return page(request.number, 5, 10)

    with pytest.raises(error) as caught:
        list(numbered(serve, width))
    assert type(caught.value) is error


@pytest.mark.parametrize("width", WIDTHS)
def test_F03_a_first_page_that_is_refused_is_no_change_of_the_source(width: int) -> None:
    def refuse(_: PageRequest) -> Page:
        raise RequestRejectedError("no such page", status=404)

    with pytest.raises(RequestRejectedError):
        list(numbered(refuse, width))


@pytest.mark.parametrize("width", WIDTHS)
def test_F23_a_counted_page_that_is_gone_is_named_with_those_that_are_missing(width: int) -> None:
    def serve(request: PageRequest) -> Page:
        if request.number > 2:
            raise RequestRejectedError("no such page", status=404)
        return page(request.number, 5, 10)

    with pytest.raises(SourceChangedError, match=r"shrank, page 3 is gone$") as caught:
        list(numbered(serve, width))
    assert caught.value.missing_pages == (3, 4, 5)


@pytest.mark.parametrize("width", WIDTHS)
def test_F28_without_a_total_a_404_is_the_end_and_a_400_is_not(width: int) -> None:
    def serve(status: int) -> FetchPage:
        def fetch(request: PageRequest) -> Page:
            if request.number > 4:
                raise RequestRejectedError("no", status=status)
            return page(request.number, None)

        return fetch

    assert [each.number for each in numbered(serve(404), width)] == [1, 2, 3, 4]
    with pytest.raises(RequestRejectedError):
        list(numbered(serve(400), width))


@pytest.mark.parametrize("width", WIDTHS)
def test_F28_the_last_page_again_beyond_the_end_is_the_end(width: int) -> None:
    def serve(number: int, _: int) -> Page:
        last = page(min(number, 5), 4 if number < 3 else 5, 10)
        return replace(last, number=number)

    assert Source(serve).numbers(width=width) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("total", [None, 50])
def test_F27_pages_that_go_round_in_a_circle_are_a_loop(width: int, total: int | None) -> None:
    source = Source(lambda number, _: replace(page(number % 2, total, total), number=number))
    with pytest.raises(PaginationLoopError):
        source.numbers(width=width)


def cursor_page(number: int, following: str | None) -> Page:
    return Page(number, [{"id": number}], {"next_cursor": following})


def test_cursors_are_followed_to_the_end() -> None:
    source = Source(lambda number, _: cursor_page(number, f"c{number}" if number < 4 else None))
    walk = FollowedWalk(
        PageSource(source, ProofRequests(source), limit=LIMIT, pages=PageRange()),
        CursorPagination(),
        url="http://x",
    )
    assert [each.number for each in walk] == [1, 2, 3, 4]


def test_cursors_stop_at_the_end_of_the_range() -> None:
    source = Source(lambda number, _: cursor_page(number, f"c{number}"))
    walk = FollowedWalk(
        PageSource(source, ProofRequests(source), limit=LIMIT, pages=PageRange(1, 3)),
        CursorPagination(),
        url="http://x",
    )
    assert [each.number for each in walk] == [1, 2, 3]
    assert source.asked == [1, 2, 3]


def test_F27_a_cursor_used_before_is_a_loop() -> None:
    source = Source(lambda number, _: cursor_page(number, f"c{number % 3}"))
    walk = FollowedWalk(
        PageSource(source, ProofRequests(source), limit=LIMIT, pages=PageRange()),
        CursorPagination(),
        url="http://x",
    )
    with pytest.raises(PaginationLoopError):
        list(walk)
    assert len(source.asked) == 4


def test_a_walk_that_fails_stops_what_is_under_way() -> None:
    stopped = threading.Event()
    released = threading.Event()

    def serve(request: PageRequest) -> Page:
        if request.number == 2:
            raise NetworkError("gone")
        if request.number > 2 and stopped.wait(60):
            released.set()
        return page(request.number, 9, 18)

    with pytest.raises(NetworkError):
        list(numbered(serve, 4, stopped=stopped or threading.Event()))
    assert released.wait(60)


def test_F27_a_fresh_cursor_with_the_same_records_for_ever_is_a_loop() -> None:
    same = page(1, None).records
    source = Source(lambda number, _: Page(number, same, {"next_cursor": f"c{number}"}))
    walk = FollowedWalk(
        PageSource(source, ProofRequests(source), limit=LIMIT, pages=PageRange()),
        CursorPagination(),
        url="http://x",
    )
    with pytest.raises(PaginationLoopError):
        list(walk)
    assert len(source.asked) == 2
