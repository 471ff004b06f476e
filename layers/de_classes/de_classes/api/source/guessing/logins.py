"""Which ways to log in are worth a request: by the secrets' names, the host, and the words of a refusal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.api.source.guessing.observing import Answer

KEY_HEADERS: Final = (
    "X-Api-Key", "X-Shopify-Access-Token", "X-App-Token", "X-Auth-Token", "X-Access-Token",
    "Api-Key", "apikey",
    "Private-Token", "X-API-Token",
)  # fmt: skip
KEY_PARAMS: Final = (
    "api_key",
    "apikey",
    "key",
    "access_token",
    "token",
    "apiKey",
    "api-key",
    "appid",
    "auth",
)
"""Where a key goes in a header, and in the query: each is tried with all others at once, and then halved."""

_SCHEMES: Final = ("token", "Token", "Klaviyo-API-Key", "ApiKey", "SSWS", "GenieKey", "")
_TOKEN_PATHS: Final = (
    "/services/oauth2/token", "/oauth/token", "/oauth2/token", "/identity/connect/token",
    "/connect/token", "/token",
    "/api/oauth/token", "/oauth2/v1/token", "/v1/oauth2/token",
)  # fmt: skip
_USER: Final = re.compile(r"user|mail|login|account", re.IGNORECASE)
_CLIENT_ID: Final = re.compile(r"client_?id|consumer_?key", re.IGNORECASE)
_CLIENT_SECRET: Final = re.compile(r"client_?secret|consumer_?secret", re.IGNORECASE)
_SIGNING: Final = re.compile(r"(?:api|key|signing)_?secret|secret_?key|^secret$", re.IGNORECASE)
_KEY: Final = re.compile(r"(?:api|access)_?key|^key$", re.IGNORECASE)
_REFRESH: Final = re.compile(r"refresh", re.IGNORECASE)
_NAMED_HEADER: Final = re.compile(r"\b(X-[A-Za-z-]*(?:Key|Token|Auth)[A-Za-z-]*|apikey)\b", re.IGNORECASE)
_NAMED_SCHEME: Final = re.compile(r"\b([A-Z][A-Za-z]+-API-[Kk]ey|SSWS|GenieKey)\b")
_HOSTS: Final = {
    "myshopify.com": {"type": "api_key", "into": "header.X-Shopify-Access-Token"},
    "klaviyo.com": {"type": "bearer", "scheme_name": "Klaviyo-API-Key"},
    "gitlab.com": {"type": "api_key", "into": "header.Private-Token"},
    "pagerduty.com": {"type": "api_key", "into": "header.Authorization", "value": "Token token=${secret.*}"},
}
SECRET_HEADERS: Final = {"tenant": "Xero-Tenant-Id", "account_id": "Harvest-Account-Id"}
"""Headers that go along with a login, by the name of the secret that stands in them."""

VERSION_HEADERS: Final = {
    "Notion-Version": "2022-06-28",
    "revision": "2025-10-15",
    "Intercom-Version": "2.11",
    "X-GitHub-Api-Version": "2022-11-28",
    "Stripe-Version": "2024-06-20",
    "Square-Version": "2024-10-17",
}
"""Headers that some sources insist on, and a value that they know."""


def main_secret(names: Sequence[str]) -> str | None:
    """The secret that is most likely a key or a token by itself."""
    fit = [name for name in names if not _USER.search(name) and not _CLIENT_ID.search(name)]
    ranked = sorted(
        fit,
        key=lambda name: (
            0
            if re.search(r"token|pat$", name, re.IGNORECASE)
            else 1
            if re.search("key", name, re.IGNORECASE)
            else 2
        ),
    )
    return next(iter(ranked), next(iter(names), None))


def logins(names: Sequence[str], url: str, refusal: Answer) -> Iterator[dict[str, Any]]:
    """Ways to log in, as a description says them, the likeliest first.

    Args:
        names: Of the secrets.
        url: The collection's address.
        refusal: What came without any.
    """
    seen: list[dict[str, Any]] = []
    for auth in _all(names, url, refusal):
        if auth not in seen:
            seen.append(auth)
            yield auth


def _all(names: Sequence[str], url: str, refusal: Answer) -> Iterator[dict[str, Any]]:
    client_id = next((name for name in names if _CLIENT_ID.search(name)), None)
    client_secret = next((name for name in names if _CLIENT_SECRET.search(name)), None)
    if client_id and client_secret:
        yield from _grants(names, url, client_id, client_secret)
        return
    main = main_secret(names)
    if main is None:
        return
    value = f"${{secret.{main}}}"
    signing = next((name for name in names if _SIGNING.search(name)), None)
    key = next((name for name in names if _KEY.search(name) and name != signing), None)
    if signing is not None and key is not None:
        yield {
            "type": "hmac", "key": f"${{secret.{signing}}}",
            "headers": {"X-MBX-APIKEY": f"${{secret.{key}}}"},
            "timestamp_into": "query.timestamp",
        }  # fmt: skip
    host = urlsplit(url).hostname or ""
    for suffix, auth in _HOSTS.items():
        if host == suffix or host.endswith(f".{suffix}"):
            yield _with(auth, value)
    said = f"{refusal.headers.get('www-authenticate', '')} {refusal.words}"
    for header in dict.fromkeys(_NAMED_HEADER.findall(said)):
        yield {"type": "api_key", "value": value, "into": f"header.{header}"}
    for scheme in dict.fromkeys(_NAMED_SCHEME.findall(said)):
        yield {"type": "bearer", "token": value, "scheme_name": scheme}
    user = next((name for name in names if _USER.search(name) and name != main), None)
    if user is not None:
        yield {"type": "basic", "username": f"${{secret.{user}}}", "password": value}
        yield {"type": "basic", "username": f"${{secret.{user}}}/token", "password": value}
    bearer, basic = {"type": "bearer", "token": value}, {"type": "basic", "username": value}
    yield from (
        (basic, bearer) if "basic" in said.lower() and "bearer" not in said.lower() else (bearer, basic)
    )


def more_schemes(secret: str) -> list[dict[str, Any]]:
    """Words before a token that are less common, the last of them none at all."""
    value = f"${{secret.{secret}}}"
    return [
        {"type": "bearer", "token": value, "scheme_name": scheme}
        if scheme
        else {"type": "api_key", "value": value, "into": "header.Authorization"}
        for scheme in _SCHEMES
    ]


def _grants(names: Sequence[str], url: str, client_id: str, client_secret: str) -> Iterator[dict[str, Any]]:
    """OAuth 2.0 at the token endpoints that are common, on the collection's own origin alone."""
    parts = urlsplit(url)
    refresh = next((name for name in names if _REFRESH.search(name)), None)
    common = {"client_id": f"${{secret.{client_id}}}", "client_secret": f"${{secret.{client_secret}}}"}
    for path in _TOKEN_PATHS:
        token_url = f"{parts.scheme}://{parts.netloc}{path}"
        if refresh is None:
            yield {"type": "oauth2", "grant": "client_credentials", "token_url": token_url, **common}
        else:
            yield {
                "type": "oauth2", "grant": "refresh_token", "token_url": token_url, **common,
                "refresh_token": f"${{secret.{refresh}}}", "rotates": True,
            }  # fmt: skip


def _with(auth: dict[str, str], value: str) -> dict[str, str]:
    if auth["type"] == "bearer":
        return {
            "type": "bearer",
            "token": value,
            **{name: each for name, each in auth.items() if name != "type"},
        }
    template = auth.get("value", "${secret.*}")
    return {**auth, "value": template.replace("${secret.*}", value)}


def shown(auth: dict[str, Any]) -> str:
    """A way to log in, for a message."""
    kind = auth["type"]
    if kind == "bearer":
        return f"{auth.get('scheme_name', 'Bearer')} token"
    if kind == "basic":
        return f"Basic({auth['username']}, {auth.get('password', '')!r})"
    if kind == "hmac":
        return f"HMAC of the query, key in {next(iter(auth['headers']))}"
    if kind == "oauth2":
        return f"OAuth2 {auth['grant']} at {urlsplit(auth['token_url']).path}"
    return f"key in {auth['into']}" if kind == "api_key" else "no login"
