"""Every fault of an answer, as it goes over the wire."""

from __future__ import annotations

import gzip
import json
import re
import zlib

import pytest

from tests.fakes.fault_clients import client

HOUR = 3600
START = 1_700_000_000  # the manual clock's, Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("server-error-500", 500),
        ("bad-gateway-502", 502),
        ("unavailable-503", 503),
        ("gateway-timeout-504", 504),
    ],
)
def test_F01_a_failing_server_says_so_and_serves_no_record(fault: str, status: int) -> None:
    with client(fault) as api:
        answer = api.page()

    assert answer.status == status
    assert set(answer.json) == {"error", "message"}
    assert "Retry-After" not in answer.headers
    assert api.server.log.by_fault == {fault: 1}


def test_F02_a_request_that_took_too_long_is_408() -> None:
    with client("request-timeout-408") as api:
        answer = api.page()

    assert answer.raw.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert answer.json["error"] == "request_timeout"


@pytest.mark.parametrize(
    ("fault", "status"), [("bad-request-400", 400), ("not-found-404", 404), ("unprocessable-422", 422)]
)
def test_F03_a_refusal_stays_however_often_it_is_asked(fault: str, status: int) -> None:
    with client(fault) as api:
        assert [api.page().status for _ in range(5)] == [status] * 5


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        pytest.param("rate-limit-429", "3", id="F04"),
        pytest.param("retry-after-date", "Tue, 14 Nov 2023 22:13:23 GMT", id="F05-future"),
        pytest.param("retry-after-past-date", "Tue, 14 Nov 2023 21:13:20 GMT", id="F05-past"),
        pytest.param("retry-after-garbage", "a while; after lunch", id="F06-garbage"),
        pytest.param("retry-after-negative", "-5", id="F06-negative"),
        pytest.param("retry-after-fraction", "1.5", id="F06-fraction"),
        pytest.param("retry-after-zero", "0", id="F06-zero"),
        pytest.param("retry-after-huge", "999999", id="F07"),
    ],
)
def test_F04_F05_F06_F07_a_rate_limit_says_when_to_come_back(fault: str, value: str) -> None:
    with client(fault) as api:
        answer = api.page()

    assert (answer.status, answer.headers["Retry-After"]) == (429, value)
    assert api.clock.now() == START


def test_F10_an_empty_reply_is_no_byte_at_all() -> None:
    with client("empty-reply") as api:
        answer = api.page()

    assert (answer.raw, answer.reset) == (b"", False)
    assert api.server.log.by_status == {None: 1}


def test_F10_a_garbage_reply_is_no_http_and_differs_from_try_to_try() -> None:
    with client("garbage-reply") as api:
        first, second = api.page(), api.page()
    with client("garbage-reply") as api:
        again = api.page()

    assert len(first.raw) == 512
    assert b"HTTP" not in first.raw
    assert first.raw == again.raw != second.raw
    assert not first.reset


def test_F11_a_short_body_ends_before_its_content_length() -> None:
    with client("short-body") as api:
        answer = api.page()
        genuine = api.genuine()

    assert int(answer.headers["Content-Length"]) == len(genuine)
    assert answer.body == genuine[: len(genuine) // 2]
    assert not answer.reset


def test_F11_a_reset_leaves_nothing() -> None:
    with client("reset") as api:
        answer = api.page()
    assert (answer.raw, answer.reset) == (b"", True)


def test_F11_a_reset_in_the_middle_of_a_body() -> None:
    with client("reset-mid-body") as api:
        answer = api.page()
        genuine = api.genuine()

    assert answer.reset
    assert genuine.startswith(answer.body)
    assert len(answer.body) < len(genuine)


def test_F12_a_chunked_body_without_its_end() -> None:
    with client("cut-chunked") as api:
        answer = api.page()
        genuine = api.genuine()
    size, _, rest = answer.body.partition(b"\r\n")

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in answer.headers
    assert int(size, 16) == len(genuine) // 2
    assert rest == genuine[: len(genuine) // 2] + b"\r\n"


def test_F13_a_cut_body_whose_length_nobody_said() -> None:
    with client("cut-body") as api:
        answer = api.page()
        genuine = api.genuine()

    assert {"Content-Length", "Transfer-Encoding"}.isdisjoint(answer.headers)
    assert answer.headers["Connection"] == "close"
    assert (answer.status, answer.body) == (200, genuine[: len(genuine) // 2])


def test_F14_truncated_gzip_is_complete_to_http_and_cut_to_gzip() -> None:
    with client("truncated-gzip") as api:
        answer = api.page()
        genuine = api.genuine()
    unzipped = zlib.decompressobj(wbits=31)
    partial = unzipped.decompress(answer.body)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert 0 < len(partial) < len(genuine)
    assert genuine.startswith(partial)
    assert not unzipped.eof


def test_F15_a_gzip_checksum_that_is_wrong_over_a_body_that_is_right() -> None:
    with client("bad-gzip-checksum") as api:
        answer = api.page()
        genuine = api.genuine()

    assert zlib.decompress(answer.body[10:-8], wbits=-15) == genuine
    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        gzip.decompress(answer.body)


def test_F16_a_slow_drip_comes_a_byte_at_a_time_and_is_whole_in_the_end() -> None:
    with client("slow-drip", drip_bytes=20, drip_seconds=1) as api:
        answer = api.page()
        genuine = api.genuine()

    assert answer.body == genuine
    assert api.clock.sleeps == [1.0] * 20


@pytest.mark.parametrize(
    ("fault", "kind", "body"), [("html-page", "text/html", b"<!doctype html>"), ("empty-body", "", b"")]
)
def test_F17_200_with_something_that_is_no_json(fault: str, kind: str, body: bytes) -> None:
    with client(fault) as api:
        answer = api.page()

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.body.startswith(body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_F18_200_with_an_error_and_no_records_field() -> None:
    with client("error-200") as api:
        answer = api.page()

    assert answer.status == 200
    assert set(answer.json) == {"error"}


def test_F19_a_huge_body_is_the_page_and_blanks() -> None:
    size = 3_000_001
    with client("huge-body", huge_body_bytes=size) as api:
        answer = api.page()
        genuine = api.genuine()

    assert int(answer.headers["Content-Length"]) == len(answer.body) == size
    assert answer.body.rstrip(b" ") == genuine


def test_F19_a_gzip_bomb_is_a_thousand_times_smaller_than_what_is_in_it() -> None:
    size = 16_000_000
    with client("gzip-bomb", huge_body_bytes=size) as api:
        answer = api.page()
        genuine = api.genuine()
    packed = unchunked(answer.body)
    unpacked = gzip.decompress(packed)

    assert (len(unpacked), unpacked.rstrip(b" ")) == (size, genuine)
    assert size / len(packed) > 500
    assert answer.body.endswith(b"\r\n0\r\n\r\n")


def unchunked(body: bytes) -> bytes:
    pieces = []
    while body:
        size, _, body = body.partition(b"\r\n")
        pieces.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(pieces)


def test_F20_nesting_beyond_any_parser_beside_the_genuine_records() -> None:
    with client("deep-nesting") as api:
        answer = api.page()
        genuine = api.genuine()

    assert answer.body.startswith(b'{"debug":' + b"[" * 100_000 + b"]" * 100_000)
    assert answer.body.endswith(genuine[1:])
    with pytest.raises(RecursionError):
        json.loads(answer.body)


def test_F20_an_integer_of_5000_digits_beside_the_genuine_records() -> None:
    with client("long-integer") as api:
        answer = api.page()
        genuine = api.genuine()

    assert re.match(rb'\{"debug":9{5000},', answer.body)
    assert answer.body.endswith(genuine[1:])
    with pytest.raises(ValueError, match="limit"):
        json.loads(answer.body)


def test_F21_an_empty_page_has_right_totals_and_is_whole_at_another_try() -> None:
    with client("empty-page=0.5") as api:
        tries = [[api.page(number).json for _ in range(6)] for number in range(1, 11)]
        genuine = json.loads(api.genuine())
    sizes = [[len(answer["data"]) for answer in answers] for answers in tries]

    assert {0, 10} == {size for page in sizes for size in page}
    assert all(10 in page for page in sizes)
    assert {answer["total_pages"] for answers in tries for answer in answers} == {10}
    assert genuine in tries[1]


def test_F37_a_user_who_may_not_is_403_at_every_try() -> None:
    with client("forbidden-403") as api:
        assert [api.page().status for _ in range(3)] == [403] * 3
        assert api.login().status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_F39_a_redirect_leads_to_the_other_name_of_this_machine(host: str) -> None:
    other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}[host]
    with client("redirect-elsewhere") as api:
        port = api.server.port
        answer = api.ask("GET", "/data", Host=f"{host}:{port}", Authorization=f"Bearer {api.token}")

    assert answer.status == 307
    assert answer.headers["Location"] == f"http://{other}:{port}/elsewhere"


def test_F39_a_login_is_redirected_with_its_password() -> None:
    with client("login-redirect-elsewhere") as api:
        answer = api.login()
        port = api.server.port

    assert (answer.status, answer.headers["Location"]) == (307, f"http://localhost:{port}/elsewhere")


def test_F39_F40_whoever_goes_elsewhere_is_counted_and_so_is_what_came_along() -> None:
    with client(None) as api:
        answers = [
            api.ask("GET", "/elsewhere"),
            api.ask("GET", "/elsewhere", Authorization="Bearer canary"),
            api.ask("GET", "/elsewhere", **{"X-API-Key": "canary"}),
            api.ask("POST", "/elsewhere", b'{"password":"canary"}'),
        ]

    assert [answer.json["data"] for answer in answers] == [[{"from": "elsewhere"}]] * 4
    assert api.server.log.by_fault == {"lured-elsewhere": 1, "credentials-leaked": 3}
    assert "canary" not in repr(api.server.log.entries)


def test_a_fault_keeps_to_its_pages() -> None:
    with client("server-error-500=1@3-5,unavailable-503=1@7,bad-gateway-502=1@9-") as api:
        statuses = [api.page(number).status for number in range(1, 11)]

    assert statuses == [200, 200, 500, 500, 500, 200, 503, 200, 502, 502]
