from __future__ import annotations

import io
import json
from typing import Any

import pytest

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.json_codec import JsonCodec, JsonLinesCodec
from tests.fakes.format_samples import EARTHQUAKES, read, write

JSON, LINES = JsonCodec(), JsonLinesCodec()


def test_an_array_is_ordinary_json_a_record_a_line() -> None:
    written = write(JSON, [EARTHQUAKES[:1], EARTHQUAKES[1:]])
    assert json.loads(written) == EARTHQUAKES
    assert len(written.splitlines()) == len(EARTHQUAKES) + 2


def test_an_empty_result_is_an_empty_array() -> None:
    assert write(JSON, []) == b"[]"


def test_an_empty_result_in_lines_is_an_empty_file() -> None:
    assert write(LINES, []) == b""
    assert read(LINES, b"") == []


@pytest.mark.parametrize("indent", [None, 0, 4])
def test_any_layout_of_an_array_is_read(indent: int | None) -> None:
    assert read(JSON, f"\r\n\t {json.dumps(EARTHQUAKES, indent=indent)} \n".encode()) == EARTHQUAKES
    assert read(JSON, b" [ ] ") == []


def test_a_record_larger_than_any_chunk_is_read() -> None:
    large: list[dict[str, Any]] = [{"a": "é" * 500_000, "b": list(range(50_000))}, {"a": 1}]
    assert read(JSON, write(JSON, [large])) == large
    assert read(LINES, write(LINES, [large])) == large


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "after 0 records: no JSON array"),
        ("{}", "no JSON array"),
        ("[", "cut short"),
        ("[{}", "after 1 records: neither a comma"),
        ("[{},", "after 1 records: .*cut short"),
        ("[{}, ]", "after 1 records"),
        ("[{} {}]", "neither a comma"),
        ("[{}] x", "something follows"),
        ("[{}, 1]", "after 1 records: array element: a int"),
        ('[{"a": 1, "a": 2}]', "duplicate key"),
        ('[{"a": NaN}]', "NaN"),
        ('[{"a": 1e999}]', "too large"),
        ('[{"a": "\\ud800"}]', "surrogate"),
        ("[" + '{"a":' * 100_000, "nested deeper"),
    ],
    ids=lambda text: text[:18],
)
def test_what_is_no_array_of_objects_is_refused(text: str, where: str) -> None:
    with pytest.raises(MalformedDataError, match=where):
        read(JSON, text.encode())


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"a":1}\n{"a":\n', "line 2: not JSON"),
        (b'{"a":1}\n[]\n', "line 2: .*list"),
        (b'{"a":1}\n{"a":"\xff"}\n', "line 2: not UTF-8"),
        (b'{"a":1,"a":2}\n', "line 1: .*duplicate"),
    ],
)
def test_a_bad_line_is_refused_by_number(data: bytes, where: str) -> None:
    with pytest.raises(MalformedDataError, match=where):
        read(LINES, data)


def test_an_array_in_wrong_utf8_is_refused() -> None:
    with pytest.raises(MalformedDataError, match="not UTF-8"):
        read(JSON, b'[{"a":"\xff"}]')


def test_blank_lines_and_a_missing_last_newline_are_harmless() -> None:
    assert read(LINES, b'{"a":1}\n\r\n \n{"a":2}') == [{"a": 1}, {"a": 2}]


def test_only_a_line_feed_ends_a_line() -> None:
    records = [{"a": "\u2028\x85\r\x0b"}]
    assert read(LINES, write(LINES, [records])) == records


def test_rows_are_counted_through_all_pages() -> None:
    writer = LINES.open_writer(io.BytesIO())
    writer.write([{"a": 1}, {"a": 2}])
    with pytest.raises(UnsupportedValueError, match="column 'a', row 3"):
        writer.write([{"a": float("nan")}])
