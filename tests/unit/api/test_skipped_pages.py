"""Runs that go on without a page that cannot be had, and runs that fetch it later."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.auth_client import AuthClient
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import CursorPagination, OffsetPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import (
    IncompleteRunError,
    InvalidInputError,
    NetworkError,
    PageGivenUpError,
    RetriesExhaustedError,
    SourceChangedError,
)
from de_classes.utils.clock import ManualClock
from de_classes.utils.run_records import RunPlace, RunState
from tests.fakes.clients import BASE, client_of
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response, token_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.page import Page
    from de_classes.utils.run_records import PageEntry
    from tests.fakes.transports import Answer

WIDTHS = [1, 8]
LIMIT = 10
HTML = HttpResponse(200, {"content-type": "text/html"}, b"<html>sorry</html>")
FOR_EVER = 999


@dataclass
class Outcome:
    """How a run over an API ended."""

    client: UnstableAPIClient
    state: RunState = field(default_factory=RunState)
    pages: list[Page] = field(default_factory=list)
    error: IncompleteRunError | None = None

    @property
    def numbers(self) -> list[int]:
        return [page.number for page in self.pages]

    @property
    def missing(self) -> list[int]:
        return list(self.error.missing_pages) if self.error else []


def run(
    api: FakeTransport,
    *,
    state: RunState | None = None,
    skip_failed: bool = True,
    clock: ManualClock | None = None,
    **options: Any,
) -> Outcome:
    client = client_of(api, clock, **options)
    outcome = Outcome(client)
    entries: list[PageEntry] = list(state.entries) if state else []
    pages = client.start_pass(LIMIT, state=state, skip_failed=skip_failed)

    def take_all() -> None:
        for page in pages:
            outcome.pages.append(page)
            entries.append(pages.entry)

    try:
        take_all()
    except IncompleteRunError as error:
        outcome.error = error
    outcome.state = RunState(entries=tuple(entries), gaps=tuple(pages.gaps), place=pages.place)
    return outcome


def empty(api: FakePagedApi, number: int) -> Answer:
    return api.page(number, LIMIT, data=[])


def failing(total: int, numbers: Sequence[int], answer: Answer) -> FakePagedApi:
    return FakePagedApi(total, faults={number: [answer] * FOR_EVER for number in numbers})


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("answer", [HttpResponse(503), HTML, NetworkError("cut")], ids=["503", "html", "cut"])
def test_F42_a_page_that_cannot_be_had_is_skipped_and_named_and_comes_later(
    width: int, answer: Answer
) -> None:
    first = run(failing(95, [4], answer), concurrency=width)
    assert first.numbers == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert (first.missing, first.state.gaps, first.state.place) == ([4], (4,), None)
    assert type(first.error) is IncompleteRunError
    assert isinstance(first.error.__cause__, PageGivenUpError)
    assert first.client.failed_pages == 1
    api = FakePagedApi(95)
    second = run(api, state=first.state, concurrency=width)
    assert (second.error, second.numbers, api.pages_asked()) == (None, [4], [10, 4])


@pytest.mark.parametrize("width", WIDTHS)
def test_F21_a_page_that_stays_empty_is_skipped_and_comes_later(width: int) -> None:
    api = FakePagedApi(95)
    api.faults_for(4, [empty(api, 4)] * FOR_EVER)
    first = run(api, concurrency=width)
    assert (first.missing, first.state.gaps, api.pages_asked().count(4)) == ([4], (4,), 3)
    assert first.client.counts().successful_pages == 9
    second = run(FakePagedApi(95), state=first.state, concurrency=width)
    assert (second.error, second.numbers) == (None, [4])


@pytest.mark.parametrize("width", WIDTHS)
def test_several_gaps_are_fetched_before_the_rest_and_handed_on_in_order(width: int) -> None:
    corrupt = failing(300, [3, 7, 8, 12], HTML)
    first = run(corrupt, concurrency=width)
    cut = RunState(
        entries=tuple(entry for entry in first.state.entries if entry.number <= 20),
        gaps=first.state.gaps,
        place=RunPlace(number=21),
    )
    api = FakePagedApi(300)
    second = run(api, state=cut, concurrency=width)
    assert (second.error, second.numbers) == (None, [3, 7, 8, 12, *range(21, 31)])
    assert sorted(api.pages_asked()) == [3, 7, 8, 12, 20, *range(21, 31)]


def test_gaps_are_fetched_several_at_a_time() -> None:
    gaps = tuple(range(2, 10))
    state = run(failing(100, gaps, HTML), retry_policy=RetryPolicy(max_corrupt=1)).state
    together = threading.Barrier(4)

    class Meeting(FakePagedApi):
        def send(self, request: Any, *, timeout: float) -> HttpResponse:
            if request.params["page"] != "10":  # the look at the last page that came goes alone
                together.wait(60)
            return super().send(request, timeout=timeout)

    second = run(Meeting(100), state=state, concurrency=4)
    assert (second.error, second.numbers) == (None, list(gaps))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_gap_that_still_cannot_be_had_stays_a_gap(width: int) -> None:
    first = run(failing(95, [4, 6], HTML), concurrency=width)
    second = run(failing(95, [4], HTML), state=first.state, concurrency=width)
    assert (second.numbers, second.missing, second.state.gaps) == ([6], [4], (4,))
    strict = run(failing(95, [4], HTML), state=first.state, concurrency=width, skip_failed=False)
    assert (strict.numbers, strict.missing) == ([], [4, 6])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_gap_that_comes_empty_stays_a_gap_whether_pages_may_be_skipped_or_not(width: int) -> None:
    first = run(failing(95, [4], HTML), concurrency=width)
    api = FakePagedApi(95)
    api.faults_for(4, [empty(api, 4)] * FOR_EVER)
    second = run(api, state=first.state, concurrency=width, skip_failed=False)
    assert (second.numbers, second.missing, second.state.gaps) == ([], [4], (4,))


def test_the_last_page_can_be_a_gap_too() -> None:
    first = run(failing(95, [10], HTML))
    assert (first.missing, first.state.gaps) == ([10], (10,))
    second = run(FakePagedApi(95), state=first.state)
    assert (second.error, second.numbers) == (None, [10])


@pytest.mark.parametrize("answer", [HttpResponse(503), HTML], ids=["503", "html"])
def test_the_first_page_of_all_is_not_skipped(answer: Answer) -> None:
    first = run(failing(95, [1], answer))
    assert (first.numbers, first.missing, first.state.gaps) == ([], [1], ())
    assert first.state.place == RunPlace(number=1)


def test_a_first_page_that_stays_empty_ends_a_run_that_might_have_skipped_it() -> None:
    api = FakePagedApi(95)
    api.faults_for(1, [empty(api, 1)] * FOR_EVER)
    first = run(api)
    assert (first.numbers, first.missing, first.state) == ([], [1], RunState(place=RunPlace(number=1)))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_source_that_is_down_is_not_skipped_page_by_page(width: int) -> None:
    api = failing(900, range(11, 91), NetworkError("refused"))
    first = run(api, concurrency=width)
    assert first.missing == list(range(11, 91))
    assert len(first.state.gaps) <= width
    assert "the source is down" in str(first.error)
    # as many as were under way when it went down, and at the most as many again before one of those gives up
    assert len(api.requests) <= 10 + 50 * 2 * width
    second = run(FakePagedApi(900), state=first.state, concurrency=width)
    assert (second.error, second.numbers) == (None, list(range(11, 91)))


def test_a_run_that_is_broken_off_by_the_last_of_the_skipped_pages_goes_on_behind_it() -> None:
    policy = RetryPolicy(max_corrupt=3, max_elapsed=4.0)
    first = run(failing(900, range(11, 91), HTML), concurrency=1, retry_policy=policy)
    assert "pages in a row could not be had" in str(first.error)
    assert first.state.place is not None
    assert first.state.place.number == max(first.state.gaps) + 1
    second = run(FakePagedApi(900), state=first.state, concurrency=1)
    assert (second.error, second.numbers) == (None, list(range(11, 91)))


def test_F41_when_the_time_is_up_the_page_under_way_is_no_gap() -> None:
    clock = ManualClock()
    first = run(failing(95, [4], HttpResponse(503)), clock=clock, deadline=20.0)
    assert (first.state.gaps, first.missing) == ((), [4, 5, 6, 7, 8, 9, 10])
    assert first.state.place is not None
    assert first.state.place.number == 4
    assert clock.monotonic() <= 20


def test_F41_the_deadline_holds_between_gaps_too() -> None:
    state = run(failing(95, [4, 6, 8], HTML)).state
    clock = ManualClock()

    class Slow(FakePagedApi):
        def send(self, request: Any, *, timeout: float) -> HttpResponse:
            clock.advance(4)
            return super().send(request, timeout=timeout)

    second = run(Slow(95), state=state, clock=clock, deadline=10.0)
    assert (second.numbers, second.missing, second.state.gaps) == ([4, 6], [8], (8,))
    assert "the time is up" in str(second.error)


def test_F07_a_source_that_asks_to_be_left_alone_for_days_is_not_asked_for_the_next_page() -> None:
    api = failing(95, [4], HttpResponse(503, {"retry-after": "999999"}))
    assert (run(api).missing, api.pages_asked()) == ([4, 5, 6, 7, 8, 9, 10], [1, 2, 3, 4])


def test_F04_being_too_fast_is_no_fault_of_the_page() -> None:
    api = failing(95, [4], HttpResponse(429))
    assert run(api, retry_policy=RetryPolicy(max_attempts=5)).state.gaps == ()
    assert max(api.pages_asked()) == 4


def test_F35_a_login_that_fails_is_no_fault_of_the_page() -> None:
    answers = [token_response(expires_in=5), *[HttpResponse(503)] * FOR_EVER]
    clock = ManualClock()
    auth = AuthClient(
        f"{BASE}/login",
        "ada",
        "hunter2",
        runtime=ClientRuntime(transport=FakeTransport(lambda _: answers.pop(0)), clock=clock),
    )
    api = FakePagedApi(95, faults={4: [HttpResponse(503, {"retry-after": "9"})]})
    first = run(api, clock=clock, auth=auth)
    assert (first.numbers, first.state.gaps) == ([1, 2, 3], ())
    assert isinstance(first.error, IncompleteRunError)
    assert type(first.error.__cause__) is RetriesExhaustedError


def test_F22_a_gap_that_comes_after_the_source_has_grown_is_not_taken_for_a_total_that_fell() -> None:
    state = run(failing(90, [4], HTML)).state
    second = run(FakePagedApi(100), state=state)
    assert (second.error, second.numbers) == (None, [4, 10])


def test_F25_a_late_page_of_a_source_that_has_changed_is_never_a_success() -> None:
    """Rows inserted before the gap move one row out of it and double another; no total tells."""
    state = run(failing(30, [2], HTML)).state
    slid = FakePagedApi(31)
    slid.faults_for(2, [slid.page(2, LIMIT, data=[{"id": n} for n in range(9, 19)])])
    second = run(slid, state=state)
    assert sum(len(page.records) for page in second.pages) == 11
    assert isinstance(second.error, SourceChangedError)
    assert "records were inserted during the run, the total rose from 30" in str(second.error)


def test_F25_a_late_page_with_rows_of_its_neighbour_is_never_a_success_though_the_total_stays() -> None:
    state = run(failing(30, [2], HTML)).state
    slid = FakePagedApi(30)
    slid.faults_for(2, [slid.page(2, LIMIT, data=[{"id": n} for n in range(11, 21)])])
    second = run(slid, state=state)
    assert isinstance(second.error, SourceChangedError)
    assert "page 2 has rows of the page beside it" in str(second.error)


@pytest.mark.parametrize("width", WIDTHS)
def test_F23_a_gap_that_lies_beyond_a_source_that_has_shrunk_is_a_change(width: int) -> None:
    state = run(failing(95, [9], HTML), concurrency=width).state
    second = run(FakePagedApi(70), state=state, concurrency=width)
    assert isinstance(second.error, SourceChangedError)
    assert (second.missing, second.state.gaps) == ([9], (9,))


@pytest.mark.parametrize("width", WIDTHS)
def test_F23_pages_that_are_gone_when_the_run_goes_on_are_a_change(width: int) -> None:
    whole = run(FakePagedApi(95))
    cut = RunState(entries=whole.state.entries[:7], place=RunPlace(number=8))
    second = run(FakePagedApi(70), state=cut, concurrency=width)
    assert isinstance(second.error, SourceChangedError)
    assert (second.missing, second.state.place) == ([8, 9, 10], RunPlace(number=8))


class WithoutTotals(FakeTransport):
    """Six full pages by offset, of which one is not served as it should be."""

    def __init__(self, number: int, answer: Answer | None) -> None:
        super().__init__(self._serve)
        self._odd = (number, answer)

    def _serve(self, request: Any) -> Answer:
        offset = int(request.params["offset"])
        odd, answer = self._odd
        if offset == (odd - 1) * LIMIT and answer is not None:
            return answer
        return json_response({"data": [{"id": n} for n in range(offset, min(offset + LIMIT, 60))]})


def test_without_totals_a_page_that_was_skipped_is_due_because_others_follow_it() -> None:
    options: dict[str, Any] = {
        "pagination": OffsetPagination(),
        "reader": PageReader(total_pages_field=None),
    }
    first = run(WithoutTotals(3, HTML), **options)
    assert (first.numbers[:5], first.missing) == ([1, 2, 4, 5, 6], [3])
    void = run(WithoutTotals(3, json_response({"data": []})), state=first.state, **options)
    assert (void.numbers, void.missing) == ([], [3])
    second = run(WithoutTotals(3, None), state=void.state, **options)
    assert (second.error, second.numbers) == (None, [3])


def test_where_pages_are_found_one_through_the_other_none_can_be_skipped() -> None:
    api = FakePagedApi(95)
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", pagination=CursorPagination(), look_back="none"),
        runtime=ClientRuntime(transport=api, clock=ManualClock()),
    )
    assert not client.random_access
    with pytest.raises(InvalidInputError, match="asked for by number"):
        client.start_pass(LIMIT, skip_failed=True)
    assert api.requests == []
