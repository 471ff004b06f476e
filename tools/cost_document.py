"""Write what a million records cost, and what a month of a stack does, to ``docs/costs.md``.

Usage: ``python -m tools.cost_document``. The page's prose is its own; its tables lie between marks. A run is
reckoned by ``runs/forecast.py``, where one number is measured, ``LambdaTerms.cpu_seconds_a_record``. A month
is counted from ``template.yaml`` and from what the worker emits. Where one of these changes, run this again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.handler import METRICS, METRICS_BY_CAUSE, METRICS_BY_SOURCE
from de_classes.runs.forecast import FirstPage, LambdaTerms, forecast, proof_requests
from tools.template import template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.receipt import Figures

PAGE = Path(__file__).resolve().parent.parent / "docs" / "costs.md"
BEGIN, END = "<!-- written by tools/cost_document.py -->\n", "<!-- until here -->\n"
MONTH_BEGIN = "<!-- a month, written by tools/cost_document.py -->\n"
MEMORIES = (512, 1024, 1769, 3008)
LATENCIES = (0.0, 0.2, 1.0)
AT_ONCE = 8
RECORDS = 1_000_000
PAGE_RECORDS = 1_000
PAGE_BYTES = 250_000

# AWS's published prices for us-east-1, in USD.
A_SECRET, AN_ALARM_METRIC, A_CUSTOM_METRIC, A_DASHBOARD, A_MILLION_TRACES = 0.40, 0.10, 0.30, 3.00, 5.00
FREE_ALARM_METRICS, FREE_CUSTOM_METRICS, FREE_DASHBOARDS, FREE_TRACES = 10, 10, 3, 100_000


@dataclass(frozen=True)
class Charge:
    """What a month of a stack is charged for by number.

    Attributes:
        name: What is counted.
        count: How many there are of it.
        price: USD a month for one.
        free: How many an account has free, over all its stacks.
    """

    name: str
    count: int
    price: float
    free: int = 0

    @property
    def dollars(self) -> float:
        """Where the account has used up what is free."""
        return self.count * self.price

    @property
    def dollars_alone(self) -> float:
        """Where nothing else in the account uses what is free."""
        return max(0, self.count - self.free) * self.price


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def updated(page: str) -> str:
    """The page with the table of today.

    Args:
        page: As it is.
    """
    for begin, content in ((BEGIN, section()), (MONTH_BEGIN, month_section())):
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{content}\n{END}{rest.partition(END)[2]}"
    return page


def charges() -> list[Charge]:
    """What a stack costs by the month, whatever its runs cost; custom metrics only in hours with runs."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for resource in template()["Resources"].values():
        kinds.setdefault(resource["Type"], []).append(resource)
    alarms = [each["Properties"] for each in kinds["AWS::CloudWatch::Alarm"]]
    watched = sum(len(_measured(alarm)) for alarm in alarms)
    filters = [
        each["Properties"]["MetricTransformations"] for each in kinds.get("AWS::Logs::MetricFilter", [])
    ]
    emitted = len(custom_metrics()) + sum(map(len, filters))
    return [
        Charge("secrets", len(kinds["AWS::SecretsManager::Secret"]), A_SECRET),
        Charge("metrics that alarms watch", watched, AN_ALARM_METRIC, FREE_ALARM_METRICS),
        Charge("custom metrics, if runs end in every hour", emitted, A_CUSTOM_METRIC, FREE_CUSTOM_METRICS),
        Charge("dashboards", len(kinds["AWS::CloudWatch::Dashboard"]), A_DASHBOARD, FREE_DASHBOARDS),
    ]


def _measured(alarm: dict[str, Any]) -> list[object]:
    """The metrics of an alarm: its own, or those that its expression is made of."""
    return [each for each in alarm.get("Metrics", [alarm]) if "MetricStat" in each or "MetricName" in each]


def custom_metrics() -> list[str]:
    """Those that the worker writes; Powertools adds the last one."""
    return [*METRICS, "ColdStart"]


def month_section() -> str:
    """What a month of a stack costs, by what it is charged for."""
    named = ", ".join(f"`{name}`" for name in custom_metrics())
    by_source = ", ".join(f"`{name}`" for name in METRICS_BY_SOURCE)
    by_cause = ", ".join(f"`{name}`" for name in METRICS_BY_CAUSE)
    text = (
        f"The worker's metrics are {named}. Beside them, each resource that has runs takes "
        f"{len(METRICS_BY_SOURCE)} more, {len(METRICS_BY_SOURCE) * A_CUSTOM_METRIC:.2f} USD if some end in "
        f"every hour: {by_source}; and each cause of retries one: {by_cause}."
    )
    return "\n".join([*_month_table(), "", *wrap(text, 120), "", *wrap(_watching(), 120), ""])


def _watching() -> str:
    """What it costs that somebody looks after the schedules."""
    (watch,) = [
        each["Properties"]
        for each in template()["Resources"].values()
        if each["Type"] == "AWS::Scheduler::Schedule"
    ]
    minutes = int(watch["ScheduleExpression"].removeprefix("rate(").split()[0])
    looks = 30 * 24 * 60 // minutes
    terms = LambdaTerms(memory_megabytes=1024)
    time = terms.startup_seconds * terms.dollars_a_gigabyte_second
    dollars = looks * (time + terms.dollars_an_invocation)
    return (
        f"Every {minutes} minutes the worker looks after its schedules: {looks:,} invocations a month, "
        f"{dollars:.2f} USD at 1 GB if each takes as long as a start does, {terms.startup_seconds:g} s; and "
        "two or three reads from S3 for each schedule. A tick is an invocation of EventBridge Scheduler, of "
        "which an account has 14 million a month free."
    )


def _month_table() -> Iterator[str]:
    yield "| a month of a stack | how many | USD each | free in an account | USD | USD if alone in it |"
    yield "|---|---:|---:|---:|---:|---:|"
    for each in charges():
        price, both = f"{each.price:.2f}", f"{each.dollars:.2f} | {each.dollars_alone:.2f}"
        yield f"| {each.name} | {each.count} | {price} | {each.free} | {both} |"
    yield f"| traces by X-Ray | a million | {A_MILLION_TRACES:.2f} | {FREE_TRACES:,} | by use | by use |"


def section() -> str:
    """What the table rests on, and the table."""
    microseconds = LambdaTerms().cpu_seconds_a_record * 1e6
    basis = (
        f"A record takes {microseconds:g} µs of one whole vCPU; {PAGE_RECORDS:,} records and "
        f"{PAGE_BYTES / 1000:g} kB a page, {AT_ONCE} pages at once, {proof()} requests for proof."
    )
    return "\n".join([basis, "", *_table(), ""])


def proof() -> int:
    """Requests that prove such a run, of a source whose pages have numbers and that counts its records."""
    numbered = UnstableAPIClient("https://api.example").endpoint
    return proof_requests(numbered, RECORDS // PAGE_RECORDS, is_counted=True)


def figures(megabytes: int, latency: float) -> Figures:
    """What a million records take.

    Args:
        megabytes: Memory of the function.
        latency: Seconds before the source answers.
    """
    pages = RECORDS // PAGE_RECORDS
    first = FirstPage(latency=latency, size=PAGE_BYTES, records=PAGE_RECORDS, pages=pages, proof=proof())
    return forecast(first, LambdaTerms(memory_megabytes=megabytes, concurrency=AT_ONCE))


def _table() -> Iterator[str]:
    waits = ["answers at once" if not latency else f"answers in {latency:g} s" for latency in LATENCIES]
    yield f"| memory | vCPU of one thread | {' | '.join(f'source {wait}' for wait in waits)} |"
    yield f"|---|---|{'---|' * len(LATENCIES)}"
    for megabytes in MEMORIES:
        costs = (_cost(figures(megabytes, latency)) for latency in LATENCIES)
        vcpus = LambdaTerms(memory_megabytes=megabytes).vcpus
        yield f"| {megabytes} MB | {vcpus:.2f} | {' | '.join(costs)} |"


def _cost(taken: Figures) -> str:
    return f"{taken.dollars:.5f} USD in {taken.seconds:.0f} s"


if __name__ == "__main__":
    main()
