from __future__ import annotations

import logging

from de_classes.api.counters import ClientCounters
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpRequest, HttpResponse
from de_classes.api.page_fetcher import PageFetcher
from de_classes.api.retry import RetryPolicy
from de_classes.utils.clock import SystemClock
from tests.fakes.transports import FakePagedApi

SECRET = {"authorization": "Bearer hunter2"}


def test_a_request_shows_neither_its_headers_nor_its_body() -> None:
    request = HttpRequest("POST", "https://api.example/login", {"a": "1"}, SECRET, b"password=hunter2")
    assert repr(request) == "HttpRequest(method='POST', url='https://api.example/login', params={'a': '1'})"


def test_an_answer_shows_neither_its_headers_nor_its_body() -> None:
    response = HttpResponse(200, SECRET, b'{"access_token": "hunter2"}', 0.5)
    assert repr(response) == "HttpResponse(status=200, seconds=0.5)"


def test_what_gets_pages_does_not_show_the_headers_that_it_sends() -> None:
    fetcher = PageFetcher(
        endpoint=Endpoint("https://api.example/data", headers=SECRET),
        transport=FakePagedApi(20),
        policy=RetryPolicy(),
        timeout=1.0,
        per_second=None,
        deadline=None,
        clock=SystemClock(),
        counters=ClientCounters(),
        logger=logging.getLogger(__name__),
    )
    assert "https://api.example/data" in repr(fetcher)
    assert "hunter2" not in repr(fetcher)
    assert "hunter2" not in f"{fetcher.new_context()}{list(fetcher.__rich_repr__())}"
