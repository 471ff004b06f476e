"""A token endpoint whose refresh tokens are good once, and workers that are stepped or killed."""

from __future__ import annotations

import json
import logging
import random
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from de_classes.api.auth.kept_secrets import KeptTokens, Lease, next_lease
from de_classes.api.auth.oauth2 import OAuth2Auth
from de_classes.api.auth.rotation import RotatingTokenScheme
from de_classes.api.auth.scheme import AuthRuntime
from de_classes.api.retry import RetryPolicy
from de_classes.api.templates import fill
from de_classes.errors import ConfigurationError, NetworkError
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.auth.kept_secrets import RotationStore
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock

TOKEN_URL = "https://id.example/token"
ROTATES = OAuth2Auth(
    grant="refresh_token",
    token_url=TOKEN_URL,
    client_id="${secret.client_id}",
    client_secret="${secret.client_secret}",
    refresh_token="${secret.refresh_token}",
    rotates=True,
)
SECRETS = {"client_id": "our-client", "client_secret": "our-client-secret", "refresh_token": "refresh-0"}


class Killed(BaseException):
    """The end of a process: no line of it is carried out any more."""


class TokenEndpoint:
    """Issues ``access-N`` and ``refresh-N``; the refresh token before is good no more, or for one more time.

    Args:
        is_patient: Whether the last refresh token that was spent is taken again.
        lost: Which requests, from 1, are carried out but not answered.
        answers: What to answer in place, by request.
    """

    def __init__(
        self,
        *,
        is_patient: bool = False,
        lost: frozenset[int] = frozenset(),
        answers: dict[int, HttpResponse | Exception] | None = None,
        expires_in: int = 300,
    ) -> None:
        self.refresh_token = "refresh-0"
        self.spent: list[str] = []
        self.asked: list[str] = []
        self._is_patient = is_patient
        self._lost = lost
        self._answers = answers or {}
        self._expires_in = expires_in

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        assert timeout > 0
        form = dict(parse_qsl((request.body or b"").decode()))
        assert form.pop("grant_type") == "refresh_token"
        assert (form["client_id"], form["client_secret"]) == ("our-client", "our-client-secret")
        token = form["refresh_token"]
        self.asked.append(token)
        in_place = self._answers.get(len(self.asked))
        if isinstance(in_place, Exception):
            raise in_place
        if in_place is not None:
            return in_place
        is_again = self._is_patient and self.spent[-1:] == [token]
        if token != self.refresh_token and not is_again:
            return json_response({"error": "invalid_grant"}, 400)
        self.spent.append(token)
        number = len(self.spent)
        self.refresh_token = f"refresh-{number}"
        if len(self.asked) in self._lost:
            raise NetworkError("reset by peer")
        answer = {"access_token": f"access-{number}", "refresh_token": self.refresh_token, "id_token": "x"}
        return json_response({**answer, "token_type": "Bearer", "expires_in": self._expires_in})


class FakeRotationStore:
    """``RotationStore`` in memory, for all workers of a test."""

    def __init__(self, refresh_token: str = "refresh-0") -> None:
        self.where = "the secret 'refresh_token' in memory"
        self.tokens = KeptTokens(refresh_token)
        self.last = Lease()
        self.fails: list[Exception] = []
        self._lock = threading.Lock()

    def read(self, lease: Lease | None = None) -> KeptTokens:
        return self.tokens

    def lease(self, owner: str, *, now: float, until: float) -> Lease | None:
        with self._lock:
            lease = next_lease(self.last, owner, now=now, until=until)
            self.last = lease or self.last
            return lease

    def keep(self, lease: Lease, spent: str, tokens: KeptTokens) -> KeptTokens:
        with self._lock:
            if self.fails:
                raise self.fails.pop(0)
            if self.tokens.refresh_token == spent:
                self.tokens = tokens
            return self.tokens

    def release(self, lease: Lease, *, is_unanswered: bool) -> None:
        with self._lock:
            if self.last.number == lease.number:
                self.last = lease.released(is_unanswered=is_unanswered)


class FakeSecrets:
    """Secrets by name; what rotates is in the store given."""

    def __init__(self, store: RotationStore | None = None, **values: str) -> None:
        self._store = store
        self._values = {**SECRETS, **values}

    def get(self, name: str) -> str:
        if name not in self._values:
            raise ConfigurationError(f"no secret {name}")
        return self._values[name]

    def rotation(self, name: str) -> RotationStore:
        assert name == "refresh_token"
        if self._store is None:
            raise ConfigurationError(
                f"the secret {name!r} rotates, and there is nowhere to keep the next one"
            )
        return self._store


def auth_runtime(
    transport: Transport, secrets: Any = None, *, clock: Clock | None = None, **parameters: object
) -> AuthRuntime:
    """What a description is made a scheme with; its addresses are themselves."""
    secrets = secrets or FakeSecrets()

    def lookup(name: str) -> Any:
        return secrets.get(name.removeprefix("secret.")) if name.startswith("secret.") else parameters[name]

    return AuthRuntime(
        fill=lambda value: fill(value, lookup),
        address=lambda address: str(fill(address, lookup)),
        secrets=secrets,
        transport=transport,
        policy=RetryPolicy(max_attempts=5),
        clock=clock or ManualClock(),
        logger=logging.getLogger("tests.auth"),
    )


def worker(store: RotationStore, endpoint: Transport, clock: Clock | None = None) -> RotatingTokenScheme:
    """One process, as far as rotation is concerned."""
    auth = ROTATES.scheme(auth_runtime(endpoint, FakeSecrets(store), clock=clock))
    assert isinstance(auth, RotatingTokenScheme)
    return auth


class Steps:
    """Lets several threads go on in turn, one step of one of them at a time, as a seed says.

    A step is what lies between two calls of ``step``.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - an order, no secret
        self._changed = threading.Condition()
        self._waiting: dict[str, bool] = {}
        self._running = 0
        self._own = threading.local()

    def step(self) -> None:
        """Wait for the next turn."""
        name = self._own.name
        with self._changed:
            self._waiting[name] = False
            self._running -= 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting[name])
            del self._waiting[name]

    def run(self, jobs: dict[str, Callable[[], None]]) -> None:
        """Carry all jobs out, in an order that is the same for the same seed."""

        def carried_out(name: str, job: Callable[[], None]) -> None:
            self._own.name = name
            try:
                self.step()
                job()
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

        self._running = len(jobs)
        threads = [
            threading.Thread(target=carried_out, args=item, name=item[0], daemon=True)
            for item in jobs.items()
        ]
        for thread in threads:
            thread.start()
        while True:
            with self._changed:
                assert self._changed.wait_for(lambda: self._running == 0, timeout=120)
                if not self._waiting:
                    break
                chosen = self._random.choice(sorted(self._waiting))
                self._waiting[chosen] = True
                self._running = 1
                self._changed.notify_all()
        for thread in threads:
            thread.join()


class Process:
    """One process's view of the world: each thing that it does to it is a step, after which it may be killed.

    Args:
        store: Shared with others.
        endpoint: Shared with others.
        clock: Shared with others.
        dies_at: The step at which it is killed, from 1; it does nothing more then. None if it lives.
        turn: Called at every step.
    """

    def __init__(
        self,
        store: RotationStore,
        endpoint: Transport,
        clock: ManualClock,
        *,
        dies_at: int | None = None,
        turn: Callable[[], None] = lambda: None,
    ) -> None:
        self.where = store.where
        self.steps = 0
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._dies_at = dies_at
        self._turn = turn
        self.auth = worker(self, self, self)

    def _step(self) -> None:
        self.steps += 1
        if self._dies_at is not None and self.steps >= self._dies_at:
            raise Killed
        self._turn()

    def _around(self, act: Callable[[], Any]) -> Any:
        self._step()
        done = act()
        self._step()
        return done

    def read(self, lease: Lease | None = None) -> KeptTokens:
        read: KeptTokens = self._around(lambda: self._store.read(lease))
        return read

    def lease(self, owner: str, *, now: float, until: float) -> Lease | None:
        lease: Lease | None = self._around(lambda: self._store.lease(owner, now=now, until=until))
        return lease

    def keep(self, lease: Lease, spent: str, tokens: KeptTokens) -> KeptTokens:
        kept: KeptTokens = self._around(lambda: self._store.keep(lease, spent, tokens))
        return kept

    def release(self, lease: Lease, *, is_unanswered: bool) -> None:
        self._around(lambda: self._store.release(lease, is_unanswered=is_unanswered))

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        response: HttpResponse = self._around(lambda: self._endpoint.send(request, timeout=timeout))
        return response

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._around(lambda: self._clock.sleep(seconds))

    def wait(self, event: threading.Event, seconds: float) -> bool:
        waited: bool = self._around(lambda: self._clock.wait(event, seconds))
        return waited


def access_token_in(tokens: KeptTokens) -> str | None:
    """The access token that is kept, if there is one."""
    return json.loads(tokens.access)["answer"]["access_token"] if tokens.access else None
