from __future__ import annotations

from typing import Any

import pytest

from de_classes.utils.integer_keys import IntegerKeys, are_packed, packed, unpacked


def taken(*pages: list[Any]) -> list[bool]:
    keys = IntegerKeys()
    told = [keys.take(page) for page in pages]
    kept = [page for page, is_taken in zip(pages, told, strict=True) if is_taken]
    assert [each for piece in keys.pieces(3) for each in piece] == [each for page in kept for each in page]
    keys.close()
    return told


@pytest.mark.parametrize(
    "pages",
    [
        [[1, 2], [3, 4], [7, 9]],
        [[9, 7], [4, 3], [2, 1]],
        [[1, 2], [7, 9], [6, 3], []],
        [[3, 1, 2], [-5], [2**63 - 1], [-(2**63)]],
    ],
    ids=["up", "down", "a page that comes late", "in any order on a page"],
)
def test_pages_that_lie_apart_are_taken(pages: list[list[int]]) -> None:
    assert all(taken(*pages))


@pytest.mark.parametrize(
    "page",
    [[5], [9], [7, 30], [1, 5], [1, 30], [40, 40], [30, None], [30, "40"], [30, 40.0], [30, True], [2**63]],
    ids=str,
)
def test_what_may_have_come_before_or_is_no_integer_is_not_taken(page: list[Any]) -> None:
    assert taken([5, 9], page, [10]) == [True, False, True]


def test_none_of_what_lies_apart_was_taken_in() -> None:
    keys = IntegerKeys()
    keys.take([5, 9])
    assert [keys.lie_apart(page) for page in ([1, 4], [10], [4, 5], [7], [1, 10], ["a"])] == [
        *(True, True, False),
        *(False, False, False),
    ]
    keys.close()


def test_where_there_are_many_gaps_some_are_forgotten_but_no_integer() -> None:
    pages = [[10 * place, 10 * place + 1] for place in range(1_000)]
    keys = IntegerKeys()
    assert all(keys.take(page) for page in [*pages[::2], *pages[:200:-2]][:400])
    assert not any(keys.lie_apart(page) for page in pages[:400:2])
    assert keys.take([100_000])
    assert not keys.lie_apart([11, 12])  # between the first two: that gap is no longer known
    keys.close()


def test_integers_come_back_as_they_were_packed() -> None:
    integers = (0, -1, 2**63 - 1, -(2**63))
    assert unpacked(packed(integers)) == integers
    assert are_packed(packed(integers))
    assert not are_packed(b"1234567")
