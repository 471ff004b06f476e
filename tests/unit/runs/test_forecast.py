"""The forecast of a run, held to what simulated sources then take: a grid of latencies, sizes and widths."""

from __future__ import annotations

import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.api.page import PageReader
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.forecast import FirstPage, LambdaTerms, best_concurrency, forecast, memory_megabytes
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.utils.clock import ManualClock
from tests.fakes.paged_source import BASE, STYLES, Answer, PagedSource
from tests.fakes.transports import FakePagedApi, FakeTransport
from tests.fakes.worker import lake

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest, HttpResponse

LOGGER = logging.getLogger("tests.forecast")
FIRST = FirstPage(latency=0.2, size=200_000, records=1_000, pages=1_000)
# On a clock that is turned by hand the processor takes no time, so that only latency is left to foresee.
NO_CPU = 0.0


class SlowApi(FakePagedApi):
    """Answers after its latency, on one clock for all: requests under way at once pass it together."""

    def __init__(self, total: int, clock: ManualClock, latency: float, width: int) -> None:
        super().__init__(total)
        self._clock = clock
        self._latency = latency
        self._width = width
        self._lock = threading.Lock()
        self._served = 0

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        with self._lock:
            self._served += 1
            alone = self._served == 1
            self._clock.advance(self._latency if alone else self._latency / self._width)
        return super().send(request, timeout=timeout)


def service(
    root: Path, api: SlowApi, clock: ManualClock, width: int, per_second: float | None = None
) -> RunService:
    client = UnstableAPIClient(
        "https://api.example",
        None,
        LOGGER,
        look_back="none",
        transport=api,
        clock=clock,
        concurrency=width,
        requests_per_second=per_second,
    )
    terms = LambdaTerms(concurrency=width, requests_per_second=per_second, cpu_seconds_a_record=NO_CPU)
    return RunService(client, lake(root), "lake", logger=LOGGER, clock=clock, terms=terms)


def plan(limit: int) -> RunPlan:
    return RunPlan(run_id="r", source="https://api.example/data", dataset="d", format="jsonl", limit=limit)


@pytest.mark.parametrize(
    ("latency", "pages", "width"), list(itertools.product((0.05, 0.5, 2.0), (1, 9, 60), (1, 8)))
)
def test_a_run_takes_what_its_first_page_foretold(
    tmp_path: Path, latency: float, pages: int, width: int
) -> None:
    clock = ManualClock()
    api = SlowApi(pages * 10, clock, latency, width)
    receipt = service(tmp_path, api, clock, width).carry_out(plan(10))
    assert receipt.forecast is not None
    assert receipt.actual is not None
    assert receipt.end is not None
    assert receipt.end.requests == (pages == 1)  # a single page's total may be its own count
    proof = receipt.end.requests * latency / width
    price = LambdaTerms().dollars_a_gigabyte_second
    assert receipt.actual.seconds - proof == pytest.approx(receipt.forecast.seconds, rel=0.25)
    assert receipt.actual.dollars - proof * price == pytest.approx(receipt.forecast.dollars, rel=0.25)
    assert receipt.actual.requests - receipt.end.requests == receipt.forecast.requests == pages


def test_looking_ahead_fetches_no_page_ahead_where_each_leads_to_the_next(tmp_path: Path) -> None:
    source = PagedSource("cursor", [Answer((1,)), Answer((2,))])
    api, reader = FakeTransport(source), PageReader(total_pages_field=None)
    client = UnstableAPIClient(
        BASE,
        None,
        LOGGER,
        look_back="none",
        transport=api,
        pagination=STYLES["cursor"],
        reader=reader,
        concurrency=4,
    )
    RunService(client, lake(tmp_path), "lake", logger=LOGGER).look_ahead(plan(1))
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("latency", "per_second"), list(itertools.product((0.05, 0.5, 2.0), (0.25, 1, 4, 100)))
)
def test_a_limit_on_requests_is_foretold_too(tmp_path: Path, latency: float, per_second: float) -> None:
    clock = ManualClock()
    api = SlowApi(300, clock, latency, 1)
    receipt = service(tmp_path, api, clock, 1, per_second).carry_out(plan(10))
    assert receipt.forecast is not None
    assert receipt.actual is not None
    assert receipt.actual.seconds == pytest.approx(receipt.forecast.seconds, rel=0.25)
    assert receipt.forecast.seconds >= 29 / per_second


def test_no_more_at_once_are_worth_it_than_a_limit_on_requests_lets_through() -> None:
    assert best_concurrency(FIRST, LambdaTerms(requests_per_second=10)) == 2
    assert best_concurrency(FIRST, LambdaTerms(requests_per_second=1)) == 1
    unlimited = best_concurrency(FIRST, LambdaTerms())
    assert best_concurrency(FIRST, LambdaTerms(requests_per_second=1e4)) == unlimited


def test_less_memory_is_less_of_a_processor_and_more_is_no_more_for_one_thread() -> None:
    def seconds(megabytes: float) -> float:
        return forecast(FIRST, LambdaTerms(memory_megabytes=megabytes, concurrency=64)).seconds

    assert seconds(1769) < seconds(1024) < seconds(512)
    assert seconds(3008) == seconds(1769)
    waits_only = LambdaTerms(memory_megabytes=512, cpu_seconds_a_record=NO_CPU)
    assert (
        forecast(FIRST, waits_only).seconds
        == forecast(FIRST, structs.replace(waits_only, memory_megabytes=1769)).seconds
    )


def test_looking_ahead_fetches_one_page_and_writes_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    api = SlowApi(600, clock, 0.5, 1)
    figures = service(tmp_path, api, clock, 1).look_ahead(plan(10))
    assert (len(api.requests), figures.requests) == (1, 60)
    assert list(lake(tmp_path).list_objects("lake")) == []


def test_more_pages_at_once_are_faster_until_the_processor_is_busy() -> None:
    best = best_concurrency(FIRST, LambdaTerms())
    seconds = [forecast(FIRST, LambdaTerms(concurrency=width)).seconds for width in (1, best, 2 * best)]
    assert seconds[0] > 10 * seconds[1]
    assert seconds[1] == pytest.approx(seconds[2])


def test_a_run_that_outlasts_an_invocation_takes_several() -> None:
    assert forecast(FIRST, LambdaTerms(concurrency=1, seconds_per_invocation=60)).invocations == 4


def test_memory_grows_with_page_and_width_and_hardly_with_the_number_of_pages() -> None:
    def needed(pages: int, **terms: Any) -> float:
        first = FirstPage(latency=0.2, size=1_000_000, records=1_000, pages=pages)
        return memory_megabytes(first, LambdaTerms(**terms))

    assert needed(0) == needed(10)
    assert needed(100_000) - needed(0) == pytest.approx(70)
    assert needed(10, concurrency=16) > needed(10, concurrency=4) > 0


def test_of_a_source_that_does_not_say_how_long_it_is_only_the_first_page_is_reckoned() -> None:
    silent = FirstPage(latency=0.2, size=1_000, records=10, pages=None)
    assert forecast(silent, LambdaTerms()).requests == 1
