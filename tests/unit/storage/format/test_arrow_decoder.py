"""Records straight into Arrow arrays: the very columns that rows give, or none at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.storage.format.arrow_arrays import ArrowColumns, arrow_schema
from de_classes.storage.format.arrow_decoder import ArrowDecoder, arrow_decoder_of
from de_classes.storage.format.decoders import decoder_of
from de_classes.storage.format.schema import Field, Kind, ListType, Schema, StructType, infer, merge
from de_classes.utils import strict_json
from tests.fakes.effort import examples
from tests.fakes.every import every

if TYPE_CHECKING:
    from de_classes.storage.format.blocks import Columns
    from de_classes.storage.format.schema import DataType

ABC = {"a": Kind.INT53, "b": Kind.STRING, "c": Kind.FLOAT64}


def schema(types: dict[str, DataType]) -> Schema:
    return Schema(tuple(Field(name, data_type) for name, data_type in types.items()))


def decoder(types: dict[str, DataType], *, worth_it: int = 0) -> ArrowDecoder:
    rows = decoder_of(schema(types))
    assert rows is not None
    return ArrowDecoder(rows.schema, rows, worth_it=worth_it)


def straight(types: dict[str, DataType], text: bytes) -> ArrowColumns | None:
    """What comes of a text without the help of rows."""
    columns = decoder(types).decode(text)
    return columns if isinstance(columns, ArrowColumns) else None


def values(columns: Columns, types: dict[str, DataType]) -> list[str]:
    """Every column as a table has it, to the letter: -0.0 is not 0.0."""
    arrow_types = arrow_schema(schema(types)).types
    parts = zip(columns.dense(0, columns.size), arrow_types, strict=True)
    arrays = [part if isinstance(part, pa.Array) else pa.array(part, of) for part, of in parts]
    assert [array.type for array in arrays] == arrow_types
    return [repr(array.to_pylist()) for array in arrays]


def test_values_are_taken_out_of_the_text() -> None:
    text = b'[{"a":1,"b":"x","c":2.5},{"a":-7,"b":"","c":3},{"a":0,"b":"\xc3\xa4\xe2\x82\xac","c":1e3}]'
    columns = straight(ABC, text)
    assert columns is not None
    assert values(columns, ABC) == ["[1, -7, 0]", "['x', '', 'ä€']", "[2.5, 3.0, 1000.0]"]
    assert columns.size == 3


@pytest.mark.parametrize(
    "text",
    [
        b'[{"a": 1, "b": "x", "c": 2.5}, {"a": 2, "b": "y", "c": 3}]',
        b'[{"b":"x","c":2.5,"a":1},{"b":"y","c":3,"a":2}]',
        b'[{"c":null,"a":1,"b":null},{"c":3,"a":null,"b":"y"}]',
        b'[{"a":1,"b":"say \\"a\\"","c":0.5},{"a":2,"b":"\\"","c":0.5}]',
        b'[{"a":1,"b":"\\\\\\"\\u00e4\\ud83d\\ude00\\n","c":0.5},{"a":2,"b":"null","c":0.5}]',
        b'[{"a":1,"b":"\\\\","c":0.5},{"a":2,"b":null,"c":0.5}]',
        b'[{"a":1,"b":"},{","c":0.5},{"a":2,"b":"[1,2]","c":0.5}]',
        b'[{"a":9007199254740992,"b":"a:b","c":0.5}]',
        b'[{"a":1,"b":"1.23456789012345678.9","c":0.30000000000000004}]',
        b"[]",
        b"[{}]",
        b'[{"a":1,"b":"x","c":1},{"a":1,"c":1,"b":"x"}]',
        b'[{"a":1,"b":"x","c":1},{"a":1,"b":"x"}]',
        b'[{"a":1,"b":"x","c":1}, {"a":1,"b":"x","c":1}]',
        b'[{"a":1,"b":"x", "c":1}]',
        b'[ {"a":1,"b":"x","c":1}]',
        b'[{"a":1,"b":"x","c":1} ]',
        b'[{"a":1 ,"b":"x","c":1}]',
        b'[{"a":1,"b":"x","c":1},{"a" :2,"b" :"y","c" :2},{"a":3,"b":"z","c":3}]',
        b'[{"a":1,"b":"x","c":1},{"a"\t:2,"b":"y","c":2}]',
        b'[{"a":1,"b":"x\\":","c":1}]',
        b'[{"a":1,"b":":","c":1}]',
        b'[{"a":1,"b":":","c":1},{"a":1,"b":":\\":","c":1}]',
    ],
)
def test_records_go_straight_however_they_are_laid_out(text: bytes) -> None:
    columns, rows = straight(ABC, text), decoder_of(schema(ABC))
    assert columns is not None
    assert rows is not None
    expected = rows.decode(text)
    assert expected is not None
    assert values(columns, ABC) == values(expected, ABC)
    assert [columns.record(place) for place in range(columns.size)] == strict_json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b'[{"a":1,"b":"x","c":0.12345678901234567}]',
        b'[{"a":1,"b":"x","c":12345678901234567e-1}]',
        b'[{"a":1,"b":"x","c":1e-400}]',
        b'[{"a":1,"b":"x","c":-0}]',
        b'[{"a":1,"b":"x","c":9007199254740992.0}]',
    ],
)
def test_F91_numbers_that_an_array_would_change_are_left_to_rows(text: bytes) -> None:
    assert straight(ABC, text) is None
    assert decoder(ABC).decode(text) is not None


@every(
    "record",
    [
        b'{"a":1,"b":"x","c":1,"c":2}',
        b'{"a":1,"a":2,"b":"x","c":1}',
        b'{"a":1,"b":"x","b":"y","c":1}',
        b'{"a":1,"b":"x","c":1,"d":1}',
        b'{"a":1,"b":"x","d":1}',
        b'{"a":1.0,"b":"x","c":1}',
        b'{"a":1e3,"b":"x","c":1}',
        b'{"a":9007199254740993,"b":"x","c":1}',
        b'{"a":true,"b":"x","c":1}',
        b'{"a":"1","b":"x","c":1}',
        b'{"a":[1],"b":"x","c":1}',
        b'{"a":{"b":1},"b":"x","c":1}',
        b'{"a":1,"b":1,"c":1}',
        b'{"a":1,"b":["x"],"c":1}',
        b'{"a":1,"b":{},"c":1}',
        b'{"a":1,"b":true,"c":1}',
        b'{"a":1,"b":"\\ud800","c":1}',
        b'{"a":1,"b":"x","d" :1,"c":1}',
        b'{"a":1,"b":"x","b" :"y","c":1}',
        b'{"a":1,"b":"x\\\\","b"\n:"y","c":1}',
        b'{"a":1,"b":"x","d\\\\" :"","c":1}',
        b'{"a":1,"b":"x","c":1e400}',
        b'{"a":1,"b":"x","c":-1e400}',
        b'{"a":1,"b":"x","c":9007199254740993}',
        b'{"a":1,"b":"x","c":"1"}',
        b'{"a":1,"b":"x","c":false}',
        b'{"a":1,"b":"x","c":[]}',
    ],
)
def test_F50_to_F54_what_is_not_sound_or_wider_is_refused(record: bytes) -> None:
    good = b'{"a":1,"b":"x","c":1}'
    for records in ([record], [good, record], [record, good], [good, record, good]):
        assert decoder(ABC).decode(b"[" + b",".join(records) + b"]") is None


def test_integers_of_64_bits_booleans_and_nulls_are_columns_too() -> None:
    types: dict[str, DataType] = {"i": Kind.INT64, "t": Kind.BOOL, "n": Kind.NULL}
    text = b'[{"i":-9223372036854775808,"t":true,"n":null},{"i":null,"t":null,"n":null}]'
    columns = straight(types, text)
    assert columns is not None
    assert values(columns, types) == ["[-9223372036854775808, None]", "[True, None]", "[None, None]"]
    for token in (b"9223372036854775808", b'"1"', b"1"):
        text = b'[{"i":%s,"t":%s,"n":%s}]' % (token, token, token)
        assert decoder(types).decode(text) is None


def test_a_column_may_become_null_and_stop_being_so() -> None:
    of = decoder(ABC)
    texts = [
        b'[{"a":1,"b":"x","c":1},{"a":2,"b":"y","c":1}]',
        b'[{"a":1,"b":null,"c":1},{"a":2,"b":"y","c":1}]',
        b'[{"a":1,"b":"x","c":1}]',
        b'[{"a":null,"b":"x","c":null}]',
        b'[{"a":null,"b":null,"c":null}]',
    ]
    for text in texts * 2:
        columns = of.decode(text)
        assert isinstance(columns, ArrowColumns)
        assert [columns.record(place) for place in range(columns.size)] == strict_json.loads(text)


def test_several_texts_are_decoded_as_one_and_keep_to_themselves() -> None:
    rows = [b'{"a":%d,"b":"%d","c":%d.5}' % (n, n, n) for n in range(9)]
    texts = [b"[" + b",".join(rows[start:stop]) + b"]" for start, stop in ((0, 1), (1, 5), (5, 7), (7, 9))]
    found = decoder(ABC).decode_all(texts)
    assert [columns.size for columns in found if isinstance(columns, ArrowColumns)] == [1, 4, 2, 2]
    for columns, text in zip(found, texts, strict=True):
        assert isinstance(columns, ArrowColumns)
        expected = strict_json.loads(text)
        assert columns.dense(0, columns.size)[0].to_pylist() == [record["a"] for record in expected]
        assert [columns.record(place) for place in range(-1, columns.size)] == [expected[-1], *expected]


def test_one_odd_text_among_several_spoils_no_other() -> None:
    texts = [b'[{"a":1,"b":"x","c":1}]', b'[{"a":1,"b":2,"c":1}]', b"[]", b'[{"a":1,"b":"x","c":1,"c":1}]']
    found = decoder(ABC).decode_all(texts)
    assert [columns.size if columns else None for columns in found] == [1, None, 0, None]


def test_small_texts_are_left_to_rows_unless_they_are_many() -> None:
    text = b'[{"a":1,"b":"x","c":1}]'
    of = decoder(ABC, worth_it=100)
    assert not isinstance(of.decode(text), ArrowColumns)
    assert all(isinstance(columns, ArrowColumns) for columns in of.decode_all([text] * 5))


def test_a_source_that_is_never_alike_is_looked_at_now_and_then() -> None:
    of = decoder(ABC)
    for _ in range(20):
        assert not isinstance(of.decode(b'[{"a":"1"}]'), ArrowColumns)
    good = b'[{"a":1,"b":"x","c":1}]'
    assert not isinstance(of.decode(good), ArrowColumns)
    tried = [isinstance(of.decode(good), ArrowColumns) for _ in range(100)]
    assert tried.index(True) > 0
    assert all(tried[tried.index(True) :])


def test_what_takes_more_memory_than_is_good_is_left_to_rows() -> None:
    of = decoder({"a": Kind.STRING})
    text = b'[{"a":"' + b"x" * 2**20 + b'"}]'
    assert all(isinstance(columns, ArrowColumns) for columns in of.decode_all([text] * 15))
    assert not any(
        isinstance(columns, ArrowColumns) for columns in of.decode_all([text[:-4] + b"x" * 2**24 + text[-4:]])
    )


def test_a_record_is_looked_up_as_among_dictionaries() -> None:
    text = b'[{"a":1,"b":"x","c":1},{"a":1,"b":"y","c":2.5},{"a":null,"b":null,"c":0}]'
    columns = straight(ABC, text)
    assert columns is not None
    inside: list[dict[str, Any]] = [
        {"a": 1.0, "b": "y", "c": 2.5},
        {"c": True, "b": "x", "a": True},
        {"a": None, "b": None, "c": False},
    ]
    outside: list[dict[str, Any]] = [
        {"a": 1, "b": "y", "c": 2},
        {"a": 1, "b": "y"},
        {"b": "x", "c": 1},
        {"a": 1, "b": "y", "c": 2.5, "d": None},
        {"a": "1", "b": "y", "c": 2.5},
        {"a": 1.5, "b": "y", "c": 2.5},
        {"a": 2**70, "b": "y", "c": 2**70},
        {"a": 1, "b": 1, "c": [1]},
        {"a": None, "b": "x", "c": 1},
    ]
    assert all(record in columns for record in inside)
    assert not any(record in columns for record in outside)


def test_a_number_whose_bytes_lie_across_two_others_is_not_among_them() -> None:
    columns = straight({"a": Kind.INT64}, b'[{"a":4294967296},{"a":1}]')
    assert columns is not None
    assert {"a": 2**32} in columns
    assert {"a": 1} in columns
    assert {"a": 2**32 + 1} not in columns


NESTED: dict[str, DataType] = {
    "id": Kind.INT53,
    "at": StructType((Field("x", Kind.FLOAT64), Field("in", StructType((Field("n", Kind.INT53),))))),
    "tags": ListType(StructType((Field("k", Kind.STRING), Field("v", ListType(Kind.FLOAT64))))),
}


def test_nested_records_go_straight() -> None:
    text = (
        b'[{"id":1,"at":{"x":0.5,"in":{"n":1}},"tags":[{"k":"a","v":[1,2.5]},{"v":null}]},\n'
        b'{"tags":[],"at":null,"id":2},{"id":3,"at":{"in":null,"x":3},"tags":[null,{"k":"{\\"","v":[]}]}]'
    )
    columns, rows = straight(NESTED, text), decoder_of(schema(NESTED))
    assert columns is not None
    assert rows is not None
    expected = rows.decode(text)
    assert expected is not None
    assert values(columns, NESTED) == values(expected, NESTED)
    records = strict_json.loads(text)
    assert [columns.record(place) for place in range(columns.size)] == records
    assert all(record in columns for record in records)
    assert {**records[0], "tags": []} not in columns


@pytest.mark.parametrize(
    "part",
    [
        b'"at":{}',
        b'"at":{ }',
        b'"tags":[{}]',
        b'"at":{"in":{"n":9007199254740993}}',
        b'"at":{"in":{"n":1,"n":1}}',
        b'"at":{"in":{"n":1,"\\u006e":1}}',
        b'"at":{"in":{"m":1}}',
        b'"at":{"x":"1"}',
        b'"tags":[{"v":[1e400]}]',
        b'"tags":[[]]',
        b'"tags":{}',
        b'"at":[]',
    ],
)
def test_F50_to_F54_what_is_not_sound_or_wider_is_refused_at_every_depth(part: bytes) -> None:
    good = b'{"id":1}'
    for records in ([part], [good, b'{"id":2,' + part + b"}"]):
        text = (
            b"[" + b",".join(each if each.startswith(b"{") else b"{" + each + b"}" for each in records) + b"]"
        )
        assert decoder(NESTED).decode(text) is None


def test_F91_numbers_that_an_array_would_change_are_left_alone_at_every_depth() -> None:
    for number in (b"-0", b"9007199254740993.0", b"0.12345678901234567", b"1e-320"):
        assert straight(NESTED, b'[{"tags":[{"v":[1,%b]}]}]' % number) is None


def test_only_what_rows_can_have_has_an_arrow_shape() -> None:
    assert isinstance(arrow_decoder_of(schema(NESTED)), ArrowDecoder)
    assert arrow_decoder_of(Schema()) is None


def test_bytes_that_are_no_text_are_refused() -> None:
    assert decoder(ABC).decode(b'[{"a":1,"b":"\xff","c":1}]') is None


TOKENS = {
    Kind.INT53: ["0", "-0", "7", "-12", "9007199254740992", "null"],
    Kind.INT64: ["1", "9223372036854775807", "null"],
    Kind.FLOAT64: ["1", "-0", "-0.0", "2.5", "1E-7", "5e-324", "0.1", "123456789.123456789", "null"],
    Kind.STRING: [
        '""',
        '"x"',
        '"a:b"',
        '"\\"q\\""',
        '"\\u003a"',
        '"Käse"',
        '"},{"',
        '"\\"a\\":1"',
        '":"',
        "null",
    ],
    Kind.BOOL: ["true", "false", "null"],
    Kind.NULL: ["null"],
}
ODD = ["9007199254740993", "1.0", "1e400", '"\\ud800"', "[]", "{}", '{"a":1}', "true", '"text"', "2.5"]


@st.composite
def alike(draw: st.DrawFn) -> tuple[dict[str, DataType], list[bytes]]:
    """Types, and texts that are mostly laid out alike."""
    types = draw(
        st.dictionaries(st.sampled_from(["a", "b", "ü:", "id"]), st.sampled_from(list(TOKENS)), min_size=1)
    )
    names = draw(st.permutations(list(types)))
    space = draw(st.sampled_from(["", "", " "]))
    texts = draw(st.lists(text_of(names, types, space), min_size=1, max_size=4))
    return types, texts  # type: ignore[return-value]  # dict is invariant


@st.composite
def text_of(draw: st.DrawFn, names: list[str], types: dict[str, Kind], space: str) -> bytes:
    records = []
    for _ in range(draw(st.integers(1, 5))):
        tokens = {name: draw(st.sampled_from(TOKENS[types[name]])) for name in names}
        before = draw(st.sampled_from(["", "", "", "", " ", "\n"]))
        pairs = [f'"{name}"{before}:{space}{token}' for name, token in tokens.items()]
        if draw(st.integers(0, 9)) == 0:
            place = draw(st.integers(0, len(pairs) - 1))
            pairs[place] = draw(
                st.sampled_from(
                    ["", f'"{names[0]}":{space}1', f'"{names[place]}":{space}{draw(st.sampled_from(ODD))}']
                )
            )
        records.append("{" + f",{space}".join(filter(None, pairs)) + "}")
    return ("[" + f",{space}".join(records) + "]").encode()


def check(columns: Columns | None, types: dict[str, DataType], text: bytes) -> None:
    """Hold columns to what a strict reader makes of the text: they may be none, but never anything else."""
    if columns is None:
        return
    records = strict_json.loads(text)
    of = schema(types)
    assert merge(of, infer(records)) == of
    arrow_types = arrow_schema(of).types
    expected = [
        repr(pa.array([record.get(name) for record in records], arrow_type).to_pylist())
        for name, arrow_type in zip(types, arrow_types, strict=True)
    ]
    assert values(columns, types) == expected
    assert [columns.record(place) for place in range(columns.size)] == records
    assert all(record in columns for record in records)


@given(alike())
@settings(max_examples=examples(300), deadline=None)
def test_columns_are_those_of_dictionaries_or_there_are_none(
    drawn: tuple[dict[str, DataType], list[bytes]],
) -> None:
    types, texts = drawn
    for columns, text in zip(decoder(types).decode_all(texts), texts, strict=True):
        check(columns, types, text)


@given(
    alike(),
    st.integers(0, 200),
    st.integers(0, 5),
    st.sampled_from(['"', ":", '":', ",", "}", "\\", "1", " "]),
)
@settings(max_examples=examples(300), deadline=None)
def test_no_damage_slips_through(
    drawn: tuple[dict[str, DataType], list[bytes]], place: int, length: int, piece: str
) -> None:
    types, texts = drawn
    text = texts[0].decode()
    damaged = (text[:place] + piece + text[place + length :]).encode()
    try:
        json.loads(damaged)
    except ValueError:
        return  # what is not well-formed is refused before
    check(decoder(types).decode(damaged), types, damaged)
