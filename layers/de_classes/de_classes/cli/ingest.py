"""``ingest``: any paginated API into a directory or a bucket, from the command line."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec

from de_classes.api.evidence import Evidence
from de_classes.api.receipt import PARTIAL
from de_classes.cli.destination import open_destination
from de_classes.cli.ingest_settings import read_settings
from de_classes.cli.progress import Progress
from de_classes.cli.source import AskedFor, dataset_of, open_sources, run_id_of
from de_classes.common.logger.app_logger import AppLogger
from de_classes.configs.environment import prefer
from de_classes.errors import (
    AuthenticationError,
    ConfigurationError,
    DeClassesError,
    IncompleteRunError,
    InvalidKeyError,
    RunCancelledError,
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

    from de_classes.api.receipt import DatasetChange, Figures, IngestReceipt
    from de_classes.api.runtime import ClientRuntime
    from de_classes.api.source import Resource
    from de_classes.cli.destination import Place
    from de_classes.cli.ingest_settings import IngestSettings
    from de_classes.cli.source import OpenedSource
    from de_classes.runs.destination import Destination
    from de_classes.runs.plan import RunPlan
    from de_classes.utils.run_records import Reached

ARROW_POOL: Final = "ARROW_DEFAULT_MEMORY_POOL"
_M_ARENA_MAX: Final = -8  # malloc.h


def keep_memory_small() -> None:
    """Say it to both, before Arrow is imported; a choice that the environment states is left alone."""
    prefer(ARROW_POOL, "system")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # a C library other than glibc has no such call
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


COMPLETE_BEFORE = "before:   the run was complete before, and nothing was fetched; the counts are of then"
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
        settings = read_settings(args)
        if args.plan:
            _print(out, _look_ahead(args, settings, err))
            return 0
        runs = _runs(args, settings, err)
    except (DeClassesError, KeyboardInterrupt) as error:
        return _tell(err, error, args)
    ended: list[int] = []
    way_on = _way_on(settings)
    records = 0
    for name, carry_out in runs:
        try:
            receipt = carry_out()
        except (DeClassesError, KeyboardInterrupt) as error:
            ended.append(_tell(err, error, args, f" {name}" if len(runs) > 1 else "", way_on))
            if isinstance(error, KeyboardInterrupt):
                break
            continue
        _print(out, f"{receipt.to_json()}\n" if args.json else summary(receipt))
        ended.append(EXIT_PARTIAL if receipt.status == PARTIAL else 0)
        records += receipt.records
    if len(runs) > 1 and not args.json:
        _print(out, f"{args.source}: {ended.count(0)} of {len(runs)} resources complete, {records} records\n")
    return max(ended, key=_WORST.index)


def _tell(
    err: TextIO, error: BaseException, args: argparse.Namespace, about: str = "", way_on: str = ""
) -> int:
    """Say why nothing, or not all, came, and how to go on; the exit status."""
    who = f"{args.command}{about}"
    if isinstance(error, ConfigurationError):
        err.writelines(f"{who}: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    if isinstance(error, InvalidKeyError):
        err.write(f"{who}: --key: {error}\n")
        return EXIT_USAGE
    if isinstance(error, DeClassesError):
        err.write(f"{who}: {type(error).__name__}: {error}{_hint(error, args, way_on)}\n")
        is_kept = isinstance(error, (IncompleteRunError, RunCancelledError))
        return EXIT_INCOMPLETE if is_kept else EXIT_ERROR
    left = "; ".join(filter(None, (str(error), way_on)))
    err.write(f"{who}: interrupted; {left or 'nothing was stored'}\n")
    return EXIT_INTERRUPTED


def summary(receipt: IngestReceipt) -> str:
    """A complete run in a few lines."""
    causes = ", ".join(f"{count} x {cause}" for cause, count in sorted(receipt.retries_by_cause.items()))
    expected = "" if receipt.expected_records is None else f" of {receipt.expected_records} expected"
    came = sum(page.records for page in receipt.page_hashes) if receipt.transforms else receipt.records
    lines = [
        f"{receipt.status}: {came} records{expected}, {receipt.pages} pages, {receipt.seconds:.1f} s",
        *([COMPLETE_BEFORE] if receipt.complete_before else []),
        *([f"proof:    {Evidence(receipt.end, receipt.still)}"] if receipt.end and receipt.still else []),
        *(f"warning:  {warning}" for warning in receipt.warnings),
        f"requests: {receipt.requests}, of which {receipt.retries} again"
        + (f" ({causes})" if causes else ""),
        f"stored:   {receipt.uri}, {receipt.bytes} bytes of {receipt.format}",
        *([f"missing:  pages {', '.join(receipt.missing_pages)}"] if receipt.missing_pages else []),
        *([f"run:      {receipt.run_id}, {len(receipt.parts)} parts"] if receipt.run_id else []),
        *([f"dropped:  {receipt.duplicates} duplicates"] if receipt.duplicates else []),
        *([f"dataset:  {_change(receipt.dataset)}"] if receipt.dataset else []),
        *(
            [f"new:      by {reached.field}, from {reached.from_}; {_goes_on(reached)}"]
            if (reached := receipt.incremental)
            else []
        ),
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


def _goes_on(reached: Reached) -> str:
    """Where the next run begins."""
    places = reached.places
    if places is msgspec.UNSET:
        return f"the next run goes on from {reached.to}"
    return (
        f"the next run goes on from a place for each of {places.parents} parents, the first of them "
        f"{reached.to}; {places.new} are new, {places.gone} gone"
    )


def _change(change: DatasetChange) -> str:
    """What became of the dataset, and what that took."""
    written = f", {change.parts_rewritten} parts written again ({change.bytes_rewritten} bytes)"
    return (
        f"{change.write}: {change.records} records in {change.parts} parts, {change.records_before} before, "
        f"{change.replaced} replaced, {change.deleted} deleted{written if change.parts_rewritten else ''}"
    )


def _as_json_text(receipt: IngestReceipt) -> list[str]:
    """Which columns are JSON text in a table; in the other formats such values are what they are."""
    if FORMATS[receipt.format].is_text or not FORMATS[receipt.format].is_table:
        return []
    return [
        f"as JSON:  {name}" if kind == "json" else f"as JSON:  within {name}: {kind}"
        for name, kind in receipt.columns.items()
        if re.search(r"\bjson\b", kind)
    ]


def _runs(
    args: argparse.Namespace, settings: IngestSettings, err: TextIO
) -> list[tuple[str | None, Callable[[], IngestReceipt]]]:
    """One object or dataset for a URL or a resource; a dataset for each resource of a whole source."""
    keep_memory_small()
    logger = _logger(args)
    progress = _progress(args, err)
    opened = open_sources(args, settings, _runtime(args, progress), _increments(args, settings, logger))
    place = open_destination(
        settings.to, logger, endpoint_url=args.endpoint_url, create=not args.replay
    )  # what a replay goes on with is there

    def carry_out(source: OpenedSource) -> IngestReceipt:
        plan = source.plan(settings, place.key)
        to = _destination(args, settings, place, plan)
        if not args.quiet:
            _say_what_is_cut(err, args, settings, source)
            _say_how_to_go_on(err, args, settings, of_first=source is opened[0])
        with progress.shown(settings.page_range):
            runtime = Runtime(logger=logger, on_page=progress.page, terms=_terms(settings, place))
            runs = RunService(source.client, to, strict=args.strict, runtime=runtime)
            receipt = runs.carry_out(
                plan,
                allow_partial=args.partial,
                accept_shrink=args.accept_shrink,
                resume=args.resume,
            )
        if args.report:
            _store_page(err, args, receipt, place, source)
        return receipt

    return [(source.name, partial(carry_out, source)) for source in opened]


def _increments(
    args: argparse.Namespace, settings: IngestSettings, logger: logging.Logger
) -> Callable[[Resource], AskedFor]:
    """What is asked for of a resource that is read only as far as it is new: nothing is made for the look."""

    def increment_of(resource: Resource) -> AskedFor:
        said, is_each = resource.described.incremental, resource.described.is_each
        if said is None:
            if settings.from_ or settings.until:
                raise ConfigurationError(
                    f"--from and --until go with what is incremental, and {resource.name} is not"
                )
            return AskedFor()
        asked: Any = {"asked_from": settings.from_, "asked_until": settings.until, "is_each": is_each}
        if settings.is_one_object:
            return AskedFor(said.begin(None, now=time.time(), **asked))
        # by those alone who say so
        from de_classes.runs.increments import next_increment, places_before  # noqa: PLC0415

        place = open_destination(settings.to, logger, endpoint_url=args.endpoint_url, create=False)
        to = DatasetDestination(place.store, place.bucket, prefix=place.prefix)
        dataset, run_id = place.key(dataset_of(settings, resource.name)), run_id_of(settings, resource.name)
        increment = next_increment(said, to, dataset, run_id=run_id, now=time.time(), **asked)
        return AskedFor(increment, places_before(increment, to, dataset))

    return increment_of


def _say_what_is_cut(
    err: TextIO, args: argparse.Namespace, settings: IngestSettings, source: OpenedSource
) -> None:
    if settings.limit is not None and source.limit != settings.limit:
        err.write(
            f"{args.command}: --limit {settings.limit} is cut to {source.limit}, "
            f"the most that {source.name} gives\n"
        )


def _way_on(settings: IngestSettings) -> str:
    """What to do when a run was stopped; nobody goes on with one object."""
    return "" if settings.is_one_object else f"go on with --run-id {settings.run_id}"


def _say_how_to_go_on(
    err: TextIO, args: argparse.Namespace, settings: IngestSettings, *, of_first: bool
) -> None:
    """At once, since a run that is killed says nothing any more; for all of a source, before its first."""
    way_on = _way_on(settings)
    if way_on and of_first:
        err.write(f"{args.command}: run {settings.run_id}: if it is stopped, {way_on}\n")
        err.flush()


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
        err.write(f"{args.command}: the page of the receipt is {page}\n")


def _look_ahead(args: argparse.Namespace, settings: IngestSettings, err: TextIO) -> str:
    logger = _logger(args)
    place = open_destination(settings.to, logger, endpoint_url=args.endpoint_url, create=False)
    runtime = Runtime(logger=logger, terms=_terms(settings, place))
    texts = []
    progress = _progress(args, err)
    opened = open_sources(args, settings, _runtime(args, progress), _increments(args, settings, logger))
    for source in opened:
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


def _destination(
    args: argparse.Namespace, settings: IngestSettings, place: Place, plan: RunPlan
) -> Destination:
    """One object or a dataset; a replay is of a run that was begun there."""
    if settings.is_one_object:
        formats = DataFormatService(escape_formulas=args.escape_formulas)
        storage = StorageDataService(place.store, formats, _logger(args))
        return ObjectDestination(storage, place.bucket, overwrite=args.overwrite, keep_receipt=True)
    lake = DatasetDestination(
        place.store,
        place.bucket,
        prefix=place.prefix,
        limits=PartLimits(pages=settings.part_pages),
        escape_formulas=args.escape_formulas,
    )
    if args.replay:
        lake.check_begun(plan.run_id)
    return lake


def _terms(settings: IngestSettings, place: Place) -> LambdaTerms:
    return LambdaTerms(
        base_megabytes=base_megabytes(settings.format_name, is_local=place.is_local),
        concurrency=settings.concurrency,
        requests_per_second=settings.requests_per_second,
        part_pages=settings.part_pages,
    )


def _hint(error: DeClassesError, args: argparse.Namespace, way_on: str) -> str:
    if isinstance(error, RunCancelledError):
        return f"; {way_on} --resume"
    if isinstance(error, IncompleteRunError) and error.run_id is not None:
        return f"; {way_on}"
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
    return Progress(err, args.command, enabled=not args.quiet, has_bar=True, tells_warnings=False)


def _runtime(args: argparse.Namespace, progress: Progress) -> ClientRuntime:
    """With --verbose the log says why something is asked again, and when; otherwise the progress does."""
    return progress.runtime(_logger(args) if args.verbose else None)
