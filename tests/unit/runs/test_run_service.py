from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from de_classes.api.messages import HttpResponse
from de_classes.api.receipt import IngestReceipt
from de_classes.errors import (
    AmbiguousKeyError,
    BucketNotFoundError,
    IncompleteRunError,
    MissingKeyError,
    ObjectExistsError,
    ObjectNotFoundError,
    SchemaViolationError,
    SourceChangedError,
)
from de_classes.runs.verify import differences
from de_classes.storage.clients import BaseS3Client
from de_classes.storage.datasets import DatasetCommits, DatasetReader
from de_classes.storage.format import DataFormatService
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock
from de_classes.utils.formats import FORMATS
from tests.fakes.fake_s3 import FakeS3
from tests.fakes.runs import (
    BUCKET,
    DATASET,
    LOGGER,
    KilledError,
    given_again,
    ids,
    memory,
    plan,
    progress,
    rows,
    service,
)
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest

DOWN = [HttpResponse(503)] * 9
CLOCK_SECONDS = 10.0


def records_of(*pages: list[dict[str, object]]) -> FakePagedApi:
    """Pages of our own: each as long as the longest, but for the last."""
    total = sum(map(len, pages))
    api = FakePagedApi(total)
    for number, records in enumerate(pages, 1):
        body = {"total_pages": len(pages), "total_records": total, "data": records}
        api.faults_for(number, [json_response(body)] * 99)
    return api


def slow(api: FakePagedApi, clock: ManualClock) -> FakeTransport:
    def answer(request: HttpRequest) -> HttpResponse:
        clock.advance(CLOCK_SECONDS)
        return api.send(request, timeout=1.0)

    return FakeTransport(answer)


def test_a_run_ends_with_a_dataset_and_its_receipt() -> None:
    store = memory()
    receipt = service(store, FakePagedApi(95), width=4).carry_out(plan())
    assert ids(store, receipt) == list(range(95))
    assert (receipt.status, receipt.records, receipt.expected_records, receipt.pages) == (
        "complete",
        95,
        95,
        10,
    )
    assert [(part.first_page, part.last_page, part.records) for part in receipt.parts] == [
        (page, page + 1, 20 if page < 9 else 15) for page in range(1, 11, 2)
    ]
    assert receipt.key == f"{DATASET}/_manifest-00000001.json"
    assert receipt.parameters == {"format": "jsonl", "limit": 10}


def test_a_receipt_adds_up_and_is_stored_beside_the_commit() -> None:
    store, api = memory(), FakePagedApi(95, {3: [HttpResponse(503)] * 2, 7: [HttpResponse(500)]})
    receipt = service(store, api, width=4).carry_out(plan())
    assert receipt.requests_by_outcome == {"200": 10, "500": 1, "503": 2}
    assert receipt.retries_by_cause == {"500": 1, "503": 2}
    assert (receipt.requests, receipt.retries) == (len(api.requests), 3)
    assert [page.number for page in receipt.page_hashes] == list(range(1, 11))
    assert sum(page.records for page in receipt.page_hashes) == sum(part.records for part in receipt.parts)
    assert receipt.bytes == sum(part.size for part in receipt.parts)
    (key,) = [info.key for info in store.list_objects(BUCKET, f"{DATASET}/_receipt-")]
    stored = store.get_object(BUCKET, key)
    assert msgspec.json.decode(stored, type=IngestReceipt) == receipt
    assert list(differences(receipt, store, BUCKET)) == []


def test_a_receipt_is_what_its_schema_says() -> None:
    store = memory()
    receipt = service(store, FakePagedApi(15)).carry_out(plan())
    (schema, components) = msgspec.json.schema_components([IngestReceipt])
    described = components["IngestReceipt"]
    assert schema == ({"$ref": "#/$defs/IngestReceipt"},)
    assert set(receipt.as_dict()) == set(described["properties"])
    assert {"status", "source", "records", "sha256"} <= set(described["required"])
    assert described["properties"]["status"] == {"enum": ["complete", "partial"]}


def test_F43_a_complete_run_asked_for_again_gives_its_receipt_and_asks_the_source_nothing() -> None:
    store, again = memory(), FakePagedApi(95)
    receipt = service(store, FakePagedApi(95)).carry_out(plan())
    assert service(store, again).carry_out(plan()) == given_again(receipt)
    assert again.requests == []


def test_F41_a_run_whose_time_is_up_seals_what_it_has_and_goes_on_with_the_rest() -> None:
    store, api, clock = memory(), FakePagedApi(95), ManualClock()
    with pytest.raises(IncompleteRunError, match="time is up") as caught:
        service(store, slow(api, clock), clock=clock, seconds=45, part_pages=100).carry_out(plan())
    came = [entry.number for entry in progress(store).pages(1)]
    assert came == [1, 2, 3, 4, 5]
    assert (caught.value.run_id, list(caught.value.missing_pages)) == ("run", [6, 7, 8, 9, 10])
    with pytest.raises(ObjectNotFoundError):
        DatasetReader(store, BUCKET, DATASET)
    receipt = service(store, slow(api, clock), clock=clock, seconds=65, part_pages=100).carry_out(plan())
    assert sorted(api.pages_asked()) == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]
    assert (receipt.invocations, receipt.requests, receipt.seconds) == (2, 11, 110.0)
    assert ids(store, receipt) == list(range(95))


def test_a_run_that_was_interrupted_seals_what_came() -> None:
    store = memory()

    def answer(_: object) -> HttpResponse:
        if len(transport.requests) > 3:
            raise KeyboardInterrupt
        return FakePagedApi(95).page(len(transport.requests), 10)

    transport = FakeTransport(answer)
    with pytest.raises(KeyboardInterrupt):
        service(store, transport, part_pages=100).carry_out(plan())
    assert [entry.number for entry in progress(store).pages(1)] == [1, 2, 3]


def test_a_partial_commit_is_replaced_once_its_pages_have_come() -> None:
    store = memory()
    partial = service(store, FakePagedApi(95, {4: DOWN})).carry_out(plan(), allow_partial=True)
    assert (partial.status, partial.missing_pages, partial.records) == ("partial", ["4"], 85)
    again = service(store, FakePagedApi(95, {4: DOWN})).carry_out(plan(), allow_partial=True)
    assert again == partial
    whole = service(store, FakePagedApi(95)).carry_out(plan())
    assert (whole.status, whole.missing_pages, whole.records) == ("complete", [], 95)
    assert [DatasetReader(store, BUCKET, DATASET, generation=n).manifest.status for n in (1, 2)] == [
        "partial",
        "complete",
    ]
    assert ids(store, whole) == list(range(95))
    for receipt in (partial, whole):
        assert list(differences(receipt, store, BUCKET)) == []


def test_a_page_that_brings_nothing_new_makes_a_partial_commit_complete_all_the_same() -> None:
    asked = plan(key_fields=("id",), limit=2)
    pages = [[{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 1}], [{"id": 3}, {"id": 4}]]
    store, broken = memory(), records_of(*pages)
    broken.faults_for(2, DOWN)
    partial = service(store, broken).carry_out(asked, allow_partial=True)
    assert (partial.status, partial.missing_pages) == ("partial", ["2"])
    whole = service(store, records_of(*pages)).carry_out(asked)
    assert (whole.status, whole.duplicates, ids(store, whole)) == ("complete", 2, [1, 2, 3, 4])
    assert whole.key.endswith("_manifest-00000002.json")


def test_duplicates_are_dropped_and_counted_where_records_have_a_key() -> None:
    pages = [[{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 3}], [{"id": 4}]]
    told_apart, kept = memory(), memory()
    receipt = service(told_apart, records_of(*pages)).carry_out(plan(key_fields=("id",), limit=2))
    assert (ids(told_apart, receipt), receipt.duplicates, receipt.records) == ([1, 2, 3, 4], 1, 4)
    assert list(differences(receipt, told_apart, BUCKET)) == []
    receipt = service(kept, records_of(*pages)).carry_out(plan(limit=2))
    assert (ids(kept, receipt), receipt.duplicates) == ([1, 2, 2, 3, 4], 0)


def test_a_key_of_several_records_is_an_error_that_names_it_and_nothing_is_committed() -> None:
    pages = [[{"id": 1, "kind": "a"}, {"id": 2, "kind": "b"}], [{"id": 3, "kind": "a"}]]
    store = memory()
    with pytest.raises(AmbiguousKeyError, match=r"kind \(--key-field, primary_key\) tells no records"):
        service(store, records_of(*pages)).carry_out(plan(key_fields=("kind",), limit=2))
    assert DatasetCommits(store, BUCKET, DATASET).latest() is None


def test_a_record_that_changes_between_two_looks_at_its_key_is_no_mistake_in_the_key() -> None:
    """It moved to the end as it changed, behind the page that was read next: F66."""
    after = [[{"id": 2}, {"id": 3}], [{"id": 4}, {"id": 5}], [{"id": 1, "at": 2}]]
    store, source = memory(), records_of(*after)
    stated = {"total_pages": 3, "total_records": 5}
    before = [{"id": 1}, {"id": 2}]
    source.faults_for(1, [json_response({**stated, "data": data}) for data in [before, *[after[0]] * 99]])
    receipt = service(store, source).carry_out(plan(key_fields=("id",), limit=2))
    assert sorted(ids(store, receipt)) == [1, 2, 3, 4, 5]
    assert receipt.passes > 1


def test_F101_repeated_records_that_fill_the_total_are_no_end() -> None:
    pages = [[{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 3}], [{"id": 3}, {"id": 4}]]
    store, source = memory(), records_of(*pages)
    stated = {"total_pages": 2, "total_records": 4}
    for number, records in enumerate([*pages, []], 1):
        source.faults_for(number, [json_response({**stated, "data": records})] * 99)
    receipt = service(store, source).carry_out(plan(key_fields=("id",), limit=2))
    assert (receipt.status, ids(store, receipt)) == ("complete", [1, 2, 3, 4])


def test_F101_repeated_records_that_fill_the_total_ask_for_keys_where_there_are_none() -> None:
    pages = [[{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 3}], [{"id": 3}, {"id": 4}]]
    store, source = memory(), records_of(*pages)
    stated = {"total_pages": 2, "total_records": 4}
    for number, records in enumerate([*pages, []], 1):
        source.faults_for(number, [json_response({**stated, "data": records})] * 99)
    with pytest.raises(SourceChangedError, match=r"rows of the page beside it.*on pass 2: name the fields"):
        service(store, source).carry_out(plan(limit=2))


def test_what_is_read_anew_has_no_column_of_the_reading_before() -> None:
    store = memory()
    asked: list[int] = []

    def serve(request: HttpRequest) -> HttpResponse:
        asked.append(number := int(request.params["page"]))
        row = {"id": number, "gone": 1} if len(asked) == 1 else {"id": number}
        data = [row] if 1 <= number <= 2 else []
        return json_response({"total_pages": 2, "total_records": 3 if len(asked) == 1 else 2, "data": data})

    receipt = service(store, FakeTransport(serve)).carry_out(plan(limit=1, format="csv"))
    assert (receipt.passes, ids(store, receipt)) == (2, [1, 2])
    assert list(receipt.columns) == ["id"]


@pytest.mark.parametrize("format_name", FORMATS)
def test_F42_a_run_that_goes_on_knows_the_keys_of_what_was_sealed(format_name: str) -> None:
    asked = plan(key_fields=("id", "name"), limit=2, format=format_name)
    pages = [
        [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}],
        [{"id": 2, "name": "a"}, {"id": 1, "name": "b"}],
        [{"id": 1, "name": "a"}],
    ]
    store = memory()
    with pytest.raises(KilledError):
        service(store, records_of(*pages), part_pages=1, die_after=2).carry_out(asked)
    receipt = service(store, records_of(*pages), part_pages=1).carry_out(asked)
    assert [tuple(row.values()) for row in rows(store, receipt)] == [(1, "a"), (2, "a"), (1, "b")]
    assert (receipt.duplicates, receipt.records) == (2, 3)


def test_a_record_without_its_key_ends_the_run() -> None:
    store = memory()
    with pytest.raises(MissingKeyError, match="'id' is not there"):
        service(store, records_of([{"id": 1}], [{"name": 2}])).carry_out(plan(key_fields=("id",), limit=1))
    with pytest.raises(ObjectNotFoundError):
        DatasetReader(store, BUCKET, DATASET)


MISFITS: list[list[dict[str, object]]] = [[{"id": 1}, {"id": "two"}], [{"id": 3}, {"id": 4}], [{"id": None}]]


def test_a_record_that_does_not_fit_the_pinned_schema_ends_the_run() -> None:
    store = memory()
    with pytest.raises(SchemaViolationError, match=r"two|int64"):
        service(store, records_of(*MISFITS)).carry_out(
            plan(limit=2, pinned=PinnedSchema.parse({"id": "int64!"}))
        )
    assert progress(store).parts == ()


@pytest.mark.parametrize("die_after", [None, 1, 2])
def test_records_that_do_not_fit_are_set_aside_where_that_is_asked_for(die_after: int | None) -> None:
    store = memory()
    asked = plan(limit=2, pinned=PinnedSchema.parse({"id": "int64!"}), on_violation="quarantine")
    if die_after:
        with pytest.raises(KilledError):
            service(store, records_of(*MISFITS), part_pages=1, die_after=die_after).carry_out(asked)
    receipt = service(store, records_of(*MISFITS), part_pages=1).carry_out(asked)
    assert (ids(store, receipt), receipt.quarantined, list(receipt.columns)) == ([1, 3, 4], 2, ["id"])
    aside = [
        line
        for part in receipt.quarantine
        for line in map(msgspec.json.decode, store.get_object(BUCKET, part.key).splitlines())
    ]
    assert [(line["page"], line["row"], line["record"]) for line in aside] == [
        (1, 2, {"id": "two"}),
        (3, 1, {"id": None}),
    ]
    assert list(differences(receipt, store, BUCKET)) == []


CHANGING: list[list[dict[str, object]]] = [
    [{"id": 1, "mag": 1}, {"id": 2, "mag": 2}],
    [{"id": 3, "mag": 2.5}, {"id": 4, "mag": None}],
    [{"id": 9007199254740993, "mag": 3, "late": "x"}, {"id": 6, "mag": "unknown"}],
    [{"id": 7, "geo": {"lat": 1}}],
]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("die_after", [None, 2, 3])
def test_F50_F51_parts_of_many_schemas_read_as_one_object(format_name: str, die_after: int | None) -> None:
    store = memory()
    if die_after:
        with pytest.raises(KilledError):
            service(store, records_of(*CHANGING), part_pages=1, die_after=die_after).carry_out(
                plan(limit=2, format=format_name)
            )
    receipt = service(store, records_of(*CHANGING), part_pages=1).carry_out(plan(limit=2, format=format_name))
    storage = StorageDataService(store, DataFormatService(), LOGGER)
    with storage.open_sink(BUCKET, "one", format_name) as sink:
        for page in CHANGING:
            sink.write(page)
        one = sink.commit()
    assert receipt.columns == one.schema.describe()
    assert list(receipt.columns) == ["id", "mag", "late", "geo"]
    assert storage.download_df(BUCKET, f"{DATASET}/").equals(storage.download_df(BUCKET, "one", format_name))
    assert list(differences(receipt, store, BUCKET)) == []


def test_F50_widenings_are_in_the_receipt() -> None:
    store = memory()
    receipt = service(store, records_of(*CHANGING), part_pages=1).carry_out(plan(limit=2, format="parquet"))
    assert [text for text in receipt.widenings if text.startswith("mag")] == [
        "mag: int64 -> float64",
        "mag: float64 -> json",
    ]


def test_F47_a_missing_bucket_is_found_before_the_source_is_asked() -> None:
    api = FakePagedApi(95)
    store = BaseS3Client(FakeS3(), LOGGER, clock=ManualClock())
    with pytest.raises(BucketNotFoundError):
        service(store, api).carry_out(plan())
    assert api.requests == []


def test_another_run_finds_the_dataset_taken_before_the_source_is_asked() -> None:
    store, api = memory(), FakePagedApi(95)
    receipt = service(store, FakePagedApi(95)).carry_out(plan())
    with pytest.raises(ObjectExistsError, match="run 'run' has committed to raw/day"):
        service(store, api).carry_out(plan(run_id="another"))
    assert api.requests == []
    assert service(store, api).carry_out(plan()) == given_again(receipt)
