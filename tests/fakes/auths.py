"""How each kind of auth is described, and what a source that has it wants to see: one entry a kind."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "hunter2-is-the-key-and-long-enough-for-any-hash"
LOGIN = "https://id.example/token"


@dataclass(frozen=True)
class AuthCase:
    """A kind of auth as a description says it.

    Attributes:
        said: The TOML of ``auth``.
        sees: Whether a request carries what the source wants, by its query and its headers in lower case.
        logs_in: Whether a request for a token comes first.
        token: The answer to the nth of these.
        challenge: Headers of the source's 401, where one is to answer them.
    """

    said: str
    sees: Callable[[dict[str, str], dict[str, str]], bool]
    logs_in: bool = False
    token: Callable[[int], dict[str, Any]] = field(default=lambda n: {"access_token": f"secret-token-{n}"})
    challenge: dict[str, str] = field(default_factory=dict)


def bearer(_: dict[str, str], headers: dict[str, str]) -> bool:
    return headers["authorization"].startswith("Bearer secret-token-")


def is_signed(query: dict[str, str]) -> bool:
    """Whether a query ends with the HMAC of what stands before it."""
    *before, (name, signature) = query.items()
    made = hmac.new(KEY.encode(), urlencode(before).encode(), hashlib.sha256)
    return (name, signature) == ("signature", made.hexdigest())


def answers_the_challenge(header: str) -> bool:
    """Whether a request answers the challenge of ``digest``, as RFC 7616 says it."""
    said = dict(re.findall(r'(\w+)="?([^",]+)"?', header))

    def hashed(*parts: str) -> str:
        return hashlib.sha256(":".join(parts).encode()).hexdigest()

    return bool(said) and said["response"] == hashed(
        hashed("ada", "rows", KEY), "once", said["nc"], said["cnonce"], "auth", hashed("GET", said["uri"])
    )


BASIC = b64encode(f"ada:{KEY}".encode()).decode()
CLIENT = 'client_id = "us", client_secret = "${secret.key}"'
CASES = {
    "none": AuthCase(
        'type = "none"', lambda query, headers: "authorization" not in headers and "key" not in query
    ),
    "bearer": AuthCase(
        'type = "bearer", token = "${secret.key}"',
        lambda _, headers: headers["authorization"] == f"Bearer {KEY}",
    ),
    "bearer-by-another-name": AuthCase(
        'type = "bearer", token = "${secret.key}", scheme_name = "Klaviyo-API-Key"',
        lambda _, headers: headers["authorization"] == f"Klaviyo-API-Key {KEY}",
    ),
    "basic": AuthCase(
        'type = "basic", username = "ada", password = "${secret.key}"',
        lambda _, headers: headers["authorization"] == f"Basic {BASIC}",
    ),
    "api_key-header": AuthCase(
        'type = "api_key", value = "${secret.key}", into = "header.X-Api-Key"',
        lambda _, headers: headers["x-api-key"] == KEY,
    ),
    "api_key-query": AuthCase(
        'type = "api_key", value = "${secret.key}", into = "query.key"', lambda query, _: query["key"] == KEY
    ),
    "login-json": AuthCase(
        f'type = "login", url = "{LOGIN}", json = {{ user = "ada", password = "${{secret.key}}" }}',
        bearer,
        logs_in=True,
    ),
    "login-form-nested-prefix": AuthCase(
        f'type = "login", url = "{LOGIN}", form = {{ u = "ada", p = "${{secret.key}}" }}, '
        'token_path = "data.session.id", into = "header.X-Session", prefix = "Session "',
        lambda _, headers: headers["x-session"].startswith("Session secret-token-"),
        logs_in=True,
        token=lambda n: {"token_type": "session", "data": {"session": {"id": f"secret-token-{n}"}}},
    ),
    "login-query": AuthCase(
        f'type = "login", url = "{LOGIN}", json = {{ p = "${{secret.key}}" }}, '
        'into = "query.sid", prefix = ""',
        lambda query, _: query["sid"].startswith("secret-token-"),
        logs_in=True,
    ),
    "oauth2-client_credentials": AuthCase(
        f'type = "oauth2", grant = "client_credentials", token_url = "{LOGIN}", {CLIENT}',
        bearer,
        logs_in=True,
    ),
    "oauth2-refresh_token": AuthCase(
        f'type = "oauth2", grant = "refresh_token", token_url = "{LOGIN}", refresh_token = "${{secret.key}}"',
        bearer,
        logs_in=True,
    ),
    "oauth2-jwt_bearer": AuthCase(
        f'type = "oauth2", grant = "jwt_bearer", token_url = "{LOGIN}", private_key = "${{secret.key}}", '
        'algorithm = "HS256", claims = { iss = "us" }',
        bearer,
        logs_in=True,
    ),
    "sigv4": AuthCase(
        'type = "sigv4", service = "execute-api", region = "eu-central-1", access_key = "AKIDEXAMPLE", '
        'secret_key = "${secret.key}"',
        lambda _, headers: headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
    ),
    "hmac": AuthCase(
        'type = "hmac", key = "${secret.key}", timestamp_into = "query.timestamp"',
        lambda query, _: is_signed(query) and len(query["timestamp"]) == len("1700000000000"),
    ),
    "digest": AuthCase(
        'type = "digest", username = "ada", password = "${secret.key}"',
        lambda _, headers: answers_the_challenge(headers.get("authorization", "")),
        challenge={"www_authenticate": 'Digest realm="rows", nonce="once", qop="auth", algorithm=SHA-256'},
    ),
}
