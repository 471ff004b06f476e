"""An API that hands out tokens and guards one endpoint with them."""

from __future__ import annotations

import hmac
import itertools
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from de_classes.configs.settings import validate
from de_classes.errors import InvalidInputError
from de_classes.simulators.faults import Fault, FaultPlan, FaultRegistry, InjectionPoint
from de_classes.simulators.messages import error_response, json_response, with_facts
from de_classes.simulators.openapi import MAX_LOGIN_FIELD, describe_auth
from de_classes.simulators.routing import Router, protected, unauthorized
from de_classes.simulators.token_faults import SHORT_TOKEN

if TYPE_CHECKING:
    from de_classes.simulators.messages import SimRequest, SimResponse
    from de_classes.simulators.routing import Claims, Routes, TokenIssuer

MAX_LOGIN_BODY = 16_384

_LoginField = Annotated[str, Meta(min_length=1, max_length=MAX_LOGIN_FIELD)]


class Credentials(Struct, frozen=True, kw_only=True):
    """A username and its password, as a login sends them and as the secret holds them."""

    username: _LoginField
    password: _LoginField

    def __repr__(self) -> str:
        return "Credentials(...)"

    def match(self, other: Credentials) -> bool:
        """Whether both are the same, in a time that tells nothing about where they differ."""
        same_username = hmac.compare_digest(_bytes(self.username), _bytes(other.username))
        same_password = hmac.compare_digest(_bytes(self.password), _bytes(other.password))
        return same_username & same_password


class AuthSimulator:
    """``POST /login`` gives a token, ``GET /data`` checks it.

    Args:
        credentials: The one login that is accepted.
        tokens: Issues and verifies.
        plan: Its faults at logins and at their token answers; none by default.
    """

    def __init__(self, credentials: Credentials, tokens: TokenIssuer, plan: FaultPlan | None = None) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._plan = plan or FaultPlan(FaultRegistry(()))
        self._lasting = (SHORT_TOKEN.name,) if self._plan.has(SHORT_TOKEN) else ()
        self._logins = itertools.count(1)
        routes: Routes = {"/login": {"POST": self._login}, "/data": {"GET": protected(tokens, _whoami)}}
        self._router = Router("auth", routes, describe_auth())

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request."""
        return self._router.handle(request)

    def _login(self, request: SimRequest) -> SimResponse:
        number = next(self._logins)
        context = self._plan.context(0, number, host=request.headers.get("Host", ""))
        refusal = self._plan.strike(InjectionPoint.LOGIN, 0, number)
        if isinstance(refusal, Fault):
            answer = refusal.play(context, lambda: self._genuine(request))
            return with_facts(answer, attempt=number, fault=refusal.name)
        oddity = self._plan.strike(InjectionPoint.GRANT, 0, number)
        if not isinstance(oddity, Fault):
            return with_facts(self._genuine(request), modes=self._lasting)
        answer = oddity.play(context, lambda: self._genuine(request))
        return with_facts(answer, modes=(*self._lasting, oddity.name))

    def _genuine(self, request: SimRequest) -> SimResponse:
        if len(request.body) > MAX_LOGIN_BODY:
            return error_response(413, f"a login has at most {MAX_LOGIN_BODY} bytes")
        try:
            given = validate(Credentials, request.body, what="login")
        except InvalidInputError as error:
            return error_response(400, "the login is malformed", problems=error.problems)
        if not given.match(self._credentials):
            return unauthorized("username or password is wrong")
        return json_response(200, self._grant(given.username))

    def _grant(self, username: str) -> dict[str, object]:
        return {
            "access_token": self._tokens.issue(username),
            "token_type": "Bearer",
            "expires_in": self._tokens.life_seconds,
        }


def _whoami(_: SimRequest, claims: Claims) -> SimResponse:
    return json_response(200, {"message": "the token is valid", "user": claims.sub, "expires_at": claims.exp})


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
