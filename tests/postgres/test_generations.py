"""A table of a dataset that takes more runs than one holds, after every commit, what the dataset is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import ObjectExistsError
from de_classes.storage.datasets import DatasetReader
from tests.fakes.postgres import without_nulls
from tests.fakes.rows_api import RowsApi
from tests.fakes.runs import BUCKET, DATASET, plan, service

if TYPE_CHECKING:
    from de_classes.runs.plan import Write
    from de_classes.storage.clients import LocalClient
    from tests.fakes.postgres import Schema

Row = dict[str, Any]

MONDAY = [{"id": n, "total": n, "text": "first"} for n in range(1, 46)]
# What changed, what is new, and a column and a type that nobody knew on Monday.
TUESDAY = [{"id": n, "total": n + 0.5, "text": "second", "late": {"x": n}} for n in (2, 30, 46, 47)]
# As it was on Monday, but for what is gone.
WEDNESDAY = MONDAY[5:]
RUNS = {"monday": MONDAY, "tuesday": TUESDAY, "wednesday": WEDNESDAY}

every_way = pytest.mark.parametrize("write", ["append", "upsert", "snapshot"])
every_format = pytest.mark.parametrize("name", ["jsonl", "parquet"])


@pytest.fixture(autouse=True)
def _lake(store: LocalClient) -> None:
    store.create_bucket(BUCKET)


def run(store: LocalClient, run_id: str, write: Write, name: str) -> None:
    keys = ("id",) if write == "upsert" else ()
    asked = plan(run_id=run_id, write=write, key_fields=keys, format=name, dataset=DATASET)
    service(store, RowsApi(RUNS[run_id])).carry_out(asked, accept_shrink=True)


def in_dataset(store: LocalClient) -> list[Row]:
    reader = DatasetReader(store, BUCKET, DATASET)
    return ordered([record for batch in reader.records() for record in batch])


def ordered(rows: list[Row]) -> list[Row]:
    """By what they hold; numeric is Decimal in Python, and equal to the float that it is."""
    plain = [
        {key: float(value) if key == "total" else value for key, value in row.items()}
        for row in without_nulls(rows)
    ]
    return sorted(plain, key=lambda row: (row["id"], row["total"], row["text"]))


@every_format
@every_way
def test_after_every_commit_the_table_is_what_the_dataset_is(
    store: LocalClient, schema: Schema, write: Write, name: str
) -> None:
    counts = []
    for number, run_id in enumerate(RUNS, 1):
        run(store, run_id, write, name)
        loaded = schema.loader().load_dataset(store, BUCKET, DATASET)
        assert (loaded.generation, loaded.run_id) == (number, run_id)
        held = ordered(schema.rows())
        assert held == in_dataset(store)
        assert loaded.records == len(held)
        counts.append(len(held))
        again = schema.loader().load_dataset(store, BUCKET, DATASET)
        assert (again.parts_before, ordered(schema.rows())) == (loaded.parts, held)
    assert counts == {"append": [45, 49, 89], "upsert": [45, 47, 47], "snapshot": [45, 4, 40]}[write]


@every_format
@every_way
def test_a_load_that_comes_after_three_commits_is_as_one_after_each(
    store: LocalClient, schema: Schema, write: Write, name: str
) -> None:
    for run_id in RUNS:
        run(store, run_id, write, name)
        schema.loader("each").load_dataset(store, BUCKET, DATASET)
    schema.loader("once").load_dataset(store, BUCKET, DATASET)
    assert ordered(schema.rows("once")) == ordered(schema.rows("each")) == in_dataset(store)


@every_format
def test_what_an_append_adds_is_all_that_is_copied(store: LocalClient, schema: Schema, name: str) -> None:
    """Unless a column is new, for which parts are written again, and copied anew."""
    run(store, "monday", "append", name)
    first = schema.loader().load_dataset(store, BUCKET, DATASET)
    run(store, "wednesday", "append", name)
    second = schema.loader().load_dataset(store, BUCKET, DATASET)
    assert second.parts_before == first.parts
    assert second.parts > first.parts
    assert len(schema.rows()) == 45 + 40


@every_format
@pytest.mark.parametrize("write", ["append", "upsert"])
def test_by_key_each_record_is_that_of_the_last_commit_that_has_it(
    store: LocalClient, schema: Schema, write: Write, name: str
) -> None:
    expected: dict[int, Row] = {}
    for run_id, rows in RUNS.items():
        run(store, run_id, write, name)
        schema.loader(key_fields=["id"]).load_dataset(store, BUCKET, DATASET)
        expected |= {row["id"]: row for row in rows}
        held = {row["id"]: row for row in ordered(schema.rows())}
        assert held.keys() == expected.keys()  # by key nothing is taken away
        assert {number: row["text"] for number, row in held.items()} == {
            number: row["text"] for number, row in expected.items()
        }


@every_way
def test_a_commit_that_was_overtaken_by_another_run_loads_nothing(
    store: LocalClient, schema: Schema, write: Write
) -> None:
    for run_id in ("monday", "tuesday"):
        run(store, run_id, write, "parquet")
    schema.loader().load_dataset(store, BUCKET, DATASET)
    held = ordered(schema.rows())
    with pytest.raises(ObjectExistsError, match=r"generation 1 .* goes no further"):
        schema.loader().load_dataset(store, BUCKET, DATASET, generation=1)
    assert ordered(schema.rows()) == held
