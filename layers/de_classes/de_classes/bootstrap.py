"""The one place that puts the objects together. Its keyword arguments are the seams of the tests."""

from __future__ import annotations

from functools import cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from de_classes.api.http_transport import HttpClientTransport
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source import SecretsManagerSecrets, Source
from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.ingest import WorkerSettings
from de_classes.configs.sam_local import sam_local
from de_classes.configs.settings import load
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.storage.services.storage_data_service import StorageDataService
from de_classes.utils.clock import SystemClock
from de_classes.worker.ingestion import Ingestion

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from de_classes.api.auth.scheme import AuthScheme
    from de_classes.api.pace import Neighbours
    from de_classes.api.source import Resource, Secrets
    from de_classes.api.transport import Transport
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.pipelines.glue import GlueTable
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.utils.clock import Clock
    from de_classes.utils.run_records import Increment

SERVICE = "ingestion-worker"
PACKAGED = "de_classes_sources"
"""The folder on the import path that a deployment's descriptions are packaged in."""

LONGEST_WAIT = 5.0
"""Seconds that a function waits for a job of a source: it is paid for them, and whoever called it is not."""


def build_ingestion(
    environ: Mapping[str, str],
    *,
    store: Callable[[logging.Logger], ObjectStore] | None = None,
    secrets: Callable[[str], Secrets] | None = None,
    transport: Transport | None = None,
    clock: Clock | None = None,
    logger: logging.Logger | None = None,
) -> Ingestion:
    """The worker's ingestion, as its environment says.

    Args:
        environ: The settings, as ``WorkerSettings`` names them.
        store: Makes the object store; S3 by the default credential chain if not given.
        secrets: Gives a source's secrets by its name; those in Secrets Manager below the prefix if not given.
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
    objects = (store or s3_store)(logger)
    storage = StorageDataService(objects, formats, logger)
    clients = _Clients(
        settings, environ, store=objects, secrets=secrets, transport=transport, clock=clock, logger=logger
    )
    return Ingestion(
        settings,
        _sources(settings.sources_path),
        clients.client_for,
        storage,
        logger,
        clock,
        memory_megabytes=_memory_of(environ),
        forget_logins=clients.forget_logins,
        table_for=_tables(settings.glue_database),
        cut=clients.cut,
    )


class _Clients:
    """Makes the clients of the sources; one login serves every run of this process, until it is refused."""

    def __init__(
        self,
        settings: WorkerSettings,
        environ: Mapping[str, str],
        *,
        store: ObjectStore,
        secrets: Callable[[str], Secrets] | None,
        transport: Transport | None,
        clock: Clock,
        logger: logging.Logger,
    ) -> None:
        self._settings = settings
        self._store = store
        self._secrets = secrets or self._kept_by_aws
        self._transport = transport
        self._clock = clock
        self._logger = logger
        self._local = sam_local(environ)
        is_local = self._local is not None  # whose bridge is this machine's
        self._allow_insecure = settings.allow_insecure or is_local
        self._known: dict[str, Secrets] = {}
        self._auths: dict[str, AuthScheme] = {}
        self._policy = RetryPolicy(
            max_attempts=settings.max_attempts,
            max_elapsed=settings.max_elapsed_seconds or RetryPolicy().max_elapsed,
        )

    def _kept_by_aws(self, source: str) -> Secrets:
        below = f"{self._settings.secrets_prefix}/{source}".lstrip("/")
        return SecretsManagerSecrets(
            self._settings.source_secrets.get(source, below),
            store=self._store,
            bucket=self._settings.bucket,
            leases=f"{self._settings.key_prefix}/_leases".lstrip("/"),
        )

    def client_for(
        self,
        resource: Resource,
        parameters: Mapping[str, Any],
        *,
        deadline: float | None,
        increment: Increment | None = None,
        places: Mapping[str, str | int] | None = None,
        share: int = 1,
        neighbours: Neighbours | None = None,
    ) -> UnstableAPIClient:
        """A client of its own for each run, or for each range of one."""
        options = self._options(resource, parameters, deadline, share=share, neighbours=neighbours)
        options["places"] = places
        return self._client(resource, options, parameters, increment)

    def cut(
        self,
        resource: Resource,
        parameters: Mapping[str, Any],
        *,
        deadline: float | None,
        increment: Increment,
    ) -> Increment:
        """What a run asks for, in slices if the source gives no more than a window of any query."""
        if not resource.described.is_sliced:
            return increment
        options = self._options(resource, parameters, deadline)
        return resource.cut(increment, self._client(resource, options, parameters, increment), **options)

    def _options(
        self,
        resource: Resource,
        parameters: Mapping[str, Any],
        deadline: float | None,
        *,
        share: int = 1,
        neighbours: Neighbours | None = None,
    ) -> dict[str, Any]:
        if self._local is not None:
            self._local.require_cloud()
        name = resource.source_name
        if name not in self._known:
            self._known[name] = self._secrets(name)
        fixed = self._settings.source_parameters.get(name, {})
        return {
            "parameters": {**parameters, **fixed},
            "secrets": self._known[name],
            "allow_insecure": self._allow_insecure,
            "limits": ClientLimits(
                concurrency=self._settings.concurrency,
                retry_policy=self._policy,
                deadline=deadline,
                longest_wait=LONGEST_WAIT,
                share=share,
            ),
            "runtime": ClientRuntime(
                self._transport or HttpClientTransport(), self._clock, self._logger, neighbours
            ),
        }

    def _client(
        self,
        resource: Resource,
        options: dict[str, Any],
        parameters: Mapping[str, Any],
        increment: Increment | None,
    ) -> UnstableAPIClient:
        name = resource.source_name
        is_own = resource.described.auth is not None or parameters
        client = resource.client(
            **options, auth=None if is_own else self._auths.get(name), increment=increment
        )
        if not is_own:
            self._auths[name] = client.endpoint.auth
        return client

    def forget_logins(self) -> None:
        """Read the secrets anew for the next run."""
        self._known.clear()
        self._auths.clear()


def _tables(database: str) -> Callable[[str], GlueTable] | None:
    """The tables of the catalog by the names of resources; None where no catalog is kept."""
    if not database:
        return None
    # boto3, and only where there is a catalog
    from de_classes.pipelines.glue.address import GlueAddress, table_name  # noqa: PLC0415
    from de_classes.pipelines.glue.table import GlueTable  # noqa: PLC0415

    return cache(lambda resource: GlueTable(GlueAddress.of(database, table_name(resource))))


def _sources(path: str | None) -> Source:
    """The descriptions in a folder, else those that were packaged, else those of the library alone.

    Those that were packaged may name functions in their transforms; those of a folder may not.
    """
    packaged = PathFinder.find_spec(PACKAGED)
    folders = list(packaged.submodule_search_locations or []) if packaged else []
    if path is None and folders:
        return Source.load(folders[0], allow_functions=True)  # it was deployed as the code was
    return Source.load(path) if path else Source.shipped()


def _memory_of(environ: Mapping[str, str]) -> float:
    """Megabytes that Lambda says it gives; a gigabyte anywhere else."""
    given = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return float(given) if given.isdigit() and int(given) else 1024.0


def s3_store(logger: logging.Logger) -> ObjectStore:
    """S3, with the credentials that the process was given."""
    from de_classes.storage.clients.s3_client import S3Client  # noqa: PLC0415 - boto3, only where S3 is used

    return S3Client(logger)
