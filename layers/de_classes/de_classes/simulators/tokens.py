"""Signed tokens that any instance can check without asking another one.

PyJWT is imported by the call that needs it: it brings an HTTP client, a third of a simulator's start.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec

from de_classes.errors import AuthenticationError, ConfigurationError
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
