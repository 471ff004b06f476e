"""The demonstration: a flaky API ends up in a bucket, in every format, and is read back equal."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from de_classes.simulators.record_files import open_records
from de_classes.simulators.records import JsonLinesRecords, SyntheticRecords
from localcloud.emulator import Emulator
from localcloud.launch import launch
from localcloud.objects import ask, show
from localcloud.sam import SamCli
from localcloud.stack import OK, RECORDS_KEY
from localcloud.verify import differences

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.simulators.records import RecordSource
    from localcloud.console import Console
    from localcloud.stack import Stack
    from localcloud.workspace import Workspace

FORMATS = ("csv", "json", "jsonl", "parquet")
SYNTHETIC_RECORDS = 1000
LOG_LINES = 12
PAGES = 20
LARGEST_LIMIT = 1000
SEED = 17  # shows every kind of failure within twenty pages
# A 500, a 503 or a 429: how a rate of failures is shared out among them.
SHARES = {"Rate500": 0.4, "Rate503": 0.3, "Rate429": 0.3}


# Of whatever records there are; how many, that the formats agree, and what is in them.
QUESTIONS = (
    "SELECT count(*) AS records FROM parquet",
    "SELECT count(*) AS different FROM (FROM parquet EXCEPT ALL FROM csv)",
    "SELECT column_name, column_type, null_percentage FROM (SUMMARIZE jsonl) LIMIT 3",
)
RECEIPT_TITLES = "  format   records pages retries   waited    took     bytes  verified"


@dataclass(frozen=True)
class Options:
    """What to demonstrate.

    Args:
        records: A file of them to serve, as ``open_records`` takes it; synthetic records by default.
        rate: The share of requests that fail, 0 to below 1.
        limit: Records a page; by default as many as make twenty pages, up to the API's largest page.
        port: Of the local cloud, a free one by default.
    """

    records: Path | None = None
    rate: float = 0.2
    limit: int | None = None
    port: int | None = None


@dataclass(frozen=True)
class Run:
    """One call of the worker, and what came of it.

    Args:
        receipt: What it answered.
        problems: How its dataset differs from what was served.
    """

    receipt: dict[str, Any]
    problems: list[str]


def demonstrate(workspace: Workspace, options: Options, console: Console) -> int:
    """Run the whole story; the exit status is 0 only if every dataset is equal to what was served.

    Raises:
        ConfigurationError: The records file cannot be read, or holds something else; nothing was started.
        LocalCloudError: The local cloud, the build or the deployment failed.
    """
    source = record_source(options)
    console.say("A flaky, token-protected, paginated API goes into a bucket, on this machine only.")
    with Emulator(workspace, port=options.port) as emulator:
        console.say(f"  the local cloud is up at {emulator.endpoint}")
        stack = launch(emulator, SamCli(workspace), parameters(options), console)
        if isinstance(source, JsonLinesRecords):
            stack.put_records(source.path)
        console.heading("Deployed")
        console.say(f"  simulators   {stack.outputs['SimulatorsUrl']}")
        console.say(f"  worker       {stack.outputs['WorkerUrl']}")
        console.say(f"  bucket       s3://{stack.bucket}")
        console.heading(f"Ingesting {source.count} records, {options.rate:.0%} of requests fail")
        limit = page_limit(options, source)
        runs = [ingest(stack, name, source, limit, console) for name in FORMATS]
        report(stack, [run for run in runs if run], -(-source.count // limit), console)
    keep_for_later(workspace, stack.bucket)
    console.heading("Datasets (plain files, the local cloud is stopped; see them again with: make objects)")
    show(workspace, console)
    if None not in runs:
        console.heading("Questions in SQL, by DuckDB over what the manifests name")
        ask(workspace, QUESTIONS, console)
    return conclude(runs, console)


def record_source(options: Options) -> RecordSource:
    """What the simulator will serve."""
    return open_records(options.records) if options.records else SyntheticRecords(SEED, SYNTHETIC_RECORDS)


def page_limit(options: Options, source: RecordSource) -> int:
    """How many records a page has."""
    return options.limit or min(LARGEST_LIMIT, max(1, -(-source.count // PAGES)))


def parameters(options: Options) -> dict[str, str]:
    """The template's parameters of a demonstration."""
    rates = {name: _share(options.rate * share) for name, share in SHARES.items()}
    records = {"RecordsKey": RECORDS_KEY} if options.records else {"TotalRecords": str(SYNTHETIC_RECORDS)}
    return {**rates, **records, "Seed": str(SEED), "JitterSeconds": "0.05", "RetryAfterSeconds": "1"}


def _share(rate: float) -> str:
    """As the template takes it: five decimals at the most."""
    return f"{rate:.5f}".rstrip("0").rstrip(".")


def ingest(stack: Stack, name: str, source: RecordSource, limit: int, console: Console) -> Run | None:
    """Have one dataset written, and compare it; None if the worker refused."""
    with console.step(f"POST /ingest, format {name}") as step:
        answer = stack.ingest_to_the_end({"format": name, "limit": limit})
        if answer.status != OK:
            step.note(f"answered {answer.status}")
        elif answer.body["invocations"] > 1:
            step.note(f"in {answer.body['invocations']} goes")
    if answer.status != OK:
        for line in (str(answer.body), *stack.log_messages("IngestionWorkerLogName")[-LOG_LINES:]):
            console.say(f"    {line}")
        return None
    problems = differences(source, stack.records(answer.body["key"]), name)
    return Run(answer.body, problems)


def report(stack: Stack, runs: list[Run], pages: int, console: Console) -> None:
    """Tell what the API did and what the worker answered, to be asked for so many pages in each format."""
    traffic = stack.traffic()
    failures = ", ".join(f"{count} x {name}" for name, count in sorted(traffic.failures.items())) or "none"
    console.heading("What the API did, by its own log")
    least = pages * len(FORMATS) + traffic.failures.total() + 1
    console.say(f"  {traffic.requests} requests: {traffic.served} pages served, {traffic.logins} logins")
    console.say(f"  {traffic.failures.total()} failures: {failures}")
    console.say(f"  the least possible, with these failures: {least} requests")
    console.heading("Receipts")
    console.say(RECEIPT_TITLES)
    for run in runs:
        console.say(_receipt_line(run))


def conclude(runs: list[Run | None], console: Console) -> int:
    """Say whether it all came true."""
    problems = [problem for run in runs if run for problem in run.problems]
    if None in runs or problems:
        console.heading("NOT what was served:")
        for problem in problems:
            console.say(f"  {problem}")
        return 1
    console.heading("Every dataset reads back equal to what the API served.")
    return 0


def keep_for_later(workspace: Workspace, bucket: str) -> None:
    """Leave the objects, and drop what else the local cloud kept."""
    for path in workspace.objects.glob("*/*"):
        if path.name != bucket:
            shutil.rmtree(path, ignore_errors=True)
    for name in ("tmp", "state"):
        shutil.rmtree(workspace.data / name, ignore_errors=True)


def _receipt_line(run: Run) -> str:
    receipt = run.receipt
    return (
        f"  {receipt['format']:<8} {receipt['records']:>7} {receipt['pages']:>5} {receipt['retries']:>7}"
        f" {receipt['seconds_waited']:>6.1f} s {receipt['seconds']:>5.1f} s {receipt['bytes']:>9}"
        f"  {'NOT equal' if run.problems else 'equal'}"
    )
