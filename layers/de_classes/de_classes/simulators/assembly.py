"""The one place where simulators are put together; its arguments are the seams of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.configs.settings import load, validate
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.simulators.auth_service import AuthSimulator, Credentials
from de_classes.simulators.aws import fetch_object, local_copy
from de_classes.simulators.records import JsonLinesRecords, SyntheticRecords
from de_classes.simulators.settings import SimulatorSettings
from de_classes.simulators.tokens import TokenIssuer
from de_classes.simulators.unstable_service import UnstableSimulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.configs.secrets_manager import SecretReader
    from de_classes.simulators.aws import ObjectFetcher
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.records import RecordSource
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
    tokens = TokenIssuer(secrets(settings.signing_secret_id), settings.token_life_seconds, clock)
    return AuthSimulator(credentials, tokens)


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
    tokens = TokenIssuer(secrets(settings.signing_secret_id), settings.token_life_seconds, clock)
    return unstable_simulator(settings, tokens, records_of(settings, fetch=fetch))


def unstable_simulator(
    settings: SimulatorSettings, tokens: TokenIssuer, records: RecordSource, plan: FaultPlan | None = None
) -> UnstableSimulator:
    """The unstable simulator of these settings, or of another plan of faults."""
    return UnstableSimulator(
        records,
        tokens,
        plan or settings.plan(),
        max_limit=settings.max_limit,
        max_page_bytes=settings.max_page_bytes,
        allow_overrides=settings.allow_overrides,
    )


def records_of(settings: SimulatorSettings, *, fetch: ObjectFetcher = fetch_object) -> RecordSource:
    """The user's records if the settings name any, else synthetic ones.

    Raises:
        ConfigurationError: The user's records cannot be read or hold something else.
    """
    if settings.records_uri:
        return JsonLinesRecords(local_copy(settings.records_uri, fetch))
    return SyntheticRecords(settings.seed, settings.total_records)


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
