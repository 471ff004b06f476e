"""The script that most would write: requests, tenacity, and one DataFrame of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import requests
from tenacity import retry, stop_after_attempt, wait_exponential

from benchmarks.clients.task import given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.clients.task import Task


def records(task: Task) -> Iterator[dict[str, Any]]:
    """All of them, page by page."""
    session = requests.Session()

    @retry(stop=stop_after_attempt(10), wait=wait_exponential(multiplier=0.1, max=10), reraise=True)
    def fetch(page: int) -> dict[str, Any]:
        where = {"page": page, "limit": task.limit}
        answer = session.get(f"{task.url}/data", params=where, timeout=30)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    page, total = 0, 1
    while page < total:
        page += 1
        body = fetch(page)
        total = body["total_pages"]
        yield from body["data"]


def main() -> None:
    """Write one file."""
    task = given()
    frame = pd.DataFrame(list(records(task)))
    if task.key:
        frame = frame.drop_duplicates(task.key)
    match task.format:
        case "parquet":
            frame.to_parquet(task.output, compression="zstd", index=False)
        case "csv":
            frame.to_csv(task.output, index=False)
        case _:
            frame.to_json(task.output, orient="records", lines=True)


if __name__ == "__main__":
    main()
