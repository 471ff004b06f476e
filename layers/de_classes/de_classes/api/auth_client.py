"""Logging in, and staying logged in for as long as a run lasts."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING

from de_classes.api.messages import HttpRequest
from de_classes.api.requests_transport import RequestsTransport
from de_classes.api.retry import Retrier
from de_classes.api.status import raise_for_status
from de_classes.api.token import read_token
from de_classes.common.logger.redaction import redact
from de_classes.errors import AuthenticationError, PermissionDeniedError, RequestRejectedError
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from de_classes.api.retry import RetryPolicy
    from de_classes.api.token import Token
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock

SHORTEST_LIFE = 5.0
_LARGEST_MARGIN_SHARE = 0.5


class AuthClient:
    """Gets a token, hands it out, and replaces it ahead of its expiry. Safe among threads.

    However many threads ask at once, one login is made. Expiry is measured on a monotonic clock from
    before the login was sent, so neither a jumping wall clock nor a slow answer makes a token look
    younger than it is. A token that claims to live less than ``SHORTEST_LIFE`` seconds is still used
    that long: the API's 401 says when it is over.

    Args:
        auth_url: Where to POST username and password as JSON.
        username: Who logs in.
        password: The password; never logged, never shown.
        logger: Told of logins; defaults to this module's logger.
        transport: How to reach the network.
        retry_policy: How a login that fails for passing reasons is retried; a refused one never is.
        margin: Seconds before expiry at which the token is replaced, at most half its life.
        max_logins: Logins at the most in this client's life, a guard against loops.
        timeout: Seconds for one login.
        clock: What to measure with.
    """

    def __init__(
        self,
        auth_url: str,
        username: str,
        password: str,
        logger: logging.Logger | None = None,
        *,
        transport: Transport | None = None,
        retry_policy: RetryPolicy | None = None,
        margin: float = 30.0,
        max_logins: int = 1000,
        timeout: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        self._auth_url = auth_url
        self._username = username
        self._password = password
        self._logger = logger or logging.getLogger(__name__)
        self._transport = transport or RequestsTransport()
        self._clock = clock or SystemClock()
        self._retrier = Retrier(retry_policy, clock=self._clock)
        self._margin = margin
        self._max_logins = max_logins
        self._timeout = timeout
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refresh_at = 0.0
        self._logins = 0

    def __repr__(self) -> str:
        return f"AuthClient(auth_url={self._auth_url!r})"

    @property
    def logins(self) -> int:
        """How many logins were attempted, each retry counted."""
        return self._logins

    def get_token(self) -> str:
        """A token that is good for now, from a login if need be.

        Raises:
            AuthenticationError: The credentials were refused, or there were too many logins.
            InvalidTokenResponseError: The answer holds no usable token.
            RetriesExhaustedError: The login kept failing for passing reasons.
        """
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._refresh_at:
                self._renew()
            return self._token.value if self._token else ""

    def get_auth_headers(self) -> dict[str, str]:
        """The header that protected endpoints want: ``{"Authorization": "Bearer ..."}``."""
        return {"Authorization": f"Bearer {self.get_token()}"}

    def invalidate(self, token: str) -> None:
        """Say that the API refused this token; one that was replaced meanwhile is left alone.

        Args:
            token: The very token that earned the 401.
        """
        with self._lock:
            if self._token is not None and self._token.value == token:
                self._token = None

    def _renew(self) -> None:
        self._token = None
        self._token, asked_at = self._retrier.call(self._log_in, what="the login")
        self._keep_out_of_logs(self._token.value)
        life = max(self._token.life, SHORTEST_LIFE)
        margin = min(self._margin, life * _LARGEST_MARGIN_SHARE) if life > SHORTEST_LIFE else 0.0
        self._refresh_at = asked_at + life - margin
        self._logger.info("logged in, token good for %.0f s", life)

    def _keep_out_of_logs(self, token: str) -> None:
        """Name both secrets at every login: only the latest are remembered."""
        redact(self._password)
        redact(token)

    def _log_in(self) -> tuple[Token, float]:
        if self._logins >= self._max_logins:
            raise AuthenticationError(f"{self._logins} logins were made: the API refuses what it issues")
        self._logins += 1
        asked_at = self._clock.monotonic()
        response = self._transport.send(self._login_request(), timeout=self._timeout)
        try:
            raise_for_status(response, url=self._auth_url, now=self._clock.now())
        except (RequestRejectedError, PermissionDeniedError) as error:
            raise AuthenticationError(f"the login was refused: {error}") from error
        return read_token(response.body), asked_at

    def _login_request(self) -> HttpRequest:
        credentials = {"username": self._username, "password": self._password}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return HttpRequest("POST", self._auth_url, headers=headers, body=json.dumps(credentials).encode())
