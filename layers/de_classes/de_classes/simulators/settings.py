"""What a simulator is told: by its deployment or its command line, and by a single request."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from msgspec import Meta, Struct

from de_classes.errors import ConfigurationError
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import FaultPlan, rates_problem
from de_classes.simulators.status_faults import RATE_LIMIT, SERVER_ERROR, UNAVAILABLE

# Lambda answers with at most 6 MB, the JSON around the body included.
MAX_PAGE_BYTES = 5_000_000

Rate = Annotated[float, Meta(ge=0, le=1)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
RetryAfter = Annotated[int, Meta(ge=0, le=86_400)]
Jitter = Annotated[float, Meta(ge=0, le=20)]
Attempt = Annotated[int, Meta(ge=1, le=1_000_000)]


class SimulatorSettings(Struct, frozen=True, kw_only=True):
    """Read from the environment variables of the same names by ``configs.settings.load``.

    Args:
        credentials_secret_id: The secret with ``{"username": ..., "password": ...}``; auth only.
        signing_secret_id: The secret that is the signing key.
        token_life_seconds: How long a token is valid.
        rate_500: Share of requests answered 500.
        rate_503: Share of requests answered 503.
        rate_429: Share of requests answered 429.
        retry_after_seconds: What a 429 asks for.
        jitter_seconds: The longest delay of an answer.
        seed: Of the faults and of the synthetic records.
        total_records: How many synthetic records there are.
        max_limit: The most records a page.
        max_page_bytes: The largest page, in bytes.
        allow_overrides: Whether a request may set its own faults.
        records_uri: ``s3://bucket/key`` or a path of JSON Lines to serve; synthetic records if empty.

    Raises:
        ConfigurationError: The rates add up to more than 1.
    """

    credentials_secret_id: str = ""
    signing_secret_id: str = ""
    token_life_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 300
    rate_500: Rate = 0.1
    rate_503: Rate = 0.05
    rate_429: Rate = 0.05
    retry_after_seconds: RetryAfter = 1
    jitter_seconds: Jitter = 0.05
    seed: Seed = 0
    total_records: Annotated[int, Meta(ge=0, le=10**12)] = 1000
    max_limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    max_page_bytes: Annotated[int, Meta(ge=1000, le=10**9)] = MAX_PAGE_BYTES
    allow_overrides: bool = False
    records_uri: str = ""

    def __post_init__(self) -> None:
        problem = rates_problem(self._rates())
        if problem:
            raise ConfigurationError(problem)

    def plan(self) -> FaultPlan:
        """What goes wrong how often."""
        return FaultPlan(
            CATALOGUE,
            self._rates(),
            seed=self.seed,
            retry_after=self.retry_after_seconds,
            jitter=self.jitter_seconds,
        )

    def _rates(self) -> dict[str, float]:
        return {
            SERVER_ERROR.name: self.rate_500,
            UNAVAILABLE.name: self.rate_503,
            RATE_LIMIT.name: self.rate_429,
        }


class Overrides(Struct, frozen=True, kw_only=True):
    """What one request sets, None for what it leaves alone.

    Args:
        attempt: The how-manieth try this is, from 1; needed where instances share no memory.
        seed: Of the draw.
        retry_after: Seconds that a rate limit asks for.
        jitter: The longest delay, in seconds.
        rates: Fault override ending to rate.
    """

    attempt: Attempt | None = None
    seed: Seed | None = None
    retry_after: RetryAfter | None = None
    jitter: Jitter | None = None
    rates: dict[str, Rate] = {}

    def applied_to(self, plan: FaultPlan) -> FaultPlan:
        """The plan with this request's say in it.

        Raises:
            ConfigurationError: The rates add up to more than 1.
        """
        names = {fault.override: fault.name for fault in plan.registry}
        return replace(
            plan,
            rates={**plan.rates, **{names[ending]: rate for ending, rate in self.rates.items()}},
            seed=plan.seed if self.seed is None else self.seed,
            retry_after=plan.retry_after if self.retry_after is None else self.retry_after,
            jitter=plan.jitter if self.jitter is None else self.jitter,
        )
