"""What an answer in SQL holds is what was stored: every format, however a value looks, wherever it lies."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import MalformedDataError
from de_classes.sql import SqlDatabase
from de_classes.sql.names import sql_schema
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader
from de_classes.storage.format import format_names
from de_classes.storage.format.schema import Kind, ListType, StructType
from tests.fakes.datasets import DATASET, commit
from tests.fakes.format_samples import EARTHQUAKES, RECORD_CASES
from tests.fakes.layouts import FIXTURES
from tests.fakes.object_stores import VARIANTS, local, params
from tests.fakes.runs import BUCKET, LOGGER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.format.schema import DataType
    from tests.fakes.object_stores import StoreCase

pytestmark = pytest.mark.xdist_group("object_stores")  # one emulator, so one process


def as_in_table(value: Any, data_type: DataType) -> Any:
    """A value as a table has it: numbers among floats are floats, and an absent field is a null."""
    if value is None:
        return None
    match data_type:
        case ListType(element):
            return [as_in_table(each, element) for each in value]
        case StructType(fields):
            return {field.name: as_in_table(value.get(field.name), field.type) for field in fields}
        case Kind.FLOAT64:
            return float(value)
        case _:
            return value


def expected(reader: DatasetReader) -> list[tuple[Any, ...]]:
    fields = sql_schema(reader.manifest.schema).fields
    records = chain.from_iterable(reader.records())
    return [tuple(as_in_table(record.get(each.name), each.type) for each in fields) for record in records]


def answered(reader: DatasetReader, question: str = "FROM t") -> list[tuple[Any, ...]]:
    with SqlDatabase({"t": reader}) as database:
        return list(chain.from_iterable(database.ask(question).rows))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreCase]:
    with local(tmp_path) as case:
        yield case


@pytest.mark.parametrize("name", format_names())
def test_all_that_records_may_be_comes_back(store: StoreCase, name: str) -> None:
    """Each record is a page and a part of its own, so that columns come late and types widen."""
    readers = {}
    for number, (case, records) in enumerate(RECORD_CASES.items()):
        dataset = f"raw/{number}"
        commit(store.store, [[each] for each in records], dataset=dataset, format=name, bucket=store.bucket)
        readers[case] = DatasetReader(store.store, store.bucket, dataset)
    with SqlDatabase(readers) as database:
        for case, reader in readers.items():
            rows = list(chain.from_iterable(database.ask(f'FROM "{case}"').rows))
            assert repr(rows) == repr(expected(reader)), case
            counted = list(chain.from_iterable(database.ask(f'FROM "{case}" SELECT count(*)').rows))
            assert counted == [(len(RECORD_CASES[case]),)], case


@pytest.mark.parametrize("variant", params(VARIANTS))
@pytest.mark.parametrize("name", ["parquet", "csv"])
def test_every_store_is_read(variant: str, name: str, tmp_path: Path) -> None:
    with VARIANTS[variant](tmp_path) as case:
        commit(case.store, [[each] for each in EARTHQUAKES], format=name, bucket=case.bucket)
        reader = DatasetReader(case.store, case.bucket, DATASET)
        assert answered(reader) == expected(reader)
        twice = "SELECT count(*), max(a.properties.mag) FROM t a JOIN t b USING (id)"
        assert answered(reader, twice) == [(3, 2.0)]


@pytest.mark.parametrize("layout", ["v1", "v2"])
def test_every_commit_that_was_ever_written_is_read(layout: str) -> None:
    """Appended to, upserted, partial and of several runs, in every format."""
    store = LocalClient(FIXTURES / layout, LOGGER)
    manifests = sorted(
        path.relative_to(FIXTURES / layout / BUCKET)
        for path in FIXTURES.glob(f"{layout}/{BUCKET}/raw/*/_manifest-*.json")
    )
    readers = [DatasetReader(store, BUCKET, str(path)) for path in manifests]
    assert any(reader.manifest.version == 2 for reader in readers) == (layout == "v2")
    with SqlDatabase({f"t{number}": reader for number, reader in enumerate(readers)}) as database:
        for number, reader in enumerate(readers):
            rows = list(chain.from_iterable(database.ask(f"FROM t{number}").rows))
            assert repr(rows) == repr(expected(reader)), reader.uri


@pytest.mark.parametrize("name", format_names())
def test_a_part_that_was_changed_answers_nothing(store: StoreCase, name: str) -> None:
    manifest = commit(store.store, [[{"id": 1}], [{"id": 2}]], format=name, bucket=store.bucket)
    key = f"{DATASET}/{manifest.parts[1].key}"
    content = store.store.get_object(store.bucket, key)
    store.store.put_object(store.bucket, key, content[:-1] + b"!")
    reader = DatasetReader(store.store, store.bucket, DATASET)
    with pytest.raises(MalformedDataError, match=manifest.parts[1].key):
        answered(reader, "SELECT sum(id) FROM t")
