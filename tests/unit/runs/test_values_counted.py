"""How many values of a column are not null, as the receipt of a run in Parquet has it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from msgspec.structs import replace

from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.api_data_service import ApiDataService
from de_classes.runs.progress import RunProgress
from de_classes.storage.format import DataFormatService
from de_classes.storage.services import StorageDataService
from de_classes.utils.clock import ManualClock
from tests.fakes.runs import BASE, BUCKET, LOGGER, KilledError, memory, plan, progress, rows, service
from tests.fakes.transports import FakeTransport

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest
    from de_classes.runs.progress import SealedPart
    from de_classes.storage.format.schema import Record

SIZE = 10


def record(number: int) -> Record:
    """Nulls, absent keys, and a column that comes late and turns out to be text."""
    late = {} if number < 55 else {"late": number if number < 70 else "text"}
    return {
        "id": number,
        "third": number if number % 3 else None,
        "nested": {"a": None} if number % 2 else None,
        **late,
    }


RECORDS = [record(number) for number in range(95)]


def page(request: HttpRequest) -> HttpResponse:
    query = {**dict(parse_qsl(urlsplit(request.url).query)), **request.params}
    number = int(query["page"])
    body = {
        "page": number,
        "total_pages": 10,
        "total_records": 95,
        "data": RECORDS[(number - 1) * SIZE : number * SIZE],
    }
    return HttpResponse(200, {"content-type": "application/json"}, json.dumps(body).encode())


def values(records: list[Record]) -> dict[str, int]:
    return dict(Counter(name for each in records for name, value in each.items() if value is not None))


@pytest.mark.parametrize("part_pages", [1, 3, 100])
def test_a_run_counts_what_is_read_back_however_it_is_cut(part_pages: int) -> None:
    store = memory()
    receipt = service(store, FakeTransport(page), part_pages=part_pages).carry_out(plan(format="parquet"))
    assert receipt.values == values(rows(store, receipt)) == values(RECORDS)


def test_a_run_that_went_on_counts_what_was_sealed_before() -> None:
    store = memory()
    with pytest.raises(KilledError):
        service(store, FakeTransport(page), die_after=5).carry_out(plan(format="parquet"))
    receipt = service(store, FakeTransport(page)).carry_out(plan(format="parquet"))
    assert (receipt.invocations, receipt.values) == (2, values(RECORDS))


def test_one_object_counts_them_too() -> None:
    store = memory()
    client = UnstableAPIClient(
        Endpoint.at(f"{BASE}/data", look_back="none"),
        runtime=ClientRuntime(transport=FakeTransport(page), clock=ManualClock()),
    )
    api = ApiDataService(client, StorageDataService(store, DataFormatService(), LOGGER), LOGGER)
    assert api.fetch_all_to_storage(BUCKET, "all.parquet", limit=SIZE).values == values(RECORDS)


@pytest.mark.parametrize("name", ["csv", "json", "jsonl"])
def test_other_formats_do_not_count(name: str) -> None:
    assert service(memory(), FakeTransport(page)).carry_out(plan(format=name)).values == {}


def test_parts_that_were_sealed_without_a_count_leave_the_whole_uncounted() -> None:
    store = memory()
    with pytest.raises(KilledError):
        service(store, FakeTransport(page), die_after=5).carry_out(plan(format="parquet"))
    sealed: list[Any] = list(progress(store).sealed)
    assert len(sealed) == 2
    assert RunProgress(sealed).values == values(RECORDS[:40])
    older: list[SealedPart] = [sealed[0], replace(sealed[1], values={})]
    assert RunProgress(older).values == {}
