"""From a path and a method to what answers, and the signed tokens that some paths ask for.

Any instance checks a token without asking another one. PyJWT is imported by the call that needs it: it
brings an HTTP client, a third of a simulator's start.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from de_classes.errors import AuthenticationError, ConfigurationError
from de_classes.simulators.messages import SimRequest, SimResponse, error_response, json_response, with_facts
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock

# Fixed on both sides: a token never chooses how it is verified.
ALGORITHM = "HS256"
MIN_KEY_BYTES = 32
ISSUER = "de-classes-auth-simulator"
AUDIENCE = "de-classes-simulators"
_REQUIRED = ["exp", "iat", "jti", "iss", "aud", "sub"]


class Claims(msgspec.Struct, frozen=True):
    """What a token says.

    Args:
        sub: Who logged in.
        iat: When it was issued, in seconds since the epoch.
        exp: When it stops being valid, in seconds since the epoch.
        jti: What tells this token from every other.
    """

    sub: str
    iat: int
    exp: int
    jti: str


class TokenIssuer:
    """Issues JWTs and verifies them, both with one key.

    Args:
        signing_key: The HMAC key, at least 32 bytes in UTF-8.
        life_seconds: How long a token is valid.
        clock: Whose wall time counts.

    Raises:
        ConfigurationError: The key is too short, or the life is not positive.
    """

    def __init__(self, signing_key: str, life_seconds: int, clock: Clock | None = None) -> None:
        if len(signing_key.encode()) < MIN_KEY_BYTES:
            raise ConfigurationError(f"the signing key must have at least {MIN_KEY_BYTES} bytes")
        if life_seconds < 1:
            raise ConfigurationError("a token must live for at least 1 second")
        self._key = signing_key
        self.life_seconds = life_seconds
        self._clock = clock or SystemClock()

    def issue(self, subject: str) -> str:
        """A new token for who logged in."""
        import jwt  # noqa: PLC0415 - see the module

        issued_at = int(self._clock.now())
        claims = {
            "sub": subject,
            "iat": issued_at,
            "exp": issued_at + self.life_seconds,
            "jti": secrets.token_hex(16),
            "iss": ISSUER,
            "aud": AUDIENCE,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def verify(self, token: str) -> Claims:
        """Check signature, issuer, audience and expiry.

        Raises:
            AuthenticationError: The token is forged, malformed or expired; the message does not say which.
        """
        try:
            claims = msgspec.convert(self._decode(token), Claims)
        except msgspec.ValidationError as error:
            raise AuthenticationError("the token is not valid") from error
        if claims.exp <= self._clock.now():
            raise AuthenticationError("the token is not valid")
        return claims

    def _decode(self, token: str) -> dict[str, object]:
        import jwt  # noqa: PLC0415 - see the module

        # Times are checked against our own clock, which a test can turn.
        options = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options=options,  # type: ignore[arg-type] # PyJWT's TypedDict; a dict literal in place would nest
            )
        except jwt.PyJWTError as error:
            raise AuthenticationError("the token is not valid") from error


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
