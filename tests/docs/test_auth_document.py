"""Every example of the page on auth is a description that is read, and makes a scheme that signs."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from de_classes.api.messages import HttpRequest, HttpResponse
from de_classes.api.source.loading import parse_sources
from tests.fakes.aws import no_aws_environment
from tests.fakes.documents import blocks
from tests.fakes.rotation import FakeRotationStore, auth_runtime
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthDescription
    from tests.fakes.documents import Block

DOCUMENT = "docs/auth.md"
EXAMPLES = [block for block in blocks("toml") if block.document == DOCUMENT]
RESOURCE = {"path": "/rows", "pagination": {"type": "none"}}
ANSWER = {"access_token": "t", "data": {"session": {"id": "s", "ttl": 60}}, "refresh_token": "next"}


class AnySecrets:
    """Has every secret, and a place for those that rotate."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        self.pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.store = FakeRotationStore()

    def get(self, name: str) -> str:
        return self.pem if name == "private_key" else f"secret-{name}"

    def rotation(self, name: str) -> FakeRotationStore:
        return self.store


def auth_of(block: Block) -> AuthDescription:
    source: dict[str, Any] = {"base_url": "https://api.example.com", "resources": {"rows": RESOURCE}}
    content = {"version": 1, "sources": {"it": {**source, **tomllib.loads(block.text)}}}
    return parse_sources(msgspec.json.encode(content), ".json", name=str(block))["it"].auth


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_an_example_is_read_and_signs(block: Block) -> None:
    secrets = AnySecrets()
    with no_aws_environment() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEPROCESS")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-process")
        scheme = auth_of(block).scheme(auth_runtime(FakeTransport(lambda _: json_response(ANSWER)), secrets))
        request = HttpRequest("GET", "https://api.example.com/rows")
        scheme.renew(
            request, HttpResponse(401, {"www-authenticate": 'Digest realm="r", nonce="n", qop="auth"'})
        )
        assert scheme.authorize(request) != request
    if "rotates" in block.text:
        assert secrets.store.tokens.refresh_token == "next"


def test_every_grant_has_an_example() -> None:
    assert {"client_credentials", "refresh_token", "jwt_bearer"} == {
        auth.grant for block in EXAMPLES if hasattr(auth := auth_of(block), "grant")
    }
