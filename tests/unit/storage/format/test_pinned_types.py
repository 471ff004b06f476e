from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from de_classes.storage.format.inference import infer
from de_classes.storage.format.pinned_types import PinnedStruct, parse_type
from de_classes.storage.format.schema import describe_type
from tests.fakes.format_samples import RECORDS

if TYPE_CHECKING:
    from de_classes.storage.format.schema import Record


@pytest.mark.parametrize(
    "text",
    [
        "bool",
        "int64!",
        "float64",
        "string",
        "json!",
        "null",
        "list<int64!>!",
        "list<list<null>>",
        "struct<lat: float64!, lon: float64>!",
        'struct<"b b": list<struct<a: json>>, ключ: string>',
        'struct<"a\\"<,>!": int64>',
        "list<" * 16 + "int64" + ">" * 16,
    ],
)
def test_a_type_prints_as_it_was_written(text: str) -> None:
    assert str(parse_type(text)) == text


def test_white_space_between_tokens_is_free() -> None:
    assert (
        str(parse_type(" struct<\n a :int64 !,b: list <string>\t>")) == "struct<a: int64!, b: list<string>>"
    )


@given(RECORDS)
def test_what_a_report_prints_can_be_pinned(records: list[Record]) -> None:
    for field in infer(records).fields:
        assert describe_type(parse_type(describe_type(field.type)).data_type) == describe_type(field.type)


def test_a_struct_keeps_the_order_of_its_fields() -> None:
    shape = parse_type("struct<b: int64, a: int64>").shape
    assert isinstance(shape, PinnedStruct)
    assert [field.name for field in shape.fields] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the end where one of null, bool, int64, .*, json, list<...> or struct<...> should be"),
        ("int", "'int' at character 1 where one of"),
        ("int53", "'int53' at character 1"),
        ("Int64", "'Int64'"),
        ("int64 int64", "'int64' at character 7 where the end should be"),
        ("int64!!", "'!' at character 7 where the end"),
        ("list", "the end where '<'"),
        ("list<>", "'>' at character 6 where one of"),
        ("list<int64", "the end where '>'"),
        ("struct<>", "'>' at character 8 where a field's name"),
        ("struct<a>", "'>' at character 9 where ':'"),
        ("struct<a b: int64>", "'b' at character 10 where ':'"),
        ("struct<a-b: int64>", "'a-b' .*in double quotes unless"),
        ('struct<"a: int64>', "where a field's name"),
        ("struct<a: int64,>", "where a field's name"),
        ("struct<a: int64, a: int64>", "the same name"),
        ("null!", "without values"),
        ("list<" * 17 + "int64" + ">" * 17, "nested deeper than 16 levels: use json"),
        ("struct<" + ", ".join(f"f{n}: int64" for n in range(257)) + ">", "more than 256 fields: use json"),
    ],
)
def test_what_is_no_type_is_refused_with_the_place(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_type(text)
