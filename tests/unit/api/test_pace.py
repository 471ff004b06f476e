from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from de_classes.api.counters import ClientCounters
from de_classes.api.endpoint import Endpoint, PageSize
from de_classes.api.messages import HttpResponse
from de_classes.api.pace import Pace, RateLimit, RateRules
from de_classes.api.page_fetcher import FetchContext, PageFetcher
from de_classes.api.pagination import PageNumberPagination
from de_classes.api.retry import CircuitBreaker, RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import InvalidInputError, RetriesExhaustedError
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.messages import HttpRequest

LOGGER = logging.getLogger("tests.pace")


def go(pace: Pace, clock: ManualClock, *, times: int = 1, latency: float = 0.01) -> None:
    for _ in range(times):
        with pace.turn(deadline=None, stopped=threading.Event()):
            clock.advance(latency)


def test_the_width_grows_while_all_goes_well_and_stops_at_the_ceiling() -> None:
    clock = ManualClock()
    pace = Pace(16, clock=clock)
    widths = []
    for _ in range(6):
        widths.append(pace.width)
        go(pace, clock, times=int(pace.width))
    assert widths == [4, 8, 16, 16, 16, 16]


def test_the_width_never_exceeds_a_small_ceiling() -> None:
    clock = ManualClock()
    pace = Pace(1, clock=clock)
    go(pace, clock, times=5)
    assert pace.width == 1


def test_a_word_to_slow_down_halves_the_width_and_growth_is_by_one_a_round_from_then_on() -> None:
    clock = ManualClock()
    pace = Pace(64, clock=clock)
    go(pace, clock, times=28)
    assert pace.width == 32
    pace.slow_down(clock.monotonic(), None)
    assert pace.width == 16
    go(pace, clock, times=16)
    assert 16.9 < pace.width < 17.1


def test_of_many_refusals_of_requests_that_were_under_way_together_one_counts() -> None:
    clock = ManualClock()
    pace = Pace(8, clock=clock)
    go(pace, clock, times=4)
    began = clock.monotonic()
    clock.advance(1)
    for _ in range(5):
        pace.slow_down(began, None)
    assert pace.width == 4


def test_the_width_stays_at_one_however_often_the_source_complains() -> None:
    clock = ManualClock()
    pace = Pace(8, clock=clock)
    for _ in range(9):
        clock.advance(1)
        pace.slow_down(clock.monotonic(), None)
    assert pace.width == 1
    go(pace, clock)


def test_a_latency_far_above_the_best_ends_the_growth() -> None:
    clock = ManualClock()
    pace = Pace(64, clock=clock)
    go(pace, clock, times=4, latency=0.1)
    go(pace, clock, times=20, latency=1.0)
    assert pace.width == 8


def test_F04_one_requests_refusal_holds_all_for_as_long_as_it_asks() -> None:
    clock = ManualClock()
    pace = Pace(8, clock=clock)
    pace.slow_down(clock.monotonic(), 3.0)
    go(pace, clock)
    assert clock.sleeps == [3.0]


def test_F07_a_hold_is_never_longer_than_a_minute() -> None:
    clock = ManualClock()
    pace = Pace(8, clock=clock)
    pace.slow_down(clock.monotonic(), 999_999.0)
    go(pace, clock)
    assert sum(clock.sleeps) == 60.0


def test_a_hold_that_outlasts_the_deadline_ends_the_wait_at_once_and_leaves_the_place_free() -> None:
    clock = ManualClock()
    pace = Pace(1, clock=clock)
    pace.slow_down(clock.monotonic(), 30.0)
    with (
        pytest.raises(RetriesExhaustedError, match="left alone"),
        pace.turn(deadline=10.0, stopped=threading.Event()),
    ):
        pytest.fail("no turn is given")
    assert clock.sleeps == []
    go(pace, clock)


def test_a_run_that_is_over_waits_for_no_turn() -> None:
    clock = ManualClock()
    pace = Pace(1, clock=clock)
    over = threading.Event()
    over.set()
    with (
        pace.turn(deadline=None, stopped=threading.Event()),
        pytest.raises(RetriesExhaustedError),
        pace.turn(deadline=None, stopped=over),
    ):
        pytest.fail("no turn is given")
    pace.slow_down(clock.monotonic(), 5.0)
    with pytest.raises(RetriesExhaustedError), pace.turn(deadline=None, stopped=over):
        pytest.fail("no turn is given")


def test_a_run_that_is_over_takes_no_free_place_either() -> None:
    clock = ManualClock()
    pace = Pace(1, clock=clock)
    over = threading.Event()
    over.set()
    with pytest.raises(RetriesExhaustedError, match="is over"), pace.turn(deadline=None, stopped=over):
        pytest.fail("no turn is given")
    go(pace, clock)


def test_F41_who_waits_for_a_place_when_the_time_is_up_waits_no_more() -> None:
    clock = ManualClock()
    pace = Pace(1, clock=clock)
    never = threading.Event()
    with pace.turn(deadline=10.0, stopped=never):
        clock.advance(10.0)
        with (
            pytest.raises(RetriesExhaustedError, match="time is up while"),
            pace.turn(deadline=10.0, stopped=never),
        ):
            pytest.fail("no turn is given")
    go(pace, clock)


def test_however_turns_end_no_place_is_lost_and_none_is_given_twice() -> None:
    """Eight threads of good, bad and refused requests; then the width is still there for all of it."""
    clock, ceiling, most = ManualClock(), 5, [0]
    pace, lock, inside = Pace(ceiling, clock=clock), threading.Lock(), set[int]()

    def request(number: int, turn: int) -> None:
        with lock:
            inside.add(number)
            most[0] = max(most[0], len(inside))
        if turn % 7 == number % 7:
            pace.slow_down(clock.monotonic(), 0.1)
        with lock:
            inside.remove(number)
        if turn % 3 == 0:
            raise ValueError("down")

    def work(number: int) -> None:
        for turn in range(40):
            with suppress(ValueError), pace.turn(deadline=None, stopped=threading.Event()):
                request(number, turn)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert 1 <= most[0] <= ceiling
    clock.advance(60)
    with ExitStack() as all_at_once:
        for _ in range(int(pace.width)):
            all_at_once.enter_context(pace.turn(deadline=clock.monotonic(), stopped=threading.Event()))


def test_a_request_that_fails_gives_its_place_back_and_counts_for_nothing() -> None:
    clock = ManualClock()
    pace = Pace(2, clock=clock)
    for _ in range(5):
        with pytest.raises(ValueError, match="down"), pace.turn(deadline=None, stopped=threading.Event()):
            raise ValueError("down")
    assert pace.width == 2


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_limit_that_lets_nothing_through_is_refused(rate: float) -> None:
    with pytest.raises(InvalidInputError):
        Pace(1, per_second=rate)


def test_a_limit_a_second_spaces_requests_out() -> None:
    clock = ManualClock()
    pace = Pace(8, per_second=4.0, clock=clock)
    go(pace, clock, times=9, latency=0.0)
    assert clock.monotonic() == pytest.approx(2.0)


def test_F08_a_hint_narrows_the_width_and_waits_where_nothing_is_left() -> None:
    clock = ManualClock()
    pace = Pace(16, clock=clock)
    go(pace, clock, times=12)
    pace.heed(None)
    assert pace.width == 16
    pace.heed(RateLimit(5, 9.0))
    go(pace, clock)
    assert (int(pace.width), clock.sleeps) == (5, [])
    pace.heed(RateLimit(0, 9.0))
    assert pace.width == 1
    go(pace, clock)
    assert clock.sleeps == [9.0]


class Watched(Pace):
    """Writes down when turns end, and when it is told to slow down."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(1, clock=clock)
        self.events: list[str] = []

    @contextmanager
    def turn(self, *, deadline: float | None, stopped: threading.Event) -> Iterator[None]:
        with super().turn(deadline=deadline, stopped=stopped):
            try:
                yield
            finally:
                self.events.append("over")

    def slow_down(self, began: float, seconds: float | None) -> None:
        self.events.append("refused")
        super().slow_down(began, seconds)


def test_F04_a_refusal_is_told_before_anybody_else_can_have_the_turn() -> None:
    clock = ManualClock()
    pace = Watched(clock)
    fetcher = PageFetcher(
        endpoint=Endpoint("https://api.example/data", page_size=PageSize(into="query.limit")),
        transport=FakePagedApi(20, {1: [HttpResponse(429, {"retry-after": "7"})]}),
        policy=RetryPolicy(),
        timeout=1.0,
        per_second=None,
        deadline=None,
        clock=clock,
        counters=ClientCounters(),
        logger=LOGGER,
    )
    fetcher.fetch(PageNumberPagination().request_for(1, 10), FetchContext(CircuitBreaker(clock=clock), pace))
    assert pace.events == ["refused", "over", "over"]


class Crowd(FakePagedApi):
    """Counts how many are inside at once; the first of page 3 are refused."""

    def __init__(self, total: int, clock: ManualClock) -> None:
        super().__init__(total, {3: [HttpResponse(429, {"retry-after": "2"})] * 2})
        self.sent: list[tuple[float, str]] = []
        self._clock = clock
        self._lock = threading.Lock()

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        with self._lock:
            self.sent.append((self._clock.monotonic(), request.params["page"]))
        return super().send(request, timeout=timeout)


def test_F04_no_page_is_asked_for_while_one_is_told_to_wait() -> None:
    clock = ManualClock()
    api = Crowd(100, clock)
    client = UnstableAPIClient(
        Endpoint.at("https://api.example/data", look_back="none"),
        None,
        LOGGER,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=api, clock=clock),
    )
    assert sum(len(page.records) for page in client.start_pass(10)) == 100
    refused = [moment for moment, page in api.sent if page == "3"]
    assert refused[1] - refused[0] >= 2.0
    assert refused[2] - refused[1] >= 2.0


def test_the_limit_a_second_holds_for_a_run_of_several_at_once() -> None:
    clock = ManualClock()
    api = FakePagedApi(200)
    client = UnstableAPIClient(
        Endpoint.at("https://api.example/data", look_back="none", rate_limit=RateRules(per_second=10.0)),
        None,
        LOGGER,
        limits=ClientLimits(concurrency=8),
        runtime=ClientRuntime(transport=api, clock=clock),
    )
    assert sum(len(page.records) for page in client.start_pass(10)) == 200
    assert clock.monotonic() >= (len(api.requests) - 1) / 10
