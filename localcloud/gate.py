"""What stands between the local cloud's port and MiniStack, in the same process: who may ask it for what.

MiniStack checks no signature of its root keys, answers ``Access-Control-Allow-Origin: *`` and reads no Host:
a web page, or another user of the machine, could have created a function and run it. Nothing here is imported
beyond the standard library: the emulator's own interpreter runs it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, quote, unquote_plus
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Message, Receive, Send], Awaitable[None]]
    # The secret of an access key and a session token, or None if no such credentials are valid now.
    Secrets = Callable[[str, str], str | None]

HEALTH = "/_ministack/health"
FORBIDDEN = 403
POLICY_VIOLATION = 1008
CLOCK_SKEW = timedelta(minutes=15)
LONGEST_PRESIGNED = timedelta(days=7)
# What MiniStack takes for its root, whose signatures it does not check: nobody can say it from outside.
ROOT = "test"

# Exactly what MiniStack takes for a call of a deployed API: all else under this path goes to its services.
_REST_API = re.compile(r"/_aws/execute-api/[^/]+/[^/]+(/.*)?", re.DOTALL)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^\s,/=]+)/(\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request),\s*"
    r"SignedHeaders=([a-z0-9;._-]+),\s*Signature=([0-9a-f]{64})",
    re.ASCII,
)
_CREDENTIAL = re.compile(r"([^\s,/=]+)/(\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request)", re.ASCII)
_PRESIGNED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
)
# Whatever MiniStack would read a caller out of, in any spelling.
_CREDENTIALS_IN_QUERY = {*(name.lower() for name in _PRESIGNED), "awsaccesskeyid"}
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UNRESERVED = "-_.~"
_MAX_SHOWN = 100
_logger = logging.getLogger(__name__)


class Refusal(Exception):  # noqa: N818 - it is an answer
    """A request that goes no further.

    Args:
        code: As AWS names it.
        message: A sentence that says what to change; never a secret.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _HungUp(Exception):  # noqa: N818 - it is the client's doing
    """The client was gone before its body was read."""


class Gate:
    """An ASGI application that lets through to another one what its owner asks.

    Refused are: a foreign Host, Origin or Sec-Fetch-Site; every path that begins with an underscore, but for
    the health and the deployed APIs; and everything whose SigV4 signature, in the header or presigned, was
    not made by the root key or by credentials that the emulator has given out. A deployed API may be called
    unsigned: what is public in the template is public, and IAM is asked by the emulator.

    The body counts as signed where its hash is; where S3's clients sign ``UNSIGNED-PAYLOAD`` or a stream,
    only the head does.

    Args:
        app: What is guarded.
        hosts: Every Host that it may be asked under, such as ``127.0.0.1:4566``.
        root: The access key and the secret key of this run.
        issued: The secret of an access key and a session token that the emulator gave out; else None.
        now: The time.
    """

    def __init__(
        self,
        app: App,
        *,
        hosts: Iterable[str],
        root: tuple[str, str],
        issued: Secrets,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._root_key, self._root_secret = root
        self._issued = issued
        self._now = now

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or have it answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})  # no stack of ours has any
        else:
            await self._answer(Request(scope), receive, send)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        try:
            scope, receive = await self._let_through(request, receive)
        except Refusal as refusal:
            _logger.warning("refused %s: %s", ascii(request.method), refusal.message)
            await _refuse(send, request, refusal)
        except _HungUp:
            return
        else:
            await self._app(scope, receive, _without_cors(send))

    async def _let_through(self, request: Request, receive: Receive) -> tuple[Message, Receive]:
        self._check_browser(request)
        if request.path == HEALTH and request.method == "GET":
            return request.scope, receive
        is_rest_api = _REST_API.fullmatch(request.path)
        if request.path.startswith("/_") and not is_rest_api:
            raise Refusal("AccessDenied", "the emulator's own paths are closed")
        signature = request.signature()
        if signature:
            return await self._let_signed_through(request, signature, receive)
        if is_rest_api:
            return request.scope, receive
        raise Refusal("MissingAuthenticationToken", "the request is not signed with this run's credentials")

    def _check_browser(self, request: Request) -> None:
        host = request.single("host").lower()
        if host not in self._hosts:
            raise Refusal("AccessDenied", f"the Host {_shown(host)} is not this local cloud's")
        if any(origin != f"http://{host}" for origin in request.all("origin")):
            raise Refusal("AccessDenied", "the request comes from a web page of another origin")
        if any(site not in ("none", "same-origin") for site in request.all("sec-fetch-site")):
            raise Refusal("AccessDenied", "the request comes from a web page of another site")

    async def _let_signed_through(
        self, request: Request, signature: Signature, receive: Receive
    ) -> tuple[Message, Receive]:
        is_root = hmac.compare_digest(signature.key.encode(), self._root_key.encode())
        if is_root and signature.token:
            raise Refusal("InvalidToken", "this run's own access key has no session token")
        secret = self._root_secret if is_root else self._issued(signature.key, signature.token)
        if secret is None:
            raise Refusal(
                "InvalidClientTokenId",
                "the credentials are neither this run's own nor given out in it: each run has new ones",
            )
        signature.check_time(self._now())
        body = await _read(receive)
        if not hmac.compare_digest(signature.value, signature.expected(request, body, secret)):
            raise Refusal("SignatureDoesNotMatch", "the signature is not that of this request and access key")
        scope = signature.as_root(request.scope) if is_root else request.scope
        return scope, _again(body, receive)


class Request:
    """The head of a request.

    Args:
        scope: The ASGI server's.
    """

    def __init__(self, scope: Message) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self.raw_path: bytes = scope.get("raw_path") or quote(self.path).encode()
        self._fields: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._fields.setdefault(name.decode("latin-1").lower(), []).append(_text(value))

    def all(self, name: str) -> list[str]:
        """The values of a header field, by its name in lower case."""
        return self._fields.get(name, [])

    def first(self, name: str) -> str:
        """The first of these, or an empty string."""
        return next(iter(self.all(name)), "")

    def single(self, name: str) -> str:
        """The value of a header field that must be there once.

        Raises:
            Refusal: It is missing, or there are several.
        """
        values = self.all(name)
        if len(values) != 1:
            raise Refusal("AccessDenied", f"the header {name} has to be there once, not {len(values)} times")
        return values[0]

    def parameters(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded."""
        try:
            text = self.query.decode("ascii")
            return parse_qsl(text, keep_blank_values=True, errors="strict")
        except ValueError:
            raise Refusal("AccessDenied", "the query cannot be read") from None

    def signature(self) -> Signature | None:
        """Its SigV4 signature; None if there are no AWS credentials of any kind in it.

        Raises:
            Refusal: There are, but they are malformed, ambiguous or of another kind.
        """
        named = [pair for pair in self.parameters() if pair[0].lower() in _CREDENTIALS_IN_QUERY]
        is_signed = any(value.startswith("AWS") for value in self.all("authorization"))
        if named:
            if self.all("authorization"):
                raise Refusal("AccessDenied", "the request has credentials in its header and in its query")
            return _presigned(named)
        return _header_signed(self) if is_signed else None


@dataclass(frozen=True)
class Signature:
    """A SigV4 signature as it was sent.

    Args:
        key: The access key.
        scope: Date, region, service and ``aws4_request``.
        service: The one in the scope.
        names: Of the signed headers.
        value: 64 hexadecimal digits.
        time: ``X-Amz-Date``.
        token: The session's, empty for a lasting access key.
        seconds: How long a presigned URL is good for; None for a signature in the header.
    """

    key: str
    scope: str
    service: str
    names: tuple[str, ...]
    value: str
    time: str
    token: str
    seconds: int | None = None

    def check_time(self, now: datetime) -> None:
        """Insist on a signature of these minutes, or of a presigned URL that has not expired.

        Raises:
            Refusal: It is not.
        """
        try:
            signed = datetime.strptime(self.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise Refusal("AccessDenied", "X-Amz-Date cannot be read") from None
        if not self.scope.startswith(f"{self.time[:8]}/"):
            raise Refusal("AccessDenied", "the credential's date is not that of X-Amz-Date")
        good = CLOCK_SKEW if self.seconds is None else timedelta(seconds=self.seconds)
        if not signed - CLOCK_SKEW <= now <= signed + good:
            raise Refusal("RequestTimeTooSkewed", "the signature has expired, or the clocks differ")

    def expected(self, request: Request, body: bytes, secret: str) -> str:
        """What the value has to be.

        Args:
            request: What it signs.
            body: All of it.
            secret: The secret key.

        Raises:
            Refusal: The body is not the one that was signed.
        """
        canonical = "\n".join(
            [
                request.method,
                self._canonical_path(request.raw_path.decode("latin-1")),
                _canonical_query(request.parameters()),
                "".join(f"{name}:{_canonical(request.all(name))}\n" for name in self.names),
                ";".join(self.names),
                self._payload_hash(request, body),
            ]
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{secret}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(
            key, f"AWS4-HMAC-SHA256\n{self.time}\n{self.scope}\n{digest}".encode(), "sha256"
        ).hex()

    def as_root(self, scope: Message) -> Message:
        """The same request, said by the emulator's root: its own check is that there is none."""
        named = f"AWS4-HMAC-SHA256 Credential={ROOT}/{self.scope}"
        signed = f"{named}, SignedHeaders={';'.join(self.names)}, Signature={self.value}"
        headers = [pair for pair in scope["headers"] if pair[0].lower() != b"authorization"]
        changed: Message = {**scope, "headers": [*headers, (b"authorization", signed.encode())]}
        if self.seconds is not None:
            pairs = scope["query_string"].split(b"&")
            kept = [pair for pair in pairs if _name(pair).lower() not in _CREDENTIALS_IN_QUERY]
            changed["query_string"] = b"&".join(kept)
        return changed

    def _canonical_path(self, path: str) -> str:
        if self.service == "s3":
            return path  # as it was sent
        segments: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                del segments[-1:]
            elif segment not in ("", "."):
                segments.append(segment)
        ending = "/" if segments and path.endswith("/") else ""
        return quote(f"/{'/'.join(segments)}{ending}", safe=f"/{_UNRESERVED}")

    def _payload_hash(self, request: Request, body: bytes) -> str:
        said, actual = request.first("x-amz-content-sha256"), hashlib.sha256(body).hexdigest()
        if self.service == "s3" and self.seconds is not None:
            return "UNSIGNED-PAYLOAD"
        if self.service == "s3" and said.startswith(("UNSIGNED-PAYLOAD", "STREAMING-")):
            return said
        if said not in ("", actual):
            raise Refusal("XAmzContentSHA256Mismatch", "the body is not the one whose hash was signed")
        return actual


def _header_signed(request: Request) -> Signature:
    found = _AUTHORIZATION.fullmatch(request.single("authorization"))
    if not found:
        _unreadable()
    key, scope, service, names, value = found.groups()
    token = request.single("x-amz-security-token") if request.all("x-amz-security-token") else ""
    return Signature(key, scope, service, _names(names), value, request.single("x-amz-date"), token)


def _presigned(named: list[tuple[str, str]]) -> Signature:
    given = dict(named)
    token = given.pop("X-Amz-Security-Token", "")
    required = _PRESIGNED[:-1]
    credential = _CREDENTIAL.fullmatch(given.get("X-Amz-Credential", ""))
    seconds = given.get("X-Amz-Expires", "")
    if (
        len({name.lower() for name, _ in named}) != len(named)
        or set(given) != set(required)
        or given["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256"
        or not _HASH.fullmatch(given["X-Amz-Signature"])
        or not re.fullmatch(r"\d{1,6}", seconds, re.ASCII)
        or timedelta(seconds=int(seconds)) > LONGEST_PRESIGNED
        or not credential
    ):
        _unreadable()
    key, scope, service = credential.groups()
    names = _names(given["X-Amz-SignedHeaders"])
    value, time = given["X-Amz-Signature"], given["X-Amz-Date"]
    return Signature(key, scope, service, names, value, time, token, int(seconds))


def _names(signed: str) -> tuple[str, ...]:
    names = tuple(signed.split(";"))
    if "host" not in names:
        raise Refusal("AccessDenied", "the signature does not cover the Host")
    return names


def _unreadable() -> NoReturn:
    raise Refusal("IncompleteSignature", "the request has AWS credentials, but no signature of version 4")


def _canonical_query(parameters: list[tuple[str, str]]) -> str:
    pairs = [
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in parameters
        if name != "X-Amz-Signature"
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _canonical(values: list[str]) -> str:
    return ",".join(" ".join(value.split()) for value in values)


def _name(pair: bytes) -> str:
    return unquote_plus(pair.partition(b"=")[0].decode("latin-1"))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _shown(value: str) -> str:
    return ascii(value[:_MAX_SHOWN])


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _HungUp
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body once, and then whatever comes: the end of the connection."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once() -> Message:
        return pending.pop() if pending else await receive()

    return once


def _without_cors(send: Send) -> Send:
    """A send that grants no other origin anything."""

    async def filtered(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                pair
                for pair in message.get("headers", [])
                if not pair[0].lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return filtered


async def _refuse(send: Send, request: Request, refusal: Refusal) -> None:
    media_type, body = _told(request, refusal)
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", refusal.code.encode()),
    ]
    await send({"type": "http.response.start", "status": FORBIDDEN, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


def _told(request: Request, refusal: Refusal) -> tuple[str, bytes]:
    """The refusal as the client's protocol has errors: in S3's XML, in the query protocol's, or in JSON."""
    error = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    content_type = request.first("content-type")
    if content_type.startswith("application/x-www-form-urlencoded"):
        text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
        return "text/xml", text.encode()
    is_s3 = "/s3/aws4_request" in request.first("authorization") + request.query.decode("latin-1")
    if is_s3 or not (content_type or request.path.startswith("/_") or request.all("authorization")):
        return "application/xml", f"<Error>{error}</Error>".encode()
    document = {"__type": refusal.code, "code": refusal.code, "message": refusal.message}
    return "application/json", json.dumps(document).encode()
