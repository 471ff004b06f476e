"""``ingest``: any paginated API into a directory or a bucket, from the command line."""

from __future__ import annotations

import getpass
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from de_classes.api.api_data_service import ApiDataService
from de_classes.api.auth_client import AuthClient
from de_classes.api.page import PageReader
from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
)
from de_classes.api.retry import RetryPolicy
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.cli.destination import open_destination
from de_classes.cli.ingest_options import PASSWORD_VARIABLE
from de_classes.cli.progress import Progress
from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.settings import environment
from de_classes.errors import ConfigurationError, DeClassesError, InvalidInputError, UnsupportedFormatError
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.storage.format.registry import canonical_format
from de_classes.storage.services.storage_data_service import StorageDataService
from de_classes.utils.page_range import PageRange, parse_pages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from de_classes.api.pagination import PaginationStrategy
    from de_classes.api.receipt import IngestReceipt

EXIT_INCOMPLETE = 1
EXIT_USAGE = 2
_PAGINATIONS: dict[str, Callable[[], PaginationStrategy]] = {
    "page": PageNumberPagination,
    "offset": OffsetPagination,
    "cursor": CursorPagination,
    "link": LinkHeaderPagination,
}


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
    except UnsupportedFormatError as error:
        err.write(f"ingest: {error}\n")
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"ingest: {type(error).__name__}: {error}\n")
        return EXIT_INCOMPLETE
    except KeyboardInterrupt:
        err.write("ingest: interrupted; nothing was stored\n")
        return EXIT_INCOMPLETE
    out.write(f"{receipt.to_json()}\n" if args.json else summary(receipt))
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
    logger = _logger(args)
    name = canonical_format(args.format or Path(args.key or "").suffix.removeprefix(".") or "parquet")
    pages = parse_pages(args.pages) if args.pages else PageRange()
    client = _client(args, logger)
    destination = open_destination(args.to, logger, endpoint_url=args.endpoint_url)
    storage = StorageDataService(destination.store, DataFormatService(), logger)
    with Progress(err, enabled=not args.quiet) as progress:
        service = ApiDataService(client, storage, logger, on_page=progress.page)
        return service.fetch_all_to_storage(
            destination.bucket,
            destination.key(args.key or f"records.{name}"),
            name,
            limit=args.limit,
            pages=pages,
            overwrite=args.overwrite,
        )


def _client(args: argparse.Namespace, logger: logging.Logger) -> UnstableAPIClient:
    total_pages = None if args.total_pages_field == "none" else args.total_pages_field
    return UnstableAPIClient(
        args.base_url,
        _auth(args, logger),
        logger,
        data_path=args.data_path,
        pagination=_PAGINATIONS[args.pagination](),
        reader=PageReader(args.records_field, total_pages, args.total_records_field),
        retry_policy=RetryPolicy(max_attempts=args.max_attempts, jitter=not args.no_jitter),
        concurrency=args.concurrency,
        timeout=args.timeout,
        headers=dict(_header(given) for given in args.header),
    )


def _auth(args: argparse.Namespace, logger: logging.Logger) -> AuthClient | None:
    if args.username is None:
        return None
    url = args.auth_url or args.base_url.rstrip("/") + "/login"
    return AuthClient(url, args.username, _password(args), logger)


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


def _header(given: str) -> tuple[str, str]:
    name, separator, value = given.partition(":")
    if not separator or not name.strip():
        raise InvalidInputError("a header is given as NAME: VALUE")
    return name.strip(), value.strip()


def _logger(args: argparse.Namespace) -> logging.Logger:
    """With --verbose everything is logged; otherwise the progress and the summary say what matters."""
    if args.verbose:
        return AppLogger("de_classes.ingest").get_logger()
    logger = logging.getLogger("de_classes.ingest.quiet")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
