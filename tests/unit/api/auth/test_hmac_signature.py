from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from typing import Any
from urllib.parse import unquote

import pytest

from de_classes.api.auth.hmac_signature import HmacAuth
from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.messages import HttpRequest, target
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.runtime import ClientRuntime
from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from de_classes.errors import ConfigurationError
from de_classes.utils.clock import ManualClock
from tests.fakes.raw_server import RawServer, answer
from tests.fakes.rotation import FakeSecrets, auth_runtime
from tests.fakes.transports import FakeTransport, json_response, scripted

KEY = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


def signed(request: HttpRequest, **said: Any) -> HttpRequest:
    return (
        HmacAuth(key="${secret.key}", **said)
        .scheme(
            auth_runtime(
                scripted([]), FakeSecrets(key=KEY, name="my-key"), clock=ManualClock(now=1499827319.559)
            )
        )
        .authorize(request)
    )


def made(text: str, digest: str = "sha256") -> str:
    return hmac.new(KEY.encode(), text.encode(), digest).hexdigest()


def test_the_published_example_of_binance_is_signed_as_published() -> None:
    query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
    request = signed(
        HttpRequest("GET", f"https://api.example/api/v3/order?{query}"),
        timestamp_into="query.timestamp",
        headers={"X-MBX-APIKEY": "${secret.name}"},
    )
    assert target(request) == (
        f"/api/v3/order?{query}&timestamp=1499827319559"
        "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )
    assert request.headers["X-MBX-APIKEY"] == "my-key"


@pytest.mark.parametrize("kind", [HttpClientTransport, RequestsTransport])
def test_what_is_signed_is_what_is_sent(kind: type[HttpClientTransport | RequestsTransport]) -> None:
    with RawServer([answer(b"{}")]) as server:
        request = HttpRequest("GET", f"{server.url}/a ä?b=c d", params={"q": "x y&ü~", "list": ["1", "2"]})  # type: ignore[dict-item]
        kind().send(signed(request), timeout=2.0)
        sent = server.heads[0].decode().split(" ")[1]
    query, _, signature = sent.partition("?")[2].rpartition("&signature=")
    assert signature == made(query)
    assert "list=1&list=2" in query


def test_a_body_is_signed_as_it_is_sent() -> None:
    body = json.dumps({"a": "ü"}, ensure_ascii=False).encode()
    request = signed(
        HttpRequest("POST", "https://api.example/a", body=body),
        over="body",
        into="header.X-Hub-Signature-256",
        prefix="sha256=",
    )
    assert request.headers["X-Hub-Signature-256"] == f"sha256={made(body.decode())}"
    assert request.body == body


def test_a_text_of_the_request_is_signed_with_its_time_in_a_header() -> None:
    request = signed(
        HttpRequest("POST", "https://api.example/v2/x", params={"b": "2"}, body=b'{"c":3}'),
        over="${timestamp}${method}${target}|${path}|${query}|${body}${secret.name}",
        into="header.X-Sign",
        timestamp_into="header.X-Time",
        timestamp_unit="s",
        digest="sha512",
        encoding="base64",
    )
    text = '1499827319POST/v2/x?b=2|/v2/x|b=2|{"c":3}my-key'
    expected = b64encode(hmac.new(KEY.encode(), text.encode(), hashlib.sha512).digest()).decode()
    assert (request.headers["X-Sign"], request.headers["X-Time"]) == (expected, "1499827319")


def test_a_signature_in_base64_is_encoded_in_the_query() -> None:
    request = signed(HttpRequest("GET", "https://api.example/a"), encoding="base64")
    text = b64encode(hmac.new(KEY.encode(), b"", hashlib.sha256).digest()).decode()
    assert unquote(target(request)) == f"/a?signature={text}"
    assert target(request).isascii()
    assert "=" not in target(request).removeprefix("/a?signature=")


def test_every_attempt_has_its_own_time() -> None:
    clock = ManualClock()
    scheme = HmacAuth(key="k" * 8, timestamp_into="query.t").scheme(auth_runtime(scripted([]), clock=clock))
    first = scheme.authorize(HttpRequest("GET", "https://api.example/a"))
    clock.advance(1)
    assert scheme.authorize(HttpRequest("GET", "https://api.example/a")).url != first.url


def test_a_text_without_a_name_in_it_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="over must be query, body, or a text"):
        HmacAuth(key="k", over="Query")


def test_the_body_of_a_described_post_is_signed_as_sent() -> None:
    text = """
version = 1
[sources.it]
base_url = "https://api.example"
auth = { type = "hmac", key = "${secret.key}", over = "${method}${target}${body}", into = "header.X-Sign" }
[sources.it.resources.rows]
method = "POST"
path = "/rows"
json = { filter = "ü" }
records_path = "rows"
page_size = { into = "json.limit" }
pagination = { type = "none" }
"""

    def answered(request: HttpRequest) -> Any:
        right = made(f"POST/rows{(request.body or b'').decode()}")
        return json_response({"rows": [{"id": 1}]}, 200 if request.headers["X-Sign"] == right else 401)

    source = Source(parse_sources(text.encode(), ".toml", name="it.toml"))
    client = source["it.rows"].client(
        secrets=FakeSecrets(key=KEY), runtime=ClientRuntime(transport=FakeTransport(answered))
    )
    assert [record for _, page in client.iterate_all_pages(limit=5) for record in page.records] == [{"id": 1}]
