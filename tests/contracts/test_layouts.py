"""What was written stays readable: every layout that ever was, by the code of today.

``tests/fixtures/layouts`` has a folder for each, with all that a store held then: datasets in each format, a
commit with a gap and the one after it, receipts, and runs that were killed. A new layout adds a folder, which
``make.py`` there writes, and a line to ``WRITTEN``; the folders that are there stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pandas as pd
import pytest

from de_classes.api.receipt import IngestReceipt
from de_classes.cli import verify
from de_classes.runs.verify import differences
from de_classes.storage.datasets import DatasetReader, find_leftovers, remove_leftovers
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from tests.fakes.layouts import (
    CASES,
    COMPLETE,
    FIXTURES,
    LIMIT,
    OBJECTS,
    OPEN,
    PARTIAL,
    PREFIX,
    RECORDS,
    bucket_of,
    objects,
    plan_of,
    service_of,
    stored,
)
from tests.fakes.runs import BUCKET, LOGGER, progress, rows

if TYPE_CHECKING:
    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.format.codec import Record

WRITTEN = {"v1": "382fdf4abad640f11bb696377240c04ebf3474598d72210d3689c498b304c04c"}
"""The SHA-256 of each folder: what people have in their buckets cannot be written again either."""

LAYOUTS = sorted(path.name for path in FIXTURES.iterdir() if (path / BUCKET).is_dir())
BY_FORMAT = ["csv", "json", "jsonl", "parquet"]
LONG_AFTER = 10_000_000_000.0

pytestmark = pytest.mark.parametrize("layout", LAYOUTS)


def is_there(layout: str, name: str) -> bool:
    """Whether a layout has a case: those that are newer than a layout are not in its folder."""
    return f"{PREFIX}/_runs/{name}/plan.json" in objects(layout)


def plain(records: list[Record]) -> list[Record]:
    """Without the columns that are empty: a table has a cell there, and JSON may have nothing."""
    return [{name: value for name, value in each.items() if value is not None} for each in records]


def by_id(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record["id"])


def read(store: ObjectStore, name: str, *, generation: int | None = None) -> list[Record]:
    reader = DatasetReader(store, BUCKET, f"{PREFIX}/{name}", generation=generation)
    return [record for batch in reader.records() for record in batch]


def check_whole(name: str, found: list[Record]) -> None:
    """Every record, once; in the source's order, but where a key says which of two is the first to come."""
    case = CASES[name]
    wanted = case.wanted
    if case.key_fields:
        found, wanted = by_id(found), by_id(wanted)
    assert plain(found) == plain(wanted)


def receipts(layout: str) -> list[str]:
    return [key for key in objects(layout) if key.rpartition("/")[2].startswith("_receipt-")]


def contents(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: store.get_object(BUCKET, info.key) for info in store.list_objects(BUCKET)}


def test_a_folder_is_as_it_was_written(layout: str) -> None:
    whole = hashlib.sha256()
    for key, body in objects(layout).items():
        whole.update(f"{key} {hashlib.sha256(body).hexdigest()}\n".encode())
    assert whole.hexdigest() == WRITTEN[layout]


def test_the_first_folder_has_every_case(layout: str) -> None:
    missing = {name for name in CASES if not is_there(layout, name)}
    assert layout != "v1" or missing == set()
    assert set(OBJECTS.values()) <= set(objects(layout))


@pytest.mark.parametrize("name", COMPLETE)
def test_a_dataset_reads_to_its_very_records(layout: str, name: str) -> None:
    store = stored(layout)
    check_whole(name, read(store, name))
    assert DatasetReader(store, BUCKET, f"{PREFIX}/{name}").manifest.status == "complete"


@pytest.mark.parametrize("name", PARTIAL)
def test_a_commit_with_a_gap_reads_to_all_but_the_gap(layout: str, name: str) -> None:
    store = stored(layout)
    case, manifest = CASES[name], DatasetReader(store, BUCKET, f"{PREFIX}/{name}").manifest
    assert (manifest.status, manifest.missing_pages) == ("partial", tuple(map(str, case.broken)))
    elsewhere = [each for at, each in enumerate(case.records) if at // LIMIT + 1 not in case.broken]
    wanted = list({each["id"]: each for each in elsewhere}.values())
    assert len(wanted) < len(RECORDS)
    assert by_id(plain(read(store, name))) == by_id(plain(wanted))


def test_a_commit_that_was_replaced_can_still_be_asked_for(layout: str) -> None:
    store = stored(layout)
    gone = range(3 * LIMIT, 4 * LIMIT)  # the fourth page
    first = [record for at, record in enumerate(RECORDS) if at not in gone]
    assert plain(read(store, "replayed", generation=1)) == plain(first)
    assert plain(read(store, "replayed", generation=2)) == plain(list(RECORDS))


@pytest.mark.parametrize("name", COMPLETE)
def test_a_dataset_reads_as_a_frame(layout: str, name: str) -> None:
    service = StorageDataService(stored(layout), DataFormatService(), LOGGER)
    frame = service.download_df(BUCKET, f"{PREFIX}/{name}/")
    assert sorted(frame["id"]) == sorted(record["id"] for record in CASES[name].wanted)


READERS: dict[str, Any] = {
    "csv": pd.read_csv,
    "json": pd.read_json,
    "jsonl": lambda path: pd.read_json(path, lines=True),
    "parquet": pd.read_parquet,
}


@pytest.mark.parametrize("name", BY_FORMAT)
def test_pandas_alone_reads_it_by_the_recipe(layout: str, name: str) -> None:
    folder = bucket_of(layout) / PREFIX / name
    latest = json.loads(max(folder.glob("_manifest-*.json")).read_bytes())
    alone = pd.concat([READERS[name](folder / part["key"]) for part in latest["parts"]], ignore_index=True)
    assert alone["id"].tolist() == [record["id"] for record in RECORDS]
    assert alone["magnitude"].tolist() == [record["magnitude"] for record in RECORDS]


RECIPE = """
SET VARIABLE parts = (
    SELECT list_transform(parts, lambda part: '{folder}/' || part.key)
    FROM read_json(
        '{folder}/_manifest-*.json',
        columns = {{generation: 'BIGINT', parts: 'STRUCT("key" VARCHAR)[]'}}
    )
    ORDER BY generation DESC
    LIMIT 1
);
SELECT id, magnitude, depth FROM {read}(getvariable('parts')) ORDER BY id;
"""
"""As docs/datasets.md has it."""


@pytest.mark.parametrize("name", [*BY_FORMAT, "replayed"])
def test_duckdb_alone_reads_it_by_the_recipe(layout: str, name: str) -> None:
    reader = {"csv": "read_csv", "parquet": "read_parquet"}.get(CASES[name].format, "read_json")
    recipe = RECIPE.format(folder=bucket_of(layout) / PREFIX / name, read=reader)
    with duckdb.connect() as connection:
        found = connection.execute(recipe).fetchall()
    assert found == [(record["id"], record["magnitude"], record.get("depth")) for record in RECORDS]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_single_object_reads_to_its_very_records(layout: str, name: str) -> None:
    service = StorageDataService(stored(layout), DataFormatService(), LOGGER)
    frame = service.download_df(BUCKET, OBJECTS[name])
    assert frame["magnitude"].tolist() == [record["magnitude"] for record in RECORDS]
    assert frame["place"].tolist() == [record["place"] for record in RECORDS]


def test_every_receipt_verifies(layout: str) -> None:
    commits = sum("/_manifest-" in key for key in objects(layout))
    assert len(receipts(layout)) == len(OBJECTS) + commits
    for key in receipts(layout):
        out, err = io.StringIO(), io.StringIO()
        args = argparse.Namespace(receipt=str(bucket_of(layout) / key), endpoint_url=None)
        assert verify.run(args, out=out, err=err) == 0, out.getvalue() + err.getvalue()


def test_a_receipt_still_finds_what_was_changed(layout: str) -> None:
    store = stored(layout)
    for key in receipts(layout):
        receipt = msgspec.json.decode(objects(layout)[key], type=IngestReceipt)
        store.put_object(BUCKET, receipt.parts[0].key, b"something else")
        assert any(receipt.parts[0].key in each for each in differences(receipt, store, BUCKET))


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("progress_is_gone", [False, True])
def test_a_complete_run_asked_for_again_answers_with_its_receipt(
    layout: str, name: str, *, progress_is_gone: bool
) -> None:
    store, source = stored(layout), CASES[name].source()
    for key in objects(layout):
        if progress_is_gone and key.startswith(f"{PREFIX}/_runs/{name}/"):
            store.delete_object(BUCKET, key)
    before = contents(store)
    receipt = service_of(name, store, source).carry_out(plan_of(name))
    latest = max(key for key in receipts(layout) if key.startswith(f"{PREFIX}/{name}/"))
    assert receipt == msgspec.json.decode(objects(layout)[latest], type=IngestReceipt)
    assert (source.requests, contents(store)) == ([], before)


@pytest.mark.parametrize("name", PARTIAL)
def test_replaying_a_commit_with_a_gap_fetches_the_gap_alone_and_commits(layout: str, name: str) -> None:
    store, case = stored(layout), CASES[name]
    source = case.source()
    service = service_of(name, store, source)
    service.check_begun(name)
    receipt = service.carry_out(plan_of(name))
    assert source.asked() == [8, *case.broken]  # the last page is looked at again: has the source changed?
    assert receipt.key.endswith("_manifest-00000002.json")
    assert (receipt.status, receipt.missing_pages, receipt.invocations) == ("complete", [], 2)
    check_whole(name, rows(store, receipt))
    assert list(differences(receipt, store, BUCKET)) == []
    assert DatasetReader(store, BUCKET, f"{PREFIX}/{name}", generation=1).manifest.status == "partial"


@pytest.mark.parametrize("name", OPEN)
def test_a_run_that_was_killed_goes_on_with_the_missing_requests_alone(layout: str, name: str) -> None:
    store, case = stored(layout), CASES[name]
    source, before = case.source(), progress(store, name)
    sealed = {entry.number for entry in before.pages(before.pass_)}
    assert 0 < len(sealed) < 8
    receipt = service_of(name, store, source).carry_out(plan_of(name))
    missing = [page for page in range(1, 9) if page not in sealed]
    looked_at_again = [max(sealed)] if case.style in {"number", "offset"} else []
    assert source.asked() == [*looked_at_again, *missing]
    assert (receipt.status, receipt.invocations) == ("complete", 2)
    assert progress(store, name).parts[: len(before.parts)] == before.parts
    check_whole(name, rows(store, receipt))
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("superseded", [False, True])
def test_cleaning_up_keeps_what_is_committed(layout: str, *, superseded: bool) -> None:
    store = stored(layout)
    found = list(find_leftovers(store, BUCKET, "", older_than=0, now=LONG_AFTER, superseded=superseded))
    assert remove_leftovers(store, found) == len(found) > 0
    assert not any(f"{PREFIX}/_runs/" in key or f"{PREFIX}/open" in key for key in contents(store))
    for name in COMPLETE:
        check_whole(name, read(store, name))


def test_cleaning_up_keeps_what_a_run_counts_on(layout: str) -> None:
    store = stored(layout)
    found = [info.key for info in find_leftovers(store, BUCKET, "", older_than=LONG_AFTER, now=LONG_AFTER)]
    assert found == []
    for name in OPEN:
        receipt = service_of(name, store, CASES[name].source()).carry_out(plan_of(name))
        check_whole(name, rows(store, receipt))
