"""Cleaning up beside runs of many workers: what a range counts on is the run's, and goes with it alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from de_classes.runs.ranges import RangeSizes
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetReader, find_leftovers
from de_classes.storage.datasets.manifest import is_part_key, is_reserved
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.runs import BUCKET, LOGGER, ids, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from de_classes.runs.ranges import PageRangeOfRun

NOW, LIMIT = 1_000_000.0, 10_000.0
ASKED = plan(key_fields=("id",))


@pytest.fixture
def s3() -> FakeS3:
    fake = FakeS3()
    fake.create_bucket(Bucket=BUCKET)
    return fake


@pytest.fixture
def store(s3: FakeS3) -> BaseS3Client:
    return BaseS3Client(s3, LOGGER, clock=ManualClock())


def begun(store: BaseS3Client) -> tuple[PageRangeOfRun, ...]:
    return service(store, FakePagedApi(200)).cut(ASKED, RangeSizes(at_once=3, least=1))


def carry_out(store: BaseS3Client, *ranges: PageRangeOfRun) -> None:
    for each in ranges:
        service(store, FakePagedApi(200)).carry_out_range(ASKED, each)


def age(s3: FakeS3, prefix: str, written: float) -> None:
    for key, stored in s3.buckets[BUCKET].items():
        if key.startswith(prefix):
            stored.modified = datetime.fromtimestamp(written, UTC)


def leftovers(store: BaseS3Client) -> list[str]:
    return [info.key for info in find_leftovers(store, BUCKET, "raw", older_than=LIMIT, now=NOW)]


def keys(store: BaseS3Client, prefix: str) -> set[str]:
    return {info.key for info in store.list_objects(BUCKET, prefix)}


def test_all_progress_of_a_run_that_is_over_is_left_over_and_none_of_its_parts(
    s3: FakeS3, store: BaseS3Client
) -> None:
    carry_out(store, *begun(store))
    receipt = service(store, FakePagedApi(200)).carry_out(ASKED)
    age(s3, "raw/", NOW - LIMIT - 1)
    found = leftovers(store)
    assert set(found) == keys(store, "raw/_runs/run/")
    assert {"raw/_runs/run/ranges.jsonl", "raw/_runs/run/plan.json"} <= set(found)
    for folder in ("", "range-00000001/", "range-00000003/"):  # wherever deleting stops, none has a hole
        parts = [key for key in found if key.startswith(f"raw/_runs/run/{folder}part-")]
        assert parts == sorted(parts, reverse=True)
    for key in found:
        store.delete_object(BUCKET, key)
    assert ids(store, receipt) == list(range(200))
    assert len(DatasetReader(store, BUCKET, "raw/day").manifest.parts) == len(receipt.parts)


def test_a_run_of_which_one_range_is_young_is_spared_with_all_its_parts(
    s3: FakeS3, store: BaseS3Client
) -> None:
    carry_out(store, *begun(store)[:2])
    age(s3, "raw/", NOW - LIMIT - 1)
    age(s3, "raw/_runs/run/range-00000002/invocation-", NOW - 60)
    assert leftovers(store) == []


def test_a_run_that_was_given_up_goes_with_the_parts_of_its_ranges(s3: FakeS3, store: BaseS3Client) -> None:
    carry_out(store, *begun(store)[:2])
    age(s3, "raw/", NOW - LIMIT - 1)
    found = leftovers(store)
    assert set(found) == keys(store, "raw/_runs/run/") | keys(store, "raw/day/part-")
    assert not any(map(is_part_key, found[: len(keys(store, "raw/_runs/run/"))]))  # progress goes first


def test_what_ranges_write_under_is_nobody_elses() -> None:
    for name in ("ranges.jsonl", "hold.json", "range-00000007/part-00000001.json"):
        assert is_reserved(f"raw/_runs/run/{name}")
