"""The columns of a table: those of the files, as others read their footers, and names that Glue takes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from awswrangler import _data_types as wrangler
from awswrangler.exceptions import UndetectedType

from de_classes.errors import UnsupportedValueError
from de_classes.pipelines.glue.columns import MAX_COMMENT, MAX_TYPE, columns_of
from de_classes.storage.datasets import DatasetCommits
from de_classes.storage.format.schema import Field, Kind, ListType, Schema, StructType, infer
from tests.fakes.glue import FakeGlue
from tests.fakes.rows_api import RowsApi
from tests.fakes.runs import BUCKET, DATASET, memory, plan, service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.storage.clients import BaseS3Client

Row = dict[str, Any]


def rows(**columns: Any) -> list[Row]:
    """Two rows; of a tuple the one value and then the other."""
    both = [{name: (v if isinstance(v, tuple) else (v, v))[n] for name, v in columns.items()} for n in (0, 1)]
    return [{"id": number, **row} for number, row in enumerate(both, 1)]


# What each of a dataset's runs brings, and the way in which the dataset takes more than one.
SCHEMAS: dict[str, tuple[str | None, list[list[Row]]]] = {
    "plain": (None, [rows(a=True, b=7, c=2.5, d="x")]),
    "integers beyond 53 bits": (None, [rows(a=2**53 + 1, b=(1, 2**62))]),
    "integers beyond 64 bits": (None, [rows(a=(1, 2**70))]),
    "values of several kinds": (None, [rows(a=(1, "x"), b=([1], {"x": 1}))]),
    "nested": (None, [rows(a={"b": {"c": [{"d": 1.5, "e": None}, {"d": 2, "e": "x"}]}})]),
    "lists of lists": (None, [rows(a=[[1, 2], []], b=[[{"x": True}]])]),
    "names in either case": (None, [rows(placedAt="x", Address={"Zip Code": "1", "CITY": "x"})]),
    "names with blanks and signs": (None, [rows(**{"Order No": 1, "ä-ö": 2, "a.b": 3})]),
    "nothing but nulls": (None, [rows(a=None, b=[], c={"d": None}, e=[None])]),
    "late, by append": ("append", [rows(a=1), rows(a=1, late={"x": 1}), rows(a=1, late={"y": "z"})]),
    "widened, by upsert": ("upsert", [rows(a=1, b=None), rows(a=2.5, b=[1]), rows(a="x", b=[2.5])]),
    "replaced, by snapshot": ("snapshot", [rows(a=1, gone="x"), rows(a=1, other=False)]),
}


def ingest(store: BaseS3Client, write: Any, runs: list[list[Row]]) -> None:
    for number, each in enumerate(runs, 1):
        keys = ("id",) if write == "upsert" else ()
        asked = plan(run_id=f"run{number}", format="parquet", write=write, key_fields=keys)
        service(store, RowsApi(each)).carry_out(asked)


def in_footers(store: BaseS3Client) -> set[tuple[tuple[str, str], ...]]:
    """The columns of every part, by what Parquet's own footer says, in the words of another library."""
    manifest = DatasetCommits(store, BUCKET, DATASET).latest()
    assert manifest is not None
    found = set()
    for part in manifest.parts:
        schema = pq.read_schema(io.BytesIO(store.get_object(BUCKET, f"{DATASET}/{part.key}")))
        found.add(tuple((each.name.lower(), athena_type(each.type).lower()) for each in schema))
    return found


def athena_type(arrow_type: Any) -> str:
    try:
        return wrangler.pyarrow2athena(arrow_type)
    except UndetectedType:
        return ""


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_catalog_read_back_has_the_columns_of_the_files(name: str) -> None:
    store, glue = memory(), FakeGlue()
    write, runs = SCHEMAS[name]
    ingest(store, write, runs)
    shown = glue.table().register(store, BUCKET, DATASET)
    (in_files,) = in_footers(store)  # all parts have one schema
    assert len(in_files) >= 2
    without_values = {column for column, kind in in_files if not kind}
    assert glue.columns() == {column: kind for column, kind in in_files if kind}
    assert {each.lower() for each in shown.left_out} == without_values
    assert shown.location.startswith(f"s3://{BUCKET}/{DATASET}/_symlink-0000000{len(runs)}/")


def test_every_kind_of_value_is_among_these_schemas() -> None:
    types = set()
    for write, runs in SCHEMAS.values():
        store = memory()
        ingest(store, write, runs)
        types |= {kind.partition("<")[0] for each in in_footers(store) for _, kind in each}
    assert types == {"", "boolean", "bigint", "double", "string", "array", "struct"}


def columns(schema: Schema) -> Mapping[str, str]:
    return {each.name: each.type for each in columns_of(schema)[0]}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"Id": 1, "id": 2}, "columns 'Id' and 'id' differ in case alone"),
        ({"a": {"B": 1, "b": 2}}, "the fields of 'a', 'B' and 'b' differ in case alone"),
        ({"a": [{"x": {"@type": 1}}]}, r"the field '@type' of 'a\[\]\.x' has a name that no type"),
        ({"a": {"x:y": 1}}, "the field 'x:y' of 'a' .*rename it, or flatten 'a'"),
        ({"a": {"": 1}}, "the field '' of 'a'"),
        ({"a": {" x": 1}}, "the field ' x' of 'a'"),
        ({"a,b": 1}, "column 'a,b' has a name that a table of Glue cannot have"),
        ({"": 1}, "column '' has a name"),
        ({"a ": 1}, "column 'a ' has a name"),
        ({"a\nb": 1}, r"column 'a\\nb' has a name"),
        ({"x" * 256: 1}, "column 'x{256}' has a name"),
    ],
)
def test_a_name_that_glue_cannot_have_is_refused_and_named(record: Row, said: str) -> None:
    with pytest.raises(UnsupportedValueError, match=said):
        columns_of(infer([record]))


def test_a_type_that_is_too_long_is_refused_and_named() -> None:
    wide = StructType(tuple(Field(f"{'x' * 600}{number}", Kind.STRING) for number in range(256)))
    with pytest.raises(UnsupportedValueError, match=rf"column 'wide' has a type of \d+ .*keeps {MAX_TYPE}"):
        columns_of(Schema((Field("wide", wide),)))


def test_a_comment_says_what_the_column_is_in_the_dataset_and_fits() -> None:
    deep = ListType(StructType(tuple(Field(f"field{number}", Kind.JSON) for number in range(100))))
    found, _ = columns_of(Schema((Field("Mixed", Kind.JSON), Field("deep", deep))))
    assert found[0].comment == "Mixed: json"
    assert found[1].comment.startswith("list<struct<field0: json, field1: json, ")
    assert len(found[1].comment) == MAX_COMMENT
