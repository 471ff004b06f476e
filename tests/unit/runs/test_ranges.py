"""Runs that several workers carry out: equal to those of one, with no request too many."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import CursorPagination, OffsetPagination
from de_classes.errors import AmbiguousKeyError, IncompleteRunError, InvalidInputError
from de_classes.pipelines.described import DropDuplicatesStep, FilterStep, RenameStep
from de_classes.runs.ranges import PageRangeOfRun, RangeSizes
from de_classes.runs.run_service import AnotherPassError
from de_classes.runs.verify import differences
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange
from tests.fakes.runs import KilledError, ids, journal, memory, plan, progress, rows, service
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.transport import Transport
    from de_classes.runs.plan import RunPlan
    from de_classes.storage.clients import ObjectStore

DOWN = [HttpResponse(503)] * 9
PAGES = 40
RECORDS = 397


def sizes(ranges: int) -> RangeSizes:
    return RangeSizes(at_once=ranges, least=1)


def in_ranges(
    store: ObjectStore,
    api: Transport,
    ranges: int,
    asked: RunPlan | None = None,
    *,
    allow_partial: bool = False,
    **options: Any,
) -> IngestReceipt:
    """Plan, every range by an invocation of its own, the last of them first, and the commit."""
    asked = asked or plan()
    for each in reversed(service(store, api, **options).cut(asked, sizes(ranges))):
        service(store, api, **options).carry_out_range(asked, each)
    return service(store, api, **options).carry_out(asked, allow_partial=allow_partial)


@pytest.mark.parametrize("look_back", ["none", "some", "all"])
@pytest.mark.parametrize("ranges", [1, 4, 8])
def test_a_run_in_ranges_is_equal_to_that_of_one_worker_and_asks_for_nothing_more(
    ranges: int, look_back: Any
) -> None:
    alone, apart = memory(), memory()
    one, many = FakePagedApi(RECORDS), FakePagedApi(RECORDS)
    expected = service(alone, one, width=4, look_back=look_back).carry_out(plan())
    receipt = in_ranges(apart, many, ranges, width=4, look_back=look_back)
    assert ids(apart, receipt) == ids(alone, expected) == list(range(RECORDS))
    assert sorted(many.pages_asked()) == sorted(one.pages_asked())
    assert (receipt.status, receipt.passes, receipt.pages) == ("complete", 1, PAGES)
    assert (receipt.end, receipt.still) == (expected.end, expected.still)
    assert receipt.requests == len(many.requests)
    assert receipt.page_hashes == expected.page_hashes
    assert list(differences(receipt, apart, "lake")) == []


def test_ranges_are_cut_once_and_cover_every_page_behind_the_first() -> None:
    store, api = memory(), FakePagedApi(RECORDS)
    ranges = service(store, api).cut(plan(), sizes(4))
    assert [(each.range, each.first, each.last, each.of, each.at_once) for each in ranges] == [
        (1, 2, 10, 4, 4),
        (2, 11, 20, 4, 4),
        (3, 21, 30, 4, 4),
        (4, 31, 40, 4, 4),
    ]
    assert service(store, api).cut(plan(), sizes(8)) == ranges
    assert api.pages_asked() == [1]
    lines = store.get_object("lake", journal(store).ranges_key).splitlines()
    assert lines[0] == b'{"run_id":"run","range":1,"first":2,"last":10,"of":4,"at_once":4}'
    assert len(lines) == 4


def test_pages_that_are_asked_for_by_number_are_cut_too() -> None:
    store, api = memory(), FakePagedApi(RECORDS)
    asked = plan(pages=PageRange(5, 24))
    ranges = service(store, api).cut(asked, sizes(2))
    assert [(each.first, each.last) for each in ranges] == [(6, 14), (15, 24)]
    for each in ranges:
        service(store, api).carry_out_range(asked, each)
    receipt = service(store, api).carry_out(asked)
    assert (ids(store, receipt), receipt.end and receipt.end.by) == (list(range(40, 240)), "declared")
    assert sorted(api.pages_asked()) == list(range(5, 25))


@pytest.mark.parametrize("cap", [10, 7])
@pytest.mark.parametrize("ranges", [1, 3])
def test_pages_by_offsets_are_cut_as_large_as_the_source_gives_them(ranges: int, cap: int) -> None:
    asked: list[int] = []

    def answer(request: Any) -> HttpResponse:
        begins, limit = int(request.params["offset"]), min(int(request.params["limit"]), cap)
        asked.append(begins)
        return json_response({"total_records": 95, "data": [{"id": n} for n in range(95)][begins:][:limit]})

    alone, apart = memory(), memory()
    how: dict[str, Any] = {"style": OffsetPagination(), "reader": PageReader(total_pages_field=None)}
    expected = service(alone, FakeTransport(answer), **how).carry_out(plan())
    once, asked = sorted(asked), []
    receipt = in_ranges(apart, FakeTransport(answer), ranges, **how)
    assert (ids(apart, receipt), receipt.end) == (ids(alone, expected), expected.end)
    assert sorted(asked) == once


def test_records_are_transformed_in_ranges_as_by_one_worker() -> None:
    steps = (FilterStep(where="id != `33`"), RenameStep(columns={"id": "number"}))
    alone, apart, asked = memory(), memory(), plan(transforms=steps, key_fields=("id",))
    expected = service(alone, FakePagedApi(RECORDS)).carry_out(asked)
    receipt = in_ranges(apart, FakePagedApi(RECORDS), 4, asked)
    assert rows(apart, receipt) == rows(alone, expected)
    assert receipt.transforms == expected.transforms
    assert len(rows(apart, receipt)) == RECORDS - 1


def test_what_has_to_remember_all_that_came_is_one_range_without_an_end() -> None:
    asked, store = plan(transforms=(DropDuplicatesStep(columns=("half",)),)), memory()
    pages = [[{"id": n, "half": n // 2} for n in range(page * 9, page * 9 + 9)] for page in range(6)]
    source = records_of(*pages)
    asked = plan(transforms=asked.transforms, limit=9)
    ranges = service(store, source).cut(asked, sizes(4))
    assert [(each.first, each.last) for each in ranges] == [(2, None)]
    assert service(store, source).carry_out_range(asked, ranges[0]).status == "done"
    receipt = service(store, source).carry_out(asked)
    assert [row["half"] for row in rows(store, receipt)] == list(range(27))


def test_a_followed_collection_is_one_range_that_goes_from_one_worker_to_the_next() -> None:
    clock, asked = ManualClock(), []

    def answer(request: Any) -> HttpResponse:
        clock.advance(10.0)
        number = int(request.params.get("cursor", "1"))
        asked.append(number)
        data = [{"id": n} for n in range(number * 10 - 10, number * 10)]
        return json_response({"data": data, **({"next_cursor": str(number + 1)} if number < 12 else {})})

    source, store = FakeTransport(answer), memory()
    reader = PageReader(total_pages_field=None)
    how: dict[str, Any] = {"style": CursorPagination(), "clock": clock, "reader": reader}
    (only,) = service(store, source, **how).cut(plan(), sizes(4))
    assert (only.first, only.last) == (2, None)
    outcomes = []
    while not outcomes or outcomes[-1].status == "again":
        outcomes.append(service(store, source, seconds=45, **how).carry_out_range(plan(), only))
    assert [outcome.status for outcome in outcomes].count("again") == len(outcomes) - 1 > 1
    receipt = service(store, source, **how).carry_out(plan())
    assert (receipt.status, ids(store, receipt)) == ("complete", list(range(120)))
    assert receipt.end is not None
    assert receipt.end.by == "marker"


def test_a_source_of_one_page_has_no_ranges() -> None:
    store, api = memory(), FakePagedApi(7)
    assert service(store, api).cut(plan(), sizes(4)) == ()
    assert service(store, api).carry_out(plan()).records == 7


def test_a_complete_run_is_not_cut_again() -> None:
    store = memory()
    receipt = in_ranges(store, FakePagedApi(RECORDS), 4)
    api = FakePagedApi(RECORDS)
    assert service(store, api).cut(plan(), sizes(4)) == ()
    again = service(store, api).carry_out_range(
        plan(), PageRangeOfRun(run_id="run", range=1, first=2, last=10)
    )
    assert again.status == "done"
    assert service(store, api).carry_out(plan()).sha256 == receipt.sha256
    assert api.requests == []


def test_a_run_that_one_worker_began_is_not_cut() -> None:
    store = memory()
    with pytest.raises(KilledError):
        service(store, FakePagedApi(RECORDS), die_after=5).carry_out(plan())
    assert service(store, FakePagedApi(RECORDS)).cut(plan(), sizes(4)) == ()


def test_a_range_of_a_run_that_was_not_cut_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="was not begun in ranges"):
        service(memory(), FakePagedApi(RECORDS)).carry_out_range(
            plan(), PageRangeOfRun(run_id="run", range=1, first=2, last=10)
        )


def test_a_range_whose_time_is_up_goes_on_where_it_stands() -> None:
    store, api, clock = memory(), FakePagedApi(RECORDS), ManualClock()

    def answer(request: Any) -> HttpResponse:
        clock.advance(10.0)
        return api.send(request, timeout=1.0)

    slow = FakeTransport(answer)
    (first, *_) = service(store, slow, clock=clock).cut(plan(), sizes(4))
    outcome = service(store, slow, clock=clock, seconds=35).carry_out_range(plan(), first)
    assert (outcome.status, outcome.pages, outcome.missing_pages) == ("again", 4, ("6-10",))
    assert "the time is up" in outcome.reason
    outcome = service(store, slow, clock=clock, seconds=95).carry_out_range(plan(), first)
    assert (outcome.status, outcome.pages, outcome.missing_pages) == ("done", 9, ())
    assert sorted(api.pages_asked()) == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("page", [2, 11, 15, 20, 40])
def test_a_page_that_a_range_cannot_have_comes_with_the_commit(page: int) -> None:
    store, api = memory(), FakePagedApi(RECORDS, {page: DOWN[:6]})
    ranges = service(store, api).cut(plan(), sizes(4))
    outcomes = [service(store, api).carry_out_range(plan(), each) for each in ranges]
    assert sorted(each.status for each in outcomes) == ["done", "done", "done", "left"]
    assert [each.missing_pages for each in outcomes if each.missing_pages] == [(str(page),)]
    receipt = service(store, api).carry_out(plan())
    assert (receipt.status, receipt.pages, ids(store, receipt)) == ("complete", PAGES, list(range(RECORDS)))


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_pages_of_a_range_that_was_given_up_come_with_the_commit(lost: int) -> None:
    store, api = memory(), FakePagedApi(RECORDS)
    for each in service(store, api).cut(plan(), sizes(4)):
        if each.range != lost:
            service(store, api).carry_out_range(plan(), each)
    receipt = service(store, api).carry_out(plan())
    assert (receipt.status, receipt.passes, ids(store, receipt)) == ("complete", 1, list(range(RECORDS)))
    assert receipt.still is not None


def test_a_partial_commit_names_what_no_range_brought_and_is_replaced_by_a_whole_one() -> None:
    store = memory()
    partial = in_ranges(store, FakePagedApi(RECORDS, {15: DOWN * 9}), 4, allow_partial=True)
    assert (partial.status, partial.missing_pages, partial.records) == ("partial", ["15"], RECORDS - 10)
    whole = service(store, FakePagedApi(RECORDS)).carry_out(plan())
    assert (whole.status, whole.missing_pages, ids(store, whole)) == ("complete", [], list(range(RECORDS)))


def test_a_run_that_stays_incomplete_names_its_pages_and_commits_nothing() -> None:
    store = memory()
    with pytest.raises(IncompleteRunError) as caught:
        in_ranges(store, FakePagedApi(RECORDS, {15: DOWN * 9, 33: DOWN * 9}), 4)
    assert list(caught.value.missing_pages) == [15, 33]
    assert caught.value.run_id == "run"


def records_of(*pages: list[dict[str, Any]], total: int | None = None) -> FakePagedApi:
    count = sum(map(len, pages)) if total is None else total
    api = FakePagedApi(count)
    for number, records in enumerate(pages, 1):
        body = {"total_pages": len(pages), "total_records": count, "data": records}
        api.faults_for(number, [json_response(body)] * 99)
    return api


def test_keys_that_come_twice_in_different_ranges_are_kept_once() -> None:
    pages = [[{"id": 2 * n}, {"id": 2 * n + 1}] for n in range(8)]
    pages[6][0] = {"id": 3}
    asked = plan(key_fields=("id",), limit=2)
    alone, apart = memory(), memory()
    expected = service(alone, records_of(*pages), part_pages=1).carry_out(asked)
    receipt = in_ranges(apart, records_of(*pages), 4, asked, part_pages=1)
    assert ids(apart, receipt) == ids(alone, expected)
    assert (receipt.duplicates, receipt.passes) == (expected.duplicates, expected.passes) == (1, 2)
    assert list(differences(receipt, apart, "lake")) == []


def test_a_key_that_tells_no_records_apart_is_refused_across_ranges_too() -> None:
    pages = [[{"id": n, "kind": f"k{n % 7}"}, {"id": n + 100, "kind": f"l{n}"}] for n in range(8)]
    asked = plan(key_fields=("kind",), limit=2)
    with pytest.raises(AmbiguousKeyError, match="tells no records apart"):
        in_ranges(memory(), records_of(*pages), 4, asked)


def test_another_pass_is_left_to_the_ranges_where_that_is_asked_for() -> None:
    store, clock = memory(), ManualClock()
    many, few = FakePagedApi(165), FakePagedApi(163)
    ranges = service(store, many, clock=clock).cut(plan(), sizes(2))
    service(store, many, clock=clock).carry_out_range(plan(), ranges[1])
    clock.advance(5.0)
    service(store, few, clock=clock).carry_out_range(plan(), ranges[0])
    asked = len(few.requests)
    with pytest.raises(AnotherPassError, match="lost records") as caught:
        service(store, few, clock=clock).carry_out(plan(), passes_in_ranges=True)
    assert few.pages_asked()[asked:] == [1]
    assert caught.value.ranges == ranges
    for each in ranges:
        assert service(store, few, clock=clock).carry_out_range(plan(), each).status == "done"
    assert sorted(few.pages_asked()[asked:]) == list(range(1, 18))
    receipt = service(store, few, clock=clock).carry_out(plan(), passes_in_ranges=True)
    assert (receipt.status, receipt.passes, ids(store, receipt)) == ("complete", 2, list(range(163)))
    assert len(few.requests) == asked + 17
    assert "lost records" in receipt.drift[0]


def test_a_source_that_changes_on_every_pass_is_not_read_for_ever() -> None:
    store, clock = memory(), ManualClock()
    ranges = service(store, FakePagedApi(200), clock=clock).cut(plan(), sizes(2))

    def go(number: int) -> None:
        for each in ranges:
            clock.advance(5.0)
            source = FakePagedApi(200 - 3 * number - each.range)
            service(store, source, clock=clock).carry_out_range(plan(), each)
        service(store, source, clock=clock).carry_out(plan(), passes_in_ranges=True)

    for number in range(1, 4):
        with pytest.raises(AnotherPassError):
            go(number)
    with pytest.raises(IncompleteRunError, match="the source changed on 4 passes"):
        go(4)


def in_ranges_to_the_end(
    store: ObjectStore, api: Transport, asked: RunPlan, ranges: tuple[PageRangeOfRun, ...], **options: Any
) -> IngestReceipt:
    """As the state machine does it: each pass by the ranges, until one is committed."""
    while True:
        for each in ranges:
            service(store, api, **options).carry_out_range(asked, each)
        with suppress(AnotherPassError):
            return service(store, api, **options).carry_out(asked, passes_in_ranges=True)


def test_another_pass_of_ranges_knows_the_keys_of_those_before() -> None:
    pages = [[{"id": 2 * n}, {"id": 2 * n + 1}] for n in range(12)]
    pages[8][0] = {"id": 3}
    asked = plan(key_fields=("id",), limit=2)
    alone, apart = memory(), memory()
    expected = service(alone, records_of(*pages), part_pages=1).carry_out(asked)
    source = records_of(*pages)
    ranges = service(apart, source, part_pages=1).cut(asked, sizes(4))
    receipt = in_ranges_to_the_end(apart, source, asked, ranges, part_pages=1)
    assert ids(apart, receipt) == ids(alone, expected)
    assert (receipt.duplicates, receipt.passes) == (expected.duplicates, expected.passes) == (1, 2)
    assert [page.number for page in receipt.page_hashes] == list(range(1, 13))
    assert list(differences(receipt, apart, "lake")) == []


def test_a_record_that_is_new_on_another_pass_is_kept_once() -> None:
    """It moved from one range to the other while they were read, and came on neither first pass."""
    pages = [[{"id": 2 * n}, {"id": 2 * n + 1}] for n in range(12)]
    twice = [list(page) for page in pages]
    twice[8][0], twice[3][1], twice[9][1] = {"id": 3}, {"id": 99}, {"id": 99}
    first, second = records_of(*[[*page] for page in pages]), records_of(*twice)
    first.faults_for(9, [first_page_of(first, [{"id": 3}, {"id": 17}], 12)] * 99)
    asked, store = plan(key_fields=("id",), limit=2), memory()
    ranges = service(store, first, part_pages=1).cut(asked, sizes(4))
    for each in ranges:
        service(store, first, part_pages=1).carry_out_range(asked, each)
    with pytest.raises(AnotherPassError):
        service(store, second, part_pages=1).carry_out(asked, passes_in_ranges=True)
    receipt = in_ranges_to_the_end(store, second, asked, ranges, part_pages=1)
    found = ids(store, receipt)
    assert (found.count(99), len(found), len(set(found))) == (1, 24, 24)
    assert receipt.status == "complete"


def first_page_of(api: FakePagedApi, records: list[dict[str, Any]], pages: int) -> HttpResponse:
    return json_response({"total_pages": pages, "total_records": api.total, "data": records})


def test_a_key_that_tells_no_records_apart_is_refused_by_passes_in_ranges_too() -> None:
    pages = [[{"id": n, "kind": f"k{n % 5}"}, {"id": n + 100, "kind": f"l{n}"}] for n in range(12)]
    asked, store, source = plan(key_fields=("kind",), limit=2), memory(), records_of(*pages)
    ranges = service(store, source).cut(asked, sizes(4))
    with pytest.raises(AmbiguousKeyError, match="tells no records apart: 7 have"):
        in_ranges_to_the_end(store, source, asked, ranges)


def test_rows_that_slid_over_a_seam_between_ranges_are_found() -> None:
    """A row came in front while the second range was read: it begins with the last row of the first."""
    rows = [{"id": n} for n in range(16)]
    slid = [{"id": 99}, *rows]
    before = [rows[n : n + 2] for n in range(0, 16, 2)]
    after = [slid[n : n + 2] for n in range(0, 17, 2)]
    store, first, second = memory(), records_of(*before), records_of(*after)
    asked = plan(limit=2)
    ranges = service(store, first).cut(asked, sizes(2))
    assert service(store, first).carry_out_range(asked, ranges[0]).status == "done"
    assert service(store, second).carry_out_range(asked, ranges[1]).status == "done"
    receipt = service(store, second).carry_out(asked)
    assert (receipt.passes, sorted(ids(store, receipt))) == (2, [*range(16), 99])
    assert "inserted" in "".join(receipt.drift)


def test_a_total_that_grew_while_ranges_were_read_at_once_did_not_fall() -> None:
    """The second range saw the old total before the first saw the new one."""
    store, clock = memory(), ManualClock()
    few, many = FakePagedApi(160), FakePagedApi(165)
    ranges = service(store, few, clock=clock).cut(plan(), sizes(2))
    service(store, few, clock=clock).carry_out_range(plan(), ranges[1])
    clock.advance(5.0)
    service(store, many, clock=clock).carry_out_range(plan(), ranges[0])
    receipt = service(store, many, clock=clock).carry_out(plan())
    assert (receipt.passes, ids(store, receipt)) == (1, list(range(165)))


def test_a_total_that_fell_from_one_range_to_the_other_is_found() -> None:
    store, clock = memory(), ManualClock()
    many, few = FakePagedApi(165), FakePagedApi(163)
    ranges = service(store, many, clock=clock).cut(plan(), sizes(2))
    service(store, many, clock=clock).carry_out_range(plan(), ranges[1])
    clock.advance(5.0)
    service(store, few, clock=clock).carry_out_range(plan(), ranges[0])
    receipt = service(store, few, clock=clock).carry_out(plan())
    assert (receipt.passes, ids(store, receipt)) == (2, list(range(163)))
    assert "lost records" in receipt.drift[0]


def test_a_change_that_a_range_found_makes_the_commit_go_over_the_source_again() -> None:
    store, clock = memory(), ManualClock()
    before, after = FakePagedApi(RECORDS), FakePagedApi(RECORDS)
    moved = {"data": [{"id": n} for n in range(1000, 1010)]}
    after.faults_for(4, [after.page(4, 10, **moved)] * 99)

    def answer(request: Any) -> HttpResponse:
        clock.advance(10.0)
        return before.send(request, timeout=1.0)

    (first, *others) = service(store, before, clock=clock).cut(plan(), sizes(4))
    slow = FakeTransport(answer)
    assert service(store, slow, clock=clock, seconds=25).carry_out_range(plan(), first).status == "again"
    outcome = service(store, after, clock=clock).carry_out_range(plan(), first)
    assert (outcome.status, "page 4 is not what it was" in outcome.reason) == ("left", True)
    for each in others:
        service(store, after, clock=clock).carry_out_range(plan(), each)
    receipt = service(store, after, clock=clock).carry_out(plan())
    assert (receipt.status, receipt.passes) == ("complete", 2)
    assert receipt.drift[0].startswith("pass 1: page 4 is not what it was")


@pytest.mark.parametrize("die_after", [1, 3, 5])
def test_a_range_that_dies_is_gone_on_with_and_nothing_is_lost_or_doubled(die_after: int) -> None:
    store, api = memory(), FakePagedApi(RECORDS)
    for each in service(store, api).cut(plan(), sizes(4)):
        with pytest.raises(KilledError):
            service(store, api, die_after=die_after).carry_out_range(plan(), each)
        assert service(store, api).carry_out_range(plan(), each).status == "done"
    receipt = service(store, api).carry_out(plan())
    assert ids(store, receipt) == list(range(RECORDS))


def test_a_worker_that_was_given_up_and_seals_behind_the_commit_doubles_nothing() -> None:
    store, api = memory(), FakePagedApi(RECORDS, {33: DOWN * 9})
    ranges = service(store, api).cut(plan(), sizes(4))
    for each in ranges:
        if each.range != 2:
            service(store, api).carry_out_range(plan(), each)
    partial = service(store, api).carry_out(plan(), allow_partial=True)
    assert partial.missing_pages == ["33"]
    late = service(store, FakePagedApi(RECORDS))
    late.carry_out_range(plan(), ranges[1])
    assert [entry.number for entry in progress(store).pages(1)] == [n for n in range(1, 41) if n != 33]
    whole = service(store, FakePagedApi(RECORDS)).carry_out(plan())
    assert (whole.status, ids(store, whole)) == ("complete", list(range(RECORDS)))


def test_a_range_asks_for_no_page_that_the_commit_has_fetched_since() -> None:
    """A redrive carries all ranges out once more: what is there is there."""
    store, api = memory(), FakePagedApi(RECORDS, {33: DOWN * 9})
    ranges = service(store, api).cut(plan(), sizes(4))
    for each in ranges:
        if each.range != 2:
            service(store, api).carry_out_range(plan(), each)
    with pytest.raises(IncompleteRunError):
        service(store, api).carry_out(plan())
    again = FakePagedApi(RECORDS)
    outcomes = [service(store, again).carry_out_range(plan(), each) for each in ranges]
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert sum(outcome.pages for outcome in outcomes) == PAGES - 1
    assert sorted(again.pages_asked()) == [33, 40]  # and the furthest of its range, which must still stand
    assert ids(store, service(store, again).carry_out(plan())) == list(range(RECORDS))


def test_a_part_of_a_range_that_is_gone_is_fetched_again() -> None:
    store, api = memory(), FakePagedApi(RECORDS)
    for each in service(store, api).cut(plan(), sizes(4)):
        service(store, api).carry_out_range(plan(), each)
    part = next(part for part in progress(store).parts if part.first_page == 21)
    assert part.part is not None
    store.delete_object("lake", f"raw/day/{part.part.key}")
    receipt = service(store, api).carry_out(plan())
    assert ids(store, receipt) == list(range(RECORDS))
    assert sorted(api.pages_asked()) == sorted([*range(1, 41), 21, 22, 40])  # the furthest must still stand
