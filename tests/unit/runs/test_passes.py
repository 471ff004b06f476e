"""What two processes at one run do to each other, step by step, and how a pass ends that cannot go on."""

from __future__ import annotations

import logging
from itertools import count
from typing import TYPE_CHECKING, Unpack

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import (
    IncompleteRunError,
    ObjectExistsError,
)
from de_classes.runs import RunService
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.verify import differences
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetCommits, DatasetReader, manifest_key
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.provable_api import LIMIT, ProvableApi, endpoint
from tests.fakes.runs import BUCKET, DATASET, KilledError, ids, plan, progress, service
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.messages import HttpRequest
    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients.object_store import ObjectInfo, WriteOptions

FIRST_PART = "raw/_runs/run/part-00000001.json"
MANIFEST = manifest_key(DATASET, 1)


class Overtaken(BaseS3Client):
    """A store in which something happens right before an object is written, once.

    Args:
        s3: What holds the objects.
    """

    def __init__(self, s3: FakeS3) -> None:
        super().__init__(s3, logging.getLogger("tests.runs"), clock=ManualClock())
        self.before: dict[str, Callable[[], object]] = {}

    def put_object(self, bucket: str, key: str, body: bytes, **options: Unpack[WriteOptions]) -> ObjectInfo:
        happens = self.before.pop(key, None)
        if happens is not None:
            happens()
        return super().put_object(bucket, key, body, **options)


@pytest.fixture
def store() -> Overtaken:
    s3 = FakeS3()
    s3.create_bucket(Bucket=BUCKET)
    return Overtaken(s3)


def test_F43_who_is_overtaken_at_a_part_goes_on_behind_the_part_of_the_other(store: Overtaken) -> None:
    def other_seals_three_pages_and_dies() -> None:
        with pytest.raises(KilledError):
            service(store, FakePagedApi(95), part_pages=3, die_after=4).carry_out(plan())

    store.before[FIRST_PART] = other_seals_three_pages_and_dies
    receipt = service(store, FakePagedApi(95), part_pages=2).carry_out(plan())
    assert ids(store, receipt) == list(range(95))
    assert [part.last_page for part in receipt.parts] == [3, 5, 7, 9, 10]
    assert list(differences(receipt, store, BUCKET)) == []


def test_F43_who_is_overtaken_at_the_commit_by_another_at_the_same_run_has_committed(
    store: Overtaken,
) -> None:
    others: list[IngestReceipt] = []
    store.before[MANIFEST] = lambda: others.append(service(store, FakePagedApi(95)).carry_out(plan()))
    receipt = service(store, FakePagedApi(95)).carry_out(plan())
    assert [receipt.sha256] == [other.sha256 for other in others]
    assert DatasetCommits(store, BUCKET, DATASET).generations() == [1]


def test_F48_a_run_that_is_overtaken_by_another_at_the_commit_changes_nothing(store: Overtaken) -> None:
    other = plan(run_id="other")
    store.before[MANIFEST] = lambda: service(store, FakePagedApi(15)).carry_out(other)
    with pytest.raises(ObjectExistsError, match="run 'other' has committed"):
        service(store, FakePagedApi(95)).carry_out(plan())
    assert DatasetReader(store, BUCKET, DATASET).manifest.run_id == "other"


def sliding() -> FakeTransport:
    """Three pages, of which each begins with the last record of the one asked for before; the total grows."""
    asked = count(1)

    def answer(request: HttpRequest) -> HttpResponse:
        number, place = int(request.params["page"]), next(asked)
        data = [{"id": place}, {"id": place + 1}] if number <= 4 else []
        return json_response({"page": number, "total_pages": 3, "total_records": number + 4, "data": data})

    return FakeTransport(answer)


def test_F25_without_a_key_a_source_that_never_rests_is_given_up_after_four_readings(
    store: Overtaken,
) -> None:
    transport = sliding()
    with pytest.raises(IncompleteRunError, match=r"on 4 passes.*name the fields that tell records") as caught:
        service(store, transport).carry_out(plan(limit=2))
    assert (progress(store).pass_, caught.value.run_id) == (4, "run")
    assert len(transport.requests) == 4 * (3 + 1)
    assert DatasetCommits(store, BUCKET, DATASET).generations() == []


def test_F25_without_a_key_a_run_that_was_given_up_keeps_nothing_of_what_it_read_before(
    store: Overtaken,
) -> None:
    with pytest.raises(IncompleteRunError):
        service(store, sliding()).carry_out(plan(limit=2))
    receipt = service(store, FakePagedApi(5)).carry_out(plan(limit=2))
    assert (receipt.status, receipt.passes, ids(store, receipt)) == ("complete", 5, [0, 1, 2, 3, 4])
    assert list(differences(receipt, store, BUCKET)) == []


def test_F25_a_source_that_never_rests_is_given_up_after_five_passes(store: Overtaken) -> None:
    transport = sliding()
    with pytest.raises(IncompleteRunError, match="on 5 passes") as caught:
        service(store, transport).carry_out(plan(limit=2, key_fields=("id",)))
    assert (progress(store).pass_, caught.value.run_id) == (5, "run")
    # A total that moved costs a look past the end, and records that came twice one more.
    assert len(transport.requests) == 5 * (3 + 1) + 4


def test_every_part_is_written_down_with_its_pass_and_what_was_said_of_those_before(store: Overtaken) -> None:
    with pytest.raises(IncompleteRunError):
        service(store, sliding()).carry_out(plan(limit=2, key_fields=("id",)))
    parts = progress(store).parts
    assert [part.pass_ for part in parts] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [len(part.drift) for part in parts] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [part.first is None for part in parts[:4]] == [False, True, True, True]


def test_a_partial_commit_is_the_first_generation_and_the_whole_the_second(store: Overtaken) -> None:
    api = FakePagedApi(95, {4: [HttpResponse(503)] * 99})
    before = service(store, api).carry_out(plan(), allow_partial=True)
    assert (before.status, before.missing_pages) == ("partial", ["4"])
    receipt = service(store, FakePagedApi(95)).carry_out(plan())
    commits = DatasetCommits(store, BUCKET, DATASET)
    assert [commits.read(number).status for number in commits.generations()] == ["partial", "complete"]
    assert (receipt.status, receipt.key) == ("complete", manifest_key(DATASET, 2))


def test_F43_a_commit_that_is_beaten_each_time_is_given_up_in_the_end(store: Overtaken) -> None:
    """Each time somebody commits and takes it away again, which no run does."""
    tries: list[str] = []

    def beaten() -> None:
        tries.append(MANIFEST)
        store.before[MANIFEST] = beaten
        raise ObjectExistsError("somebody was there")

    store.before[MANIFEST] = beaten
    with pytest.raises(ObjectExistsError, match="again and again: try later"):
        service(store, FakePagedApi(95)).carry_out(plan())
    assert len(tries) == 10


@pytest.mark.parametrize("keys", [(), ("id",)])
def test_F69_an_end_that_leads_further_each_time_is_none_though_two_passes_found_the_same(
    store: Overtaken, keys: tuple[str, ...]
) -> None:
    """The source forgets its cursor on two passes: an empty page comes, and by the next cursor more."""
    forgotten = {number: {"ids": [], "next": None} for number in (2, 3, 7, 8)}
    api = ProvableApi("cursor", LIMIT + 2, spoils=forgotten)
    client = UnstableAPIClient(endpoint("cursor"), runtime=ClientRuntime(transport=api, clock=ManualClock()))
    runs = RunService(
        client, DatasetDestination(store, BUCKET, prefix="raw"), runtime=Runtime(clock=ManualClock())
    )
    receipt = runs.carry_out(plan(limit=LIMIT, source=client.url, key_fields=keys))
    assert (receipt.status, receipt.passes) == ("complete", 3)
    assert ids(store, receipt) == list(range(1, LIMIT + 3))
    assert [said.partition(":")[0] for said in receipt.drift] == ["pass 1", "pass 2"]
    assert all("was the last, and leads further by now" in said for said in receipt.drift)
