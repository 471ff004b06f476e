"""The one place where simulators are put together; its arguments are the seams of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.configs.settings import load, validate
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.simulators.auth_service import AuthSimulator, Credentials
from de_classes.simulators.faults import InjectionPoint, RecordFault
from de_classes.simulators.page_faults import OddRecords
from de_classes.simulators.record_files import open_records
from de_classes.simulators.records import SyntheticRecords, fetch_object, local_copy
from de_classes.simulators.routing import TokenIssuer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.simulators.unstable_service import UnstableSimulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.configs.secrets_manager import SecretReader
    from de_classes.simulators.drift import Drift
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.records import ObjectFetcher, RecordSource
    from de_classes.utils.clock import Clock


def deployed_auth(environ: Mapping[str, str], secrets: SecretReader, clock: Clock) -> AuthSimulator:
    """The auth simulator as its environment and its secrets say.

    Raises:
        ConfigurationError: Its ``problems`` name every setting that is wrong; or a secret is unfit.
    """
    settings = load(SimulatorSettings, environ)
    _require(
        CREDENTIALS_SECRET_ID=settings.credentials_secret_id, SIGNING_SECRET_ID=settings.signing_secret_id
    )
    credentials = _credentials(secrets(settings.credentials_secret_id))
    plan = _deployable(settings.plan())
    tokens = TokenIssuer(secrets(settings.signing_secret_id), settings.token_life(plan), clock)
    return AuthSimulator(credentials, tokens, plan)


def deployed_unstable(
    environ: Mapping[str, str],
    secrets: SecretReader,
    clock: Clock,
    *,
    fetch: ObjectFetcher = fetch_object,
) -> UnstableSimulator:
    """The unstable simulator as its environment and its secret say.

    Raises:
        ConfigurationError: Its ``problems`` name every setting that is wrong; or the secret or the records
            are unfit.
    """
    settings = load(SimulatorSettings, environ)
    _require(SIGNING_SECRET_ID=settings.signing_secret_id)
    plan = _deployable(settings.plan())
    tokens = TokenIssuer(secrets(settings.signing_secret_id), settings.token_life(plan), clock)
    records = odd_records(plan, records_of(settings, fetch=fetch))
    return unstable_simulator(settings, tokens, records, plan, clock=clock)


def unstable_simulator(
    settings: SimulatorSettings,
    tokens: TokenIssuer,
    records: RecordSource,
    plan: FaultPlan,
    *,
    drift: Drift | None = None,
    clock: Clock | None = None,
) -> UnstableSimulator:
    """The unstable simulator of these settings and this plan of faults."""
    return UnstableSimulator(
        records,
        tokens,
        plan,
        max_limit=settings.max_limit,
        max_page_bytes=settings.max_page_bytes,
        allow_overrides=settings.allow_overrides,
        links=settings.links,
        drift=drift,
        clock=clock,
    )


def odd_records(plan: FaultPlan, records: RecordSource) -> RecordSource:
    """The records as the faults of the plan disfigure them."""
    faults = [fault for fault in plan.at(InjectionPoint.RECORDS) if isinstance(fault, RecordFault)]
    return OddRecords(records, faults) if faults else records


def records_of(settings: SimulatorSettings, *, fetch: ObjectFetcher = fetch_object) -> RecordSource:
    """The user's records if the settings name any, else synthetic ones.

    Raises:
        ConfigurationError: The user's records cannot be read or hold something else.
    """
    if settings.records_uri:
        return open_records(local_copy(settings.records_uri, fetch))
    return SyntheticRecords(settings.seed, settings.total_records)


def _deployable(plan: FaultPlan) -> FaultPlan:
    names = [fault.name for point in InjectionPoint for fault in plan.at(point) if fault.loopback_only]
    if not names:
        return plan
    problems = [f"FAULTS {name} cannot be played behind API Gateway: use simulate" for name in names]
    raise ConfigurationError("; ".join(problems), problems=problems)


def _require(**secret_ids: str) -> None:
    problems = [
        f"{name} is missing: it must name a secret" for name, given in secret_ids.items() if not given
    ]
    if problems:
        raise ConfigurationError("; ".join(problems), problems=problems)


def _credentials(secret: str) -> Credentials:
    try:
        return validate(Credentials, secret, what="credentials secret")
    except InvalidInputError as error:
        raise ConfigurationError(str(error), problems=error.problems) from error
