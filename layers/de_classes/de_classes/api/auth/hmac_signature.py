"""An HMAC over what is sent, as exchanges and webhooks want it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urlsplit

import msgspec

from de_classes.api.auth.plain import Place, Text, secret_of
from de_classes.api.auth.scheme import AuthDescription, StaticScheme, in_header, redact_secrets, with_value
from de_classes.api.messages import target
from de_classes.api.templates import fill, names_in
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthRuntime, AuthScheme
    from de_classes.api.messages import HttpRequest


class HmacAuth(AuthDescription, kw_only=True, tag_field="type", tag="hmac"):
    """A signature by a shared key over the query, the body, or a text made of the request.

    Attributes:
        key: What signs.
        over: ``query``: the query as it is sent; ``body``: the body as it is sent; or a text with
            ``${method}``, ``${path}``, ``${query}``, ``${target}`` (path and query as one), ``${body}`` and
            ``${timestamp}`` in it.
        into: Where the signature goes; in the query it is the last parameter.
        digest: The hash.
        encoding: How the signature is written.
        prefix: What stands before it, such as ``sha256=``.
        timestamp_into: Where the time of the request goes, if it goes anywhere.
        timestamp_unit: Of that time, since the epoch.
        headers: More headers, such as the key's name.
    """

    key: Text
    over: Text = "query"
    into: Place = "query.signature"
    digest: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp_into: Place | None = None
    timestamp_unit: Literal["ms", "s"] = "ms"
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.over not in {"query", "body"} and not any(names_in(self.over)):
            raise ConfigurationError(
                "over must be query, body, or a text with a ${name} of the request in it"
            )

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Signs every request with the time at which it is sent."""
        key = secret_of(runtime, self.key).encode()
        headers = {name: str(runtime.fill(value)) for name, value in self.headers.items()}
        redact_secrets(self.headers, headers)
        for name, value in headers.items():
            in_header(value, f"auth.headers.{name}")

        def sign(request: HttpRequest) -> HttpRequest:
            for name, value in headers.items():
                request = with_value(request, f"header.{name}", value)
            now = runtime.clock.now()
            timestamp = str(int(now * 1000) if self.timestamp_unit == "ms" else int(now))
            if self.timestamp_into is not None:
                request = with_value(request, self.timestamp_into, timestamp)
            # From here on the query is part of the URL, so that what is signed is what is sent.
            parts, sent = urlsplit(request.url), target(request)
            made = hmac.new(
                key, self._message(request, sent, timestamp, runtime), getattr(hashlib, self.digest)
            )
            text = made.hexdigest() if self.encoding == "hex" else b64encode(made.digest()).decode()
            place, _, name = self.into.partition(".")
            if place == "query":
                sent += f"{'&' if '?' in sent else '?'}{urlencode({name: self.prefix + text})}"
            else:
                request = with_value(request, self.into, self.prefix + text)
            return msgspec.structs.replace(request, url=f"{parts.scheme}://{parts.netloc}{sent}", params={})

        return StaticScheme(sign)

    def _message(self, request: HttpRequest, sent: str, timestamp: str, runtime: AuthRuntime) -> bytes:
        path, _, query = sent.partition("?")
        body = request.body or b""
        if self.over == "query":
            return query.encode()
        if self.over == "body":
            return body
        known = {
            "method": request.method,
            "path": path,
            "query": query,
            "target": sent,
            "body": body.decode(),
            "timestamp": timestamp,
        }

        def lookup(name: str) -> Any:  # noqa: ANN401 - a JSON value
            return known[name] if name in known else runtime.fill(f"${{{name}}}")

        return str(fill(self.over, lookup)).encode()
