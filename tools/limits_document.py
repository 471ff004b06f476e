"""Write what a run of a million pages takes on AWS, and which limit it meets first, to ``docs/limits.md``.

Usage: ``python -m tools.limits_document``. The page's prose is its own; its tables lie between marks, and are
reckoned from AWS's published limits and prices, from the defaults of ``template.yaml``, from
``runs/forecast.py``, and from ``docs/limits.json``: what plan, ranges and commit took here
(``make million``). Where one of these changes, run this again.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from de_classes.runs.forecast import FirstPage, LambdaTerms, forecast
from tools.template import template

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
PAGE: Final = DOCS / "limits.md"
FIGURES: Final = DOCS / "limits.json"
MARKS: Final = {
    name: f"<!-- {name}, written by tools/limits_document.py -->\n" for name in ("runs", "limits", "measured")
}
END: Final = "<!-- until here -->\n"

# The run: a billion records.
PAGES: Final = 1_000_000
PAGE_RECORDS: Final = 1_000
PAGE_BYTES: Final = 250_000
LATENCY: Final = 1.0
RANGES_AT_ONCE: Final = (1, 10, 100, 1_000)

# AWS's published limits.
LAMBDA_SECONDS: Final = 900
LAMBDA_MEGABYTES: Final = 10_240
CONCURRENCY: Final = 1_000
CONCURRENCY_OF_A_NEW_ACCOUNT: Final = 10
CHILDREN_AT_ONCE: Final = 10_000
EVENTS_OF_AN_EXECUTION: Final = 25_000
EXECUTION_SECONDS: Final = 365 * 86_400
ITEMS_OF_A_MAP: Final = 100_000_000
PUTS_A_SECOND: Final = 3_500
TRANSITIONS_A_SECOND: Final = 800

# AWS's published prices for us-east-1, in USD.
DOLLARS_A_TRANSITION: Final = 0.025 / 1_000

# The state machine, as template.yaml has it.
_A_PERCENT: Final = 0.01
_STATES_A_HOP: Final = 3  # ingest, choice, and the wait or the end
_EVENTS_A_HOP: Final = 9  # five of a task, two of a choice, two of a wait
_EVENTS_BESIDES: Final = 4  # an execution begins and ends, and its first state is entered
_STATES_BESIDES: Final = 6  # plan, map, commit, and the choices behind them
STORE_SECONDS: Final = 0.02
"""Of a small request to S3, from Lambda in its region: assumed, not measured here."""

START_SECONDS: Final = 10
"""Within which a Distributed Map has begun its children: assumed, not measured here."""

_STORE_REQUESTS_A_RANGE: Final = 3  # its listing, its sign of life, and the reading of its journal


class Measured(msgspec.Struct, frozen=True):
    """What the parts of a run of so many pages of one record took here.

    Attributes:
        date: When.
        machine: On what.
        pages: Of the run.
        ranges: They were cut into.
        parts: That were sealed.
        journal_bytes: Of the ranges' journals.
        receipt_bytes: Of the receipt, which names the hash of every page.
        manifest_bytes: Of the manifest.
        seconds: Processor time by step: plan, range (all of them), commit.
        megabytes: Peak memory by step: plan, range (the largest), commit.
        start_megabytes: Of a process that has imported what they use and done nothing.
    """

    date: str
    machine: str
    pages: int
    ranges: int
    parts: int
    journal_bytes: int
    receipt_bytes: int
    manifest_bytes: int
    seconds: dict[str, float]
    megabytes: dict[str, float]
    start_megabytes: float


class Reckoned(NamedTuple):
    """What the run comes to with so many ranges at once.

    Attributes:
        ranges: At once, and in all.
        seconds: From plan to commit.
        requests_a_second: At the source.
        hops: Invocations of the worker one after the other, of one range.
        invocations: Of the worker, in all.
        gigabyte_seconds: Of the worker.
        parts: Objects with records.
        store_requests: PUTs and LISTs.
        transitions: Of the state machine, with its children.
        dollars: By what is paid for: Lambda, Step Functions, S3.
    """

    ranges: int
    seconds: float
    requests_a_second: float
    hops: int
    invocations: int
    gigabyte_seconds: float
    parts: int
    store_requests: int
    transitions: int
    dollars: dict[str, float]


class Limit(NamedTuple):
    """How near the run comes to one limit.

    Attributes:
        name: Of what.
        allowed: By AWS.
        taken: By the run.
        cure: What to do where it is reached.
    """

    name: str
    allowed: float
    taken: float
    cure: str

    @property
    def share(self) -> float:
        """Of what is allowed."""
        return self.taken / self.allowed


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def updated(page: str) -> str:
    """The page with the tables of today.

    Args:
        page: As it is.
    """
    tables = {"runs": runs_table(), "limits": limits_table(), "measured": measured_table()}
    for name, lines in tables.items():
        before, _, rest = page.partition(MARKS[name])
        content = "\n".join(lines)
        page = f"{before}{MARKS[name]}\n{content}\n\n{END}{rest.partition(END)[2]}"
    return page


def measured() -> Measured:
    """What was measured last."""
    return msgspec.json.decode(FIGURES.read_bytes(), type=Measured)


def default(parameter: str) -> int:
    """What the template takes where nobody says otherwise."""
    return int(template()["Parameters"][parameter]["Default"])


def terms() -> LambdaTerms:
    """What a worker is given by default."""
    return LambdaTerms(
        memory_megabytes=default("WorkerMemoryMb"),
        seconds_per_invocation=default("WorkerTimeoutSeconds") - default("ReserveSeconds"),
        concurrency=default("PagesAtOnce"),
        part_pages=default("PartPages"),
    )


def reckoned(ranges: int, given: LambdaTerms | None = None) -> Reckoned:
    """What the run comes to.

    Args:
        ranges: At once.
        given: To each worker; ``terms()`` if not given.
    """
    given = given or terms()
    pages_each = math.ceil(PAGES / ranges)
    first = FirstPage(latency=LATENCY, size=PAGE_BYTES, records=PAGE_RECORDS, pages=pages_each)
    one = forecast(first, given)
    hops = math.ceil(one.seconds / given.seconds_per_invocation)
    invocations = ranges * hops + 2
    a_second = pages_each / one.seconds
    part_pages = min(given.part_pages, max(1, int(a_second * default("PartSeconds"))))
    parts = ranges * math.ceil(pages_each / part_pages)
    commit = commit_seconds(PAGES, parts)
    gigabyte_seconds = ranges * one.gigabyte_seconds + (commit + LATENCY) * given.memory_megabytes / 1024
    store_requests = 12 + 4 * parts + _STORE_REQUESTS_A_RANGE * invocations
    transitions = ranges * hops * _STATES_A_HOP + ranges * _EVENTS_BESIDES + _STATES_BESIDES
    return Reckoned(
        ranges=ranges,
        seconds=LATENCY + one.seconds + hops * given.startup_seconds + commit,
        requests_a_second=ranges * a_second,
        hops=hops,
        invocations=invocations,
        gigabyte_seconds=gigabyte_seconds,
        parts=parts,
        store_requests=store_requests,
        transitions=transitions,
        dollars={
            "Lambda": gigabyte_seconds * given.dollars_a_gigabyte_second
            + invocations * given.dollars_an_invocation,
            "Step Functions": transitions * DOLLARS_A_TRANSITION,
            "S3": store_requests * given.dollars_a_store_request,
        },
    )


def commit_seconds(pages: int, parts: int) -> float:
    """What the commit takes: its own work, and a look at each part and at its line in the journal.

    Args:
        pages: Of the run.
        parts: That were sealed.
    """
    known = measured()
    a_page = known.seconds["commit"] / known.pages
    return pages * a_page / terms().vcpus + 2 * parts * STORE_SECONDS


def commit_megabytes(pages: int) -> float:
    """The most memory that the commit takes.

    Args:
        pages: Of the run.
    """
    known = measured()
    a_page = (known.megabytes["commit"] - known.start_megabytes) / known.pages
    return terms().base_megabytes + pages * a_page


def limits(run: Reckoned) -> list[Limit]:
    """How near a run comes to AWS's limits, the nearest first.

    Args:
        run: As reckoned.
    """
    commit = commit_seconds(PAGES, run.parts)
    found = [
        Limit(
            "the worker's concurrency in a new account",
            CONCURRENCY_OF_A_NEW_ACCOUNT,
            run.ranges,
            "ask AWS for more, or take fewer ranges at once",
        ),
        Limit("the worker's concurrency in an account", CONCURRENCY, run.ranges, "ask AWS for more"),
        Limit("children of a Distributed Map at once", CHILDREN_AT_ONCE, run.ranges, "fewer ranges at once"),
        Limit(
            "the commit's memory, of `WorkerMemoryMb`",
            default("WorkerMemoryMb"),
            commit_megabytes(PAGES),
            f"a larger `WorkerMemoryMb`, {LAMBDA_MEGABYTES:,} at the most; larger pages",
        ),
        Limit("the commit's time, of Lambda's", LAMBDA_SECONDS, commit, "larger parts; more memory"),
        Limit(
            "events of one child's history",
            EVENTS_OF_AN_EXECUTION,
            run.hops * _EVENTS_A_HOP + _EVENTS_BESIDES,
            "more ranges; a larger `WorkerTimeoutSeconds`",
        ),
        Limit("how long an execution may take", EXECUTION_SECONDS, run.seconds, "more ranges at once"),
        Limit("lines of the ranges' file", ITEMS_OF_A_MAP, run.ranges, "none is needed"),
        Limit(
            "writes a second below one prefix of S3",
            PUTS_A_SECOND,
            run.store_requests / run.seconds,
            "larger parts",
        ),
        Limit(
            "transitions a second of an account",
            TRANSITIONS_A_SECOND,
            max(run.transitions / run.seconds, run.ranges / START_SECONDS),
            "fewer ranges at once",
        ),
    ]
    return sorted(found, key=lambda limit: -limit.share)


def runs_table() -> Iterator[str]:
    """A row for each number of ranges at once."""
    given = terms()
    yield (
        f"{PAGES:,} pages of {PAGE_RECORDS:,} records and {PAGE_BYTES // 1000} kB, each answered in "
        f"{LATENCY:g} s; {given.concurrency} pages at once in each worker of {given.memory_megabytes:g} MB."
    )
    yield ""
    counts = ("ranges at once", "time", "requests a second", "invocations", "GB-s", "parts", "transitions")
    columns = (*counts, *(f"USD for {name}" for name in reckoned(1).dollars))
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---:|' * len(columns)}"
    for ranges in RANGES_AT_ONCE:
        run = reckoned(ranges)
        dollars = " | ".join(f"{each:,.2f}" for each in run.dollars.values())
        yield (
            f"| {ranges:,} | {spoken(run.seconds)} | {run.requests_a_second:,.0f} | {run.invocations:,} | "
            f"{run.gigabyte_seconds:,.0f} | {run.parts:,} | {run.transitions:,} | {dollars} |"
        )


def limits_table() -> Iterator[str]:
    """A row for each limit, the one that is met first at the top."""
    heads = " | ".join(f"{ranges:,} at once" for ranges in RANGES_AT_ONCE)
    yield f"| limit | AWS allows | {heads} | what to do |"
    yield f"|---|---:|{'---:|' * len(RANGES_AT_ONCE)}---|"
    by_name: dict[str, list[Limit]] = {limit.name: [] for limit in limits(reckoned(RANGES_AT_ONCE[-1]))}
    for ranges in RANGES_AT_ONCE:
        for limit in limits(reckoned(ranges)):
            by_name[limit.name].append(limit)
    for name, each in by_name.items():
        shares = " | ".join(told(limit.share) for limit in each)
        yield f"| {name} | {each[0].allowed:,} | {shares} | {each[0].cure} |"


def measured_table() -> Iterator[str]:
    """What was measured, by step."""
    known = measured()
    yield (
        f"{known.pages:,} pages of one record in {known.ranges:,} ranges and {known.parts:,} parts, measured "
        f"on {known.date} ({known.machine}). The journals of the ranges have "
        f"{known.journal_bytes / 1e6:,.0f} MB together, the receipt {known.receipt_bytes / 1e6:,.0f} MB and "
        f"the manifest {known.manifest_bytes / 1e6:,.1f} MB."
    )
    yield ""
    yield "| step | processor time | peak memory | of it before it began |"
    yield "|---|---:|---:|---:|"
    for step, seconds in known.seconds.items():
        peak = f"{known.megabytes[step]:,.0f} MB | {known.start_megabytes:,.0f} MB"
        yield f"| {step} | {seconds:,.1f} s | {peak} |"


def spoken(seconds: float) -> str:
    """Seconds, as one says them."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s"


def told(share: float) -> str:
    """A share of a limit."""
    if share > 1:
        return f"**{share:,.1f} times**"
    return f"{share:.0%}" if share >= _A_PERCENT else "under 1 %"


if __name__ == "__main__":
    main()
