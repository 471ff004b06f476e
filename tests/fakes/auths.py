"""How each kind of auth is described, and what a source that has it wants to see: one entry a kind."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.messages import HttpRequest

KEY = "hunter2-is-the-key-and-long-enough-for-any-hash"
LOGIN = "https://id.example/token"
BETWEEN_REQUESTS = 60.0
"""Seconds that pass after each request, so that one that was signed before is known by its time."""


@dataclass(frozen=True)
class Seen:
    """A request as the source gets it: all that a signature may be made over.

    Attributes:
        method: ``GET``, ``POST``, ...
        target: Path and query, letter for letter.
        query: The parameters, decoded.
        headers: Their names in lower case; ``host`` is among them.
        body: The bytes; empty where there are none.
        at: The source's wall clock, in seconds since the epoch. It goes on by ``BETWEEN_REQUESTS`` each time.
    """

    method: str
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float

    @classmethod
    def of(cls, request: HttpRequest, at: float) -> Seen:
        """What comes of a request that is sent."""
        parts = urlsplit(request.url)
        raw = "&".join(filter(None, (parts.query, urlencode(request.params, doseq=True))))
        return cls(
            request.method,
            f"{parts.path}?{raw}" if raw else parts.path,
            dict(parse_qsl(raw)),
            {"host": parts.netloc} | {name.lower(): value for name, value in request.headers.items()},
            request.body or b"",
            at,
        )

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def is_now(self, seconds: float) -> bool:
        """Whether a time since the epoch is that of this request, and of none before."""
        return abs(seconds - self.at) < BETWEEN_REQUESTS / 2


@dataclass(frozen=True)
class AuthCase:
    """A kind of auth as a description says it.

    Attributes:
        said: The TOML of ``auth``.
        sees: Whether a request carries what the source wants.
        logs_in: Whether a request for a token comes first.
        token: The answer to the nth of these.
        challenge: Headers of the source's 401, where one is to answer them.
    """

    said: str
    sees: Callable[[Seen], bool]
    logs_in: bool = False
    token: Callable[[int], dict[str, Any]] = field(default=lambda n: {"access_token": f"secret-token-{n}"})
    challenge: dict[str, str] = field(default_factory=dict)


def bearer(seen: Seen) -> bool:
    return seen.headers["authorization"].startswith("Bearer secret-token-")


def is_signed(query: dict[str, str]) -> bool:
    """Whether a query ends with the HMAC of what stands before it."""
    *before, (name, signature) = query.items()
    made = hmac.new(KEY.encode(), urlencode(before).encode(), hashlib.sha256)
    return (name, signature) == ("signature", made.hexdigest())


def answers_the_challenge(seen: Seen) -> bool:
    """Whether a request answers the challenge of ``digest``, as RFC 7616 says it."""
    said = dict(re.findall(r'(\w+)="?([^",]+)"?', seen.headers.get("authorization", "")))

    def hashed(*parts: str) -> str:
        return hashlib.sha256(":".join(parts).encode()).hexdigest()

    asked = hashed(seen.method, seen.target)
    return said.get("uri") == seen.target and said["response"] == hashed(
        hashed("ada", "rows", KEY), "once", said["nc"], said["cnonce"], "auth", asked
    )


def is_signed_for_aws(seen: Seen) -> bool:
    """Whether a request bears a signature of version 4, as AWS makes it anew from what it gets."""
    said = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/(\d{8}/eu-central-1/execute-api/aws4_request), "
        r"SignedHeaders=([\w;-]+), Signature=(\w{64})",
        seen.headers["authorization"],
    )
    if said is None:
        return False
    scope, names, signature = said.groups()
    query = "&".join(sorted(filter(None, seen.target.partition("?")[2].split("&"))))
    headers = "".join(f"{name}:{seen.headers[name]}\n" for name in names.split(";"))
    body = hashlib.sha256(seen.body).hexdigest()
    canonical = f"{seen.method}\n{seen.path}\n{query}\n{headers}\n{names}\n{body}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", seen.headers["x-amz-date"], scope, hashed))
    key = f"AWS4{KEY}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex() == signature


BASIC = b64encode(f"ada:{KEY}".encode()).decode()
CLIENT = 'client_id = "us", client_secret = "${secret.key}"'
CASES = {
    "none": AuthCase(
        'type = "none"', lambda seen: "authorization" not in seen.headers and "key" not in seen.query
    ),
    "bearer": AuthCase(
        'type = "bearer", token = "${secret.key}"',
        lambda seen: seen.headers["authorization"] == f"Bearer {KEY}",
    ),
    "bearer-by-another-name": AuthCase(
        'type = "bearer", token = "${secret.key}", scheme_name = "Klaviyo-API-Key"',
        lambda seen: seen.headers["authorization"] == f"Klaviyo-API-Key {KEY}",
    ),
    "basic": AuthCase(
        'type = "basic", username = "ada", password = "${secret.key}"',
        lambda seen: seen.headers["authorization"] == f"Basic {BASIC}",
    ),
    "api_key-header": AuthCase(
        'type = "api_key", value = "${secret.key}", into = "header.X-Api-Key"',
        lambda seen: seen.headers["x-api-key"] == KEY,
    ),
    "api_key-query": AuthCase(
        'type = "api_key", value = "${secret.key}", into = "query.key"', lambda seen: seen.query["key"] == KEY
    ),
    "login-json": AuthCase(
        f'type = "login", url = "{LOGIN}", json = {{ user = "ada", password = "${{secret.key}}" }}',
        bearer,
        logs_in=True,
    ),
    "login-form-nested-prefix": AuthCase(
        f'type = "login", url = "{LOGIN}", form = {{ u = "ada", p = "${{secret.key}}" }}, '
        'token_path = "data.session.id", into = "header.X-Session", prefix = "Session "',
        lambda seen: seen.headers["x-session"].startswith("Session secret-token-"),
        logs_in=True,
        token=lambda n: {"token_type": "session", "data": {"session": {"id": f"secret-token-{n}"}}},
    ),
    "login-query": AuthCase(
        f'type = "login", url = "{LOGIN}", json = {{ p = "${{secret.key}}" }}, '
        'into = "query.sid", prefix = ""',
        lambda seen: seen.query["sid"].startswith("secret-token-"),
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
        is_signed_for_aws,
    ),
    "hmac": AuthCase(
        'type = "hmac", key = "${secret.key}", timestamp_into = "query.timestamp"',
        lambda seen: is_signed(seen.query) and seen.is_now(int(seen.query["timestamp"]) / 1000),
    ),
    "digest": AuthCase(
        'type = "digest", username = "ada", password = "${secret.key}"',
        answers_the_challenge,
        challenge={"www_authenticate": 'Digest realm="rows", nonce="once", qop="auth", algorithm=SHA-256'},
    ),
}
