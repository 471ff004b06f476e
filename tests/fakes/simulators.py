"""Stand-ins around the simulators: secrets without AWS, a logger that remembers, requests in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from de_classes.errors import ConfigurationError
from de_classes.simulators.auth_service import AuthSimulator, Credentials
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import FaultPlan
from de_classes.simulators.messages import Headers, SimRequest
from de_classes.simulators.records import SyntheticRecords
from de_classes.simulators.routing import TokenIssuer
from de_classes.simulators.unstable_service import UnstableSimulator
from de_classes.utils.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.simulators.messages import SimResponse
    from de_classes.simulators.records import RecordSource

SIGNING_KEY = "a signing key of the tests, 32 bytes and more"
USERNAME = "demo"
PASSWORD = "demo-password"
ENVIRONMENT = {"CREDENTIALS_SECRET_ID": "credentials", "SIGNING_SECRET_ID": "signing"}
SECRETS = {
    "credentials": json.dumps({"username": USERNAME, "password": PASSWORD}),
    "signing": SIGNING_KEY,
}


class FakeSecrets:
    """Secrets from a mapping; remembers what was read."""

    def __init__(self, secrets: Mapping[str, str] = SECRETS) -> None:
        self._secrets = secrets
        self.read: list[str] = []

    def __call__(self, secret_id: str) -> str:
        self.read.append(secret_id)
        if secret_id not in self._secrets:
            raise ConfigurationError(f"the secret {secret_id} cannot be read")
        return self._secrets[secret_id]


class ListLogger:
    """Keeps log lines as (message, extra)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, object]]] = []

    def info(self, msg: str, *, extra: Mapping[str, object]) -> None:
        self.lines.append((msg, extra))


def issuer(clock: ManualClock | None = None, *, life: int = 300, key: str = SIGNING_KEY) -> TokenIssuer:
    return TokenIssuer(key, life, clock or ManualClock())


def auth(tokens: TokenIssuer | None = None) -> AuthSimulator:
    return AuthSimulator(Credentials(username=USERNAME, password=PASSWORD), tokens or issuer())


def unstable(
    *,
    count: int = 250,
    records: RecordSource | None = None,
    rates: Mapping[str, float] | None = None,
    tokens: TokenIssuer | None = None,
    max_limit: int = 1000,
    max_page_bytes: int | None = None,
    overrides: bool = False,
    seed: int = 7,
    jitter: float = 0.0,
) -> UnstableSimulator:
    return UnstableSimulator(
        records or SyntheticRecords(seed, count),
        tokens or issuer(),
        FaultPlan(CATALOGUE, rates or {}, seed=seed, retry_after=3, jitter=jitter),
        max_limit=max_limit,
        max_page_bytes=max_page_bytes,
        allow_overrides=overrides,
    )


def get(
    path: str, token: str | None = None, headers: Mapping[str, str] | None = None, **query: str
) -> SimRequest:
    fields = dict(headers or {})
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    return SimRequest("GET", path, query, Headers(fields))


def login(body: object) -> SimRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SimRequest("POST", "/login", body=content)


def as_json(response: SimResponse) -> dict[str, object]:
    decoded = json.loads(response.body)
    if not isinstance(decoded, dict):
        raise TypeError(f"an object was expected, not {decoded!r}")
    return decoded
