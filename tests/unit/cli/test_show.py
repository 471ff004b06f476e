from __future__ import annotations

import io
import json
import logging
import shutil
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from de_classes.__main__ import make_parser
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.dataset_overview import DatasetOverview
from de_classes.cli.ingest import run as ingest
from de_classes.cli.show import find_receipt, run
from de_classes.runs.api_data_service import ApiDataService
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients import LocalClient, S3Client
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment
from tests.fakes.datasets import commit
from tests.fakes.parsed_page import ParsedPage
from tests.fakes.runs import BASE, BUCKET, DATASET, LOGGER, plan, service
from tests.fakes.transports import FakePagedApi

if TYPE_CHECKING:
    from pathlib import Path


def show(*words: str) -> tuple[int, str, str]:
    parser = make_parser(["show"])
    out, err = io.StringIO(), io.StringIO()
    return run(parser.parse_args(["show", *words]), out=out, err=err), out.getvalue(), err.getvalue()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A dataset of 45 records, ``raw/day``, and an object of 15, ``raw/all.csv``."""
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    service(store, FakePagedApi(45)).carry_out(plan())
    client = UnstableAPIClient(BASE, None, LOGGER, runtime=ClientRuntime(transport=FakePagedApi(15)))
    api = ApiDataService(client, StorageDataService(store, DataFormatService(), LOGGER), LOGGER)
    api.fetch_all_to_storage(BUCKET, "raw/all.csv", "csv", limit=10, keep_receipt=True)
    return tmp_path / BUCKET


@pytest.mark.parametrize("what", ["", "/", "_receipt"])
def test_a_dataset_is_shown_by_its_folder_and_by_its_receipt(lake: Path, what: str) -> None:
    (path,) = (lake / DATASET).glob("_receipt-*.json")
    status, out, err = show(str(path) if what == "_receipt" else f"{lake}/{DATASET}{what}")
    assert (status, err) == (0, "")
    assert out.startswith(
        "complete: 45 records of 45 expected" if what == "_receipt" else "complete: 45 records in "
    )


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_an_object_is_shown_by_its_name(lake: Path, form: str) -> None:
    assert show(form.format(lake / "raw" / "all.csv"))[1].startswith("complete: 15 records of 15 expected")


def test_the_latest_commit_of_a_dataset_counts(tmp_path: Path) -> None:
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    api = FakePagedApi(45)
    api.faults_for(2, [api.page(9, 10)] * 40)
    assert service(store, api).carry_out(plan(), allow_partial=True).status == "partial"
    assert find_receipt(f"{tmp_path}/{BUCKET}/{DATASET}").missing_pages == ["2"]
    api.faults_for(2, [])
    service(store, FakePagedApi(45)).carry_out(plan())
    assert find_receipt(f"{tmp_path}/{BUCKET}/{DATASET}").status == "complete"


def test_json_is_the_receipt_as_it_was_written(lake: Path) -> None:
    (path,) = (lake / DATASET).glob("_receipt-*.json")
    assert json.loads(show(str(path), "--json")[1]) == json.loads(path.read_bytes())


def test_a_dataset_as_json_says_what_it_holds_and_rests_on(lake: Path) -> None:
    (path,) = (lake / DATASET).glob("_receipt-*.json")
    told = json.loads(show(f"{lake}/{DATASET}", "--json", "--rows", "2")[1])
    assert sorted(told) == sorted(DatasetOverview.__struct_fields__)
    assert (told["receipt"], told["end"]["by"], told["records"]) == (path.as_uri(), "total", 45)
    assert [each["name"] for each in told["columns"]] == list(told["rows"][0])
    assert len(told["rows"]) == 2
    (run,) = told["runs"]
    assert (run["run_id"], run["records"]) == ("run", 45)


def test_a_dataset_in_words_has_columns_commits_rows_and_what_to_type_next(lake: Path) -> None:
    out = show(f"{lake}/{DATASET}")[1]
    for line in (
        "proof:    end total",
        "column  type",
        "generation  run  status",
        "sql:      de-classes sql",
    ):
        assert f"\n{line}" in out
    assert "FROM day LIMIT 10" in out


def test_of_a_dataset_in_parquet_the_share_of_nulls_is_told(tmp_path: Path) -> None:
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    service(store, FakePagedApi(45)).carry_out(plan(format="parquet"))
    told = json.loads(show(f"{tmp_path}/{BUCKET}/{DATASET}", "--json")[1])
    assert {each["null_share"] for each in told["columns"]} == {0.0}


def test_each_commit_can_be_shown_and_the_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    commit(store, [[{"id": 1}]], bucket=BUCKET, run_id="first")
    commit(
        store,
        [[{"id": 1, "v": "\x1b[2J"}], [{"id": 2, "v": 2.50}]],
        bucket=BUCKET,
        run_id="second",
        generation=2,
    )
    what = f"{tmp_path}/{BUCKET}/{DATASET}"
    latest, before = (json.loads(show(what, "--json", *words)[1]) for words in ([], ["--generation", "1"]))
    assert [each["run_id"] for each in latest["history"]] == ["second", "first"]
    assert (before["records"], before["generations"], before["receipt"]) == (1, 2, None)
    assert [each["run_id"] for each in before["history"]] == ["first"]
    assert "\x1b" not in show(what)[1]
    assert "(not the latest)" in show(what, "--generation", "1")[1]
    assert show(what, "--generation", "3")[2].startswith(f"show: --generation: {what} has generations 1 to 2")


@pytest.mark.parametrize("option", ["--generation", "--rows"])
def test_of_an_object_there_are_no_generations_and_no_rows(lake: Path, option: str) -> None:
    status, out, err = show(f"{lake}/raw/all.csv", option, "1")
    assert (status, out) == (2, "")
    assert err.startswith(f"show: {option} has no effect")


def test_html_is_a_page_in_the_file_that_is_named(lake: Path, tmp_path: Path) -> None:
    page = tmp_path / "day.html"
    assert show(f"{lake}/{DATASET}", "--html", str(page)) == (0, f"written: {page}\n", "")
    assert ParsedPage(page.read_text(encoding="utf-8")).texts_of("h1") == [DATASET]


def test_a_page_that_cannot_be_written_is_an_error_that_names_the_option(lake: Path, tmp_path: Path) -> None:
    status, out, err = show(f"{lake}/{DATASET}", "--html", str(tmp_path / "none" / "day.html"))
    assert (status, out) == (2, "")
    assert err.startswith("show: --html: ")


@pytest.mark.parametrize("what", ["nothing", "raw/nothing.csv"])
def test_where_nothing_is_to_be_shown_nothing_is_made(lake: Path, what: str) -> None:
    before = sorted(lake.rglob("*"))
    status, out, err = show(f"{lake}/{what}")
    assert (status, out) == (2, "")
    assert err.startswith(f"show: {lake}/{what}: ")
    assert sorted(lake.rglob("*")) == before


def test_of_a_folder_with_receipts_and_no_dataset_below_it_those_are_named(lake: Path) -> None:
    shutil.rmtree(lake / DATASET)
    assert show(str(lake / "raw"))[2].endswith(f"; below it: {lake}/raw/all.csv\n")
    assert "below it" not in show(f"{lake}/raw/all")[2]


def test_what_is_no_receipt_is_said_to_be_none(lake: Path) -> None:
    path = lake / "_receipt-x.json"
    path.write_text("{}")
    status, _, err = show(str(path))
    assert status == 2
    assert "_receipt-x.json is no receipt that this version can read" in err


@pytest.mark.parametrize("what", ["raw/day", "raw/day/", "receipt"])
def test_a_dataset_in_a_bucket_is_shown_by_its_address(what: str) -> None:
    keys = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }
    with no_aws_environment() as patch, mock_aws():
        for name, value in keys.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        store = S3Client(LOGGER)
        service(store, FakePagedApi(45)).carry_out(plan())
        (receipt,) = [each.key for each in store.list_objects(BUCKET, f"{DATASET}/_receipt-")]
        status, out, err = show(f"s3://{BUCKET}/{receipt if what == 'receipt' else what}")
    assert (status, err) == (0, "")
    assert out.startswith("complete: 45 records ")
    assert f"s3://{BUCKET}/{DATASET}/_manifest-00000001.json" in out


def test_a_store_that_refuses_is_another_error_than_a_mistake() -> None:
    status, _, err = show("http://127.0.0.1:9/bucket/orders")
    assert (status, err.partition(":")[0]) == (1, "show")


@pytest.mark.parametrize("words", [["--dataset", "orders"], ["--key", "orders.jsonl"]])
def test_ingest_stores_the_page_beside_the_receipt_where_that_is_switched_on(
    words: list[str], tmp_path: Path
) -> None:
    parser = make_parser(["ingest", "replay"])
    lake, err = tmp_path / "lake", io.StringIO()
    with SimulatorServer(SimulatorSettings(total_records=30), faults="") as api:
        (tmp_path / "password").write_text(api.password)
        (tmp_path / "password").chmod(0o600)
        login = ["--username", api.username, "--password-file", str(tmp_path / "password")]
        asked = ["ingest", api.base_url, *login, "--to", str(lake), "--format", "jsonl", *words, "--report"]
        assert ingest(parser.parse_args(asked), out=io.StringIO(), err=err) == 0
    (receipt,) = lake.rglob("_receipt-*.json")
    (page,) = lake.rglob("_receipt-*.html")
    assert page == receipt.with_suffix(".html")
    assert f"ingest: the page of the receipt is {page.as_uri()}\n" in err.getvalue()
    assert ParsedPage(page.read_text(encoding="utf-8")).texts_of("h1")[0] in {"orders", "orders.jsonl"}
