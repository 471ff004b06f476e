from __future__ import annotations

import pytest
from msgspec import structs

from de_classes.api.ledger import SourceDrift
from de_classes.utils.run_records import PageEntry


def drift_of(*pages: tuple[int, int | None], repeats: int = 0, slides: bool = False) -> SourceDrift:
    """Of pages with what each said of the total; one of them repeats a row."""
    drift = SourceDrift()
    for number, total in pages:
        entry = PageEntry(number=number, records=2, sha256="", total_records=total, repeats=number == repeats)
        drift.enter(structs.replace(entry, slid=slides and entry.repeats))
    return drift


def test_a_source_that_says_the_same_every_time_did_not_change() -> None:
    drift = drift_of((1, 6), (2, 6), (3, 6), repeats=2)
    assert (drift.problems(), drift.total, drift.has_only_said_none) == ([], 6, False)


def test_a_source_that_says_nothing_of_its_total_shows_no_drift() -> None:
    drift = drift_of((1, None), (2, None), (5, None), repeats=2)
    assert (drift.problems(), drift.total, drift.has_only_said_none) == ([], None, True)


def test_a_page_that_says_nothing_leaves_the_total_as_it_was() -> None:
    assert drift_of((1, 6), (2, None)).total == 6


def test_F22_growth_at_the_end_alone_is_no_problem() -> None:
    drift = drift_of((1, 6), (2, 7), (3, 9))
    assert (drift.problems(), drift.total) == ([], 9)


def test_F25_growth_is_one_while_rows_repeat_on_any_page() -> None:
    (problem,) = drift_of((1, 6), (2, 7), (3, 7), repeats=2).problems()
    assert "inserted" in problem
    assert "rose from 6" in problem


@pytest.mark.parametrize("total", [6, 8])
def test_pages_that_were_skipped_are_none_whether_the_source_grows_or_not(total: int) -> None:
    assert drift_of((1, 6), (3, 6), (2, total)).problems() == []


@pytest.mark.parametrize("total", [6, None])
def test_F25_rows_that_slid_are_one_though_the_total_stays(total: int | None) -> None:
    (problem,) = drift_of((1, total), (2, total), (3, total), repeats=2, slides=True).problems()
    assert problem.startswith("page 2 has rows of the page beside it")


def test_the_first_page_that_slid_is_named() -> None:
    drift = drift_of((1, 6), (2, 6), repeats=2, slides=True)
    drift.enter(PageEntry(number=3, records=2, sha256="", repeats=True, slid=True))
    assert "page 2 has rows" in drift.problems()[0]


@pytest.mark.parametrize("totals", [(6, 5, 5), (6, 8, 7), (5, 6, 5), (6, 5, 6)])
def test_F26_a_total_that_ever_fell_is_one_even_if_it_rose_again(totals: tuple[int, int, int]) -> None:
    (problem,) = drift_of(*enumerate(totals, 1)).problems()
    assert f"lost records during the run, its total fell from {max(totals)}" in problem


def test_a_source_that_ever_had_a_record_has_not_only_said_none() -> None:
    assert drift_of((1, 0), (2, 0)).has_only_said_none
    assert not drift_of((1, 0), (2, 1)).has_only_said_none
    assert not drift_of((1, 1), (2, 0)).has_only_said_none
