"""Records and columns that formats get wrong, and a comparison that forgives only what is stated."""

from __future__ import annotations

import io
import string
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
from hypothesis import strategies as st

from de_classes.storage.format.schema import MAX_STRUCT_FIELDS
from de_classes.storage.format.segmented import SegmentedWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.storage.format.codec import FormatCodec
    from de_classes.storage.format.schema import Record, Schema

assert pa.default_memory_pool()  # loaded here, so that no test's deadline pays for it

EARTHQUAKES: list[Record] = [
    {
        "type": "Feature",
        "properties": {"mag": 2, "place": "4km W of Castaic, CA", "felt": None, "time": 1517966773840},
        "geometry": {"type": "Point", "coordinates": [-118.6671667, 34, 26.49]},
        "id": "ci37868143",
    },
    {
        "type": "Feature",
        "properties": {"mag": 0.54, "place": "Zürich “Süd”", "felt": 12, "time": 1517965273890, "cdi": 1.5},
        "geometry": {"type": "Point", "coordinates": [8.5, 47.4]},
        "id": "1776",
    },
    {"type": "Feature", "properties": None, "geometry": None, "id": ""},
]

RECORD_CASES: dict[str, list[Record]] = {
    "scalars": [
        {"b": True, "i": 1, "f": 2.5, "s": "x", "n": None},
        {"b": False, "i": -1, "f": -0.5, "s": ""},
    ],
    "earthquakes": EARTHQUAKES,
    "F50_int_float_string": [{"a": 1}, {"a": 2.5}, {"a": "x"}, {"a": True}],
    "F51_late_column": [{"a": 1}, {"a": 2, "late": "x"}, {"late": "y"}],
    "F52_big_int_beside_null": [{"a": 9007199254740993}, {"a": None}, {"a": -(2**63)}],
    "F52_big_int_beside_float": [{"a": 9007199254740993}, {"a": 0.5}],
    "F53_beyond_64_bits": [{"a": 2**70}, {"a": 1}, {"a": -(2**80)}],
    "F53_empty_object": [{"a": {}}, {"a": {"x": 1}}, {"a": {}}],
    "F53_list_here_object_there": [{"a": [1]}, {"a": {"x": [1, "y"]}}, {"a": "z"}],
    "F55_csv_traps": [
        {"a": text}
        for text in (
            '"',
            '""',
            ",",
            "\n",
            "\r",
            "\r\n",
            "a\nb",
            "'",
            "",
            " ",
            "null",
            "true",
            "12",
            "{",
            "[",
            '"{',
        )
    ],
    "text_like_other_types": [
        {"a": "2024-05-01T12:00:00+00:00[UTC]"},
        {"a": "1e5"},
        {"a": "-0"},
        {"a": "NaN"},
    ],
    "unicode": [{"ключ": "日本語", "e": "é\u0301", "😀": "\u2028\u2029\x85\0\ufeff"}],
    "odd_names": [{"": 1, " ": 2, "a,b": 3, 'a"b': 4, "a\nb": 5, "=1": 6, "a.b": 7, "{": 8}],
    "empty_lists": [{"a": []}, {"a": [None]}, {"a": [1, None]}, {"a": None}],
    "nested_mixtures": [{"a": [{"x": 1}, {"x": "y"}, None]}, {"a": [{"z": [[1.5], []]}]}],
    "only_nulls": [{"a": None, "b": None}, {"a": None}],
    "one_null_column": [{"a": None}, {"a": 1}, {"a": None}],
    "floats": [{"a": 0.1}, {"a": 1e300}, {"a": 5e-324}, {"a": -0.0}, {"a": 1e16}, {"a": 1.0}],
    "map_not_struct": [  # each could be one, any two of them cannot
        {"a": {f"key{row}_{part}": part for part in range(MAX_STRUCT_FIELDS // 2 + 1)}} for row in range(3)
    ],
    "deep": [{"a": [[[[[[[[[[[[[[[[[[[["bottom"]]]]]]]]]]]]]]]]]]]]}],
}

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text('{}[]",\n\r= 1é', max_size=8)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53 - 2, 2**53 + 2)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
CELLS = _VALUES
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(string.ascii_lowercase[:4]) | _TEXT, _VALUES, min_size=1, max_size=4),
    max_size=8,
)


def write(codec: FormatCodec, pages: Sequence[Sequence[Record]], *, schema: Schema | None = None) -> bytes:
    """Write pages to one file."""
    target = io.BytesIO()
    with SegmentedWriter(codec, target, schema=schema) as writer:
        for page in pages:
            writer.write(page)
    return target.getvalue()


def read(codec: FormatCodec, data: bytes) -> list[Record]:
    """Read all records of a file."""
    return [record for batch in codec.read(io.BytesIO(data)) for record in batch]


def same(first: Any, second: Any) -> bool:
    """Equal, where an absent key is a null and 1 is 1.0; but 1 is not True."""
    if isinstance(first, dict) and isinstance(second, dict):
        return all(same(first.get(key), second.get(key)) for key in {*first, *second})
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if {type(first), type(second)} == {int, float}:
        return bool(first == second)
    return type(first) is type(second) and bool(first == second)


def same_records(first: Sequence[Record], second: Sequence[Record]) -> bool:
    """`same`, for whole tables."""
    return same(list(first), list(second))
