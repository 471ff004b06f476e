"""The deployed worker shows its datasets in the local cloud's catalog, where a parameter names a database."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_cloud")]  # one deployment, so one process

DATABASE = "shop"
CURRENT = """
[sources.unstable.resources.current]
path = "/data"
records_path = "data"
total_path = "total_records"
page_size = { into = "query.limit", max = 1000, default = 100 }
pagination = { type = "page", pages_path = "total_pages", echo_path = "page" }
primary_key = ["id"]
write = "upsert"
"""


@pytest.fixture
def shown(calm_cloud: Cloud, tmp_path: Path) -> Iterator[Cloud]:
    """The stack with a database, and a resource whose dataset takes more runs than one."""
    folder = tmp_path / "sources"
    shutil.copytree(ROOT / "sources", folder)
    with (folder / "unstable.toml").open("a", encoding="utf-8") as file:
        file.write(CURRENT)
    before = dict(calm_cloud.parameters)
    calm_cloud.update({**before, "GlueDatabase": DATABASE})
    with calm_cloud.packaged(folder):
        yield calm_cloud
    calm_cloud.update({**before, "GlueDatabase": ""})
    calm_cloud.parameters = before


def test_each_run_is_shown_and_the_answer_and_the_log_say_what_keeps_a_table_from_it(shown: Cloud) -> None:
    stack = shown.stack
    glue = stack.aws.session.client("glue", endpoint_url=stack.aws.endpoint)
    (database,) = (each["Name"] for each in glue.get_databases()["DatabaseList"] if each["Name"] == DATABASE)

    def table() -> dict[str, Any]:
        found: dict[str, Any] = glue.get_table(DatabaseName=database, Name="unstable_current")["Table"]
        return found

    asked = {"source": "unstable.current", "format": "parquet", "limit": 500}
    for generation in (1, 2):
        answer = stack.ingest({**asked, "run_id": f"run-{generation}"})
        assert (answer.status, answer.body["records"]) == (200, 1000)
        assert answer.body["catalog"] == {
            "table": "shop.unstable_current",
            "generation": generation,
            "problem": None,
        }
        location = table()["StorageDescriptor"]["Location"]
        dataset = f"s3://{stack.bucket}/raw/unstable/current"
        assert location == f"{dataset}/_symlink-0000000{generation}/"
        listed = stack.read_object(f"{location.removeprefix(f's3://{stack.bucket}/')}manifest.txt").decode()
        manifest = json.loads(stack.read_object(answer.body["key"]))
        assert listed.splitlines() == [f"{dataset}/{part['key']}" for part in manifest["parts"]]
    columns = {each["Name"]: each["Type"] for each in table()["StorageDescriptor"]["Columns"]}
    assert (columns["id"], columns["total"]) == ("bigint", "double")
    assert columns["customer"].startswith("struct<")

    # Somebody else's table is in the way: the run is committed, and said to be, until the table is gone.
    glue.delete_table(DatabaseName=database, Name="unstable_current")
    glue.create_table(DatabaseName=database, TableInput={"Name": "unstable_current"})
    answer = stack.ingest({**asked, "run_id": "run-3"})
    assert (answer.status, answer.body["status"]) == (200, "complete")
    assert "no dataset was registered in it" in answer.body["catalog"]["problem"]
    assert "committed, and not shown by its table" in "\n".join(stack.log_messages("IngestionWorkerLogName"))
    glue.delete_table(DatabaseName=database, Name="unstable_current")
    answer = stack.ingest({**asked, "run_id": "run-3"})
    assert (answer.body["complete_before"], answer.body["catalog"]["generation"]) == (True, 3)

    # What has a dataset for each run has no table.
    assert stack.ingest({"format": "parquet", "limit": 500}).body["catalog"] is None
    assert [each["Name"] for each in glue.get_tables(DatabaseName=database)["TableList"]] == [
        "unstable_current"
    ]
