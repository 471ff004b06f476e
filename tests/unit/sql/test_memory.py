"""Memory does not grow with the data: in processes of their own, which say what they had at the most."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetCommits, Manifest
from tests.fakes.datasets import BUCKET, seal
from tests.fakes.runs import LOGGER
from tests.fakes.sources import LIBRARY, ROOT

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    {"id": number, "text": f"{number:064}", "value": number / 7, "about": {"tags": ["a", "b"]}}
    for number in range(20_000)
]
FEW, MANY = 4, 40
QUESTION = "SELECT count(*), sum(value), max(text), count(about.tags[1]) FROM orders"
PROBE = f"""
import logging, sys
from pathlib import Path
from de_classes.sql import SqlDatabase
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader
from tests.fakes.peak_memory import peak_bytes
store = LocalClient(Path(sys.argv[1]), logging.getLogger("probe"))
with SqlDatabase({{"orders": DatasetReader(store, {BUCKET!r}, "orders")}}) as database:
    ((row,),) = database.ask({QUESTION!r}).rows
print(row[0], peak_bytes())
"""


def peak(folder: Path, format_name: str, parts: int) -> int:
    """The most memory that a question takes over so many parts, all of the same records."""
    store = LocalClient(folder / str(parts), LOGGER)
    store.create_bucket(BUCKET)
    (one,) = seal(store, [RECORDS], dataset="orders", format=format_name)
    content = store.get_object(BUCKET, f"orders/{one.part.key}")
    listed = []
    for page in range(1, parts + 1):
        key = one.part.key.replace("-00000001-00000001-", f"-{page:08}-{page:08}-")
        store.put_object(BUCKET, f"orders/{key}", content)
        listed.append(structs.replace(one.part, key=key, first_page=page, last_page=page))
    manifest = Manifest.of(listed, run_id="run", generation=1, format=format_name, schema=one.schema)
    DatasetCommits(store, BUCKET, "orders").commit(manifest)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(LIBRARY.parent), str(ROOT)))}
    asked = [sys.executable, "-c", PROBE, str(folder / str(parts))]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    records, size = map(int, done.stdout.split())
    assert records == parts * len(RECORDS)
    return size


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["parquet", "jsonl"])
def test_a_question_over_ten_times_the_records_takes_the_same_memory(
    format_name: str, tmp_path: Path
) -> None:
    few, many = peak(tmp_path, format_name, FEW), peak(tmp_path, format_name, MANY)
    assert many < few * 1.25
    assert many < 2**29
