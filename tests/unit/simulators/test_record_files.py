from __future__ import annotations

import io
import json
import sys
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from de_classes.__main__ import make_parser
from de_classes.errors import ConfigurationError
from de_classes.simulators import cli, record_files
from de_classes.simulators.record_files import KINDS, JsonArrayRecords, open_records
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from tests.fakes.effort import examples

if TYPE_CHECKING:
    from pathlib import Path

OBJECTS = [
    b'{"a": 1}',
    b'{ "b" :\t[1,2,{"c":null}] }',
    '{"ü":"日本 🍰"}'.encode(),
    b'{"big":12345678901234567890123,"exp":1e400,"zeros":1.500}',
    b'{"quotes":"\\"]}[{\\\\","}":"{"}',
    b"{}",
    b'{\n  "over": "lines"\n}',
]


def written(folder: Path, content: bytes, name: str = "records.json") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(path: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        open_records(path)
    return caught.value


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n \t"])
@pytest.mark.parametrize("between", [b",", b" ,\r\n  "])
@pytest.mark.parametrize("chunk", [1, 7, 2**20])
def test_the_objects_of_an_array_come_out_byte_for_byte_however_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes, between: bytes, chunk: int
) -> None:
    monkeypatch.setattr(record_files, "_CHUNK", chunk)
    path = written(tmp_path, before + b"[ " + between.join(OBJECTS) + b" ]\n", "orders")
    records = open_records(path)
    assert records.slice(0, 100) == OBJECTS
    assert [records.slice(n, n + 1) for n in range(records.count)] == [[each] for each in OBJECTS]


@settings(max_examples=examples(50), deadline=None)
@given(
    objects=st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.recursive(
                st.none() | st.integers() | st.text('"\\[]{},é\n'),
                lambda inner: st.lists(inner) | st.dictionaries(st.text('"\\{}'), inner),
                max_leaves=5,
            ),
        )
    ),
    indent=st.sampled_from([None, 2]),
)
def test_whatever_json_writes_as_an_array_is_read(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]], indent: int | None
) -> None:
    folder = tmp_path_factory.mktemp("records")
    path = written(folder, json.dumps(objects, indent=indent).encode())
    assert [json.loads(each) for each in open_records(path).slice(0, len(objects))] == objects


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"a":1}, 5, {"b":2}]', "record 1: after it stands ', 5,{', and no object"),
        (b'[{"a":1} {"b":2}]', "record 1: after it stands '{', and no object"),
        (b'[{"a":1},]', "record 1: after it stands ',]', and no object"),
        (b"[[1, 2], [3, 4]]", "record 0: after it stands '[', and no object"),
        (b'["a", "b"]', 'record 0: after it stands \'"a", "b"]\', and no object'),
        (b'[{"a":1}', "record 1: after it the array does not end"),
        (b'[{"a":1}, {"b', "record 1: after it the array does not end"),
        (b'[{"a":1}] [{"b":2}]', "record 1: behind the array stands ' [{\"b\":2}]'"),
        (b'[{"a":1}, {"b":}]', "record 2: no valid JSON"),
        (b'[{"a":"\xff"}]', "record 1: no UTF-8 text"),
        (b'[{"a":1]]', "record 1: no valid JSON"),
    ],
)
def test_what_is_wrong_in_an_array_is_named_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    error = refused(written(tmp_path, content))
    assert error.problems[0].startswith(said)
    assert "must hold a JSON array of objects" in str(error)


def test_an_array_of_nonsense_is_given_up_early(tmp_path: Path) -> None:
    error = refused(written(tmp_path, b"[" + b",".join([b'{"a":}'] * 1000) + b"]"))
    assert len(error.problems) == 21


def test_an_array_is_not_held_in_memory(tmp_path: Path) -> None:
    one = b'{"id":%d,"text":"' + b"x" * 1000 + b'"}'
    path = written(tmp_path, b"[" + b",".join(one % number for number in range(20_000)) + b"]")
    tracemalloc.start()
    try:
        records = JsonArrayRecords(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert records.count == 20_000
    assert most < path.stat().st_size / 3


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_the_rows_of_a_csv_file_are_records_of_text(tmp_path: Path, separator: str, start: str) -> None:
    rows = [["id", "ü", "note"], ["1", "5.50", '"line one\nline ""two"""'], ["2", "", "x"]]
    content = start + "\r\n".join(separator.join(row) for row in rows) + "\r\n\r\n"
    records = open_records(written(tmp_path, content.encode(), "Orders.CSV"))
    assert [json.loads(each) for each in records.slice(0, 9)] == [
        {"id": "1", "ü": "5.50", "note": 'line one\nline "two"'},
        {"id": "2", "ü": "", "note": "x"},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,name\n1,a\n2\n", "line 3 has 1 values for 2 columns"),
        (b"id,name\n1,a,b\n", "line 2 has 3 values for 2 columns"),
        (b"id,id\n1,2\n", "line 1 must name every column, each by another name"),
        (b"id,\n1,2\n", "line 1 must name every column"),
        (b'id\n"a\n', "line 2: unexpected end of data"),
        (b"id\n\xff\n", "is not in UTF-8"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_named_with_its_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = written(tmp_path, content, "orders.csv")
    assert str(refused(path)).startswith(str(path))
    assert said in str(refused(path))


def test_the_rows_of_a_parquet_file_are_records(tmp_path: Path) -> None:
    row = {
        "id": 2**60 + 1,
        "price": Decimal("5.50"),
        "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "day": date(2026, 1, 2),
        "tags": ["a", None],
        "who": {"name": "Zoë"},
        "none": None,
    }
    parquet.write_table(pa.Table.from_pylist([row, {**row, "id": 7}]), tmp_path / "orders")
    first, second = open_records(tmp_path / "orders").slice(0, 9)
    assert (
        first
        == (
            '{"id":1152921504606846977,"price":5.50,"at":"2026-01-02T03:04:05Z","day":"2026-01-02",'
            '"tags":["a",null],"who":{"name":"Zoë"},"none":null}'
        ).encode()
    )
    assert json.loads(second)["id"] == 7


def test_a_parquet_file_that_is_cut_off_is_a_typed_error(tmp_path: Path) -> None:
    assert "is Parquet that cannot be read" in str(refused(written(tmp_path, b"PAR1 and no more")))


def test_without_pyarrow_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = refused(written(tmp_path, b"PAR1"))
    assert "pip install 'de-classes[parquet]'" in str(error)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,name\n1,a\n", "begins with 'id,name'; records are "),
        (b"\x1f\x8b\x08", "is compressed by gzip: unzip it; records are "),
        (b"PK\x03\x04", "is a ZIP archive, or a workbook: save its table as CSV; records are "),
        (b"<orders/>", "is XML or HTML; records are "),
        (b"\xff\xfe{\x00", "is UTF-16: save it as UTF-8; records are "),
    ],
)
def test_what_stands_there_otherwise_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    error = refused(written(tmp_path, content, "orders.txt"))
    assert said + KINDS in str(error)


def test_json_lines_are_served_from_where_they_lie(tmp_path: Path) -> None:
    for name in ("orders", "orders.jsonl"):
        path = written(tmp_path, b'{"a":1}\n', name)
        assert (open_records(path).path, open_records(path).slice(0, 9)) == (path, [b'{"a":1}'])
    assert open_records(written(tmp_path, b"", "nothing.txt")).count == 0
    assert refused(written(tmp_path, b"x\n{}\n", "wrong.jsonl")).problems[0].startswith("line 1: ")
    assert "cannot be read" in str(refused(tmp_path / "gone.csv"))


def test_a_copy_goes_with_what_it_was_made_for(tmp_path: Path) -> None:
    records = open_records(written(tmp_path, b"id\n1\n", "a.csv"))
    copy = records.path
    assert copy.is_file()
    del records
    assert not copy.exists()


def test_the_command_serves_any_of_them(tmp_path: Path) -> None:
    path = written(tmp_path, b"id;name\n7;Ada\n", "people.csv")
    args = make_parser(["simulate"]).parse_args(
        ["simulate", "--records", str(path), "--port", "0", "--rate", "0"]
    )
    served: list[bytes] = []
    assert cli.run(args, out=io.StringIO(), wait=lambda server: served.extend(server.truth())) == 0
    assert served == [b'{"id":"7","name":"Ada"}']
    with SimulatorServer(SimulatorSettings(records_uri=str(path))) as server:
        assert server.records.count == 1


def test_the_command_says_what_is_wrong_with_them(tmp_path: Path) -> None:
    path = written(tmp_path, b"<orders/>", "orders.xml")
    args = make_parser(["simulate"]).parse_args(["simulate", "--records", str(path), "--port", "0"])
    err = io.StringIO()
    assert cli.run(args, out=io.StringIO(), err=err) == 2
    assert err.getvalue() == f"simulate: {path} is XML or HTML; records are {KINDS}\n"
