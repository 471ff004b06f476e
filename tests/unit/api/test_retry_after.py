from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.retry import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(("value", "seconds"), [("3", 3.0), (" 120 ", 120.0), ("1.5", 1.5), ("0", 0.0)])
def test_F04_seconds_are_read(value: str, seconds: float) -> None:
    assert parse_retry_after(value, now=NOON) == seconds


@pytest.mark.parametrize(
    "value", ["Tue, 14 Nov 2023 22:14:20 GMT", "Tuesday, 14-Nov-23 22:14:20 GMT", "Tue Nov 14 22:14:20 2023"]
)
def test_F05_a_date_to_come_is_the_time_until_it(value: str) -> None:
    assert parse_retry_after(value, now=NOON) == 60.0


def test_F05_a_date_that_has_passed_says_nothing() -> None:
    assert parse_retry_after("Tue, 14 Nov 2023 22:13:00 GMT", now=NOON) is None


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-5", "1e9", "٣", "0x10", "3 s", "inf", "nan", "9" * 400]
)
def test_F06_what_makes_no_sense_says_nothing(value: str | None) -> None:
    assert parse_retry_after(value, now=NOON) is None


@given(st.text())
def test_F06_no_header_whatever_raises(value: str) -> None:
    seconds = parse_retry_after(value, now=NOON)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XYZ+9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize(
    "value",
    ["Tue, 14 Nov 2023 22:14:20 GMT", "Tue Nov 14 22:14:20 2023", "Wed, 15 Nov 2023 00:14:20 +0200"],
)
def test_F05_a_date_is_where_the_server_says_wherever_this_machine_stands(value: str) -> None:
    assert parse_retry_after(value, now=NOON) == 60.0


@pytest.mark.parametrize(("second", "seconds"), [("20", None), ("21", 1.0)])
def test_F05_the_present_moment_has_passed_and_the_next_second_has_not(
    second: str, seconds: float | None
) -> None:
    assert parse_retry_after(f"Tue, 14 Nov 2023 22:13:{second} GMT", now=NOON) == seconds


@pytest.mark.parametrize("value", ["Nov 999999999999999999999 0 22.14.20", "Tue, 14 Nov 0000 22:14:20 GMT"])
def test_F06_a_date_beyond_the_calendar_says_nothing(value: str) -> None:
    assert parse_retry_after(value, now=NOON) is None
