"""``ingest``: any paginated API into a directory or a bucket, from the command line."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from de_classes.api.evidence import Evidence
from de_classes.api.receipt import PARTIAL
from de_classes.cli.destination import open_destination
from de_classes.cli.ingest_settings import read_settings
from de_classes.cli.progress import Progress
from de_classes.cli.source import open_sources
from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.environment import prefer
from de_classes.errors import (
    AuthenticationError,
    ConfigurationError,
    DeClassesError,
    IncompleteRunError,
    InvalidKeyError,
)
from de_classes.redaction import printable
from de_classes.runs.context import Runtime
from de_classes.runs.dataset import DatasetDestination
from de_classes.runs.destination import ObjectDestination, PartLimits
from de_classes.runs.forecast import LambdaTerms, base_megabytes
from de_classes.runs.run_service import RunService
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.storage.services.storage_data_service import StorageDataService
from de_classes.utils.formats import FORMATS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from de_classes.api.receipt import Figures, IngestReceipt
    from de_classes.api.runtime import ClientRuntime
    from de_classes.cli.destination import Place
    from de_classes.cli.ingest_settings import IngestSettings
    from de_classes.cli.source import OpenedSource
    from de_classes.runs.destination import Destination

ARROW_POOL: Final = "ARROW_DEFAULT_MEMORY_POOL"
_M_ARENA_MAX: Final = -8  # malloc.h


def keep_memory_small() -> None:
    """Say it to both, before Arrow is imported; a choice that the environment states is left alone."""
    prefer(ARROW_POOL, "system")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a C library other than glibc has no such call
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


EXIT_ERROR = 1
EXIT_INTERRUPTED = 130  # as shells have it: 128 and the signal's number
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_INCOMPLETE = 4
_WORST = (0, EXIT_PARTIAL, EXIT_INCOMPLETE, EXIT_USAGE, EXIT_ERROR, EXIT_INTERRUPTED)


def run(args: argparse.Namespace, *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Ingest as the command line says.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: the summary, or the receipt.
        err: In place of stderr: progress and errors.

    Returns:
        The exit status: 0 complete, 1 an error, 2 a mistake in the command, 3 partial, 4 incomplete,
        130 interrupted.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        if args.plan:
            _print(out, _look_ahead(args, err))
            return 0
        runs = _runs(args, err)
    except (DeClassesError, KeyboardInterrupt) as error:
        return _tell(err, error, args)
    ended: list[int] = []
    records = 0
    for name, carry_out in runs:
        try:
            receipt = carry_out()
        except (DeClassesError, KeyboardInterrupt) as error:
            ended.append(_tell(err, error, args, f" {name}" if len(runs) > 1 else ""))
            if isinstance(error, KeyboardInterrupt):
                break
            continue
        _print(out, f"{receipt.to_json()}\n" if args.json else summary(receipt))
        ended.append(EXIT_PARTIAL if receipt.status == PARTIAL else 0)
        records += receipt.records
    if len(runs) > 1 and not args.json:
        _print(out, f"{args.source}: {ended.count(0)} of {len(runs)} resources complete, {records} records\n")
    return max(ended, key=_WORST.index)


def _tell(err: TextIO, error: BaseException, args: argparse.Namespace, about: str = "") -> int:
    """Say why nothing, or not all, came; the exit status."""
    if isinstance(error, ConfigurationError):
        err.writelines(f"ingest{about}: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    if isinstance(error, InvalidKeyError):
        err.write(f"ingest{about}: --key: {error}\n")
        return EXIT_USAGE
    if isinstance(error, DeClassesError):
        err.write(f"ingest{about}: {type(error).__name__}: {error}{_hint(error, args)}\n")
        return EXIT_INCOMPLETE if isinstance(error, IncompleteRunError) else EXIT_ERROR
    err.write(f"ingest{about}: interrupted; {str(error) or 'nothing was stored'}\n")
    return EXIT_INTERRUPTED


def summary(receipt: IngestReceipt) -> str:
    """A complete run in a few lines."""
    causes = ", ".join(f"{count} x {cause}" for cause, count in sorted(receipt.retries_by_cause.items()))
    expected = "" if receipt.expected_records is None else f" of {receipt.expected_records} expected"
    came = sum(page.records for page in receipt.page_hashes) if receipt.transforms else receipt.records
    lines = [
        f"{receipt.status}: {came} records{expected}, {receipt.pages} pages, {receipt.seconds:.1f} s",
        *([f"proof:    {Evidence(receipt.end, receipt.still)}"] if receipt.end and receipt.still else []),
        *(f"warning:  {warning}" for warning in receipt.warnings),
        f"requests: {receipt.requests}, of which {receipt.retries} again"
        + (f" ({causes})" if causes else ""),
        f"stored:   {receipt.uri}, {receipt.bytes} bytes of {receipt.format}",
        *([f"missing:  pages {', '.join(receipt.missing_pages)}"] if receipt.missing_pages else []),
        *([f"run:      {receipt.run_id}, {len(receipt.parts)} parts"] if receipt.run_id else []),
        *([f"dropped:  {receipt.duplicates} duplicates"] if receipt.duplicates else []),
        *(
            f"transform: {step.step['type']}: {step.rows_in} records in, {step.rows_out} out"
            for step in receipt.transforms
        ),
        *([f"set aside: {receipt.quarantined} records"] if receipt.quarantined else []),
        *(f"drift:    {drift}" for drift in receipt.drift),
        f"sha256:   {receipt.sha256}",
        *(f"widened:  {widening}" for widening in receipt.widenings),
        *(f"rounded:  {name}: {count} numbers" for name, count in receipt.rounded.items()),
        *_as_json_text(receipt),
    ]
    return "\n".join([*map(printable, lines), ""])


def _as_json_text(receipt: IngestReceipt) -> list[str]:
    """Which columns are JSON text in a table; in the other formats such values are what they are."""
    if FORMATS[receipt.format].is_text or not FORMATS[receipt.format].is_table:
        return []
    return [
        f"as JSON:  {name}" if kind == "json" else f"as JSON:  within {name}: {kind}"
        for name, kind in receipt.columns.items()
        if re.search(r"\bjson\b", kind)
    ]


def _runs(args: argparse.Namespace, err: TextIO) -> list[tuple[str | None, Callable[[], IngestReceipt]]]:
    """One object or dataset for a URL or a resource; a dataset for each resource of a whole source."""
    settings = read_settings(args)
    keep_memory_small()
    logger = _logger(args)
    progress = _progress(args, err)
    opened = open_sources(args, settings, _runtime(args, progress))
    place = open_destination(settings.to, logger, endpoint_url=args.endpoint_url)

    def carry_out(source: OpenedSource) -> IngestReceipt:
        _say_what_is_cut(err, args, settings, source)
        with progress.shown(settings.page_range):
            receipt = _carry_out(args, settings, source, place, progress)
        if args.report:
            _store_page(err, args, receipt, place, source)
        return receipt

    return [(source.name, partial(carry_out, source)) for source in opened]


def _say_what_is_cut(
    err: TextIO, args: argparse.Namespace, settings: IngestSettings, source: OpenedSource
) -> None:
    if not args.quiet and settings.limit is not None and source.limit != settings.limit:
        err.write(
            f"ingest: --limit {settings.limit} is cut to {source.limit}, the most that {source.name} gives\n"
        )


def _store_page(
    err: TextIO,
    args: argparse.Namespace,
    receipt: IngestReceipt,
    place: Place,
    source: OpenedSource,
) -> None:
    from de_classes.cli.stored_page import store_page  # noqa: PLC0415 - by those alone who ask for a page

    page = store_page(receipt, place, source=source.name)
    if not args.quiet:
        err.write(f"ingest: the page of the receipt is {page}\n")


def _look_ahead(args: argparse.Namespace, err: TextIO) -> str:
    settings = read_settings(args)
    logger = _logger(args)
    place = open_destination(settings.to, logger, endpoint_url=args.endpoint_url, create=False)
    runtime = Runtime(logger=logger, terms=_terms(settings, place))
    texts = []
    progress = _progress(args, err)
    for source in open_sources(args, settings, _runtime(args, progress)):
        service = RunService(
            source.client,
            DatasetDestination(place.store, place.bucket),
            strict=args.strict,
            runtime=runtime,
        )
        with progress.shown(settings.page_range):
            figures = service.look_ahead(source.plan(settings, place.key))
        texts.append(f"{msgspec.json.encode(figures).decode()}\n" if args.json else outlook(figures))
    return "".join(texts)


def outlook(figures: Figures) -> str:
    """What a run would take, in a few lines."""
    proof = figures.proof_requests or 0
    requests = f"{figures.requests - proof} pages, up to {proof} requests for proof"
    lines = [
        f"forecast: {requests}, {figures.seconds:.1f} s, {figures.invocations} invocations",
        f"costs:    {figures.dollars:.6f} USD on AWS Lambda, {figures.gigabyte_seconds:.1f} GB-seconds",
        f"memory:   {figures.memory_megabytes} MB at the most",
        f"at once:  {figures.best_concurrency} pages; more would not be faster",
    ]
    return "\n".join([*lines, ""])


def _carry_out(
    args: argparse.Namespace,
    settings: IngestSettings,
    source: OpenedSource,
    place: Place,
    progress: Progress,
) -> IngestReceipt:
    """One run, into an object or a dataset."""
    plan = source.plan(settings, place.key)
    to: Destination
    if settings.is_one_object:
        formats = DataFormatService(escape_formulas=args.escape_formulas)
        storage = StorageDataService(place.store, formats, _logger(args))
        to = ObjectDestination(storage, place.bucket, overwrite=args.overwrite, keep_receipt=True)
    else:
        to = DatasetDestination(
            place.store,
            place.bucket,
            prefix=place.prefix,
            limits=PartLimits(pages=settings.part_pages),
            escape_formulas=args.escape_formulas,
        )
        if args.replay:
            to.check_begun(plan.run_id)
    runtime = Runtime(logger=_logger(args), on_page=progress.page, terms=_terms(settings, place))
    runs = RunService(source.client, to, strict=args.strict, runtime=runtime)
    return runs.carry_out(plan, allow_partial=args.partial)


def _terms(settings: IngestSettings, place: Place) -> LambdaTerms:
    return LambdaTerms(
        base_megabytes=base_megabytes(settings.format_name, is_local=place.is_local),
        concurrency=settings.concurrency,
        requests_per_second=settings.requests_per_second,
        part_pages=settings.part_pages,
    )


def _hint(error: DeClassesError, args: argparse.Namespace) -> str:
    if isinstance(error, IncompleteRunError) and error.run_id is not None:
        return f"; go on with --run-id {error.run_id}"
    if "is the address right?" in str(error) and args.max_attempts is None:
        return "; more tries: --max-attempts"
    if "://" not in args.source:
        from de_classes.cli.described import credentials_hint  # noqa: PLC0415 - a URL needs none of it

        return credentials_hint(error, args)
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


def _logger(args: argparse.Namespace) -> logging.Logger:
    """With --verbose everything is logged; otherwise the progress and the summary say what matters."""
    if args.verbose:
        return AppLogger("de_classes.ingest").get_logger()
    logger = logging.getLogger("de_classes.ingest.quiet")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def _progress(args: argparse.Namespace, err: TextIO) -> Progress:
    return Progress(err, "ingest", enabled=not args.quiet, has_bar=True, tells_warnings=False)


def _runtime(args: argparse.Namespace, progress: Progress) -> ClientRuntime:
    """With --verbose the log says why something is asked again, and when; otherwise the progress does."""
    return progress.runtime(_logger(args) if args.verbose else None)
