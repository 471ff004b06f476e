"""``ingest``: any paginated API into a directory or a bucket, from the command line."""

from __future__ import annotations

import getpass
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from de_classes.api.api_data_service import ApiDataService
from de_classes.api.auth_client import AuthClient
from de_classes.api.retry import RetryPolicy
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.destination import open_destination
from de_classes.cli.ingest_options import PASSWORD_VARIABLE
from de_classes.cli.ingest_settings import read_settings
from de_classes.cli.progress import Progress
from de_classes.cli.watched_storage import WatchedStorage
from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.settings import environment
from de_classes.errors import AuthenticationError, ConfigurationError, DeClassesError, InvalidKeyError
from de_classes.storage.format.data_format_service import DataFormatService

if TYPE_CHECKING:
    import argparse

    from de_classes.api.receipt import IngestReceipt
    from de_classes.cli.ingest_settings import IngestSettings

EXIT_INCOMPLETE = 1
EXIT_USAGE = 2


def run(args: argparse.Namespace, *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Ingest as the command line says.

    Args:
        args: As ``ingest_options`` parses them.
        out: In place of stdout: the summary, or the receipt.
        err: In place of stderr: progress and errors.

    Returns:
        The exit status: 0 complete, 1 not complete, 2 a mistake in the command.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        receipt = _ingest(args, err)
    except ConfigurationError as error:
        err.writelines(f"ingest: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    except InvalidKeyError as error:
        err.write(f"ingest: --key: {error}\n")
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"ingest: {type(error).__name__}: {error}{_hint(error, args)}\n")
        return EXIT_INCOMPLETE
    except KeyboardInterrupt as interrupt:
        err.write(f"ingest: interrupted; {str(interrupt) or 'nothing was stored'}\n")
        return EXIT_INCOMPLETE
    _print(out, f"{receipt.to_json()}\n" if args.json else summary(receipt))
    return 0


def summary(receipt: IngestReceipt) -> str:
    """A complete run in a few lines."""
    causes = ", ".join(f"{count} x {cause}" for cause, count in sorted(receipt.retries_by_cause.items()))
    expected = "" if receipt.expected_records is None else f" of {receipt.expected_records} expected"
    lines = [
        f"complete: {receipt.records} records{expected}, {receipt.pages} pages, {receipt.seconds:.1f} s",
        f"requests: {receipt.requests}, of which {receipt.retries} again"
        + (f" ({causes})" if causes else ""),
        f"stored:   {receipt.uri}, {receipt.bytes} bytes of {receipt.format}",
        f"sha256:   {receipt.sha256}",
        *(f"widened:  {widening}" for widening in receipt.widenings),
    ]
    return "\n".join([*lines, ""])


def _ingest(args: argparse.Namespace, err: TextIO) -> IngestReceipt:
    settings = read_settings(args)
    logger = _logger(args)
    client = _client(settings, _auth(args, settings, logger), logger, jitter=not args.no_jitter)
    destination = open_destination(settings.to, logger, endpoint_url=args.endpoint_url)
    formats = DataFormatService(escape_formulas=args.escape_formulas)
    storage = WatchedStorage(destination.store, formats, logger)
    with (
        storage.telling_of_interrupts(),
        Progress(err, enabled=not args.quiet, pages=settings.page_range) as progress,
    ):
        service = ApiDataService(client, storage, logger, on_page=progress.page)
        return service.fetch_all_to_storage(
            destination.bucket,
            destination.key(settings.object_name),
            settings.format_name,
            limit=settings.limit,
            pages=settings.page_range,
            overwrite=args.overwrite,
        )


def _client(
    settings: IngestSettings, auth: AuthClient | None, logger: logging.Logger, *, jitter: bool
) -> UnstableAPIClient:
    return UnstableAPIClient(
        settings.base_url,
        auth,
        logger,
        data_path=settings.data_path,
        pagination=settings.strategy(),
        reader=settings.reader(),
        retry_policy=RetryPolicy(max_attempts=settings.max_attempts, jitter=jitter),
        concurrency=settings.concurrency,
        timeout=settings.timeout,
        headers=settings.headers,
    )


def _auth(args: argparse.Namespace, settings: IngestSettings, logger: logging.Logger) -> AuthClient | None:
    if args.username is None:
        return None
    return AuthClient(
        settings.login_url,
        args.username,
        _password(args),
        logger,
        retry_policy=RetryPolicy(max_attempts=settings.max_attempts, jitter=not args.no_jitter),
        timeout=settings.timeout,
    )


def _hint(error: DeClassesError, args: argparse.Namespace) -> str:
    refused = isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError)
    return "; no --username was given, so no token was sent" if refused and args.username is None else ""


def _print(out: TextIO, text: str) -> None:
    """Write what the run came to; that nobody reads it does not undo the run."""
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        # Python flushes again on its way out, and would complain of the pipe there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _password(args: argparse.Namespace) -> str:
    if args.password_file:
        return _first_line(Path(args.password_file))
    given = environment().get(PASSWORD_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise ConfigurationError(f"set {PASSWORD_VARIABLE}, or give --password-file: there is nobody to ask")
    return getpass.getpass(f"password of {args.username}: ")


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise ConfigurationError(f"{path} does not hold a password that can be read") from error


def _logger(args: argparse.Namespace) -> logging.Logger:
    """With --verbose everything is logged; otherwise the progress and the summary say what matters."""
    if args.verbose:
        return AppLogger("de_classes.ingest").get_logger()
    logger = logging.getLogger("de_classes.ingest.quiet")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
