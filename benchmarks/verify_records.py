"""Compare a client's output with the records that were served, of whatever shape, row by row.

It takes some twenty times as long as ``benchmarks.verify``, which knows plain records and nothing else.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow.parquet as pq

from benchmarks.verify import Verdict, files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.records_file import RecordsFile

_BATCH = 10_000


def verify_records(folder: Path, served: RecordsFile, count: int) -> Verdict:
    """Compare what is in a folder with the first so many records.

    What a format cannot say is no difference: an absent field and null, a number and its digits in CSV, an
    object and its text, a moment and its text.

    Args:
        folder: Holds one dataset of ours, or files of records.
        served: The records.
        count: How many of them were served.
    """
    wanted = {record["id"]: record for record in msgspec.json.decode(b"[%b]" % bytes(served.part(0, count)))}
    seen: Counter[Any] = Counter()
    rows = foreign = changed = 0
    for row in _rows(folder):
        rows += 1
        place = _known(row["id"], wanted)
        if place is None:
            foreign += 1
            continue
        seen[place] += 1
        changed += not same(wanted[place], row)
    doubled = sum(times - 1 for times in seen.values())
    return Verdict(rows, len(wanted) - len(seen), doubled, foreign, changed)


def _known(found: Any, wanted: dict[Any, Any]) -> Any:  # noqa: ANN401 - ids are of any type
    """The id as it was served; None if it was not."""
    if found in wanted:
        return found
    number = int(found) if isinstance(found, str) and found.isdigit() else None
    return number if number in wanted else None


def same(served: Any, found: Any) -> bool:  # noqa: ANN401 - any value of JSON
    """Whether a value is what was served, as far as formats tell."""
    if isinstance(served, dict) and isinstance(found, dict):
        return all(same(served.get(name), found.get(name)) for name in served.keys() | found.keys())
    if isinstance(served, list) and isinstance(found, list):
        return len(served) == len(found) and all(map(same, served, found))
    if (isinstance(served, dict) and found is None) or (served is None and isinstance(found, dict)):
        return same(served or {}, found or {})  # one whose fields are all absent is none
    if isinstance(served, str) and isinstance(found, datetime):
        return datetime.fromisoformat(served) == found
    if isinstance(found, str) and found != served:
        return _is_text_of(found, served)
    return isinstance(served, bool) == isinstance(found, bool) and bool(served == found)


def _is_text_of(text: str, value: Any) -> bool:  # noqa: ANN401 - as above
    """Whether a text is that of a value, in JSON, of which a column cannot hold all as they are."""
    try:
        return bool(json.loads(text.lower() if isinstance(value, bool) else text) == value)
    except ValueError:
        return False


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for path in files(folder, _READERS):
        yield from _READERS[path.suffix](path)


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            yield from batch.to_pylist()


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    """Rows whose empty fields are absent: no record that is served holds an empty text."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: value or None for name, value in row.items()}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        yield from map(msgspec.json.Decoder(dict[str, Any]).decode, file)


_READERS: dict[str, Callable[[Path], Iterator[dict[str, Any]]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _lines,
}
