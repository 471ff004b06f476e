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
import re
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pandas as pd
import pytest

from de_classes.api.receipt import IngestReceipt
from de_classes.cli import clean, verify
from de_classes.errors import NewerLayoutError
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.verify import differences
from de_classes.storage.datasets import DatasetReader, find_leftovers, remove_leftovers
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from de_classes.utils import layouts
from de_classes.utils.clock import ManualClock
from de_classes.version import VERSION
from tests.fakes.layouts import (
    CASES,
    COMPLETE,
    FIRST_CASES,
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
from tests.fakes.runs import BUCKET, LOGGER, given_again, progress, rows

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.storage.clients import ObjectStore
    from de_classes.storage.format.schema import Record
    from tests.fakes.layouts import Case

WRITTEN = {"v1": "382fdf4abad640f11bb696377240c04ebf3474598d72210d3689c498b304c04c"}
"""The SHA-256 of each folder: what people have in their buckets cannot be written again either."""

LAYOUTS = sorted(WRITTEN)
"""Those that hold runs with a dataset of their own; of others see ``test_layouts_of_more_runs.py``."""

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


def once_more(case: Case) -> list[int]:
    """The pages of a second pass: one key twice may mean that a record moved, and hid another."""
    has_moved = len(case.wanted) < len(case.records) and not case.pinned
    return [*range(1, 9), *by_no_total(case)] if has_moved else []


def by_no_total(case: Case) -> list[int]:
    """What proves the end where records came twice: a total that counts them proves nothing."""
    behind_and_before = [9, 0]
    return behind_and_before if case.style == "number" else [8]


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
    missing = {name for name in FIRST_CASES if not is_there(layout, name)}
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
        args = argparse.Namespace(receipt=str(bucket_of(layout) / key), endpoint_url=None, json=False)
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
    assert receipt == given_again(msgspec.json.decode(objects(layout)[latest], type=IngestReceipt))
    assert (source.requests, contents(store)) == ([], before)


@pytest.mark.parametrize("name", PARTIAL)
def test_replaying_a_commit_with_a_gap_fetches_the_gap_alone_and_commits(layout: str, name: str) -> None:
    store, case = stored(layout), CASES[name]
    source = case.source()
    DatasetDestination(store, BUCKET, prefix=PREFIX).check_begun(name)
    receipt = service_of(name, store, source).carry_out(plan_of(name))
    looked_at_again = [8]  # has the source changed?
    assert source.asked() == [*looked_at_again, *case.broken, *once_more(case)]
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
    is_the_last = [8] if case.style in {"cursor", "link"} else []  # nothing leads on from it, twice
    is_proved = by_no_total(case) if before.pass_ > 1 else is_the_last
    assert source.asked() == [*looked_at_again, *missing, *is_proved, *once_more(case)]
    assert (receipt.status, receipt.invocations) == ("complete", 2)
    assert progress(store, name).parts[: len(before.parts)] == before.parts
    check_whole(name, rows(store, receipt))
    assert list(differences(receipt, store, BUCKET)) == []


@pytest.mark.parametrize("superseded", [False, True])
def test_cleaning_up_keeps_what_is_committed(layout: str, *, superseded: bool) -> None:
    store = stored(layout)
    found = list(find_leftovers(store, BUCKET, "", older_than=0, now=LONG_AFTER, superseded=superseded))
    clock = ManualClock(now=LONG_AFTER)
    assert len(found) > 0
    assert (
        list(remove_leftovers(store, BUCKET, "", older_than=0, clock=clock, superseded=superseded)) == found
    )
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


def document(layout: str, name: str) -> str:
    """The key of a document, by what it is."""
    ends = {
        "plan": "_runs/open/plan.json",
        "journal": "_runs/open/part-00000002.json",
        "invocation": "_runs/open/invocation-",
        "manifest": "replayed/_manifest-00000002.json",
        "replaced manifest": "replayed/_manifest-00000001.json",
        "receipt": "replayed/_receipt-00000002-",
        "receipt of an object": "_receipt-one.csv.json",
    }
    (key,) = [key for key in objects(layout) if key.startswith(f"{PREFIX}/{ends[name]}")]
    return key


def with_newer(layout: str, name: str) -> ObjectStore:
    """A store in which one document is of a layout that nobody has thought of yet."""
    store = stored(layout)
    store.put_object(BUCKET, document(layout, name), b'{"version":99,"entries":[[1,{}]],"part":"elsewhere"}')
    return store


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("plan", "open"),
        ("journal", "open"),
        ("manifest", "replayed"),
        ("receipt", "replayed"),
    ],
)
def test_a_run_stops_at_a_newer_document_before_it_asks_or_writes_anything(
    layout: str, name: str, run: str
) -> None:
    store, source = with_newer(layout, name), CASES[run].source()
    before = contents(store)
    with pytest.raises(NewerLayoutError) as caught:
        service_of(run, store, source).carry_out(plan_of(run), allow_partial=True)
    said = str(caught.value)
    assert said.startswith(f"{document(layout, name)} was written by a newer de-classes, in layout 99:")
    assert f"this is de-classes {VERSION}" in said
    assert said.endswith("update it")
    assert (source.requests, contents(store)) == ([], before)


@pytest.mark.parametrize("name", ["manifest", "receipt"])
def test_a_run_without_progress_stops_at_a_newer_document_too(layout: str, name: str) -> None:
    """Nor does a new run begin in such a dataset."""
    store, source = with_newer(layout, name), CASES["replayed"].source()
    for key in objects(layout):
        if key.startswith(f"{PREFIX}/_runs/replayed/"):
            store.delete_object(BUCKET, key)
    before = contents(store)
    with pytest.raises(NewerLayoutError):
        service_of("replayed", store, source).carry_out(plan_of("replayed"))
    assert (source.requests, contents(store)) == ([], before)


def test_a_run_by_its_id_stops_at_a_newer_plan(layout: str) -> None:
    store = with_newer(layout, "plan")
    with pytest.raises(NewerLayoutError, match=r"plan\.json"):
        DatasetDestination(store, BUCKET, prefix=PREFIX).check_begun("open")


def test_a_newer_commit_is_not_read_and_the_one_before_is(layout: str) -> None:
    store = with_newer(layout, "manifest")
    with pytest.raises(NewerLayoutError, match="_manifest-00000002"):
        read(store, "replayed")
    with pytest.raises(NewerLayoutError, match="_manifest-00000002"):
        StorageDataService(store, DataFormatService(), LOGGER).download_df(BUCKET, f"{PREFIX}/replayed")
    assert len(read(store, "replayed", generation=1)) == len(RECORDS) - LIMIT


@pytest.mark.parametrize("name", ["receipt", "receipt of an object", "manifest"])
def test_verify_says_that_it_is_too_old(layout: str, name: str, tmp_path: Path) -> None:
    shutil.copytree(bucket_of(layout), tmp_path / BUCKET)
    key = document(layout, name)
    newer = (layouts.MANIFEST if name == "manifest" else layouts.RECEIPT) + 1
    body = b'{"version":%d}' % newer
    (tmp_path / BUCKET / key).write_bytes(body)
    # A manifest is looked into if it is the one that the receipt means; a newer one may well be.
    receipt = document(layout, "receipt") if name == "manifest" else key
    if name == "manifest":
        told = json.loads((tmp_path / BUCKET / receipt).read_bytes())
        told["sha256"] = hashlib.sha256(body).hexdigest()
        (tmp_path / BUCKET / receipt).write_text(json.dumps(told))
    out, err = io.StringIO(), io.StringIO()
    args = argparse.Namespace(receipt=str(tmp_path / BUCKET / receipt), endpoint_url=None, json=False)
    assert verify.run(args, out=out, err=err) == verify.EXIT_USAGE
    assert f"was written by a newer de-classes, in layout {newer}" in err.getvalue()
    assert f"reads such documents up to layout {newer - 1}" in err.getvalue()


@pytest.mark.parametrize("superseded", [False, True])
@pytest.mark.parametrize("limit", [0, LONG_AFTER])
@pytest.mark.parametrize(
    "name",
    ["plan", "journal", "invocation", "manifest", "replaced manifest", "receipt", "receipt of an object"],
)
def test_cleaning_up_leaves_everything_where_a_document_is_newer(
    layout: str, name: str, *, limit: float, superseded: bool
) -> None:
    """Be the runs over, or under way."""
    store = with_newer(layout, name)
    found = find_leftovers(store, BUCKET, "", older_than=limit, now=LONG_AFTER, superseded=superseded)
    with pytest.raises(NewerLayoutError, match=re.escape(document(layout, name))):
        next(found)


def test_the_cleaning_command_says_so_and_deletes_nothing(layout: str, tmp_path: Path) -> None:
    shutil.copytree(bucket_of(layout), tmp_path / BUCKET)
    (tmp_path / BUCKET / document(layout, "journal")).write_bytes(b'{"version":2}')
    before = sorted(tmp_path.rglob("*"))
    out, err = io.StringIO(), io.StringIO()
    args = argparse.Namespace(
        where=str(tmp_path / BUCKET),
        endpoint_url=None,
        older_than=1.0,
        superseded=False,
        keep=None,
        grace=None,
        delete=True,
        json=False,
    )
    assert clean.run(args, out=out, err=err, clock=ManualClock(now=LONG_AFTER)) == clean.EXIT_FAILED
    assert (out.getvalue(), sorted(tmp_path.rglob("*"))) == ("", before)
    assert err.getvalue().startswith("clean: NewerLayoutError: raw/_runs/open/part-00000002.json was written")
