"""Getting a token, handing it out, and replacing it ahead of its expiry: what every kind of login shares."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from de_classes.api.auth.scheme import with_value
from de_classes.api.charset import in_utf8
from de_classes.api.retry import Retrier, RetryPolicy, seconds_for
from de_classes.api.runtime import ClientRuntime
from de_classes.api.status import raise_for_status
from de_classes.errors import (
    AuthenticationError,
    InvalidTokenResponseError,
    MalformedDataError,
    PermissionDeniedError,
    RequestRejectedError,
)
from de_classes.redaction import redact
from de_classes.utils.paths import MISSING, find
from de_classes.utils.strict_json import loads
from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.api.auth.scheme import AuthRuntime
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.retry import RetryEvent

SHORTEST_LIFE = 5.0
REMEMBERED = 16
"""Tokens of which is known whether they were taken: as many as requests may still be under way with."""

_LARGEST_MARGIN_SHARE = 0.5
_CREATED = 201


class LoginLimits(Value):
    """How long a login may take, how often it is tried, and when the next is due.

    Example:
        >>> early = LoginLimits(timeout=5.0, margin=60.0)
        >>> AuthClient(api.login_url, api.username, api.password, limits=early).get_token() != ""
        True

    Attributes:
        timeout: Seconds for one login.
        retry_policy: How a login that fails for passing reasons is retried; a refused one never is.
        margin: Seconds before expiry at which the token is replaced, at most half its life.
        max_logins: Tokens that may be refused in a row, each within seconds of its issue.
    """

    timeout: float = 30.0
    retry_policy: RetryPolicy = RetryPolicy()
    margin: float = 30.0
    max_logins: int = 10


class TokenScheme:
    """Gets a token, hands it out, and replaces it ahead of its expiry. Safe among threads.

    However many threads ask at once, one login is made. Expiry is measured on a monotonic clock from
    before the login was sent, so neither a jumping wall clock nor a slow answer makes a token look
    younger than it is. A token that claims to live less than ``SHORTEST_LIFE`` seconds is still used
    that long: the API's 401 says when it is over.

    A kind of login says by ``_login_request`` what to send, and by ``_read`` what came.

    Args:
        logger: Told of logins; the runtime's if not given.
        limits: Time and attempts.
        runtime: Network, clock and logger.
        into: Where the token goes.
        prefix: What goes there, before the token.
    """

    def __init__(
        self,
        logger: logging.Logger | None = None,
        *,
        limits: LoginLimits | None = None,
        runtime: ClientRuntime | None = None,
        into: str = "header.Authorization",
        prefix: str = "Bearer ",
    ) -> None:
        limits, runtime = limits or LoginLimits(), runtime or ClientRuntime()
        self._logger = logger or runtime.logger
        self._transport = runtime.transport
        self._clock = runtime.clock
        self._policy = limits.retry_policy
        self._margin = limits.margin
        self._max_logins = limits.max_logins
        self._timeout = limits.timeout
        self._into = into
        self._prefix = prefix
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refresh_at = 0.0
        self._issued_at = 0.0
        self._refused_in_a_row = 0
        self._logins = 0
        self._is_heard = False
        self._accepted: deque[str] = deque(maxlen=REMEMBERED)
        self._carriers: dict[str, int] = {}

    @property
    def logins(self) -> int:
        """How many logins were attempted, each retry counted."""
        return self._logins

    def get_token(self, *, deadline: float | None = None, stopped: threading.Event | None = None) -> str:
        """A token that is good for now, from a login if need be.

        Args:
            deadline: Moment on the clock's monotonic time after which no login is begun, or None.
            stopped: Once set, a login that keeps failing is given up.

        Raises:
            AuthenticationError: The credentials were refused, or there were too many logins.
            InvalidTokenResponseError: The answer holds no usable token.
            RetriesExhaustedError: The login kept failing for passing reasons.
        """
        return self._valid_token(deadline, stopped).value

    def get_auth_headers(self) -> dict[str, str]:
        """The header that protected endpoints want: ``{"Authorization": "Bearer ..."}``."""
        return {"Authorization": f"Bearer {self.get_token()}"}

    def token_fields(
        self, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> Mapping[str, Any]:
        """The fields of the answer that the token came in."""
        return self._valid_token(deadline, stopped).answer

    def authorize(
        self, request: HttpRequest, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> HttpRequest:
        """The request with the token."""
        token = self.get_token(deadline=deadline, stopped=stopped)
        with self._lock:
            self._carry(token)
        return with_value(request, self._into, self._prefix + token)

    def renew(self, request: HttpRequest, refusal: HttpResponse, *, is_again: bool = False) -> bool:
        """Give up the token that the request carried, so that the next one is new.

        A request that is refused with one new token is refused with any. Only where others carried that
        token too is another one worth the try: some are good for a few requests, and the others had them.
        """
        token = self._carried(request)
        self.invalidate(token)
        return not is_again or self._carriers.get(token, 0) > 1

    def accepted(self, request: HttpRequest) -> None:
        """Remember that the token is one that the API takes."""
        token = self._carried(request)
        if token not in self._accepted:
            self._accepted.append(token)
            self._refused_in_a_row = 0

    def _carry(self, token: str) -> None:
        self._carriers[token] = self._carriers.pop(token, 0) + 1
        while len(self._carriers) > REMEMBERED:
            del self._carriers[next(iter(self._carriers))]

    def _carried(self, request: HttpRequest) -> str:
        place, _, name = self._into.partition(".")
        values = request.params if place == "query" else request.headers
        return str(values.get(name, "")).removeprefix(self._prefix)

    def invalidate(self, token: str) -> None:
        """Say that the API refused this token; one that was replaced meanwhile is left alone.

        Args:
            token: The very token that earned the 401.
        """
        with self._lock:
            if self._token is not None and self._token.value == token:
                self._token = None
                lasted = self._clock.monotonic() - self._issued_at >= SHORTEST_LIFE
                has_served = lasted or token in self._accepted
                self._refused_in_a_row = 0 if has_served else self._refused_in_a_row + 1

    def _valid_token(self, deadline: float | None, stopped: threading.Event | None) -> Token:
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._refresh_at:
                self._token = None
                self._token = self._renewed(deadline, stopped)
            return self._token

    def _renewed(self, deadline: float | None, stopped: threading.Event | None) -> Token:
        retrier = Retrier(
            self._policy,
            clock=self._clock,
            on_retry=self._retried,
            deadline=deadline,
            stopped=stopped,
            is_unheard=lambda: not self._is_heard,
        )
        token, asked_at = retrier.call(lambda: self._log_in(deadline), what="the login")
        redact(token.value)
        self._issued_at = asked_at
        life = max(token.life, SHORTEST_LIFE)
        self._refresh_at = asked_at + life - self._margin_of(life)
        self._logger.info("logged in, token good for %.0f s", life)
        return token

    def _retried(self, event: RetryEvent) -> None:
        self._logger.warning(
            "attempt %d to log in: %s; again in %.2f s",
            event.attempt,
            event.error,
            event.wait,
            extra={"wait": event.wait},
        )

    def _margin_of(self, life: float) -> float:
        """Seconds before its end at which a token that lives so long is replaced."""
        return min(self._margin, life * _LARGEST_MARGIN_SHARE) if life > SHORTEST_LIFE else 0.0

    def _log_in(self, deadline: float | None) -> tuple[Token, float]:
        if self._refused_in_a_row >= self._max_logins:
            raise AuthenticationError(
                f"{self._refused_in_a_row} tokens in a row were refused as soon as issued"
            )
        self._logins += 1
        request = self._login_request()
        asked_at = self._clock.monotonic()
        timeout = seconds_for(self._timeout, deadline, self._clock)
        response = self._transport.send(request, timeout=timeout)
        self._is_heard = True
        self._raise_for_refusal(response, request.url)
        return self._read(_text(response)), asked_at

    def _raise_for_refusal(self, response: HttpResponse, url: str) -> None:
        if response.status == _CREATED:  # a token, as some say
            return
        try:
            raise_for_status(response, url=url, now=self._clock.now(), quote=False)
        except (RequestRejectedError, PermissionDeniedError) as error:
            code = error_code(response.body)
            because = f" ({code})" if code else ""
            raise AuthenticationError(f"the login was refused{because}: {error}") from error

    def _login_request(self) -> HttpRequest:
        """What to send for a token; what is secret in it is told to ``redact`` here, at every login."""
        raise NotImplementedError

    def _read(self, body: bytes) -> Token:
        """The token in an answer of status 200."""
        return read_token(body)


def _text(response: HttpResponse) -> bytes:
    try:
        return in_utf8(response.body, response.headers)
    except MalformedDataError as error:
        raise InvalidTokenResponseError(f"the login's answer is {error}") from error


class DescribedTokenScheme(TokenScheme):
    """The same for a kind of login that a description says.

    Args:
        runtime: What it is carried out with.
        into: Where the token goes.
        prefix: What goes there, before the token.
    """

    def __init__(
        self, runtime: AuthRuntime, *, into: str = "header.Authorization", prefix: str = "Bearer "
    ) -> None:
        super().__init__(
            limits=LoginLimits(timeout=runtime.timeout, retry_policy=runtime.policy),
            runtime=ClientRuntime(runtime.transport, runtime.clock, runtime.logger),
            into=into,
            prefix=prefix,
        )
        self._runtime = runtime


DEFAULT_LIFE = 300.0
UNTIL_REFUSED = 86_400.0
"""Seconds for which a token is used whose answer names no life: a 401 says when it is over."""

_TOKEN = re.compile(r"[\x21-\x7e]+\Z")  # what a header may carry: visible ASCII, no spaces
_ERROR_CODES = frozenset(
    {
        "access_denied",
        "bad_refresh_token",
        "invalid_client",
        "invalid_grant",
        "invalid_refresh_token",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?\Z", re.ASCII)

_log = logging.getLogger(__name__)


class Token(DiscreetValue):
    """An access token and how long it lives.

    Attributes:
        value: What is sent; hidden from ``repr``.
        life: Seconds from its issue, as the server says, or ``DEFAULT_LIFE`` if it says nothing usable.
        answer: What it came in; hidden too.
    """

    shown = ("life",)

    value: str
    life: float = DEFAULT_LIFE
    answer: dict[str, Any] = msgspec.field(default_factory=dict)


def read_token(
    body: bytes,
    token_path: str = "access_token",  # noqa: S107 - where it stands
    expires_path: str | None = "expires_in",
    *,
    absent_life: float | None = None,
    is_bearer: bool = True,
) -> Token:
    """Read the answer of a login.

    Args:
        body: A JSON object.
        token_path: Where the token stands.
        expires_path: Where its life stands, in seconds; None if it is used until it is refused.
        absent_life: The life where the answer names none; None to warn and assume ``DEFAULT_LIFE``.
        is_bearer: Whether it is sent as a Bearer token, so that any other ``token_type`` is wrong.

    Raises:
        InvalidTokenResponseError: Not an object, or no usable token in it.
    """
    try:
        answer = loads(body)
    except MalformedDataError as error:
        raise InvalidTokenResponseError(f"the login's answer is not sound JSON: {error}") from error
    if not isinstance(answer, dict):
        raise InvalidTokenResponseError("the login's answer is not a JSON object")
    life = UNTIL_REFUSED if expires_path is None else _life(find(answer, expires_path), absent_life)
    return Token(_value(answer, token_path, is_bearer=is_bearer), life, answer)


def error_code(body: bytes) -> str | None:
    """Why a token endpoint refused, in OAuth's own words (RFC 6749, section 5.2); other text is not taken."""
    try:
        code = loads(body).get("error")
    except (MalformedDataError, AttributeError):
        return None
    return code if isinstance(code, str) and code in _ERROR_CODES else None


def _value(answer: dict[str, Any], path: str, *, is_bearer: bool) -> str:
    value = find(answer, path)
    if not isinstance(value, str) or not _TOKEN.match(value):
        raise InvalidTokenResponseError(f"the login's answer has no usable {path!r}")
    kind = answer.get("token_type", "Bearer")
    if is_bearer and (not isinstance(kind, str) or kind.lower() != "bearer"):
        raise InvalidTokenResponseError("the login's 'token_type' is not Bearer, the only kind that is sent")
    return value


def _life(value: object, absent: float | None) -> float:
    if absent is not None and value is MISSING:
        return absent
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_sane(value):
        _log.warning("the login's 'expires_in' is no number of seconds: %.0f s are assumed", DEFAULT_LIFE)
        return DEFAULT_LIFE
    return float(value)


def _is_sane(seconds: float) -> bool:
    return abs(seconds) < 2**53 and math.isfinite(seconds)
