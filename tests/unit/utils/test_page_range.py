from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError
from de_classes.utils.page_range import MAX_PAGE, PageRange, PageSet, parse_pages

PAGES = st.integers(1, 5_000)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (5, PageRange(5, 5)),
        ("5", PageRange(5, 5)),
        (" 3 - 7 ", PageRange(3, 7)),
        ("3-7", PageRange(3, 7)),
        ("3-", PageRange(3, None)),
        ({"start": 3, "stop": 7}, PageRange(3, 7)),
        ({"start": 3, "stop": None}, PageRange(3, None)),
        ({"start": 3}, PageRange(3, None)),
        ({"stop": 7}, PageRange(1, 7)),
        ({}, PageRange()),
    ],
)
def test_every_form_is_read(spec: object, expected: object) -> None:
    assert parse_pages(spec) == expected


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("", "no page range"),
        ("-7", "no page range"),
        ("a-b", "no page range"),
        ("1,2", "no page range"),
        ("\u0663", "no page range"),
        ("9" * 5_000, "no page range"),
        ("7-3", "runs backwards"),
        ("0", "from 1 to 1,000,000,000"),
        (0, r"but is 0; where the source counts from 0, its description says pagination\.first = 0"),
        (-1, "but is -1"),
        (10**400, "far beyond"),
        (True, "whole number, not bool"),
        ({"start": "3"}, "whole number, not str"),
        ({"begin": 3}, "not 'begin'"),
    ],
)
def test_what_is_no_range_is_refused_with_the_reason(spec: object, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        parse_pages(spec)


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{1,12}-[0-9]{0,12}", fullmatch=True))
def test_any_text_is_a_range_or_a_typed_error(text: str) -> None:
    try:
        pages = parse_pages(text)
    except InvalidInputError:
        return
    assert parse_pages(str(pages)) == pages


@given(PAGES, PAGES)
def test_length_membership_and_pages_agree(one: int, other: int) -> None:
    pages = PageRange(min(one, other), max(one, other))
    assert list(pages.pages()) == list(range(pages.start, pages.stop + 1))
    assert len(pages) == pages.stop - pages.start + 1
    assert pages.start in pages
    assert pages.stop in pages
    assert pages.start - 1 not in pages
    assert pages.stop + 1 not in pages
    assert "1" not in pages


@given(PAGES, PAGES, st.integers(1, 60))
def test_split_parts_are_consecutive_even_and_cover_the_range(one: int, other: int, parts: int) -> None:
    pages = PageRange(min(one, other), max(one, other))
    pieces = pages.split(parts)
    assert len(pieces) == min(parts, len(pages))
    assert [page for piece in pieces for page in piece.pages()] == list(pages.pages())
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


def test_an_open_range_goes_on_and_is_true_but_has_no_length() -> None:
    pages = PageRange(3)
    assert list(itertools.islice(pages.pages(), 3)) == [3, 4, 5]
    assert pages
    assert pages.is_open
    assert MAX_PAGE in pages
    with pytest.raises(InvalidInputError, match="open"):
        len(pages)
    with pytest.raises(InvalidInputError, match="open"):
        pages.split(2)


def test_splitting_into_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="0 parts"):
        PageRange(1, 3).split(0)


@pytest.mark.parametrize(
    ("pages", "last", "expected"),
    [
        (PageRange(3), 9, PageRange(3, 9)),
        (PageRange(3, 5), 9, PageRange(3, 5)),
        (PageRange(3, 12), 9, PageRange(3, 9)),
        (PageRange(10), 9, None),
        (PageRange(), 0, None),
    ],
)
def test_a_range_is_closed_by_the_number_of_pages_there_are(
    pages: PageRange, last: int, expected: object
) -> None:
    assert pages.up_to(last) == expected


Pairs = list[tuple[int, int]]
ranges = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=8)


@given(ranges, ranges)
def test_it_is_the_ascending_sequence_of_its_pages(
    first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    expected = sorted({page for low, high in first + second for page in range(low, high + 1)})
    pages = PageSet(first) | PageSet(second)
    assert list(pages) == expected
    assert len(pages) == len(expected)
    assert [pages[index] for index in range(len(pages))] == expected
    assert pages == tuple(expected) == PageSet.of(expected)
    assert all((page in pages) == (page in expected) for page in range(70))


def test_it_is_written_as_ranges() -> None:
    assert PageSet.of([7, 3, 8, 9, 1]).ranges() == ("1", "3", "7-9")
    assert repr(PageSet([(1, 4)])) == "PageSet(1-4)"


def test_a_huge_one_costs_nothing() -> None:
    pages = PageSet([(2, 2**60)])
    assert len(pages) == 2**60 - 1
    assert pages[-1] == 2**60
    assert pages[1:3] == [3, 4]


def test_beyond_its_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        PageSet.of([1])[1]
