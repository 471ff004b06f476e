"""PyAirbyte: the same manifest, into DuckDB, where its cache merges by the primary key.

Airbyte's destinations deduplicate in a warehouse; this one is a file, and needs none.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["DO_NOT_TRACK"] = "1"  # read while airbyte is imported, as are the others
os.environ["AIRBYTE_OFFLINE_MODE"] = "1"
os.environ.setdefault("AIRBYTE_LOGGING_ROOT", os.environ.get("HOME", "."))

import airbyte
from airbyte.caches import DuckDBCache
from airbyte.strategies import WriteStrategy

from benchmarks.clients.airbyte_manifest import without_login
from benchmarks.clients.task import given

STREAM = "records"
TYPES = {"id": "integer", "quantity": "integer", "amount": "number", "paid": "boolean"}
TEXTS = ("code", "email", "country", "coupon", "placed_at", "note")


def main() -> None:
    """Read the stream into the cache."""
    task = given()
    manifest = without_login(task)
    stream = manifest["streams"][0]
    properties = {**TYPES, **dict.fromkeys(TEXTS, "string")}
    stream |= {"name": STREAM, "primary_key": [task.key]}
    stream["schema_loader"]["schema"]["properties"] = {
        name: {"type": ["null", kind]} for name, kind in properties.items()
    }
    manifest["check"]["stream_names"] = [STREAM]
    source = airbyte.get_source("source-bench", source_manifest=manifest, config={}, streams=[STREAM])
    cache = DuckDBCache(db_path=str(Path(task.folder, "records.duckdb")), schema_name="bench")
    source.read(cache, write_strategy=WriteStrategy.MERGE, force_full_refresh=True)


if __name__ == "__main__":
    main()
