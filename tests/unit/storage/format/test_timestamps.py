from __future__ import annotations

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from de_classes.storage.format.timestamps import (
    Timestamp,
    TimestampText,
    find_zone,
    is_timestamp,
    parse_timestamp,
    zone_name,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01", Timestamp(1, "s", None)),
        ("1970-01-01T00:00:00.001", Timestamp(1, "ms", None)),
        ("1969-12-31T23:59:59.999999", Timestamp(-1, "us", None)),
        ("1970-01-01T00:00:00.000000001", Timestamp(1, "ns", None)),
        ("1970-01-01T02:00:00+02:00[Europe/Vienna]", Timestamp(0, "s", "Europe/Vienna")),
        ("1969-12-31T18:30:00.000-05:30[-05:30]", Timestamp(0, "ms", "-05:30")),
        ("1880-01-01T01:05:21+01:05:21[Europe/Vienna]", Timestamp(-2840140800, "s", "Europe/Vienna")),
    ],
)
def test_the_text_tells_unit_instant_and_zone(text: str, expected: Timestamp) -> None:
    assert is_timestamp(text)
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-05-01",
        "2024-05-01 12:00:00",
        "2024-05-01T12:00",
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00+02:00",
        "2024-05-01T12:00:00[Europe/Vienna]",
        "2024-05-01T12:00:00.1",
        "2024-05-01T12:00:00\n",
        "٢٠٢٤-05-01T12:00:00",
        "12024-05-01T12:00:00",
    ],
)
def test_any_other_form_is_just_text(text: str) -> None:
    assert not is_timestamp(text)
    assert parse_timestamp(text) is None


@pytest.mark.parametrize("text", ["2023-02-29T00:00:00", "2024-05-01T25:00:00", "0000-01-01T00:00:00"])
def test_a_day_or_time_that_never_was_is_no_timestamp(text: str) -> None:
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (UTC, "UTC"),
        (ZoneInfo("UTC"), "UTC"),
        (ZoneInfo("Europe/Vienna"), "Europe/Vienna"),
        (timezone(timedelta(hours=2)), "+02:00"),
        (timezone(timedelta(hours=-5, minutes=-30)), "-05:30"),
    ],
)
def test_zones_are_found_again_by_their_name(zone: timezone, name: str) -> None:
    assert zone_name(zone) == name
    found = find_zone(name)
    assert found is not None
    assert zone_name(found) == name


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "Europe", "+99:99", "/etc/localtime"])
def test_a_zone_that_is_none_is_not_found(name: str) -> None:
    assert find_zone(name) is None


def test_timestamp_text_is_ordinary_text_to_all_others() -> None:
    assert TimestampText("2024-05-01T12:00:00") == "2024-05-01T12:00:00"
