"""The source of an ingestion from the command line: its client, its login, its password."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from de_classes.api.auth_client import AuthClient, LoginLimits
from de_classes.api.endpoint import Endpoint
from de_classes.api.pace import RateRules
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.ingest_settings import read_headers
from de_classes.cli.parsers import PASSWORD_VARIABLE
from de_classes.configs.secret_file import read_secret_lines
from de_classes.configs.settings import environment
from de_classes.errors import ConfigurationError
from de_classes.runs.plan import RunPlan, new_run_id
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from de_classes.api.runtime import ClientRuntime
    from de_classes.api.source import Resource
    from de_classes.cli.ingest_settings import IngestSettings
    from de_classes.configs.ingest import OnViolation, Write
    from de_classes.pipelines.described import TransformDescription
    from de_classes.storage.format.pinned import PinnedSchema
    from de_classes.utils.run_records import Increment


class AskedFor(Value):
    """What is asked for of a resource that is read only as far as it is new.

    Attributes:
        increment: That; None where all is read.
        places: The places that were reached for each parent, where each has its own.
    """

    increment: Increment | None = None
    places: Mapping[str, str | int] = msgspec.field(default_factory=dict)


class OpenedSource(Value):
    """What is read, and what is known of its records.

    Attributes:
        client: Reads it.
        name: Such as ``stripe.charges``; None for a URL.
        limit: Records a page.
        key_fields: The fields that tell records apart.
        pinned: The schema that every record must fit, or None.
        on_violation: What becomes of a record that does not.
        transforms: What becomes of the records before that.
        write: How a dataset takes more runs than one; None if it is the run's alone.
        increment: What is asked for, where it is only what is new.
    """

    client: UnstableAPIClient
    name: str | None
    limit: int
    key_fields: tuple[str, ...]
    pinned: PinnedSchema | None
    on_violation: OnViolation
    transforms: tuple[TransformDescription, ...] = ()
    write: Write | None = None
    increment: Increment | None = None

    def plan(self, settings: IngestSettings, key_of: Callable[[str], str]) -> RunPlan:
        """The run that is asked for, into a dataset or one object.

        Args:
            settings: What is asked for.
            key_of: Puts a name below the destination.
        """
        is_dataset = not settings.is_one_object
        return RunPlan(
            run_id=run_id_of(settings, self.name) or new_run_id(),
            source=self.client.url,
            fingerprint=self.client.fingerprint,
            source_name=self.name,
            dataset=key_of(dataset_of(settings, self.name) if is_dataset else settings.object_name),
            format=settings.format_name,
            limit=self.limit,
            pages=settings.page_range,
            key_fields=self.key_fields if is_dataset else (),
            transforms=self.transforms,
            pinned=self.pinned if is_dataset else None,
            on_violation=self.on_violation,
            write=(settings.write or self.write) if is_dataset else None,
            incremental=self.increment if is_dataset else None,
        )


def run_id_of(settings: IngestSettings, name: str | None) -> str | None:
    """The id that a run was given: where all of a source is read, each resource has a run of its own."""
    is_one = settings.run_id is None or settings.is_url or "." in settings.source
    return settings.run_id if is_one else f"{settings.run_id}-{(name or '').rpartition('.')[2]}"


def dataset_of(settings: IngestSettings, name: str | None) -> str:
    """The dataset of a resource, below the destination."""
    return (settings.dataset or (name or "").replace(".", "/")).strip("/")


def open_sources(
    args: argparse.Namespace,
    settings: IngestSettings,
    runtime: ClientRuntime,
    increment_of: Callable[[Resource], AskedFor],
) -> list[OpenedSource]:
    """What the command line names: one resource, or all of a source's.

    Args:
        args: As ``parsers`` parses them.
        settings: The same, checked.
        runtime: Network, clock and logger.
        increment_of: What is asked for of a resource that is read only as far as it is new.

    Raises:
        ConfigurationError: There is no such source, it needs what was not given, or a secret cannot be read.
    """
    if settings.is_url:
        return [
            OpenedSource(
                _of_url(args, settings, runtime),
                None,
                settings.limit or 100,
                tuple(settings.key_field),
                settings.pinned(),
                "quarantine" if settings.quarantine else "refuse",
            )
        ]
    from de_classes.cli.described import sources_at  # noqa: PLC0415 - a URL needs none of it

    sources = sources_at(settings.sources)
    if "." in settings.source:
        resources = [sources[settings.source]]
    else:
        every = sources.resources(settings.source)
        resources = [each for each in every if not each.described.only_by_name] or every
    return [_described(args, settings, resource, runtime, increment_of(resource)) for resource in resources]


def _described(
    args: argparse.Namespace,
    settings: IngestSettings,
    resource: Resource,
    runtime: ClientRuntime,
    asked: AskedFor,
) -> OpenedSource:
    from de_classes.cli.described import secrets_of  # noqa: PLC0415 - as above

    options: dict[str, Any] = {
        "parameters": settings.parameters,
        "secrets": secrets_of(settings.secrets),
        "base_url": settings.base_url,
        "allow_insecure": settings.allow_insecure,
        "limits": _limits(args, settings),
        "runtime": runtime,
    }
    increment = asked.increment
    client = resource.client(**options, increment=increment, places=asked.places)
    if increment is not None:
        cut = resource.cut(increment, client, **options)
        if cut != increment:
            increment, client = cut, resource.client(**options, increment=cut, auth=client.endpoint.auth)
    limit = settings.limit or resource.default_limit
    described = resource.described
    return OpenedSource(
        client,
        resource.name,
        client.endpoint.limit(limit),
        described.primary_key,
        resource.pinned,
        described.on_violation,
        described.transforms,
        described.write,
        increment,
    )


def _of_url(args: argparse.Namespace, settings: IngestSettings, runtime: ClientRuntime) -> UnstableAPIClient:
    headers = read_headers(settings.header, args.header_file, environment())
    if args.username is not None and "authorization" in map(str.lower, headers):
        raise ConfigurationError(
            "--username has no effect with Authorization in --header-file: both say who asks: leave one out"
        )
    endpoint = Endpoint(
        settings.source.rstrip("/") + settings.data_path,
        pagination=settings.strategy(),
        reader=settings.reader(),
        headers=headers,
        page_size=settings.page_size(),
        rate_limit=RateRules(per_second=settings.requests_per_second),
    )
    return UnstableAPIClient(
        endpoint, _auth(args, settings, runtime), limits=_limits(args, settings), runtime=runtime
    )


def _limits(args: argparse.Namespace, settings: IngestSettings) -> ClientLimits:
    return ClientLimits(
        concurrency=settings.concurrency, timeout=settings.timeout, retry_policy=_policy(args, settings)
    )


def _auth(args: argparse.Namespace, settings: IngestSettings, runtime: ClientRuntime) -> AuthClient | None:
    if args.username is None:
        return None
    return AuthClient(
        settings.login_url,
        args.username,
        _password(args),
        limits=LoginLimits(timeout=settings.timeout, retry_policy=_policy(args, settings)),
        runtime=runtime,
    )


def _policy(args: argparse.Namespace, settings: IngestSettings) -> RetryPolicy:
    policy = RetryPolicy(max_attempts=settings.max_attempts, jitter=not args.no_jitter)
    is_told = args.max_attempts is not None
    return structs.replace(policy, first_contact=policy.max_elapsed) if is_told else policy


def _password(args: argparse.Namespace) -> str:
    if args.password_file:
        return read_secret_lines("--password-file", args.password_file)[0]
    given = environment().get(PASSWORD_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise ConfigurationError(f"set {PASSWORD_VARIABLE}, or give --password-file: there is nobody to ask")
    return getpass.getpass(f"password of {args.username}: ")
