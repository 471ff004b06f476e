"""From a path and a method to what answers, the same way for every simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from de_classes.errors import AuthenticationError
from de_classes.simulators.messages import SimRequest, SimResponse, error_response, json_response, with_facts
from de_classes.simulators.tokens import Claims

Handler = Callable[[SimRequest], SimResponse]
Routes = Mapping[str, Mapping[str, Handler]]
ProtectedHandler = Callable[[SimRequest, Claims], SimResponse]

_REALM = 'Bearer realm="de-classes"'


class TokenVerifier(Protocol):
    """Whatever tells a good token from a bad one."""

    def verify(self, token: str) -> Claims:
        """What the token says.

        Raises:
            AuthenticationError: It is not valid.
        """
        ...


class Router:
    """Routes of one service, which answers below its own name too: ``/auth/data`` like ``/data``.

    Args:
        service: The name, also the mount.
        routes: Path to method to handler.
        description: What ``GET /openapi.json`` answers.
    """

    def __init__(self, service: str, routes: Routes, description: Mapping[str, object]) -> None:
        self._service = service
        document = json_response(200, description)
        self._routes = {
            **routes,
            "/health": {"GET": lambda _: json_response(200, {"status": "ok"})},
            "/openapi.json": {"GET": lambda _: document},
        }

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer by the handler of path and method, or with 404 or 405."""
        path = request.path.removeprefix(f"/{self._service}") or "/"
        methods = self._routes.get(path)
        if methods is None:
            return with_facts(error_response(404, "there is no such path"), service=self._service)
        handler = methods.get(request.method)
        response = handler(request) if handler else _not_allowed(methods)
        return with_facts(response, service=self._service, route=path)


def protected(tokens: TokenVerifier, handler: ProtectedHandler) -> Handler:
    """A handler that is reached with a valid Bearer token only; 401 otherwise."""

    def guarded(request: SimRequest) -> SimResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return unauthorized("a Bearer token is required")
        try:
            claims = tokens.verify(token.strip())
        except AuthenticationError:
            return invalid_token()
        return handler(request, claims)

    return guarded


def invalid_token() -> SimResponse:
    """The 401 for a token that is no good, or not any more."""
    return unauthorized("the token is not valid", challenge=f'{_REALM}, error="invalid_token"')


def unauthorized(message: str, *, challenge: str = _REALM) -> SimResponse:
    """The 401 with the challenge that HTTP asks for."""
    return error_response(401, message, headers={"WWW-Authenticate": challenge})


def _not_allowed(methods: Mapping[str, Handler]) -> SimResponse:
    allowed = ", ".join(sorted(methods))
    return error_response(405, f"only {allowed} is answered here", headers={"Allow": allowed})
