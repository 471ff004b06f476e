"""Datasets that take more runs, as the first code that could write them did: layout 2, read today."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import duckdb
import msgspec
import pytest

from de_classes.runs.verify import differences
from de_classes.storage.datasets import DatasetReader
from tests.fakes.layouts import (
    CASES,
    FIXTURES,
    MORE_RUNS,
    MORE_RUNS_OPEN,
    PREFIX,
    RECORDS,
    bucket_of,
    objects,
    plan_before,
    plan_of,
    service_of,
    stored,
)
from tests.fakes.runs import BUCKET, rows

if TYPE_CHECKING:
    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.format.schema import Record

LAYOUT = "v2"
WRITTEN = "58071de74a67d369cf7708333ee69b1d4cc60d3ca3fab470e88de6d46f249bd6"
"""The SHA-256 of the folder: what people have in their buckets cannot be written again either."""


def spelled(records: list[Record]) -> list[Record]:
    """In one order, and without the columns that are empty."""
    full = [{name: value for name, value in each.items() if value is not None} for each in records]
    return sorted(full, key=lambda each: (each["id"], each["magnitude"]))


def read(store: ObjectStore, name: str, *, generation: int | None = None) -> list[Record]:
    reader = DatasetReader(store, BUCKET, f"{PREFIX}/{name}", generation=generation)
    return [record for batch in reader.records() for record in batch]


def contents(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: store.get_object(BUCKET, info.key) for info in store.list_objects(BUCKET)}


def test_the_folder_is_as_it_was_written_and_there_is_no_other() -> None:
    whole = hashlib.sha256()
    for key, body in objects(LAYOUT).items():
        whole.update(f"{key} {hashlib.sha256(body).hexdigest()}\n".encode())
    assert whole.hexdigest() == WRITTEN
    assert {path.name for path in FIXTURES.iterdir() if (path / BUCKET).is_dir()} == {"v1", LAYOUT}


@pytest.mark.parametrize("name", MORE_RUNS)
def test_a_dataset_reads_to_what_each_run_left(name: str) -> None:
    store, case = stored(LAYOUT), CASES[name]
    assert spelled(read(store, name)) == spelled(case.wanted)
    assert spelled(read(store, name, generation=1)) == spelled(case.before)
    reached = DatasetReader(store, BUCKET, f"{PREFIX}/{name}").manifest.incremental
    furthest = None if reached is msgspec.UNSET else reached.to
    assert furthest == (max(record["id"] for record in RECORDS) if case.only_new else None)


def test_duckdb_alone_reads_the_parts_of_several_runs() -> None:
    folder = bucket_of(LAYOUT) / PREFIX / "upserted"
    latest = msgspec.json.decode((folder / "_manifest-00000002.json").read_bytes())
    parts = [str(folder / part["key"]) for part in latest["parts"]]
    with duckdb.connect() as connection:
        found = connection.execute("SELECT id FROM read_parquet($1) ORDER BY id", [parts]).fetchall()
    assert [number for (number,) in found] == sorted(record["id"] for record in RECORDS)


@pytest.mark.parametrize("name", MORE_RUNS)
def test_each_run_that_is_asked_for_again_answers_with_its_receipt(name: str) -> None:
    store = stored(LAYOUT)
    before = contents(store)
    for plan in (plan_of(name), plan_before(name)):
        source = CASES[name].source()
        receipt = service_of(name, store, source).carry_out(plan)
        assert (receipt.run_id, source.requests) == (plan.run_id, [])
        assert list(differences(receipt, store, BUCKET)) == []
    assert contents(store) == before


@pytest.mark.parametrize("name", MORE_RUNS_OPEN)
def test_a_run_that_was_killed_goes_on(name: str) -> None:
    store = stored(LAYOUT)
    receipt = service_of(name, store, CASES[name].source()).carry_out(plan_of(name))
    assert (receipt.status, receipt.invocations) == ("complete", 2)
    assert spelled(rows(store, receipt)) == spelled(CASES[name].wanted)
    assert list(differences(receipt, store, BUCKET)) == []


def test_every_document_says_its_layout() -> None:
    documents = {
        key: msgspec.json.decode(body)
        for key, body in objects(LAYOUT).items()
        if key.endswith(".json") and ("/_runs/" in key or "/_manifest-" in key or "/_receipt-" in key)
    }
    later = {key.removeprefix(f"{PREFIX}/") for key, each in documents.items() if each["version"] > 1}
    runs = [run for name in (*MORE_RUNS, *MORE_RUNS_OPEN) for run in (name, f"{name}-before")]
    assert later == {*(f"_runs/{run}/plan.json" for run in runs), "appended/_manifest-00000002.json"}
    receipts = [each for key, each in documents.items() if "/_receipt-" in key]
    assert [each["dataset"]["write"] for each in receipts] == [
        each["parameters"]["write"] for each in receipts
    ]
