"""Receipts in a few words, for what shows them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from de_classes.api.counters import Timeline
from de_classes.api.evidence import End, Still
from de_classes.api.receipt import Figures, IngestReceipt, PageHash, StoredPart

SHA256 = "5e1606d0e3179c555a0a6afd8525b0cf4a40c8a3af66d591064947d476e38dce"
RECEIPT = IngestReceipt(
    status="complete",
    run_id="monday",
    source="https://api.example/v1/orders",
    parameters={"limit": 100, "pages": "1-", "format": "parquet", "key_fields": ["id"]},
    pages=3,
    expected_pages=3,
    records=1_250,
    expected_records=1_250,
    end=End(by="total", saw="1250 records"),
    still=Still(by="sampled", pages=2, of=3, requests=2),
    requests=8,
    requests_by_outcome={"200": 5, "503": 2, "429": 1},
    logins=1,
    retries=3,
    retries_by_cause={"503": 2, "429": 1},
    seconds=4.5,
    seconds_waited=1.25,
    seconds_working=3.0,
    format="parquet",
    bucket="lake",
    key="raw/orders/_manifest-00000001.json",
    uri="s3://lake/raw/orders/_manifest-00000001.json",
    bytes=2_584_616,
    sha256=SHA256,
    content_type="application/vnd.apache.parquet",
    columns={"id": "int64", "note": "string"},
    parts=[
        StoredPart(
            key="raw/orders/part-1-00000001-00000003-0a1b2c3d4e5f.parquet",
            size=2_584_616,
            sha256=SHA256,
            records=1_250,
            first_page=1,
            last_page=3,
        )
    ],
    page_hashes=[PageHash(1, 500, SHA256), PageHash(2, 500, SHA256), PageHash(3, 250, SHA256)],
    versions={"de-classes": "0.1.0"},
    forecast=Figures(
        seconds=3.0,
        invocations=1,
        requests=5,
        gigabyte_seconds=3.5,
        dollars=0.0002,
        memory_megabytes=111,
        best_concurrency=8,
        proof_requests=2,
    ),
    actual=Figures(
        seconds=4.5, invocations=1, requests=8, gigabyte_seconds=5.0, dollars=0.0003, proof_requests=2
    ),
    timeline=Timeline(
        seconds=2.0,
        requests={"200": [3, 2], "429": [1, 0], "503": [0, 2]},
        records=[1_000, 250],
        waited=[1.0, 0.25],
        retried_pages=[[2, 3]],
    ),
)
"""A complete run with a dataset."""


def receipt(**changes: Any) -> IngestReceipt:
    """The same, but for some fields."""
    return replace(RECEIPT, **changes)


def largest() -> IngestReceipt:
    """What no page should be larger than that of: 10,000 pages, and long lists of everything."""
    pages = [number for number in range(1, 10_001) if number not in (17, 40, 41)]
    part = RECEIPT.parts[0]
    return receipt(
        status="partial",
        end=None,
        still=None,
        pages=len(pages),
        missing_pages=["17", "40-41"],
        page_hashes=[PageHash(number, 100, SHA256) for number in pages],
        parts=[replace(part, first_page=n, last_page=n) for n in range(1, 1_001)],
        columns={f"column_{number}": "struct<" + "name: string, " * 60 + ">" for number in range(1_000)},
        widenings=[f"column_{number}: int64 -> json" for number in range(1_000)],
        warnings=["What weakens it is said in a sentence or two. " * 5] * 100,
        drift=["pass 1: the source changed. " * 10] * 100,
        requests_by_outcome={str(status): 1 for status in range(400, 600)},
        timeline=Timeline(
            seconds=4.0,
            requests={outcome: [40] * 240 for outcome in ("200", "429", "503", "NetworkError")},
            records=[4_000] * 240,
            waited=[1.5] * 240,
            retried_pages_each=64,
            retried_pages=[[64 * number, 3] for number in range(156)],
        ),
    )
