from __future__ import annotations

from http.client import InvalidURL
from typing import TYPE_CHECKING

import pytest

from de_classes.api.messages import HttpRequest
from de_classes.api.request_head import RequestHeads

if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "http://api.example/data"


def heads(host: str = "api.example", port: int = 80, *, is_https: bool = False) -> RequestHeads:
    return RequestHeads(host, port, is_https=is_https)


def lines(writer: RequestHeads, request: HttpRequest, target: str = "/data?page=1") -> list[str]:
    return writer.head(request, target).decode("latin-1").split("\r\n")


def get(headers: Mapping[str, str] | None = None) -> HttpRequest:
    return HttpRequest("GET", URL, headers=headers or {})


def test_a_head_names_target_and_host_and_ends_with_an_empty_line() -> None:
    first, *fields, last, end = lines(heads(), get({"X-Thing": "7"}))
    assert (first, last, end) == ("GET /data?page=1 HTTP/1.1", "", "")
    assert sorted(fields) == [
        "Accept-Encoding: gzip, deflate",
        "Accept: */*",
        "Host: api.example",
        "User-Agent: de-classes",
        "X-Thing: 7",
    ]


@pytest.mark.parametrize(
    ("host", "port", "is_https", "named"),
    [
        ("api.example", 443, True, "api.example"),
        ("api.example", 443, False, "api.example:443"),
        ("api.example", 80, True, "api.example:80"),
        ("::1", 8080, False, "[::1]:8080"),
        ("bücher.example", 80, False, "xn--bcher-kva.example"),
    ],
)
def test_a_host_is_named_as_the_standard_has_it(host: str, port: int, named: str, *, is_https: bool) -> None:
    assert f"Host: {named}" in lines(heads(host, port, is_https=is_https), get())


def test_only_the_target_is_new_in_the_next_head() -> None:
    writer = heads()
    assert lines(writer, get(), "/data?page=1")[1:] == lines(writer, get(), "/data?page=2")[1:]
    assert lines(writer, get(), "/data?page=2")[0] == "GET /data?page=2 HTTP/1.1"


def test_a_token_that_is_replaced_is_sent_no_more() -> None:
    writer = heads()
    headers = {"Authorization": "Bearer old"}
    lines(writer, get(headers))
    headers["Authorization"] = "Bearer new"  # the very mapping that was given before
    assert "Authorization: Bearer new" in lines(writer, get(headers))
    assert not [line for line in lines(writer, get()) if line.startswith("Authorization")]


def test_method_and_length_are_those_of_the_request() -> None:
    writer = heads()

    def told(method: str, body: bytes | None) -> list[str]:
        written = lines(writer, HttpRequest(method, URL, body=body), "/")
        return [line for line in written if line.startswith((method, "Content-Length"))]

    assert told("GET", None) == ["GET / HTTP/1.1"]
    assert told("POST", None) == ["POST / HTTP/1.1", "Content-Length: 0"]
    assert told("POST", b"hello") == ["POST / HTTP/1.1", "Content-Length: 5"]
    assert told("POST", b"hello!") == ["POST / HTTP/1.1", "Content-Length: 6"]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"X": "a\r\nY: b"}),
        ("GET", {"X\r\nY": "b"}),
        ("GET", {"": "b"}),
        ("GET", {"X": "\u20ac"}),
        ("GET / HTTP/1.1\r\nX:", {}),
    ],
)
def test_what_would_begin_another_line_is_refused_every_time(method: str, headers: dict[str, str]) -> None:
    writer = heads()
    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
            writer.head(HttpRequest(method, URL, headers=headers), "/")


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidURL):
        heads("a b").head(get(), "/")


def test_a_target_that_no_url_has_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        heads().head(get(), "/ü")
