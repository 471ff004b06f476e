from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.kinds import KINDS, PLAIN, WIDE, write
from benchmarks.records import COLUMNS, RECORD_BYTES
from benchmarks.records_file import RecordsFile
from de_classes.storage.format.schema import infer
from tests.fakes.every import every

if TYPE_CHECKING:
    from pathlib import Path


def served(folder: Path, kind: str, count: int = 12) -> list[dict[str, Any]]:
    write(folder / "records", kind, count)
    file = RecordsFile(folder / "records")
    assert len(file) == count
    found: list[dict[str, Any]] = json.loads(b"[%b]" % bytes(file.part(0, count)))
    return found


@every("kind", [*KINDS])
def test_records_of_every_kind_are_as_many_as_asked_and_told_apart_by_their_id(
    kind: str, tmp_path: Path
) -> None:
    records = served(tmp_path, kind, 90)
    assert len({record["id"] for record in records}) == len(records) == 90
    assert served(tmp_path, kind, 90) == records


def test_a_stretch_of_any_kind_is_the_records_in_it(tmp_path: Path) -> None:
    records = served(tmp_path, "earthquakes")
    part = RecordsFile(tmp_path / "records").part(3, 5)
    assert json.loads(b"[%b]" % bytes(part)) == records[3:5]
    assert bytes(RecordsFile(tmp_path / "records").part(12, 12)) == b""


def test_plain_records_are_of_one_length_as_numpy_writes_them(tmp_path: Path) -> None:
    records = served(tmp_path, PLAIN)
    assert [*records[0]] == [*COLUMNS]
    assert RecordsFile(tmp_path / "records").part(0, 1).nbytes == RECORD_BYTES


def test_nested_records_have_three_levels_of_objects_and_a_list_of_them(tmp_path: Path) -> None:
    record = served(tmp_path, "nested")[2]
    assert {"lat", "lon"} == {*record["customer"]["address"]["place"]}
    assert [*record["lines"][0]] == ["sku", "quantity", "price"]
    assert len(record["lines"]) == 3
    assert [*record][: len(COLUMNS)] == [*COLUMNS]


def test_a_late_column_comes_half_way_and_a_mixed_one_is_of_two_types(tmp_path: Path) -> None:
    late = served(tmp_path, "late")
    assert ["late" in record for record in late] == [False] * 6 + [True] * 6
    assert infer(served(tmp_path, "mixed")).describe()["mixed"] == "json"


def test_wide_records_have_as_many_columns_as_they_are_called_by(tmp_path: Path) -> None:
    assert {kind: len(served(tmp_path, kind)[0]) for kind in WIDE.values()} == {
        kind: columns for columns, kind in WIDE.items()
    }


def test_earthquakes_are_nested_with_nulls_and_integers_among_floats(tmp_path: Path) -> None:
    records = served(tmp_path, "earthquakes", 40)
    magnitudes = {type(record["properties"]["mag"]) for record in records}
    assert magnitudes == {int, float}
    assert any(value is None for record in records for value in record["properties"].values())
