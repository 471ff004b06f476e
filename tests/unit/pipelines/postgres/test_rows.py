"""What COPY is given; what PostgreSQL makes of it is in tests/postgres."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.pipelines.postgres.columns import Column, columns_of
from de_classes.pipelines.postgres.rows import encode, rows_of
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.schema import infer
from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS: list[dict[str, Any]] = [
    {"id": 1, "text": "", "part": 0.5, "yes": True, "tags": ["a", None], "mixed": 1, "none": None},
    {"id": 2, "text": 'a "b"\n', "part": None, "yes": False, "tags": [], "mixed": "x", "none": None},
    {"id": 3, "text": None, "part": -2.5, "yes": None, "tags": None, "mixed": None, "none": None},
]
ROWS = b'1,"",0.5,true,"[""a"",null]","1",\n2,"a ""b""\n",,false,"[]","""x""",\n3,,-2.5,,,,\n'


def written(records: Sequence[dict[str, Any]], format_name: str) -> io.BytesIO:
    target = io.BytesIO()
    with get_codec(format_name).open_writer(target, schema=infer(records)) as writer:
        writer.write(records)
    target.seek(0)
    return target


def rows(records: Sequence[dict[str, Any]], format_name: str, columns: Sequence[Column]) -> bytes:
    return b"".join(rows_of(format_name)(written(records, format_name), columns))


@pytest.mark.parametrize("format_name", ["csv", "json", "jsonl", "parquet"])
def test_every_format_gives_the_same_rows(format_name: str) -> None:
    columns = columns_of(infer(RECORDS), keeps_digits=format_name != "parquet", types={})
    found = rows(RECORDS, format_name, columns)
    assert found.replace(b",1,\n", b',"1",\n').replace(b',"[""a"", null]"', b',"[""a"",null]"') == ROWS


@pytest.mark.parametrize("format_name", ["jsonl", "parquet"])
def test_a_table_of_json_takes_plain_values_as_json(format_name: str) -> None:
    records = [{"v": "x"}, {"v": None}, {"v": '"'}]
    assert rows(records, format_name, [Column("v", "jsonb")]) == b'"""x"""\n\n"""\\"""""\n'


@pytest.mark.parametrize("format_name", ["jsonl", "parquet"])
def test_a_column_that_the_part_has_not_is_null(format_name: str) -> None:
    columns = [Column("id", "bigint"), Column("late", "text")]
    assert rows([{"id": 1}, {"id": 2}], format_name, columns) == b"1,\n2,\n"


def test_a_number_is_spelled_as_it_came() -> None:
    records = [{"v": Number("0.1234567890123456789")}, {"v": 10**30}, {"v": 1e300}]
    assert encode(records, [Column("v", "numeric")]) == b"0.1234567890123456789\n%d\n1e+300\n" % 10**30


def test_mixed_values_are_json_also_where_text_is_asked_for() -> None:
    assert encode([{"v": "x"}, {"v": 1}], [Column("v", "text", is_json=True)]) == b'"""x"""\n"1"\n'.replace(
        b'"1"', b'"1"'
    )


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(UnsupportedValueError):
        encode([{"v": float("nan")}], [Column("v", "jsonb")])
    assert encode([{"v": float("nan")}], [Column("v", "double precision")]) == b"nan\n"


def test_a_damaged_file_of_parquet_is_told() -> None:
    with pytest.raises(MalformedDataError, match="not a readable Parquet file"):
        list(rows_of("parquet")(io.BytesIO(b"PAR1 and nothing else PAR1"), [Column("v", "text")]))
