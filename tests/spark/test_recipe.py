"""The lines of docs/sql.md for Spark read what a manifest names, in a real Spark."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetCommits, DatasetReader, Manifest, PartWriter
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.spark

FIRST = [
    {"id": 1, "total": 2.5, "customer": {"name": "Ann", "tags": ["a", "b"]}},
    {"id": 2, "total": None, "customer": {"name": "Bo", "tags": []}},
]
LATE = [
    {"id": 3, "total": 0.1, "customer": {"name": 'C "x"', "tags": ["ü"]}, "note": "a column that came late"}
]
ALONE = """
import json, sys
parts = json.loads(sys.argv[1])
{lines}
print(json.dumps([json.loads(row) for row in orders.orderBy("id").toJSON().collect()]))
spark.stop()
"""


def recipe() -> str:
    """The lines of the page, as they stand there."""
    page = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"For \*\*Spark\*\*[^:]*:\n\n((?:    [^\n]*\n|\n(?=    ))+)", page)
    lines = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    assert "spark.read" in lines
    return lines


@pytest.fixture
def store(tmp_path: Path) -> LocalClient:
    client = LocalClient(tmp_path, logging.getLogger("tests.spark"))
    client.create_bucket("lake")
    return client


def test_the_recipe_reads_the_parts_of_the_manifest_with_columns_that_came_late(
    store: LocalClient, tmp_path: Path
) -> None:
    with PartWriter(store, "lake", "orders", "parquet") as writer:
        writer.write(FIRST)
        first = writer.seal(1, 1, 1)
    with PartWriter(store, "lake", "orders", "parquet", schema=first.schema) as writer:
        writer.write(LATE)
        late = writer.seal(1, 2, 2)
    with PartWriter(store, "lake", "orders", "parquet") as stray:  # no manifest names it
        stray.write([{"id": 99}])
        stray.seal(1, 3, 3)
    manifest = Manifest.of(
        [first.part, late.part], run_id="run", generation=1, format="parquet", schema=late.schema
    )
    DatasetCommits(store, "lake", "orders").commit(manifest)
    parts = [str(tmp_path / "lake" / "orders" / part.key) for part in manifest.parts]
    rows = read_by_spark(parts, tmp_path)
    expected = [record for batch in DatasetReader(store, "lake", "orders").records() for record in batch]
    assert [with_nulls(row) for row in rows] == [with_nulls(record) for record in expected]
    assert [row["id"] for row in rows] == [1, 2, 3]


def with_nulls(record: dict[str, object]) -> dict[str, object]:
    """Spark leaves nulls out of JSON."""
    return {"total": None, "note": None, **record}


def read_by_spark(parts: list[str], folder: Path) -> list[dict[str, object]]:
    code = ALONE.format(lines=recipe())
    python = ROOT / ".venvs" / "spark" / "bin" / "python"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
    }
    done = subprocess.run(
        [str(python), "-c", code, json.dumps(parts)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return rows
