"""The page after the one at hand, fetched while that is written: what it changes, and what it must not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.evidence import ProofRequests
from de_classes.api.followed_walk import FollowedWalk
from de_classes.api.page import Page
from de_classes.api.pagination import CursorPagination
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.api.walk import PageSource
from de_classes.errors import IncompleteRunError, NetworkError, PaginationLoopError
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange
from tests.fakes.paged_source import BASE, LIMIT, STYLES, Answer, PagedSource, Taken
from tests.fakes.transports import FakeTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.pagination import PageRequest

PATIENCE = 60.0  # seconds, for what happens at once unless it never does
PAGES = 6
FOLLOWED = ["cursor", "link"]


class Source:
    """Full pages by cursor; each is told of when it is asked for, and may be kept back or fail.

    Args:
        cursors: What each page says leads on, from the first.
        keeps_back: A page that comes only once ``let_go`` is set.
        fails: A page that cannot be had.
    """

    def __init__(self, cursors: str, *, keeps_back: int = 0, fails: int = 0) -> None:
        self._cursors = cursors
        self._keeps_back = keeps_back
        self._fails = fails
        self.asked: list[int] = []
        self.threads: set[threading.Thread] = set()
        self.is_asked = {number: threading.Event() for number in range(1, len(cursors) + 3)}
        self.let_go = threading.Event()

    def __call__(self, request: PageRequest) -> Page:
        self.asked.append(request.number)
        self.threads.add(threading.current_thread())
        self.is_asked[request.number].set()
        if request.number == self._keeps_back:
            assert self.let_go.wait(PATIENCE)
        if request.number == self._fails:
            raise NetworkError("gone")
        cursor = self._cursors[request.number - 1 : request.number] or None
        return Page(request.number, [{"id": request.number}], {"next_cursor": cursor})


def walk(
    source: Source, *, width: int = 2, pages: PageRange | None = None, stopped: threading.Event | None = None
) -> FollowedWalk:
    return FollowedWalk(
        PageSource(
            source,
            ProofRequests(source),
            limit=1,
            pages=pages or PageRange(),
            width=width,
            stopped=stopped or threading.Event(),
        ),
        CursorPagination(),
        url="https://api.example/data",
    )


def started(source: Source, **options: int) -> Iterator[Page]:
    """A walk whose first page was handed on, and whose second was asked for."""
    pages = iter(walk(source, **options))
    assert next(pages).number == 1
    assert source.is_asked[2].wait(PATIENCE)
    return pages


def pages_of(count: int) -> list[Answer]:
    return [Answer(tuple(range(n * LIMIT, (n + 1) * LIMIT))) for n in range(count)]


@pytest.mark.parametrize("width", [2, 64])
def test_the_next_page_is_asked_for_while_the_one_at_hand_is_written_and_the_last_twice(width: int) -> None:
    source = Source("abc")
    pages = started(source, width=width)
    assert source.asked == [1, 2]
    assert [page.number for page in pages] == [2, 3, 4]
    assert source.asked == [1, 2, 3, 4, 4]


def test_one_at_a_time_is_fetched_by_nobody_else_and_not_ahead() -> None:
    source = Source("abc")
    pages = iter(walk(source, width=1))
    assert (next(pages).number, source.asked) == (1, [1])
    assert [page.number for page in pages] == [2, 3, 4]
    assert source.threads == {threading.current_thread()}


def test_one_daemon_thread_fetches_all_that_is_fetched_ahead() -> None:
    source = Source("abcdef")
    assert len(list(walk(source, width=8))) == 7
    ahead = source.threads - {threading.current_thread()}
    assert [thread.daemon for thread in ahead] == [True]
    for thread in ahead:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_failure_shows_where_its_page_is_taken() -> None:
    following = walk(Source("abc", fails=3))
    pages = iter(following)
    assert [next(pages).number, next(pages).number] == [1, 2]
    place = following.place
    assert place is not None
    assert (place.number, dict(place.values)) == (3, {"query.cursor": "b"})
    with pytest.raises(NetworkError):
        next(pages)


def test_the_place_is_behind_the_page_at_hand_although_the_next_is_there() -> None:
    source = Source("abc")
    following = walk(source)
    next(iter(following))
    assert source.is_asked[2].wait(PATIENCE)
    place = following.place
    assert place is not None
    assert (place.number, dict(place.values)) == (2, {"query.cursor": "a"})


def test_no_page_is_asked_for_after_the_last_that_was_wanted() -> None:
    source = Source("abc")
    assert [page.number for page in walk(source, pages=PageRange(1, 2))] == [1, 2]
    assert source.asked == [1, 2]


def test_F27_a_cursor_that_was_used_before_is_never_sent_again() -> None:
    source = Source("aa")
    pages = iter(walk(source))
    assert [next(pages).number, next(pages).number] == [1, 2]
    with pytest.raises(PaginationLoopError, match="page 3 is asked for by a cursor or link used before"):
        next(pages)
    assert source.asked == [1, 2]


@pytest.mark.parametrize("how", ["an interrupt", "the walk is dropped"])
def test_nobody_waits_for_a_page_under_way_when_the_walk_is_over(how: str) -> None:
    source, stopped = Source("abc", keeps_back=2), threading.Event()
    pages = iter(walk(source, stopped=stopped or threading.Event()))
    next(pages)
    assert source.is_asked[2].wait(PATIENCE)
    assert not stopped.is_set()
    if how == "an interrupt":
        with pytest.raises(KeyboardInterrupt):
            pages.throw(KeyboardInterrupt)  # type: ignore[attr-defined]  # it is a generator
    del pages
    assert stopped.is_set()
    source.let_go.set()


@pytest.mark.parametrize("width", [1, 4])
def test_the_walk_says_that_it_is_over_at_its_end_too(width: int) -> None:
    stopped = threading.Event()
    assert len(list(walk(Source("abc"), width=width, stopped=stopped or threading.Event()))) == 4
    assert stopped.is_set()


@pytest.mark.parametrize("after", range(PAGES + 1))
@pytest.mark.parametrize("style", FOLLOWED)
def test_a_run_that_dies_anywhere_is_gone_on_with_as_if_nothing_had_been_fetched_ahead(
    style: str, after: int
) -> None:
    source = PagedSource(style, pages_of(PAGES))
    begun = Taken(source, width=4, after=after)
    rest = Taken(source, width=4, state=begun.state)
    alone = Taken(source, width=1, state=Taken(source, width=1, after=after).state)
    assert begun.state == Taken(source, width=1, after=after).state
    assert begun.taken + rest.taken == Taken(source).taken
    assert (rest.taken, rest.verdict, rest.asked) == (alone.taken, alone.verdict, alone.asked)
    assert max(begun.asked, default=0) <= after + 1


class Stalling:
    """Answers the second page only when it is told to, and says that it was asked for."""

    def __init__(self, source: PagedSource) -> None:
        self._source = source
        self.is_asked, self.let_go = threading.Event(), threading.Event()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._source.number(request) == 2:
            self.is_asked.set()
            assert self.let_go.wait(PATIENCE)
        return self._source(request)


def test_when_the_time_is_up_the_run_ends_without_the_page_under_way() -> None:
    stalling, clock = Stalling(PagedSource("cursor", pages_of(3))), ManualClock()
    client = UnstableAPIClient(
        Endpoint.at(
            f"{BASE}/data",
            pagination=STYLES["cursor"],
            reader=PageReader(total_pages_field=None),
            look_back="none",
        ),
        limits=ClientLimits(concurrency=4, deadline=clock.monotonic() + 5),
        runtime=ClientRuntime(transport=FakeTransport(stalling), clock=clock),
    )
    run = client.start_pass(LIMIT)
    pages = iter(run)
    assert next(pages).number == 1
    assert stalling.is_asked.wait(PATIENCE)
    clock.advance(6)
    with pytest.raises(IncompleteRunError, match="the time is up"):
        next(pages)
    assert run.place is not None
    assert run.place.number == 2
    stalling.let_go.set()
