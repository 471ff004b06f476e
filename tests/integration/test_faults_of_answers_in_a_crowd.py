"""Every fault that a retry cures, all at once, met by one client and by a crowd."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import InjectionPoint
from tests.fakes.fault_clients import client

if TYPE_CHECKING:
    from tests.fakes.fault_clients import Client

PAGES = range(1, 61)
# Those whose page is whole in the end: a patient client takes it.
HARMLESS = {"slow-drip", "huge-body", "gzip-bomb"}
CURED = [
    fault.name
    for fault in CATALOGUE
    if fault.cured_by_retry and fault.point is InjectionPoint.ANSWER and int(fault.catalogue_ids[0][1:]) <= 21
]
BROKEN = (http.client.HTTPException, OSError, EOFError, ValueError, RecursionError, zlib.error)


def fetched(api: Client, number: int) -> bytes | None:
    """The records of a page as bytes, or None if this try brought nothing that can be trusted."""
    connection = http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=120)
    try:
        headers = {"Authorization": f"Bearer {api.token}"}
        connection.request("GET", f"/data?page={number}&limit=10", headers=headers)
        with connection.getresponse() as answer:
            body = answer.read()
        if answer.getheader("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if answer.status != 200 or not json.loads(body).get("data"):
            return None
    except BROKEN:
        return None
    finally:
        connection.close()
    return body.rstrip().partition(b'"data":[')[2].removesuffix(b"]}")


def until_fetched(api: Client, number: int) -> bytes:
    return next(records for _ in range(200) if (records := fetched(api, number)) is not None)


def run(threads: int) -> tuple[bytes, dict[str, int], int]:
    faults = ",".join(f"{name}={0.6 / len(CURED)}" for name in CURED)
    with client(faults, total_records=600, drip_seconds=0, huge_body_bytes=100_000) as api:
        with ThreadPoolExecutor(threads) as pool:
            pages = list(pool.map(lambda number: until_fetched(api, number), PAGES))
        assert b",".join(pages) == b",".join(api.server.truth())
        return b",".join(pages), api.server.log.by_fault, api.server.log.requests


def test_F01_to_F21_a_client_that_asks_again_has_every_record_byte_for_byte() -> None:
    _, by_fault, requests = run(threads=1)
    harmless = sum(count for name, count in by_fault.items() if name in HARMLESS)

    assert set(by_fault) > HARMLESS
    assert len(by_fault) > len(CURED) / 2
    assert requests == len(PAGES) + sum(by_fault.values()) - harmless


def test_F01_to_F21_a_crowd_meets_what_one_client_meets() -> None:
    assert run(threads=32) == run(threads=1)
