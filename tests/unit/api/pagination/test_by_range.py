"""Pages by ranges in headers: the total is in the header too."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import RangePagination
from de_classes.api.runtime import ClientRuntime
from de_classes.api.status import ContentRange
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import IncompleteRunError
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest


class Ranges:
    """A source that serves rows by ranges, with status 206 and a total, or refuses what lies behind.

    Args:
        rows: How many it has.
        cap: How many it gives at once.
        says: How many it says that it has; as many as it has if None.
    """

    def __init__(self, rows: int, *, cap: int = 100, says: int | None = None) -> None:
        self._rows = rows
        self._cap = cap
        self._says = rows if says is None else says
        self.asked: list[str] = []
        self.transport = FakeTransport(self._answer)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        asked = request.headers["Range"]
        self.asked.append(asked)
        first, _, last = asked.rpartition("=")[2].partition("-")
        begins, ends = int(first), min(int(last), int(first) + self._cap - 1, self._rows - 1)
        if begins >= self._rows:
            return HttpResponse(416, {"content-range": f"items */{self._says}"})
        body = json.dumps([{"id": number} for number in range(begins, ends + 1)]).encode()
        return HttpResponse(206, {"content-range": f"items {begins}-{ends}/{self._says}"}, body)

    def client(self, pagination: RangePagination | None = None) -> UnstableAPIClient:
        endpoint = Endpoint(
            "https://api.example/rows",
            pagination=pagination or RangePagination(),
            reader=PageReader("@", None, None),
        )
        logger = logging.getLogger("tests.ranges")
        return UnstableAPIClient(
            endpoint, logger=logger, runtime=ClientRuntime(transport=self.transport, clock=ManualClock())
        )


def ids(client: UnstableAPIClient, limit: int) -> list[int]:
    return [record["id"] for _, page in client.iterate_all_pages(limit) for record in page.records]


@pytest.mark.parametrize(("rows", "limit"), [(30, 10), (25, 10), (7, 10), (10, 10), (1, 10)])
def test_every_row_comes_and_the_total_of_the_header_proves_the_end(rows: int, limit: int) -> None:
    source = Ranges(rows)
    run = source.client().start_pass(limit)
    assert [record["id"] for page in run for record in page.records] == list(range(rows))
    evidence = run.evidence_if_still
    assert evidence is not None
    assert evidence.end.by == "total"
    assert evidence.end.saw == f"{rows} records"


def test_a_source_that_caps_its_ranges_is_read_whole() -> None:
    assert ids(Ranges(30, cap=7).client(), 10) == list(range(30))


def test_fewer_rows_than_the_header_says_are_an_incomplete_run() -> None:
    with pytest.raises(IncompleteRunError):
        ids(Ranges(20, says=30).client(), 10)


def test_the_unit_is_left_out_where_it_is_a_header_of_its_own() -> None:
    source = Ranges(12)
    assert ids(source.client(RangePagination(unit="")), 10) == list(range(12))
    assert source.asked[:2] == ["0-9", "10-19"]


@pytest.mark.parametrize(
    ("header", "total"),
    [
        ("items 0-9/30", 30),
        ("0-9/30", 30),
        ("items */0", 0),
        ("*/12", 12),
        ("items 0-9/*", None),
        ("bytes 0-9/30", None),
        ("", None),
        ("30", None),
    ],
)
def test_the_total_of_a_header_is_read_where_records_are_counted(header: str, total: int | None) -> None:
    assert ContentRange.total_of({"content-range": header}) == total
