from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import BucketNotFoundError
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import Lake, manifest_key
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import BUCKET, DATASET, commit
from tests.fakes.fake_s3 import FakeS3, StoredVersion
from tests.fakes.runs import BUCKET as OF_RUNS
from tests.fakes.runs import memory, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from de_classes.storage.datasets import CataloguedDataset

PAGES = [[{"id": 1}], [{"id": 2}]]
PARTS = 3_000


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3()
    fake.create_bucket(Bucket=BUCKET)
    return fake


@pytest.fixture
def client(s3: FakeS3) -> BaseS3Client:
    return BaseS3Client(s3, logging.getLogger("tests.lake"), clock=ManualClock())


def catalogued(client: BaseS3Client, prefix: str = "") -> dict[str, CataloguedDataset]:
    return {each.name: each for each in Lake(client, BUCKET, prefix).datasets()}


def put(s3: FakeS3, *keys: str) -> None:
    s3.buckets[BUCKET].update((key, StoredVersion(b"{}", '"etag"', {})) for key in keys)


def test_ten_thousand_parts_are_not_listed_to_find_three_datasets(s3: FakeS3, client: BaseS3Client) -> None:
    names = ["raw/a", "raw/b", "raw/c"]
    for name in names:
        commit(client, PAGES, dataset=name)
        put(s3, *(f"{name}/part-1-{page:08}-{page:08}-0a1b2c3d4e5f.csv" for page in range(PARTS)))
        put(s3, *(f"{name}/_quarantine-1-{page:08}-{page:08}-0a1b2c3d4e5f.jsonl" for page in range(PARTS)))
    s3.calls.clear()
    assert [*catalogued(client)] == names
    assert s3.calls["ListObjectsV2 page"] <= 2 + 3 * len(names)  # against 18 for all that there is
    assert s3.calls["GetObject"] == 2 * len(names)


def test_no_folder_of_a_list_of_parts_is_looked_into(s3: FakeS3, client: BaseS3Client) -> None:
    commit(client, PAGES)
    put(s3, *(f"{DATASET}/_symlink-{number:08}/manifest.txt" for number in range(500)))
    s3.calls.clear()
    assert [*catalogued(client)] == [DATASET]
    assert s3.calls["ListObjectsV2 page"] <= 3


def test_what_stands_behind_thousands_of_parts_is_seen(s3: FakeS3, client: BaseS3Client) -> None:
    commit(client, PAGES)
    put(s3, *(f"{DATASET}/part-1-{page:08}-{page:08}-0a1b2c3d4e5f.csv" for page in range(PARTS)))
    for below in ("part-10", "part-2026", "z"):
        commit(client, PAGES, dataset=f"{DATASET}/{below}")
    assert [*catalogued(client)] == [
        DATASET,
        *(f"{DATASET}/{each}" for each in ("part-10", "part-2026", "z")),
    ]


def test_a_dataset_is_looked_at_when_it_is_asked_for(s3: FakeS3, client: BaseS3Client) -> None:
    for name in ("a", "b", "c"):
        commit(client, PAGES, dataset=name)
    s3.calls.clear()
    assert next(Lake(client, BUCKET).datasets()).name == "a"
    assert s3.calls["GetObject"] == 2


def test_a_manifest_that_cannot_be_read_hides_no_other_dataset(s3: FakeS3, client: BaseS3Client) -> None:
    commit(client, PAGES, dataset="a")
    put(s3, manifest_key("b", 1))
    client.put_object(BUCKET, manifest_key("c", 1), b'{"version": 99}')
    commit(client, PAGES, dataset="d")
    told = catalogued(client)
    assert [each.status for each in told.values()] == ["complete", "unreadable", "unreadable", "complete"]
    assert "is no manifest" in (told["b"].problem or "")
    assert "newer de-classes" in (told["c"].problem or "")


def test_a_manifest_at_the_top_of_a_bucket_makes_no_dataset_without_a_name(
    s3: FakeS3, client: BaseS3Client
) -> None:
    put(s3, "_manifest-00000001.json")
    assert catalogued(client) == {}
    assert Lake(client, BUCKET).is_dataset()


def test_whether_a_place_is_a_dataset_is_told(client: BaseS3Client) -> None:
    commit(client, PAGES)
    client.put_object(BUCKET, "raw/_manifest-notes.json", b"{}")
    told = {place: Lake(client, BUCKET, place).is_dataset() for place in ("", "raw", DATASET, f"{DATASET}/")}
    assert told == {"": False, "raw": False, DATASET: True, f"{DATASET}/": True}


def test_evidence_runs_and_place_are_those_of_the_latest() -> None:
    store = memory()
    for name in ("first", "second"):
        service(store, FakePagedApi(45), look_back="sample").carry_out(plan(run_id=name, write="append"))
    (day,) = Lake(store, OF_RUNS).datasets()
    assert (day.records, day.runs, day.evidence) == (90, ("first", "second"), ("total", "sampled"))
    assert [(each.number, each.runs) for each in day.generations] == [(1, ("first",)), (2, ("second",))]
    assert day.committed == day.generations[-1].committed is not None


@pytest.mark.parametrize(
    "receipt", [None, b"{", b'{"version": 99}', b'{"end": {"by": "total"}, "still": null}']
)
def test_without_a_receipt_that_says_so_there_is_no_evidence(receipt: bytes | None) -> None:
    store = memory()
    service(store, FakePagedApi(45)).carry_out(plan())
    (key,) = (info.key for info in store.list_objects(OF_RUNS, "raw/day/_receipt-"))
    if receipt is None:
        store.delete_object(OF_RUNS, key)
    else:
        store.put_object(OF_RUNS, key, receipt)
    (day,) = Lake(store, OF_RUNS).datasets()
    assert (day.status, day.records, day.evidence) == ("complete", 45, None)


def test_an_absent_bucket_is_a_typed_error(client: BaseS3Client) -> None:
    with pytest.raises(BucketNotFoundError):
        list(Lake(client, "no-such-bucket").datasets())
