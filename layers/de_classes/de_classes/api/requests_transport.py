"""``requests`` as a transport: for people who have sessions and adapters, or a proxy that speaks no HTTP."""

from __future__ import annotations

import threading
import time
from http.client import HTTPException, LineTooLong
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from de_classes.api.decoding import ACCEPT_ENCODING, read_body
from de_classes.api.http_answer import NO_CONTENT, check_head
from de_classes.api.messages import HttpResponse, without_secrets
from de_classes.api.transport import BodyLimits
from de_classes.configs.environment import environment
from de_classes.errors import ConfigurationError, NetworkError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.messages import HttpRequest

_READ_SIZE = 64 * 1024
_UNUSABLE_URL = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
)
_BROKEN_ANSWER = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)


class RequestsTransport:
    """Sends through ``requests``, one kept-alive session a thread.

    Example:
        >>> request = HttpRequest("GET", f"{api.base_url}/openapi.json")
        >>> RequestsTransport().send(request, timeout=10).status  # a Session of your own: proxies, adapters
        200

    Args:
        session: A session to use for every thread instead; it must then be safe to share.
        limits: How much of an answer is taken.
    """

    def __init__(self, session: requests.Session | None = None, *, limits: BodyLimits | None = None) -> None:
        self._shared = session
        self._own = threading.local()
        self._limits = limits or BodyLimits()

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """Send one request once; see ``Transport.send``."""
        started = time.monotonic()
        try:
            return self._exchange(request, started, timeout)
        except _UNUSABLE_URL as error:
            raise ConfigurationError(
                f"{without_secrets(request.url)!r} is not a usable URL, or a header is malformed"
            ) from error
        except requests.exceptions.SSLError as error:
            raise _tls_error(request, error) from error
        except _BROKEN_ANSWER as error:
            if _is_of_its_head(error):
                raise ProtocolError("the answer's head is larger than http.client reads") from error
            raise NetworkError(f"{without_secrets(request.url)}: {_cause(error)}") from error

    def _exchange(self, request: HttpRequest, started: float, timeout: float) -> HttpResponse:
        own = {} if self._shared is not None else _surroundings(request.url)
        answer = self._session().request(
            request.method,
            request.url,
            params=dict(request.params),
            headers={"Accept-Encoding": ACCEPT_ENCODING, **request.headers},
            data=request.body,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            **own,
        )
        with answer:
            original = answer.raw._original_response  # noqa: SLF001 - what was left out is told nowhere else
            if original is not None:
                check_head(original.msg)
            has_body = answer.status_code not in NO_CONTENT
            chunks = _chunks(answer.raw, started + timeout)
            body = (
                read_body(chunks, answer.headers.get("Content-Encoding"), self._limits) if has_body else b""
            )
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpResponse(answer.status_code, headers, body, time.monotonic() - started)

    def _session(self) -> requests.Session:
        if self._shared is not None:
            return self._shared
        if not hasattr(self._own, "session"):
            self._own.session = _plain_session()
        session: requests.Session = self._own.session
        return session


def _plain_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a .netrc must not add credentials
    return session


def _surroundings(url: str) -> dict[str, Any]:
    """Proxies and authorities of the environment, without the credentials that ``trust_env`` adds."""
    variables = environment()
    bundle = variables.get("REQUESTS_CA_BUNDLE") or variables.get("CURL_CA_BUNDLE")
    try:
        proxies = requests.utils.get_environ_proxies(url)
    except ValueError as error:
        raise requests.exceptions.InvalidURL from error
    return {"proxies": proxies, "verify": bundle or True}


def _chunks(raw: urllib3.BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
    """Yield bytes as they arrive; ``read`` would wait for a full buffer, past any deadline."""
    while chunk := raw.read1(_READ_SIZE, decode_content=False):
        yield chunk
        if time.monotonic() > deadline:
            raise NetworkError("the answer did not end within the time for one request")


def _tls_error(request: HttpRequest, error: Exception) -> ConfigurationError | NetworkError:
    where = without_secrets(request.url)
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return ConfigurationError(
            f"{where}: the server's certificate is not trusted; check host and CA bundle"
        )
    return NetworkError(f"{where}: TLS failed")


def _is_of_its_head(error: BaseException | None) -> bool:
    """Whether anywhere below it http.client complains of too many headers, or of one that is too long."""
    while error is not None:
        if type(error) in {HTTPException, LineTooLong}:
            return True
        error = error.__context__
    return False


def _cause(error: BaseException) -> str:
    """The kind of failure alone: the texts of the network libraries quote URLs with their queries."""
    reason = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    inner = getattr(reason, "reason", reason)
    return type(inner).__name__ if isinstance(inner, BaseException) else type(error).__name__
