"""What a bucket may hold after runs over a source that stood still, by the layout in docs/datasets.md alone.

Nothing of the library is imported here, so that no picture of it is shared.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Row = Mapping[str, Any]

_CASTS: Final[dict[str, Callable[[str], Any]]] = {"id": int, "text": str, "share": float, "late": str}
"""What a row's values are: CSV does not say."""


def complaints(
    bucket: Mapping[str, bytes],
    dataset: str,
    pages: Sequence[Sequence[Row]],
    *,
    has_key: bool,
    excused: Callable[[str, str], bool] = lambda _manifest, _key: False,
) -> tuple[list[str], list[str]]:
    """What is wrong with the commits of a dataset; nothing if all are right.

    Every page that a manifest does not say is missing must be in it, each row as often as it came, or once
    where an id tells rows apart. A part that is not what its manifest says is seen by whoever reads it.

    Args:
        bucket: Every object, by key.
        dataset: What the keys begin with.
        pages: What the source has, page by page.
        has_key: Whether the runs were told that ``id`` tells rows apart.
        excused: Whether a part of a manifest was spoilt when nobody could see it any more before the commit.

    Returns:
        What is wrong, and what is spoilt and seen to be.
    """
    wrong: list[str] = []
    seen: list[str] = []
    for key in sorted(name for name in bucket if name.startswith(f"{dataset}/_manifest-")):
        manifest = json.loads(bucket[key])
        spoilt = [
            name for name in _parts(manifest, dataset) if not _is_whole(bucket, name, manifest, dataset)
        ]
        seen += [f"{name} is spoilt" for name in spoilt if excused(key, name)]
        wrong += [f"{key} names {name}, which is not so" for name in spoilt if not excused(key, name)]
        if not spoilt:
            wrong += [f"{key}: {each}" for each in _amiss(bucket, manifest, dataset, pages, has_key=has_key)]
    return wrong, seen


def parts(bucket: Mapping[str, bytes], dataset: str) -> dict[str, str]:
    """The keys that the commits of a dataset name, and the SHA-256 that each is to have."""
    names = [name for name in bucket if name.startswith(f"{dataset}/_manifest-")]
    each = [part for name in names for part in json.loads(bucket[name])["parts"]]
    return {f"{dataset}/{part['key']}": part["sha256"] for part in each}


def _parts(manifest: Mapping[str, Any], dataset: str) -> dict[str, Mapping[str, Any]]:
    return {f"{dataset}/{part['key']}": part for part in manifest["parts"]}


def _is_whole(bucket: Mapping[str, bytes], name: str, manifest: Mapping[str, Any], dataset: str) -> bool:
    part, body = _parts(manifest, dataset)[name], bucket.get(name)
    return body is not None and (len(body), hashlib.sha256(body).hexdigest()) == (
        part["size"],
        part["sha256"],
    )


def _amiss(
    bucket: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    dataset: str,
    pages: Sequence[Sequence[Row]],
    *,
    has_key: bool,
) -> Iterator[str]:
    missing = set(_missing(manifest["missing_pages"]))
    wanted = [row for number, page in enumerate(pages, 1) if number not in missing for row in page]
    if has_key:
        wanted = list({row["id"]: row for row in wanted}.values())
    found: list[Row] = []
    for name, part in _parts(manifest, dataset).items():
        rows = [_without_nulls(row) for row in _READ[manifest["format"]](bucket[name])]
        if len(rows) != part["records"]:
            yield f"{name} holds {len(rows)} rows, not {part['records']}"
        found += rows
    came, due = Counter(map(_spelled, found)), Counter(map(_spelled, wanted))
    for row, times in ((due - came) + (came - due)).items():
        yield f"{row} {'is lost' if due[row] > came[row] else 'is too many'} {times} times"
    if manifest["records"] != len(found):
        yield f"it says {manifest['records']} rows, and {len(found)} are there"
    if (manifest["status"] == "partial") != bool(missing):
        yield f"it is {manifest['status']} and lacks {sorted(missing)}"


def _missing(ranges: Sequence[str]) -> Iterator[int]:
    for each in ranges:
        first, _, last = each.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _lines(body: bytes) -> list[Row]:
    return [json.loads(line) for line in body.splitlines()]


def _csv(body: bytes) -> list[Row]:
    cells = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    return [{name: _CASTS[name](cell) for name, cell in row.items() if cell != ""} for row in cells]


def _parquet(body: bytes) -> list[Row]:
    return pq.ParquetFile(io.BytesIO(body)).read().to_pylist()


_READ: Final[dict[str, Callable[[bytes], list[Row]]]] = {
    "jsonl": _lines,
    "json": json.loads,
    "csv": _csv,
    "parquet": _parquet,
}


def _without_nulls(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _spelled(row: Row) -> str:
    return json.dumps(row, sort_keys=True)
