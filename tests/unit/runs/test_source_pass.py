"""A pass that is cut anywhere goes on to the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.messages import HttpResponse
from de_classes.errors import IncompleteRunError
from tests.fakes.paged_source import LIMIT, STYLES, Answer, PagedSource
from tests.fakes.runs import KilledError, given_again, ids, memory, plan, progress, rows, service
from tests.fakes.transports import FakePagedApi, FakeTransport

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients import ObjectStore

PAGES = 7
LAST = 2 * LIMIT // 3
TOTAL = (PAGES - 1) * LIMIT + LAST
PLAN = plan(limit=LIMIT)


def pages(style: str, *, counted: bool) -> PagedSource:
    rows = [tuple(range(n * LIMIT, min(n * LIMIT + LIMIT, TOTAL))) for n in range(PAGES)]
    totals = (PAGES, TOTAL) if counted else (None, None)
    return PagedSource(style, [Answer(each, *totals) for each in rows])


def carry_out(
    store: ObjectStore,
    source: PagedSource,
    *,
    width: int = 1,
    part_pages: int = 2,
    die_after: int | None = None,
) -> tuple[IngestReceipt, list[int]]:
    transport = FakeTransport(source)
    reader = PageReader(total_pages_field=None if source.answers[0].total_pages is None else "total_pages")
    receipt = service(
        store,
        transport,
        style=STYLES[source.style],
        reader=reader,
        width=width,
        part_pages=part_pages,
        die_after=die_after,
    ).carry_out(PLAN)
    return receipt, [source.number(request) for request in transport.requests]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("counted", [True, False], ids=["counted", "uncounted"])
@pytest.mark.parametrize("part_pages", [1, 3])
def test_F42_a_run_that_dies_after_any_page_goes_on_to_the_same_rows(
    style: str, part_pages: int, *, counted: bool
) -> None:
    source = pages(style, counted=counted)
    for die_after in range(1, PAGES + 1):
        store = memory()
        with pytest.raises(KilledError):
            carry_out(store, source, part_pages=part_pages, die_after=die_after)
        sealed = [entry.number for entry in progress(store).pages(1)]
        receipt, asked = carry_out(store, source, part_pages=part_pages)
        assert ids(store, receipt) == list(range(TOTAL))
        assert set(asked) & set(sealed) <= set(sealed[-1:])
        assert (receipt.status, receipt.pages, len(receipt.page_hashes)) == ("complete", PAGES, PAGES)


@pytest.mark.parametrize("style", ["number", "offset"])
def test_F42_a_run_that_dies_after_every_second_page_still_ends(style: str) -> None:
    source, store = pages(style, counted=True), memory()
    for _ in range(PAGES):
        with pytest.raises(KilledError):
            carry_out(store, source, width=8, part_pages=1, die_after=2)
        if len(progress(store).parts) >= PAGES - 1:
            break
    receipt, _ = carry_out(store, source, width=8, part_pages=1)
    assert ids(store, receipt) == list(range(TOTAL))
    assert receipt.invocations == PAGES


def test_a_page_that_cannot_be_had_is_left_out_of_the_parts_around_it() -> None:
    store, api = memory(), FakePagedApi(100, {4: [HttpResponse(503)] * 9, 10: [HttpResponse(503)] * 9})
    with pytest.raises(IncompleteRunError, match="what came is kept") as caught:
        service(store, api, part_pages=4, width=8).carry_out(plan())
    assert list(caught.value.missing_pages) == [4, 10]
    assert caught.value.run_id == "run"
    parts = [(part.first_page, part.last_page) for part in progress(store).parts]
    assert parts == [(1, 3), (5, 8), (9, 9)]


def test_the_next_invocation_fetches_the_missing_pages_alone() -> None:
    store, broken = memory(), {4: [HttpResponse(503)] * 9, 7: [HttpResponse(503)] * 9}
    with pytest.raises(IncompleteRunError):
        service(store, FakePagedApi(100, broken)).carry_out(plan())
    still_broken = FakePagedApi(100, {7: [HttpResponse(503)] * 9})
    with pytest.raises(IncompleteRunError) as caught:
        service(store, still_broken).carry_out(plan())
    assert list(caught.value.missing_pages) == [7]
    whole = FakePagedApi(100)
    receipt = service(store, whole).carry_out(plan())
    assert set(still_broken.pages_asked()) == {4, 7, 10}  # the last one that came: does it still stand?
    assert whole.pages_asked() == [10, 7]
    assert ids(store, receipt) == list(range(100))
    assert (receipt.invocations, receipt.missing_pages) == (3, [])


@pytest.mark.parametrize("width", [1, 8])
def test_rows_that_slide_over_a_page_that_was_skipped_while_the_run_was_down_are_seen(width: int) -> None:
    """Three pages, a fourth that fails, and death before the next part: then a row is put in front."""
    store = memory()
    with pytest.raises(KilledError):
        service(
            store, FakePagedApi(100, {4: [HttpResponse(503)] * 9}), part_pages=50, width=width, die_after=4
        ).carry_out(plan())
    assert [entry.number for entry in progress(store).pages(1)] == [1, 2, 3]
    slid = FakePagedApi(101)
    slid_rows = [{"id": n} for n in (-1, *range(100))]
    for number in range(4, 12):
        answer = slid.page(number, 10, data=slid_rows[(number - 1) * 10 : number * 10])
        slid.faults_for(number, [answer])
    receipt = service(store, slid, width=width).carry_out(plan())
    assert (receipt.status, receipt.passes, ids(store, receipt)) == ("complete", 2, list(range(101)))
    assert receipt.still is not None
    assert receipt.still.by == "begun anew"
    [change] = receipt.drift
    assert "inserted" in change


def test_a_source_without_records_is_complete_and_empty() -> None:
    store = memory()
    receipt = service(store, FakePagedApi(0)).carry_out(plan())
    assert (receipt.status, receipt.pages, receipt.records, receipt.parts) == ("complete", 1, 0, [])
    assert rows(store, receipt) == []
    assert service(store, FakePagedApi(0)).carry_out(plan()) == given_again(receipt)
