from __future__ import annotations

from typing import Any

import pytest

from de_classes.api.pagination.followed import lead_on, position

NOON, ONE, TWO = (f"2026-11-29T{hour}:00:00Z" for hour in (12, 13, 14))


@pytest.mark.parametrize(
    ("values", "behind"),
    [
        ([], None),
        ([1], None),
        ([1], 5),
        ([2, 1, 2.5], None),
        ([2, 1, 2.5], 1),
        ([3, 2, 2], 4),
        (["9", "10", "11"], "8"),
        (["10", "11", "9"], "1"),
        ([NOON, ONE, ONE, TWO], None),
        ([TWO, NOON], None),
        (["ch_9", "ch_1", "ch_5"], "ch_7"),
        ([ONE, "2026-11-29T13:00:00+02:00", NOON], ONE),
        ([1, 3, 2], "0"),
        ([None, 2, 1], 1),
        ([True, False, True], 0),
    ],
    ids=str,
)
def test_values_that_lead_on_or_cannot_be_compared_do(values: list[Any], behind: object) -> None:
    assert lead_on(values, behind)


@pytest.mark.parametrize(
    ("values", "behind"),
    [
        ([1, 3, 2], None),
        ([20, 19, 18], 16),
        ([17, 18, 19], 18),
        (["1", "3", "2"], None),
        ([NOON, TWO, ONE], None),
        ([4, 6], 5),
    ],
    ids=str,
)
def test_values_before_the_place_or_beyond_the_last_do_not(values: list[Any], behind: object) -> None:
    assert not lead_on(values, behind)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (3, 3.0),
        (2.5, 2.5),
        ("12", 12.0),
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01 00:00:02", 2.0),
        ("1970-01-02", 86_400.0),
        ("ch_1", None),
        (True, None),
        (None, None),
        ([1], None),
    ],
)
def test_a_number_and_a_timestamp_have_a_position(value: object, place: float | None) -> None:
    assert position(value) == place
