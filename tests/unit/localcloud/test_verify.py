from __future__ import annotations

import io
import json
import logging
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import ObjectNotFoundError
from de_classes.simulators.records import SyntheticRecords
from de_classes.storage.clients import LocalClient
from de_classes.storage.format.codec import format_names, get_codec
from de_classes.utils.formats import FORMATS
from localcloud.verify import differences, stored_records
from tests.fakes.datasets import commit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDS = SyntheticRecords(7, 60)


class Served:
    """Records that a test names one by one."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self._records = [json.dumps(record).encode() for record in records]

    @property
    def count(self) -> int:
        return len(self._records)

    def slice(self, start: int, stop: int) -> list[bytes]:
        return self._records[start:stop]


def encoded(format_name: str, *records: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    with get_codec(format_name).open_writer(target) as writer:
        writer.write(records)
    return target.getvalue()


def written(format_name: str, *records: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Records as a format keeps them."""
    return chain.from_iterable(get_codec(format_name).read(io.BytesIO(encoded(format_name, *records))))


def served_records() -> list[dict[str, Any]]:
    return [json.loads(record) for record in RECORDS.slice(0, RECORDS.count)]


@pytest.mark.parametrize("name", format_names())
def test_what_is_equal_has_no_differences(name: str) -> None:
    assert differences(RECORDS, written(name, *served_records()), name) == []


@pytest.mark.parametrize("name", format_names())
def test_a_lost_record_is_found(name: str) -> None:
    records = served_records()
    assert differences(RECORDS, written(name, *records[:-1]), name)
    assert differences(RECORDS, written(name, *records[1:]), name)


@pytest.mark.parametrize("name", format_names())
def test_a_doubled_record_is_found(name: str) -> None:
    records = served_records()
    assert differences(RECORDS, written(name, *records, records[-1]), name)


@pytest.mark.parametrize("name", format_names())
def test_a_changed_field_is_named(name: str) -> None:
    records = served_records()
    records[3]["customer"]["email"] = "changed"
    (found,) = differences(RECORDS, written(name, *records), name)
    assert "record 4, customer.email" in found
    assert "'changed'" in found


def test_a_lost_record_of_nothing_but_nulls_is_found() -> None:
    served = Served({"a": 1}, {"a": None})
    assert differences(served, written("jsonl", {"a": 1}), "jsonl")
    assert differences(served, written("csv", {"a": 1}), "csv")


def test_a_rounded_integer_is_found() -> None:
    assert differences(Served({"a": 2**53 + 1}), written("jsonl", {"a": 2**53}), "jsonl")


def test_true_is_not_one() -> None:
    assert differences(Served({"a": True}), written("jsonl", {"a": 1}), "jsonl")


@pytest.mark.parametrize("name", [name for name in FORMATS if not FORMATS[name].is_table])
@pytest.mark.parametrize(("sent", "kept"), [(1, 1.0), (1.0, 1), ([1], [1.0]), ({"b": 0}, {"b": 0.0})])
def test_in_json_a_whole_number_is_no_fraction(name: str, sent: Any, kept: Any) -> None:
    (found,) = differences(Served({"a": sent}), written(name, {"a": kept}), name)
    assert found.startswith("record 1, a")


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].is_table])
def test_in_a_table_whole_numbers_may_be_widened_but_fractions_not_narrowed(name: str) -> None:
    assert differences(Served({"a": 1}, {"a": 0.5}), written(name, {"a": 1.0}, {"a": 0.5}), name) == []
    (found,) = differences(Served({"a": 1.0}), written(name, {"a": 1}), name)
    assert found == "record 1, a: served 1.0, stored 1"


def test_json_tells_an_absent_field_from_a_null_one_and_a_table_cannot() -> None:
    served = Served({"a": 1}, {"a": 1, "b": None})
    stored = ({"a": 1, "b": None}, {"a": 1, "b": None})
    assert differences(served, written("json", *stored), "json")
    assert differences(served, written("parquet", *stored), "parquet") == []


def test_few_differences_speak_for_all() -> None:
    assert len(differences(RECORDS, written("jsonl"), "jsonl")) == 5


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    store = LocalClient(tmp_path, logging.getLogger("tests.localcloud"))
    store.create_bucket("bucket")
    return store


@pytest.mark.parametrize("name", format_names())
def test_a_dataset_is_read_by_its_manifest_and_an_object_by_its_ending(store: LocalClient, name: str) -> None:
    records = served_records()
    manifest = commit(store, [records[:20], records[20:]], format=name)
    dataset = stored_records(store, "bucket", "raw/day/_manifest-00000001.json")
    assert differences(RECORDS, dataset, name) == []
    key = f"raw/one{get_codec(name).extension}"
    store.put_object("bucket", key, encoded(name, *records))
    assert differences(RECORDS, stored_records(store, "bucket", key), name) == []
    store.delete_object("bucket", f"raw/day/{manifest.parts[1].key}")
    with pytest.raises(ObjectNotFoundError):
        list(stored_records(store, "bucket", "raw/day/"))
