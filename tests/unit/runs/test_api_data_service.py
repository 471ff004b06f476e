from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import (
    BucketNotFoundError,
    ConfigurationError,
    IncompleteRunError,
    InvalidKeyError,
    ObjectExistsError,
    RequestRejectedError,
    RetriesExhaustedError,
    TransformError,
    UnsupportedFormatError,
)
from de_classes.pipelines.described import DropDuplicatesStep, FilterStep, FunctionStep, RenameStep
from de_classes.runs.api_data_service import ApiDataService
from de_classes.runs.run_service import MAX_READINGS
from de_classes.runs.verify import differences
from de_classes.storage.format import DataFormatService
from de_classes.storage.format.blocks import RecordBlock
from de_classes.storage.format.codec import get_codec
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock
from de_classes.utils.formats import FORMATS
from de_classes.utils.page_range import PageRange
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response
from tests.fakes.worker import lake

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.page import Page
    from de_classes.storage.clients import LocalClient

LOGGER = logging.getLogger("tests.api_data_service")


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    return lake(tmp_path)


def service(api: FakeTransport, store: LocalClient | None = None, **options: Any) -> ApiDataService:
    clock = options.setdefault("clock", ManualClock())
    client = UnstableAPIClient(
        Endpoint.at("https://api.example/data", look_back="none"),
        limits=ClientLimits(retry_policy=RetryPolicy(max_attempts=4), deadline=options.pop("deadline", None)),
        runtime=ClientRuntime(transport=api, clock=clock),
    )
    storage = StorageDataService(store, DataFormatService(), LOGGER) if store else None
    return ApiDataService(client, storage, **options)


def records(store: LocalClient, key: str, name: str) -> list[dict[str, Any]]:
    content = io.BytesIO(store.get_object("lake", key))
    return [record for batch in get_codec(name).read(content) for record in batch]


def keys(store: LocalClient) -> list[str]:
    return [info.key for info in store.list_objects("lake")]


@pytest.mark.parametrize("concurrency", [1, 8])
def test_all_pages_become_one_dataframe(concurrency: int) -> None:
    api = FakePagedApi(total=95, faults={4: [HttpResponse(503)] * 2})
    frame = service(api).fetch_all_to_df(limit=10, concurrency=concurrency)
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"id": range(95)}))


def test_an_empty_result_keeps_the_columns_that_are_known() -> None:
    frame = service(FakePagedApi(total=0), columns=["id", "name"]).fetch_all_to_df()
    assert (list(frame.columns), len(frame)) == (["id", "name"], 0)


STEPS = (
    RenameStep(columns={"id": "n"}),
    FilterStep(where="n < `40`"),
    FunctionStep(name="tests.fakes.steps:doubled"),
    DropDuplicatesStep(),
)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("name", FORMATS)
def test_transforms_are_applied_on_the_way_into_one_object(
    store: LocalClient, name: str, concurrency: int
) -> None:
    api = FakePagedApi(total=95, faults={2: [HttpResponse(500)]})
    receipt = service(api, store, transforms=STEPS).fetch_all_to_storage(
        "lake", f"all.{name}", limit=10, concurrency=concurrency
    )
    assert records(store, f"all.{name}", name) == [{"n": n} for n in range(40)]
    counts = [(step.rows_in, step.rows_out, step.rows_dropped) for step in receipt.transforms]
    assert counts == [(95, 95, 0), (95, 40, 55), (40, 80, 0), (80, 40, 40)]
    assert [step.step for step in receipt.transforms] == receipt.parameters["transforms"]
    assert (receipt.records, receipt.expected_records, len(receipt.page_hashes)) == (40, 95, 10)
    assert list(differences(receipt, store, "lake")) == []


@pytest.mark.parametrize(("steps", "are_blocks"), [((), True), (STEPS, False)])
def test_records_come_as_blocks_unless_they_go_through_transforms(
    store: LocalClient, steps: Any, *, are_blocks: bool
) -> None:
    pages: list[Page] = []
    fetching = service(FakePagedApi(total=30), store, transforms=steps, on_page=pages.append)
    fetching.fetch_all_to_storage("lake", "a.jsonl", limit=10)
    assert [isinstance(page.records, RecordBlock) for page in pages] == [are_blocks] * 3


def test_transforms_are_applied_on_the_way_into_a_dataframe() -> None:
    frame = service(FakePagedApi(total=95), transforms=STEPS).fetch_all_to_df(limit=10)
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"n": range(40)}))


def test_a_record_that_a_transform_cannot_take_is_an_error_and_nothing_is_stored(store: LocalClient) -> None:
    steps = [RenameStep(columns={"no": "id"})]
    with pytest.raises(TransformError, match=r"^page 1, transforms\[0\]: Rename, record 1"):
        service(FakePagedApi(total=5), store, transforms=steps).fetch_all_to_storage("lake", "a.jsonl")
    assert keys(store) == []


def test_a_reading_anew_counts_alone_and_what_it_remembers_begins_anew(store: LocalClient) -> None:
    api = FakePagedApi(total=30)
    grown = [{"id": n} for n in range(-1, 30)]
    later = FakePagedApi(total=31)
    asked: list[int] = []

    def serve(request: Any) -> HttpResponse:
        number = int(request.params["page"])
        asked.append(number)
        if len(asked) == 1:
            return api.page(1, 10, data=[{"id": n} for n in range(10)])
        return later.page(number, 10, data=grown[(number - 1) * 10 : number * 10])

    receipt = service(FakeTransport(serve), store, transforms=[DropDuplicatesStep()]).fetch_all_to_storage(
        "lake", "a.jsonl", limit=10
    )
    assert records(store, "a.jsonl", "jsonl") == grown
    assert (receipt.passes, [(step.rows_in, step.rows_out) for step in receipt.transforms]) == (2, [(31, 31)])


def seams(ids: list[list[int]]) -> FakeTransport:
    """A source with these records on its pages, whatever is asked for how often."""
    total = sum(map(len, ids))

    def serve(request: Any) -> HttpResponse:
        number = int(request.params["page"])
        data = [{"id": n} for n in ids[number - 1]] if 1 <= number <= len(ids) else []
        return json_response({"total_pages": len(ids), "total_records": total, "data": data})

    return FakeTransport(serve)


def restless() -> FakeTransport:
    """A source of two pages that counts a record more each time it is asked."""
    asked: list[int] = []

    def serve(request: Any) -> HttpResponse:
        asked.append(number := int(request.params["page"]))
        data = [{"id": 2 * number}, {"id": 2 * number + 1}] if 1 <= number <= 2 else []
        return json_response({"total_pages": 2, "total_records": 3 + len(asked), "data": data})

    return FakeTransport(serve)


def test_what_looks_like_change_and_is_the_same_on_two_passes_is_how_the_source_is(
    store: LocalClient,
) -> None:
    """As in a dataset without keys: a record is on two pages that follow one another, each time."""
    api = seams([[1, 2, 3], [3, 4, 5], [6]])
    receipt = service(api, store).fetch_all_to_storage("lake", "a.jsonl", limit=3)
    assert [record["id"] for record in records(store, "a.jsonl", "jsonl")] == [1, 2, 3, 3, 4, 5, 6]
    assert (receipt.status, receipt.passes, receipt.run_id) == ("complete", 2, None)
    assert receipt.still is not None
    assert receipt.still.by == "begun anew"
    [change] = receipt.drift
    assert change.startswith("pass 1: ")
    assert list(differences(receipt, store, "lake")) == []


def test_a_source_that_changes_on_every_pass_stores_nothing_and_says_what_would_help(
    store: LocalClient,
) -> None:
    advice = "changed on 4 passes.*store a dataset and name the fields"
    with pytest.raises(IncompleteRunError, match=advice) as caught:
        service(restless(), store).fetch_all_to_storage("lake", "a.jsonl", limit=2, concurrency=1)
    assert caught.value.run_id is None
    assert keys(store) == []


def test_a_source_that_changes_on_every_reading_gives_no_dataframe() -> None:
    api = restless()
    with pytest.raises(IncompleteRunError, match="changed on 4 passes"):
        service(api).fetch_all_to_df(limit=2, concurrency=1)
    assert len(api.requests) >= 2 * MAX_READINGS


def test_a_dataframe_is_read_by_the_same_engine_as_an_object(store: LocalClient) -> None:
    """A record is on two pages each time: the same on two passes, so it is how the source is."""
    frame = service(seams([[1, 2, 3], [3, 4, 5], [6]])).fetch_all_to_df(limit=3)
    service(seams([[1, 2, 3], [3, 4, 5], [6]]), store).fetch_all_to_storage("lake", "a.jsonl", limit=3)
    assert frame.to_dict("records") == records(store, "a.jsonl", "jsonl")


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("name", FORMATS)
def test_all_pages_become_one_object_in_any_format(store: LocalClient, name: str, concurrency: int) -> None:
    api = FakePagedApi(
        total=95, faults={2: [HttpResponse(500)], 7: [HttpResponse(429, {"retry-after": "2"})]}
    )
    receipt = service(api, store).fetch_all_to_storage(
        bucket="lake", key=f"raw/all.{name}", format=name, limit=10, concurrency=concurrency
    )
    assert records(store, f"raw/all.{name}", name) == [{"id": n} for n in range(95)]
    assert (receipt.status, receipt.pages, receipt.records, receipt.expected_records) == (
        "complete",
        10,
        95,
        95,
    )
    assert (receipt.requests, receipt.retries, receipt.retries_by_cause) == (12, 2, {"500": 1, "429": 1})
    assert (receipt.bucket, receipt.key, receipt.format) == ("lake", f"raw/all.{name}", name)
    assert receipt.bytes == len(store.get_object("lake", receipt.key))
    assert receipt.sha256 == store.head_object("lake", receipt.key).checksum
    assert receipt.seconds >= receipt.seconds_waited > 0
    assert json.loads(receipt.to_json()) == receipt.as_dict()


def test_the_bytes_are_the_same_at_any_concurrency(store: LocalClient) -> None:
    for name in FORMATS:
        for width in (1, 16):
            service(FakePagedApi(total=2500), store).fetch_all_to_storage(
                "lake", f"{width}.{name}", name, limit=7, concurrency=width
            )
        assert store.get_object("lake", f"1.{name}") == store.get_object("lake", f"16.{name}")


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_source_becomes_an_empty_object_with_known_columns(store: LocalClient, name: str) -> None:
    receipt = service(FakePagedApi(total=0), store, columns=["id"]).fetch_all_to_storage("lake", f"e.{name}")
    assert (receipt.records, receipt.pages) == (0, 1)
    assert records(store, f"e.{name}", name) == []
    if name in {"csv", "parquet"}:
        assert get_codec(name).read_columns(io.BytesIO(store.get_object("lake", f"e.{name}"))) == ("id",)


@pytest.mark.parametrize("name", FORMATS)
def test_F50_F51_types_that_change_and_late_columns_lose_nothing(store: LocalClient, name: str) -> None:
    rows: list[dict[str, Any]] = [{"v": 1}, {"v": 2.5}, {"v": "three"}, {"v": None, "late": [2**70]}]

    def serve(request: Any) -> HttpResponse:
        number = int(request.params["page"])
        return json_response({"total_pages": 4, "total_records": 4, "data": [rows[number - 1]]})

    receipt = service(FakeTransport(serve), store).fetch_all_to_storage("lake", f"m.{name}", limit=1)
    expected = rows if name in {"json", "jsonl"} else [{"late": None, **row} for row in rows]
    assert records(store, f"m.{name}", name) == expected
    if name == "parquet":
        assert receipt.columns == {"v": "json", "late": "list<json>"}


@pytest.mark.parametrize("concurrency", [1, 8])
def test_F21_a_page_that_stays_empty_is_named_and_nothing_stored(
    store: LocalClient, concurrency: int
) -> None:
    api = FakePagedApi(total=50)
    api.faults_for(3, [api.page(3, 10, data=[])] * 99)
    with pytest.raises(IncompleteRunError) as caught:
        service(api, store).fetch_all_to_storage("lake", "a.csv", limit=10, concurrency=concurrency)
    assert caught.value.missing_pages == (3,)
    assert keys(store) == []


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_page_that_is_given_up_stores_nothing_and_names_what_is_missing(
    store: LocalClient, concurrency: int
) -> None:
    api = FakePagedApi(total=50, faults={3: [HttpResponse(503)] * 99})
    with pytest.raises(IncompleteRunError, match="pages 3-5 are missing") as caught:
        service(api, store).fetch_all_to_storage("lake", "a.csv", limit=10, concurrency=concurrency)
    assert caught.value.missing_pages == (3, 4, 5)
    assert isinstance(caught.value.__cause__, RetriesExhaustedError)
    assert keys(store) == []


def test_what_was_stored_before_survives_a_run_that_fails(store: LocalClient) -> None:
    service(FakePagedApi(total=20), store).fetch_all_to_storage("lake", "a.csv", limit=10)
    before = store.get_object("lake", "a.csv")
    with pytest.raises(RequestRejectedError):
        service(FakePagedApi(total=20, faults={2: [HttpResponse(400)]}), store).fetch_all_to_storage(
            "lake", "a.csv", limit=10
        )
    assert store.get_object("lake", "a.csv") == before


def test_F41_when_the_time_is_up_nothing_more_is_begun(store: LocalClient) -> None:
    clock = ManualClock()
    api = FakePagedApi(total=50)

    def tick(_: object) -> None:
        clock.advance(10)

    with pytest.raises(IncompleteRunError, match="the time is up") as caught:
        service(api, store, clock=clock, deadline=25.0, on_page=tick).fetch_all_to_storage(
            "lake", "a.csv", limit=10
        )
    assert caught.value.missing_pages == (4, 5)
    assert keys(store) == []


def test_a_run_that_ends_with_its_time_is_complete(store: LocalClient) -> None:
    clock = ManualClock()
    receipt = service(
        FakePagedApi(total=50), store, clock=clock, deadline=45.0, on_page=lambda _: clock.advance(10)
    ).fetch_all_to_storage("lake", "a.csv", limit=10)
    assert receipt.pages == 5


@pytest.mark.parametrize(
    ("bucket", "key", "format_name", "error"),
    [
        ("no-such-bucket", "a.csv", "csv", BucketNotFoundError),
        ("lake", "../a.csv", "csv", InvalidKeyError),
        ("lake", "a.xml", "xml", UnsupportedFormatError),
        ("lake", "a", None, UnsupportedFormatError),
    ],
)
def test_F47_F49_a_bad_destination_is_found_out_before_the_first_page(
    store: LocalClient, bucket: str, key: str, format_name: str | None, error: type[Exception]
) -> None:
    api = FakePagedApi(total=50)
    with pytest.raises(error):
        service(api, store).fetch_all_to_storage(bucket, key, format_name)
    assert api.requests == []


def test_without_overwriting_a_taken_key_is_kept(store: LocalClient) -> None:
    service(FakePagedApi(total=20), store).fetch_all_to_storage("lake", "a.csv")
    before = store.get_object("lake", "a.csv")
    with pytest.raises(ObjectExistsError):
        service(FakePagedApi(total=30), store).fetch_all_to_storage("lake", "a.csv", overwrite=False)
    assert store.get_object("lake", "a.csv") == before


def test_a_range_of_pages_is_a_part(store: LocalClient) -> None:
    receipt = service(FakePagedApi(total=95), store).fetch_all_to_storage(
        "lake", "a.jsonl", limit=10, pages=PageRange(2, 3)
    )
    assert records(store, "a.jsonl", "jsonl") == [{"id": n} for n in range(10, 30)]
    assert receipt.expected_records is None


def test_a_second_run_of_the_same_client_has_counts_of_its_own(store: LocalClient) -> None:
    api = FakePagedApi(total=20, faults={1: [HttpResponse(503)]})
    twice = service(api, store)
    first = twice.fetch_all_to_storage("lake", "1.csv", limit=10)
    second = twice.fetch_all_to_storage("lake", "2.csv", limit=10)
    assert (first.requests, first.retries, second.requests, second.retries) == (3, 1, 2, 0)
    assert second.retries_by_cause == {}


def test_without_a_storage_service_nothing_is_fetched_for_storage() -> None:
    api = FakePagedApi(total=20)
    with pytest.raises(ConfigurationError, match="storage_service"):
        service(api).fetch_all_to_storage(bucket="lake", key="a.csv", format="csv")
    assert api.requests == []
