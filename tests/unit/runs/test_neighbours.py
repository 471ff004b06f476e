"""Workers that ask one source at once: what it says to one slows all, and limits are divided."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.pace import Pace, RateRules
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import StorageUnavailableError
from de_classes.runs.neighbours import HoldInBucket
from de_classes.utils.clock import ManualClock
from tests.fakes.runs import BUCKET, LOGGER, memory
from tests.fakes.transports import FakePagedApi, FakeTransport

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.storage.clients import ObjectStore

KEY = "raw/_runs/run/hold.json"


def hold(store: ObjectStore, clock: ManualClock) -> HoldInBucket:
    return HoldInBucket(store, BUCKET, KEY, clock, LOGGER)


def waited(pace: Pace, clock: ManualClock) -> float:
    before = clock.monotonic()
    with pace.turn(deadline=None, stopped=threading.Event()):
        return clock.monotonic() - before


def test_a_429_in_one_worker_slows_another() -> None:
    store, clock = memory(), ManualClock()
    one, other = (Pace(8, clock=clock, neighbours=hold(store, clock)) for _ in range(2))
    assert waited(other, clock) == 0.0
    one.slow_down(clock.monotonic(), 20.0)
    clock.advance(3.0)  # it is looked at every two seconds
    assert waited(other, clock) == pytest.approx(18.0)
    assert other.width < 4.0
    assert waited(other, clock) == 0.0
    assert waited(one, clock) == 0.0


def test_what_was_told_long_ago_slows_nobody() -> None:
    store, clock = memory(), ManualClock()
    Pace(8, clock=clock, neighbours=hold(store, clock)).slow_down(clock.monotonic(), 20.0)
    clock.advance(60.0)
    late = Pace(8, clock=clock, neighbours=hold(store, clock))
    clock.advance(3.0)
    assert (waited(late, clock), late.width) == (0.0, 5.0)


def test_a_moment_by_a_clock_that_is_far_ahead_is_not_waited_for() -> None:
    store, clock = memory(), ManualClock()
    hold(store, clock).tell(clock.now() + 9_999.0)
    worker = hold(store, clock)
    clock.advance(3.0)
    assert worker.told() == 0.0


def test_what_is_no_moment_is_passed_over() -> None:
    store, clock = memory(), ManualClock()
    store.put_object(BUCKET, KEY, b"no JSON")
    worker = hold(store, clock)
    clock.advance(3.0)
    assert worker.told() == 0.0


class Refusing:
    """A store that does not answer."""

    def put_object(self, *_: object, **__: object) -> None:
        raise StorageUnavailableError("down")

    get_object = put_object


def test_a_store_that_does_not_answer_ends_no_run() -> None:
    clock = ManualClock()
    worker = hold(Refusing(), clock)  # type: ignore[arg-type]
    worker.tell(clock.now() + 20.0)
    clock.advance(3.0)
    assert worker.told() == 0.0


@pytest.mark.parametrize(("share", "seconds"), [(1, 1.0), (4, 4.0)])
def test_the_limit_on_requests_a_second_is_divided(share: int, seconds: float) -> None:
    clock, moments = ManualClock(), []
    api = FakePagedApi(30)

    def answer(request: HttpRequest) -> HttpResponse:
        moments.append(clock.monotonic())
        return api.send(request, timeout=1.0)

    client = UnstableAPIClient(
        Endpoint.at("https://api.example/data", rate_limit=RateRules(per_second=1.0), look_back="none"),
        limits=ClientLimits(share=share),
        runtime=ClientRuntime(FakeTransport(answer), clock),
    )
    assert len([*client.iterate_all_pages(10)]) == 3
    assert [later - before for before, later in pairwise(moments)] == [seconds] * 2


@pytest.mark.parametrize(("share", "at_once"), [(1, 8), (2, 4), (4, 2), (16, 1)])
def test_the_limit_on_requests_at_once_is_divided(share: int, at_once: int) -> None:
    client = UnstableAPIClient(
        Endpoint.at("https://api.example/data", rate_limit=RateRules(concurrency=8)),
        limits=ClientLimits(concurrency=8, share=share),
    )
    assert client.start_pass(10)._walk._width == at_once  # noqa: SLF001 - how many it will ask for at once
