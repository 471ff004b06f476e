"""A run that is cancelled: who is at it stops, what came is kept, and it goes on once that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.errors import (
    MalformedDataError,
    ObjectExistsError,
    RunCancelledError,
    StorageUnavailableError,
)
from de_classes.runs.journal import Documents, Invocation
from de_classes.runs.liveness import LOOK_SECONDS, NOTE_SECONDS, Cancellation, RunCancellation
from de_classes.runs.ranges import RangeSizes
from de_classes.storage.clients import BaseS3Client
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.runs import BUCKET, LOGGER, ids, journal, memory, plan, progress, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest

RUN = "run"


def cancellation(store: BaseS3Client) -> RunCancellation:
    return RunCancellation(store, BUCKET, "raw", RUN)


class Watched(FakePagedApi):
    """Pages that take their time; the run is cancelled while one of them is asked for."""

    def __init__(
        self, total: int, store: BaseS3Client, clock: ManualClock, *, cancel_at: int, seconds: float = 1.0
    ) -> None:
        super().__init__(total)
        self.store, self.clock, self.cancel_at, self.seconds = store, clock, cancel_at, seconds

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self.clock.advance(self.seconds)
        if int(request.params["page"]) == self.cancel_at:
            cancellation(self.store).ask()
        return super().send(request, timeout=timeout)


def notes(store: BaseS3Client) -> list[Invocation]:
    found = [info.key for info in store.list_objects(BUCKET) if "/invocation-" in info.key]
    return [Documents(store, BUCKET).get(key, Invocation) for key in found]


def test_who_is_at_it_stops_at_the_next_part_and_keeps_what_came() -> None:
    store, clock = memory(), ManualClock()
    api = Watched(200, store, clock, cancel_at=3)
    with pytest.raises(RunCancelledError, match="--resume") as caught:
        service(store, api, clock=clock).carry_out(plan())
    assert caught.value.run_id == RUN
    assert max(api.pages_asked()) == 4  # two pages a part
    assert sum(len(part.entries) for part in progress(store).sealed) == 4
    assert [note.outcome for note in notes(store)] == ["cancelled"]


def test_between_two_parts_it_looks_every_few_seconds() -> None:
    store, clock = memory(), ManualClock()
    api = Watched(500, store, clock, cancel_at=3)
    with pytest.raises(RunCancelledError):
        service(store, api, clock=clock, part_pages=1000).carry_out(plan())
    assert 3 < max(api.pages_asked()) <= 3 + LOOK_SECONDS + 1
    (sealed,) = progress(store).sealed  # though the part was not full
    assert len(sealed.entries) == max(api.pages_asked())


def test_a_page_costs_no_request_to_the_store() -> None:
    """Looks and signs of life go by the clock: two hundred pages in no time cost what ten do."""
    calls = []
    for total in (100, 2_000):
        s3, clock = FakeS3(), ManualClock()
        s3.create_bucket(Bucket=BUCKET)
        store = BaseS3Client(s3, LOGGER, clock=clock)
        api = Watched(total, store, clock, cancel_at=0, seconds=0)
        service(store, api, clock=clock, part_pages=1000).carry_out(plan())
        calls.append(s3.calls.total())
    assert calls[0] == calls[1]


def test_a_cancelled_run_is_refused_until_somebody_says_that_it_goes_on() -> None:
    store, clock = memory(), ManualClock()
    with pytest.raises(RunCancelledError):
        service(store, Watched(100, store, clock, cancel_at=3), clock=clock).carry_out(plan())
    api = FakePagedApi(100)
    with pytest.raises(RunCancelledError):
        service(store, api).carry_out(plan())
    assert api.requests == []
    receipt = service(store, api).carry_out(plan(), resume=True)
    assert (receipt.status, receipt.records) == ("complete", 100)
    assert ids(store, receipt) == list(range(100))
    assert not {1, 2, 3} & {*api.pages_asked()[:-5]}  # what came was kept
    assert not cancellation(store).is_asked


def test_a_run_can_be_cancelled_before_it_is_begun() -> None:
    store, api = memory(), FakePagedApi(100)
    cancellation(store).ask()
    with pytest.raises(RunCancelledError):
        service(store, api).carry_out(plan())
    assert api.requests == []


def test_a_run_that_is_cancelled_behind_its_last_page_commits_nothing() -> None:
    store, clock = memory(), ManualClock()

    class AtTheEnd(FakePagedApi):
        def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
            if len(self.requests) == 3:  # pages 1 to 3 came, and this is for proof
                cancellation(store).ask()
            return super().send(request, timeout=timeout)

    with pytest.raises(RunCancelledError):
        service(store, AtTheEnd(30), clock=clock, look_back="all").carry_out(plan())
    assert [info.key for info in store.list_objects(BUCKET) if "_manifest-" in info.key] == []
    receipt = service(store, FakePagedApi(30)).carry_out(plan(), resume=True)
    assert receipt.records == 30


def test_a_run_that_is_complete_stays_so() -> None:
    store = memory()
    service(store, FakePagedApi(30)).carry_out(plan())
    cancellation(store).ask()
    assert service(store, FakePagedApi(30)).carry_out(plan()).complete_before


def test_to_resume_what_nobody_cancelled_writes_nothing() -> None:
    store = memory()
    service(store, FakePagedApi(30)).carry_out(plan(), resume=True)
    assert not store.object_exists(BUCKET, cancellation(store).key)


def test_a_sign_of_life_tells_what_no_part_does_yet() -> None:
    store, clock = memory(), ManualClock()
    seen: list[Invocation] = []

    class Looking(Watched):
        def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
            seen[:] = notes(self.store)
            return super().send(request, timeout=timeout)

    api = Looking(1000, store, clock, cancel_at=0)
    service(store, api, clock=clock, part_pages=1000).carry_out(plan(pages=plan().pages))
    (last,) = seen
    assert last.outcome is None
    assert last.unsealed.pages >= NOTE_SECONDS
    assert last.unsealed.records == last.unsealed.pages * 10
    assert last.unsealed.counts.requests_by_outcome["200"] >= last.unsealed.pages


def test_a_store_that_does_not_answer_a_look_ends_no_run() -> None:
    store, clock = memory(), ManualClock()
    failing = {"on": True}
    get = store.get_object

    def get_object(bucket: str, key: str) -> bytes:
        if key.endswith("cancelled.json") and clock.monotonic() > 1 and failing["on"]:
            failing["on"] = False
            raise StorageUnavailableError("it is down")
        return get(bucket, key)

    store.get_object = get_object  # type: ignore[method-assign]
    service(store, Watched(60, store, clock, cancel_at=0), clock=clock).carry_out(plan())
    assert not failing["on"]


def test_what_is_no_cancellation_is_named() -> None:
    store = memory()
    store.put_object(BUCKET, cancellation(store).key, b"[]")
    with pytest.raises(MalformedDataError, match=r"cancelled\.json"):
        service(store, FakePagedApi(30)).carry_out(plan())


def test_it_is_a_document_that_says_itself_that_it_holds_no_more() -> None:
    store = memory()
    asked = cancellation(store)
    asked.ask()
    assert store.get_object(BUCKET, asked.key) == b'{"version":1}'
    asked.lift()
    assert Documents(store, BUCKET).get(asked.key, Cancellation).lifted
    with pytest.raises(ObjectExistsError):
        store.put_object(BUCKET, asked.key, b"x", if_none_match=True)  # it is not deleted: a worker may not
    assert journal(store).plan() is None


def test_every_range_of_a_run_stops_and_the_run_goes_on_once_it_is_planned_anew() -> None:
    store, clock = memory(), ManualClock()
    api = Watched(400, store, clock, cancel_at=15)
    first, second = service(store, api, clock=clock).cut(plan(), RangeSizes(at_once=2, least=1))
    with pytest.raises(RunCancelledError):
        service(store, api, clock=clock).carry_out_range(plan(), first)
    came = max(api.pages_asked())
    assert 15 <= came <= 16  # two pages a part
    with pytest.raises(RunCancelledError):
        service(store, api, clock=clock).carry_out_range(plan(), second)
    with pytest.raises(RunCancelledError):
        service(store, api, clock=clock).cut(plan())
    with pytest.raises(RunCancelledError):
        service(store, api, clock=clock).carry_out(plan())
    assert max(api.pages_asked()) == came
    assert {note.outcome for note in notes(store)} == {"done", "cancelled"}
    rest = FakePagedApi(400)
    ranges = service(store, rest).cut(plan(), resume=True)
    assert ranges == (first, second)
    for each in ranges:
        assert service(store, rest).carry_out_range(plan(), each).status == "done"
    receipt = service(store, rest).carry_out(plan())
    assert ids(store, receipt) == list(range(400))
    assert not {*range(1, came)} & {*rest.pages_asked()[:30]}  # what came was kept


def test_a_run_that_waits_for_its_source_is_cancelled_within_seconds() -> None:
    store, clock = memory(), ManualClock()

    class Down(FakePagedApi):
        def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
            if int(request.params["page"]) < 4:
                return super().send(request, timeout=timeout)
            cancellation(store).ask()
            return HttpResponse(503, {"retry-after": "600"})

    api = Down(100)
    with pytest.raises(RunCancelledError):
        service(store, api, clock=clock, part_pages=1000).carry_out(plan())
    assert clock.monotonic() <= LOOK_SECONDS + 1
    (sealed,) = progress(store).sealed
    assert len(sealed.entries) == 3


def test_who_waits_gives_signs_of_life() -> None:
    store, clock = memory(), ManualClock()
    seen: list[Invocation] = []

    class Waking(FakePagedApi):
        def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
            if int(request.params["page"]) == 3 and not seen:
                seen[:] = notes(store)
                return HttpResponse(503, {"retry-after": "200"})
            if len(seen) == 1:
                seen[:] = [*seen, *notes(store)]
            return super().send(request, timeout=timeout)

    service(store, Waking(50), clock=clock, part_pages=1000).carry_out(plan())
    assert (seen[0].unsealed.pages, seen[1].unsealed.pages) == (0, 2)
    assert seen[1].unsealed.counts.requests_by_outcome["503"] == 1


def test_a_store_that_is_down_is_not_asked_to_note_that() -> None:
    store, written = memory(), []
    put = store.put_object

    def put_object(bucket: str, key: str, body: bytes, **options: Any) -> Any:
        written.append(key)
        if "/part-" in key:
            raise StorageUnavailableError("it is down")
        return put(bucket, key, body, **options)

    store.put_object = put_object  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailableError):
        service(store, FakePagedApi(60)).carry_out(plan())
    assert "/part-" in written[-1]
    assert [note.outcome for note in notes(store)] == [None]
