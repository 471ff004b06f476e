from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.page import Page
from de_classes.api.pagination import (
    CursorPagination,
    LastRecordPagination,
    LinkHeaderPagination,
    NextParamsPagination,
    NextUrlPagination,
    OffsetPagination,
    OnePagePagination,
    PageNumberPagination,
    PageRequest,
)
from de_classes.api.pagination.by_number import ShiftedOffsets
from de_classes.api.pagination.followed import next_links
from de_classes.errors import ConfigurationError, ProtocolError

if TYPE_CHECKING:
    from de_classes.api.pagination import PaginationStrategy

URL = "https://api.example/v1/data"


def page(number: int = 1, *, rows: int = 2, **fields: object) -> Page:
    known = {name: fields.pop(name) for name in ("total_pages", "total_records", "headers") if name in fields}
    return Page(number, [{"id": n} for n in range(rows)], dict(fields), **known)  # type: ignore[arg-type]  # a test's shorthand


def after(strategy: PaginationStrategy, last: Page, limit: int = 2) -> PageRequest | None:
    return strategy.request_after(last, limit, url=URL)


def test_page_numbers_go_up_to_the_total() -> None:
    strategy = PageNumberPagination(into="query.p")
    assert strategy.request_for(3, 50) == PageRequest(3, {"query.p": 3}, size=50)
    assert after(strategy, page(1, total_pages=2)) == PageRequest(2, {"query.p": 2}, size=2)
    assert after(strategy, page(2, total_pages=2)) is None


def test_page_numbers_without_a_total_go_on_until_a_page_is_empty() -> None:
    following = after(PageNumberPagination(), page(1))
    assert following is not None
    assert following.number == 2
    assert after(PageNumberPagination(), page(9, rows=0)) is None


def test_offsets_are_counted_in_records() -> None:
    strategy = OffsetPagination()
    assert strategy.request_for(3, 50) == PageRequest(3, {"query.offset": 100}, size=50)
    assert strategy.page_count(page(total_records=101), 50) == 3
    assert after(strategy, page(2, total_records=4)) is None
    assert after(strategy, page(2, total_records=5)) == PageRequest(3, {"query.offset": 4}, size=2)


def test_offsets_without_a_total_go_on_until_a_page_is_empty() -> None:
    assert after(OffsetPagination(), page(1)) is not None
    assert after(OffsetPagination(), page(2, rows=0)) is None


def test_a_cursor_is_handed_back_as_it_came() -> None:
    strategy = CursorPagination()
    assert strategy.request_for(1, 50) == PageRequest(1, size=50)
    assert after(strategy, page(1, next_cursor="a/b=")) == PageRequest(2, {"query.cursor": "a/b="}, size=2)


def test_a_cursor_that_is_an_address_leads_there() -> None:
    there = "https://api.example/items?page=2"
    strategy = CursorPagination()
    following = after(strategy, page(1, next_cursor=there))
    assert following == PageRequest(2, url=there, size=2)
    stands_still = page(2, rows=0, next_cursor=there)
    assert strategy.request_after(stands_still, 2, url=URL, asked=following) is None


@pytest.mark.parametrize("end", [{}, {"next_cursor": None}, {"next_cursor": ""}])
def test_no_cursor_is_the_end(end: dict[str, object]) -> None:
    assert after(CursorPagination(), page(3, **end)) is None


def test_a_link_is_followed_and_made_absolute() -> None:
    header = '<https://api.example/v1/data?page=1>; rel="prev", </v1/data?page=3>; rel="next"'
    assert after(LinkHeaderPagination(), page(2, headers={"link": header})) == PageRequest(
        3, {}, "https://api.example/v1/data?page=3", size=2
    )


def test_no_link_is_the_end() -> None:
    assert after(LinkHeaderPagination(), page(2, headers={"link": '<https://x.example>; rel="last"'})) is None


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<a>; rel="next"', "a"),
        ("<a>; rel=next", "a"),
        ('<a>; rel="last next"', "a"),
        ('<a?x=1,2;3>; title="p, q"; rel="next"', "a?x=1,2;3"),
        ('<a>; rel="nextish"', None),
        ('<a>; title="rel=next"; rel="prev"', None),
        ("a; rel=next", None),
        ("", None),
    ],
)
def test_link_headers_in_their_forms(header: str, target: str | None) -> None:
    assert next_links(header) == ([] if target is None else [target])


@given(st.text())
def test_no_link_header_whatever_raises(header: str) -> None:
    assert next_links(header) == [] or "<" in header


@pytest.mark.parametrize("strategy", [CursorPagination(), LinkHeaderPagination()])
def test_what_must_be_followed_starts_at_the_first_page(strategy: PaginationStrategy) -> None:
    assert not strategy.random_access
    with pytest.raises(ConfigurationError, match="cannot start at page 4"):
        strategy.request_for(4, 10)


@pytest.mark.parametrize(
    ("strategy", "values"),
    [
        (PageNumberPagination(), {"query.page": 1}),
        (PageNumberPagination(first=0), {"query.page": 0}),
        (OffsetPagination(), {"query.offset": 0}),
        (CursorPagination(), {}),
        (CursorPagination(first="*"), {"query.cursor": "*"}),
        (LinkHeaderPagination(), {}),
    ],
)
def test_places_go_by_their_usual_names(strategy: PaginationStrategy, values: dict[str, object]) -> None:
    assert strategy.request_for(1, 5) == PageRequest(1, values, size=5)


def test_a_strategy_tells_how_its_pages_can_be_had() -> None:
    strategies = [PageNumberPagination(), OffsetPagination(), CursorPagination(), LinkHeaderPagination()]
    assert [each.random_access for each in strategies] == [True, True, False, False]
    assert [each.counts_records for each in strategies] == [False, True, False, False]
    assert PageNumberPagination(echo_path="page").echo == "page"
    assert [each.echo for each in strategies] == [None, None, None, None]


@pytest.mark.parametrize("strategy", [PageNumberPagination(), OffsetPagination()])
def test_a_page_beyond_the_total_is_the_last(strategy: PaginationStrategy) -> None:
    assert after(strategy, page(3, total_pages=2, total_records=4)) is None


@pytest.mark.parametrize("strategy", [CursorPagination(), LinkHeaderPagination()])
def test_only_a_source_that_can_be_asked_by_number_says_how_many_pages_it_has(
    strategy: PaginationStrategy,
) -> None:
    assert strategy.page_count(page(1, total_pages=2, total_records=4), 2) is None
    assert PageNumberPagination().page_count(page(1, total_pages=7, total_records=4), 2) == 7
    assert OffsetPagination().page_count(page(1, total_pages=7), 2) is None


@pytest.mark.parametrize("marked", [{"more": "has_more"}, {"done": "is_last"}])
def test_F62_a_page_that_says_that_another_follows_and_not_where_is_an_error(marked: dict[str, str]) -> None:
    strategy = CursorPagination(**marked)
    said = {"has_more": True, "is_last": False, "cursors": {"next": "a"}}
    with pytest.raises(
        ProtocolError, match=r"'next_cursor' leads nowhere, the answer has .*cursors \{next\}"
    ):
        after(strategy, page(1, **said))


def test_a_marker_decides_where_a_way_on_is_always_there() -> None:
    strategy = CursorPagination(done="is_last")
    assert after(strategy, page(1, is_last=False, next_cursor="a")) is not None
    assert after(strategy, page(1, is_last=True, next_cursor="a")) is None


def test_a_marker_that_is_not_there_is_an_error_that_names_what_is() -> None:
    with pytest.raises(
        ProtocolError, match="more = 'has_more' is not in the answer of page 1: it has hasMore"
    ):
        after(CursorPagination(more="has_more"), page(1, hasMore=False, next_cursor="a"))


@pytest.mark.parametrize(
    ("strategy", "fields", "values"),
    [
        (
            CursorPagination(path="paging.next.after"),
            {"paging": {"next": {"after": "x"}}},
            {"query.cursor": "x"},
        ),
        (CursorPagination(path="keys", into="json.after"), {"keys": [1, "a"]}, {"json.after": [1, "a"]}),
        (LastRecordPagination(path="id", into="query.after"), {}, {"query.after": 1}),
        (LastRecordPagination(path="id", into="query.from", plus=1), {}, {"query.from": 2}),
        (
            NextParamsPagination(path="continue"),
            {"continue": {"a": "1", "b": "2"}},
            {"query.a": "1", "query.b": "2"},
        ),
    ],
)
def test_what_leads_on_is_read_where_the_description_says(
    strategy: PaginationStrategy, fields: dict[str, object], values: dict[str, object]
) -> None:
    following = after(strategy, page(1, **fields))
    assert following == PageRequest(2, values, size=2)


def test_a_next_address_in_the_body_is_made_absolute() -> None:
    following = after(NextUrlPagination(path="links.next"), page(1, links={"next": "/v1/more?x=1"}))
    assert following == PageRequest(2, url="https://api.example/v1/more?x=1", size=2)


@pytest.mark.parametrize(
    "strategy",
    [
        CursorPagination(path="a.b"),
        NextUrlPagination(path="next"),
        NextParamsPagination(path="continue"),
        LastRecordPagination(path="id", into="query.after"),
        OnePagePagination(),
    ],
)
def test_nothing_that_leads_on_is_the_end(strategy: PaginationStrategy) -> None:
    assert after(strategy, page(3, rows=0)) is None


@pytest.mark.parametrize(
    ("strategy", "fields"),
    [
        (CursorPagination(path="next"), {"next": None}),
        (NextUrlPagination(path="next"), {"next": ""}),
        (NextParamsPagination(path="next"), {"next": {}}),
        (LinkHeaderPagination(), {"headers": {"link": '</1>; rel="prev"'}}),
    ],
)
def test_a_way_on_that_is_there_and_leads_nowhere_is_told_from_one_that_is_absent(
    strategy: PaginationStrategy, fields: dict[str, object]
) -> None:
    assert strategy.stands_in(page(1, **fields))
    assert not strategy.stands_in(page(1, other=1))


def test_F88_the_numbers_of_parameters_that_an_answer_names_are_sent_as_they_are_written() -> None:
    last = page(1, next={"from": 1e22})
    last.note_written("next", {"from": "1e22"})
    assert after(NextParamsPagination(path="next"), last) == PageRequest(2, {"query.from": "1e22"}, size=2)


@pytest.mark.parametrize("cursor", [True, 1.5, {"a": 1}, [1]])
def test_F88_a_cursor_is_sent_as_it_is_written_or_refused(cursor: object) -> None:
    if cursor == 1.5:
        assert after(CursorPagination(), page(1, next_cursor=cursor)) == PageRequest(
            2, {"query.cursor": 1.5}, size=2
        )
        return
    with pytest.raises(ProtocolError, match="it can only go into a JSON body"):
        after(CursorPagination(), page(1, next_cursor=cursor))


def test_F88_a_cursor_that_is_false_is_the_end() -> None:
    assert after(CursorPagination(), page(1, next_cursor=False)) is None


def test_a_cursor_that_stands_still_behind_an_empty_page_is_the_end() -> None:
    strategy, asked = CursorPagination(), PageRequest(2, {"query.cursor": "a"}, size=2)
    still = strategy.request_after(page(2, rows=0, next_cursor="a"), 2, url=URL, asked=asked)
    assert still is None
    assert strategy.request_after(page(2, rows=0, next_cursor="b"), 2, url=URL, asked=asked) is not None


def test_F57_offsets_behind_a_short_page_start_behind_its_rows() -> None:
    shifted = ShiftedOffsets(pagination=OffsetPagination(), number=3, records=25, last=5)
    assert shifted.request_for(3, 10) == PageRequest(3, {"query.offset": 20}, size=10)
    assert shifted.request_for(2, 10) == PageRequest(2, {"query.offset": 10}, size=10)
    assert shifted.request_for(4, 10) == PageRequest(4, {"query.offset": 25}, size=10)
    assert shifted.request_for(6, 10) == PageRequest(6, {"query.offset": 45}, size=10)
    assert [shifted.page_count(page(total_records=total), 10) for total in (25, 26, 35, 36)] == [3, 4, 4, 5]


def test_a_full_first_page_whose_cursor_is_null_is_all() -> None:
    assert after(CursorPagination(), page(1, next_cursor=None)) is None


def test_a_cursor_may_be_a_number_also_nought() -> None:
    following = after(CursorPagination(into="query.c"), page(1, next_cursor=0))
    assert following == PageRequest(2, {"query.c": 0}, size=2)


def test_requests_are_the_same_by_what_they_ask_whatever_their_number() -> None:
    one = PageRequest(1, {"a": "1", "b": "2"})
    assert one.identity() == PageRequest(9, {"b": "2", "a": "1"}).identity()
    assert one.identity() != PageRequest(1, {"a": "1", "b": "3"}).identity()
    assert one.identity() != PageRequest(1, {"a": "1", "b": "2"}, URL).identity()


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('< a >; rel="next"', "a"),
        ("<a>; REL=NEXT", "a"),
        ("<a>;rel=next", "a"),
        ("<a> ; rel = next", "a"),
        ('<a>; rel="prev"; rel="next"', "a"),
        ("<a>; rel=next, <a>; rel=next", "a"),
        ('<a>; rel=next; anchor="/other", <b>; rel=next', "b"),
        ("<a>; crossorigin; rel=next", "a"),
        ("<a>; rel=prev, <b>; rel=next", "b"),
        ("<a>; next", None),
        ('<a>; rel=""', None),
    ],
)
def test_link_headers_as_servers_spell_them(header: str, target: str | None) -> None:
    assert next_links(header) == ([] if target is None else [target])


def test_two_links_that_lead_on_are_an_error_since_only_one_can_be_followed() -> None:
    header = '<https://x.example/a>; rel="next", <https://x.example/b>; rel="next"'
    with pytest.raises(ProtocolError, match="page 2 has 2 links with rel='next'"):
        after(LinkHeaderPagination(), page(2, headers={"link": header}))
