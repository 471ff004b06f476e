"""Whatever is changed behind a receipt's back is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from de_classes.api.receipt import PageHash, TransformRows
from de_classes.errors import MalformedDataError
from de_classes.pipelines.described import FilterStep, FlattenStep
from de_classes.runs.verify import differences
from de_classes.utils.formats import FORMATS
from tests.fakes.runs import BUCKET, DATASET, memory, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients import ObjectStore


def committed(format_name: str = "jsonl") -> tuple[ObjectStore, IngestReceipt]:
    store = memory()
    receipt = service(store, FakePagedApi(45)).carry_out(plan(format=format_name))
    assert list(differences(receipt, store, BUCKET)) == []
    return store, receipt


def found(store: ObjectStore, receipt: IngestReceipt) -> list[str]:
    return list(differences(receipt, store, BUCKET))


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_missing_part_is_found(format_name: str) -> None:
    store, receipt = committed(format_name)
    for part in receipt.parts:
        body = store.get_object(BUCKET, part.key)
        store.delete_object(BUCKET, part.key)
        assert found(store, receipt) == [f"{part.key} is gone"]
        store.put_object(BUCKET, part.key, body)
    assert found(store, receipt) == []


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_part_that_was_cut_is_found(format_name: str) -> None:
    store, receipt = committed(format_name)
    part = receipt.parts[1]
    body = store.get_object(BUCKET, part.key)
    for left in (0, 1, len(body) - 1):
        store.put_object(BUCKET, part.key, body[:left])
        assert found(store, receipt) == [f"{part.key} has {left} bytes, not {part.size}"]


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_changed_byte_is_found(format_name: str) -> None:
    store, receipt = committed(format_name)
    part = receipt.parts[0]
    body = store.get_object(BUCKET, part.key)
    for place in (0, len(body) // 2, len(body) - 1):
        store.put_object(BUCKET, part.key, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
        (difference,) = found(store, receipt)
        assert difference.startswith(f"{part.key} has SHA-256 ")


def test_parts_that_changed_places_are_found() -> None:
    store, receipt = committed()
    first, second = (store.get_object(BUCKET, part.key) for part in receipt.parts[:2])
    store.put_object(BUCKET, receipt.parts[0].key, second)
    store.put_object(BUCKET, receipt.parts[1].key, first)
    assert len(found(store, receipt)) == 2


def test_a_manifest_that_is_gone_or_was_replaced_is_found() -> None:
    store, receipt = committed()
    body = store.get_object(BUCKET, receipt.key)
    store.delete_object(BUCKET, receipt.key)
    assert found(store, receipt) == [f"{receipt.key} is gone: the run is not committed"]
    store.put_object(BUCKET, receipt.key, body.replace(b'"run"', b'"fun"'))
    (difference,) = found(store, receipt)
    assert difference.startswith(f"{receipt.key} has SHA-256 ")


EDITS: dict[str, Callable[[IngestReceipt], object]] = {
    "status": lambda _: "partial",
    "run_id": lambda _: "another",
    "pages": lambda receipt: receipt.pages + 1,
    "missing_pages": lambda _: ["2"],
    "records": lambda receipt: receipt.records - 1,
    "duplicates": lambda _: 1,
    "quarantined": lambda _: 1,
    "transforms": lambda receipt: [TransformRows.of({"type": "flatten"}, receipt.records, 1)],
    "requests": lambda receipt: receipt.requests + 1,
    "requests_by_outcome": lambda _: {"200": 1},
    "retries": lambda receipt: receipt.retries + 1,
    "retries_by_cause": lambda _: {"503": 1},
    "format": lambda _: "csv",
    "key": lambda _: f"{DATASET}/_manifest-00000002.json",
    "bytes": lambda receipt: receipt.bytes + 1,
    "sha256": lambda _: "00" * 32,
    "columns": lambda _: {"id": "string"},
    "parts": lambda receipt: receipt.parts[:-1],
    "quarantine": lambda receipt: receipt.parts[:1],
    "page_hashes": lambda receipt: [PageHash(1, 11, "00"), *receipt.page_hashes[1:]],
}


@pytest.mark.parametrize("field", EDITS)
def test_an_edited_receipt_is_found(field: str) -> None:
    store, receipt = committed()
    assert found(store, structs.replace(receipt, **{field: EDITS[field](receipt)})) != []


@pytest.mark.parametrize("field", ["rows_in", "rows_out", "rows_dropped"])
@pytest.mark.parametrize("place", [0, 1])
def test_an_edited_count_of_a_transform_is_found(place: int, field: str) -> None:
    store = memory()
    steps = (FilterStep(where="id < `20`"), FlattenStep())
    receipt = service(store, FakePagedApi(45)).carry_out(plan(transforms=steps))
    assert found(store, receipt) == []
    rows = receipt.transforms[place]
    edited = structs.replace(rows, **{field: getattr(rows, field) + 1})
    transforms = [edited if rows is each else each for each in receipt.transforms]
    assert found(store, structs.replace(receipt, transforms=transforms)) != []


@pytest.mark.parametrize("field", ["key", "size", "sha256", "records", "first_page", "last_page", "pass_"])
def test_an_edited_part_of_a_receipt_is_found(field: str) -> None:
    store, receipt = committed()
    old = getattr(receipt.parts[0], field)
    edited = structs.replace(receipt.parts[0], **{field: old + 1 if isinstance(old, int) else f"{old}0"})
    assert found(store, structs.replace(receipt, parts=[edited, *receipt.parts[1:]])) != []


def test_what_is_no_manifest_although_its_checksum_is_right_is_refused() -> None:
    store, receipt = committed()
    store.put_object(BUCKET, receipt.key, b"{}")
    with pytest.raises(MalformedDataError, match="no manifest"):
        found(
            store,
            structs.replace(
                receipt, sha256="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
            ),
        )
