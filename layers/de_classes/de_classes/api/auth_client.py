"""Logging in with a user name and a password, and staying logged in for as long as a run lasts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from de_classes.api.auth.tokens import SHORTEST_LIFE, LoginLimits, TokenScheme
from de_classes.api.messages import HttpRequest, without_secrets
from de_classes.redaction import redact

if TYPE_CHECKING:
    import logging

    from de_classes.api.runtime import ClientRuntime

__all__ = ["SHORTEST_LIFE", "AuthClient", "LoginLimits"]


class AuthClient(TokenScheme):
    """Gets a token for a user name and password, and replaces it ahead of its expiry; see ``TokenScheme``.

    Example:
        >>> auth = AuthClient(api.login_url, api.username, api.password)
        >>> auth.get_auth_headers() == {"Authorization": f"Bearer {auth.get_token()}"}
        True

    Args:
        auth_url: Where to POST username and password as JSON.
        username: Who logs in.
        password: The password; never logged, never shown.
        logger: Told of logins; the runtime's if not given.
        limits: Time and attempts.
        runtime: Network, clock and logger.
    """

    def __init__(
        self,
        auth_url: str,
        username: str,
        password: str,
        logger: logging.Logger | None = None,
        *,
        limits: LoginLimits | None = None,
        runtime: ClientRuntime | None = None,
    ) -> None:
        super().__init__(logger, limits=limits, runtime=runtime)
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
