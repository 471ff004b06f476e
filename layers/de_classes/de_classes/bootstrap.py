"""The one place that puts the objects together. Its keyword arguments are the seams of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.api.auth_client import AuthClient
from de_classes.api.retry import RetryPolicy
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.ingest import WorkerSettings
from de_classes.configs.secrets_manager import parse_login, read_secret
from de_classes.configs.settings import load
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.storage.services.storage_data_service import StorageDataService
from de_classes.utils.clock import SystemClock
from de_classes.worker.ingestion import Ingestion

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from de_classes.api.transport import Transport
    from de_classes.configs.ingest import SourceSettings
    from de_classes.configs.secrets_manager import SecretReader
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.utils.clock import Clock

SERVICE = "ingestion-worker"


def build_ingestion(
    environ: Mapping[str, str],
    *,
    store: Callable[[logging.Logger], ObjectStore] | None = None,
    secrets: SecretReader = read_secret,
    transport: Transport | None = None,
    clock: Clock | None = None,
    logger: logging.Logger | None = None,
) -> Ingestion:
    """The worker's ingestion, as its environment says.

    Args:
        environ: The settings, as ``WorkerSettings`` names them.
        store: Makes the object store; S3 by the default credential chain if not given.
        secrets: Reads the sources' credentials.
        transport: How to reach the sources.
        clock: What to measure and to wait with.
        logger: Where everything is reported.

    Raises:
        ConfigurationError: Its ``problems`` name every setting that is wrong.
    """
    settings = load(WorkerSettings, environ)
    clock = clock or SystemClock()
    logger = logger or AppLogger(SERVICE).get_logger()
    formats = DataFormatService(escape_formulas=settings.escape_formulas)
    storage = StorageDataService((store or s3_store)(logger), formats, logger)
    sources = _Sources(settings, secrets, transport, clock, logger)
    return Ingestion(
        settings,
        sources.client_for,
        storage,
        logger,
        clock,
        memory_megabytes=_memory_of(environ),
        forget_logins=sources.forget_logins,
    )


class _Sources:
    """Makes the clients of the sources; one login serves every run of this process, until it is refused."""

    def __init__(
        self,
        settings: WorkerSettings,
        secrets: SecretReader,
        transport: Transport | None,
        clock: Clock,
        logger: logging.Logger,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._transport = transport
        self._clock = clock
        self._logger = logger
        self._logins: dict[tuple[str, str], AuthClient] = {}
        self._policy = RetryPolicy(max_attempts=settings.max_attempts)
        if settings.max_elapsed_seconds is not None:
            self._policy = replace(self._policy, max_elapsed=settings.max_elapsed_seconds)

    def client_for(self, source: SourceSettings, *, deadline: float | None) -> UnstableAPIClient:
        """A client of its own for each run."""
        return UnstableAPIClient(
            source.base_url,
            self._login(source),
            self._logger,
            data_path=source.data_path,
            retry_policy=self._policy,
            concurrency=self._settings.concurrency,
            requests_per_second=source.requests_per_second,
            transport=self._transport,
            clock=self._clock,
            deadline=deadline,
        )

    def forget_logins(self) -> None:
        """Read the credentials anew for the next run."""
        self._logins.clear()

    def _login(self, source: SourceSettings) -> AuthClient | None:
        if source.credentials_secret_id is None:
            return None
        key = source.auth_url, source.credentials_secret_id
        if key not in self._logins:
            self._logins[key] = self._new_login(source.auth_url, source.credentials_secret_id)
        return self._logins[key]

    def _new_login(self, auth_url: str, secret_id: str) -> AuthClient:
        login = parse_login(self._secrets(secret_id))
        return AuthClient(
            auth_url,
            login.username,
            login.password,
            self._logger,
            transport=self._transport,
            retry_policy=self._policy,
            clock=self._clock,
        )


def _memory_of(environ: Mapping[str, str]) -> float:
    """Megabytes that Lambda says it gives; a gigabyte anywhere else."""
    given = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return float(given) if given.isdigit() and int(given) else 1024.0


def s3_store(logger: logging.Logger) -> ObjectStore:
    """S3, with the credentials that the process was given."""
    from de_classes.storage.clients.s3_client import S3Client  # noqa: PLC0415 - boto3, only where S3 is used

    return S3Client(logger)
