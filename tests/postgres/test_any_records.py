"""Whatever the records are, the table holds them: the formats' own traps, and records made up at random."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fakes.datasets import BUCKET, commit
from tests.fakes.format_samples import RECORD_CASES, RECORDS, same_records
from tests.fakes.postgres import Schema, running_server

if TYPE_CHECKING:
    from de_classes.storage.clients import LocalClient
    from de_classes.storage.format.schema import Record

FORMATS = ("csv", "json", "jsonl", "parquet")
ROW = "the row"
REFUSED = {"unicode": "a NUL character", "odd_names": "an empty name"}


def numbered(records: list[Record]) -> list[Record]:
    return [{ROW: number, **record} for number, record in enumerate(records)]


def loaded(store: LocalClient, records: list[Record], format_name: str, name: str) -> list[dict[str, Any]]:
    schema = Schema(running_server())
    commit(store, [records[:3], records[3:]], format=format_name, dataset=name)
    schema.loader().load_dataset(store, BUCKET, name)
    return [{key: plain(value) for key, value in row.items()} for row in schema.rows(by=ROW)]


def plain(value: Any) -> Any:
    """What JSON's text was read from: PostgreSQL spells 1e+16 with all of its zeros."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return list(map(plain, value))
    if type(value) not in {int, Decimal}:
        return value
    try:
        number = float(value)
    except OverflowError:
        return value
    return number if Decimal(repr(number)) == value else int(value)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("case", sorted(RECORD_CASES.keys() - REFUSED.keys()))
def test_what_formats_get_wrong_is_in_the_table_as_it_is(
    store: LocalClient, format_name: str, case: str
) -> None:
    records = numbered(RECORD_CASES[case])
    assert same_records(loaded(store, records, format_name, "raw/case"), records)


def can_be_loaded(record: Record) -> bool:
    return "" not in record and "\\x00" not in repr(record)


@pytest.mark.parametrize("format_name", FORMATS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS)
def test_any_records_are_in_the_table_as_they_are(
    store: LocalClient, format_name: str, records: list[Record]
) -> None:
    kept = numbered([record for record in records if can_be_loaded(record)])
    if kept:
        name = f"raw/{len(list(store.list_objects(BUCKET)))}"
        assert same_records(loaded(store, kept, format_name, name), kept)
