"""What a table holds of a dataset, in every format: each value as it came, or an error that names it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.errors import InvalidInputError, MalformedDataError, UnsupportedValueError
from de_classes.storage.datasets import DatasetCommits
from de_classes.storage.format.schema import Schema as Columns
from de_classes.storage.format.schema import infer
from de_classes.utils.strict_json import Number
from tests.fakes.datasets import BUCKET, DATASET, commit, make_manifest

if TYPE_CHECKING:
    from de_classes.storage.clients import LocalClient
    from tests.fakes.postgres import Schema

FORMATS = ("csv", "json", "jsonl", "parquet")
EVERY = [
    {
        "id": 1,
        "text": "",
        "whole": 2**63 - 1,
        "part": 0.1,
        "yes": True,
        "tags": ["a", None],
        "mixed": 1,
        "none": None,
    },
    {
        "id": 2,
        "text": "NULL",
        "whole": -(2**63),
        "part": 1e300,
        "yes": False,
        "tags": [],
        "mixed": "1",
        "none": None,
    },
    {
        "id": 3,
        "text": None,
        "whole": None,
        "part": None,
        "yes": None,
        "tags": None,
        "mixed": None,
        "none": None,
    },
    {
        "id": 4,
        "text": 'a "b",\r\n\\.\n\\N\t\u00e4\U0001f600',
        "whole": 0,
        "part": -2.5,
        "yes": True,
        "tags": ['"'],
        "mixed": {"a": [1, None]},
        "none": None,
    },
    {
        "id": 5,
        "text": "\\.",
        "whole": 7,
        "part": 3.0,
        "yes": None,
        "tags": [""],
        "mixed": 10**40,
        "none": None,
    },
]


@pytest.fixture(params=FORMATS, name="format_name")
def each_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def load(
    store: LocalClient,
    schema: Schema,
    records: list[dict[str, Any]],
    format_name: str = "jsonl",
    **options: Any,
) -> None:
    commit(store, [records], format=format_name)
    schema.loader(**options).load_dataset(store, BUCKET, DATASET)


def test_every_kind_of_value_comes_back_as_it_was(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    load(store, schema, EVERY, format_name)
    assert schema.types() == {
        "id": "bigint",
        "text": "text",
        "whole": "bigint",
        "part": "double precision" if format_name == "parquet" else "numeric",
        "yes": "boolean",
        "tags": "jsonb",
        "mixed": "jsonb",
        "none": "text",
    }
    assert schema.rows() == EVERY if format_name == "parquet" else exact(EVERY)


def exact(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "part": each["part"] and Decimal(repr(each["part"]))} for each in records]


def test_a_null_is_null_and_the_empty_text_is_empty_also_where_they_are_alone_in_a_row(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    load(store, schema, [{"text": ""}, {"text": None}, {"text": "x"}], format_name)
    assert schema.ask("SELECT count(*), count(text), count(*) FILTER (WHERE text = '') FROM orders") == [
        (3, 2, 1)
    ]


@pytest.mark.parametrize("format_name", ["csv", "json", "jsonl"])
def test_a_number_keeps_every_digit_where_the_format_does(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    load(
        store,
        schema,
        [{"id": 1, "v": Number("0.1234567890123456789")}, {"id": 2, "v": Number("100.10")}],
        format_name,
    )
    assert schema.ask("SELECT v::text FROM orders ORDER BY id") == [("0.1234567890123456789",), ("100.10",)]


def test_an_integer_beyond_64_bits_is_kept_as_json_or_as_the_numeric_that_is_asked_for(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    records = [{"id": 1, "v": 2**63}, {"id": 2, "v": -(2**64)}]
    load(store, schema, records, format_name)
    assert (schema.types()["v"], schema.rows()) == ("jsonb", records)
    schema.loader("exact", types={"v": "numeric"}).load_dataset(store, BUCKET, DATASET)
    assert schema.rows("exact") == records


def test_a_type_that_is_asked_for_is_the_servers_to_read(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    records = [{"id": 1, "at": "2026-01-01T00:30:00+01:00", "day": "2026-02-03", "raw": {"b": 1}}]
    types = {"at": "timestamptz", "day": "date", "raw": "text"}
    load(store, schema, records, format_name, types=types)
    assert schema.ask("SELECT at = '2025-12-31 23:30Z', day, raw::jsonb FROM orders")[0][0] is True
    assert schema.types()["at"] == "timestamp with time zone"
    assert schema.ask("SELECT raw::jsonb = '{\"b\": 1}' FROM orders") == [(True,)]


def test_a_time_without_a_zone_is_utc(store: LocalClient, schema: Schema) -> None:
    load(store, schema, [{"id": 1, "at": "2026-01-01T00:30:00"}], types={"at": "timestamptz"})
    assert schema.ask("SELECT at = '2026-01-01 00:30Z' FROM orders") == [(True,)]


def test_a_value_that_is_none_of_the_type_asked_for_names_row_and_column_and_not_itself(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    records = [{"id": 1, "at": "2026-01-01"}, {"id": 2, "at": "hunter2"}]
    with pytest.raises(UnsupportedValueError, match=r"row 2, column 'at'.*--type") as told:
        load(store, schema, records, format_name, types={"at": "timestamptz"})
    assert "hunter2" not in str(told.value)
    assert schema.rows() == []


@pytest.mark.parametrize("value", ["a\0b", ["a\0b"], {"x": {"\0": 1}}], ids=["text", "list", "object"])
def test_a_nul_character_is_refused_by_column_and_row(
    store: LocalClient, schema: Schema, format_name: str, value: object
) -> None:
    records = [{"id": 1, "v": None}, {"id": 2, "v": value}]
    with pytest.raises(UnsupportedValueError, match=r"row 2.*NUL.*column 'v': cast or drop it"):
        load(store, schema, records, format_name)
    assert schema.rows() == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_no_dataset_has_a_number_that_is_none_and_a_pipeline_that_has_one_loads_nothing(
    schema: Schema, number: float
) -> None:
    with pytest.raises(UnsupportedValueError):
        schema.loader().load([[{"id": 1, "v": number}]])
    assert "orders" not in schema.relations()


NAMES = [
    "select",
    "Name",
    "name",
    "NAME",
    "a b",
    'q"uote',
    "100%",
    "{0}",
    "%s",
    "a.b",
    "\u00e4" * 31,
    "--",
    "'; DROP TABLE x; --",
]


def test_names_are_what_they_are_reserved_or_not_and_in_either_case(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    record = {"id": 1, **{name: place for place, name in enumerate(NAMES)}}
    load(store, schema, [record], format_name)
    assert schema.rows() == [record]
    by_key = schema.loader("by%s key", key_fields=["100%", "select"])
    by_key.load_dataset(store, BUCKET, DATASET)
    assert schema.rows("by%s key") == [record]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 64, "64 bytes"),
        ("\u00e4" * 32, "64 bytes"),
        ("", "cannot have"),
        ("a\0b", "cannot have"),
        ("ctid", "ctid or xmin"),
    ],
)
def test_a_name_that_postgresql_would_change_or_cannot_have_is_refused(
    store: LocalClient, schema: Schema, name: str, reason: str
) -> None:
    with pytest.raises((UnsupportedValueError, InvalidInputError), match=reason):
        load(store, schema, [{"id": 1, name: 1}])
    with pytest.raises(UnsupportedValueError, match="64 bytes"):
        schema.loader("x" * 64)


def test_a_table_takes_1600_columns_and_not_one_more(store: LocalClient, schema: Schema) -> None:
    wide = {"id": 1, **{f"c{place}": place % 2 == 0 for place in range(1599)}}
    load(store, schema, [wide])
    assert schema.rows() == [wide]
    schema.loader("by_key", key_fields=["id"]).load_dataset(store, BUCKET, DATASET)
    assert schema.rows("by_key") == [wide]
    commit(store, [[{**wide, "one": 1}]], generation=2, run_id="next")
    with pytest.raises(UnsupportedValueError, match="1601 columns"):
        schema.loader().load_dataset(store, BUCKET, DATASET)


def test_a_row_that_no_page_of_the_server_holds_is_refused(store: LocalClient, schema: Schema) -> None:
    with pytest.raises(UnsupportedValueError, match="select less"):
        load(store, schema, [{f"c{place}": place for place in range(1600)}])


def test_records_without_fields_are_no_rows(store: LocalClient, schema: Schema) -> None:
    with pytest.raises(UnsupportedValueError, match="without any field"):
        load(store, schema, [{}])


def test_a_dataset_without_records_is_a_table_without_rows(store: LocalClient, schema: Schema) -> None:
    commit(store, [], schema=infer([{"id": 1, "text": "x"}]))
    schema.loader().load_dataset(store, BUCKET, DATASET)
    assert (schema.types(), schema.rows()) == ({"id": "bigint", "text": "text"}, [])


def test_a_dataset_without_columns_is_a_table_without_any(store: LocalClient, schema: Schema) -> None:
    commit(store, [], schema=Columns())
    for _ in range(2):
        assert schema.loader().load_dataset(store, BUCKET, DATASET).records == 0
    assert schema.types() == {}


# How a table changes as its dataset does.


def replaced(
    store: LocalClient, records: list[dict[str, Any]], format_name: str, generation: int = 2
) -> None:
    commit(store, [records], format=format_name, generation=generation, run_id=f"run{generation}")


@dataclass(frozen=True)
class Wider:
    """A value before and one after, the type that holds both, and the first one as it is then."""

    before: object
    after: object
    type: str
    kept: object


WIDER = {
    "int to float": Wider(3, 2.5, "double precision", 3.0),
    "large int to float": Wider(2**53 + 1, 2.5, "numeric", Decimal(2**53 + 1)),
    "float to large int": Wider(0.1, 2**53 + 1, "numeric", Decimal("0.1")),
    "float to int": Wider(0.1, 2, "double precision", 0.1),
    "text to json": Wider("a", {"b": 1}, "jsonb", "a"),
    "bool to json": Wider(before=True, after=[1], type="jsonb", kept=True),
    "int to json": Wider(2**63 - 1, 2**63, "jsonb", 2**63 - 1),
    "float to json": Wider(0.1, ["x"], "jsonb", 0.1),
    "json to text": Wider({"b": 1}, "a", "jsonb", {"b": 1}),
    "null to int": Wider(None, 1, "bigint", None),
    "int to null": Wider(1, None, "bigint", 1),
}


@pytest.mark.parametrize("case", WIDER.values(), ids=WIDER)
def test_by_key_a_column_is_widened_where_nothing_is_lost(
    store: LocalClient, schema: Schema, case: Wider
) -> None:
    commit(store, [[{"id": 1, "v": case.before}]], format="parquet")
    loader = schema.loader(key_fields=["id"])
    loader.load_dataset(store, BUCKET, DATASET)
    replaced(store, [{"id": 2, "v": case.after, "late": "x"}], "parquet")
    loader.load_dataset(store, BUCKET, DATASET)
    assert schema.types()["v"] == case.type
    assert schema.rows() == [{"id": 1, "v": case.kept, "late": None}, {"id": 2, "v": case.after, "late": "x"}]


@pytest.mark.parametrize(("before", "after"), [(1, "a"), ("a", 1), (True, 1), (True, "a"), (1.5, "x")])
def test_by_key_a_column_that_would_lose_something_is_refused_and_stays(
    store: LocalClient, schema: Schema, before: object, after: object
) -> None:
    load(store, schema, [{"id": 1, "v": before}], "parquet", key_fields=["id"])
    replaced(store, [{"id": 2, "v": after}], "parquet")
    with pytest.raises(UnsupportedValueError, match=r"column 'v' is .* neither holds both"):
        schema.loader(key_fields=["id"]).load_dataset(store, BUCKET, DATASET)
    assert schema.rows() == [{"id": 1, "v": before}]


def test_a_commit_that_replaces_another_may_have_any_other_types(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    load(store, schema, [{"id": 1, "v": 1, "gone": True}], format_name)
    replaced(store, [{"id": 2, "v": "text", "late": [1]}], format_name)
    schema.loader().load_dataset(store, BUCKET, DATASET)
    assert schema.rows() == [{"id": 2, "v": "text", "gone": None, "late": [1]}]


# Keys.


def test_by_key_the_last_of_a_key_counts_within_a_part_and_over_parts(
    store: LocalClient, schema: Schema, format_name: str
) -> None:
    pages = [
        [{"id": 1, "at": "a", "v": 1}, {"id": 1, "at": "a", "v": 2}, {"id": 1, "at": "b", "v": 3}],
        [{"id": 1, "at": "b", "v": 4}, {"id": 2, "at": "a", "v": 5}],
    ]
    commit(store, pages, format=format_name)
    schema.loader(key_fields=["id", "at"]).load_dataset(store, BUCKET, DATASET)
    assert sorted(row["v"] for row in schema.rows()) == [2, 4, 5]


def test_by_a_key_of_all_fields_a_record_that_is_there_stays(store: LocalClient, schema: Schema) -> None:
    load(store, schema, [{"id": 1}, {"id": 2}], key_fields=["id"])
    replaced(store, [{"id": 2}, {"id": 3}], "jsonl")
    schema.loader(key_fields=["id"]).load_dataset(store, BUCKET, DATASET)
    assert schema.ids() == [1, 2, 3]


def test_a_record_without_its_key_is_refused(store: LocalClient, schema: Schema) -> None:
    with pytest.raises(UnsupportedValueError, match=r"column 'id'.*a key field must have a value"):
        load(store, schema, [{"id": 1, "v": 1}, {"id": None, "v": 2}], key_fields=["id"])
    assert schema.rows() == []


def test_a_key_that_is_no_column_is_a_mistake(store: LocalClient, schema: Schema) -> None:
    with pytest.raises(InvalidInputError, match="--key-field: there is no column 'nr'"):
        load(store, schema, [{"id": 1}], key_fields=["nr"])


def test_by_key_a_table_of_ones_own_keeps_its_rows_and_types(store: LocalClient, schema: Schema) -> None:
    schema.do(f"CREATE SCHEMA {schema.name}")
    schema.do(
        "CREATE TABLE orders (id integer PRIMARY KEY, v varchar, at timestamptz, own text DEFAULT 'mine')"
    )
    schema.do("INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    load(store, schema, [{"id": 2, "v": "B", "at": "2026-01-01T00:00:00Z"}], key_fields=["id"])
    assert [(row["id"], row["v"], row["own"]) for row in schema.rows()] == [
        (1, "a", "mine"),
        (2, "B", "mine"),
    ]


def test_a_table_of_ones_own_without_that_key_says_what_it_lacks(store: LocalClient, schema: Schema) -> None:
    schema.do(f"CREATE SCHEMA {schema.name}")
    schema.do("CREATE TABLE orders (id bigint, v bigint)")
    with pytest.raises(InvalidInputError, match="no unique index"):
        load(store, schema, [{"id": 2, "v": 1}], key_fields=["id"])


def test_a_table_of_ones_own_with_rows_is_not_replaced(store: LocalClient, schema: Schema) -> None:
    schema.do(f"CREATE SCHEMA {schema.name}")
    schema.do("CREATE TABLE orders (id bigint)")
    schema.do("INSERT INTO orders VALUES (1)")
    with pytest.raises(InvalidInputError, match="has rows that no load has written"):
        load(store, schema, [{"id": 2}])
    assert schema.ids() == [1]


def test_a_part_with_another_number_of_records_than_the_manifest_says_is_not_loaded(
    store: LocalClient, schema: Schema
) -> None:
    """A part cannot be changed without its hash; a manifest can be wrong from the beginning."""
    manifest = make_manifest(store, [[{"id": 1}]])
    parts = tuple(msgspec.structs.replace(part, records=2) for part in manifest.parts)
    DatasetCommits(store, BUCKET, DATASET).commit(msgspec.structs.replace(manifest, parts=parts, records=2))
    with pytest.raises(MalformedDataError, match="1 records, where the manifest says 2"):
        schema.loader().load_dataset(store, BUCKET, DATASET)
    assert schema.rows() == []
