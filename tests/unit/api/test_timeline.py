"""What a receipt says of when things happened, in bounded memory."""

from __future__ import annotations

import msgspec
import pytest

from de_classes.api.counters import MOST_STRETCHES, TimelineRecorder
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakePagedApi

BASE = "https://api.example"


def test_requests_records_and_waits_are_noted_in_the_stretch_in_which_they_fall() -> None:
    clock = ManualClock()
    recorder = TimelineRecorder(clock)
    recorder.request_ended("503")
    recorder.retried(0.25, 7)
    clock.advance(0.25)
    recorder.request_ended("200")
    recorder.records_came(100)
    timeline = recorder.timeline()
    assert timeline.requests == {"200": [0, 0, 1], "503": [1, 0, 0]}
    assert (timeline.seconds, timeline.records, timeline.waited) == (0.125, [0, 0, 100], [0.25, 0.0, 0.0])
    assert (timeline.retried_pages_each, timeline.retried_pages) == (1, [[7, 1]])


def test_an_answer_that_was_not_what_it_seemed_is_counted_once_as_what_it_was() -> None:
    recorder = TimelineRecorder(ManualClock())
    recorder.request_ended("200")
    recorder.request_turned_out("200", "CorruptResponseError")
    assert recorder.timeline().requests == {"CorruptResponseError": [1]}


def test_an_answer_from_before_the_timeline_is_none_of_it() -> None:
    recorder = TimelineRecorder(ManualClock())
    recorder.request_turned_out("200", "CorruptResponseError")
    assert recorder.timeline().requests == {}


@pytest.mark.parametrize("seconds", [29.0, 31.0, 3_600.0, 1_000_000.0])
def test_however_long_a_run_takes_its_timeline_is_bounded_and_its_sums_are_right(seconds: float) -> None:
    clock = ManualClock()
    recorder = TimelineRecorder(clock)
    for _ in range(1_000):
        clock.advance(seconds / 1_000)
        recorder.request_ended("200")
        recorder.records_came(10)
        recorder.retried(0.5, 1)
    timeline = recorder.timeline()
    assert len(timeline.records) <= MOST_STRETCHES
    assert timeline.seconds * len(timeline.records) >= seconds * 0.99
    assert (sum(timeline.requests["200"]), sum(timeline.records), sum(timeline.waited)) == (
        1_000,
        10_000,
        500,
    )


@pytest.mark.parametrize("moments", [(10.0, 29.0, 31.0), (7.0, 29.0, 500.0, 1_900.0)])
def test_what_happened_early_stays_where_it_was_when_stretches_grow(moments: tuple[float, ...]) -> None:
    clock = ManualClock()
    began, recorder = clock.monotonic(), TimelineRecorder(clock)
    for moment in moments:
        clock.advance(began + moment - clock.monotonic())
        recorder.records_came(1)
        recorder.request_ended("200")
    timeline = recorder.timeline()
    places = {int(moment // timeline.seconds) for moment in moments}
    for counts in (timeline.records, timeline.requests["200"]):
        assert {place for place, number in enumerate(counts) if number} == places


def test_however_many_pages_are_asked_for_again_the_list_of_them_is_bounded() -> None:
    recorder = TimelineRecorder(ManualClock())
    for page in range(1, 10_001):
        recorder.retried(0.0, page)
    timeline = recorder.timeline()
    assert len(timeline.retried_pages) <= MOST_STRETCHES
    assert sum(times for _, times in timeline.retried_pages) == 10_000
    assert all(page % timeline.retried_pages_each == 0 for page, _ in timeline.retried_pages)
    recorder.retried(0.0, 9_999)
    before, after = timeline.retried_pages[-1], recorder.timeline().retried_pages[-1]
    assert after == [before[0], before[1] + 1]
    assert len(msgspec.json.encode(timeline)) < 10_000


def test_nothing_happened_yet() -> None:
    assert TimelineRecorder(ManualClock()).timeline().records == []


def client_of(api: FakePagedApi) -> UnstableAPIClient:
    return UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", look_back="none"),
        runtime=ClientRuntime(transport=api, clock=ManualClock()),
    )


def test_a_clients_timeline_adds_up_to_its_counts() -> None:
    failing = [HttpResponse(503, {}, b""), HttpResponse(200, {}, b"<html>sorry</html>")]
    client = client_of(FakePagedApi(50, {3: failing}))
    list(client.iterate_all_pages(limit=10))
    counts, timeline = client.counts(), client.timeline()
    assert {outcome: sum(of) for outcome, of in timeline.requests.items()} == counts.requests_by_outcome
    assert sum(timeline.records) == counts.records_ingested == 50
    assert timeline.retried_pages == [[3, 2]]


def test_a_run_has_a_timeline_of_its_own() -> None:
    client = client_of(FakePagedApi(50))
    list(client.iterate_all_pages(limit=10))
    client.begin_timeline()
    assert client.timeline().requests == {}
