"""The recipes in SQL: DuckDB's is run, and Athena's agrees with what a commit writes."""

from __future__ import annotations

import contextlib
import logging
import re
from typing import TYPE_CHECKING

import duckdb
import pytest

from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader
from de_classes.storage.datasets.manifest import symlink_key
from tests.fakes.datasets import commit
from tests.fakes.documents import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.format.schema import Record

RECORDS: list[Record] = [
    {"place": "Castaic", "magnitude": 2.1},
    {"place": "Zürich", "magnitude": 0.5},
    {"place": "Castaic", "magnitude": 2.5},
]
OWN = [block for block in blocks("sql") if block.document == "docs/datasets.md"]
ATHENA = [block for block in OWN if "EXTERNAL" in block.text]
DUCKDB = [block for block in OWN if block not in ATHENA]
HIVE = {"float64": "double"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalClient]:
    store = LocalClient(tmp_path, logging.getLogger("tests.docs"))
    store.create_bucket("lake")
    with contextlib.chdir(tmp_path):
        yield store


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def fill(store: LocalClient, *generations: list[Record]) -> None:
    for generation, records in enumerate(generations, 1):
        commit(
            store,
            [[record] for record in records],
            run_id=f"run-{generation}",
            generation=generation,
            dataset="raw/day",
            format="parquet",
            bucket="lake",
        )


def test_duckdb_reads_the_latest_commit_and_nothing_else(
    store: LocalClient, connection: duckdb.DuckDBPyConnection
) -> None:
    (recipe,) = DUCKDB
    fill(store, RECORDS[:1], RECORDS)
    assert connection.execute(recipe.text).fetchall() == [("Castaic", 2.5), ("Zürich", 0.5)]


def test_the_table_for_athena_is_the_list_with_the_columns_of_the_dataset(store: LocalClient) -> None:
    (recipe,) = ATHENA
    fill(store, RECORDS)
    columns = DatasetReader(store, "lake", "raw/day").manifest.columns
    declared = ", ".join(f"{name} {HIVE.get(kind, kind)}" for name, kind in columns.items())
    assert f"TABLE day ({declared})" in recipe.text
    location = re.search(r"LOCATION 's3://bucket/(.*)'", recipe.text)
    assert location is not None
    assert [info.key for info in store.list_objects("lake", location[1])] == [symlink_key("raw/day")]
