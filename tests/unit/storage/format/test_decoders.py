"""Decoding records straight into columns: what fits is what dictionaries would hold, all else is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec import UNSET

from de_classes.storage.format.decoders import LineDecoder, cell_decoder_of, decoder_of, line_decoder_of
from de_classes.storage.format.schema import Field, Kind, ListType, Schema, StructType, infer, merge
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from de_classes.storage.format.decoders import RowDecoder
    from de_classes.storage.format.schema import DataType


def decoder(**types: DataType) -> RowDecoder:
    found = decoder_of(Schema(tuple(Field(name, data_type) for name, data_type in types.items())))
    assert found is not None
    return found


def test_columns_hold_the_very_values_of_the_text() -> None:
    columns = decoder(a=Kind.INT53, b=Kind.FLOAT64, c=Kind.STRING, d=Kind.BOOL, e=Kind.NULL).decode(
        b'[{"a":1,"b":1,"c":"x:y","d":true,"e":null},{"a":-0,"b":-0.0,"c":"\\"}","d":null,"e":null}]'
    )
    assert columns is not None
    assert [repr(columns.column(number)) for number in range(5)] == [
        "[1, 0]",
        "[1, -0.0]",
        "['x:y', '\"}']",
        "[True, None]",
        "[None, None]",
    ]


def test_keys_may_come_in_any_order_and_may_be_absent() -> None:
    columns = decoder(a=Kind.INT53, b=Kind.STRING).decode(b'[{"b":"x","a":1},{"a":null},{}]')
    assert columns is not None
    assert [columns.column(number) for number in (0, 1)] == [[1, None, UNSET], ["x", UNSET, UNSET]]
    assert columns.dense(0, 3) == ([1, None, None], ["x", None, None])
    assert columns.dense(1, 2) == ([None], [None])
    assert [columns.record(index) for index in range(3)] == [{"a": 1, "b": "x"}, {"a": None}, {}]


def test_an_absent_key_and_a_null_are_told_apart_in_looking_a_record_up() -> None:
    columns = decoder(a=Kind.INT53, b=Kind.STRING).decode(b'[{"b":"x","a":1},{"a":null}]')
    assert columns is not None
    assert {"a": 1.0, "b": "x"} in columns  # as dictionaries compare
    assert {"a": None} in columns
    assert {"a": None, "b": None} not in columns
    assert {"a": None, "c": 1} not in columns


def test_a_text_without_records_has_empty_columns() -> None:
    columns = decoder(a=Kind.INT53).decode(b"[ ]")
    assert columns is not None
    assert (columns.dense(0, 0), columns.size) == (([],), 0)


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        (Kind.INT53, b"9007199254740993"),
        (Kind.INT53, b"1.0"),
        (Kind.INT53, b"1e3"),
        (Kind.INT53, b"true"),
        (Kind.INT64, b"9223372036854775808"),
        (Kind.INT64, b"1" + b"0" * 50),
        (Kind.FLOAT64, b"9007199254740993"),
        (Kind.FLOAT64, b"1e400"),
        (Kind.FLOAT64, b"NaN"),
        (Kind.FLOAT64, b'"1"'),
        (Kind.STRING, b"1"),
        (Kind.STRING, b'"\\ud800"'),
        (Kind.STRING, b'"\xff"'),
        (Kind.STRING, b'"\n"'),
        (Kind.BOOL, b"1"),
        (Kind.NULL, b"1"),
    ],
)
def test_a_value_beyond_the_type_is_refused(kind: Kind, token: bytes) -> None:
    assert decoder(a=kind).decode(b'[{"a":' + token + b"}]") is None
    assert decoder(a=kind).decode(b'[{"a":null}]') is not None


@pytest.mark.parametrize(
    "text",
    [
        b'[{"a":1,"a":2}]',
        b'[{"a":1,"a" :2}]',
        b'[{"a":1,"a"\n:2}]',
        b'[{"a":1,"\\u0061":2}]',
        b'[{"a":1,"b":"x","a":2},{"a":1}]',
        b'[{"a":1,"b":":","b":"x"}]',
        b'[{"a":1,"b":"x","b":"\\u003a"}]',
        b'[{"a":1,"b":"\\u003A","a":2}]',
    ],
)
def test_F54_a_duplicate_key_is_refused(text: bytes) -> None:
    of = decoder(a=Kind.INT53, b=Kind.STRING)
    assert of.decode(text) is None
    lines = line_decoder_of(of.schema)
    assert lines is not None
    assert lines.decode(text) is None


@pytest.mark.parametrize(
    "string", ['"x"', '":"', '"a\\":1"', '"\\\\"', '"say \\"a\\""', '"a:b"', '""', "null"]
)
def test_where_lines_are_written_rows_are_not_made_columns(string: str) -> None:
    of = line_decoder_of(Schema((Field("a", Kind.FLOAT64), Field("b", Kind.STRING))))
    assert of is not None
    text = f'[{{"a":1,"b":{string}}},{{"b":null,"a":2.5}}]'.encode()
    columns, records = of.decode(text), strict_json.loads(text)
    assert columns is not None
    assert [columns.record(place) for place in (0, 1, -1)] == [*records, records[-1]]
    assert all(record in columns for record in records)
    assert {"a": 2.5, "b": string} not in columns
    assert {"a": 2.5} not in columns
    assert list(map(list, columns.dense(0, 2))) == [[1, 2.5], [records[0]["b"], None]]


@pytest.mark.parametrize(
    "text",
    [
        b'[{"a":1.50,"b":"x"}, {"a":2}]',
        b'[{"a":1.50,"b":"\\u0041"}]',
        b'[{"b":"x","a":1.50}]',
        b'[{"a":1.50,"b":"\\/"}\n]',
        b'[{"a":\r1.50,"b":"x"}]',
        b' [{"a":1.50,"b":"x"}]',
        b'[{"a":1.50,"b":"x"} ]',
        b"[ ]",
    ],
)
def test_lines_are_not_made_of_what_is_spelled_otherwise(text: bytes) -> None:
    of = LineDecoder(Schema((Field("a", Kind.FLOAT64), Field("b", Kind.STRING))))
    columns = of.decode(text)
    assert columns is not None
    assert columns.lines is None


def test_lines_are_tried_no_more_where_four_texts_in_a_row_are_spelled_otherwise() -> None:
    of = LineDecoder(Schema((Field("a", Kind.INT53),)))
    same, other = b'[{"a":1}]', b'[{"a": 1}]'

    def has_lines(text: bytes) -> bool:
        columns = of.decode(text)
        assert columns is not None
        return columns.lines is not None

    assert [has_lines(text) for text in (other, other, other, same)] == [False, False, False, True]
    assert [has_lines(text) for text in (other, other, other, other, same)] == [False] * 5


@pytest.mark.parametrize("text", [b'[{"a":1,"b":"x"},{"a":2,"b":null}]', b'[{"a": 1, "b": "x"},{"a":2}]'])
def test_of_lines_any_column_is_there_whenever_it_is_asked_for(text: bytes) -> None:
    of = LineDecoder(Schema((Field("a", Kind.INT53), Field("b", Kind.STRING))))
    for _ in range(2):  # not asked for before, and asked for
        columns = of.decode(text)
        assert columns is not None
        assert columns.values(1) == ["x", None]
        assert columns.has_nulls(1)
        assert not columns.has_nulls(0)
        assert {"a": 1, "b": "x"} in columns


def test_a_column_of_floats_of_which_lines_are_made_holds_nothing_else() -> None:
    of = LineDecoder(Schema((Field("a", Kind.FLOAT64),)))
    for value in (b'"1"', b"true", b"[1]", b"1,2", b"1e400", b"9007199254740993"):
        assert of.decode(b'[{"a":' + value + b"}]") is None


def test_lines_whose_keys_vary_or_that_are_nested_are_known_too() -> None:
    of = line_decoder_of(Schema((Field("a", Kind.INT53), Field("b", Kind.STRING))))
    assert of is not None
    columns = of.decode(b'[{"a":1},{"b":"x"}]')
    assert columns is not None
    assert [columns.record(place) for place in range(columns.size)] == [{"a": 1}, {"b": "x"}]


@pytest.mark.parametrize(
    "text", [b'[{"z":1}]', b"[1]", b"[null]", b'{"a":1}', b'[{"a":1}] x', b'[{"a":1}', b""]
)
def test_what_is_no_array_of_such_records_is_refused(text: bytes) -> None:
    assert decoder(a=Kind.INT53).decode(text) is None


def test_colons_in_names_and_strings_are_no_keys() -> None:
    text = b'[{"a:b":"x:y:z","l":["::",null]},{"a:b":null},{ "l" : [] }]'
    columns = decoder(**{"a:b": Kind.STRING, "l": ListType(Kind.STRING)}).decode(text)
    assert columns is not None
    assert columns.column(0) == ["x:y:z", None, UNSET]
    assert columns.column(1) == [["::", None], UNSET, []]


@pytest.mark.parametrize("data_type", [StructType((Field("x", Kind.JSON),)), ListType(Kind.JSON)])
def test_what_holds_mixed_values_somewhere_inside_has_no_shape(data_type: ListType | StructType) -> None:
    assert decoder_of(Schema((Field("a", Kind.INT53), Field("b", data_type)))) is None


@pytest.mark.parametrize("name", ['say "a"', "back\\slash", "line\n", "\ud800"])
def test_a_name_that_text_may_spell_in_two_ways_has_no_shape(name: str) -> None:
    assert decoder_of(Schema((Field(name, Kind.INT53),))) is None


INNER = StructType((Field("t", Kind.STRING),))
NESTED = StructType((Field("x:y", Kind.INT53), Field("s", ListType(INNER))))


def test_objects_become_dictionaries_without_their_absent_keys() -> None:
    columns = decoder(o=NESTED).decode(b'[{"o":{"s":[{"t":"::"},null],"x:y":1}},{"o":{"s":null}},{"o":null}]')
    assert columns is not None
    assert columns.dense(0, 3) == ([{"x:y": 1, "s": [{"t": "::"}, None]}, {"s": None}, None],)
    assert {"o": {"s": None}} in columns


@pytest.mark.parametrize(
    "value",
    [
        b"{}",
        b'{"z":1}',
        b'{"x:y":1.5}',
        b'{"x:y":1,"x:y":1}',
        b'{"s":[{"t":"a","t":"b"}]}',
        b'{"s":[{}]}',
        b'{"s":[],"s":[]}',
        b'{"s":[{"t":":"}],"s":null}',
    ],
)
def test_an_object_without_keys_or_with_others_or_with_duplicates_is_refused(value: bytes) -> None:
    assert decoder(o=NESTED).decode(b'[{"o":{"x:y":1}},{"o":' + value + b"}]") is None


MIXED = b'[{"a":1,"m":"x:"},{"m":{"b":[1.50,{"c":":"}]},"a":2},{"a":3,"m":[]},{"a":4},{"a":5,"m":null}]'


def test_mixed_values_are_looked_at_one_by_one() -> None:
    schema = Schema((Field("a", Kind.INT53), Field("m", Kind.JSON)))
    for of in (decoder_of(schema), line_decoder_of(schema), cell_decoder_of(schema)):
        assert of is not None
        columns, records = of.decode(MIXED), strict_json.loads(MIXED)
        assert columns is not None
        assert columns.dense(0, 5)[1] == [record.get("m") for record in records]
        assert strict_json.dumps(columns.dense(1, 2)[1][0]) == '{"b":[1.50,{"c":":"}]}'
        assert [columns.record(place) for place in range(5)] == records
        assert all(record in columns for record in records)


@pytest.mark.parametrize(
    "record",
    [
        b'{"a":1,"m":{"b":1,"b":2}}',
        b'{"a":1,"m":{"b":1,"\\u0062":2}}',
        b'{"a":1,"m":1e400}',
        b'{"a":1,"m":"\\ud800"}',
        b'{"a":1,"m":' + b"[" * 199 + b"]" * 199 + b"}",
        b'{"a":1,"a":2,"m":1}',
        b'{"a":1,"m":1,"m":2}',
        b'{"a":1,"m":":","m":2}',
        b'{"a":1,"m":NaN}',
    ],
)
def test_F50_to_F54_what_is_not_sound_beside_or_within_mixed_values_is_refused(record: bytes) -> None:
    schema = Schema((Field("a", Kind.INT53), Field("m", Kind.JSON)))
    for of in (decoder_of(schema), line_decoder_of(schema), cell_decoder_of(schema)):
        assert of is not None
        assert of.decode(b'[{"a":1,"m":[]},' + record + b"]") is None


def test_nested_values_stand_in_cells_as_they_came() -> None:
    of = cell_decoder_of(Schema((Field("o", NESTED),)))
    assert of is not None
    columns = of.decode(
        b'[{"o":{"s":[ {"t":"\\u00e9 :"},null],\n"x:y":1}},{"o":{"x:y":2,"s":null}},{"o":null}]'
    )
    assert columns is not None
    texts = [b'{"s":[{"t":"\\u00e9 :"},null],"x:y":1}', b'{"x:y":2,"s":null}']
    assert columns.dense(0, 3) == ([*map(msgspec.Raw, texts), None],)
    assert of.decode(b'[{"o":{"x:y":1.0}}]') is None


def test_no_columns_have_no_shape() -> None:
    assert decoder_of(Schema()) is None


def test_a_schema_has_one_shape() -> None:
    assert decoder_of(Schema((Field("a", Kind.INT53),))) is decoder(a=Kind.INT53)


@pytest.mark.parametrize(
    "text", [b'[{"a":1,"b":2.5}]', b'[{"a":9007199254740992}]', b'[{"b":[1,null]}]', b"[{}]"]
)
def test_what_fits_widens_nothing(text: bytes) -> None:
    schema = Schema((Field("a", Kind.INT53), Field("b", Kind.FLOAT64)))
    found = decoder_of(schema)
    assert found is not None
    widened = merge(schema, infer(strict_json.loads(text)))
    assert (found.decode(text) is not None) == (widened == schema)
