from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.auth_client import AuthClient
from de_classes.api.counters import ClientCounters
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import IncompleteRunError, NetworkError
from de_classes.utils.clock import ManualClock
from tests.fakes.clients import BASE, client_of
from tests.fakes.transports import FakePagedApi, FakeTransport, token_response

if TYPE_CHECKING:
    from de_classes.api.counters import Counts

HTML = HttpResponse(200, {}, b"<html>sorry</html>")


class Slow(FakePagedApi):
    """Takes a second for every answer."""

    def __init__(self, clock: ManualClock, **options: Any) -> None:
        super().__init__(**options)
        self._clock = clock

    def send(self, request: Any, *, timeout: float) -> HttpResponse:
        self._clock.advance(1)
        return super().send(request, timeout=timeout)


def counts_of(api: FakeTransport, clock: ManualClock, **options: Any) -> Counts:
    client = client_of(api, clock, **options)
    list(client.iterate_all_pages(limit=10))
    return client.counts()


@pytest.mark.parametrize("width", [1, 8])
def test_every_request_is_counted_by_what_came_of_it(width: int) -> None:
    faults = {2: [HttpResponse(503), HTML], 3: [NetworkError("reset"), HttpResponse(401)], 4: [HTML]}
    auth = AuthClient(
        f"{BASE}/login",
        "ada",
        "x",
        runtime=ClientRuntime(transport=FakeTransport(lambda _: token_response())),
    )
    api = FakePagedApi(50, faults=faults)
    counts = counts_of(api, ManualClock(), auth=auth, concurrency=width)
    assert counts.requests_by_outcome == {
        "200": 5,
        "503": 1,
        "401": 1,
        "NetworkError": 1,
        "CorruptResponseError": 2,
    }
    assert sum(counts.requests_by_outcome.values()) == counts.requests == len(api.requests)
    assert counts.logins == auth.logins == 2


def test_the_time_in_requests_is_counted_and_that_of_waits_is_not() -> None:
    clock = ManualClock()
    counts = counts_of(Slow(clock, total=50, faults={2: [NetworkError("reset")], 3: [HTML]}), clock)
    assert counts.seconds_working == counts.requests == 7
    assert clock.monotonic() == pytest.approx(counts.seconds_working + counts.seconds_waited, abs=0.01)


def test_what_was_counted_since_a_moment_leaves_out_what_came_before() -> None:
    clock = ManualClock()
    api = Slow(clock, total=50, faults={2: [HttpResponse(503)] * 2})
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", look_back="none"), runtime=ClientRuntime(transport=api, clock=clock)
    )
    list(client.iterate_all_pages(limit=10))
    before = client.counts()
    api.faults_for(4, [HttpResponse(500)])
    list(client.iterate_all_pages(limit=10))
    since = client.counts().since(before)
    assert since.requests_by_outcome == {"200": 5, "500": 1}
    assert (since.requests, since.seconds_working, since.logins) == (6, 6.0, 0)


def test_a_request_still_awaited_is_counted_as_unfinished() -> None:
    counters, clock = ClientCounters(), ManualClock()
    with counters.working(clock):
        awaited = counters.snapshot()
    counters.request_ended("200")
    assert awaited.requests_by_outcome == {"unfinished": 1}
    assert counters.snapshot().requests_by_outcome == {"200": 1}


def test_a_run_that_fails_has_all_its_requests_counted() -> None:
    api = FakePagedApi(50, faults={3: [HTML] * 99})
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", look_back="none"),
        runtime=ClientRuntime(transport=api, clock=ManualClock()),
    )
    with pytest.raises(IncompleteRunError):
        list(client.iterate_all_pages(limit=10))
    assert client.counts().requests_by_outcome == {"200": 2, "CorruptResponseError": 10}
