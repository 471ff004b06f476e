"""A run that is cut in two and taken up by another process: the same pages, the same verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import structs

from de_classes.errors import (
    ForeignOriginError,
    IncompleteRunError,
    InvalidInputError,
    PaginationLoopError,
)
from de_classes.utils.run_records import PageEntry, RunPlace, RunState
from tests.fakes.effort import examples
from tests.fakes.paged_source import LIMIT, STYLES, Answer, PagedSource, Taken

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTHS = [1, 8]


@st.composite
def sources(draw: st.DrawFn) -> PagedSource:
    """Sources of up to seven pages, some of which lie, lack pages or change as they are read."""
    count = draw(st.integers(1, 7))
    sizes = [LIMIT] * (count - 1) + [draw(st.integers(0, LIMIT))]
    if draw(st.booleans()):
        sizes[draw(st.integers(0, count - 1))] = draw(st.integers(0, LIMIT))
    changes_at, change = draw(st.integers(1, 9)), draw(st.sampled_from([-4, -1, 0, 0, 1, 4]))
    slides_at = draw(st.integers(1, 9))
    counts_pages = draw(st.booleans())
    counts_records = draw(st.booleans())
    rows, answers = 0, []
    for number, size in enumerate(sizes, 1):
        rows -= number == slides_at and rows > 0
        total = max(0, sum(sizes) + (change if number >= changes_at else 0))
        answers.append(
            Answer(
                tuple(range(rows, rows + size)),
                max(number if size else 0, -(-total // LIMIT)) if counts_pages else None,
                total if counts_records else None,
            )
        )
        rows += size
    return PagedSource(draw(st.sampled_from(sorted(STYLES))), answers, draw(st.sampled_from([200, 404])))


def leads_on(source: PagedSource) -> bool:
    """Whether a full first page says what comes after it, or that nothing does."""
    [first, *others] = source.answers
    if source.style == "offset":  # where pages are uneven, their places are, see test_walk.py
        return all(len(answer.rows) == LIMIT for answer in source.answers[:-1])
    return source.style == "number" or bool(others) or len(first.rows) < LIMIT


def looked_at_again(taken: Taken) -> set[int]:
    """The pages that a run which goes on may ask for again: to see that they still stand, or are the last."""
    entries = taken.state.entries
    filled = [entry.number for entry in entries if entry.records]
    return {*filled[-1:], *(entry.number for entry in entries[-1:])}


@settings(max_examples=examples(60))
@given(sources().filter(leads_on), st.sampled_from(WIDTHS), st.data())
def test_F42_a_run_cut_anywhere_takes_the_same_pages_and_ends_the_same_way(
    source: PagedSource, width: int, data: st.DataObject
) -> None:
    whole = Taken(source, width=width)
    event(type(whole.error).__name__)
    cut = data.draw(st.integers(0, len(whole.pages)))
    first = Taken(source, width=width, after=cut)
    second = Taken(source, width=data.draw(st.sampled_from(WIDTHS)), state=first.state)
    assert first.taken + second.taken == whole.taken
    assert second.verdict == whole.verdict
    assert {number for number, _ in first.taken} & set(second.asked) <= looked_at_again(first)


@settings(max_examples=examples(40))
@given(sources().filter(leads_on), st.sampled_from(WIDTHS))
def test_F42_a_run_cut_after_every_page_ends_as_if_never_cut(source: PagedSource, width: int) -> None:
    whole = Taken(source)
    pieces, state = [], RunState()
    for _ in whole.pages:
        piece = Taken(source, width=width, state=state, after=1)
        pieces += piece.taken
        state = piece.state
    assert pieces == whole.taken
    assert Taken(source, width=width, state=state).verdict == whole.verdict


def pages_of(total: int) -> list[Answer]:
    """Pages that are as the source says they are."""
    count = -(-total // LIMIT)
    bounds = [(start, min(start + LIMIT, total)) for start in range(0, total, LIMIT)]
    return [Answer(tuple(range(*bound)), count, total) for bound in bounds]


@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize("width", WIDTHS)
def test_a_run_that_was_at_its_end_asks_for_its_last_page_at_the_most(style: str, width: int) -> None:
    source = PagedSource(style, pages_of(20))
    done = Taken(source)
    assert (done.error, done.run.place) == (None, None)
    again = Taken(source, width=width, state=done.state)
    is_followed = style in {"cursor", "link"}  # then another may follow by now
    assert (again.error, again.asked, again.taken) == (None, [7] * is_followed, [])
    assert again.run.ledger.records == 20


def test_a_doubtful_end_costs_the_one_look_past_it() -> None:
    source = PagedSource("number", [replace(page, total_records=99) for page in pages_of(20)])
    cut = Taken(source, after=7)
    assert cut.run.place == RunPlace(number=8, tail=cut.run.ledger.tail)
    assert Taken(source, state=cut.state).asked == [7, 8]


def test_F25_rows_that_slid_while_nobody_was_reading_are_seen_by_the_next() -> None:
    before, after = pages_of(6), pages_of(7)
    slid = [before[0], Answer((2, 3, 4), 3, 7), Answer((5, 6), 3, 7)]
    first = Taken(PagedSource("number", [before[0], *after[1:]]), after=1)
    second = Taken(PagedSource("number", slid), state=first.state)
    assert second.verdict[0] == "SourceChangedError"
    assert "inserted" in second.verdict[1]


def test_F27_a_loop_that_closes_over_a_resume_is_a_loop() -> None:
    pages = pages_of(12)
    source = PagedSource("number", [*pages[:2], pages[0], pages[3]])
    cut = Taken(source, after=2)
    assert isinstance(Taken(source, state=cut.state).error, PaginationLoopError)


def test_F40_a_place_on_another_host_gets_no_request() -> None:
    source = PagedSource("link", pages_of(20))
    cut = Taken(source, after=2).state
    assert cut.place is not None
    elsewhere = structs.replace(cut.place, url="https://evil.example/data?page=3")
    led_away = Taken(source, state=structs.replace(cut, place=elsewhere))
    assert isinstance(led_away.error, ForeignOriginError)
    assert led_away.asked == [2]  # the page before it, where it was
    assert all(request.url.startswith("https://api.example/") for request in led_away.transport.requests)


@pytest.mark.parametrize("secret", ["token=abc", "api_key=abc", "sig=abc", "X-Amz-Credential=abc"])
def test_no_address_with_a_credential_is_written_down(secret: str) -> None:
    class Signing(PagedSource):
        def _headers(self, number: int) -> dict[str, str]:
            return {"link": f'</data?page={number + 1}&{secret}>; rel="next"'}

    source = Signing("link", pages_of(20))
    cut = Taken(source, after=2).state
    assert cut.place is not None
    assert (cut.place.number, cut.place.url) == (3, None)
    with pytest.raises(InvalidInputError, match="start the run again"):
        Taken(source, state=cut)


def test_the_address_of_a_cursor_is_written_down() -> None:
    class Paging(PagedSource):
        def _headers(self, number: int) -> dict[str, str]:
            return {"link": f'</data?page={number + 1}&page_token=eyJpZCI6M30>; rel="next"'}

    place = Taken(Paging("link", pages_of(20)), after=2).state.place
    assert place is not None
    assert place.url == "https://api.example/data?page=3&page_token=eyJpZCI6M30"


def test_a_run_that_came_to_a_dead_end_is_not_taken_up_as_if_it_were_done() -> None:
    source = PagedSource("link", [Answer((1, 2, 3))])
    done = Taken(source)
    assert isinstance(done.error, IncompleteRunError)
    assert "the page is full, 3 records" in str(done.error)
    again = Taken(source, state=done.state)
    assert (again.verdict, again.taken) == (done.verdict, [])


def entry(number: int) -> PageEntry:
    return PageEntry(number=number, records=LIMIT, sha256="", total_pages=7, total_records=20)


WRONG_STATES: dict[str, Callable[[], RunState]] = {
    "a page left out": lambda: RunState(entries=(entry(1), entry(3)), place=RunPlace(number=4)),
    "a page twice": lambda: RunState(entries=(entry(1), entry(1)), place=RunPlace(number=2)),
    "a gap that came": lambda: RunState(entries=(entry(1),), gaps=(1,), place=RunPlace(number=2)),
    "another first page": lambda: RunState(entries=(entry(2),), place=RunPlace(number=3)),
    "the first page skipped": lambda: RunState(gaps=(1,), place=RunPlace(number=2)),
    "a place further on": lambda: RunState(entries=(entry(1),), place=RunPlace(number=3)),
    "only a place": lambda: RunState(place=RunPlace(number=3)),
}


@pytest.mark.parametrize("wrong", WRONG_STATES)
def test_a_state_that_would_lose_or_double_pages_is_refused_before_any_request(wrong: str) -> None:
    with pytest.raises(InvalidInputError, match="the state"):
        Taken(PagedSource("number", pages_of(20)), state=WRONG_STATES[wrong]())


def test_a_fresh_state_is_a_fresh_run() -> None:
    source = PagedSource("cursor", pages_of(20))
    first = Taken(source, after=0)
    assert first.state.place is not None
    assert Taken(source, state=first.state).taken == Taken(source).taken


def test_what_is_asked_for_before_a_page_was_handed_on_has_no_entry() -> None:
    run = Taken(PagedSource("number", pages_of(20)), after=0).run
    with pytest.raises(LookupError):
        _ = run.entry


def test_an_incomplete_run_stays_incomplete_for_whoever_takes_it_up_at_its_end() -> None:
    pages = pages_of(20)
    pages[2] = replace(pages[2], rows=())
    done = Taken(PagedSource("number", pages))
    assert isinstance(done.error, IncompleteRunError)
    assert Taken(PagedSource("number", pages), state=done.state).verdict == done.verdict
