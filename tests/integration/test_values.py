"""What a source's values become, over whole runs, in every format and mode, as other readers see it."""

from __future__ import annotations

import csv
import io
import itertools
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import PageNumberPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.ingest import summary
from de_classes.runs.api_data_service import ApiDataService
from de_classes.storage.format import DataFormatService
from de_classes.storage.format.codec import format_names
from de_classes.storage.format.pinned import PinnedSchema
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock
from tests.fakes.every import every
from tests.fakes.runs import BASE, BUCKET, LOGGER, KilledError, memory, plan, service
from tests.fakes.transports import FakeTransport

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients import BaseS3Client

NUMBERS = [
    "12345678901234567.89",
    "0.1234567890123456789",
    "100.10",
    "1.00",
    "0.30000000000000004",
    "-0.0",
    "2.5",
    "9007199254740993.5",
    "123456789.123456789",
    "7",
    "0.5",
]
ROUNDED = {
    "12345678901234567.89",
    "0.1234567890123456789",
    "9007199254740993.5",
    "123456789.123456789",
}
WHERE = {
    "flat": '{{"id":{},"v":{}}}',
    "nested": '{{"id":{},"o":{{"v":[{}]}}}}',
    "list": '{{"id":{},"v":[{}]}}',
}
MODES = ["object", "dataset", "resumed", "keys", "widened"]
CASES = [*itertools.product(WHERE, MODES), ("flat", "pinned")]
PINNED = {"id": "int64", "v": "float64"}


def source(records: list[str], *, limit: int = 2) -> FakeTransport:
    """Records as they are spelled, so many a page."""

    def answer(request: HttpRequest) -> HttpResponse:
        number = int(request.params["page"])
        own = ",".join(records[(number - 1) * limit : number * limit])
        pages = -(-len(records) // limit)
        body = f'{{"data":[{own}],"page":{number},"total_pages":{pages},"total_records":{len(records)}}}'
        return HttpResponse(200, {"content-type": "application/json"}, body.encode())

    return FakeTransport(answer)


def run(store: BaseS3Client, records: list[str], name: str, mode: str = "dataset") -> IngestReceipt:
    """Fetch and store them."""
    if mode == "object":
        client = UnstableAPIClient(
            Endpoint.at(f"{BASE}/data", pagination=PageNumberPagination(echo_path="page")),
            None,
            LOGGER,
            limits=ClientLimits(retry_policy=RetryPolicy(max_attempts=2)),
            runtime=ClientRuntime(transport=source(records), clock=ManualClock()),
        )
        storage = StorageDataService(store, DataFormatService(), LOGGER)
        return ApiDataService(client, storage, LOGGER).fetch_all_to_storage(BUCKET, f"o.{name}", limit=2)
    options: dict[str, Any] = {
        "keys": {"key_fields": ("id",)},
        "pinned": {"pinned": PinnedSchema.parse(PINNED)},
    }.get(mode, {})
    wanted = plan(format=name, limit=2, **options)
    if mode == "resumed":
        with pytest.raises(KilledError):
            service(store, source(records), part_pages=1, die_after=4).carry_out(wanted)
    return service(store, source(records), part_pages=1).carry_out(wanted)


def texts(store: BaseS3Client, receipt: IngestReceipt) -> list[str]:
    return [store.get_object(BUCKET, part.key).decode() for part in receipt.parts]


def numbers_in(value: object) -> list[str]:
    """The numbers of ``v`` in a value that was read with every number as text."""
    if isinstance(value, dict):
        return [found for name, part in value.items() if name in {"v", "o"} for found in numbers_in(part)]
    if isinstance(value, list):
        return [found for part in value for found in numbers_in(part)]
    return [value] if isinstance(value, str) else []


def read_text(name: str, text: str) -> list[str]:
    """By the standard library alone, every number as it is spelled."""

    def loads(part: str) -> Any:
        return json.loads(part, parse_float=str, parse_int=str)

    if name == "json":
        return numbers_in(loads(text))
    if name == "jsonl":
        return [found for line in text.splitlines() for found in numbers_in(loads(line))]
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    cells = [row[column] for row in rows for column in range(len(header)) if header[column] in {"v", "o"}]
    return [found for cell in cells if cell for found in numbers_in(loads(cell))]


@every("where, mode", CASES)
@every("name", ["json", "jsonl", "csv"])
def test_F91_formats_of_text_keep_every_digit(name: str, where: str, mode: str) -> None:
    records = [WHERE[where].format(number, text) for number, text in enumerate(NUMBERS)]
    if mode == "widened":  # a column that comes late has CSV written again
        records[-1] = records[-1][:-1] + ',"late":"x"}'
    store = memory()
    receipt = run(store, records, name, mode)
    assert [found for text in texts(store, receipt) for found in read_text(name, text)] == NUMBERS
    assert receipt.rounded == {}


@pytest.mark.parametrize(("where", "mode"), CASES)
def test_F91_parquet_says_how_many_numbers_it_rounded(where: str, mode: str) -> None:
    records = [WHERE[where].format(number, text) for number, text in enumerate(NUMBERS)]
    if mode == "widened":
        records[-1] = records[-1][:-1] + ',"late":"x"}'
    store = memory()
    receipt = run(store, records, "parquet", mode)
    column = "o" if where == "nested" else "v"
    assert receipt.rounded == {column: len(ROUNDED)}
    found = [
        value if where == "flat" else value[0] if where == "list" else value["v"][0]
        for part in receipt.parts
        for value in pq.read_table(io.BytesIO(store.get_object(BUCKET, part.key)))[column].to_pylist()
    ]
    assert found == list(map(float, NUMBERS))
    assert f"rounded:  {column}: {len(ROUNDED)} numbers" in summary(receipt)


def test_F91_parquet_says_so_of_large_pages_too() -> None:
    """Those that are decoded into arrays at once."""
    records = [
        f'{{"id":{number},"v":{number}.25,"w":0.123456789012345{number:05}}}' for number in range(4000)
    ]
    rounded = sum(Decimal(each["w"]) != Decimal(repr(float(each["w"]))) for each in map(_as_text, records))
    store = memory()
    receipt = service(store, source(records, limit=1000)).carry_out(plan(format="parquet", limit=1000))
    assert receipt.rounded == {"w": rounded}
    assert rounded > 3000


def _as_text(record: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(record, parse_float=str)
    return found


@pytest.mark.parametrize("name", format_names())
def test_F91_numbers_that_floats_hold_are_no_matter(name: str) -> None:
    records = [f'{{"id":{number},"v":{number / 7!r}}}' for number in range(50)]
    assert run(memory(), records, name).rounded == {}


@every("name", format_names())
@every(
    "values, said",
    [
        (['"x"', "1"], "v: string -> json"),
        (["1", '"x"'], "v: int64 -> json"),
        (["1", "2.5"], "v: int64 -> float64"),
        (["null", "1", "true"], "v: int64 -> json"),
        (["[1]", '["x"]'], "v[]: int64 -> json"),
        (['{"a":1}', '{"a":"x"}'], "v.a: int64 -> json"),
        (['{"a":1}', '{"b":2}'], None),
        (["1", "2"], None),
        (["null", "1"], None),
    ],
)
def test_F92_a_column_that_widens_within_a_page_is_reported(
    name: str, values: list[str], said: str | None
) -> None:
    records = [f'{{"id":{number},"v":{value}}}' for number, value in enumerate(values)]
    store = memory()
    receipt = service(store, source(records, limit=9)).carry_out(plan(format=name, limit=9))
    assert receipt.widenings == ([said] if said else [])


@pytest.mark.parametrize(
    "values", [["1", "null", "3"], ["null"], ["null", "null"], ['"a"', "null", '"b"'], ["true", "null"]]
)
def test_F93_a_null_alone_in_its_row_is_a_row_to_all_readers(values: list[str], tmp_path: Path) -> None:
    store = memory()
    receipt = run(store, [f'{{"v":{value}}}' for value in values], "csv", "object")
    path = tmp_path / "v.csv"
    path.write_bytes(store.get_object(BUCKET, receipt.key))
    wanted = [json.loads(value) for value in values]
    frame = pd.read_csv(path)
    assert [None if pd.isna(each) else each for each in frame["v"].tolist()] == wanted
    with duckdb.connect() as connection:
        found = connection.execute(f"select v from read_csv('{path}', header = true)").fetchall()  # noqa: S608
    assert [row[0] for row in found] == wanted
    own = StorageDataService(store, DataFormatService(), LOGGER).download_df(BUCKET, receipt.key)
    assert [None if pd.isna(each) else each for each in own["v"].tolist()] == wanted


def test_F93_an_empty_text_alone_in_its_row_is_told_apart_from_a_null() -> None:
    store = memory()
    receipt = run(store, ['{"v":""}', '{"v":null}', '{"v":"\\"\\""}', '{"v":"a"}'], "csv", "object")
    own = StorageDataService(store, DataFormatService(), LOGGER).download_df(BUCKET, receipt.key)
    assert [None if pd.isna(each) else each for each in own["v"].tolist()] == ["", None, '""', "a"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1", '"x"'], "as JSON:  v"),
        (["{}", "{}"], "as JSON:  v"),
        (["[{}]", "[{}]"], "as JSON:  within v: list<json>"),
        (["1", "2"], None),
    ],
)
def test_F94_a_column_that_parquet_holds_as_json_text_is_named(values: list[str], said: str | None) -> None:
    receipt = run(memory(), [f'{{"v":{value}}}' for value in values], "parquet", "object")
    found = [line for line in summary(receipt).splitlines() if line.startswith("as JSON")]
    assert found == ([said] if said else [])
    assert ("json" in receipt.columns["v"]) == (said is not None)
