"""What a page says of how its data is read is run here, as it stands there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from de_classes.api.endpoint import Endpoint
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.how_to_read import MOST_NAMED, with_duckdb, with_pandas, with_polars
from de_classes.runs.api_data_service import ApiDataService
from de_classes.storage.clients import LocalClient
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from de_classes.utils.formats import FORMATS
from tests.fakes.receipts import receipt
from tests.fakes.runs import BASE, BUCKET, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.receipt import IngestReceipt

LOGGER = logging.getLogger("tests.cli")
RECORDS = 95
IDS = list(range(RECORDS))


def stored(folder: Path, name: str, parts: int | None) -> IngestReceipt:
    """A run to a folder with a difficult name: one object, or a dataset of so many parts."""
    store = LocalClient(folder / 'ada\'s "lake" ä', LOGGER)
    store.create_bucket(BUCKET)
    if parts is not None:
        run = service(store, FakePagedApi(RECORDS), part_pages=-(-10 // parts))
        return run.carry_out(plan(format=name))
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", look_back="none"), runtime=ClientRuntime(transport=FakePagedApi(RECORDS))
    )
    api = ApiDataService(client, StorageDataService(store, DataFormatService(), LOGGER), LOGGER)
    return api.fetch_all_to_storage(BUCKET, f"raw/all.{name}", name, limit=10)


@pytest.fixture(params=[None, 1, 2, 10], ids=lambda parts: f"{parts or 'object'}")
def parts(request: pytest.FixtureRequest) -> int | None:
    found: int | None = request.param
    return found


def read_by(library: str) -> list[str]:
    """The formats that a library can read."""
    return [name for name, known in FORMATS.items() if getattr(known, library) is not None]


@pytest.mark.parametrize("name", read_by("pandas"))
def test_the_lines_for_pandas_read_every_record(name: str, parts: int | None, tmp_path: Path) -> None:
    one = stored(tmp_path, name, parts)
    assert len(one.parts) == (parts or 1)
    found: dict[str, Any] = {}
    exec(with_pandas(one), found)  # noqa: S102 - what the page tells people to run
    assert found["df"]["id"].tolist() == IDS


@pytest.mark.parametrize("name", read_by("duckdb"))
def test_the_lines_for_duckdb_read_every_record(name: str, parts: int | None, tmp_path: Path) -> None:
    one = stored(tmp_path, name, parts)
    with duckdb.connect() as database:
        found = database.execute(with_duckdb(one)).fetchall()
    assert sorted(found) == [(number,) for number in IDS]


def test_a_format_that_is_not_known_here_has_no_lines() -> None:
    one = receipt(format="another-programs")
    assert (with_pandas(one), with_polars(one), with_duckdb(one)) == (None, None, None)


@pytest.mark.parametrize("name", sorted({*read_by("pandas")} & {*read_by("polars")}))
def test_the_lines_for_polars_name_the_same_files_as_those_for_pandas(
    name: str, parts: int | None, tmp_path: Path
) -> None:
    one = stored(tmp_path, name, parts)
    lines = with_pandas(one).splitlines()
    paths = [line.partition("(")[2] for line in lines if "open(" in line or "parts = " in line]
    code = with_polars(one)
    compile(code, "polars", "exec")
    assert all(path in code for path in paths)
    assert code.startswith(("import polars as pl", "import json\nimport polars as pl"))


def test_an_object_in_a_bucket_is_read_by_its_address() -> None:
    one = receipt()
    assert with_pandas(one).endswith('pd.read_parquet("s3://lake/' + one.parts[0].key + '")')
    assert with_duckdb(one).startswith("INSTALL httpfs; LOAD httpfs;\nFROM read_parquet('s3://lake/raw/")


def test_many_parts_in_a_bucket_are_read_by_the_manifest() -> None:
    one = receipt(parts=receipt().parts * (MOST_NAMED + 1))
    assert 'with fsspec.open("s3://lake/raw/orders/_manifest-00000001.json") as file:' in with_pandas(one)
    assert "FROM read_json('s3://lake/raw/orders/_manifest-00000001.json'" in with_duckdb(one)
