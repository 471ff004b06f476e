"""Pages by a field of the last record, of a source that keeps its order only so far (F99)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint, PageSize
from de_classes.api.pagination import LastRecordPagination
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import ProtocolError, SourceChangedError
from de_classes.utils.clock import ManualClock
from de_classes.utils.run_records import RunState
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse

LIMIT, COUNT, OVERLAP = 10, 47, 5
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
ORDER = sorted(range(COUNT), key=lambda number: number + number * 7 % OVERLAP)


def stamp(number: int) -> str:
    return (NOON + timedelta(seconds=number)).isoformat()


class Feed(FakeTransport):
    """Gives what is beyond the value that it is asked for, in an order of its own."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__(self._answer_to)
        self._values = values

    def _answer_to(self, request: HttpRequest) -> HttpResponse:
        since, size = request.params.get("since"), int(request.params["limit"])
        beyond = [value for value in self._values if since is None or self._is_beyond(value, since)]
        return json_response({"data": [{"id": value} for value in beyond[:size]]})

    @staticmethod
    def _is_beyond(value: Any, since: str) -> bool:
        return bool(value > (since if isinstance(value, str) else int(since)))


def client(values: list[Any], key: tuple[str, ...] = ()) -> UnstableAPIClient:
    endpoint = Endpoint(
        "https://api.example/feed",
        pagination=LastRecordPagination(path="id", into="query.since", overlap=OVERLAP),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        page_size=PageSize(into="query.limit"),
        key=key,
    )
    return UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=Feed(values), clock=ManualClock()),
    )


@pytest.mark.parametrize("key", [(), ("id",)], ids=["no key", "by the key"])
@pytest.mark.parametrize("kind", [int, stamp], ids=["numbers", "timestamps"])
def test_every_record_comes_once_and_the_run_is_complete(kind: Any, key: tuple[str, ...]) -> None:
    run = client([kind(number) for number in ORDER], key).start_pass(LIMIT)
    came = [record["id"] for page in run for record in page.records]
    assert sorted(came) == [kind(number) for number in range(COUNT)]
    assert run.evidence_if_still is not None
    assert run.evidence_if_still.still.by == "sampled"


@pytest.mark.parametrize("taken", range(1, 7))
def test_a_run_that_is_stopped_goes_on_with_what_was_held_back(taken: int) -> None:
    entries, came, run = [], [], client(ORDER).start_pass(LIMIT)
    for page in run:
        entries.append(run.entry)
        came += [record["id"] for record in page.records]
        if len(entries) == taken:
            break
    rest = client(ORDER).start_pass(LIMIT, state=RunState(entries=tuple(entries), place=run.place))
    came += [record["id"] for page in rest for record in page.records]
    assert sorted(came) == list(range(COUNT))


def test_a_field_that_is_no_number_and_no_timestamp_cannot_overlap() -> None:
    with pytest.raises(ProtocolError, match="no number or timestamp at 'id'"):
        list(client(["ch_1", "ch_2"]).start_pass(LIMIT))


def test_a_page_that_begins_before_the_value_it_was_asked_for_is_refused_however_it_is_ordered() -> None:
    answers = iter([range(100, 110), range(10), ()])
    transport = FakeTransport(lambda _: json_response({"data": [{"id": value} for value in next(answers)]}))
    endpoint = Endpoint(
        "https://api.example/feed",
        pagination=LastRecordPagination(path="id", into="query.since"),
        reader=PageReader(total_pages_field=None, total_records_field=None),
        key=("id",),
    )
    feed = UnstableAPIClient(
        endpoint,
        limits=ClientLimits(concurrency=1),
        runtime=ClientRuntime(transport=transport, clock=ManualClock()),
    )
    with pytest.raises(SourceChangedError, match="page 2 are not in the order of 'id'"):
        list(feed.start_pass(LIMIT))


def test_what_the_first_page_is_asked_for_by_may_be_said() -> None:
    pagination = LastRecordPagination(path="id", into="query.since", first=20)
    assert pagination.request_for(1, LIMIT).values == {"query.since": 20}
    assert pagination.request_for(1, LIMIT).size == LIMIT
    assert LastRecordPagination(path="id", into="query.since").request_for(1, LIMIT).values == {}
