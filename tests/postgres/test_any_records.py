"""Whatever the records are, the table holds them: what formats have got wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.datasets import BUCKET, commit
from tests.fakes.format_samples import RECORD_CASES, same_records
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


def plain(value: object) -> object:
    """A number of ``numeric`` as Python reads it from JSON, where that is exactly this one."""
    if not isinstance(value, Decimal):
        return value
    number = float(value)
    return number if Decimal(repr(number)) == value else int(value)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("case", sorted(RECORD_CASES.keys() - REFUSED.keys()))
def test_what_formats_get_wrong_is_in_the_table_as_it_is(
    store: LocalClient, format_name: str, case: str
) -> None:
    records = numbered(RECORD_CASES[case])
    assert same_records(loaded(store, records, format_name, "raw/case"), records)
