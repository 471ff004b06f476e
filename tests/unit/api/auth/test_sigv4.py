"""AWS's own published vectors prove the verifier, and the verifier proves what is signed here."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any
from urllib.parse import quote, unquote

import pytest

from de_classes.api.auth.sigv4 import SigV4Auth
from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.messages import HttpRequest, target
from de_classes.api.requests_transport import RequestsTransport
from de_classes.errors import ConfigurationError
from tests.fakes.aws import no_aws_environment
from tests.fakes.raw_server import RawServer, answer
from tests.fakes.rotation import FakeSecrets, auth_runtime
from tests.fakes.transports import scripted

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SAID: dict[str, Any] = {
    "service": "execute-api",
    "region": "eu-central-1",
    "access_key": ACCESS,
    "secret_key": "${secret.key}",
}


def signature(
    method: str,
    sent: str,
    headers: dict[str, str],
    body: bytes,
    *,
    signed: str,
    scope: str,
    is_s3: bool = False,
) -> str:
    """What the receiver computes, by the steps of AWS's documentation, from the request as it came."""
    path, _, query = sent.partition("?")
    pairs = [each.partition("=") for each in query.split("&")] if query else []
    encoded = sorted(
        (quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")) for name, _, value in pairs
    )
    canonical = "\n".join(
        [
            method,
            path if is_s3 else quote(path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in encoded),
            *(f"{name}:{headers[name].strip()}" for name in signed.split(";")),
            "",
            signed,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    date, region, service, _ = scope.split("/")
    text = "\n".join(
        ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{SECRET}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("/?Param1=value1&Param2=value2", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ],
    ids=["get-vanilla", "get-vanilla-query-order-key-case"],
)
def test_the_verifier_computes_the_published_signatures(sent: str, expected: str) -> None:
    headers = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
    scope = "20150830/us-east-1/service/aws4_request"
    assert signature("GET", sent, headers, b"", signed="host;x-amz-date", scope=scope) == expected


def signed(request: HttpRequest, **said: Any) -> HttpRequest:
    return (
        SigV4Auth(**{**SAID, **said})
        .scheme(auth_runtime(scripted([]), FakeSecrets(key=SECRET, session="a-session-token")))
        .authorize(request)
    )


def check(method: str, sent: str, headers: dict[str, str], body: bytes, *, is_s3: bool = False) -> str:
    """Verify a request as it came; gives the names of the headers that are signed."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
        headers["authorization"],
    )
    assert found is not None
    assert signature(method, sent, headers, body, signed=found[2], scope=found[1], is_s3=is_s3) == found[3]
    return found[2]


def came(
    kind: type[HttpClientTransport | RequestsTransport], path: str, **parts: Any
) -> tuple[str, dict[str, str]]:
    with RawServer([answer(b"{}")]) as server:
        method = "POST" if parts.get("body") else "GET"
        service = parts.pop("service", "execute-api")
        kind().send(signed(HttpRequest(method, server.url + path, **parts), service=service), timeout=2.0)
        first, *lines = server.heads[0].decode().split("\r\n")
    return first.split(" ")[1], {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
    }


@pytest.mark.parametrize("kind", [HttpClientTransport, RequestsTransport])
@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/prod/rows", {"page": "1", "limit": "100"}),
        ("/a b/ü", {"q": "x y+z", "empty": "", "~": "/?&=*"}),
        ("/rows?cursor=a%2Fb+c", {"limit": "5"}),
        ("", {}),
    ],
)
def test_what_came_is_what_was_signed(kind: Any, path: str, params: dict[str, str]) -> None:
    sent, headers = came(kind, path, params=params)
    assert check("GET", sent, headers, b"") == "host;x-amz-date"
    assert "+" not in sent


def test_a_body_its_type_and_amazons_own_headers_are_signed() -> None:
    sent, headers = came(
        HttpClientTransport,
        "/",
        body=b'{"a": 1}',
        headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.Scan"},
    )
    assert check("POST", sent, headers, b'{"a": 1}') == "content-type;host;x-amz-date;x-amz-target"


def test_s3_is_signed_in_its_own_way() -> None:
    sent, headers = came(HttpClientTransport, "/bucket/a%20b", service="s3")
    assert check("GET", sent, headers, b"", is_s3=True) == "host;x-amz-content-sha256;x-amz-date"


def test_a_temporary_key_brings_its_token() -> None:
    request = signed(HttpRequest("GET", "https://api.example/a"), session_token="${secret.session}")
    assert request.headers["X-Amz-Security-Token"] == "a-session-token"
    assert target(request) == "/a"


def test_the_processs_own_credentials_sign_where_no_key_is_said() -> None:
    with no_aws_environment() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEPROCESS")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-process")
        request = signed(HttpRequest("GET", "https://api.example/a"), access_key="", secret_key="")
    assert "Credential=AKIAOFTHEPROCESS/" in request.headers["Authorization"]


def test_a_process_without_credentials_is_told() -> None:
    with no_aws_environment(), pytest.raises(ConfigurationError, match="no AWS credentials"):
        signed(HttpRequest("GET", "https://api.example/a"), access_key="", secret_key="")


def test_half_a_key_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="go together"):
        SigV4Auth(service="s", region="r", access_key=ACCESS)
