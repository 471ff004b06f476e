"""What the worker tells the catalog when a run is committed, and what it says if it cannot."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from moto import mock_aws
from msgspec import structs

from de_classes.api.messages import HttpResponse
from de_classes.bootstrap import build_ingestion
from de_classes.configs.ingest import IngestRequest
from de_classes.errors import ConfigurationError
from de_classes.handler import RunObserver
from de_classes.pipelines.glue import GlueAddress, GlueTable
from de_classes.storage.datasets import DatasetCommits
from de_classes.utils.clock import ManualClock
from de_classes.worker.ingest_endpoint import IngestEndpoint
from de_classes.worker.run_actions import RunActions
from tests.fakes.aws import no_aws_environment, nobodys_session
from tests.fakes.glue import DATABASE, FakeGlue
from tests.fakes.runs import BUCKET, memory
from tests.fakes.transports import FakePagedApi
from tests.fakes.worker import ENVIRONMENT, LOGGER, secrets

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients import BaseS3Client
    from de_classes.worker.ingestion import Ingestion

DESCRIBED = """
version = 1
[sources.shop]
base_url = "https://api.example"
[sources.shop.resources.Orders]
path = "/data"
records_path = "data"
total_path = "total_records"
page_size = { into = "query.limit" }
pagination = { type = "page" }
primary_key = ["id"]
write = "upsert"
[sources.shop.resources.each_run]
path = "/data"
records_path = "data"
total_path = "total_records"
page_size = { into = "query.limit" }
pagination = { type = "page" }
"""
TABLE = "shop_orders"
ORDERS = IngestRequest(source="shop.Orders")


class Rows(FakePagedApi):
    """So many records, each with these columns."""

    columns: dict[str, Any] = {}  # noqa: RUF012 - a test sets them

    def page(self, number: int, limit: int, **changes: object) -> HttpResponse:
        last = min(number * limit, self.total)
        found = [{"id": n, **self.columns} for n in range((number - 1) * limit, last)]
        return super().page(number, limit, **{"data": found, **changes})


def worker(root: Path, store: BaseS3Client, glue: FakeGlue | None, source: Rows, **environ: str) -> Ingestion:
    folder = root / "sources"
    folder.mkdir(exist_ok=True)
    (folder / "shop.toml").write_text(DESCRIBED)
    built = build_ingestion(
        {**ENVIRONMENT, "SOURCES_PATH": str(folder), "DEFAULT_FORMAT": "parquet", **environ},
        store=lambda _: store,
        secrets=secrets,
        transport=source,
        clock=ManualClock(now=1_795_392_000.0),
        logger=LOGGER,
    )
    return built if glue is None else structs.replace(built, table_for=lambda _: glue.table(TABLE))


def test_a_run_that_is_committed_is_shown_by_its_table_and_the_answer_says_so(tmp_path: Path) -> None:
    store, glue, source = memory(), FakeGlue(), Rows(5)
    one = worker(tmp_path, store, glue, source)
    first = one.run(ORDERS, run_id="one")
    assert first.catalog is not None
    assert first.as_dict()["catalog"] == {"table": "shop.shop_orders", "generation": 1, "problem": None}
    source.columns = {"late": ["x"]}
    second = one.run(ORDERS, run_id="two")
    assert second.catalog is not None
    assert (second.catalog.generation, glue.columns(TABLE)) == (2, {"id": "bigint", "late": "array<string>"})
    assert glue.shown(TABLE)["Parameters"]["de_classes_run_id"] == "two"


def test_a_table_follows_the_manifest_and_never_comes_before_it(tmp_path: Path) -> None:
    store, glue = memory(), FakeGlue()
    found: list[list[int]] = []
    glue.before = lambda _: found.append(DatasetCommits(store, BUCKET, "raw/shop/Orders").generations())
    worker(tmp_path, store, glue, Rows(5)).run(ORDERS, run_id="one")
    assert found
    assert all(each == [1] for each in found)


def test_a_run_that_cannot_be_shown_is_committed_and_the_answer_says_why_and_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, glue, source = memory(), FakeGlue(), Rows(5)
    glue.refusals["CreateTable"] = "AccessDeniedException"
    one = worker(tmp_path, store, glue, source)
    with caplog.at_level(logging.ERROR):
        receipt = one.run(ORDERS, run_id="one")
    assert (receipt.status, receipt.records) == ("complete", 5)
    assert receipt.catalog is not None
    assert (receipt.catalog.table, receipt.catalog.generation) == ("shop.shop_orders", None)
    problem = receipt.catalog.problem or ""
    assert problem.startswith("PermissionDeniedError: table shop.shop_orders: the role may not")
    assert problem.endswith("`load s3://lake/raw/shop/Orders --to glue://shop/shop_orders`")
    assert [each.message for each in caplog.records] == ["committed, and not shown by its table"]
    asked = len(source.requests)
    glue.refusals.clear()
    again = one.run(ORDERS, run_id="one")  # as Lambda asks, or a caller
    assert (again.complete_before, len(source.requests)) == (True, asked)
    assert again.catalog is not None
    assert (again.catalog.generation, again.catalog.problem) == (1, None)


def test_a_partial_run_that_was_allowed_is_shown_as_what_it_is(tmp_path: Path) -> None:
    store, glue = memory(), FakeGlue()
    source = Rows(25, {2: [HttpResponse(500)] * 50})
    receipt = worker(tmp_path, store, glue, source, MAX_ATTEMPTS="2").run(
        structs.replace(ORDERS, allow_partial=True), run_id="one"
    )
    assert receipt.status == "partial"
    assert glue.shown(TABLE)["Parameters"]["de_classes_status"] == "partial"


def test_a_run_without_any_record_has_nothing_to_show_and_that_is_no_problem(tmp_path: Path) -> None:
    glue = FakeGlue()
    receipt = worker(tmp_path, memory(), glue, Rows(0)).run(ORDERS, run_id="one")
    assert (receipt.status, receipt.catalog, glue.tables) == ("complete", None, {})


@pytest.mark.parametrize(
    "request_", [IngestRequest(source="shop.each_run"), IngestRequest(source="shop.Orders", key="a.parquet")]
)
def test_what_is_no_dataset_of_several_runs_has_no_table(tmp_path: Path, request_: IngestRequest) -> None:
    glue = FakeGlue()
    receipt = worker(tmp_path, memory(), glue, Rows(5)).run(request_, run_id="one")
    assert (receipt.catalog, glue.calls) == (None, [])


def test_without_a_database_no_catalog_is_spoken_to(tmp_path: Path) -> None:
    assert worker(tmp_path, memory(), None, Rows(5)).table_for is None


def test_the_database_of_the_environment_has_a_table_by_the_name_of_source_and_resource(
    tmp_path: Path,
) -> None:
    with no_aws_environment() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = nobodys_session().client("glue")
        client.create_database(DatabaseInput={"Name": DATABASE})
        receipt = worker(tmp_path, memory(), None, Rows(5), GLUE_DATABASE=DATABASE).run(ORDERS, run_id="one")
        (table,) = client.get_tables(DatabaseName=DATABASE)["TableList"]
    assert receipt.catalog is not None
    assert (receipt.catalog.table, table["Name"]) == ("shop.shop_orders", "shop_orders")
    assert table["StorageDescriptor"]["Location"] == "s3://lake/raw/shop/Orders/_symlink-00000001/"


def test_a_database_that_cannot_be_one_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GLUE_DATABASE"):
        worker(tmp_path, memory(), None, Rows(5), GLUE_DATABASE="My Shop")


@pytest.mark.parametrize("refused", [False, True])
def test_a_table_that_does_not_follow_is_a_fault_of_the_worker_and_the_answer_still_200(
    tmp_path: Path, *, refused: bool
) -> None:
    glue = FakeGlue()
    if refused:
        glue.refusals["GetTable"] = "AccessDeniedException"
    one = worker(tmp_path, memory(), glue, Rows(5))
    event = {"httpMethod": "POST", "path": "/ingest", "body": '{"source": "shop.Orders", "run_id": "one"}'}
    answer = IngestEndpoint(one)(event)
    assert answer["statusCode"] == 200
    assert bool(json.loads(answer["body"])["catalog"]["problem"]) == refused
    counted: dict[str, tuple[MetricUnit, float]] = {}

    class Counting(Metrics):
        def add_metric(self, name: str, unit: MetricUnit, value: float, **_: Any) -> None:
            counted[name] = unit, value

    RunObserver(LOGGER, Counting(namespace="tests")).receipt(one.run(ORDERS, run_id="one"))
    assert counted["CompleteRuns"] == (MetricUnit.Count, 1)
    assert ("WorkerFaults" in counted) == refused


def test_a_run_of_many_workers_is_shown_when_it_is_committed(tmp_path: Path) -> None:
    store, glue = memory(), FakeGlue()
    receipts: list[IngestReceipt] = []
    actions = RunActions(worker(tmp_path, store, glue, Rows(25)), on_receipt=receipts.append)
    given: dict[str, Any] = {"run_id": "many", "seconds_left": None}
    item: dict[str, Any] = {"request": {"source": "shop.Orders"}}
    planned = actions.carry_out({"action": "plan", **item}, **given)
    assert (planned["status"], glue.tables) == ("planned", {})
    answer = actions.carry_out({"action": "commit", **item}, **given)
    assert answer["catalog"] == {"table": "shop.shop_orders", "generation": 1, "problem": None}
    assert [each.catalog and each.catalog.generation for each in receipts] == [1]


def test_a_table_of_its_own_is_made_once_for_each_resource(tmp_path: Path) -> None:
    table_for = worker(tmp_path, memory(), None, Rows(5), GLUE_DATABASE=DATABASE).table_for
    assert table_for is not None
    assert table_for("shop.Orders") is table_for("shop.Orders")
    assert isinstance(table_for("a-b.c"), GlueTable)
    assert table_for("a-b.c").address == GlueAddress(DATABASE, "a_b_c")
