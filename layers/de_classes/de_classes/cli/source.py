"""The source of an ingestion from the command line: its client, its login, its password."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from de_classes.api.auth_client import AuthClient
from de_classes.api.retry import RetryPolicy
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.headers import read_headers
from de_classes.cli.ingest_options import PASSWORD_VARIABLE
from de_classes.cli.secret_file import read_secret_file
from de_classes.configs.settings import environment
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    import logging

    from de_classes.cli.ingest_settings import IngestSettings


def open_source(
    args: argparse.Namespace, settings: IngestSettings, logger: logging.Logger
) -> UnstableAPIClient:
    """The client of the API that the command line names.

    Args:
        args: As ``ingest_options`` parses them.
        settings: The same, checked.
        logger: Told of retries.

    Raises:
        ConfigurationError: There is no password where one is needed, or a secret cannot be read.
    """
    return UnstableAPIClient(
        settings.base_url,
        _auth(args, settings, logger),
        logger,
        data_path=settings.data_path,
        pagination=settings.strategy(),
        reader=settings.reader(),
        retry_policy=_policy(args, settings),
        concurrency=settings.concurrency,
        requests_per_second=settings.requests_per_second,
        timeout=settings.timeout,
        headers=read_headers(settings.header, args.header_file, environment()),
    )


def _auth(args: argparse.Namespace, settings: IngestSettings, logger: logging.Logger) -> AuthClient | None:
    if args.username is None:
        return None
    return AuthClient(
        settings.login_url,
        args.username,
        _password(args),
        logger,
        retry_policy=_policy(args, settings),
        timeout=settings.timeout,
    )


def _policy(args: argparse.Namespace, settings: IngestSettings) -> RetryPolicy:
    return RetryPolicy(max_attempts=settings.max_attempts, jitter=not args.no_jitter)


def _password(args: argparse.Namespace) -> str:
    if args.password_file:
        return read_secret_file("--password-file", args.password_file)[0]
    given = environment().get(PASSWORD_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise ConfigurationError(f"set {PASSWORD_VARIABLE}, or give --password-file: there is nobody to ask")
    return getpass.getpass(f"password of {args.username}: ")
