from __future__ import annotations

import pytest

from de_classes.api.ledger import RunLedger
from de_classes.api.page import Page
from de_classes.errors import IncompleteRunError
from de_classes.utils.page_range import PageRange


def page(number: int, rows: int = 2, total_pages: int | None = 3, total_records: int | None = 6) -> Page:
    return Page(number, [{"id": n} for n in range(rows)], {}, total_pages, total_records)


def ledger_of(*pages: Page, wanted: PageRange | None = None) -> RunLedger:
    ledger = RunLedger(wanted or PageRange())
    for each in pages:
        ledger.observe(each)
    return ledger


def test_a_run_that_adds_up_is_complete() -> None:
    ledger = ledger_of(page(1), page(2), page(3))
    ledger.settle()
    assert (ledger.pages, ledger.records, ledger.expected_records) == (3, 6, 6)


def test_F21_an_empty_page_in_the_middle_is_a_gap_with_a_name() -> None:
    ledger = ledger_of(page(1), page(2, rows=0), page(3))
    with pytest.raises(IncompleteRunError, match=r"came empty.*: 2$") as caught:
        ledger.settle()
    assert caught.value.missing_pages == (2,)


def test_F21_an_empty_last_page_is_a_gap_if_the_source_counts_it() -> None:
    with pytest.raises(IncompleteRunError) as caught:
        ledger_of(page(1), page(2), page(3, rows=0)).settle()
    assert caught.value.missing_pages == (3,)


def test_many_gaps_are_all_in_the_error_and_some_in_its_text() -> None:
    pages = [page(number, rows=0, total_pages=50) for number in range(1, 50)]
    with pytest.raises(IncompleteRunError, match="and 29 more") as caught:
        ledger_of(*pages, page(50, total_pages=50)).settle()
    assert caught.value.missing_pages == tuple(range(1, 50))


@pytest.mark.parametrize("rows", [1, 3])
def test_F25_F26_rows_that_do_not_add_up_are_never_a_success(rows: int) -> None:
    with pytest.raises(IncompleteRunError, match="the source says it has 6"):
        ledger_of(page(1), page(2), page(3, rows=rows)).settle()


def test_what_the_source_does_not_count_is_not_held_against_it() -> None:
    ledger = ledger_of(page(1, total_records=None), page(2, total_records=None))
    ledger.settle()
    assert ledger.expected_records is None


def test_a_part_of_a_source_is_not_held_against_the_whole() -> None:
    ledger = ledger_of(page(2), wanted=PageRange(2, 2))
    ledger.settle()
    assert ledger.expected_records is None


def test_an_empty_source_is_complete() -> None:
    ledger = ledger_of(page(1, rows=0, total_pages=0, total_records=0))
    ledger.settle()
    assert ledger.missing_pages == ()


def test_an_empty_source_that_counts_one_page_is_complete() -> None:
    ledger_of(page(1, rows=0, total_pages=1, total_records=0)).settle()
    assert ledger_of(page(1, rows=0, total_pages=1, total_records=0)).missing_pages == ()


@pytest.mark.parametrize(
    ("seen", "wanted", "missing"),
    [
        ([], PageRange(), (1,)),
        ([1], PageRange(), (2, 3)),
        ([1, 2], PageRange(1, 2), (3,)),
        ([2], PageRange(2, 3), (3,)),
        ([], PageRange(5, 9), (5,)),
    ],
)
def test_a_run_that_is_broken_off_names_what_did_not_come(
    seen: list[int], wanted: PageRange, missing: tuple[int, ...]
) -> None:
    error = ledger_of(*map(page, seen), wanted=wanted).broken_off("the time is up")
    assert error.missing_pages == missing
    assert str(error).startswith("the time is up; page")


def test_done_is_when_the_last_known_page_was_entered() -> None:
    assert not ledger_of(page(1)).is_done()
    assert ledger_of(page(3)).is_done()
    assert ledger_of(page(2), wanted=PageRange(2, 2)).is_done()
    assert not ledger_of(page(2, total_pages=None)).is_done()
