from __future__ import annotations

import pytest

from de_classes.api.ledger import RunLedger
from de_classes.api.page import Page
from de_classes.api.pagination import CursorPagination, OffsetPagination, PageNumberPagination
from de_classes.errors import IncompleteRunError, SourceChangedError
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import RunPlace, RunState


def page(number: int, rows: int = 2, total_pages: int | None = 3, total_records: int | None = 6) -> Page:
    return Page(number, [{"id": n} for n in range(rows)], {}, total_pages, total_records)


def ledger_of(*pages: Page, wanted: PageRange | None = None) -> RunLedger:
    ledger = RunLedger(wanted or PageRange(), limit=2, strategy=PageNumberPagination())
    for each in pages:
        ledger.observe(each)
    return ledger


def test_a_run_that_adds_up_is_complete() -> None:
    ledger = ledger_of(page(1), page(2), page(3))
    ledger.settle()
    assert (ledger.pages, ledger.records, ledger.expected_records) == (3, 6, 6)


def test_F21_an_empty_page_in_the_middle_is_a_gap_with_a_name() -> None:
    ledger = ledger_of(page(1), page(2, rows=0), page(3))
    with pytest.raises(IncompleteRunError, match=r"page 2 is missing, empty or short") as caught:
        ledger.settle()
    assert caught.value.missing_pages == (2,)


def test_F21_an_empty_last_page_is_a_gap_if_the_source_counts_it() -> None:
    with pytest.raises(IncompleteRunError) as caught:
        ledger_of(page(1), page(2), page(3, rows=0)).settle()
    assert caught.value.missing_pages == (3,)


def test_many_gaps_are_all_in_the_error_and_some_in_its_text() -> None:
    pages = [page(number, rows=2 * (number % 2), total_pages=99) for number in range(1, 100)]
    with pytest.raises(IncompleteRunError, match="and 29 more") as caught:
        ledger_of(*pages).settle()
    assert caught.value.missing_pages == tuple(range(2, 100, 2))


def test_a_run_that_ended_before_the_largest_total_is_never_a_success() -> None:
    with pytest.raises(IncompleteRunError) as caught:
        ledger_of(page(1, total_pages=8), page(2, total_pages=2, total_records=4)).settle()
    assert caught.value.missing_pages == (3, 4, 5, 6, 7, 8)


def test_a_million_million_missing_pages_fit_into_an_error() -> None:
    error = ledger_of(page(1, total_pages=2**40)).broken_off("the time is up")
    assert len(error.missing_pages) == 2**40 - 1
    assert "2-1099511627776" in str(error)


@pytest.mark.parametrize("wanted", [PageRange(), PageRange(1, 3)])
def test_a_short_page_before_the_last_is_never_a_success(wanted: PageRange) -> None:
    with pytest.raises(IncompleteRunError) as caught:
        ledger_of(page(1), page(2, rows=1), page(3), wanted=wanted).settle()
    assert 2 in caught.value.missing_pages


def test_a_source_that_caps_the_limit_has_pages_of_its_own_size() -> None:
    pages = [page(number, rows=1, total_pages=6, total_records=6) for number in range(1, 7)]
    ledger_of(*pages).settle()
    assert ledger_of(*pages).missing_pages == ()


@pytest.mark.parametrize("total", [None, 4])
def test_a_short_page_by_offset_leaves_a_hole_behind_it(total: int | None) -> None:
    ledger = RunLedger(PageRange(), limit=2, strategy=OffsetPagination())
    ledger.observe(page(1, rows=1, total_pages=None, total_records=total))
    ledger.observe(page(2, rows=1, total_pages=None, total_records=total))
    assert ledger.missing_pages == (1,)


def test_F26_a_total_that_falls_is_never_a_success() -> None:
    with pytest.raises(IncompleteRunError, match="its total fell from 6"):
        ledger_of(page(1), page(2, total_records=5), page(3, rows=1, total_records=5)).settle()


def test_F25_a_total_that_rises_while_rows_repeat_is_never_a_success() -> None:
    repeated = Page(2, [{"id": 1}, {"id": 2}], {}, 2, 4)
    first = Page(1, [{"id": 0}, {"id": 1}], {}, 2, 3)
    with pytest.raises(IncompleteRunError, match="the total rose from 3"):
        ledger_of(first, repeated).settle()


@pytest.mark.parametrize("total", [4, None])
def test_F25_rows_that_slid_across_a_seam_are_never_a_success_though_the_total_stays(
    total: int | None,
) -> None:
    first = Page(1, [{"id": 0}, {"id": 1}], {}, 2, total)
    slid = Page(2, [{"id": 1}, {"id": 2}], {}, 2, total)
    with pytest.raises(SourceChangedError, match="page 2 has rows of the page beside it"):
        ledger_of(first, slid).settle()


def test_equal_rows_of_a_source_that_repeats_by_itself_are_no_change() -> None:
    first = Page(1, [{"id": 0}, {"id": 1}], {}, 2, 4)
    ledger_of(first, Page(2, [{"id": 1}, {"id": 1}], {}, 2, 4)).settle()
    assert ledger_of(first).observe(Page(2, [{"id": 1}, {"id": 1}], {}, 2, 4)).repeats


def test_F22_a_total_that_rises_while_rows_do_not_repeat_is_growth() -> None:
    first, second = Page(1, [{"id": 0}, {"id": 1}], {}, 2, 3), Page(2, [{"id": 2}, {"id": 3}], {}, 2, 4)
    ledger_of(first, second).settle()
    assert ledger_of(first, second).expected_records == 4


def test_F25_F26_rows_that_do_not_add_up_to_the_total_are_never_a_success() -> None:
    with pytest.raises(IncompleteRunError, match="5 records came, but the source says it has 6"):
        ledger_of(page(1), page(2), page(3, rows=1)).settle()


def distinct(number: int, rows: int, total: int) -> Page:
    return Page(number, [{"id": 10 * number + row} for row in range(rows)], {}, 3, total)


def test_rows_beyond_a_total_that_never_moved_are_no_change_but_it_proves_nothing() -> None:
    ledger = ledger_of(distinct(1, 2, 6), distinct(2, 2, 6), distinct(3, 3, 6))
    ledger.settle()
    assert (ledger.agreed_total, ledger.records_beyond_total) == (None, 1)


def test_F22_rows_beyond_a_total_that_moved_are_never_a_success() -> None:
    with pytest.raises(SourceChangedError, match="7 records came, but the source says it has 6"):
        ledger_of(distinct(1, 2, 5), distinct(2, 2, 6), distinct(3, 3, 6)).settle()


@pytest.mark.parametrize(
    ("totals", "agreed"), [((6, 6, 6), 6), ((5, 6, 6), None), ((7, 7, 7), None), ((5, 5, 5), None)]
)
def test_a_total_is_agreed_on_if_every_answer_names_it_and_as_many_rows_came(
    totals: tuple[int, int, int], agreed: int | None
) -> None:
    ledger = ledger_of(*(distinct(number, 2, total) for number, total in enumerate(totals, 1)))
    assert ledger.agreed_total == agreed


def test_a_part_of_a_source_has_no_total_to_agree_on() -> None:
    assert ledger_of(distinct(2, 2, 2), wanted=PageRange(2, 2)).agreed_total is None


def test_what_the_source_does_not_count_is_not_held_against_it() -> None:
    ledger = ledger_of(*(page(number, total_records=None) for number in (1, 2, 3)))
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
        ([], PageRange(5, 9), (5, 6, 7, 8, 9)),
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


def test_a_page_that_comes_late_fills_its_gap() -> None:
    ledger = ledger_of(page(1))
    ledger.skip(2)
    ledger.observe(page(3))
    assert (ledger.missing_pages, ledger.gaps, ledger.has_gaps) == ((2,), (2,), True)
    ledger.observe(page(2))
    ledger.settle()
    assert (ledger.missing_pages, ledger.gaps, ledger.has_gaps) == ((), (), False)


def test_a_gap_alone_is_no_change_of_the_source() -> None:
    ledger = ledger_of(page(1))
    ledger.skip(2)
    ledger.observe(page(3))
    with pytest.raises(IncompleteRunError) as caught:
        ledger.settle()
    assert type(caught.value) is IncompleteRunError


def test_a_short_page_that_comes_late_is_short_because_pages_follow_it() -> None:
    ledger = RunLedger(PageRange(), limit=2, strategy=OffsetPagination())
    for number, rows in ((1, 2), (3, 2), (2, 1)):
        ledger.observe(page(number, rows, total_pages=None, total_records=None))
    assert ledger.missing_pages == (2,)


@pytest.mark.parametrize(
    "pages",
    [
        [page(1), page(2, total_records=5), page(3, rows=1, total_records=5)],
        [page(1), page(2, total_records=7), page(3, rows=3, total_records=6)],
        [page(1, total_pages=8, total_records=16), page(2, total_pages=2, total_records=4)],
    ],
    ids=["fell", "too many", "fell, and pages are missing"],
)
def test_F23_F25_F26_a_source_that_changed_is_told_from_pages_that_are_missing(pages: list[Page]) -> None:
    with pytest.raises(SourceChangedError):
        ledger_of(*pages).settle()


def test_what_was_written_down_gives_the_same_account() -> None:
    whole = RunLedger(PageRange(), limit=2, strategy=PageNumberPagination())
    entries = [whole.observe(page(number, rows)) for number, rows in ((1, 2), (2, 0), (3, 2))]
    again = RunLedger(
        PageRange(), limit=2, strategy=PageNumberPagination(), state=RunState(entries=tuple(entries))
    )
    assert (again.pages, again.records, again.missing_pages) == (3, 4, (2,))
    with pytest.raises(IncompleteRunError) as first:
        whole.settle()
    with pytest.raises(IncompleteRunError) as second:
        again.settle()
    assert str(first.value) == str(second.value)


def numbered(wanted: PageRange, limit: int = 2) -> RunLedger:
    return RunLedger(wanted, limit=limit, strategy=PageNumberPagination())


@pytest.mark.parametrize(
    ("wanted", "total_pages", "to_come"),
    [
        (PageRange(), 10, 10),
        (PageRange(3), 10, 8),
        (PageRange(3, 5), 10, 3),
        (PageRange(3, 5), 4, 2),
        (PageRange(3, 5), None, 3),
        (PageRange(3), 1, 0),
        (PageRange(), None, None),
    ],
)
def test_pages_to_come_are_those_of_the_range_that_the_source_has(
    wanted: PageRange, total_pages: int | None, to_come: int | None
) -> None:
    ledger = numbered(wanted)
    ledger.note_totals(page(wanted.start, total_pages=total_pages))
    assert ledger.pages_to_come == to_come


def test_a_range_over_pages_that_are_followed_may_end_before_its_last() -> None:
    ledger = RunLedger(PageRange(1, 3), limit=2, strategy=CursorPagination())
    ledger.observe(page(1, total_pages=None, total_records=None))
    assert (ledger.pages_to_come, ledger.missing_pages) == (None, ())


@pytest.mark.parametrize(
    ("number", "total_records", "expected"), [(3, 6, True), (4, 6, False), (3, 0, False), (3, 1, True)]
)
def test_records_are_expected_up_to_the_last_page_unless_there_never_was_one(
    number: int, total_records: int, *, expected: bool
) -> None:
    void = page(number, rows=0, total_records=total_records)
    assert numbered(PageRange()).expects_records(void) is expected


def test_records_are_expected_where_others_came_behind_them() -> None:
    ledger = ledger_of(page(1), page(3, total_pages=2))
    assert ledger.expects_records(page(3, rows=0, total_pages=2))


def test_a_last_page_that_was_skipped_is_done_with() -> None:
    ledger = ledger_of(page(1), page(2))
    ledger.skip(3)
    assert ledger.is_done()
    assert ledger.broken_off("page 3 failed").missing_pages == (3,)


def test_a_source_without_pages_has_none_to_expect() -> None:
    ledger = ledger_of(page(1, rows=0, total_pages=0, total_records=0))
    assert ledger.expected_pages == 0


def test_an_empty_page_is_missed_only_where_something_says_that_it_should_not_be() -> None:
    ledger = ledger_of(page(1, rows=0, total_pages=None, total_records=None))
    ledger.settle()
    assert ledger.missing_pages == ()


def test_the_next_page_after_a_resume_is_compared_with_the_furthest_before_it() -> None:
    whole = numbered(PageRange())
    entries = tuple(whole.observe(page(number, rows)) for number, rows in ((1, 2), (3, 2), (2, 2)))
    state = RunState(entries=entries, place=RunPlace(number=4, tail=whole.tail))
    again = RunLedger(PageRange(), limit=2, strategy=PageNumberPagination(), state=state)
    assert again.observe(page(4)).repeats


def test_where_the_source_caps_the_limit_a_page_is_short_by_the_size_of_its_own() -> None:
    pages = [page(number, rows, total_pages=5, total_records=10) for number, rows in ((1, 2), (2, 1), (3, 2))]
    ledger = numbered(PageRange(1, 3), limit=4)
    for each in pages:
        ledger.observe(each)
    assert ledger.missing_pages == (2,)


def test_a_short_first_page_is_no_measure_where_the_limit_holds() -> None:
    assert ledger_of(page(1, rows=1), page(2), page(3)).missing_pages == (1,)


def test_a_short_page_is_named_before_any_other_follows_it() -> None:
    assert ledger_of(page(1, rows=1)).missing_pages == (1, 2, 3)


@pytest.mark.parametrize(("gaps", "text"), [(20, "37, 39 are"), (21, "37, 39 and 1 more are")])
def test_twenty_ranges_are_named_and_then_counted(gaps: int, text: str) -> None:
    ledger = numbered(PageRange(1, 2 * gaps))
    for number in range(1, 2 * gaps + 1):
        ledger.observe(page(number, rows=2 * (number % 2 == 0), total_pages=None, total_records=None))
    with pytest.raises(IncompleteRunError, match=text):
        ledger.settle()
