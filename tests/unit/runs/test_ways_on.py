"""What a run has seen of a way on serves those after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.journal import Documents, WayOn, WaysOn
from de_classes.runs.run_service import RunService
from de_classes.storage.clients import BaseS3Client
from de_classes.utils.clock import ManualClock
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.provable_api import RECKONED, TOLD, ProvableApi, endpoint
from tests.fakes.runs import BUCKET, LOGGER, plan

if TYPE_CHECKING:
    from de_classes.api.endpoint import Endpoint
    from de_classes.api.receipt import IngestReceipt

PREFIX = "raw"


@pytest.fixture
def store() -> BaseS3Client:
    s3 = FakeS3()
    s3.buckets[BUCKET] = {}
    return BaseS3Client(s3, LOGGER, clock=ManualClock())


def run(
    store: BaseS3Client, way: str, count: int, run_id: str, described: Endpoint | None = None
) -> IngestReceipt:
    client = UnstableAPIClient(
        described or endpoint(way),
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=ProvableApi(way, count), clock=ManualClock()),
    )
    service = RunService(
        client,
        DatasetDestination(store, BUCKET, prefix=PREFIX),
        runtime=Runtime(logger=LOGGER, clock=ManualClock()),
    )
    return service.carry_out(
        plan(
            run_id=run_id,
            dataset=f"{PREFIX}/{run_id}",
            source=client.url,
            fingerprint=client.fingerprint,
            limit=4,
        )
    )


def end_of(receipt: IngestReceipt) -> tuple[str, int]:
    assert receipt.end is not None
    return receipt.end.by, len(receipt.warnings)


@pytest.mark.parametrize("way", TOLD)
def test_one_record_is_proved_once_a_run_has_followed_the_way_on(store: BaseS3Client, way: str) -> None:
    assert end_of(run(store, way, 1, "first")) == ("unproven", 1)
    assert end_of(run(store, way, 9, "second")) == ("marker", 0)
    third = run(store, way, 1, "third")
    assert end_of(third) == ("seen before", 0)
    assert third.end is not None
    assert "run second" in third.end.saw


def test_the_first_run_that_followed_it_stays_the_one_that_is_named(store: BaseS3Client) -> None:
    run(store, "cursor", 9, "first")
    run(store, "cursor", 9, "second")
    client = UnstableAPIClient(endpoint("cursor"), runtime=ClientRuntime(transport=ProvableApi("cursor", 9)))
    assert WaysOn(store, BUCKET, PREFIX, client).followed_by() == "first"


def test_a_slice_by_other_parameters_is_of_the_same_description(store: BaseS3Client) -> None:
    run(store, "cursor", 9, "first")
    of_a_day = structs.replace(endpoint("cursor"), params={"since": "2026-01-01"})
    assert end_of(run(store, "cursor", 1, "second", of_a_day)) == ("seen before", 0)


@pytest.mark.parametrize("changes", [{"method": "POST"}, {"url": "https://api.provable.example/other"}])
def test_another_description_is_not_proved_by_it(store: BaseS3Client, changes: dict[str, str]) -> None:
    run(store, "cursor", 9, "first")
    other = structs.replace(endpoint("cursor"), **changes)
    assert end_of(run(store, "cursor", 1, "second", other)) == ("unproven", 1)


@pytest.mark.parametrize("way", RECKONED)
def test_where_pages_are_reckoned_nothing_is_kept_or_asked_for(store: BaseS3Client, way: str) -> None:
    run(store, way, 9, "first")
    assert not any("_ways-on" in info.key for info in store.list_objects(BUCKET))


def test_what_is_kept_names_no_parameter_and_no_secret(store: BaseS3Client) -> None:
    run(store, "cursor", 9, "first", structs.replace(endpoint("cursor"), params={"token": "hush"}))
    [key] = [info.key for info in store.list_objects(BUCKET) if "_ways-on" in info.key]
    client = UnstableAPIClient(endpoint("cursor"), runtime=ClientRuntime(transport=ProvableApi("cursor", 9)))
    assert key == f"{PREFIX}/_ways-on/{client.pagination_hash}.json"
    kept = Documents(store, BUCKET).get(key, WayOn)
    assert kept == WayOn(run_id="first", way_on="'meta.next'", pages=3)


def test_a_folder_of_datasets_at_the_top_of_a_bucket_has_it_there_too(store: BaseS3Client) -> None:
    client = UnstableAPIClient(
        endpoint("cursor"), runtime=ClientRuntime(transport=ProvableApi("cursor", 9), clock=ManualClock())
    )
    ways_on = WaysOn(store, BUCKET, "", client)
    ways_on.note("first", 3)

    assert ways_on.followed_by() == "first"
