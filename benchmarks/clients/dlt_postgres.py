"""dlt into PostgreSQL, from the files of the same dataset: records by its defaults, or tables of Arrow."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # read while dlt is imported

import dlt
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH_ROWS = 10_000


def main(folder: str, schema: str, variant: str) -> None:
    """Run the pipeline; where to, and by which password, it reads from the environment."""

    @dlt.resource(name="records", write_disposition="replace")
    def records() -> Iterator[Any]:
        for path in sorted(Path(folder).glob("part-*.parquet")):
            for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH_ROWS):
                yield batch if variant == "arrow" else batch.to_pylist()

    pipeline = dlt.pipeline(
        "records",
        destination="postgres",
        dataset_name=schema,
        pipelines_dir=str(Path(folder).with_name(f"pipelines-{schema}")),
    )
    pipeline.run(records(), **({"loader_file_format": "csv"} if variant == "arrow" else {}))


if __name__ == "__main__":
    main(*sys.argv[1:])
