from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import ConfigurationError
from de_classes.simulators.records import JsonLinesRecords, SyntheticRecords
from tests.fakes.effort import examples
from tests.fakes.simulators import get, issuer, unstable

if TYPE_CHECKING:
    from pathlib import Path

LINES = [
    b'{"a": 1}',
    b'{ "b" :\t[1,2,{"c":null}] }',
    '{"ü":"日本 🍰"}'.encode(),
    b'{"big":12345678901234567890123,"exp":1e400,"zeros":1.500}',
    b'{"a":1,"a":2}',
    b"{}",
    b'  {"spaces":"around"} ',
]


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n \t\n"])
def test_lines_come_out_byte_for_byte(tmp_path: Path, start: bytes, end: bytes) -> None:
    records = JsonLinesRecords(written(tmp_path, start + (end + end).join(LINES)))

    assert records.count == len(LINES)
    assert records.slice(0, 100) == LINES
    assert [records.slice(index, index + 1)[0] for index in range(len(LINES))] == LINES


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    assert JsonLinesRecords(written(tmp_path, b'{"a":1}\n{"b":2}')).slice(1, 9) == [b'{"b":2}']


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    records = JsonLinesRecords(written(tmp_path, b"\n\n"))
    assert (records.count, records.slice(0, 10)) == (0, [])


def test_past_the_end_there_is_nothing(tmp_path: Path) -> None:
    assert JsonLinesRecords(written(tmp_path, b'{"a":1}\n')).slice(1, 100) == []


def test_every_bad_line_is_named_by_its_number(tmp_path: Path) -> None:
    bad = [b"{", b"[1]", b'"text"', b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":1} x', b"5", b"[" * 100_000]
    content = b"\n".join([LINES[0], b"", *bad, LINES[1]])

    with pytest.raises(ConfigurationError) as caught:
        JsonLinesRecords(written(tmp_path, content))

    assert [each.partition(":")[0] for each in caught.value.problems] == [f"line {n}" for n in range(3, 11)]


def test_a_file_of_nothing_but_nonsense_is_given_up_early(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        JsonLinesRecords(written(tmp_path, b"x\n" * 10_000))

    assert len(caught.value.problems) == 21


def test_a_missing_file_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        JsonLinesRecords(tmp_path / "nothing.jsonl")


def test_a_file_that_changes_while_it_is_served_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"a":1}\n')
    records = JsonLinesRecords(path)
    path.write_bytes(b'{"a":1}\n{"b":2}\n')

    with pytest.raises(ConfigurationError, match="changed"):
        records.slice(0, 1)


def test_a_file_that_goes_away_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"a":1}\n')
    records = JsonLinesRecords(path)
    path.unlink()

    with pytest.raises(ConfigurationError, match="any more"):
        records.slice(0, 1)


def test_threads_read_the_same_file(tmp_path: Path) -> None:
    lines = [b'{"n":%d,"pad":"%s"}' % (n, b"x" * (n % 50)) for n in range(2000)]
    records = JsonLinesRecords(written(tmp_path, b"\n".join(lines)))
    with ThreadPoolExecutor(16) as pool:
        pages = pool.map(lambda page: records.slice(page * 10, page * 10 + 10), range(200))

    assert [record for page in pages for record in page] == lines


def test_a_page_is_made_of_the_very_bytes_of_the_file(tmp_path: Path) -> None:
    records = JsonLinesRecords(written(tmp_path, b"\n".join(LINES)))
    answer = unstable(records=records).handle(get("/data", issuer().issue("demo")))

    assert answer.body.endswith(b'"data":[' + b",".join(LINES) + b"]}")


OBJECTS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("é\n\r\u2028"),
    max_size=4,
)


@settings(max_examples=examples(50), deadline=None)
@given(objects=st.lists(OBJECTS, max_size=20), ascii_only=st.booleans())
def test_whatever_json_writes_is_served_as_written(
    tmp_path_factory: pytest.TempPathFactory, *, objects: list[dict[str, Any]], ascii_only: bool
) -> None:
    lines = [json.dumps(each, ensure_ascii=ascii_only).encode() for each in objects]
    path = written(tmp_path_factory.mktemp("records"), b"\n".join(lines))

    assert JsonLinesRecords(path).slice(0, len(lines)) == lines


def test_synthetic_records_are_the_same_for_the_same_seed_and_place() -> None:
    one, other = SyntheticRecords(7, 1000), SyntheticRecords(7, 50)

    assert one.slice(10, 20) == other.slice(10, 20)
    assert one.slice(15, 16) == one.slice(10, 20)[5:6]
    assert one.slice(0, 50) != SyntheticRecords(8, 50).slice(0, 50)


def test_synthetic_records_of_any_size_are_computed_where_asked() -> None:
    records = SyntheticRecords(7, 10**12)
    last = json.loads(records.slice(10**12 - 1, 10**12 + 5)[0])

    assert (records.count, last["id"]) == (10**12, 10**12)


def test_synthetic_records_end_where_they_end() -> None:
    assert len(SyntheticRecords(7, 25).slice(20, 40)) == 5
    assert SyntheticRecords(7, 25).slice(25, 40) == []


def test_a_negative_number_of_records_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        SyntheticRecords(7, -1)


def test_synthetic_records_hold_what_breaks_pipelines() -> None:
    raw = SyntheticRecords(7, 500).slice(0, 500)
    records = [json.loads(each, parse_float=str) for each in raw]

    assert all(
        record["ledger_id"] > 2**53 and float(record["ledger_id"]) != record["ledger_id"]
        for record in records
    )
    assert len({record["created_at"][-6:] for record in records}) > 4
    assert all(len(record["total"].partition(".")[2]) == 2 for record in records)
    assert {"coupon" in record for record in records} == {True, False}
    assert {record["note"] is None for record in records} == {True, False}
    assert {record["customer"]["email"] is None for record in records} == {True, False}
    assert {len(record["tags"]) for record in records} >= {0, 1, 2}
    assert any(not each.isascii() for each in raw)
    assert len({record["id"] for record in records}) == 500


def test_a_synthetic_total_is_the_sum_of_its_items() -> None:
    for raw in SyntheticRecords(3, 200).slice(0, 200):
        record = json.loads(raw)
        total = sum(round(item["quantity"] * item["unit_price"] * 100) for item in record["items"])
        assert round(record["total"] * 100) == total
