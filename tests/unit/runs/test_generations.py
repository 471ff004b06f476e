"""A dataset that takes more runs than one: what each commit lists, and what it leaves alone."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import (
    IncompleteRunError,
    InvalidInputError,
    ObjectExistsError,
    ShrunkDatasetError,
)
from de_classes.pipelines.described import CastStep, FilterStep, RenameStep
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.verify import differences
from de_classes.storage.datasets import DatasetCommits, DatasetReader
from de_classes.storage.datasets.leftovers import find_leftovers
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import Increment
from tests.fakes.rows_api import UNCOUNTED, RowsApi
from tests.fakes.runs import BUCKET, DATASET, KilledError, given_again, memory, plan, service
from tests.fakes.transports import json_response

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt
    from de_classes.runs.plan import Write
    from de_classes.storage.clients import ObjectStore

Row = dict[str, Any]
FORMATS = ("jsonl", "json", "csv", "parquet")


def row(number: int, text: str = "first", **more: Any) -> Row:
    return {"id": number, "text": text, **more}


def run(
    store: ObjectStore, rows: list[Row], run_id: str, write: Write | None, **changes: Any
) -> IngestReceipt:
    asked = {"run_id": run_id, "write": write, "key_fields": ("id",) if write == "upsert" else (), **changes}
    options = {name: asked.pop(name) for name in ("reader", "look_back", "strict") if name in asked}
    carried = {"accept_shrink": asked.pop("accept_shrink", False)}
    return service(store, RowsApi(rows), **options).carry_out(plan(**asked), **carried)


def listed(store: ObjectStore, generation: int | None = None) -> list[Row]:
    reader = DatasetReader(store, BUCKET, DATASET, generation=generation)
    return [record for batch in reader.records() for record in batch]


def by_id(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda each: each["id"])


def parts(store: ObjectStore) -> list[str]:
    latest = DatasetCommits(store, BUCKET, DATASET).latest()
    assert latest is not None
    return [part.key for part in latest.parts]


MONDAY = [row(n) for n in range(1, 46)]
TUESDAY = [row(2, "second"), row(30, "second"), row(46, "second"), row(47, "second")]


@pytest.mark.parametrize("name", FORMATS)
def test_append_lists_the_parts_before_and_the_new_ones(name: str) -> None:
    store = memory()
    first = run(store, MONDAY, "monday", "append", format=name)
    before = parts(store)
    second = run(store, TUESDAY, "tuesday", "append", format=name)
    assert listed(store) == [*MONDAY, *TUESDAY]
    assert listed(store, generation=1) == MONDAY
    assert parts(store)[: len(before)] == before
    assert (first.records, second.records) == (45, 4)
    assert second.dataset is not None
    assert (second.dataset.records_before, second.dataset.records, second.dataset.parts_rewritten) == (
        45,
        49,
        0,
    )
    assert all(not list(differences(each, store, BUCKET)) for each in (first, second))


def test_append_of_the_same_rows_lists_them_twice_in_objects_of_their_own() -> None:
    store = memory()
    for run_id in ("monday", "tuesday"):
        run(store, MONDAY, run_id, "append")
    assert listed(store) == [*MONDAY, *MONDAY]
    assert len(set(parts(store))) == len(parts(store))


@pytest.mark.parametrize("name", FORMATS)
def test_upsert_holds_each_key_once_and_says_what_it_cost(name: str) -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert", format=name)
    before = parts(store)
    receipt = run(store, TUESDAY, "tuesday", "upsert", format=name)
    changed = {each["id"]: each for each in TUESDAY}
    assert by_id(listed(store)) == [changed.get(n, row(n)) for n in range(1, 48)]
    assert listed(store, generation=1) == MONDAY
    change = receipt.dataset
    assert change is not None
    assert (change.records_before, change.records, change.replaced, change.deleted) == (45, 47, 2, 0)
    assert change.parts_rewritten == 2  # of three, each of twenty rows at the most
    assert len(set(before) - set(parts(store))) == 2
    assert change.bytes_read > change.bytes_rewritten > 0
    assert not list(differences(receipt, store, BUCKET))


def test_a_part_of_which_every_record_is_replaced_is_not_listed_any_more() -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert")
    receipt = run(store, [row(n, "second") for n in range(1, 21)], "tuesday", "upsert")
    assert receipt.dataset is not None
    assert (receipt.dataset.replaced, receipt.dataset.parts_rewritten, receipt.dataset.parts) == (20, 0, 3)


@pytest.mark.parametrize("name", FORMATS)
def test_snapshot_replaces_and_keeps_the_one_before(name: str) -> None:
    store = memory()
    run(store, MONDAY, "monday", "snapshot", format=name)
    receipt = run(store, TUESDAY, "tuesday", "snapshot", format=name)
    assert listed(store) == TUESDAY
    assert listed(store, generation=1) == MONDAY
    assert receipt.dataset is not None
    assert (receipt.dataset.records, receipt.dataset.deleted) == (4, 45)


def test_a_new_column_is_in_all_parts_of_a_dataset_that_is_appended_to() -> None:
    store = memory()
    run(store, MONDAY, "monday", "append", format="parquet")
    receipt = run(store, [row(46, share=0.5)], "tuesday", "append", format="parquet")
    assert listed(store)[0] == row(1, share=None)
    assert listed(store)[-1] == row(46, share=0.5)
    assert receipt.dataset is not None
    assert receipt.dataset.parts_rewritten == 3
    assert receipt.dataset.bytes_rewritten > 0
    assert not list(differences(receipt, store, BUCKET))


@pytest.mark.parametrize("write", ["append", "upsert", "snapshot"])
def test_a_run_that_committed_is_not_carried_out_again_however_many_followed(write: Write) -> None:
    store = memory()
    first = run(store, MONDAY, "monday", write)
    for run_id in ("tuesday", "wednesday"):
        run(store, [*MONDAY, *TUESDAY[2:]], run_id, write)
    generations = DatasetCommits(store, BUCKET, DATASET).generations()
    assert run(store, [], "monday", write) == given_again(first)
    assert DatasetCommits(store, BUCKET, DATASET).generations() == generations


@pytest.mark.parametrize("write", ["append", "upsert", "snapshot"])
def test_its_receipt_tells_so_where_its_progress_was_cleaned_away(write: Write) -> None:
    store = memory()
    first = run(store, MONDAY, "monday", write)
    run(store, [*MONDAY, row(46)], "tuesday", write)
    for info in list(store.list_objects(BUCKET, "raw/_runs/monday/")):
        store.delete_object(BUCKET, info.key)
    assert run(store, [], "monday", write) == given_again(first)


def test_a_dataset_of_one_run_takes_others_from_then_on_if_they_say_how() -> None:
    store = memory()
    run(store, MONDAY, "monday", None, key_fields=("id",))
    with pytest.raises(ObjectExistsError, match="--write"):
        run(store, TUESDAY, "tuesday", None)
    run(store, TUESDAY, "tuesday", "upsert")
    assert len(listed(store)) == 47


def test_upsert_refuses_a_dataset_that_holds_a_key_twice() -> None:
    store = memory()
    run(store, [*MONDAY, row(1)], "monday", None)
    with pytest.raises(InvalidInputError, match="name another"):
        run(store, TUESDAY, "tuesday", "upsert")
    assert DatasetCommits(store, BUCKET, DATASET).generations() == [1]


def test_upsert_without_a_key_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="primary_key"):
        plan(write="upsert")


def test_another_format_is_refused_before_anything_is_asked() -> None:
    store = memory()
    run(store, MONDAY, "monday", "append")
    with pytest.raises(InvalidInputError, match="is jsonl, and not csv"):
        run(store, TUESDAY, "tuesday", "append", format="csv")
    run(store, TUESDAY, "wednesday", "snapshot", format="csv")
    assert listed(store) == TUESDAY


def test_how_a_run_writes_is_part_of_what_it_is() -> None:
    store = memory()
    with pytest.raises(KilledError):
        service(store, RowsApi(MONDAY), die_after=3).carry_out(plan(write="append"))
    begun = DatasetDestination(store, BUCKET, prefix="raw").begun("run")
    assert begun is not None
    assert (begun.version, begun.write) == (2, "append")
    with pytest.raises(InvalidInputError, match="write is 'snapshot'"):
        service(store, RowsApi(MONDAY)).carry_out(plan(write="snapshot"))
    assert service(store, RowsApi(MONDAY)).carry_out(plan(write="append")).parameters["write"] == "append"


def test_a_record_that_a_filter_leaves_out_leaves_a_dataset_of_upserts_too() -> None:
    store, paid = memory(), (FilterStep(where="text != 'gone'"),)
    run(store, MONDAY, "monday", "upsert", transforms=paid)
    receipt = run(store, [row(7, "gone"), row(8, "second")], "tuesday", "upsert", transforms=paid)
    assert by_id(listed(store)) == [row(n, "second" if n == 8 else "first") for n in range(1, 46) if n != 7]
    assert receipt.dataset is not None
    assert (receipt.records, receipt.dataset.replaced) == (1, 2)


@pytest.mark.parametrize(
    "step", [CastStep(columns={"id": "str"}), RenameStep(columns={"id": "number", "text": "id"})]
)
def test_transforms_that_change_the_key_are_refused_before_anything_is_doubled(step: Any) -> None:
    store = memory()
    with pytest.raises(InvalidInputError, match="leave the primary_key out of transforms"):
        run(store, MONDAY, "monday", "upsert", transforms=(step,))
    assert DatasetCommits(store, BUCKET, DATASET).generations() == []


def test_a_key_that_a_format_stores_as_another_value_is_refused() -> None:
    store = memory()
    with pytest.raises(InvalidInputError, match="whole numbers or text"):
        run(store, [{"id": 1}, {"id": 0.5}], "monday", "upsert", format="parquet")


def test_an_append_waits_for_pages_that_the_run_before_left_out() -> None:
    store, broken = memory(), RowsApi(MONDAY)
    broken.faults_for(3, [json_response({}, 503)] * 9)
    asked = plan(run_id="monday", write="append")
    receipt = service(store, broken).carry_out(asked, allow_partial=True)
    assert (receipt.status, receipt.missing_pages) == ("partial", ["3"])
    with pytest.raises(ObjectExistsError, match="replay it"):
        run(store, TUESDAY, "tuesday", "append")
    whole = service(store, RowsApi(MONDAY)).carry_out(asked)
    assert (whole.status, by_id(listed(store))) == ("complete", MONDAY)
    run(store, TUESDAY, "tuesday", "append")
    assert len(listed(store)) == 49


def test_what_was_left_out_is_not_forgotten_by_a_run_that_does_not_ask_for_it() -> None:
    store, broken = memory(), RowsApi(MONDAY)
    broken.faults_for(3, [json_response({}, 503)] * 9)
    asked = plan(run_id="monday", write="upsert", key_fields=("id",))
    service(store, broken).carry_out(asked, allow_partial=True)
    with pytest.raises(ObjectExistsError, match="replay it"):
        run(store, MONDAY, "tuesday", "upsert", pages=PageRange(1, 2))
    run(store, MONDAY, "wednesday", "upsert")
    assert by_id(listed(store)) == MONDAY


def numbered(begin: int, since: int | None, *, asked: bool = False) -> dict[str, Any]:
    increment = Increment(field="id", form="integer", from_=begin, since=since, is_asked=asked)
    return {"incremental": increment}


def test_a_window_that_was_left_in_part_is_replayed_before_later_ones_are_asked_for() -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert", **numbered(0, None))
    broken = RowsApi(MONDAY)
    broken.faults_for(3, [json_response({}, 503)] * 9)
    again = plan(run_id="again", write="upsert", key_fields=("id",), **numbered(0, 45, asked=True))
    assert service(store, broken).carry_out(again, allow_partial=True).status == "partial"
    with pytest.raises(ObjectExistsError, match="replay it"):
        run(store, TUESDAY[2:], "tuesday", "upsert", **numbered(45, 45))
    assert service(store, RowsApi(MONDAY)).carry_out(again).status == "complete"
    receipt = run(store, TUESDAY[2:], "wednesday", "upsert", **numbered(45, 45))
    assert receipt.incremental is not None
    assert receipt.incremental.to == 47


@pytest.mark.parametrize("late", [numbered(45, 45), {}], ids=["only what is new", "everything"])
def test_a_run_that_began_before_another_committed_is_told_where_its_records_may_be_older(
    late: dict[str, Any],
) -> None:
    store, rows = memory(), [*MONDAY[40:], *TUESDAY[2:]]
    run(store, MONDAY, "monday", "upsert", **numbered(0, None))
    asked = plan(run_id="late", write="upsert", key_fields=("id",), **late)
    with pytest.raises(KilledError):
        service(store, RowsApi(rows), die_after=1).carry_out(asked)
    run(store, [row(45, "newer"), *TUESDAY[2:]], "tuesday", "upsert", **numbered(45, 45))
    before = listed(store)
    with pytest.raises(ObjectExistsError, match="begin another run"):
        service(store, RowsApi(rows)).carry_out(asked)
    assert listed(store) == before


def test_a_run_that_counts_on_a_place_that_is_not_the_datasets_is_told() -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert", **numbered(0, None))
    with pytest.raises(ObjectExistsError, match="begin another run"):
        run(store, TUESDAY, "tuesday", "upsert", **numbered(0, 7))


def test_a_place_that_is_a_number_is_not_moved_by_a_run_in_which_records_came_twice() -> None:
    store = memory()
    receipt = run(store, [*MONDAY, row(2)], "monday", "upsert", **numbered(0, None))
    assert receipt.duplicates == 1
    assert receipt.incremental is not None
    assert receipt.incremental.to is None


def test_a_place_is_not_moved_by_some_pages_alone() -> None:
    store = memory()
    receipt = run(store, MONDAY, "monday", "upsert", pages=PageRange(1, 2), **numbered(0, None))
    assert receipt.incremental is not None
    assert (receipt.records, receipt.incremental.to) == (20, None)


def test_a_snapshot_forgets_the_place_and_a_read_of_everything_keeps_it() -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert", **numbered(0, None))
    kept = run(store, MONDAY, "tuesday", "upsert").incremental
    assert kept is not None
    assert kept.to == 45
    assert run(store, MONDAY, "wednesday", "snapshot").incremental is None


def test_a_replay_upserts_what_was_missing_among_what_stayed() -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert")
    rows = [row(n, "second") for n in range(10, 60)]
    broken = RowsApi(rows)
    broken.faults_for(2, [json_response({}, 503)] * 9)
    asked = plan(run_id="tuesday", write="upsert", key_fields=("id",))
    service(store, broken).carry_out(asked, allow_partial=True)
    assert len(listed(store)) == 59  # of fifty rows ten did not come, which are there as they were
    receipt = service(store, RowsApi(rows)).carry_out(asked)
    assert by_id(listed(store)) == [*(row(n) for n in range(1, 10)), *rows]
    assert not list(differences(receipt, store, BUCKET))


@pytest.mark.parametrize("write", ["append", "upsert"])
def test_of_runs_at_once_the_loser_starts_again_from_the_new_latest(write: Write) -> None:
    store, runners = memory(), 4
    run(store, MONDAY, "monday", write)
    together = threading.Barrier(runners)

    def one(number: int) -> IngestReceipt:
        rows = [row(100 + number * 10 + n) for n in range(10)]
        together.wait()
        return run(
            store, [row(number + 1, "again"), *rows] if write == "upsert" else rows, f"r{number}", write
        )

    with ThreadPoolExecutor(runners) as pool:
        receipts = list(pool.map(one, range(runners)))
    assert DatasetCommits(store, BUCKET, DATASET).generations() == [1, 2, 3, 4, 5]
    found = [each["id"] for each in listed(store)]
    assert sorted(found) == [*range(1, 46), *range(100, 140)]
    assert all(not list(differences(each, store, BUCKET)) for each in receipts)


def test_a_proven_read_of_everything_deletes_what_is_gone() -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert")
    receipt = run(store, MONDAY[5:], "tuesday", "upsert", look_back="some", strict=True)
    assert by_id(listed(store)) == MONDAY[5:]
    assert receipt.dataset is not None
    assert (receipt.dataset.replaced, receipt.dataset.deleted) == (40, 5)
    assert not list(differences(receipt, store, BUCKET))


@pytest.mark.parametrize("less", [{"look_back": "none"}, {"pages": PageRange(1, 4), "look_back": "some"}])
def test_anything_less_than_a_proven_read_deletes_nothing(less: dict[str, Any]) -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert")
    receipt = run(store, MONDAY[5:], "tuesday", "upsert", **less)
    assert by_id(listed(store)) == MONDAY
    assert receipt.dataset is not None
    assert receipt.dataset.deleted == 0


def test_looking_at_some_pages_again_is_no_proof_by_which_anything_is_deleted() -> None:
    store, rows = memory(), [row(n) for n in range(1, 200)]
    run(store, rows, "monday", "upsert")
    receipt = run(store, rows[5:], "tuesday", "upsert", look_back="some")
    assert receipt.still is not None
    assert (receipt.still.by, receipt.still.pages < receipt.still.of) == ("sampled", True)
    assert by_id(listed(store)) == rows


def test_a_partial_read_deletes_nothing() -> None:
    store = memory()
    run(store, MONDAY, "monday", "upsert")
    broken = RowsApi(MONDAY[5:])
    broken.faults_for(2, [json_response({}, 503)] * 9)
    asked = plan(run_id="tuesday", write="upsert", key_fields=("id",))
    receipt = service(store, broken, look_back="some").carry_out(asked, allow_partial=True)
    assert receipt.status == "partial"
    assert by_id(listed(store)) == MONDAY


@pytest.mark.parametrize("write", ["snapshot", "upsert"])
def test_much_less_of_a_source_that_does_not_count_waits_for_a_word(write: Write) -> None:
    store, less = memory(), {"reader": UNCOUNTED, "look_back": "some"}
    run(store, MONDAY, "monday", write, **less)
    with pytest.raises(ShrunkDatasetError, match=r"45 records and would have 9.*--accept-shrink") as caught:
        run(store, MONDAY[:9], "tuesday", write, **less)
    assert isinstance(caught.value, IncompleteRunError)
    assert caught.value.run_id == "tuesday"
    assert listed(store) == MONDAY
    receipt = run(store, MONDAY[:9], "tuesday", write, accept_shrink=True, **less)
    assert listed(store) == MONDAY[:9]
    assert receipt.invocations == 2


def test_a_little_less_and_what_a_source_has_counted_need_no_word() -> None:
    store, less = memory(), {"reader": UNCOUNTED, "look_back": "some"}
    run(store, MONDAY, "monday", "snapshot", **less)
    run(store, MONDAY[:41], "tuesday", "snapshot", **less)
    run(store, MONDAY[:1], "wednesday", "snapshot", look_back="some")
    assert listed(store) == MONDAY[:1]


def test_what_was_replaced_is_cleaned_away_when_asked_and_nothing_else() -> None:
    store = memory()
    for run_id, rows in (("monday", MONDAY), ("tuesday", TUESDAY)):
        run(store, rows, run_id, "upsert")
    found = [
        info.key
        for info in find_leftovers(store, BUCKET, "raw", older_than=0.0, now=1e12, superseded=True)
        if "/part-" in info.key and "/_runs/" not in info.key
    ]
    assert len(found) == 2
    assert not {key.removeprefix(f"{DATASET}/") for key in found} & set(parts(store))


def test_an_engine_that_reads_the_list_of_parts_sees_each_key_once() -> None:
    store = memory()
    for run_id, rows in (("monday", MONDAY), ("tuesday", TUESDAY)):
        run(store, rows, run_id, "upsert")
    uris = store.get_object(BUCKET, f"{DATASET}/_symlink/manifest.txt").decode().split()
    bodies = [store.get_object(BUCKET, uri.partition(f"{BUCKET}/")[2]) for uri in uris]
    found = [json.loads(line)["id"] for body in bodies for line in body.splitlines()]
    assert sorted(found) == list(range(1, 48))
