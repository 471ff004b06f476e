"""Whole runs against arithmetic: every page comes, and no more is asked than failures demand."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import IncompleteRunError, NetworkError
from de_classes.utils.clock import ManualClock
from tests.fakes.effort import examples
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest

PAGES = 100
SEEDS = examples(50)


class FailingApi(FakePagedApi):
    """Fails each try of a page by a draw from (seed, page, try), as the simulator does."""

    def __init__(self, rate: float, seed: int) -> None:
        super().__init__(total=PAGES)
        self._rate = rate
        self._seed = seed
        self._tries: dict[str, int] = {}
        self.failed = 0

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        page = request.params["page"]
        self._tries[page] = self._tries.get(page, 0) + 1
        drawn = hashlib.blake2b(f"{self._seed}/{page}/{self._tries[page]}".encode(), digest_size=8).digest()
        answer = super().send(request, timeout=timeout)
        if int.from_bytes(drawn) / 2**64 < self._rate:
            self.failed += 1
            return HttpResponse(503)
        return answer


@pytest.mark.examples
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3, 0.5])
def test_every_run_is_complete_and_asks_no_more_than_failures_demand(rate: float) -> None:
    for seed in range(SEEDS):
        api = FailingApi(rate, seed)
        client = UnstableAPIClient(
            Endpoint.at("https://api.example/data", look_back="none"),
            runtime=ClientRuntime(transport=api, clock=ManualClock()),
        )
        pages = [number for number, _ in client.iterate_all_pages(limit=1)]
        assert pages == list(range(1, PAGES + 1))
        assert len(api.requests) == PAGES + api.failed


class DownApi(FakePagedApi):
    """Refuses connections for a while."""

    def __init__(self, clock: ManualClock, start: float, stop: float) -> None:
        super().__init__(total=PAGES)
        self._clock = clock
        self._outage = (start, stop)
        self.refused: list[float] = []

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        now = self._clock.monotonic()
        self._clock.advance(0.05)
        if self._outage[0] <= now < self._outage[1]:
            self.refused.append(now)
            raise NetworkError("refused")
        return super().send(request, timeout=timeout)


@pytest.mark.parametrize("width", [1, 8])
def test_an_outage_of_five_minutes_costs_the_budget_and_some_probes(width: int) -> None:
    clock = ManualClock()
    api = DownApi(clock, start=1.0, stop=301.0)
    client = UnstableAPIClient(
        Endpoint.at("https://api.example/data", look_back="none"),
        limits=ClientLimits(concurrency=width),
        runtime=ClientRuntime(transport=api, clock=clock),
    )
    pages = [number for number, _ in client.iterate_all_pages(limit=1)]
    assert pages == list(range(1, PAGES + 1))
    assert len(api.refused) <= 40 + width + 12


def test_an_outage_longer_than_the_time_ends_the_run_with_its_missing_pages() -> None:
    clock = ManualClock()
    api = DownApi(clock, start=1.0, stop=9e9)
    client = UnstableAPIClient(
        Endpoint.at("https://api.example/data", look_back="none"),
        limits=ClientLimits(deadline=120.0),
        runtime=ClientRuntime(transport=api, clock=clock),
    )
    with pytest.raises(IncompleteRunError) as caught:
        list(client.iterate_all_pages(limit=1))
    assert clock.monotonic() <= 121
    assert caught.value.missing_pages[-1] == PAGES
