"""What the oracle says of buckets that are right, and of those that are not."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.invented_store.oracle import complaints, parts

ROWS: list[dict[str, Any]] = [
    {"id": 1, "text": 'a, "b"\n', "share": 0.25},
    {"id": 2, "text": "c", "share": 0.5},
]
PAGES = [[ROWS[0]], [ROWS[1]]]


def bucket(*bodies: bytes, format: str = "jsonl", **says: Any) -> dict[str, bytes]:  # noqa: A002 - as a manifest
    """A commit of parts, a page each."""
    described = [
        {"key": f"part-{n}", "records": 1, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        for n, body in enumerate(bodies, 1)
    ]
    manifest = {"format": format, "records": len(bodies), "status": "complete", "missing_pages": []}
    manifest |= {"parts": described, **says}
    objects = {f"d/part-{n}": body for n, body in enumerate(bodies, 1)}
    return {**objects, "d/_manifest-00000001.json": json.dumps(manifest).encode()}


def lines(*rows: dict[str, Any]) -> list[bytes]:
    return [json.dumps(row).encode() + b"\n" for row in rows]


def parquet(row: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), stream)
    return stream.getvalue()


def wrong(there: dict[str, bytes], *, has_key: bool = False) -> list[str]:
    return complaints(there, "d", PAGES, has_key=has_key)[0]


RIGHT = {
    "jsonl": lines(*ROWS),
    "json": [json.dumps([row]).encode() for row in ROWS],
    "csv": [b'id,text,share\r\n1,"a, ""b""\n",0.25\r\n', b'id,text,share\r\n2,"c",0.5\r\n'],
    "parquet": [parquet(row) for row in ROWS],
}


@pytest.mark.parametrize("name", RIGHT)
def test_every_row_in_every_format_is_right(name: str) -> None:
    assert wrong(bucket(*RIGHT[name], format=name)) == []


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (bucket(*lines(ROWS[0])), "is lost 1 times"),
        (bucket(*lines(*ROWS, ROWS[0])), "is too many 1 times"),
        (bucket(*lines(ROWS[0], {**ROWS[1], "text": "d"})), "is lost 1 times"),
        (bucket(*lines(*ROWS), records=3), "it says 3 rows, and 2 are there"),
        (bucket(*lines(*ROWS), status="partial"), "it is partial and lacks []"),
        (bucket(b"".join(lines(*ROWS)), b"", records=2), "holds 2 rows, not 1"),
        ({**bucket(*lines(*ROWS)), "d/part-1": b"cut"}, "names d/part-1, which is not so"),
        (
            {k: v for k, v in bucket(*lines(*ROWS)).items() if k != "d/part-2"},
            "names d/part-2, which is not so",
        ),
    ],
)
def test_a_commit_that_is_not_so_is_complained_of(there: dict[str, bytes], said: str) -> None:
    assert any(said in each for each in wrong(there))


def test_what_a_manifest_says_is_missing_may_be() -> None:
    assert wrong(bucket(*lines(ROWS[0]), status="partial", missing_pages=["2"])) == []


def test_with_a_key_a_row_that_came_twice_counts_once() -> None:
    pages = [*PAGES, [ROWS[0]]]
    there = bucket(*lines(*ROWS))
    assert complaints(there, "d", pages, has_key=True)[0] == []
    assert complaints(there, "d", pages, has_key=False)[0] != []


def test_what_was_spoilt_behind_a_commit_is_told_apart() -> None:
    there = {**bucket(*lines(*ROWS)), "d/part-1": b"cut"}
    found = complaints(there, "d", PAGES, has_key=False, excused=lambda _, key: key == "d/part-1")
    assert found == ([], ["d/part-1 is spoilt"])
    assert parts(there, "d")["d/part-1"] == hashlib.sha256(lines(ROWS[0])[0]).hexdigest()
