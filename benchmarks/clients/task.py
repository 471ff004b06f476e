"""What a client is told: a file of JSON, named on its command line. Standard library only."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """One run.

    Attributes:
        url: Of the API: GET {url}/data?page=1&limit=...
        limit: Records a page.
        workers: Pages at once, for clients that can.
        format: Of the output: parquet, csv or jsonl.
        folder: An empty folder for it.
        key: The field by which records that come twice are dropped; none if empty.
        store: ``http://host:port/bucket``, if the output goes to an S3 server instead.
        described: What this library is told of a described source, in place of the address.
        columns: A file of the columns that records must fit, as this library reads it; none if empty.
        part_pages: Pages in a part of a dataset at the most; as each has it by itself if 0.
        schema: A file with the Arrow schema of the records, for clients that are told it; that of plain
            records if empty.
    """

    url: str
    limit: int
    workers: int
    format: str
    folder: str
    store: str = ""
    described: tuple[str, ...] = ()
    key: str = ""
    columns: str = ""
    part_pages: int = 0
    schema: str = ""

    @property
    def output(self) -> Path:
        """A file for clients that write one."""
        return Path(self.folder, f"records.{self.format}")


def given() -> Task:
    """The task on the command line."""
    return Task(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
