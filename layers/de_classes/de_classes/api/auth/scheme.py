"""What every auth scheme keeps: given a request, it adds what is needed; on a 401 it renews, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_plus

import msgspec

from de_classes.api.templates import names_in
from de_classes.errors import ConfigurationError
from de_classes.redaction import is_secret_name, redact
from de_classes.utils.values import Described, DiscreetValue

if TYPE_CHECKING:
    import logging
    import threading
    from collections.abc import Callable, Mapping

    from de_classes.api.auth.kept_secrets import Secrets
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.retry import RetryPolicy
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

    def renew(self, request: HttpRequest, refusal: HttpResponse, *, is_again: bool = False) -> bool:
        """Whether a request that was answered by 401 is worth sending once more, after this call.

        Args:
            request: As ``authorize`` gave it.
            refusal: The answer of 401, whose headers may say what is wanted.
            is_again: Whether it was refused before, with what ``authorize`` had given it then.
        """
        ...

    def accepted(self, request: HttpRequest) -> None:
        """Take note that a request was answered by anything but 401.

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

    def addresses(self) -> dict[str, str]:
        """Where it logs in, by field: a field that is an address is called ``url``, or ends with ``_url``."""
        names = [name for name in self.__struct_fields__ if name == "url" or name.endswith("_url")]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

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

    def renew(self, request: HttpRequest, refusal: HttpResponse, *, is_again: bool = False) -> bool:
        """It has nothing else to send."""
        return False

    def accepted(self, request: HttpRequest) -> None:
        """Nothing follows from it."""

    def token_fields(
        self, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> Mapping[str, Any]:
        """None."""
        return {}


def with_value(request: HttpRequest, into: str, value: str) -> HttpRequest:
    """The request with a value in its query or headers, as ``into`` says, in place of what is there."""
    place, _, name = into.partition(".")
    if place == "query":
        url = _without_parameter(request.url, name) if "?" in request.url else request.url
        return msgspec.structs.replace(request, url=url, params={**request.params, name: value})
    return msgspec.structs.replace(request, headers=with_header(request.headers, name, value))


def with_header(headers: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    """Headers with one set, whatever the case of its name."""
    return {**{key: each for key, each in headers.items() if key.lower() != name.lower()}, name: value}


def _without_parameter(url: str, name: str) -> str:
    """The URL without a parameter: the next page's address may repeat the key that it was asked with."""
    before, _, query = url.partition("?")
    kept = [each for each in query.split("&") if unquote_plus(each.partition("=")[0]) != name]
    return f"{before}?{'&'.join(kept)}" if kept else before


def in_header(value: str, said: str) -> str:
    """A value as it may stand in a header.

    Args:
        value: The value, a secret perhaps: no message quotes it.
        said: Where it is said, such as ``auth.token``.

    Raises:
        ConfigurationError: A header cannot hold it.
    """
    if value != value.strip():
        raise ConfigurationError(
            f"{said} begins or ends with a space or a line break: leave them out of the secret"
        )
    if not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"{said} holds what no header can: printable ASCII alone goes there")
    return value


def redact_secrets(template: object, filled: object, name: str = "") -> None:
    """Mask what was filled in for a secret, or stands under a name such as ``password``, in every log line.

    Args:
        template: A text or a JSON value, as it was described.
        filled: The same with its names replaced.
        name: What it stands under.
    """
    if isinstance(template, dict) and isinstance(filled, dict):
        for key, value in template.items():
            redact_secrets(value, filled.get(key), str(key))
    elif isinstance(template, list | tuple) and isinstance(filled, list | tuple):
        for value, text in zip(template, filled, strict=False):
            redact_secrets(value, text, name)
    elif isinstance(template, str) and (
        is_secret_name(name) or any(each.startswith("secret.") for each in names_in(template))
    ):
        redact(str(filled))
