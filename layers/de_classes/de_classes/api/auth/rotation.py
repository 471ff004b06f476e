"""Refresh tokens that are good once: one worker spends, and all use what it bought."""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from de_classes.api.auth.kept_secrets import KeptTokens
from de_classes.api.auth.tokens import (
    REMEMBERED,
    SHORTEST_LIFE,
    UNTIL_REFUSED,
    DescribedTokenScheme,
    Token,
    error_code,
    read_token,
)
from de_classes.api.retry import Retrier, seconds_for
from de_classes.errors import (
    AuthenticationError,
    CorruptResponseError,
    DeClassesError,
    InvalidTokenResponseError,
    MalformedDataError,
    RateLimitedError,
    RetriesExhaustedError,
    RetryableError,
)
from de_classes.redaction import redact
from de_classes.utils.digests import digest
from de_classes.utils.strict_json import loads
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.auth.kept_secrets import Lease
    from de_classes.api.auth.scheme import AuthRuntime
    from de_classes.api.messages import HttpRequest, HttpResponse

LEASE_SPARE = 30.0
"""Seconds that a lease lasts beyond one request: for the keeping, and for a worker that is slow."""
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0
_KEEPING_WAITS = (0.5, 2.0)
_NEVER_SHARED = frozenset({"refresh_token", "id_token"})
_SPENT = frozenset({"invalid_grant", "bad_refresh_token", "invalid_refresh_token"})


class RotatingTokenScheme(DescribedTokenScheme):
    """Tokens by a refresh token that rotates, for as many workers as share its store. Safe among threads.

    A token that another worker bought is used until it expires or is refused. Otherwise a lease is taken, the
    refresh token is spent, and what it bought is kept before it is used. Where the answer is lost, the same
    refresh token is sent again while the policy lets it: many sources take it for a while. One that is
    refused is never sent twice.

    Args:
        secret: The name of the secret that is the refresh token.
        request: Makes a token request of the fields of its grant.
        runtime: What it is carried out with.

    Raises:
        ConfigurationError: The secrets cannot be changed.
    """

    def __init__(
        self, secret: str, request: Callable[[dict[str, str]], HttpRequest], runtime: AuthRuntime
    ) -> None:
        super().__init__(runtime)
        self._request = request
        self._store = runtime.secrets.rotation(secret)
        self._owner = str(uuid.uuid4())
        self._refused: deque[str] = deque(maxlen=REMEMBERED)
        self._unkept: tuple[str, KeptTokens] | None = None

    def invalidate(self, token: str) -> None:
        """See ``TokenScheme``; another worker's copy of it is not taken either."""
        self._refused.append(token)
        super().invalidate(token)

    def _renewed(self, deadline: float | None, stopped: threading.Event | None) -> Token:
        began = self._clock.monotonic()
        wait = _FIRST_WAIT
        while True:
            token = self._shared(self._store.read()) or self._with_lease(deadline, stopped)
            if token is not None:
                return token
            now = self._clock.monotonic()
            if now - began > self._policy.max_elapsed or (deadline is not None and now + wait > deadline):
                raise RetriesExhaustedError(
                    f"{self._store.where} is being spent by another worker, which does not end", attempts=0
                )
            if self._clock.wait(stopped or threading.Event(), wait):
                raise RetriesExhaustedError("the run is over: no token is waited for", attempts=0)
            wait = min(_LONGEST_WAIT, wait * 2)

    def _with_lease(self, deadline: float | None, stopped: threading.Event | None) -> Token | None:
        """A token bought now, or while the lease was waited for; None if another has the lease."""
        lease = self._lease()
        if lease is None:
            return None
        spending = _Spending(lease)
        try:
            kept = self._kept_at_last(lease, self._store.read(lease))
            token = self._shared(kept)
            if token is None:
                retrier = Retrier(self._policy, clock=self._clock, deadline=deadline, stopped=stopped)
                token = retrier.call(lambda: self._buy(spending, deadline), what="the login")
            return token
        finally:
            self._store.release(spending.lease, is_unanswered=spending.is_unanswered)

    def _lease(self) -> Lease | None:
        now = self._clock.now()
        return self._store.lease(self._owner, now=now, until=now + self._timeout + LEASE_SPARE)

    def _buy(self, spending: _Spending, deadline: float | None) -> Token | None:
        """One sending of the refresh token; None if the lease was lost on the way to it."""
        if self._refused_in_a_row >= self._max_logins:
            raise AuthenticationError(
                f"{self._refused_in_a_row} tokens in a row were refused as soon as issued"
            )
        if self._clock.now() + self._timeout > spending.lease.until:  # the waits between attempts took it
            lease = self._lease()
            if lease is None:
                return None
            spending.lease = lease
        kept = self._store.read(spending.lease)
        if not kept.access:
            # Nothing was ever kept there: find out that it can be before the only token is spent.
            kept = self._store.keep(spending.lease, kept.refresh_token, kept)
        spent = kept.refresh_token
        redact(spent)
        self._logins += 1
        request = self._request({"grant_type": "refresh_token", "refresh_token": spent})
        asked_at, asked_now = self._clock.monotonic(), self._clock.now()
        was_unanswered = spending.is_unanswered
        spending.is_unanswered = True
        try:
            response = self._transport.send(
                request, timeout=seconds_for(self._timeout, deadline, self._clock)
            )
            answer = self._answer(response, request.url, spent, was_unanswered=was_unanswered)
        except RateLimitedError:
            spending.is_unanswered = was_unanswered  # it was not looked at
            raise
        except RetryableError as error:
            self._logger.warning("no answer to a refresh token came, which may be lost: %s", error)
            raise
        except DeClassesError as error:
            spending.is_unanswered = was_unanswered  # it was refused, or never sent
            if (
                isinstance(error, AuthenticationError)
                and self._store.read(spending.lease).refresh_token != spent
            ):
                return None  # another was put there meanwhile: begin anew with that one
            raise
        return self._keep(spending, spent, answer, asked_at=asked_at, asked_now=asked_now)

    def _answer(
        self, response: HttpResponse, url: str, spent: str, *, was_unanswered: bool
    ) -> dict[str, Any]:
        """The fields of an answer that bought something.

        Raises:
            RetryableError: None came, or none that can be read: what it held is lost.
            AuthenticationError: It was refused.
        """
        code = error_code(response.body)
        if code in _SPENT:
            raise AuthenticationError(self._why_refused(code, was_unanswered=was_unanswered))
        self._raise_for_refusal(response, url)
        try:
            answer = loads(response.body)
        except MalformedDataError as error:
            raise CorruptResponseError("the token endpoint's answer cannot be read") from error
        if not isinstance(answer, dict):
            raise CorruptResponseError("the token endpoint's answer is not a JSON object")
        return answer

    def _why_refused(self, code: str, *, was_unanswered: bool) -> str:
        happened = (
            "an answer that held the next one was lost, or a worker was ended before it could keep it"
            if was_unanswered
            else "it was spent elsewhere, was withdrawn, or has expired"
        )
        return (
            f"the source refuses {self._store.where} ({code}): {happened}. Authorise again, and put the new "
            "refresh token in its place; nothing else may spend it"
        )

    def _keep(
        self, spending: _Spending, spent: str, answer: dict[str, Any], *, asked_at: float, asked_now: float
    ) -> Token | None:
        """Keep what an answer holds, then read the token in it."""
        following = answer.get("refresh_token")
        refresh_token = following if isinstance(following, str) and following else spent
        redact(refresh_token)
        shared = {name: value for name, value in answer.items() if name not in _NEVER_SHARED}
        try:
            token: Token | InvalidTokenResponseError = self._read(json.dumps(shared).encode())
        except InvalidTokenResponseError as error:
            token = error
        access = ""
        if isinstance(token, Token):
            redact(token.value)
            life = max(token.life, SHORTEST_LIFE)
            access = _Access(shared, asked_now + life, life, _mark(refresh_token)).text()
        self._unkept = spent, KeptTokens(refresh_token, access)
        kept = self._kept_at_last(spending.lease, KeptTokens(spent))
        spending.is_unanswered = False
        if isinstance(token, InvalidTokenResponseError):
            raise token
        if kept.access != access:
            return None  # another worker was quicker, though it had no lease: use what it kept
        self._logger.info("a refresh token was spent, its access token is good for %.0f s", token.life)
        life = max(token.life, SHORTEST_LIFE)
        return self._taken(token, asked_at, life, life)

    def _kept_at_last(self, lease: Lease, kept: KeptTokens) -> KeptTokens:
        """Keep what was bought and could not be kept until now, unless something newer is there."""
        if self._unkept is None:
            return kept
        spent, bought = self._unkept
        if kept.refresh_token == spent:
            kept = self._keep_patiently(lease, spent, bought)
        self._unkept = None
        return kept

    def _keep_patiently(self, lease: Lease, spent: str, bought: KeptTokens) -> KeptTokens:
        """Keep what cannot be bought again, also where the store fails for a moment."""
        for wait in _KEEPING_WAITS:
            try:
                return self._store.keep(lease, spent, bought)
            except DeClassesError as error:
                self._logger.warning("the next refresh token could not be kept, trying again: %s", error)
                self._clock.sleep(wait)
        return self._store.keep(lease, spent, bought)

    def _shared(self, kept: KeptTokens) -> Token | None:
        """The access token that is kept, if it can be used."""
        access = _Access.read(kept.access)
        if access is None or access.bought_with != _mark(kept.refresh_token):
            return None  # somebody put another refresh token there
        token = self._read(json.dumps(access.answer).encode())
        left = min(access.expires_at - self._clock.now(), access.life)  # another machine's clock said so
        if token.value in self._refused or left <= self._margin_of(access.life):
            return None
        redact(token.value)
        self._carry(token.value)  # for its buyer
        self._logger.info("the access token of another worker or run is used, good for %.0f s", left)
        return self._taken(token, self._clock.monotonic(), left, access.life)

    def _taken(self, token: Token, since: float, left: float, life: float) -> Token:
        self._issued_at = since - (life - left)
        self._refresh_at = since + left - self._margin_of(life)
        return token

    def _read(self, body: bytes) -> Token:
        return read_token(body, absent_life=UNTIL_REFUSED)


class _Spending:
    """What is known while a lease is held; it may be made longer meanwhile."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.is_unanswered = lease.is_unanswered


class _Access(DiscreetValue):
    """An access token as it is kept for others.

    Attributes:
        answer: The fields of the answer that it came in, but for what only its buyer needs.
        expires_at: When it ends, in seconds since the epoch.
        life: Seconds that it lives in all.
        bought_with: Marks the refresh token that came with it.
    """

    shown = ("expires_at",)

    answer: dict[str, Any]
    expires_at: float
    life: float
    bought_with: str

    @classmethod
    def read(cls, text: str) -> _Access | None:
        """What is kept, or None: what cannot be read is as good as nothing, since another can be bought."""
        try:
            return msgspec.json.decode(text, type=cls) if text else None
        except msgspec.DecodeError:
            return None

    def text(self) -> str:
        """As it is kept."""
        return msgspec.json.encode(self).decode()


def _mark(refresh_token: str) -> str:
    return digest(refresh_token, 12).hex()
