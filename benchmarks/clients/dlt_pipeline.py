"""dlt: as its first steps show, tuned as its page on performance says, fed with Arrow tables, and with keys.

By default its REST API source appends to DuckDB, though in ten attempts a request like all others: five end
on a page that fails six times. Tuned, it writes Parquet files, through larger buffers, by
two processes that normalize. Fed with Arrow, a resource of one's own reads each page by pyarrow, so that dlt
never sees a record: what its documentation advises where speed matters most. The latter two also with keys:
its disposition ``merge``, by the primary key, into DuckDB, which it loads from Parquet files. Files by
themselves, which tuned and Arrow write else, it cannot merge.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.clients.fetching import ATTEMPTS, lines
from benchmarks.clients.task import given

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # read while dlt is imported
os.environ["RUNTIME__REQUEST_MAX_ATTEMPTS"] = str(ATTEMPTS)
TUNED = {
    "DATA_WRITER__BUFFER_MAX_ITEMS": "100000",
    "DATA_WRITER__FILE_MAX_ITEMS": "500000",
    "NORMALIZE__WORKERS": "2",
    "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "100000",
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "500000",
}

import dlt
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.clients.task import Task


def keys(task: Task) -> dict[str, Any]:
    """What tells a resource to merge by its key, where the task has one."""
    return {"primary_key": task.key, "write_disposition": "merge"} if task.key else {}


def declared(task: Task) -> Any:
    """The API, as the REST API source wants it."""
    paginator = PageNumberPaginator(base_page=1, total_path="total_pages")
    endpoint = {"path": "data", "params": {"limit": task.limit}, "data_selector": "data"}
    resource = {"name": "records", "endpoint": endpoint, **keys(task)}
    return rest_api_source(
        {"client": {"base_url": task.url, "paginator": paginator}, "resources": [resource]}
    )


def arrow(task: Task) -> Any:
    """A resource of Arrow tables, by dlt's own HTTP client."""
    import io

    import pyarrow.json as pj
    from dlt.sources.helpers import requests

    @dlt.resource(name="records", **keys(task))
    def tables() -> Iterator[Any]:
        page, total = 0, 1
        while page < total:
            page += 1
            answer = requests.get(f"{task.url}/data", params={"page": page, "limit": task.limit})
            total = int(answer.content.split(b'"total_pages":', 1)[1].split(b",", 1)[0])
            yield pj.read_json(io.BytesIO(lines(answer.content)))

    return tables()


def main(variant: str) -> None:
    """Run the pipeline."""
    task = given()
    into_duckdb = variant == "defaults" or task.key
    if variant != "defaults":
        os.environ.update(TUNED)
    pipeline = dlt.pipeline(
        "records",
        destination=dlt.destinations.duckdb(str(Path(task.folder, "records.duckdb")))
        if into_duckdb
        else dlt.destinations.filesystem(Path(task.folder, "lake").as_uri()),
        dataset_name="bench",
        pipelines_dir=str(Path(task.folder).with_name("pipelines")),
    )
    source = arrow(task) if variant == "arrow" else declared(task)
    pipeline.run(source, **({} if variant == "defaults" else {"loader_file_format": "parquet"}))


if __name__ == "__main__":  # its normalizers are processes that import this file again
    main(sys.argv[2])
