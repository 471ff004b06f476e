"""Pages that were read as text: decoded before they are handed on, or asked for again if not sound."""

from __future__ import annotations

from contextlib import suppress

import pytest

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.page import Page, UndecodedRecords
from de_classes.api.pagination import PageRequest
from de_classes.api.prefetch import PageDecoder
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import CorruptResponseError, IncompleteRunError
from de_classes.storage.format.blocks import SharedDecoder
from de_classes.storage.format.decoders import decoder_of
from de_classes.storage.format.schema import Field, Kind, Schema
from de_classes.utils.clock import ManualClock
from de_classes.utils.run_records import RunState
from tests.fakes.transports import FakePagedApi

TOTALS = b'"total_pages":3,"total_records":9'
SHAPE = decoder_of(Schema((Field("id", Kind.INT53),)))


class Again:
    """Hands out one page for all that were not sound."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []
        self.page = Page(2, [{"id": 7}], {})

    def __call__(self, request: PageRequest, page: Page, because: CorruptResponseError) -> Page:
        self.asked.append((request.number, str(because)))
        return self.page


def read(records: bytes, number: int = 2, *, leaves_text: bool = True) -> Page:
    body = b'{"data":' + records + b"," + TOTALS + b"}"
    response = HttpResponse(200, {"content-type": "application/json"}, body)
    return PageReader().read(response, number, leaves_text=leaves_text)


def decoder(shape: object, again: Again) -> PageDecoder:
    return PageDecoder(PageReader(), SharedDecoder(shape), again)  # type: ignore[arg-type]  # parametrized


@pytest.mark.parametrize(
    ("text", "are_some"), [(b'[{"id":1}]', True), (b"[]", False), (b"[ \n]", False), (b"[1]", True)]
)
def test_of_what_nobody_decoded_it_is_known_whether_there_is_any_and_all_else_is_an_error(
    text: bytes, *, are_some: bool
) -> None:
    page = read(text)
    assert isinstance(page.records, UndecodedRecords)
    assert bool(page.records) is are_some
    for ask in (len, list, lambda records: records[0], lambda _: page["data"], lambda _: page.mark):
        with pytest.raises(LookupError, match="are not decoded"):
            ask(page.records)


@pytest.mark.parametrize("shape", [None, SHAPE])
def test_a_page_is_another_one_once_it_is_decoded(shape: object) -> None:
    again, page = Again(), read(b'[{"id":1},{"id":2}]')
    decoded = decoder(shape, again).decode(page, PageRequest(2))
    assert isinstance(page.records, UndecodedRecords)
    assert (decoded.number, len(decoded.records), decoded["total_records"]) == (2, 2, 9)
    assert decoded["data"] == list(decoded.records) == [{"id": 1}, {"id": 2}]
    assert again.asked == []


def test_what_came_decoded_is_left_alone() -> None:
    page = read(b'[{"id":1}]', leaves_text=False)
    assert decoder(None, Again()).decode(page, PageRequest(2)) is page


@pytest.mark.parametrize("shape", [None, SHAPE])
@pytest.mark.parametrize("records", [b'[{"id":1,"id":2}]', b'[{"id":1e400}]', b"[1]"])
def test_F54_a_page_that_is_not_sound_is_asked_for_again(records: bytes, shape: object) -> None:
    again = Again()
    assert decoder(shape, again).decode(read(records), PageRequest(2)) is again.page
    ((number, because),) = again.asked
    assert number == 2
    assert because.startswith(("the answer (application/json) is not sound JSON", "the list 'data' holds"))


def test_decoding_together_never_raises_and_leaves_what_is_not_sound_for_later() -> None:
    again = Again()
    pages = [read(records) for records in (b'[{"id":1}]', b'[{"id":1,"id":2}]', b'[{"id":3}]')]
    whole = read(b'[{"id":4}]', leaves_text=False)
    first, unsound, third, last = decoder(SHAPE, again).decode_together([*pages, whole])
    assert [list(first.records), list(third.records)] == [[{"id": 1}], [{"id": 3}]]
    assert unsound is pages[1]
    assert last is whole
    assert again.asked == []


def corrupt(number: int) -> HttpResponse:
    body = (
        b'{"page":%d,"total_pages":3,"total_records":9,"data":[{"id":1,"id":2},{"id":3},{"id":4}]}' % number
    )
    return HttpResponse(200, {}, body)


@pytest.mark.parametrize("width", [1, 4])
def test_F54_a_run_asks_again_for_what_is_not_sound_and_counts_it(width: int) -> None:
    api, clock = FakePagedApi(9), ManualClock()
    api.faults_for(2, [corrupt(2)])
    client = UnstableAPIClient(
        Endpoint.at("http://api.example/data", look_back="none"),
        limits=ClientLimits(retry_policy=RetryPolicy(jitter=False)),
        runtime=ClientRuntime(transport=api, clock=clock),
    )
    pages = list(client.start_pass(3, concurrency=width, current=SharedDecoder()))
    assert [record["id"] for page in pages for record in page.records] == list(range(9))
    counts = client.counts()
    assert counts.requests_by_outcome == {"200": 3, "CorruptResponseError": 1}
    assert counts.retries_by_cause == {"CorruptResponseError": 1}
    assert clock.monotonic() > 0


def test_F54_a_page_that_stays_so_ends_the_run_as_incomplete() -> None:
    api = FakePagedApi(9)
    api.faults_for(2, [corrupt(2)] * 50)
    client = UnstableAPIClient(
        Endpoint.at("http://api.example/data", look_back="none"),
        runtime=ClientRuntime(transport=api, clock=ManualClock()),
    )
    with pytest.raises(IncompleteRunError) as caught:
        list(client.start_pass(3, current=SharedDecoder()))
    assert list(caught.value.missing_pages) == [2, 3]


@pytest.mark.parametrize("current", [None, SharedDecoder()], ids=["handed on", "written"])
@pytest.mark.parametrize("width", [1, 4])
def test_F54_a_page_is_asked_for_as_often_wherever_it_is_found_not_to_be_sound(
    current: SharedDecoder | None, width: int
) -> None:
    api = FakePagedApi(9)
    api.faults_for(2, [corrupt(2)] * 50)
    policy = RetryPolicy(max_corrupt=3)
    client = UnstableAPIClient(
        Endpoint.at("http://api.example/data", look_back="none"),
        limits=ClientLimits(concurrency=width, retry_policy=policy),
        runtime=ClientRuntime(transport=api, clock=ManualClock()),
    )
    with pytest.raises(IncompleteRunError, match="page 2 failed 3 times"):
        list(client.start_pass(3, current=current))
    assert api.pages_asked().count(2) == 3
    assert client.counts().requests_by_outcome["CorruptResponseError"] == 3


@pytest.mark.parametrize("width", [1, 4])
def test_F54_a_page_that_is_asked_for_again_is_counted_as_the_run_counts(width: int) -> None:
    """Rows appended to a short last page that was taken are not this run's, nor what they add to a total."""
    api, policy = FakePagedApi(8), RetryPolicy(max_corrupt=2)
    client = UnstableAPIClient(
        Endpoint.at("http://api.example/data", look_back="none"),
        limits=ClientLimits(concurrency=width, retry_policy=policy),
        runtime=ClientRuntime(transport=api, clock=ManualClock()),
    )
    api.faults_for(2, [HttpResponse(200, {}, b"{")] * 2)
    first = client.start_pass(3, skip_failed=True)
    entries, ids = [], []
    with suppress(IncompleteRunError):
        for page in first:
            entries.append(first.entry)
            ids += [record["id"] for record in page.records]
    assert list(first.gaps) == [2]
    state = RunState(entries=tuple(entries), gaps=tuple(first.gaps), place=first.place)
    api.total = 12
    body = b'{"page":2,"total_pages":4,"data":[{"id":3,"id":3},{"id":4},{"id":5}]}'
    api.faults_for(2, [HttpResponse(200, {}, body)])
    for page in client.start_pass(3, skip_failed=True, state=state, current=SharedDecoder()):
        ids += [record["id"] for record in page.records]
    assert sorted(ids) == list(range(8))


def test_an_answer_whose_records_and_totals_are_wrong_is_asked_for_again() -> None:
    body = b'{"data":[{"id":1,"id":2}],"total_pages":-1}'
    with pytest.raises(CorruptResponseError):
        PageReader().read(HttpResponse(200, {}, body), 1, leaves_text=True)
