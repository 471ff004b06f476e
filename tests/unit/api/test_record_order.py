from __future__ import annotations

from typing import Any

import pytest

from de_classes.api.page import Page
from de_classes.api.record_order import RecordOrder
from de_classes.errors import ProtocolError


def take(*pages: list[Any], limit: int = 3) -> None:
    order = RecordOrder("at", limit)
    for number, values in enumerate(pages, start=1):
        order.take(Page(number, [{"at": value} for value in values], {}))


@pytest.mark.parametrize(
    "pages",
    [
        [[1, 2, 3], [4, 5, 6], [7]],
        [[9, 8, 7], [6]],
        [[1, 1, 2], [3, 3, 4], []],
        [[1, 2, 2], [2, 2, 3], [3]],  # the source begins with the last value again
        [[1, 2, 3], [4, 4], []],  # the last page was not full
        [["2024-05-01T00:00:00Z", "2024-05-01T00:00:00.5Z"], ["2024-05-01T03:00:00+02:00"]],
        [["c", "a", "b"], ["z", "d"]],  # names have no order
        [["10", "9", "8"], ["11"]],
        [[1, "a", 0.5]],
        [[], []],
    ],
)
def test_F99_F100_what_can_be_told_apart_and_is_in_order_is_right(pages: list[list[Any]]) -> None:
    take(*pages)


@pytest.mark.parametrize(
    "pages",
    [
        [[1, 3, 2]],
        [[1, 2, 3], [2]],
        [[9, 8, 7], [10]],
        [["2024-05-01T00:00:00Z", "2024-05-03T00:00:00Z"], ["2024-05-02T00:00:00Z"]],
    ],
)
def test_F99_what_is_out_of_order_may_have_been_passed_over(pages: list[list[Any]]) -> None:
    with pytest.raises(ProtocolError, match=r"is not in the order of 'at'"):
        take(*pages)


@pytest.mark.parametrize(
    "pages",
    [
        [[1, 2, 2], [3]],
        [[1, 2, 2], []],
        [["a", "a", "a"], ["b"]],
        [[1, 2], [3, 3], []],  # as full as the one before it, which led on
    ],
)
def test_F100_records_that_share_the_last_value_of_a_full_page_may_have_been_passed_over(
    pages: list[list[Any]],
) -> None:
    with pytest.raises(ProtocolError, match=r"ends with several records whose 'at' is the same"):
        take(*pages)
