from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.records import COLUMNS, FIRST_ID, PERIOD, RECORD_BYTES, records, write

if TYPE_CHECKING:
    from pathlib import Path


def read(first: int, end: int) -> list[dict[str, Any]]:
    return [json.loads(row.tobytes()) for row in records(np.arange(first, end))]


def test_a_record_has_ten_fields_and_its_index_in_its_id() -> None:
    assert read(41, 42) == read(0, 100)[41:42]
    assert [*read(7, 8)[0]] == [*COLUMNS]
    assert [each["id"] for each in read(5, 8)] == [FIRST_ID + 5, FIRST_ID + 6, FIRST_ID + 7]


def test_every_record_is_of_one_length_whatever_letters_it_holds() -> None:
    rows = records(np.arange(PERIOD))
    assert rows.shape == (PERIOD, RECORD_BYTES)
    texts = [json.loads(row.tobytes())["note"] for row in rows]
    assert any("ü" in text for text in texts)
    assert any('"' in text for text in texts)


def test_codes_differ_and_coupons_may_be_missing_and_no_text_looks_like_the_seam_of_two_records() -> None:
    found = read(0, 2 * PERIOD)
    assert len({each["code"] for each in found}) == len(found)
    assert {each["coupon"] is None for each in found} == {True, False}
    assert not any("},{" in each["note"] for each in found)
    assert all(1000 <= each["amount"] < 10_000 for each in found)


def test_a_file_holds_them_one_after_the_other(tmp_path: Path) -> None:
    write(tmp_path / "records", 25)
    assert json.loads(f"[{(tmp_path / 'records').read_text()[:-1]}]") == read(0, 25)
