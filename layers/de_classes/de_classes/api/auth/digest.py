"""HTTP Digest (RFC 7616): a user name and password that are proved and not sent."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from de_classes.api.auth.plain import secret_of
from de_classes.api.auth.scheme import AuthDescription, in_header, with_value
from de_classes.api.messages import target
from de_classes.errors import AuthenticationError
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from de_classes.api.auth.scheme import AuthRuntime, AuthScheme
    from de_classes.api.messages import HttpRequest, HttpResponse

# The strongest first: a source may offer several.
_HASHES: Final[dict[str, Callable[..., Any]]] = {
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data),
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
_SESSION: Final = "-SESS"
_PARAMETER: Final = re.compile(r"""([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))""")
_ONE: Final = r"""[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)"""
_CHALLENGE: Final = re.compile(rf"(?:^|,)\s*Digest\s+({_ONE}(?:\s*,\s*{_ONE})*)", re.IGNORECASE)


class DigestAuth(AuthDescription, kw_only=True, tag_field="type", tag="digest"):
    """``Authorization: Digest ...`` by what the source's 401 challenges one with; the password is never sent.

    Attributes:
        username: Of the account.
        password: Usually ``${secret.password}``.
    """

    username: str
    password: str

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Answers challenges."""
        username = in_header(str(runtime.fill(self.username)), "auth.username")
        return DigestScheme(username, secret_of(runtime, self.password))


class Challenge(DiscreetValue):
    """What a source wants to be answered.

    Attributes:
        algorithm: One of ``_HASHES``, perhaps for a session: ``MD5-SESS``.
        realm: Whose accounts are meant.
        nonce: What is hashed along.
        opaque: What is sent back as it is, or None.
        has_qop: Whether requests are counted (``qop=auth``), as all sources want it since 1999.
    """

    shown = ("algorithm", "realm")

    algorithm: str
    realm: str
    nonce: str
    opaque: str | None
    has_qop: bool


class DigestScheme:
    """Asks once without a password, and from then on answers the challenge that came. Safe among threads.

    Args:
        username: Of the account.
        password: The same.
        nonce: Makes a client's own random text.
    """

    logins = 0

    def __init__(
        self, username: str, password: str, *, nonce: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self._username = username
        self._password = password
        self._nonce = nonce
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._count = 0

    def authorize(
        self, request: HttpRequest, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> HttpRequest:
        """The request with an answer to the challenge, if one came."""
        with self._lock:
            challenge = self._challenge
            self._count += 1
            count = f"{self._count:08x}"
        if challenge is None:
            return request
        # From here on the query is part of the URL, so that what is hashed is what is sent.
        uri, cnonce = target(request), self._nonce()
        scheme, _, rest = request.url.partition("://")
        url = f"{scheme}://{rest.partition('/')[0].partition('?')[0]}{uri}"
        said = {
            "username": _quoted(self._username),
            "realm": _quoted(challenge.realm),
            "nonce": _quoted(challenge.nonce),
            "uri": f'"{uri}"',
            "response": f'"{self._answer(challenge, request.method, uri, count, cnonce)}"',
            "algorithm": challenge.algorithm.replace(_SESSION, "-sess"),
        }
        if challenge.has_qop:
            said |= {"qop": "auth", "nc": count, "cnonce": f'"{cnonce}"'}
        elif challenge.algorithm.endswith(_SESSION):
            said["cnonce"] = f'"{cnonce}"'
        if challenge.opaque is not None:
            said["opaque"] = _quoted(challenge.opaque)
        value = "Digest " + ", ".join(f"{name}={text}" for name, text in said.items())
        return with_value(msgspec.structs.replace(request, url=url, params={}), "header.Authorization", value)

    def renew(self, request: HttpRequest, refusal: HttpResponse, *, is_again: bool = False) -> bool:
        """Take the challenge; it is worth an answer unless one was given to it that is not merely stale.

        Raises:
            AuthenticationError: The source challenges one in another way.
        """
        said = _offers(refusal.header("www-authenticate") or "")
        challenge = _challenge(said)
        if challenge is None:
            return False
        with self._lock:
            if self._challenge != challenge:
                self._challenge, self._count = challenge, 0
        had_answered = any(name.lower() == "authorization" for name in request.headers)
        is_stale = any(each.get("stale", "").lower() == "true" for each in said)
        return not is_again and (is_stale or not had_answered)

    def accepted(self, request: HttpRequest) -> None:
        """Nothing follows from it."""

    def token_fields(
        self, *, deadline: float | None = None, stopped: threading.Event | None = None
    ) -> Mapping[str, Any]:
        """None."""
        return {}

    def _answer(self, challenge: Challenge, method: str, uri: str, count: str, cnonce: str) -> str:
        make = _HASHES[challenge.algorithm.removesuffix(_SESSION)]

        def hashed(*parts: str) -> str:
            return str(make(":".join(parts).encode()).hexdigest())

        account = hashed(self._username, challenge.realm, self._password)
        if challenge.algorithm.endswith(_SESSION):
            account = hashed(account, challenge.nonce, cnonce)
        asked = hashed(method, uri)
        if challenge.has_qop:
            return hashed(account, challenge.nonce, count, cnonce, "auth", asked)
        return hashed(account, challenge.nonce, asked)


def _offers(header: str) -> list[dict[str, str]]:
    """The Digest challenges of a WWW-Authenticate header, by the names of their parameters in lower case."""
    return [
        {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else bare
            for name, quoted, bare in _PARAMETER.findall(parameters)
        }
        for parameters in _CHALLENGE.findall(header)
    ]


def _challenge(offers: list[dict[str, str]]) -> Challenge | None:
    """The one that is answered: by the strongest hash; None where no Digest is offered.

    Raises:
        AuthenticationError: None of them can be answered.
    """
    known: list[Challenge] = []
    for said in offers:
        algorithm = said.get("algorithm", "MD5").upper()
        kinds = {each.strip().lower() for each in said.get("qop", "").split(",") if each.strip()}
        can_answer = algorithm.removesuffix(_SESSION) in _HASHES and (not kinds or "auth" in kinds)
        if can_answer and said.get("nonce"):
            known.append(
                Challenge(algorithm, said.get("realm", ""), said["nonce"], said.get("opaque"), bool(kinds))
            )
    if offers and not known:
        raise AuthenticationError(
            "the source offers HTTP Digest by a hash or a protection that is not known here: its 401 names "
            f"{', '.join(sorted({each.get('algorithm', 'MD5') for each in offers}))}"
        )
    strength = [*_HASHES]
    return min(known, key=lambda each: strength.index(each.algorithm.removesuffix(_SESSION)), default=None)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
