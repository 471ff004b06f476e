from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.page import Page
from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
    PageRequest,
    next_link,
)
from de_classes.errors import ConfigurationError, ProtocolError

if TYPE_CHECKING:
    from de_classes.api.pagination import (
        PaginationStrategy,
    )

URL = "https://api.example/v1/data"


def page(number: int = 1, *, rows: int = 2, **fields: object) -> Page:
    known = {name: fields.pop(name) for name in ("total_pages", "total_records", "headers") if name in fields}
    return Page(number, [{"id": n} for n in range(rows)], dict(fields), **known)  # type: ignore[arg-type]  # a test's shorthand


def after(strategy: PaginationStrategy, last: Page, limit: int = 2) -> PageRequest | None:
    return strategy.request_after(last, limit, url=URL)


def test_page_numbers_go_up_to_the_total() -> None:
    strategy = PageNumberPagination(page_param="p", limit_param="size")
    assert strategy.request_for(3, 50) == PageRequest(3, {"p": "3", "size": "50"})
    assert after(strategy, page(1, total_pages=2)) == PageRequest(2, {"p": "2", "size": "2"})
    assert after(strategy, page(2, total_pages=2)) is None


def test_page_numbers_without_a_total_go_on_until_a_page_is_empty() -> None:
    following = after(PageNumberPagination(), page(1))
    assert following is not None
    assert following.number == 2
    assert after(PageNumberPagination(), page(9, rows=0)) is None


def test_offsets_are_counted_in_records() -> None:
    strategy = OffsetPagination()
    assert strategy.request_for(3, 50) == PageRequest(3, {"offset": "100", "limit": "50"})
    assert strategy.page_count(page(total_records=101), 50) == 3
    assert after(strategy, page(2, total_records=4)) is None
    assert after(strategy, page(2, total_records=5)) == PageRequest(3, {"offset": "4", "limit": "2"})


def test_offsets_without_a_total_go_on_until_a_page_is_empty() -> None:
    assert after(OffsetPagination(), page(1)) is not None
    assert after(OffsetPagination(), page(2, rows=0)) is None


def test_a_cursor_is_handed_back_as_it_came() -> None:
    strategy = CursorPagination()
    assert strategy.request_for(1, 50) == PageRequest(1, {"limit": "50"})
    assert after(strategy, page(1, next_cursor="a/b=")) == PageRequest(2, {"cursor": "a/b=", "limit": "2"})


@pytest.mark.parametrize("end", [{}, {"next_cursor": None}, {"next_cursor": ""}])
def test_no_cursor_is_the_end(end: dict[str, object]) -> None:
    assert after(CursorPagination(), page(3, **end)) is None


def test_a_link_is_followed_and_made_absolute() -> None:
    header = '<https://api.example/v1/data?page=1>; rel="prev", </v1/data?page=3>; rel="next"'
    assert after(LinkHeaderPagination(), page(2, headers={"link": header})) == PageRequest(
        3, {}, "https://api.example/v1/data?page=3"
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
    assert next_link(header) == target


@given(st.text())
def test_no_link_header_whatever_raises(header: str) -> None:
    assert next_link(header) is None or "<" in header


@pytest.mark.parametrize("strategy", [CursorPagination(), LinkHeaderPagination()])
def test_what_must_be_followed_starts_at_the_first_page(strategy: PaginationStrategy) -> None:
    assert not strategy.random_access
    with pytest.raises(ConfigurationError, match="cannot start at page 4"):
        strategy.request_for(4, 10)


@pytest.mark.parametrize(
    ("strategy", "params"),
    [
        (PageNumberPagination(), {"page": "1", "limit": "5"}),
        (OffsetPagination(), {"offset": "0", "limit": "5"}),
        (CursorPagination(), {"limit": "5"}),
        (LinkHeaderPagination(), {"limit": "5"}),
    ],
)
def test_parameters_go_by_their_usual_names(strategy: PaginationStrategy, params: dict[str, str]) -> None:
    assert strategy.request_for(1, 5) == PageRequest(1, params, None)


def test_a_strategy_tells_how_its_pages_can_be_had() -> None:
    strategies = [PageNumberPagination(), OffsetPagination(), CursorPagination(), LinkHeaderPagination()]
    assert [each.random_access for each in strategies] == [True, True, False, False]
    assert [each.counts_records for each in strategies] == [False, True, False, False]
    assert [each.echo_field for each in strategies] == ["page", None, None, None]


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


@pytest.mark.parametrize(
    ("strategy", "what"),
    [
        (CursorPagination(cursor_field="after"), "no field 'after'"),
        (LinkHeaderPagination(), "no Link header"),
    ],
)
def test_a_full_first_page_that_leads_nowhere_is_all_only_if_its_total_says_so(
    strategy: PaginationStrategy, what: str
) -> None:
    for rows in (2, 3):
        with pytest.raises(ProtocolError, match=what):
            after(strategy, page(1, rows=rows))
    with pytest.raises(ProtocolError, match=what):
        after(strategy, page(1, total_records=3))
    assert after(strategy, page(1, total_records=2)) is None
    assert after(strategy, page(1, rows=1)) is None
    assert after(strategy, page(2)) is None


def test_a_full_first_page_whose_cursor_is_null_is_all() -> None:
    assert after(CursorPagination(), page(1, next_cursor=None)) is None


def test_a_cursor_may_be_a_number_also_nought() -> None:
    following = after(CursorPagination(cursor_param="c"), page(1, next_cursor=0))
    assert following == PageRequest(2, {"c": "0", "limit": "2"})


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
        ("<a>; rel=next, <b>; rel=next", "a"),
        ("<a>; crossorigin; rel=next", "a"),
        ("<a>; rel=prev, <b>; rel=next", "b"),
        ("<a>; next", None),
        ('<a>; rel=""', None),
    ],
)
def test_link_headers_as_servers_spell_them(header: str, target: str | None) -> None:
    assert next_link(header) == target
