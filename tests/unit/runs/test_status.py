"""Where a run stands, by what lies in the bucket."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec import structs

from de_classes.api.messages import HttpResponse
from de_classes.errors import (
    AuthenticationError,
    IncompleteRunError,
    MalformedDataError,
    NewerLayoutError,
    RunNotFoundError,
)
from de_classes.runs.journal import RunJournal, Unsealed, run_folder
from de_classes.runs.liveness import RunCancellation
from de_classes.runs.progress import FOLDER, RunProgress
from de_classes.runs.ranges import PageRangeOfRun, RangeSizes
from de_classes.runs.status import (
    ALIVE_SECONDS,
    StartedRun,
    list_runs,
    read_status,
    started_key,
)
from de_classes.storage.clients import BaseS3Client
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.runs import BUCKET, LOGGER, KilledError, journal, memory, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from de_classes.runs.progress import SealedPart
    from de_classes.runs.status import ListedRun, RunStatus
    from de_classes.storage.clients import ObjectStore

RUN = "run"
TRIES = 3
BROKEN = [HttpResponse(503)] * 99


def status(store: ObjectStore, run_id: str = RUN, *, later: float = 0.0) -> RunStatus:
    return read_status(store, BUCKET, "raw", run_id, now=time.time() + later)


def listed(store: ObjectStore, *, later: float = 0.0) -> dict[str, ListedRun]:
    runs = list_runs(store, BUCKET, "raw", now=time.time() + later)
    return {each.run_id: each for each in runs}


def killed(store: ObjectStore, pages: int, **changes: object) -> None:
    """A run whose process died when it had taken so many of seven pages, two a part."""
    with pytest.raises(KilledError):
        service(store, FakePagedApi(65), die_after=pages).carry_out(plan(**changes))


def copied(store: ObjectStore, number: int, *parts: int) -> None:
    """Parts of the run as the journal of a range has them: its own, from 1."""
    for sequence, part in enumerate(parts, start=1):
        sealed = next(each for each in journal(store).progress().sealed if each.sequence == part)
        seal_in_range(store, number, structs.replace(sealed, sequence=sequence))


def seal_in_range(store: ObjectStore, number: int, sealed: SealedPart) -> None:
    """A part in the journal of a range, whose places are its own."""
    of = PageRangeOfRun(run_id=RUN, range=number, first=1)
    place = structs.replace(sealed, sequence=number * FOLDER + sealed.sequence)
    RunJournal(store, BUCKET, "raw", RUN, of=of).seal(place)


def test_a_complete_run_is_told_by_its_receipt() -> None:
    store = memory()
    receipt = service(store, FakePagedApi(55, {2: [HttpResponse(503)]})).carry_out(plan())
    told = status(store)
    assert (told.state, told.pages, told.expected_pages, told.records) == ("complete", 6, 6, 55)
    assert (told.parts, told.invocations, told.at_work, told.missing_pages) == (3, 1, 0, 0)
    assert told.requests == receipt.requests
    assert (told.retries, told.retries_by_cause) == (1, {"503": 1})
    assert told.seconds == receipt.seconds
    assert (told.seconds_left, told.error, told.failures) == (None, None, {})
    assert told.receipt == store.uri(BUCKET, next(k for k in keys(store) if "_receipt-" in k))
    assert (told.source, told.dataset, told.format) == (plan().source, "raw/day", "jsonl")


def keys(store: ObjectStore) -> list[str]:
    return [info.key for info in store.list_objects(BUCKET)]


def test_a_run_under_way_tells_what_is_sealed_and_what_is_left() -> None:
    store = memory()
    killed(store, pages=5)
    told = status(store)
    assert (told.state, told.at_work) == ("running", 1)  # nothing tells yet that it was killed
    assert (told.pages, told.expected_pages, told.parts, told.records) == (4, 7, 2, 40)
    assert told.expected_records == 65
    assert told.quiet_seconds is not None
    assert told.quiet_seconds < 5
    assert told.receipt is None


@pytest.mark.parametrize(
    ("later", "state", "at_work"), [(0.0, "running", 1), (ALIVE_SECONDS + 2, "stopped", 0)]
)
def test_who_gives_no_sign_of_life_is_not_at_it(later: float, state: str, at_work: int) -> None:
    store = memory()
    killed(store, pages=3)
    told = status(store, later=later)
    assert (told.state, told.at_work) == (state, at_work)
    assert listed(store, later=later)[RUN].state == state


def test_the_rate_and_what_is_left_are_told_by_the_parts() -> None:
    store = memory()
    killed(store, pages=5)
    for part in journal(store).progress().sealed:
        slow = structs.replace(part, counts=structs.replace(part.counts, seconds=4.0))
        store.put_object(BUCKET, f"{run_folder('raw', RUN)}part-{part.sequence:08d}.json", encoded(slow))
    told = status(store)
    assert (told.records_per_second, told.seconds, told.seconds_left) == (5.0, 8.0, 6.0)


def encoded(document: object) -> bytes:
    return msgspec.json.encode(document)


def test_what_came_since_the_last_part_counts_where_it_is_noted_later() -> None:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    store = BaseS3Client(s3, LOGGER, clock=ManualClock())
    killed(store, pages=5)
    (note,) = (key for key in keys(store) if "/invocation-" in key)
    name = note.rpartition("invocation-")[2].removesuffix(".json")
    journal(store).note_invocation(name, unsealed=Unsealed(pages=1, records=10))
    now = datetime.now(UTC)
    for stored in s3.buckets[BUCKET].values():
        stored.modified = now
    assert (status(store).pages, status(store).records) == (4, 40)  # of one second: a part may tell it
    for key, stored in s3.buckets[BUCKET].items():
        if "/part-" in key:
            stored.modified -= timedelta(seconds=2)
    told = status(store)
    assert (told.pages, told.records, told.parts) == (5, 50, 2)


def test_an_incomplete_run_tells_its_error_and_what_failed_by_kind() -> None:
    store = memory()
    with pytest.raises(IncompleteRunError):
        service(store, FakePagedApi(55, {4: BROKEN}), attempts=TRIES).carry_out(plan())
    told = status(store)
    assert (told.state, told.error, told.at_work) == ("incomplete", "IncompleteRunError", 0)
    assert "4" in (told.message or "")
    assert (told.pages, told.missing_pages) == (5, 1)
    assert told.failures == {"IncompleteRunError": 1}
    assert told.retries_by_cause["503"] >= TRIES - 1
    assert told.requests_by_outcome["503"] >= TRIES
    assert listed(store)[RUN].state == "incomplete"


def test_a_run_that_never_had_a_page_tells_what_failed() -> None:
    store = memory()
    with pytest.raises(IncompleteRunError):
        service(store, FakePagedApi(55, {1: BROKEN}), attempts=TRIES).carry_out(plan())
    told = status(store)
    assert (told.state, told.pages, told.requests_by_outcome["503"]) == ("incomplete", 0, TRIES)


def test_what_the_source_refuses_is_incomplete_by_the_kind_of_error() -> None:
    store = memory()
    with pytest.raises(AuthenticationError):
        service(store, FakePagedApi(55, {3: [HttpResponse(401)] * 9})).carry_out(plan())
    told = status(store)
    assert (told.state, told.error) == ("incomplete", "AuthenticationError")


def test_a_run_that_goes_on_is_running_whatever_it_had_ended_by() -> None:
    store = memory()
    with pytest.raises(IncompleteRunError):
        service(store, FakePagedApi(55, {4: BROKEN})).carry_out(plan())
    with pytest.raises(KilledError):
        service(store, FakePagedApi(55), die_after=1).carry_out(plan())
    assert (status(store).state, status(store).error) == ("running", None)


def test_a_partial_run_is_partial_and_complete_once_the_rest_came() -> None:
    store = memory()
    service(store, FakePagedApi(55, {4: BROKEN})).carry_out(plan(), allow_partial=True)
    told = status(store)
    assert (told.state, told.pages, told.records, told.at_work) == ("partial", 5, 45, 0)
    assert told.receipt is not None
    service(store, FakePagedApi(55)).carry_out(plan())
    assert status(store).state == listed(store)[RUN].state == "complete"


def test_an_interrupted_run_is_stopped_at_once() -> None:
    store = memory()

    class Interrupting(FakePagedApi):
        def send(self, request: object, *, timeout: float) -> HttpResponse:
            if len(self.requests) == 3:
                raise KeyboardInterrupt
            return super().send(request, timeout=timeout)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        service(store, Interrupting(55)).carry_out(plan())
    told = status(store)
    assert (told.state, told.at_work, told.pages) == ("stopped", 0, 3)


def test_a_run_below_the_commits_of_others_is_complete() -> None:
    store = memory()
    for run_id in ("one", "two"):
        service(store, FakePagedApi(20)).carry_out(plan(run_id=run_id, write="append"))
    assert status(store, "one").state == status(store, "two").state == "complete"
    assert status(store, "one").records == 20
    assert [each.records for each in listed(store).values()] == [20, 20]


def test_a_run_that_was_asked_for_and_not_begun_is_queued() -> None:
    store = memory()
    store.put_object(BUCKET, started_key("raw", "new"), encoded(StartedRun(request={"run_id": "new"})))
    told = status(store, "new")
    assert (told.state, told.source, told.pages, told.invocations) == ("queued", None, 0, 0)
    assert listed(store)["new"].state == "queued"


def test_a_run_that_could_not_be_begun_tells_why() -> None:
    store = memory()
    store.put_object(BUCKET, started_key("raw", "new"), encoded(StartedRun(request={"run_id": "new"})))
    failed = {"error": "ConfigurationError", "message": "x"}
    journal(store, "new").note_invocation("abc", outcome="incomplete", **failed)
    told = status(store, "new")
    assert (told.state, told.error, told.message) == ("incomplete", "ConfigurationError", "x")


def test_struck_parts_count_no_more_and_their_pages_are_missing() -> None:
    store = memory()
    killed(store, pages=5)
    journal(store).strike([journal(store).progress().sealed[1]])
    told = status(store)
    assert (told.pages, told.parts, told.missing_pages, told.records) == (2, 1, 2, 20)


def test_ranges_are_told_one_by_one() -> None:
    """As several workers leave them: the first page in the run's journal, and a journal for each range."""
    store = memory()
    killed(store, pages=7)
    folder = run_folder("raw", RUN)
    lines = [
        {"run_id": RUN, "range": number, "first": first, "last": first + 1}
        for number, first in enumerate((1, 3, 5, 7), start=1)
    ]
    store.put_object(BUCKET, f"{folder}ranges.jsonl", b"\n".join(map(encoded, lines)))
    copied(store, 1, 1)
    copied(store, 2, 2)
    sealed = next(each for each in journal(store).progress().sealed if each.sequence == 3)
    seal_in_range(store, 3, structs.replace(sealed, sequence=1, entries=sealed.entries[:1]))
    for part in (1, 2, 3):
        store.delete_object(BUCKET, f"{folder}part-{part:08d}.json")
    told = status(store)
    assert [(each.range, each.state, each.pages, each.at) for each in told.ranges] == [
        (1, "done", 2, 2),
        (2, "done", 2, 4),
        (3, "stopped", 1, 5),
        (4, "waiting", 0, None),
    ]
    assert (told.ranges_done, told.pages, told.expected_pages, told.records) == (2, 5, 8, 50)
    assert (listed(store)[RUN].ranges, listed(store)[RUN].parts) == (3, 3)


def test_an_open_range_has_no_last_page() -> None:
    store = memory()
    killed(store, pages=2)
    line = {"run_id": RUN, "range": 1, "first": 3, "last": None}
    store.put_object(BUCKET, f"{run_folder('raw', RUN)}ranges.jsonl", encoded(line) + b"\n")
    (only,) = status(store).ranges
    assert (only.first, only.last, only.state) == (3, None, "waiting")


@pytest.mark.parametrize("run_id", ["other", "ru", "run/../run", "", "../run", "a" * 81])
def test_a_run_that_there_is_not_is_said_to_be_none(run_id: str) -> None:
    store = memory()
    killed(store, pages=1)
    with pytest.raises(RunNotFoundError, match="was begun there"):
        status(store, run_id)


def test_a_document_that_is_none_is_named() -> None:
    store = memory()
    killed(store, pages=3)
    key = f"{run_folder('raw', RUN)}part-00000001.json"
    for body, error in ((b"{", MalformedDataError), (b'{"version": 99}', NewerLayoutError)):
        store.put_object(BUCKET, key, body)
        with pytest.raises(error, match="part-00000001"):
            status(store)


def test_what_somebody_else_put_there_is_not_looked_at() -> None:
    store = memory()
    killed(store, pages=3)
    before = status(store)
    for name in ("note.txt", "part-1.json", "range-1/plan.json", "copy of part-00000001.json"):
        store.put_object(BUCKET, f"{run_folder('raw', RUN)}{name}", b"mine")
    assert status(store, later=0).pages == before.pages


def test_every_run_below_the_prefix_is_listed_and_no_other() -> None:
    store = memory()
    service(store, FakePagedApi(20)).carry_out(plan(run_id="a", dataset="raw/a"))
    killed(store, pages=3, run_id="a-b", dataset="raw/b")
    RunCancellation(store, BUCKET, "raw", "a-b").ask()
    store.put_object(BUCKET, "raw/_runs/stray.json", b"{}")
    store.put_object(BUCKET, "rawest/_runs/x/plan.json", b"{}")
    told = listed(store)
    assert {name: each.state for name, each in told.items()} == {"a": "complete", "a-b": "cancelled"}
    assert (told["a"].records, told["a-b"].records, told["a-b"].parts) == (20, None, 1)
    assert list(list_runs(store, BUCKET, "elsewhere", now=0)) == []


def test_many_documents_are_read_in_their_order() -> None:
    store = memory()
    with suppress(KilledError):
        service(store, FakePagedApi(400), part_pages=1, die_after=39).carry_out(plan())
    assert isinstance(journal(store).progress(), RunProgress)
    told = status(store)
    assert (told.pages, told.parts, told.records) == (38, 38, 380)


def test_a_run_of_several_workers_is_told_as_one() -> None:
    store, api = memory(), FakePagedApi(400, {25: BROKEN})
    ranges = service(store, api).cut(plan(), RangeSizes(at_once=4, least=1))
    assert (status(store).state, status(store).pages, status(store).expected_pages) == ("stopped", 1, 40)
    service(store, api).carry_out_range(plan(), ranges[0])
    with pytest.raises(KilledError):
        service(store, api, die_after=5).carry_out_range(plan(), ranges[1])
    service(store, api).carry_out_range(plan(), ranges[2])
    told = status(store)
    assert [(each.state, each.pages) for each in told.ranges] == [
        ("done", 9),
        ("running", 4),
        ("incomplete", 9),
        ("waiting", 0),
    ]
    assert (told.state, told.at_work, told.ranges_done) == ("running", 1, 1)
    assert (told.pages, told.expected_pages, told.records, told.missing_pages) == (23, 40, 230, 1)
    assert told.failures == {}
    assert (listed(store)[RUN].state, listed(store)[RUN].ranges) == ("running", 3)
    receipt = service(store, FakePagedApi(400)).carry_out(plan())
    told = status(store)
    assert (told.state, told.pages, told.records, told.requests) == ("complete", 40, 400, receipt.requests)
