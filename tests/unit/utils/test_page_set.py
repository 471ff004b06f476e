from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.utils.page_set import PageSet

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
