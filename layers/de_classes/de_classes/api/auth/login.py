"""A login with fields of any name, as JSON or as a form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from de_classes.api.auth.plain import Place, Text
from de_classes.api.auth.scheme import AuthDescription, redact_secrets
from de_classes.api.auth.tokens import UNTIL_REFUSED, DescribedTokenScheme, read_token
from de_classes.api.messages import HttpRequest
from de_classes.api.templates import Path
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthRuntime, AuthScheme
    from de_classes.api.auth.tokens import Token


class LoginAuth(AuthDescription, kw_only=True, tag_field="type", tag="login"):
    """A login that answers with a token, which goes into every request until it is refused or expires.

    Attributes:
        url: Where to POST.
        json: The body, as JSON; or
        form: the body, as a form.
        headers: Sent with the login alone.
        token_path: Where the token stands in the answer.
        expires_path: Where the seconds stand that it lives; where none do, it is good until a 401.
        into: Where it goes.
        prefix: What stands before it there.
    """

    url: Text
    json: dict[str, Any] | None = None
    form: dict[str, str] | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    token_path: Path = "access_token"  # noqa: S105 - where it stands
    expires_path: Path | None = "expires_in"
    into: Place = "header.Authorization"
    prefix: str = "Bearer "

    def __post_init__(self) -> None:
        if (self.json is None) == (self.form is None):
            raise ConfigurationError("json or form: say what is sent to log in, by one of the two")

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Logs in when a token is needed."""
        return _Login(self, runtime)


class _Login(DescribedTokenScheme):
    def __init__(self, said: LoginAuth, runtime: AuthRuntime) -> None:
        super().__init__(runtime, into=said.into, prefix=said.prefix)
        self._said = said

    def _login_request(self) -> HttpRequest:
        fill = self._runtime.fill
        is_json = self._said.json is not None
        described = self._said.json if is_json else self._said.form
        fields, own = fill(described), fill(self._said.headers)
        redact_secrets(described, fields)
        redact_secrets(self._said.headers, own)
        body = json.dumps(fields) if is_json else urlencode(fields)
        kind = "application/json" if is_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, "Accept": "application/json", **own}
        return HttpRequest("POST", self._runtime.address(self._said.url), headers=headers, body=body.encode())

    def _read(self, body: bytes) -> Token:
        return read_token(
            body,
            self._said.token_path,
            self._said.expires_path,
            absent_life=UNTIL_REFUSED,
            is_bearer=self._said.prefix.strip().lower() == "bearer",
        )
