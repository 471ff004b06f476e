"""What every auth scheme keeps: given a request, it adds what is needed; on a 401 it is asked to renew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from de_classes.utils.values import Described, DiscreetValue

if TYPE_CHECKING:
    import logging
    import threading
    from collections.abc import Callable, Mapping

    from de_classes.api.messages import HttpRequest
    from de_classes.api.retry import RetryPolicy
    from de_classes.api.source.secrets import Secrets
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock


class AuthScheme(Protocol):
    """Says what to send; the client sends it. Safe among threads."""

    @property
    def logins(self) -> int:
        """How many requests for tokens were sent, each retry counted."""
        ...

    def authorize(
        self, request: HttpRequest, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> HttpRequest:
        """The request with what the source wants to see.

        Args:
            request: What is about to be sent, whole.
            deadline: Moment on the clock's monotonic time after which no login is begun, or None.
            stopped: Once set, a login that keeps failing is given up.

        Raises:
            AuthenticationError: The credentials were refused.
            RetriesExhaustedError: A login kept failing for passing reasons.
        """
        ...

    def renew(self, request: HttpRequest) -> bool:
        """Whether a request that was answered by 401 is worth sending once more, after this call.

        Args:
            request: As ``authorize`` gave it.
        """
        ...

    def token_fields(
        self, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> Mapping[str, Any]:
        """The fields of the token's answer, for ``${token.FIELD}``; none where there is no login."""
        ...


class AuthRuntime(DiscreetValue):
    """What a described auth is made a scheme with.

    Attributes:
        fill: Puts parameters and secrets into a text or a JSON value.
        address: The same for a URL, which it checks.
        secrets: Where secrets come from, and where one that rotates is kept.
        transport: Reaches the network.
        policy: How a login is retried.
        clock: Measures.
        logger: Told of logins.
        timeout: Seconds for one login.
    """

    shown = ()

    fill: Callable[[Any], Any]
    address: Callable[[str], str]
    secrets: Secrets
    transport: Transport
    policy: RetryPolicy
    clock: Clock
    logger: logging.Logger
    timeout: float = 30.0


class AuthDescription(Described, kw_only=True):
    """A kind of auth as a description says it."""

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """What signs requests."""
        raise NotImplementedError


class StaticScheme:
    """A scheme without a login: what it adds is known, and a 401 means that it is wrong.

    Args:
        add: Adds it.
    """

    logins = 0

    def __init__(self, add: Callable[[HttpRequest], HttpRequest]) -> None:
        self._add = add

    def authorize(
        self, request: HttpRequest, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> HttpRequest:
        """See ``AuthScheme``."""
        return self._add(request)

    def renew(self, request: HttpRequest) -> bool:
        """It has nothing else to send."""
        return False

    def token_fields(
        self, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> Mapping[str, Any]:
        """None."""
        return {}


def with_value(request: HttpRequest, into: str, value: str) -> HttpRequest:
    """The request with a value in its query or among its headers, as ``into`` says."""
    place, _, name = into.partition(".")
    if place == "query":
        return msgspec.structs.replace(request, params={**request.params, name: value})
    return msgspec.structs.replace(request, headers=with_header(request.headers, name, value))


def with_header(headers: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    """Headers with one set, whatever the case of its name."""
    return {**{key: each for key, each in headers.items() if key.lower() != name.lower()}, name: value}
