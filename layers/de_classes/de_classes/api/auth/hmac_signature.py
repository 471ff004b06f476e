"""An HMAC over what is sent, as exchanges and webhooks want it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode, urlsplit

import msgspec

from de_classes.api.auth.plain import Place, Text
from de_classes.api.auth.scheme import AuthDescription, StaticScheme, with_value
from de_classes.api.templates import fill
from de_classes.common.logger.redaction import redact

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthRuntime, AuthScheme
    from de_classes.api.messages import HttpRequest


class HmacAuth(AuthDescription, kw_only=True, tag_field="type", tag="hmac"):
    """A signature by a shared key over the query, the body, or a text made of the request.

    Attributes:
        key: What signs.
        over: ``query``: the query as it is sent; ``body``: the body as it is sent; or a text with
            ``${method}``, ``${path}``, ``${query}``, ``${body}`` and ``${timestamp}`` in it.
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

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Signs every request with the time at which it is sent."""
        key = str(runtime.fill(self.key))
        redact(key)
        headers = {name: str(runtime.fill(value)) for name, value in self.headers.items()}
        for value in headers.values():
            redact(value)

        def sign(request: HttpRequest) -> HttpRequest:
            for name, value in headers.items():
                request = with_value(request, f"header.{name}", value)
            now = runtime.clock.now()
            timestamp = str(int(now * 1000) if self.timestamp_unit == "ms" else int(now))
            if self.timestamp_into is not None:
                request = with_value(request, self.timestamp_into, timestamp)
            made = hmac.new(
                key.encode(), self._message(request, timestamp).encode(), getattr(hashlib, self.digest)
            )
            text = made.hexdigest() if self.encoding == "hex" else b64encode(made.digest()).decode()
            return with_value(request, self.into, self.prefix + text)

        return StaticScheme(sign)

    def _message(self, request: HttpRequest, timestamp: str) -> str:
        parts = urlsplit(request.url)
        query = "&".join(filter(None, (parts.query, urlencode(request.params, doseq=True))))
        body = (request.body or b"").decode()
        known = {
            "method": request.method,
            "path": parts.path,
            "query": query,
            "body": body,
            "timestamp": timestamp,
        }
        return known[self.over] if self.over in {"query", "body"} else str(fill(self.over, known.__getitem__))
