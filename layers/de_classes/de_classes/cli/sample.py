"""``sample``: the first records of a described source, for people to look at."""

from __future__ import annotations

import json
import os
import shutil
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import structs

from de_classes.api.pagination.per_parent import PerParentPagination
from de_classes.api.runtime import ClientLimits
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.checks.probe import PATIENCE
from de_classes.cli import tables
from de_classes.cli.described import credentials_hint, named_resource
from de_classes.cli.progress import Progress
from de_classes.cli.terminal import escaped
from de_classes.errors import ConfigurationError, DeClassesError, IncompleteRunError, InvalidInputError
from de_classes.utils.limits import check_limit
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from de_classes.api.runtime import ClientRuntime
    from de_classes.api.source import Resource
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock


class Sample(Value):
    """What ``sample --json`` prints.

    Attributes:
        resource: What they are of.
        records: The first ones, in order; fewer where the source fails, as the exit status says.
    """

    resource: str
    records: list[dict[str, Any]]


EXIT_FAILED = 1
EXIT_USAGE = 2


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    transport: Transport | None = None,
    clock: Clock | None = None,
    columns: int | None = None,
) -> int:
    """Show the first records.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: the records.
        err: In place of stderr: what went wrong.
        transport: In place of the network.
        clock: Measures and waits.
        columns: In place of the terminal's width.

    Returns:
        The exit status: 0 they came, 1 the source does not give them, 2 a mistake in the command.
    """
    out, err = out or sys.stdout, err or sys.stderr
    records: list[Mapping[str, Any]] = []
    status = 0
    try:
        check_count(args.count)
        resource, asked_with = named_resource(args)
        progress = Progress(err, "sample", clock=clock)
        runtime = progress.runtime(transport=transport)
        with progress.shown():
            records.extend(first_records(resource, args.count, runtime=runtime, **asked_with))
    except ConfigurationError as error:
        err.writelines(f"sample: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    except DeClassesError as error:
        # Of missing pages the reason helps: nothing is kept here that another run would go on from.
        reason = error.__cause__ if isinstance(error, IncompleteRunError) and error.__cause__ else error
        said = f"{type(reason).__name__}: {escaped(str(reason))}{credentials_hint(reason, args)}"
        err.write(f"sample: {said}\n")
        status = EXIT_FAILED
    lines: Iterable[str]
    if args.json:
        lines = [as_line(structs.asdict(Sample(args.resource, [*map(dict, records)])))]
    elif args.jsonl:
        lines = map(as_line, records)
    elif records or not status:
        lines = table(records, columns or shutil.get_terminal_size().columns)
    else:  # an error was told, and not that there are none
        lines = ()
    try:
        out.writelines(f"{line}\n" for line in lines)
        out.flush()
    except BrokenPipeError:
        # Python flushes again on its way out, and would complain of the pipe there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return status


def check_count(count: int) -> None:
    """Make sure that so many records can be asked for.

    Raises:
        InvalidInputError: They cannot.
    """
    if count < 1:
        raise InvalidInputError("-n is a number of records, 1 or more")
    check_limit(min(count, 1000))


def first_records(
    resource: Resource,
    count: int,
    *,
    runtime: ClientRuntime | None = None,
    **asked_with: Any,  # noqa: ANN401 - as Resource.client takes them
) -> Iterator[Mapping[str, Any]]:
    """The first records of a resource, by as few requests as they take.

    Args:
        resource: What is asked.
        count: How many at the most.
        runtime: Network, clock and logger.
        asked_with: As ``Resource.client`` takes them.

    Raises:
        ConfigurationError: Something is missing or unfit; nothing was sent.
        DeClassesError: The source does not give them.
    """
    limits = ClientLimits(retry_policy=PATIENCE)
    client = resource.client(limits=limits, runtime=runtime, **asked_with)
    endpoint = client.endpoint
    if isinstance(endpoint.pagination, PerParentPagination):
        few = structs.replace(endpoint.pagination, parents=endpoint.pagination.parents.first(count))
        few_parents = structs.replace(endpoint, pagination=few)
        client = UnstableAPIClient(few_parents, limits=limits, runtime=runtime)
    run = client.start_pass(min(count, resource.default_limit), concurrency=1)
    return islice((record for page in run for record in page.records), count)


def as_line(record: Mapping[str, Any]) -> str:
    """A record as JSON on one line, with everything escaped that a terminal would obey."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def table(records: Sequence[Mapping[str, Any]], columns: int) -> Iterator[str]:
    """Records as the lines of a table no wider than the terminal; columns that do not fit are named below it.

    Args:
        records: In order.
        columns: Of the terminal.
    """
    if not records:
        yield "no records"
        return
    names = list(dict.fromkeys(name for record in records for name in record))
    rows = [[record.get(name, tables.ABSENT) for name in names] for record in records]
    yield from tables.table(names, [rows], columns)
