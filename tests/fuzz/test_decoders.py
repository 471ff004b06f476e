"""Every way from JSON's text to values, against the standard library's own, with exact decimals.

2,000 texts by default, 200,000 in ``make test-slow``; a text is an array of records, spelled at random.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.api.page import split
from de_classes.errors import MalformedDataError
from de_classes.storage.format.arrow_arrays import ArrowColumns
from de_classes.storage.format.arrow_decoder import ArrowDecoder, arrow_decoder_of
from de_classes.storage.format.blocks import RecordBlock
from de_classes.storage.format.decoders import cell_decoder_of, decoder_of, line_decoder_of
from de_classes.storage.format.schema import infer, merge
from de_classes.utils import strict_json
from de_classes.utils.strict_json import Number
from tests.fakes.written import exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.format.blocks import ColumnDecoder, Columns
    from de_classes.storage.format.schema import Schema

SPACES = ["", "", "", "", "", " ", "\n", "\t ", "\r\n"]
NAMES = ["id", "v", "a", "b c", "é", "x:y", 'q"', "\\", "", "__proto__"]
FRACTIONS = ["0.5", "1.0", "2.50", "100.10", "-0.0", "0.30000000000000004", "0.1234567890123456789"]
FAR = ["1e5", "1E+2", "-1.5e-7", "5e-324", "1e-400", "1.7976931348623157e308", "12345678901234567.89", "1e22"]
INTEGERS = ["0", "-0", "7", "-12", "9007199254740993", "9223372036854775808", "1180591620717411303425"]
TEXTS = [
    "",
    "x",
    "a:b",
    '\\"',
    "\\\\",
    "\\u00e9",
    "\\ud83d\\ude00",
    "é😀",
    '},{\\"id\\":',
    "1.50",
    "\\u003a",
    "=1",
]
MOST_DEEP = 3
REFUSED_NUMBERS = ["1e400", "-1e999"]
REFUSED_TEXTS = ["\\ud800", "x\\udc00y"]


class Spelling:
    """Spells records; each text has a taste of its own, so that many are alike and some are not."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._spaces = SPACES if self._chance.random() < 0.3 else [self._chance.choice(["", "", " "])]
        self._names = self._chance.sample(NAMES, self._chance.randint(1, 4))
        self._kinds = {name: self._chance.choice(KINDS) for name in self._names}
        self._strangeness = self._chance.choice([0.0, 0.0, 0.0, 0.02, 0.2])

    def text(self) -> bytes:
        records = [self._record() for _ in range(self._chance.choice([0, 1, 2, 3, 8, 30]))]
        return self._listed("[", records, "]").encode()

    def _space(self) -> str:
        return self._chance.choice(self._spaces)

    def _odd(self) -> bool:
        return self._chance.random() < self._strangeness

    def _listed(self, opening: str, items: list[str], closing: str) -> str:
        between = f"{self._space()},{self._space()}"
        return f"{opening}{self._space()}{between.join(items)}{self._space()}{closing}"

    def _record(self) -> str:
        names = list(self._names)
        if self._odd():
            self._chance.shuffle(names)
        if self._odd():
            names.append(self._chance.choice(NAMES))
        if self._odd():
            names.pop()
        members = [f"{self._name(name)}{self._space()}:{self._space()}{self._value(name)}" for name in names]
        return self._listed("{", members, "}")

    def _name(self, name: str) -> str:
        spelled = json.dumps(name, ensure_ascii=False)
        return f'"\\u{ord(name[0]):04x}{json.dumps(name[1:])[1:]}' if name and self._odd() else spelled

    def _value(self, name: str) -> str:
        kind = self._chance.choice(KINDS) if self._odd() else self._kinds.get(name, "text")
        return self._of(kind, depth=0)

    def _of(self, kind: str, *, depth: int) -> str:
        if kind == "list":
            item = self._chance.choice(KINDS[:4])
            items = [self._of(item, depth=depth + 1) for _ in range(self._chance.randint(0, 3))]
            return self._listed("[", items, "]")
        if kind == "object" and depth < MOST_DEEP:
            names = self._chance.sample(NAMES, self._chance.randint(0, 2))
            kinds = [self._chance.choice(KINDS) for _ in names]
            parts = zip(names, kinds, strict=True)
            inner = [f"{self._name(name)}:{self._of(kind, depth=depth + 1)}" for name, kind in parts]
            return self._listed("{", inner, "}")
        return "null" if self._odd() else self._chance.choice(self._scalars(kind))

    def _scalars(self, kind: str) -> list[str]:
        odd = self._odd()
        texts = [f'"{text}"' for text in (*TEXTS, *(REFUSED_TEXTS if odd else []))]
        return {
            "fraction": [*FRACTIONS, *INTEGERS[:4], self._random_fraction()],
            "far": [*FAR, *(REFUSED_NUMBERS if odd else [])],
            "integer": INTEGERS if odd else INTEGERS[:4],
            "text": texts,
            "bool": ["true", "false"],
        }.get(kind, ["null"])

    def _random_fraction(self) -> str:
        whole, digits = self._chance.randint(-999, 999), self._chance.randint(1, 20)
        return f"{whole}.{self._chance.randrange(10**digits):0{digits}}"


KINDS = ["fraction", "far", "integer", "text", "bool", "list", "object", "null"]


def expected(text: bytes) -> tuple[Any, bool]:
    """What the standard library makes of it, and whether our policy refuses that."""
    refuses = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal refuses
        refuses |= len(dict(found)) != len(found)
        return dict(found)

    def number(spelled: str) -> Decimal:
        nonlocal refuses
        refuses |= abs(float(spelled)) == float("inf")
        return Decimal(spelled)

    value = json.loads(text, parse_float=number, object_pairs_hook=pairs)
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        refuses = True
    return value, refuses


def straight(text: bytes, records: list[Any]) -> Iterator[tuple[str, Columns | None, tuple[str, ...]]]:
    """The columns by every shape that there is for these records."""
    schema = infer(records)
    for name, shape in shapes(schema).items():
        if shape is not None:
            yield name, shape.decode(text), schema.names


def shapes(schema: Schema) -> dict[str, ColumnDecoder | None]:
    """Every way to decode under a schema."""
    rows = decoder_of(schema)
    has_arrays = rows is not None and isinstance(arrow_decoder_of(schema), ArrowDecoder)
    return {
        "rows": rows,
        "lines": line_decoder_of(schema),
        "cells": cell_decoder_of(schema),
        "arrow": ArrowDecoder(schema, rows, worth_it=1) if rows and has_arrays else None,
    }


def held(value: Any) -> Any:
    """What a column of floats holds of a value: of an integer or a decimal, the float."""
    return float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def check_cut(text: bytes, met: Counter[str]) -> None:
    """In an answer it is cut out as it stands, and what stands around it is whole."""
    page = split(b'{"total":1.50,"data":' + text + b' ,"next":null}', ("data",))
    met[f"answer: {'not so' if page is None else 'cut'}"] += 1
    if page is not None:
        assert page.records == text
        assert exact(page.rest) == exact({"total": Decimal("1.50"), "data": [], "next": None})


def check(text: bytes, met: Counter[str]) -> None:
    value, refuses = expected(text)
    check_cut(text, met)
    try:
        found = strict_json.loads(text)
    except MalformedDataError:
        assert refuses, text
        met["refused"] += 1
        with pytest.raises(MalformedDataError):
            strict_json.loads(text.decode())
        return
    assert not refuses, text
    assert exact(found) == exact(value), text
    assert exact(strict_json.loads(text.decode())) == exact(value), text
    assert exact(json.loads(strict_json.dumps(found), parse_float=Decimal)) == exact(value), text
    lines = RecordBlock(text).lines(0, len(value)).splitlines()
    assert [exact(json.loads(line, parse_float=Decimal)) for line in lines] == exact(value), text
    for name, columns, names in straight(text, found):
        met[f"{name}: {'not so' if columns is None else 'straight'}"] += 1
        if columns is not None:
            check_columns(name, columns, names, value)
            if columns.lines is not None:
                met[f"{name}: made"] += 1
                assert columns.lines == RecordBlock(text).lines(0, len(value)), text
    check_narrower(text, found)


def check_narrower(text: bytes, records: list[Any]) -> None:
    """Under the schema of some records, what brings more is refused, and what an array would change."""
    schema = infer(records[: len(records) // 2])
    for name, shape in shapes(schema).items():
        columns = None if shape is None else shape.decode(text)
        if columns is not None:
            assert merge(schema, infer(records)) == schema, (name, text)
        if isinstance(columns, ArrowColumns):
            assert not has_rounded(records), text


def has_rounded(value: Any) -> bool:
    """Whether a number among some values is not the float that holds it."""
    if isinstance(value, dict | list):
        return any(map(has_rounded, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Number) and value.is_rounded


def check_columns(name: str, columns: Columns, names: tuple[str, ...], value: list[dict[str, Any]]) -> None:
    assert columns.size == len(value)
    for column, values in zip(names, columns.dense(0, columns.size), strict=True):
        wanted = [record.get(column) for record in value]
        if name == "cells":
            assert list(map(exact, map(read_cell, values))) == list(map(exact, wanted))
        elif name == "rows":
            assert _without_nulls(list(map(exact, values))) == _without_nulls(list(map(exact, wanted)))
        else:  # arrays hold floats; and of lines nobody takes the columns
            plain = values.to_pylist() if hasattr(values, "to_pylist") else list(values)
            assert repr(_floats(plain)) == repr(_floats(wanted))


def read_cell(value: Any) -> Any:
    return json.loads(bytes(value), parse_float=Decimal) if isinstance(value, msgspec.Raw) else value


def _without_nulls(value: Any) -> Any:
    """An absent key within an object is a null in a table."""
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part != ("NoneType", None)}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((name, _floats(part)) for name, part in value.items() if part is not None)
    return list(map(_floats, value)) if isinstance(value, list | tuple) else held(value)


def check_many(texts: int, first: int) -> Counter[str]:
    met: Counter[str] = Counter()
    for seed in range(first, first + texts):
        check(Spelling(seed).text(), met)
    return met


def test_decoders_agree_with_the_standard_library_on_2_000_texts() -> None:
    met = check_many(2_000, first=0)
    assert min(met["refused"], met["rows: straight"], met["rows: not so"], met["arrow: straight"]) > 20
    assert met["lines: made"] > 20
    assert met["answer: cut"] > 1_900


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
def test_decoders_agree_with_the_standard_library_on_200_000_texts(share: int) -> None:
    met = check_many(50_000, first=2_000 + 50_000 * share)
    assert min(met["refused"], met["rows: straight"], met["arrow: straight"], met["lines: made"]) > 500
