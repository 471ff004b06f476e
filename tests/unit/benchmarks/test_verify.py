from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from benchmarks.records import FIRST_ID, PERIOD, records
from benchmarks.verify import SCHEMA, Verdict, expected, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 30
RIGHT = Verdict(COUNT, 0, 0, 0, 0)
Rows = list[dict[str, Any]]


PLACES = np.array([0, 3, PERIOD - 1, PERIOD, 10 * PERIOD + 4, 9_999_999])


def served() -> Rows:
    return [json.loads(row.tobytes()) for row in records(np.arange(COUNT))]


def write_lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: Rows) -> None:
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)


def write_csv(path: Path, rows: Rows) -> None:
    pcsv.write_csv(pa.Table.from_pylist(rows, SCHEMA), path)


def test_what_is_expected_is_what_was_served() -> None:
    assert expected(PLACES).to_pylist() == [json.loads(row.tobytes()) for row in records(PLACES)]


@pytest.mark.parametrize(
    ("name", "write"),
    [("r.jsonl", write_lines), ("r.parquet", write_parquet), ("r.csv", write_csv)],
    ids=["jsonl", "parquet", "csv"],
)
def test_what_was_served_is_right_in_any_order(
    name: str, write: Callable[[Path, Rows], None], tmp_path: Path
) -> None:
    write(tmp_path / name, served()[::-1])
    assert verify(tmp_path, COUNT) == RIGHT
    assert not verify(tmp_path, COUNT).wrong


def test_a_lost_a_doubled_a_foreign_and_a_changed_row_are_each_found(tmp_path: Path) -> None:
    rows = served()
    changed = rows[5] | {"amount": rows[5]["amount"] + 0.01}
    stranger = rows[0] | {"id": FIRST_ID + COUNT}
    write_lines(tmp_path / "r.jsonl", [*rows[1:5], changed, *rows[6:], rows[7], stranger])
    verdict = verify(tmp_path, COUNT)
    assert verdict == Verdict(rows=31, lost=1, doubled=1, foreign=1, changed=1)
    assert verdict.wrong == "1 rows lost, 1 rows doubled, 1 rows foreign, 1 rows changed"


@pytest.mark.parametrize("field", sorted({*SCHEMA.names} - {"id"}))
def test_a_change_is_found_in_every_field(field: str, tmp_path: Path) -> None:
    rows = served()
    rows[3][field] = rows[4][field] if rows[4][field] != rows[3][field] else None
    write_parquet(tmp_path / "r.parquet", rows)
    assert verify(tmp_path, COUNT).changed == 1


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: {"data": row}], ids=["singer", "airbyte"])
def test_messages_are_read_as_the_records_in_them(wrap: Callable[[Any], Any], tmp_path: Path) -> None:
    messages = [{"type": "RECORD", "record": wrap(row)} for row in served()]
    write_lines(tmp_path / "r.jsonl", [{"type": "STATE"}, *messages, {"type": "LOG"}])
    assert verify(tmp_path, COUNT) == RIGHT


def test_a_point_in_time_is_as_good_as_its_text(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(served(), SCHEMA)
    moments = table["placed_at"].cast(pa.timestamp("us", "UTC"))
    place = table.column_names.index("placed_at")
    pq.write_table(table.set_column(place, "placed_at", moments), tmp_path / "r.parquet")
    assert verify(tmp_path, COUNT) == RIGHT


def test_of_a_dataset_only_the_parts_of_its_last_manifest_count(tmp_path: Path) -> None:
    write_lines(tmp_path / "part-1.jsonl", served())
    write_lines(tmp_path / "part-2.jsonl", served())
    for generation, part in enumerate(("part-2", "part-1"), start=1):
        manifest = {"parts": [{"key": f"prefix/dataset/{part}.jsonl"}]}
        (tmp_path / f"_manifest-{generation:08}.json").write_text(json.dumps(manifest))
    assert verify(tmp_path, COUNT) == RIGHT


def test_nothing_at_all_is_all_lost(tmp_path: Path) -> None:
    assert verify(tmp_path, COUNT) == Verdict(0, COUNT, 0, 0, 0)
