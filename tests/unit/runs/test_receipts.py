"""What a receipt says, figure by figure, of a run whose every request is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.auth_client import AuthClient
from de_classes.api.messages import HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange
from de_classes.version import versions
from tests.fakes.runs import BUCKET, DATASET, ids, memory, plan, service
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response, token_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest
    from de_classes.api.receipt import IngestReceipt
    from de_classes.storage.clients import ObjectStore

SECONDS = 4.0


class Growing:
    """Five records by two, of which the first is inserted as soon as the first page was read."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.asked += 1
        rows = [1, 2, 3, 4] if self.asked == 1 else [0, 1, 2, 3, 4]
        number = int(request.params["page"])
        data = [{"id": row} for row in rows[2 * number - 2 : 2 * number]]
        return json_response(
            {"page": number, "total_pages": -(-len(rows) // 2), "total_records": len(rows), "data": data}
        )


@pytest.fixture
def store() -> ObjectStore:
    return memory()


@pytest.fixture
def changed(store: ObjectStore) -> IngestReceipt:
    return service(store, FakeTransport(Growing())).carry_out(plan(key_fields=("id",), limit=2))


def test_F25_a_second_pass_is_told_with_what_it_repaired(store: ObjectStore, changed: IngestReceipt) -> None:
    assert sorted(ids(store, changed)) == [0, 1, 2, 3, 4]
    assert (changed.passes, changed.duplicates, changed.repaired, changed.records) == (2, 1, 1, 5)
    (drift,) = changed.drift
    assert drift.startswith("pass 1: records were inserted")


def test_F25_pages_and_hashes_are_those_of_the_last_pass(changed: IngestReceipt) -> None:
    assert (changed.pages, changed.expected_pages, changed.expected_records) == (3, 3, 5)
    assert [(page.number, page.records) for page in changed.page_hashes] == [(1, 2), (2, 2), (3, 1)]


def test_F25_parts_are_told_with_their_pass(changed: IngestReceipt) -> None:
    assert [(part.pass_, part.first_page) for part in changed.parts] == [(1, 1), (1, 3), (2, 1)]


@pytest.fixture
def costly(store: ObjectStore) -> IngestReceipt:
    """Three pages of four seconds each; the second fails once, and asks to be left alone for nine."""
    clock = ManualClock()
    api = FakePagedApi(30, {2: [HttpResponse(503, {"retry-after": "9"})]})

    def slow(request: HttpRequest) -> HttpResponse:
        clock.advance(SECONDS)
        return api.send(request, timeout=1.0)

    login = FakeTransport(lambda _: token_response())
    auth = AuthClient(
        "https://api.example/login", "ada", "hunter2", runtime=ClientRuntime(transport=login, clock=clock)
    )
    return service(store, FakeTransport(slow), auth=auth, clock=clock).carry_out(plan())


def test_what_was_asked_and_waited_for_is_counted(costly: IngestReceipt) -> None:
    assert (costly.requests, costly.retries, costly.logins) == (4, 1, 1)
    assert (costly.seconds, costly.seconds_waited, costly.seconds_working) == (25.0, 9.0, 16.0)
    assert (costly.passes, costly.repaired, costly.drift, costly.invocations) == (1, 0, [], 1)


def test_it_says_where_everything_is_and_what_made_it(store: ObjectStore, costly: IngestReceipt) -> None:
    assert (costly.bucket, costly.uri) == (BUCKET, store.uri(BUCKET, costly.key))
    assert costly.versions == versions()
    assert costly.content_type == "application/x-ndjson"
    for part in costly.parts:
        assert store.head_object(BUCKET, part.key).size == part.size
        assert part.key.startswith(f"{DATASET}/part-1-")


def test_what_was_reckoned_from_the_first_page_stands_beside_what_it_took(costly: IngestReceipt) -> None:
    assert costly.forecast is not None
    assert costly.actual is not None
    assert costly.forecast != costly.actual


def test_a_run_that_does_not_begin_at_the_first_page_has_a_forecast_of_its_own(store: ObjectStore) -> None:
    receipt = service(store, FakePagedApi(95)).carry_out(plan(pages=PageRange(3, 5)))
    assert (receipt.pages, receipt.records, receipt.expected_records) == (3, 30, None)
    assert receipt.forecast is not None
