from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types
import pytest

from benchmarks.kinds import write
from benchmarks.records_file import RecordsFile
from benchmarks.verify import Verdict
from benchmarks.verify_records import same, verify_records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 30
RIGHT = Verdict(COUNT, 0, 0, 0, 0)
Rows = list[dict[str, Any]]


@pytest.fixture
def served(tmp_path: Path) -> RecordsFile:
    write(tmp_path / "records", "nested", COUNT)
    return RecordsFile(tmp_path / "records")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


def rows_of(served: RecordsFile) -> Rows:
    rows: Rows = json.loads(b"[%b]" % bytes(served.part(0, COUNT)))
    return rows


def write_lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: Rows) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


def write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        texts = (
            {
                name: json.dumps(value) if isinstance(value, (dict, list)) else value
                for name, value in row.items()
            }
            for row in rows
        )
        writer.writerows(texts)


@pytest.mark.parametrize(
    ("name", "write_rows"),
    [("r.jsonl", write_lines), ("r.parquet", write_parquet), ("r.csv", write_csv)],
    ids=["jsonl", "parquet", "csv"],
)
def test_what_was_served_is_right_in_any_order_and_a_change_deep_in_it_is_found(
    name: str, write_rows: Callable[[Path, Rows], None], served: RecordsFile, output: Path
) -> None:
    rows = rows_of(served)
    write_rows(output / name, rows[::-1])
    assert verify_records(output, served, COUNT) == RIGHT
    rows[7]["customer"]["address"]["place"]["lat"] += 0.25
    write_rows(output / name, rows)
    assert verify_records(output, served, COUNT) == RIGHT._replace(changed=1)


def test_a_lost_a_doubled_and_a_foreign_row_are_each_found(served: RecordsFile, output: Path) -> None:
    rows = rows_of(served)
    write_lines(output / "r.jsonl", [*rows[1:], rows[4], rows[2] | {"id": 5}])
    assert verify_records(output, served, COUNT) == Verdict(31, lost=1, doubled=1, foreign=1, changed=0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (2, 2.0),
        ({"a": None}, {}),
        ({}, None),
        (None, {"a": None}),
        ([{"a": 1}], [{"a": 1, "b": None}]),
        (True, "True"),
        (2.5, "2.5"),
        ("text 4", '"text 4"'),
        ({"a": [1]}, '{"a": [1]}'),
        ("2026-05-01T00:00:00Z", datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_what_a_format_cannot_tell_is_no_difference(one: Any, other: Any) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0, None),
        ("", None),
        (False, None),
        (1, True),
        (True, 1),
        ([], [None]),
        ({"a": 0}, {}),
        ("4", 4),
        ("text", "other"),
        ({"a": 1}, "no JSON"),
        ("2026-05-01T00:00:00Z", datetime(2026, 5, 2, tzinfo=UTC)),
    ],
)
def test_what_was_lost_or_became_another_is_a_difference(one: Any, other: Any) -> None:
    assert not same(one, other)
