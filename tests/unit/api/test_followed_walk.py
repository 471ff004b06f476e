from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.followed_walk import FollowedWalk
from de_classes.api.loop_guard import mark_of
from de_classes.api.page import Page
from de_classes.api.pagination import CursorPagination, LinkHeaderPagination
from de_classes.api.prober import Prober
from de_classes.errors import PaginationLoopError, ProtocolError
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
    """

    def __init__(self, ways: dict[int, str]) -> None:
        self._ways = ways
        self.asked: list[PageRequest] = []

    def __call__(self, request: PageRequest) -> Page:
        self.asked.append(request)
        number, way = request.number, self._ways.get(request.number)
        payload = {} if way is None else {"next_cursor": way}
        headers = {} if way is None else {"link": f'<{way}>; rel="next"'}
        return Page(number, rows(number), payload, headers=headers)


def rows(number: int) -> list[dict[str, int]]:
    return [{"id": number * LIMIT + row} for row in range(LIMIT)]


def walk(
    source: Source,
    strategy: PaginationStrategy | None = None,
    state: RunState | None = None,
    pages: PageRange | None = None,
) -> FollowedWalk:
    return FollowedWalk(
        source,
        strategy or CursorPagination(),
        Prober(source),
        limit=LIMIT,
        pages=pages or PageRange(),
        url=URL,
        state=state,
    )


def state_after(*numbers: int, place: RunPlace | None) -> RunState:
    entries = (PageEntry(number=each, records=LIMIT, sha256="", mark=mark_of(rows(each))) for each in numbers)
    return RunState(entries=tuple(entries), place=place)


def test_each_request_carries_what_the_page_before_it_said() -> None:
    source = Source({1: "a", 2: "b"})
    assert [page.number for page in walk(source)] == [1, 2, 3]
    assert [request.values.get("query.cursor") for request in source.asked] == [None, "a", "b"]


def test_links_are_resolved_against_the_page_that_they_stand_on() -> None:
    source = Source({1: "/deep/two", 2: "three"})
    assert len(list(walk(source, LinkHeaderPagination()))) == 3
    assert [request.url for request in source.asked[1:]] == [
        "https://api.example/deep/two",
        "https://api.example/deep/three",
    ]


def test_a_page_that_leads_nowhere_is_handed_on_before_that_is_said() -> None:
    pages = iter(walk(Source({})))
    assert next(pages).number == 1
    with pytest.raises(
        ProtocolError, match="a full first page has no 'next_cursor', and neither has a smaller one"
    ):
        next(pages)


def test_a_full_first_page_that_leads_nowhere_is_all_where_no_smaller_one_may_be_asked_for() -> None:
    source = Source({})
    assert [page.number for page in walk(source, smaller=None)] == [1]
    assert len(source.asked) == 1


def test_the_place_behind_a_page_that_leads_nowhere_has_no_way_on() -> None:
    lost = walk(Source({}))
    next(iter(lost))
    assert lost.place == RunPlace(number=2)


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
