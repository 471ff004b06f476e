from __future__ import annotations

import io
import re
import time
from http.client import HTTPMessage, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from de_classes.api.http_answer import MAX_HEAD, HttpAnswer
from de_classes.errors import NetworkError, ProtocolError

if TYPE_CHECKING:
    import socket

OK = b"HTTP/1.1 200 OK\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LINES = [
    OK,
    b"HTTP/1.1 204 \r\n",
    b"HTTP/1.1 304\r\n",
    CONTINUE,
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/2 200 OK\r\n",
    b"Content-Length: 5\r\n",
    b"content-length:6\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 5 \r\n",
    b"Transfer-Encoding: Chunked\r\n",
    b"Transfer-Encoding: chunked \r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: Close\r\n",
    b"Keep-Alive: timeout=5\r\n",
    b"Set-Cookie: a=b\r\n",
    b"set-cookie: c=d\r\n",
    b"X: \t y\x85\xa0z \r\n",
    b"X:\r\n",
    b" folded\r\n",
    b"From: x\r\n",
    b"From x\r\n",
    b"nothing of the kind\r\n",
    b": no name\r\n",
    b"X : 1\r\n",
    b"Y: a\x0bb\r\n",
    b"Y: a\rb\r\n",
    b"Y: a\n",
    b"Content-Type: multipart/x; boundary=q\r\n",
    b"Content-Type: message/rfc822\r\n",
]
ENDS = [b"", b"\r\n", b"\r\nhello", b"\n\nhello", b"\r\n5\r\nhello\r\n0\r\n\r\n"]


class Sent:
    """A socket that so many bytes came through."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(cast("io.RawIOBase", io.BytesIO(self._data)))


def begun(kind: type[HTTPResponse], data: bytes, method: str = "GET") -> HTTPResponse:
    answer = kind(cast("socket.socket", Sent(data)), method=method)
    answer.begin()
    return answer


def joined(answer: HTTPResponse) -> dict[str, str]:
    if isinstance(answer, HttpAnswer):
        return answer.fields
    names = dict.fromkeys(name.lower() for name, _ in answer.getheaders())
    return {name: answer.getheader(name) or "" for name in names}


def outcome(kind: type[HTTPResponse], data: bytes, method: str) -> Any:
    """Everything there is to know of an answer, or the kind of error."""
    try:
        answer: Any = begun(kind, data, method)
        framing = (answer.chunked, answer.length, answer.will_close, answer.version)
        return answer.status, answer.reason, framing, joined(answer), answer.read()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        return type(error)


@given(
    lines=st.lists(st.sampled_from(LINES) | st.binary(max_size=12), max_size=7).map(b"".join),
    start=st.sampled_from([OK, OK, OK, b""]),
    end=st.sampled_from(ENDS),
    method=st.sampled_from(["GET", "HEAD"]),
)
@example(lines=b"", start=OK + b"H: x\r\n" * 99, end=b"\r\nhello", method="GET")
@example(lines=b"Content-Length: 5\r\nContent-Length: 6\r\n", start=OK, end=b"\r\nhello", method="GET")
@example(lines=b"Connection: keep-alive\r\nConnection: close\r\n", start=OK, end=b"\r\nhello", method="GET")
@example(lines=b"Content-Length: " + b"1" * 19 + b"\r\n", start=OK, end=b"\r\nhello", method="GET")
def test_F10_whatever_comes_is_read_as_http_client_reads_it(
    lines: bytes, start: bytes, end: bytes, method: str
) -> None:
    data = start + lines + end
    came = outcome(HttpAnswer, data, method)
    if came is NetworkError:
        assert begun(HTTPResponse, data, method).msg.defects
    else:
        assert came == outcome(HTTPResponse, data, method) or (came is IncompleteRead and is_cut(data))


def is_cut(data: bytes) -> bool:
    """Whether the head has no end, of which http.client makes an answer."""
    while data.startswith(CONTINUE):
        data = data[len(CONTINUE) :]
    return re.search(rb"\n\r?\n", data) is None


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints", "199"])
def test_F78_heads_before_the_answer_are_read_past(status: str) -> None:
    interim = f"HTTP/1.1 {status}\r\nLink: </a.css>; rel=preload\r\n\r\n".encode()
    answer = begun(HttpAnswer, interim * 3 + OK + PLAIN)
    assert (answer.status, joined(answer)["content-type"], answer.read()) == (
        200,
        "application/json",
        b"hello",
    )


def test_F78_heads_before_the_answer_without_end_are_refused() -> None:
    with pytest.raises(ProtocolError, match="1xx"):
        begun(HttpAnswer, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000 + OK + PLAIN)


def test_F78_another_protocol_that_nobody_asked_for_is_an_answer() -> None:
    assert begun(HttpAnswer, b"HTTP/1.1 101 Switching Protocols\r\n\r\n").status == 101


@pytest.mark.parametrize(
    "line", [b"X: y\r\n" * 3000, b"X: " + b"y" * 200_000 + b"\r\n"], ids=["many", "large"]
)
def test_F84_many_headers_and_large_ones_are_read(line: bytes) -> None:
    answer = begun(HttpAnswer, OK + line + PLAIN)
    assert (len(joined(answer)["x"]) > 8000, answer.read()) == (True, b"hello")


@pytest.mark.parametrize("line", [b"X: y\r\n" * 60_000, b"X: " + b"y" * MAX_HEAD], ids=["many", "large"])
def test_F84_a_head_beyond_the_limit_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError, match=str(MAX_HEAD)):
        begun(HttpAnswer, OK + line + PLAIN)


@pytest.mark.parametrize("line", [b"X: y\r\n" * 101, b"X: " + b"y" * 70_000 + b"\r\n"], ids=["many", "large"])
def test_F84_a_head_that_is_odd_besides_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError, match="odd"):
        begun(HttpAnswer, b"HTTP/1.0 200 OK\r\n" + line + PLAIN)


PLAIN = b"Content-Type: application/json\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello"


def test_a_plain_head_does_without_the_parser_for_email() -> None:
    answer = begun(HttpAnswer, OK + PLAIN)
    assert type(answer.headers) is dict
    assert joined(answer) == {
        "content-type": "application/json",
        "content-length": "5",
        "set-cookie": "a, b",
    }
    assert answer.read() == b"hello"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\n" + PLAIN,
        OK + b"X: a\r\n b\r\n" + PLAIN,
        OK + b"Content-Length: 5\r\n" + PLAIN,
    ],
    ids=["an old version", "a folded line", "a length said twice"],
)
def test_what_is_not_plain_is_left_to_http_client(head: bytes) -> None:
    answer = begun(HttpAnswer, head)
    assert type(answer.headers) is HTTPMessage
    assert (joined(answer)["content-type"], answer.read()) == ("application/json", b"hello")


@pytest.mark.parametrize("line", [b"X:" + b" " * 8000, b"X: " + b"y " * 4000, b"X:\r\n" * 1500 + b"X"])
def test_F19_a_head_made_to_be_slow_to_read_is_not(line: bytes) -> None:
    assert min(seconds_to_read(OK + line + b"\x00\r\n\r\n") for _ in range(3)) < 1.0


def seconds_to_read(data: bytes) -> float:
    """Of this thread's processor time: others have the processor meanwhile."""
    began = time.thread_time()
    outcome(HttpAnswer, data, "GET")
    return time.thread_time() - began
