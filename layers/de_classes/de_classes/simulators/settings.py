"""What a simulator is told: by its deployment or its command line, and by a single request."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import fields, replace

from de_classes.errors import ConfigurationError
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import FaultParameters, FaultPlan, Switches, parse_switches, rates_problem
from de_classes.simulators.status_faults import RATE_LIMIT, SERVER_ERROR, UNAVAILABLE
from de_classes.simulators.token_faults import SHORT_TOKEN

# Lambda answers with at most 6 MB, the JSON around the body included.
MAX_PAGE_BYTES = 5_000_000

Rate = Annotated[float, Meta(ge=0, le=1)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
RetryAfter = Annotated[int, Meta(ge=0, le=86_400)]
Jitter = Annotated[float, Meta(ge=0, le=20)]
Attempt = Annotated[int, Meta(ge=1, le=1_000_000)]

_PARAMETERS = FaultParameters()


class SimulatorSettings(Struct, frozen=True, kw_only=True):
    """Read from the environment variables of the same names by ``configs.settings.load``.

    Example:
        >>> calm = SimulatorSettings(total_records=5, rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0)
        >>> len(SimulatorServer(calm).truth())
        5

    Args:
        credentials_secret_id: The secret with ``{"username": ..., "password": ...}``; auth only.
        signing_secret_id: The secret that is the signing key.
        token_life_seconds: How long a token is valid.
        rate_500: Share of requests answered 500.
        rate_503: Share of requests answered 503.
        rate_429: Share of requests answered 429.
        faults: Faults by name or id, as ``switches`` reads them; where given, the three rates are void.
        fault_rate: The common rate of those that a retry cures and that have no share of their own.
        retry_after_seconds: What a 429 asks for.
        jitter_seconds: The longest delay of an answer.
        seed: Of the faults and of the synthetic records.
        total_records: How many synthetic records there are.
        max_limit: The most records a page.
        max_page_bytes: The largest page, in bytes.
        allow_overrides: Whether a request may set its own faults.
        records_uri: ``s3://bucket/key`` or a path of records, see ``open_records``; synthetic ones if empty.
        links: Whether a page says where the next one is.
        huge_body_bytes: The size of a huge body.
        drip_bytes: How many bytes of a dripping answer come one by one.
        drip_seconds: The wait before each of them.
        hang_seconds: How long a login that times out is silent.
        short_token_seconds: The life of short-lived tokens.
        token_uses: How many pages a token opens before it is revoked.
        drift_every: After how many requests for pages the records change again.
        drift_changes: How many changes of each kind there are.
        result_window: How many records a window shows.

    Raises:
        ConfigurationError: The rates add up to more than 1, or the faults are wrong.
    """

    credentials_secret_id: str = ""
    signing_secret_id: str = ""
    token_life_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 300
    rate_500: Rate = 0.1
    rate_503: Rate = 0.05
    rate_429: Rate = 0.05
    faults: str = ""
    fault_rate: Rate = 0.2
    retry_after_seconds: RetryAfter = 1
    jitter_seconds: Jitter = 0.05
    seed: Seed = 0
    total_records: Annotated[int, Meta(ge=0, le=10**12)] = 1000
    max_limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    max_page_bytes: Annotated[int, Meta(ge=1000, le=10**9)] = MAX_PAGE_BYTES
    allow_overrides: bool = False
    records_uri: str = ""
    links: bool = False
    huge_body_bytes: Annotated[int, Meta(ge=1, le=2**40)] = _PARAMETERS.huge_body_bytes
    drip_bytes: Annotated[int, Meta(ge=0, le=10**9)] = _PARAMETERS.drip_bytes
    drip_seconds: Annotated[float, Meta(ge=0, le=3600)] = _PARAMETERS.drip_seconds
    hang_seconds: Annotated[float, Meta(ge=0, le=86_400)] = _PARAMETERS.hang_seconds
    short_token_seconds: Annotated[int, Meta(ge=1, le=86_400)] = _PARAMETERS.short_token_seconds
    token_uses: Annotated[int, Meta(ge=1, le=10**9)] = _PARAMETERS.token_uses
    drift_every: Annotated[int, Meta(ge=1, le=10**9)] = _PARAMETERS.drift_every
    drift_changes: Annotated[int, Meta(ge=1, le=10**6)] = _PARAMETERS.drift_changes
    result_window: Annotated[int, Meta(ge=1, le=10**12)] = _PARAMETERS.result_window

    def __post_init__(self) -> None:
        if not self.faults and (problem := rates_problem(self._rates())):
            raise ConfigurationError(problem)
        if self.faults:
            self._check_faults()

    def plan(self) -> FaultPlan:
        """What goes wrong how often."""
        switches = (
            parse_switches(self.faults, CATALOGUE, self.fault_rate)
            if self.faults
            else Switches(self._rates())
        )
        return FaultPlan(
            CATALOGUE,
            switches.rates,
            seed=self.seed,
            retry_after=self.retry_after_seconds,
            jitter=self.jitter_seconds,
            pages=switches.pages,
            parameters=FaultParameters(
                **{each.name: getattr(self, each.name) for each in fields(FaultParameters)}
            ),
        )

    def token_life(self, plan: FaultPlan) -> int:
        """Seconds that a token is valid under this plan."""
        life = self.token_life_seconds
        return min(life, plan.parameters.short_token_seconds) if plan.has(SHORT_TOKEN) else life

    def _check_faults(self) -> None:
        try:
            self.plan()
        except ConfigurationError as error:
            problems = [f"faults {each}" for each in error.problems]
            raise ConfigurationError("; ".join(problems), problems=problems) from error

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
