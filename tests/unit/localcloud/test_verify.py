from __future__ import annotations

import io
import json
from typing import Any

import pytest

from de_classes.simulators.records import SyntheticRecords
from de_classes.storage.format.registry import format_names, get_codec
from localcloud.verify import differences, first_rows

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


def written(format_name: str, *records: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    with get_codec(format_name).open_writer(target) as writer:
        writer.write(records)
    return target.getvalue()


def served_records() -> list[dict[str, Any]]:
    return [json.loads(record) for record in RECORDS.slice(0, RECORDS.count)]


@pytest.mark.parametrize("name", format_names())
def test_an_equal_object_has_no_differences(name: str) -> None:
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


@pytest.mark.parametrize("name", ["json", "jsonl"])
@pytest.mark.parametrize(("sent", "kept"), [(1, 1.0), (1.0, 1), ([1], [1.0]), ({"b": 0}, {"b": 0.0})])
def test_in_json_a_whole_number_is_no_fraction(name: str, sent: Any, kept: Any) -> None:
    (found,) = differences(Served({"a": sent}), written(name, {"a": kept}), name)
    assert found.startswith("record 1, a")


@pytest.mark.parametrize("name", ["csv", "parquet"])
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


def test_the_first_rows_are_the_first() -> None:
    rows = first_rows(written("csv", *served_records()), "csv", 2)
    assert [row["id"] for row in rows] == [1, 2]
