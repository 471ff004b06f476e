"""Where a run begins and ends, by the words of a description and by what records say."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.increments import Furthest, Incremental, iso, place_of, reached_by
from de_classes.errors import ConfigurationError, InvalidInputError, ProtocolError
from de_classes.utils.run_records import Increment, Reached

NOW = datetime(2026, 11, 30, 6, 51, 32, 123456, tzinfo=UTC).timestamp()

if TYPE_CHECKING:
    from collections.abc import Mapping


def said(**fields: Any) -> Incremental:
    return Incremental(**{"field": "changed", "start": "2026-01-01", **fields})


def reached(to: str | int | None, field: str = "changed") -> Reached:
    return Reached(field=field, from_="2026-01-01T00:00:00Z", to=to)


@pytest.mark.parametrize(
    ("fields", "since", "until"),
    [
        ({"format": "iso"}, "2026-01-01T00:00:00Z", "2026-11-30T06:51:32Z"),
        (
            {"format": "iso", "zone": "Europe/Berlin"},
            "2026-01-01T00:00:00+01:00",
            "2026-11-30T07:51:32+01:00",
        ),
        ({"format": "iso_local", "zone": "America/New_York"}, "2026-01-01T00:00:00", "2026-11-30T01:51:32"),
        ({"format": "date"}, "2026-01-01", "2026-11-30"),
        ({"format": "date", "zone": "Pacific/Auckland"}, "2026-01-01", "2026-11-30"),
        ({"format": "unix"}, 1_767_225_600, 1_796_021_492),
        ({"format": "unix_ms"}, 1_767_225_600_000, 1_796_021_492_123),
        ({"format": "%Y/%m/%d %H:%M", "zone": "Asia/Tokyo"}, "2026/01/01 00:00", "2026/11/30 15:51"),
        ({"format": "%Y%m%dT%H%M%S%z", "zone": "Asia/Tokyo"}, "20260101T000000+0900", "20261130T155132+0900"),
    ],
)
def test_each_form_says_the_same_moments_in_its_zone(
    fields: dict[str, Any], since: str | int, until: str | int
) -> None:
    described = said(**fields)
    assert described.problems() == []
    assert described.bounds(described.begin(None, now=NOW)) == {"from": since, "until": until}


def test_a_number_that_grows_has_no_end_unless_one_is_asked_for() -> None:
    described = said(format="integer", start=10, lag=5)
    first = described.begin(None, now=NOW)
    assert (first.from_, first.until) == (10, None)
    assert described.bounds(described.begin(reached(100), now=NOW))["from"] == 95
    assert described.begin(None, now=NOW, asked_from="7", asked_until="9").until == 9


def test_the_next_run_begins_where_the_last_one_ended_less_the_lag() -> None:
    increment = said(lag=3600).begin(reached("2026-11-29T00:00:00.9Z"), now=NOW)
    assert (increment.from_, increment.until) == ("2026-11-28T23:00:00Z", "2026-11-30T06:51:32Z")
    assert increment.since == "2026-11-29T00:00:00.9Z"


def test_a_begin_is_cut_down_to_what_the_form_can_say_and_never_up() -> None:
    for form, begins in (("date", "2026-11-29T00:00:00Z"), ("%Y-%m-%d %H", "2026-11-29T13:00:00Z")):
        increment = said(format=form, lag=0).begin(reached("2026-11-29T13:59:59Z"), now=NOW)
        assert increment.from_ == begins


@pytest.mark.parametrize("place", ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])
def test_the_hour_that_comes_twice_is_not_begun_in_where_no_offset_says_which(place: str) -> None:
    described = said(format="iso_local", zone="Europe/Berlin", lag=0)
    increment = described.begin(reached(place), now=NOW)
    assert described.bounds(increment)["from"] in {"2026-10-25T01:30:00", "2026-10-25T01:59:59"}
    assert place_of(increment.from_) <= place_of(place)
    with_offset = said(format="iso", zone="Europe/Berlin", lag=0).begin(reached(place), now=NOW)
    assert with_offset.from_ == place


def test_a_window_can_be_asked_for_again() -> None:
    increment = said().begin(
        reached("2026-11-29T00:00:00Z"), now=NOW, asked_from="2026-03-01", asked_until="2026-04-01T00:00:00Z"
    )
    assert (increment.from_, increment.until) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert (increment.is_asked, increment.since) == (True, "2026-11-29T00:00:00Z")


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"asked_from": "yesterday"}, "'yesterday' is no time"),
        ({"asked_from": "2026-04-01", "asked_until": "2026-03-01"}, "--until 2026-03-01 is before"),
    ],
)
def test_what_is_no_window_is_named(asked: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        said().begin(None, now=NOW, **asked)


def test_a_dataset_that_was_read_by_another_field_is_not_gone_on_with_unless_asked() -> None:
    other = reached("2026-11-29T00:00:00Z", field="created")
    with pytest.raises(InvalidInputError, match="--from"):
        said().begin(other, now=NOW)
    assert said().begin(other, now=NOW, asked_from="2026-02-01").from_ == "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"zone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"start": "soon"}, "'soon' is no time"),
        ({"format": "integer"}, "is no whole number"),
        ({"format": "integer", "start": 1, "field_format": "unix"}, "goes with no format"),
        ({"format": "%-d/%m/%Y"}, "cannot be read"),
    ],
)
def test_what_cannot_be_is_named_when_it_is_described(fields: dict[str, Any], named: str) -> None:
    (problem,) = said(**fields).problems()
    assert named in problem


def window(places: list[int], most: int, **fields: Any) -> tuple[list[tuple[int, int]], int]:
    """The slices of a source with records at some seconds of 2026, and how often it counted."""
    described, asked = said(lag=0, **fields), 0
    begins = place_of("2026-01-01T00:00:00Z")
    at = [begins + place * 1_000_000 for place in places]

    def total_of(each: Increment) -> int:
        nonlocal asked
        asked += 1
        assert each.until is not None
        return sum(place_of(each.from_) <= place < place_of(each.until) for place in at)

    end = begins / 1_000_000 + 1_000
    cut = described.cut(described.begin(None, now=end), total_of, most)
    edges = [cut.from_, *(cut.slices or ()), cut.until or ""]
    seconds = [(place_of(edge) - begins) // 1_000_000 for edge in edges]
    return list(pairwise(seconds)), asked


@pytest.mark.parametrize(
    "fields",
    [{}, {"format": "unix"}, {"format": "iso_local", "zone": "Asia/Tokyo", "start": "2026-01-01T00:00:00Z"}],
)
def test_F98_slices_halve_until_each_is_below_the_window_and_leave_nothing_out(
    fields: dict[str, Any],
) -> None:
    places = [*range(0, 100, 2), *range(700, 720), 999]
    slices, asked = window(places, 15, **fields)
    assert (slices[0][0], slices[-1][1]) == (0, 1_000)
    assert all(before[1] == after[0] for before, after in pairwise(slices))
    assert max(sum(begin <= place < end for place in places) for begin, end in slices) < 15
    assert asked < 4 * len(slices)


def test_F100_of_a_source_that_gives_what_comes_after_a_place_none_at_an_edge_is_left_out() -> None:
    begins = place_of("2026-01-01T00:00:00Z") // 1_000_000
    places = [begins + place for place in (*range(25, 1_000, 25), 500, 500)]  # 500 is the first edge
    described = said(start="2026-01-01T00:00:00Z", format="unix", lag=0)

    def found(asked: Mapping[str, str | int]) -> list[int]:
        return [place for place in places if int(asked["from"]) < place < int(asked["until"])]

    whole = described.begin(None, now=begins + 1_000)
    cut = described.cut(whole, lambda each: len(found(described.bounds(each))), 15)
    slices = described.slices(cut)
    assert cut.is_after
    assert all(int(after["from"]) == int(before["until"]) - 1 for before, after in pairwise(slices))
    assert sorted(place for each in slices for place in found(each)) == sorted(places)


def test_a_source_that_changes_while_it_is_cut_is_looked_at_again_and_then_refused() -> None:
    described = said(start="2026-01-01T00:00:00Z", lag=0)
    whole = described.begin(None, now=place_of("2026-01-01T01:00:00Z") / 1e6)
    moved = iter([20, 9, 9, 18, 18, 9, 9])  # the third answer is that to the half from a little before
    cut = described.cut(whole, lambda _: next(moved), 15)
    assert (len(cut.slices or ()), cut.is_after) == (1, False)
    fewer = iter(range(40, 0, -1))
    with pytest.raises(
        ProtocolError, match=r"gives fewer in two halves, cut at 2026-01-01T00:30:00Z: run again"
    ):
        described.cut(whole, lambda each: 99 if each == whole else next(fewer) // 9, 15)


def test_what_is_below_the_window_is_one_slice_that_is_counted_once() -> None:
    assert window([1, 2, 3], 4) == ([(0, 1_000)], 1)


def test_F100_more_at_one_moment_than_the_source_gives_is_said_so() -> None:
    with pytest.raises(
        ProtocolError, match=r"5 records changed from 2026-01-01T00:08:2\dZ to .* can say less"
    ):
        window([500] * 5, 5)


LOOKS = [
    ("2026-11-29T12:00:00Z", None, "UTC"),
    ("2026-11-29T13:00:00+01:00", None, "UTC"),
    ("2026-11-29T13:00:00", None, "Europe/Berlin"),
    ("2026-11-29 12:00:00.000000000+00:00", None, "UTC"),
    (1_795_953_600, None, "UTC"),
    (1_795_953_600_000, None, "UTC"),
    ("1795953600.000", None, "UTC"),
    (1_795_953_600, "unix", "UTC"),
    ("1795953600000", "unix_ms", "UTC"),
    ("29.11.2026 13:00", "%d.%m.%Y %H:%M", "Europe/Berlin"),
]


@pytest.mark.parametrize(("value", "form", "zone"), LOOKS)
def test_what_records_say_is_read_by_its_look_or_as_described(
    value: Any, form: str | None, zone: str
) -> None:
    furthest = Furthest(Increment(field="at.changed", form=form, zone=zone, from_="2026-01-01T00:00:00Z"))
    furthest.look([{"at": {"changed": value}}, {"at": {"changed": None}}])
    place, before, _ = furthest.take()
    assert (place is not None and iso(place), before) == ("2026-11-29T12:00:00Z", 0)
    assert furthest.take() == (None, 0, {})


def test_the_furthest_of_many_counts_and_those_before_the_beginning_are_counted() -> None:
    furthest = Furthest(Increment(field="n", form="integer", from_=10))
    furthest.look([{"n": 12}, {"n": 30}, {"n": 9}])
    furthest.look([{"n": "11"}])
    assert furthest.take() == (30, 1, {})


@pytest.mark.parametrize(
    ("records", "named"),
    [
        ([{"id": 1}], "no record has incremental.field 'changed'"),
        ([{"changed": "last week"}], "field_format"),
        ([{"changed": [1]}], "field_format"),
        ([{"changed": True}], "field_format"),
    ],
)
def test_records_that_do_not_say_when_they_changed_end_the_run(records: list[Any], named: str) -> None:
    with pytest.raises(ProtocolError, match=named):
        Furthest(Increment(field="changed", from_="2026-01-01T00:00:00Z")).look(records)


def test_no_records_and_some_that_say_nothing_are_no_error() -> None:
    furthest = Furthest(Increment(field="changed", from_="2026-01-01T00:00:00Z"))
    furthest.look([])
    furthest.look([{"id": 1}, {"changed": None}])
    assert furthest.take() == (None, 0, {})


def increment(
    begin: int, until: int | None = None, since: int | None = None, *, asked: bool = False
) -> Increment:
    return Increment(field="n", form="integer", from_=begin, until=until, since=since, is_asked=asked)


@pytest.mark.parametrize(
    ("asked", "places", "to"),
    [
        (increment(0), [5, None, 7], 7),
        (increment(3), [], 3),
        (increment(0, until=6), [5, 7], 6),
        (increment(4, since=5), [], 5),
        (increment(4, since=5), [4], 5),
        (increment(4, since=5), [9], 9),
        (increment(0, until=3, since=5, asked=True), [2], 5),
        (increment(0, since=5, asked=True), [9], 9),
        (increment(7, since=5, asked=True), [9], 5),
    ],
)
def test_a_whole_run_moves_the_place_never_back_never_behind_its_end_and_over_no_gap(
    asked: Increment, places: list[int | None], to: int
) -> None:
    assert reached_by(asked, places, is_whole=True) == to


def test_a_run_that_did_not_bring_all_moves_nothing() -> None:
    assert reached_by(increment(4, since=5), [9], is_whole=False) == 5
    assert reached_by(increment(4), [9], is_whole=False) is None


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ConfigurationError, match="zone 'Nowhere"):
        Furthest(Increment(field="n", zone="Nowhere/At all", from_="2026-01-01T00:00:00Z"))


def test_a_column_is_looked_at_as_the_records_are() -> None:
    increment = Increment(field="n", form="integer", from_=10)
    said = [12, None, 5, 30]
    by_record, by_column = Furthest(increment), Furthest(increment)
    by_record.look([{"n": each} for each in said], "parent")
    by_column.look([], "parent", column=said)
    assert by_record.take() == by_column.take() == (30, 1, {"parent": 30})
    with pytest.raises(ProtocolError, match="cannot be read as integer"):
        by_column.look([], column=["soon"])
