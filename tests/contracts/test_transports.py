"""What every transport promises, whatever the other side does."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.messages import HttpRequest
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.transport import BodyLimits
from de_classes.errors import ConfigurationError, DeClassesError, NetworkError, ProtocolError
from tests.fakes.effort import examples
from tests.fakes.ports import nobody_listens
from tests.fakes.raw_server import PATIENCE, RawServer, answer, drip, one_by_one, reset, tunnel
from tests.fakes.tls import self_signed

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from de_classes.api.messages import HttpResponse
    from de_classes.api.transport import Transport

    Behaviour = bytes | Callable[[socket.socket], None]
    Transports = Callable[..., Transport]

BODY = b'{"data": []}' * 200


@pytest.fixture(params=[HttpClientTransport, RequestsTransport])
def transports(request: pytest.FixtureRequest) -> Transports:
    made: Transports = request.param
    return made


def get(transports: Transports, behaviour: Behaviour, **limits: int) -> HttpResponse:
    with RawServer([behaviour]) as server:
        request = HttpRequest("GET", server.url + "/data", params={"api_key": "hunter2"})
        return transports(limits=BodyLimits(**limits)).send(request, timeout=PATIENCE)


def sent(transports: Transports, method: str, path: str, **parts: Any) -> str:
    """What reaches the server, as text."""
    with RawServer([answer(b"{}")]) as server:
        transports().send(HttpRequest(method, server.url + path, **parts), timeout=PATIENCE)
        return server.heads[0].decode()


def test_a_parameter_of_several_values_is_sent_once_for_each(transports: Transports) -> None:
    head = sent(transports, "GET", "/data", params={"tag": ["a", "b c"]})
    assert head.startswith("GET /data?tag=a&tag=b+c HTTP/1.1")


def fails(transports: Transports, behaviour: Behaviour) -> None:
    with pytest.raises(NetworkError) as caught:
        get(transports, behaviour)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value)


def test_an_answer_comes_whole_with_headers_in_lower_case(transports: Transports) -> None:
    response = get(transports, answer(BODY, X_Thing="7"))
    assert (response.status, response.body, response.header("X-Thing")) == (200, BODY, "7")
    assert response.seconds > 0


def test_any_status_is_an_answer(transports: Transports) -> None:
    assert get(transports, answer(b"no", status="503 Service Unavailable")).status == 503


def test_gzip_is_undone(transports: Transports) -> None:
    assert get(transports, answer(gzip.compress(BODY), Content_Encoding="gzip")).body == BODY


def test_chunks_are_joined(transports: Transports) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:100], BODY[100:]))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert get(transports, head + chunks + b"0\r\n\r\n").body == BODY


def test_F09_a_refused_connection_is_worth_another_try(transports: Transports) -> None:
    with nobody_listens() as address, pytest.raises(NetworkError):
        transports().send(HttpRequest("GET", f"http://{address}/"), timeout=PATIENCE)


def test_F09_a_name_that_does_not_resolve_is_worth_another_try(transports: Transports) -> None:
    with pytest.raises(NetworkError):
        transports().send(HttpRequest("GET", "http://no-such-host.invalid/"), timeout=PATIENCE)


@pytest.mark.parametrize("data", [b"", b"\x00\xff\x13garbage", b"HTTP/1.1 abc\r\n\r\n"])
def test_F10_an_empty_reply_or_garbage_is_worth_another_try(transports: Transports, data: bytes) -> None:
    fails(transports, data)


def test_F11_a_reset_is_worth_another_try(transports: Transports) -> None:
    fails(transports, reset)


@pytest.mark.parametrize("line", [b"Server says hello", b"X Y: a", b"N\xc3\xa4me: a"])
def test_F11_a_head_line_that_is_no_header_hides_no_length_behind_it(
    transports: Transports, line: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
    fails(transports, head + BODY[: len(BODY) // 2])
    fails(transports, head + BODY)


def test_F11_a_body_shorter_than_announced_is_worth_another_try(transports: Transports) -> None:
    fails(transports, answer(BODY, content_length="99999"))


@pytest.mark.parametrize("sent", [b"400\r\nonly a part", b"4\r\ndata\r\n", b"zz\r\n"])
def test_F12_a_chunked_body_cut_short_is_worth_another_try(transports: Transports, sent: bytes) -> None:
    fails(transports, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + sent)


def test_F14_a_truncated_gzip_is_worth_another_try(transports: Transports) -> None:
    fails(transports, answer(gzip.compress(BODY)[:-12], Content_Encoding="gzip"))


def test_F15_a_bad_gzip_checksum_is_worth_another_try(transports: Transports) -> None:
    body = bytearray(gzip.compress(BODY))
    body[-6] ^= 0xFF
    fails(transports, answer(bytes(body), Content_Encoding="gzip"))


def test_F16_a_slow_drip_ends_at_the_deadline_for_the_whole_request(transports: Transports) -> None:
    behaviour = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x" * 1000)
    with RawServer([behaviour]) as server:
        started = time.monotonic()
        with pytest.raises(NetworkError):
            transports().send(HttpRequest("GET", server.url), timeout=0.3)
        assert time.monotonic() - started < 15.0  # of twenty that the drip takes


def test_F19_an_answer_beyond_the_limit_is_refused(transports: Transports) -> None:
    with pytest.raises(ProtocolError, match="wire bytes"):
        get(transports, answer(BODY), wire=1000)


def test_F39_a_redirect_is_handed_back_not_followed(transports: Transports) -> None:
    response = get(transports, answer(b"", status="302 Found", Location="https://evil.example/"))
    assert (response.status, response.header("location")) == (302, "https://evil.example/")


@pytest.mark.parametrize("url", ["nonsense", "ftp://api.example/data", "http://", "http://[bad/"])
def test_an_unusable_url_is_a_matter_of_configuration(transports: Transports, url: str) -> None:
    with pytest.raises(ConfigurationError):
        transports().send(HttpRequest("GET", url), timeout=1.0)


def test_a_url_with_credentials_in_it_is_never_quoted_with_them(transports: Transports) -> None:
    with pytest.raises(DeClassesError) as caught:
        transports().send(HttpRequest("GET", "http://me:hunter2@no-such-host.invalid/"), timeout=1.0)
    assert "hunter2" not in str(caught.value)


def test_a_header_that_would_begin_another_is_a_matter_of_configuration(transports: Transports) -> None:
    request = HttpRequest("GET", "http://127.0.0.1:9/", headers={"X-Thing": "a\r\nX-Other: b"})
    with pytest.raises(ConfigurationError):
        transports().send(request, timeout=1.0)


def test_parameters_are_added_to_those_of_the_url(transports: Transports) -> None:
    head = sent(transports, "GET", "/da ta/%41?a=1&b=%26#there", params={"c": "x y&ü", "d": ""})
    assert head.startswith("GET /da%20ta/")
    assert "?a=1&b=%26&c=x+y%26%C3%BC&d= HTTP/1.1\r\n" in head


def test_a_url_without_a_path_asks_for_the_root(transports: Transports) -> None:
    assert sent(transports, "GET", "").startswith("GET / HTTP/1.1\r\n")
    assert sent(transports, "GET", "?a=1").startswith("GET /?a=1 HTTP/1.1\r\n")


def test_headers_and_body_reach_the_server(transports: Transports) -> None:
    text = sent(
        transports, "POST", "/", headers={"X-Thing": "7", "Accept": "application/json"}, body=b"hello"
    )
    lines = text.lower().split("\r\n")
    assert {"x-thing: 7", "accept: application/json", "content-length: 5"} <= set(lines)
    assert (
        len([line for line in lines if line.startswith(("accept:", "host:", "accept-encoding: gzip, def"))])
        == 3
    )


def test_a_header_of_the_request_replaces_the_transports_own(transports: Transports) -> None:
    text = sent(transports, "GET", "/", headers={"accept": "text/csv", "user-agent": "mine", "ACCEPT": "a/b"})
    lines = [
        line.lower() for line in text.split("\r\n") if line.lower().startswith(("accept:", "user-agent:"))
    ]
    assert sorted(lines) == ["accept: a/b", "user-agent: mine"]


def test_a_repeated_header_is_joined(transports: Transports) -> None:
    twice = b"HTTP/1.1 200 OK\r\nLink: <a>\r\nContent-Length: 0\r\nlink: <b>\r\n\r\n"
    assert get(transports, twice).header("Link") == "<a>, <b>"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_has_none(transports: Transports, status: str) -> None:
    assert get(transports, f"HTTP/1.1 {status}\r\n\r\n".encode()).body == b""


@pytest.mark.parametrize(
    "head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"]
)
def test_without_a_length_the_body_ends_with_the_connection(transports: Transports, head: bytes) -> None:
    assert get(transports, head + BODY).body == BODY


def test_a_server_that_says_go_on_first_is_waited_for(transports: Transports) -> None:
    assert get(transports, b"HTTP/1.1 100 Continue\r\n\r\n" + answer(BODY)).body == BODY


def test_F39_a_redirect_within_the_origin_is_handed_back_too(transports: Transports) -> None:
    response = get(transports, answer(b"", status="302 Found", Location="/elsewhere"))
    assert (response.status, response.header("location")) == (302, "/elsewhere")


@pytest.mark.parametrize(
    "line", [b"X: " + b"x" * 300_000 + b"\r\n", b"X: y\r\n" * 60_000], ids=["large", "many"]
)
def test_F19_F84_a_head_without_end_is_refused_for_good(transports: Transports, line: bytes) -> None:
    with pytest.raises(ProtocolError, match="head"):
        get(transports, b"HTTP/1.1 200 OK\r\n" + line + b"\r\n")


def test_F78_F84_what_no_request_of_ours_asked_for_is_read_past() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    many = {f"x{number}": "y" for number in range(500)}
    response = get(HttpClientTransport, hints + answer(BODY, X="x" * 70_000, **many))
    assert (response.body, response.header("x499")) == (BODY, "y")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_F82_an_answer_without_a_body_may_announce_any_coding(transports: Transports, status: str) -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Encoding: br\r\n\r\n".encode()
    assert get(transports, head).body == b""


def test_F82_identity_is_no_transfer_coding(transports: Transports) -> None:
    response = get(transports, answer(BODY, Transfer_Encoding="identity"))
    assert response.body == BODY


def test_F09_a_certificate_that_nobody_vouches_for_is_fatal(transports: Transports, tmp_path: Path) -> None:
    context, _ = self_signed(tmp_path)
    with (
        RawServer([answer(BODY)], tls=context) as server,
        pytest.raises(ConfigurationError, match="certificate"),
    ):
        transports().send(HttpRequest("GET", server.url + "/?api_key=hunter2"), timeout=PATIENCE)


def test_F09_a_server_that_speaks_no_tls_is_worth_another_try(transports: Transports) -> None:
    with RawServer([answer(BODY)]) as server, pytest.raises(NetworkError):
        transports().send(HttpRequest("GET", server.url.replace("http:", "https:")), timeout=0.2)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_F89_a_proxy_of_the_environment_is_asked_by_the_whole_address(
    transports: Transports, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with RawServer([answer(BODY)]) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("//", "//user:p%40ss@"))
        request = HttpRequest("GET", "http://api.example:8080/data", params={"a": "1"})
        assert transports().send(request, timeout=PATIENCE).body == BODY
    head = proxy.heads[0].decode()
    assert head.startswith("GET http://api.example:8080/data?a=1 HTTP/1.1\r\n")
    assert "\r\nHost: api.example:8080\r\n" in head
    assert "\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n" in head


@pytest.mark.parametrize("direct", ["127.0.0.1", "localhost,127.0.0.0/8", "*"])
def test_F89_what_needs_no_proxy_is_asked_directly(
    transports: Transports, monkeypatch: pytest.MonkeyPatch, direct: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", direct)
    assert get(transports, answer(BODY)).status == 200


def test_F89_a_proxy_that_is_not_there_is_worth_another_try(
    transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    fails(transports, answer(BODY))


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_F89_https_goes_through_a_tunnel_and_trusts_the_environments_authorities(
    transports: Transports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    context, certificate = self_signed(tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(certificate))
    with RawServer([answer(BODY)], tls=context) as server, RawServer([tunnel(server)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert transports().send(HttpRequest("GET", server.url), timeout=PATIENCE).body == BODY
    assert proxy.heads[0].startswith(f"CONNECT {server.url.removeprefix('https://')} HTTP/1.".encode())


def test_F89_the_environments_credentials_are_not_used(
    transports: Transports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "authorization" not in sent(transports, "GET", "/").lower()


def test_a_connection_is_kept_for_the_next_request(transports: Transports) -> None:
    kept = answer(BODY, connection="keep-alive")
    with RawServer([one_by_one(kept, kept, kept)]) as server:
        transport = transports()
        bodies = [transport.send(HttpRequest("GET", server.url), timeout=PATIENCE).body for _ in range(3)]
        assert (bodies, server.connections) == ([BODY] * 3, 1)


def test_F11_a_kept_connection_that_was_closed_meanwhile_is_opened_again(transports: Transports) -> None:
    with RawServer([one_by_one(answer(BODY, connection="keep-alive"))]) as server:
        transport = transports()
        for _ in range(3):
            assert transport.send(HttpRequest("GET", server.url), timeout=PATIENCE).body == BODY
            server.wait_until_one_is_closed()
            time.sleep(0.02)  # it has yet to come from one end to the other
        assert server.connections == 3


def test_after_a_failure_the_next_request_has_a_connection_of_its_own(transports: Transports) -> None:
    cut = answer(BODY, content_length="99999", connection="keep-alive")
    with RawServer([cut, answer(BODY)]) as server:
        transport = transports()
        with pytest.raises(NetworkError):
            transport.send(HttpRequest("GET", server.url), timeout=PATIENCE)
        assert transport.send(HttpRequest("GET", server.url), timeout=PATIENCE).body == BODY


@given(
    head=st.lists(
        st.sampled_from(
            [
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.0 200\r\n",
                b"Content-Length: 5\r\n",
                b"Content-Length: -1\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Content-Encoding: gzip\r\n",
                b"Connection: keep-alive\r\n",
                b"\r\n",
                b"5\r\nhello\r\n",
                b"-5\r\n",
                b"0\r\n\r\n",
                b"hello",
            ]
        )
        | st.binary(max_size=20),
        max_size=6,
    )
)
@example(head=[b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n", b"-5\r\nhello"])
@settings(max_examples=examples(40), deadline=None)
def test_F10_whatever_comes_is_an_answer_or_one_of_our_errors(head: list[bytes]) -> None:
    for transports in (HttpClientTransport, RequestsTransport):
        assert outcome(transports, b"".join(head)) in {"an answer", "NetworkError", "ProtocolError"}


def outcome(transports: Transports, behaviour: bytes) -> str:
    try:
        get(transports, behaviour)
    except DeClassesError as error:
        return type(error).__name__
    return "an answer"
