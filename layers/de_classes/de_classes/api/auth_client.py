"""Logging in with a user name and a password, and staying logged in for as long as a run lasts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from de_classes.api.auth.tokens import SHORTEST_LIFE, TokenAuth
from de_classes.api.messages import HttpRequest, without_secrets
from de_classes.redaction import redact

if TYPE_CHECKING:
    import logging

    from de_classes.api.retry import RetryPolicy
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock

__all__ = ["SHORTEST_LIFE", "AuthClient"]


class AuthClient(TokenAuth):
    """Gets a token for a user name and password, and replaces it ahead of its expiry; see ``TokenAuth``.

    Example:
        >>> auth = AuthClient(api.login_url, api.username, api.password)
        >>> auth.get_auth_headers() == {"Authorization": f"Bearer {auth.get_token()}"}
        True

    Args:
        auth_url: Where to POST username and password as JSON.
        username: Who logs in.
        password: The password; never logged, never shown.
        logger: Told of logins; defaults to this module's logger.
        transport: How to reach the network.
        retry_policy: How a login that fails for passing reasons is retried; a refused one never is.
        margin: Seconds before expiry at which the token is replaced, at most half its life.
        max_logins: Tokens that may be refused in a row, each within seconds of its issue.
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
        max_logins: int = 10,
        timeout: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            logger,
            transport=transport,
            retry_policy=retry_policy,
            margin=margin,
            max_logins=max_logins,
            timeout=timeout,
            clock=clock,
        )
        self._auth_url = auth_url
        self._username = username
        self._password = password

    def __repr__(self) -> str:
        return f"AuthClient(auth_url={without_secrets(self._auth_url)!r})"

    def _login_request(self) -> HttpRequest:
        redact(self._password)  # at every login: the filter remembers only the latest
        credentials = {"username": self._username, "password": self._password}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return HttpRequest("POST", self._auth_url, headers=headers, body=json.dumps(credentials).encode())
