"""OAuth 2.0's three grants that need no person: client credentials, a refresh token, a signed assertion."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote_plus, urlencode

import msgspec

from de_classes.api.auth.plain import Text
from de_classes.api.auth.scheme import AuthDescription, redact_secrets
from de_classes.api.auth.tokens import UNTIL_REFUSED, DescribedTokenScheme, read_token
from de_classes.api.messages import HttpRequest
from de_classes.errors import ConfigurationError
from de_classes.redaction import redact

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthRuntime, AuthScheme
    from de_classes.api.auth.tokens import Token

_ONE_SECRET = re.compile(r"\$\{secret\.([A-Za-z0-9_.-]+)\}")
_ASSERTION_LIFE = 300
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class OAuth2Auth(AuthDescription, kw_only=True, tag_field="type", tag="oauth2"):
    """A token from a token endpoint (RFC 6749): ``Authorization: Bearer TOKEN``.

    Attributes:
        grant: ``client_credentials``, ``refresh_token``, or ``jwt_bearer`` (RFC 7523).
        token_url: The token endpoint.
        client_id: Of the client.
        client_secret: Of the client; a JWT's grant may need none.
        client_auth: Whether the two go into the ``body`` or are sent as ``basic``.
        scope: What is asked for.
        params: More fields of the token request.
        refresh_token: For that grant: one secret, ``${secret.NAME}``.
        rotates: Whether a refresh token is good once, and its answer holds the next one, which is then kept.
        private_key: For ``jwt_bearer``: PEM for RS256 and ES256, or the key of HS256.
        algorithm: Of the assertion's signature.
        key_id: Of that key, where the source wants it named (``kid``).
        claims: Of the assertion, besides ``iat`` and ``exp``; ``aud`` is the token endpoint unless given.
    """

    grant: Literal["client_credentials", "refresh_token", "jwt_bearer"]
    token_url: Text
    client_id: str = ""
    client_secret: str = ""
    client_auth: Literal["body", "basic"] = "body"
    scope: str = ""
    params: dict[str, str] = msgspec.field(default_factory=dict)
    refresh_token: str = ""
    rotates: bool = False
    private_key: str = ""
    algorithm: Literal["RS256", "ES256", "HS256"] = "RS256"
    key_id: str = ""
    claims: dict[str, str | int] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = []
        if self.grant == "refresh_token" and not self.refresh_token:
            problems.append("refresh_token is missing: the grant is named after it")
        if self.grant == "jwt_bearer" and not self.private_key:
            problems.append("private_key is missing: it signs the assertion of jwt_bearer")
        if self.rotates and self.grant != "refresh_token":
            problems.append('rotates goes with grant = "refresh_token" alone')
        if self.rotates and not _ONE_SECRET.fullmatch(self.refresh_token):
            problems.append("refresh_token must be one secret, ${secret.NAME}, since it rotates")
        if self.client_auth == "basic" and not self.client_id:
            problems.append('client_id is missing: client_auth = "basic" sends it')
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Asks for a token when one is needed."""
        secret = _ONE_SECRET.fullmatch(self.refresh_token)
        if self.rotates and secret:
            from de_classes.api.auth.rotation import RotatingTokenScheme  # noqa: PLC0415 - few sources rotate

            return RotatingTokenScheme(secret[1], partial(_token_request, self, runtime), runtime)
        return GrantTokenScheme(self, runtime)


class GrantTokenScheme(DescribedTokenScheme):
    """Tokens by one of the grants; see ``OAuth2Auth``.

    Args:
        said: The grant.
        runtime: What it is carried out with.
    """

    def __init__(self, said: OAuth2Auth, runtime: AuthRuntime) -> None:
        super().__init__(runtime)
        self._said = said

    def _login_request(self) -> HttpRequest:
        return _token_request(self._said, self._runtime, self._grant_fields())

    def _grant_fields(self) -> dict[str, str]:
        if self._said.grant == "refresh_token":
            return {
                "grant_type": "refresh_token",
                "refresh_token": _secret(self._runtime.fill(self._said.refresh_token)),
            }
        if self._said.grant == "jwt_bearer":
            return {"grant_type": _JWT_BEARER, "assertion": self._assertion()}
        return {"grant_type": "client_credentials"}

    def _assertion(self) -> str:
        import jwt  # noqa: PLC0415 - one grant of three signs

        now = int(self._runtime.clock.now())
        audience = self._runtime.address(self._said.token_url)
        claims: dict[str, Any] = {"aud": audience, "iat": now, "exp": now + _ASSERTION_LIFE}
        key = str(self._runtime.fill(self._said.private_key))
        redact(key)
        try:
            return jwt.encode(
                {**claims, **self._runtime.fill(self._said.claims)},
                key,
                self._said.algorithm,
                {"kid": str(self._runtime.fill(self._said.key_id))} if self._said.key_id else None,
            )
        except (jwt.PyJWTError, NotImplementedError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"auth.private_key cannot sign by {self._said.algorithm}: {type(error).__name__}; RS256 and "
                "ES256 want a PEM key and the package cryptography"
            ) from error

    def _read(self, body: bytes) -> Token:
        token = read_token(body, absent_life=UNTIL_REFUSED)
        following = token.answer.get("refresh_token")
        if self._said.grant == "refresh_token" and isinstance(following, str):
            redact(following)
            if following != str(self._runtime.fill(self._said.refresh_token)):
                self._logger.warning(
                    "the source gave a new refresh token, which is not kept: if the old one stops working, "
                    "say rotates = true"
                )
        return token


def _token_request(said: OAuth2Auth, runtime: AuthRuntime, grant: dict[str, str]) -> HttpRequest:
    """A request to the token endpoint, with the client's own credentials where the description wants them."""
    client_id, secret = str(runtime.fill(said.client_id)), _secret(runtime.fill(said.client_secret))
    params = runtime.fill(said.params)
    redact_secrets(said.params, params)
    fields = {**grant, **({"scope": str(runtime.fill(said.scope))} if said.scope else {}), **params}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if said.client_auth == "basic":
        pair = b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode())  # RFC 6749, section 2.3.1
        headers["Authorization"] = f"Basic {_secret(pair.decode())}"
    else:
        fields |= {
            name: value for name, value in (("client_id", client_id), ("client_secret", secret)) if value
        }
    return HttpRequest(
        "POST", runtime.address(said.token_url), headers=headers, body=urlencode(fields).encode()
    )


def _secret(value: object) -> str:
    redact(str(value))
    return str(value)
