from __future__ import annotations

import json
import logging
from itertools import count
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from de_classes.api.answers import PageReader
from de_classes.api.auth.scheme import StaticScheme
from de_classes.api.auth_client import AuthClient
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import LinkHeaderPagination, OffsetPagination
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import (
    AuthenticationError,
    ForeignOriginError,
    IncompleteRunError,
    InvalidInputError,
    NetworkError,
    PermissionDeniedError,
    RequestRejectedError,
    RetriesExhaustedError,
)
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange
from tests.fakes.clients import BASE, client_of
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response, token_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest
    from de_classes.api.page import Page

WIDTHS = [1, 8]


def ids(pages: list[tuple[int, Page]]) -> list[int]:
    return [record["id"] for _, page in pages for record in page.records]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_record_comes_once_and_in_order(width: int) -> None:
    api = FakePagedApi(total=95)
    pages = list(client_of(api).iterate_all_pages(limit=10, concurrency=width))
    assert [number for number, _ in pages] == list(range(1, 11))
    assert ids(pages) == list(range(95))
    assert sorted(api.pages_asked()) == list(range(1, 11))


def test_the_counters_tell_what_happened() -> None:
    api = FakePagedApi(
        total=25, faults={2: [HttpResponse(503), HttpResponse(429)], 3: [NetworkError("reset")]}
    )
    unstable = client_of(api)
    list(unstable.iterate_all_pages(limit=10))
    assert unstable.retry_count == 3
    assert (unstable.successful_pages, unstable.failed_pages, unstable.records_ingested) == (3, 0, 25)
    counts = unstable.counts()
    assert counts.requests == 6
    assert counts.retries_by_cause == {"503": 1, "429": 1, "NetworkError": 1}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_F01_F02_what_passes_is_retried_until_it_has(status: int, width: int) -> None:
    api = FakePagedApi(total=50, faults={number: [HttpResponse(status)] * 3 for number in range(1, 6)})
    assert ids(list(client_of(api, concurrency=width).iterate_all_pages(limit=10))) == list(range(50))


@pytest.mark.parametrize(("status", "error"), [(400, RequestRejectedError), (403, PermissionDeniedError)])
def test_F03_F37_what_does_not_pass_is_not_retried(status: int, error: type[Exception]) -> None:
    api = FakePagedApi(total=50, faults={2: [HttpResponse(status)]})
    unstable = client_of(api)
    with pytest.raises(error):
        list(unstable.iterate_all_pages(limit=10))
    assert api.pages_asked() == [1, 2]
    assert unstable.failed_pages == 1


def test_F04_the_next_attempt_waits_at_least_as_long_as_asked() -> None:
    clock = ManualClock()
    api = FakePagedApi(total=10, faults={1: [HttpResponse(429, {"retry-after": "3"})]})
    client_of(api, clock).fetch_page(1, 10)
    assert clock.sleeps == [3.0]


def test_F05_a_date_is_waited_for_on_the_wall_clock() -> None:
    clock = ManualClock(now=1_700_000_000.0)
    api = FakePagedApi(
        total=10, faults={1: [HttpResponse(503, {"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"})]}
    )
    client_of(api, clock).fetch_page(1, 10)
    assert clock.sleeps == [60.0]


@pytest.mark.parametrize(
    "broken",
    [
        HttpResponse(200, {"content-type": "text/html"}, b"<html>sorry</html>"),
        HttpResponse(200, {}, b""),
        HttpResponse(200, {}, b'{"total_pages": 1, "data": [{"id": 0}, {"i'),
        json_response({"error": "try again"}),
    ],
    ids=["html", "empty", "cut", "error"],
)
def test_F13_F17_F18_a_200_that_is_not_a_page_is_retried_then_a_typed_error(broken: HttpResponse) -> None:
    api = FakePagedApi(total=10, faults={1: [broken] * 2})
    assert len(client_of(api).fetch_page(1, 10).records) == 10
    hopeless = FakePagedApi(total=10, faults={1: [broken] * 99})
    with pytest.raises(RetriesExhaustedError):
        client_of(hopeless, retry_policy=RetryPolicy(max_attempts=4)).fetch_page(1, 10)
    assert len(hopeless.requests) == 4


@pytest.mark.parametrize("width", WIDTHS)
def test_F21_an_empty_page_in_the_middle_is_asked_for_again(width: int) -> None:
    api = FakePagedApi(total=50)
    api.faults_for(3, [api.page(3, 10, data=[])])
    assert ids(list(client_of(api, concurrency=width).iterate_all_pages(limit=10))) == list(range(50))


@pytest.mark.parametrize("width", WIDTHS)
def test_F21_a_page_that_stays_empty_is_named_after_the_rest_has_come(width: int) -> None:
    api = FakePagedApi(total=50)
    api.faults_for(3, [api.page(3, 10, data=[])] * 99)
    pages: list[tuple[int, Page]] = []

    def take_all() -> None:
        for each in client_of(api, concurrency=width).iterate_all_pages(limit=10):
            pages.append(each)  # noqa: PERF402 - what came before the error is looked at

    with pytest.raises(IncompleteRunError) as caught:
        take_all()
    assert caught.value.missing_pages == (3,)
    assert len(ids(pages)) == 40
    assert api.pages_asked().count(3) == 3


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_that_is_given_up_is_named_with_all_that_follow(width: int) -> None:
    api = FakePagedApi(total=50, faults={3: [HttpResponse(503)] * 99})
    with pytest.raises(IncompleteRunError) as caught:
        list(client_of(api, concurrency=width).iterate_all_pages(limit=10))
    assert caught.value.missing_pages == (3, 4, 5)
    assert isinstance(caught.value.__cause__, RetriesExhaustedError)


def test_an_empty_source_is_believed_when_it_says_so_twice() -> None:
    api = FakePagedApi(total=0)
    assert ids(list(client_of(api).iterate_all_pages(limit=10))) == []
    assert api.pages_asked() == [1, 1]


@pytest.mark.parametrize("start", [1, 3])
def test_F23_a_first_page_that_says_nothing_is_there_for_once_loses_nothing(start: int) -> None:
    api = FakePagedApi(total=50)
    api.faults_for(start, [api.page(start, 10, data=[], total_pages=0, total_records=0)])
    pages = list(client_of(api).iterate_all_pages(limit=10, pages=PageRange(start)))
    assert ids(pages) == list(range((start - 1) * 10, 50))


def test_an_answer_for_another_page_is_asked_for_again() -> None:
    api = FakePagedApi(total=100)
    api.faults_for(4, [api.page(7, 10)])
    assert ids(list(client_of(api).iterate_all_pages(limit=10))) == list(range(100))


def test_F19_F41_a_request_takes_no_longer_than_the_time_that_is_left() -> None:
    clock = ManualClock()
    timeouts: list[float] = []

    class Timed(FakePagedApi):
        def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
            timeouts.append(timeout)
            clock.advance(4)
            return super().send(request, timeout=timeout)

    with pytest.raises(IncompleteRunError, match="the time is up"):
        list(client_of(Timed(total=100), clock, deadline=10.0).iterate_all_pages(limit=10))
    assert timeouts == [10.0, 6.0, 2.0]


def test_F41_a_login_keeps_to_the_deadline_too() -> None:
    clock = ManualClock()
    auth = AuthClient(
        f"{BASE}/login",
        "ada",
        "hunter2",
        runtime=ClientRuntime(transport=FakeTransport(lambda _: HttpResponse(503)), clock=clock),
    )
    with pytest.raises(IncompleteRunError):
        list(client_of(FakePagedApi(total=9), clock, auth=auth, deadline=5.0).iterate_all_pages())
    assert clock.monotonic() <= 5.0


def test_no_error_repeats_the_token_that_an_answer_repeats() -> None:
    def echo(request: HttpRequest) -> HttpResponse:
        return json_response({"you sent": dict(request.headers)}, status=400)

    logins: list[str] = []
    with pytest.raises(RequestRejectedError) as caught:
        authenticated(FakeTransport(echo), ManualClock(), logins).fetch_page(1)
    assert "you sent" in str(caught.value)
    assert "token-1" not in str(caught.value) + caught.value.body


def authenticated(
    api: FakeTransport, clock: ManualClock, logins: list[str], life: object = 300
) -> UnstableAPIClient:
    numbers = count(1)

    def log_in(_: HttpRequest) -> HttpResponse:
        logins.append(f"token-{next(numbers)}")
        return token_response(logins[-1], life)

    auth = AuthClient(
        f"{BASE}/login", "ada", "hunter2", runtime=ClientRuntime(transport=FakeTransport(log_in), clock=clock)
    )
    return client_of(api, clock, auth=auth)


def test_an_address_stands_for_the_endpoint_below_it() -> None:
    by_address, by_endpoint = (UnstableAPIClient(each) for each in (f"{BASE}/", Endpoint.at(f"{BASE}/data")))
    assert (by_address.url, by_address.fingerprint) == (by_endpoint.url, by_endpoint.fingerprint)


def test_an_auth_client_beside_an_endpoint_signs_in_place_of_the_endpoints_own() -> None:
    auth = AuthClient(
        f"{BASE}/login", "ada", "x", runtime=ClientRuntime(FakeTransport(lambda _: token_response()))
    )
    api = FakePagedApi(1)
    own = Endpoint.at(f"{BASE}/data").signed_by(
        StaticScheme(lambda each: replace(each, headers={"X-Own": "1"}))
    )
    UnstableAPIClient(own, runtime=ClientRuntime(api)).fetch_page(1)
    UnstableAPIClient(own, auth, runtime=ClientRuntime(api)).fetch_page(1)
    assert [("X-Own" in each.headers, "Authorization" in each.headers) for each in api.requests] == [
        (True, False),
        (False, True),
    ]


def test_a_logger_of_its_own_is_told_in_place_of_the_runtimes(caplog: pytest.LogCaptureFixture) -> None:
    quiet, own = logging.getLogger("tests.runtime"), logging.getLogger("tests.own")
    for logger in (None, own):
        api = FakePagedApi(1, faults={1: [HttpResponse(503)]})
        runtime = ClientRuntime(api, ManualClock(), quiet)
        UnstableAPIClient(BASE, None, logger, runtime=runtime).fetch_page(1)
    assert [each.name for each in caplog.records] == ["tests.runtime", "tests.own"]


class Revoking(FakePagedApi):
    """Accepts only tokens that are not revoked."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.revoked: set[str] = set()

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        if request.headers["Authorization"].removeprefix("Bearer ") in self.revoked:
            return HttpResponse(401)
        return super().send(request, timeout=timeout)


def test_F29_the_token_is_read_anew_for_every_attempt() -> None:
    logins: list[str] = []
    api = FakePagedApi(total=10, faults={1: [HttpResponse(503, {"retry-after": "120"})]})
    authenticated(api, ManualClock(), logins, life=60).fetch_page(1, 10)
    assert [request.headers["Authorization"] for request in api.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_F30_a_token_revoked_early_costs_one_login_and_no_page(width: int) -> None:
    logins: list[str] = []
    api = Revoking(total=900)
    unstable = authenticated(api, ManualClock(), logins)
    pages = []
    for number, page in unstable.iterate_all_pages(limit=10, concurrency=width):
        pages.append((number, page))
        if number == 3:
            api.revoked.add("token-1")
    assert ids(pages) == list(range(900))
    assert logins == ["token-1", "token-2"]
    assert unstable.failed_pages == 0


def test_F30_a_second_401_in_a_row_is_fatal() -> None:
    logins: list[str] = []
    api = FakeTransport(lambda _: HttpResponse(401))
    with pytest.raises(AuthenticationError):
        authenticated(api, ManualClock(), logins).fetch_page(1)
    assert (len(api.requests), len(logins)) == (2, 2)


def test_F37_a_403_makes_no_login() -> None:
    logins: list[str] = []
    api = FakeTransport(lambda _: HttpResponse(403))
    with pytest.raises(PermissionDeniedError):
        authenticated(api, ManualClock(), logins).fetch_page(1)
    assert (len(api.requests), len(logins)) == (1, 1)


def test_F40_a_next_link_to_another_host_gets_no_token() -> None:
    logins: list[str] = []
    link = '<https://evil.example/v1/data?page=2>; rel="next"'
    api = FakeTransport(lambda _: json_response({"data": [{"id": 1}]}, link=link))
    auth = AuthClient(
        f"{BASE}/login",
        "ada",
        "hunter2",
        runtime=ClientRuntime(transport=FakeTransport(lambda _: token_response())),
    )
    unstable = client_of(
        api, auth=auth, pagination=LinkHeaderPagination(), reader=PageReader(total_pages_field=None)
    )
    with pytest.raises(ForeignOriginError, match=r"evil\.example"):
        list(unstable.iterate_all_pages())
    assert [request.url for request in api.requests] == [f"{BASE}/data"]
    assert logins == []


def test_offsets_can_be_fetched_several_at_a_time() -> None:
    def serve(request: HttpRequest) -> HttpResponse:
        offset, limit = int(request.params["offset"]), int(request.params["limit"])
        rows = [{"id": n} for n in range(offset, min(offset + limit, 35))]
        return json_response({"total_records": 35, "data": rows})

    unstable = client_of(
        FakeTransport(serve),
        pagination=OffsetPagination(),
        reader=PageReader(total_pages_field=None),
        concurrency=4,
    )
    assert ids(list(unstable.iterate_all_pages(limit=10))) == list(range(35))


def test_start_and_stop_pages_are_kept_to() -> None:
    api = FakePagedApi(total=95)
    assert ids(list(client_of(api, pages=PageRange(2, 3)).iterate_all_pages(limit=10))) == list(range(10, 30))
    assert api.pages_asked() == [2, 3]


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "10", None])
def test_a_bad_limit_is_refused_before_any_request(limit: object) -> None:
    api = FakePagedApi(total=10)
    with pytest.raises(InvalidInputError, match="limit"):
        client_of(api).iterate_all_pages(limit=limit)  # type: ignore[arg-type]  # that is the point
    assert api.requests == []


@pytest.mark.parametrize("page_num", [0, -3])
def test_a_bad_page_number_is_refused_before_any_request(page_num: int) -> None:
    api = FakePagedApi(total=10)
    with pytest.raises(InvalidInputError, match="page"):
        client_of(api).fetch_page(page_num)
    assert api.requests == []


@pytest.mark.parametrize("concurrency", [0, 65])
def test_a_bad_concurrency_is_refused_at_once(concurrency: int) -> None:
    with pytest.raises(InvalidInputError, match="concurrency"):
        client_of(FakePagedApi(total=10), concurrency=concurrency)


def test_retries_are_logged_without_anything_secret(caplog: pytest.LogCaptureFixture) -> None:
    logins: list[str] = []
    api = FakePagedApi(total=10, faults={1: [HttpResponse(503)]})
    with caplog.at_level(logging.DEBUG):
        authenticated(api, ManualClock(), logins).fetch_page(1, 10)
    assert "answered 503" in caplog.text
    assert not any(secret in caplog.text for secret in ("hunter2", "token-1"))


def test_the_result_is_the_answer_as_the_api_sent_it() -> None:
    api = FakePagedApi(total=3)
    [(number, result)] = client_of(api).iterate_all_pages(limit=10)
    assert number == result["page"] == 1
    assert dict(result) == json.loads(api.page(1, 10).body)
