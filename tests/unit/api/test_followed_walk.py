from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.evidence import ProofRequests
from de_classes.api.followed_walk import FollowedWalk
from de_classes.api.page import Page, mark_of
from de_classes.api.pagination import CursorPagination, LinkHeaderPagination
from de_classes.api.walk import PageSource
from de_classes.errors import (
    PaginationLoopError,
    ProtocolError,
    RequestRejectedError,
    SourceChangedError,
)
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import PageEntry, RunPlace, RunState

if TYPE_CHECKING:
    from de_classes.api.pagination import PageRequest, PaginationStrategy

LIMIT = 2
URL = "https://api.example/data"


class Source:
    """Full pages, and what leads from each to the next.

    Args:
        ways: By page, the cursor or the link in it; what is not there leads nowhere.
        more: By page, what its marker says, if it has one.
        first: By page, what comes for the first request alone.
    """

    def __init__(
        self,
        ways: dict[int, str],
        *,
        more: dict[int, bool] | None = None,
        first: dict[int, Page | Exception] | None = None,
    ) -> None:
        self._ways = ways
        self._more = more or {}
        self._first = dict(first or {})
        self.asked: list[PageRequest] = []

    @property
    def numbers(self) -> list[int]:
        return [request.number for request in self.asked]

    def __call__(self, request: PageRequest) -> Page:
        self.asked.append(request)
        number, way = request.number, self._ways.get(request.number)
        said: dict[str, object] = {} if way is None else {"next_cursor": way}
        said |= {"has_more": self._more[number]} if number in self._more else {}
        headers = {} if way is None else {"link": f'<{way}>; rel="next"'}
        instead = self._first.pop(number, None)
        if isinstance(instead, Exception):
            raise instead
        return Page(number, rows(number), said, headers=headers) if instead is None else instead


def rows(number: int) -> list[dict[str, int]]:
    return [{"id": number * LIMIT + row} for row in range(LIMIT)]


def walk(
    source: Source,
    strategy: PaginationStrategy | None = None,
    state: RunState | None = None,
    pages: PageRange | None = None,
) -> FollowedWalk:
    return FollowedWalk(
        PageSource(source, ProofRequests(source), limit=LIMIT, pages=pages or PageRange()),
        strategy or CursorPagination(),
        url=URL,
        state=state,
    )


def state_after(*numbers: int, place: RunPlace | None) -> RunState:
    entries = (PageEntry(number=each, records=LIMIT, sha256="", mark=mark_of(rows(each))) for each in numbers)
    return RunState(entries=tuple(entries), place=place)


def test_each_request_carries_what_the_page_before_it_said() -> None:
    source = Source({1: "a", 2: "b"})
    assert [page.number for page in walk(source)] == [1, 2, 3]
    assert [request.values.get("query.cursor") for request in source.asked] == [None, "a", "b", "b"]


def test_links_are_resolved_against_the_page_that_they_stand_on() -> None:
    source = Source({1: "/deep/two", 2: "three"})
    assert len(list(walk(source, LinkHeaderPagination()))) == 3
    assert [request.url for request in source.asked[1:]] == [
        "https://api.example/deep/two",
        *2 * ["https://api.example/deep/three"],  # the last, which may have lost its way on
    ]


MARKED = CursorPagination(more="has_more")


def test_a_page_that_says_more_and_leads_nowhere_is_handed_on_before_that_is_said() -> None:
    pages = iter(walk(Source({}, more={1: True}), MARKED))
    assert next(pages).number == 1
    with pytest.raises(ProtocolError, match="page 1 says that another follows: 'next_cursor' leads nowhere"):
        next(pages)


def test_the_place_behind_a_page_that_says_more_and_leads_nowhere_has_no_way_on() -> None:
    lost = walk(Source({}, more={1: True}), MARKED)
    next(iter(lost))
    assert lost.place == RunPlace(number=2)


def test_a_first_page_of_several_records_that_leads_nowhere_is_left_to_the_proof_of_the_end() -> None:
    source = Source({})
    assert [page.number for page in walk(source)] == [1]
    assert source.numbers == [1]


def test_a_first_page_of_one_record_that_leads_nowhere_is_asked_for_again() -> None:
    alone = Page(1, [{"id": 1}], {})
    source = Source({1: "a", 2: "b"}, first={1: alone})
    with pytest.raises(SourceChangedError, match=r"page 1 came twice, with 1 records and with 2$"):
        list(walk(source))
    assert source.numbers == [1, 1]


def test_a_way_on_that_is_lost_once_is_found_by_asking_again() -> None:
    source = Source({1: "a", 2: "b"}, first={2: Page(2, rows(2), {})})
    assert [page.number for page in walk(source)] == [1, 2, 3]
    assert source.numbers == [1, 2, 2, 3, 3]


def test_a_last_page_that_is_refused_when_it_is_asked_for_again_stays_the_last() -> None:
    class Forgets(Source):
        def __call__(self, request: PageRequest) -> Page:
            if request.number in self.numbers:
                self.asked.append(request)
                raise RequestRejectedError("no such place", status=410)
            return super().__call__(request)

    source = Forgets({1: "a"})
    assert [page.number for page in walk(source)] == [1, 2]
    assert source.numbers == [1, 2, 2]


def test_a_page_with_fewer_records_than_others_is_asked_for_again() -> None:
    source = Source({1: "a", 2: "b"}, first={2: Page(2, rows(2)[:1], {"next_cursor": "b"})})
    assert [page.records for page in walk(source)] == [rows(1), rows(2), rows(3)]
    assert source.numbers == [1, 2, 2, 3, 3]


def test_pages_that_differ_by_nature_are_asked_for_again_five_times_in_all() -> None:
    class Uneven(Source):
        def __call__(self, request: PageRequest) -> Page:
            page = super().__call__(request)
            return page if page.number == 1 else Page(page.number, page.records[:1], page.payload)

    source = Uneven({number: f"c{number}" for number in range(1, 10)})
    assert [len(page.records) for page in walk(source)] == [2] + 9 * [1]
    assert source.numbers == [1, *sorted(2 * [2, 3, 4, 5, 6]), 7, 8, 9, 10, 10]


@pytest.mark.parametrize("behind", ["nothing", "the same again", "a refusal"])
def test_a_way_on_beside_the_end_is_followed_once_and_must_hold_nothing(behind: str) -> None:
    nothing: dict[str, Page | Exception] = {
        "nothing": Page(3, [], {"has_more": False}),
        "the same again": Page(3, rows(2), {"has_more": False}),
        "a refusal": RequestRejectedError("no such place", status=404),
    }
    source = Source({1: "a", 2: "b"}, more={1: True, 2: False}, first={3: nothing[behind]})
    assert [page.number for page in walk(source, MARKED)] == [1, 2]
    assert source.numbers == [1, 2, 3]


def test_a_marker_that_says_end_once_although_more_follows_is_not_believed() -> None:
    source = Source({1: "a", 2: "b"}, more={1: True, 2: False, 3: False})
    assert [page.number for page in walk(source, MARKED)] == [1, 2, 3]
    assert source.numbers == [1, 2, 3, 3]


def test_the_place_is_the_next_request_until_there_is_none() -> None:
    following = walk(Source({1: "a", 2: "b"}), pages=PageRange(1, 2))
    pages = iter(following)
    assert following.place == RunPlace(number=1)
    next(pages)
    assert following.place == RunPlace(number=2, values={"query.cursor": "a"})
    next(pages)
    assert following.place is None


@pytest.mark.parametrize(
    ("link", "kept"), [("/data?page=2", f"{URL}?page=2"), ("/data?page=2&token=hunter2", None)]
)
def test_a_place_keeps_no_address_that_seems_to_hold_a_credential(link: str, kept: str | None) -> None:
    following = walk(Source({1: link}), LinkHeaderPagination())
    next(iter(following))
    assert following.place == RunPlace(number=2, url=kept)


def test_it_goes_on_from_the_place_that_was_written_down() -> None:
    source = Source({3: "c"})
    place = RunPlace(number=3, params={"cursor": "b"}, url="https://api.example/other")
    again = walk(source, state=state_after(1, 2, place=place))
    assert [page.number for page in again] == [3, 4]
    first = source.asked[0]
    assert (first.number, first.values, first.url) == (3, {"query.cursor": "b"}, "https://api.example/other")


def test_what_knew_of_no_other_page_asks_for_none() -> None:
    source = Source({})
    assert list(walk(source, state=state_after(1, 2, place=None))) == []
    assert source.asked == []


def test_F27_records_that_were_seen_before_the_resume_are_a_loop() -> None:
    state = state_after(1, 2, place=RunPlace(number=2, params={"cursor": "a"}))
    with pytest.raises(PaginationLoopError, match="page 2 has the records of a page before it"):
        list(walk(Source({}), state=state))


def test_it_never_fills_gaps() -> None:
    assert not walk(Source({})).is_filling_gaps
