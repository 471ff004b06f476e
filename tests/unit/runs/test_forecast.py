"""The forecast of a run, held to what simulated sources then take: a grid of latencies, sizes and widths."""

from __future__ import annotations

import itertools
import logging
import math
import threading
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.pace import RateRules
from de_classes.api.pagination import OnePagePagination
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.forecast import (
    FirstPage,
    LambdaTerms,
    best_concurrency,
    forecast,
    memory_megabytes,
    proof_requests,
)
from de_classes.runs.plan import RunPlan
from de_classes.runs.run_service import RunService
from de_classes.utils.clock import ManualClock
from tests.fakes.effort import first_of
from tests.fakes.every import every
from tests.fakes.paged_source import BASE, STYLES, Answer, PagedSource
from tests.fakes.provable_api import LIMIT, RECKONED, WAYS, ProvableApi, Reading, counting, endpoint, read
from tests.fakes.transports import FakePagedApi, FakeTransport
from tests.fakes.worker import lake

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.endpoint import LookBack
    from de_classes.api.messages import HttpRequest, HttpResponse

LOGGER = logging.getLogger("tests.forecast")
FIRST = FirstPage(latency=0.2, size=200_000, records=1_000, pages=1_000)
# On a clock that is turned by hand the processor takes no time, so that only latency is left to foresee.
NO_CPU = 0.0
# The last page again, what lies around the pages, and three looks.
MOST_BY_NUMBERS_ALONE = 7


class SlowApi(FakePagedApi):
    """Answers after its latency, on one clock for all: requests under way at once pass it together.

    The first page goes alone, and so does what is asked for behind the last, as a proof.
    """

    def __init__(self, total: int, clock: ManualClock, latency: float, width: int) -> None:
        super().__init__(total)
        self._clock = clock
        self._latency = latency
        self._width = width
        self._pages = -(-total // 10)
        self._lock = threading.Lock()
        self._served = 0

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        with self._lock:
            self._served += 1
            alone = self._served == 1 or self._served > self._pages
            self._clock.advance(self._latency if alone else self._latency / self._width)
        return super().send(request, timeout=timeout)


def service(
    root: Path,
    api: SlowApi,
    clock: ManualClock,
    width: int,
    per_second: float | None = None,
    *,
    look_back: LookBack = "some",
) -> RunService:
    client = UnstableAPIClient(
        Endpoint.at(
            "https://api.example/data", look_back=look_back, rate_limit=RateRules(per_second=per_second)
        ),
        None,
        LOGGER,
        limits=ClientLimits(concurrency=width),
        runtime=ClientRuntime(transport=api, clock=clock),
    )
    terms = LambdaTerms(concurrency=width, requests_per_second=per_second, cpu_seconds_a_record=NO_CPU)
    return RunService(
        client,
        DatasetDestination(lake(root), "lake"),
        runtime=Runtime(logger=LOGGER, clock=clock, terms=terms),
    )


def plan(limit: int) -> RunPlan:
    return RunPlan(run_id="r", source="https://api.example/data", dataset="d", format="jsonl", limit=limit)


@pytest.mark.parametrize("look_back", first_of(["some", "none", "all"]))
@pytest.mark.parametrize(
    ("latency", "pages", "width"), list(itertools.product((0.05, 0.5, 2.0), (1, 9, 60), (1, 8)))
)
def test_a_run_takes_what_its_first_page_foretold(
    tmp_path: Path, latency: float, pages: int, width: int, look_back: LookBack
) -> None:
    clock = ManualClock()
    api = SlowApi(pages * 10, clock, latency, width)
    receipt = service(tmp_path, api, clock, width, look_back=look_back).carry_out(plan(10))
    assert receipt.forecast is not None
    assert receipt.actual is not None
    looks = {"none": 0, "some": min(pages, 5), "all": pages}[look_back]
    proof = looks + (pages == 1)  # a single page's total may be its own count
    assert receipt.actual.proof_requests == receipt.forecast.proof_requests == proof
    assert receipt.actual.requests == receipt.forecast.requests == pages + proof
    assert receipt.actual.seconds == pytest.approx(receipt.forecast.seconds, rel=0.25)
    assert receipt.actual.dollars == pytest.approx(receipt.forecast.dollars, rel=0.25)


def spent_on_proof(way: str, records: int, tells: str = "", beyond: int = 200, **changes: Any) -> int:
    """What a still source takes besides its pages, held to what is foretold of it."""
    told = [tells] if tells else []
    api = ProvableApi(way, records, tells=told, beyond=beyond)
    reading = read(way, api, told, **changes)
    assert reading.error is None
    pages = len(reading.entries)
    spent = len(api.requests) - pages
    is_counted = tells == "total" and way != "page"  # there it takes their number to know the last
    foretold = proof_requests(endpoint(way, told, **changes), pages, is_counted=is_counted)
    is_told = way != "page" or tells not in {"", "full"} or "count" in changes
    assert spent == reading.evidence.requests <= foretold
    assert spent <= max(5 if is_told else MOST_BY_NUMBERS_ALONE, math.ceil(pages / 100))
    return spent


@every("count", [0, 1, 2, LIMIT - 1, LIMIT, LIMIT + 1, 4 * LIMIT - 1, 4 * LIMIT, 40 * LIMIT - 1, 40 * LIMIT])
@every("way", WAYS)
def test_a_still_source_takes_five_requests_for_proof_or_seven_by_numbers_alone(way: str, count: int) -> None:
    for tells in ("", "total", "marker", *(["full"] if way in RECKONED else [])):
        spent_on_proof(way, count, tells)
        spent_on_proof(way, count, tells, count=counting())
        if way in RECKONED and count > 1:  # nothing tells one page of one record from a window
            spent_on_proof(way, count, tells, beyond=404)
            spent_on_proof(way, count, tells, beyond=400)
    spent_on_proof(way, count, key=("id",))


@pytest.mark.parametrize("pages", first_of([250, 1_200]))
@pytest.mark.parametrize("way", WAYS)
def test_of_a_long_run_no_more_than_a_hundredth_is_spent_on_proof(way: str, pages: int) -> None:
    for count in (pages * LIMIT, pages * LIMIT - 1):
        assert spent_on_proof(way, count) >= pages // 100


@pytest.mark.parametrize("count", [0, 1, LIMIT + 1, 6 * LIMIT, 6 * LIMIT - 1])
@pytest.mark.parametrize("way", WAYS)
def test_a_receipt_counts_every_request_that_is_not_for_a_page(tmp_path: Path, way: str, count: int) -> None:
    api = ProvableApi(way, count)
    client = UnstableAPIClient(endpoint(way), runtime=ClientRuntime(transport=api, clock=ManualClock()))
    receipt = RunService(
        client, DatasetDestination(lake(tmp_path), "lake"), runtime=Runtime(logger=LOGGER)
    ).carry_out(plan(LIMIT))
    assert receipt.actual is not None
    assert receipt.forecast is not None
    proof, foretold = receipt.actual.proof_requests, receipt.forecast.proof_requests
    assert proof is not None
    assert foretold is not None
    assert receipt.actual.requests == len(api.requests) == receipt.pages + proof
    assert proof <= foretold


def test_a_long_run_proves_a_hundredth_of_its_pages_and_a_strict_one_every_page() -> None:
    numbered = UnstableAPIClient(BASE, None).endpoint
    assert [proof_requests(numbered, pages, is_counted=True) for pages in (2, 500, 600, 100_000)] == [
        2,
        5,
        6,
        1_000,
    ]
    assert proof_requests(numbered, 600, is_counted=True, strict=True) == 600
    never = structs.replace(numbered, look_back="none")
    assert proof_requests(never, 600, is_counted=True, strict=True) == 0
    one = structs.replace(never, pagination=OnePagePagination())
    assert proof_requests(one, None, is_counted=False) == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_source_that_counts_is_asked_for_it_before_and_after(way: str) -> None:
    counted = structs.replace(endpoint(way), count=counting())
    for count in (LIMIT, 3 * LIMIT, 3 * LIMIT + 1):
        reading = Reading(ProvableApi(way, count), counted)
        assert reading.evidence.end.by == "counted"
        pages = len(reading.entries)
        most = proof_requests(counted, pages, is_counted=False)
        assert 2 + min(pages, 3) <= reading.evidence.requests <= most


def test_places_that_are_a_unique_key_are_not_looked_at_again() -> None:
    by_key = structs.replace(endpoint("last_record"), key=("id",))
    by_other = structs.replace(by_key, key=("name",))
    asked = [proof_requests(each, None, is_counted=False) for each in (by_key, by_other)]
    assert asked[1] - asked[0] == 1
    assert read("last_record", ProvableApi("last_record", 9)).evidence.requests <= asked[0] + 5


def test_looking_ahead_fetches_no_page_ahead_where_each_leads_to_the_next(tmp_path: Path) -> None:
    source = PagedSource("cursor", [Answer((1,)), Answer((2,))])
    api, reader = FakeTransport(source), PageReader(total_pages_field=None)
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", pagination=STYLES["cursor"], reader=reader, look_back="none"),
        None,
        LOGGER,
        limits=ClientLimits(concurrency=4),
        runtime=ClientRuntime(transport=api),
    )
    RunService(client, DatasetDestination(lake(tmp_path), "lake"), runtime=Runtime(logger=LOGGER)).look_ahead(
        plan(1)
    )
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
    assert (len(api.requests), figures.requests, figures.proof_requests) == (1, 60 + 5, 5)
    narrow = FirstPage(latency=0.5, size=len(api.page(1, 10).body), records=10, pages=60)
    a_column = memory_megabytes(narrow, LambdaTerms())
    assert figures.memory_megabytes == pytest.approx(a_column + 0.06, abs=0.1)
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

    assert needed(100_000) - needed(0) == pytest.approx(70)
    assert needed(0) == needed(10)
    assert needed(10, concurrency=16) > needed(10, concurrency=4) > 0


@pytest.mark.parametrize(("records", "pages", "batch"), [(10, 200, 1_000), (10, 40, 400), (1_000, 1, 1_000)])
def test_wide_records_take_the_memory_of_a_thousand_of_them(records: int, pages: int, batch: int) -> None:
    size = 100_000  # of one record
    wide = FirstPage(latency=0.2, size=records * size, records=records, pages=pages)
    terms = LambdaTerms(concurrency=1, base_megabytes=0.0)
    in_hand = 12 * (min(records * size, 32 * 2**20) + batch * size) / 2**20
    assert memory_megabytes(wide, terms) == pytest.approx(in_hand + 0.0007 * pages, abs=0.1)


def test_of_a_source_that_does_not_say_how_long_it_is_only_the_first_page_is_reckoned() -> None:
    silent = FirstPage(latency=0.2, size=1_000, records=10, pages=None)
    assert forecast(silent, LambdaTerms()).requests == 1
    proved = structs.replace(silent, proof=4)
    assert (forecast(proved, LambdaTerms()).requests, forecast(proved, LambdaTerms()).proof_requests) == (
        5,
        4,
    )
