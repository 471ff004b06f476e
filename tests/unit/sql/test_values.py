from __future__ import annotations

from typing import Any

import duckdb
import pytest

from de_classes.errors import UnsupportedValueError
from de_classes.sql.values import converted, converter
from de_classes.utils import strict_json


def answer(expression: str) -> Any:
    with duckdb.connect() as connection:
        asked = connection.execute(f"SELECT {expression} AS v")
        ((_, kind, *_),) = asked.description or []
        ((value,),) = converted(asked.fetchall(), [converter("v", kind)])
    return value


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1::UTINYINT", "1"),
        ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
        ("sum(2) FROM range(3)", "6"),
        ("12.50", "12.50"),
        ("1::DECIMAL(38, 0)", "1"),
        ("0.5::DOUBLE", "0.5"),
        ("true", "true"),
        ("NULL", "null"),
        ("NULL::DOUBLE", "null"),
        ("'a'::ENUM('a')", '"a"'),
        ("DATE '2026-11-30'", '"2026-11-30"'),
        ("TIMESTAMP '2026-11-30 01:02:03.5'", '"2026-11-30T01:02:03.500000"'),
        ("TIME '01:02:03'", '"01:02:03"'),
        ("'00000000-0000-0000-0000-000000000001'::UUID", '"00000000-0000-0000-0000-000000000001"'),
        ("'\\xFF\\x00'::BLOB", '"ff00"'),
        ("""'{"a": [1, 1e2]}'::JSON""", '{"a":[1,1e2]}'),
        ("['1'::JSON, NULL]", "[1,null]"),
        ("{'a': 1, 'b': {'c': '\"x\"'::JSON}}", '{"a":1,"b":{"c":"x"}}'),
        ("MAP {1: '2'::JSON, 2: NULL}", '{"1":2,"2":null}'),
        ("array_value(1.5, 2)", "[1.5,2.0]"),
        ("row(1, 1.50)", "[1,1.50]"),
    ],
)
def test_a_value_becomes_json(expression: str, text: str) -> None:
    assert strict_json.dumps(answer(expression)) == text


@pytest.mark.parametrize(
    "expression",
    ["INTERVAL 3 MONTHS", "now()::TIMESTAMP_NS", "['nan'::DOUBLE]", "'inf'::FLOAT", "union_value(a := 1)"],
)
def test_what_would_be_printed_as_something_else_is_refused(expression: str) -> None:
    with pytest.raises(UnsupportedValueError, match="cast it to VARCHAR"):
        answer(expression)
