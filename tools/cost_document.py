"""Write what a million records cost, by ``runs/forecast.py``, to ``docs/costs.md``.

Usage: ``python -m tools.cost_document``. The page's prose is its own; its table lies between two marks. One
number in it is measured, ``LambdaTerms.cpu_seconds_a_record``: change it, and run this again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from de_classes.runs.forecast import FirstPage, LambdaTerms, forecast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.receipt import Figures

PAGE = Path(__file__).resolve().parent.parent / "docs" / "costs.md"
BEGIN, END = "<!-- written by tools/cost_document.py -->\n", "<!-- until here -->\n"
MEMORIES = (512, 1024, 1769, 3008)
LATENCIES = (0.0, 0.2, 1.0)
AT_ONCE = 8
RECORDS = 1_000_000
PAGE_RECORDS = 1_000
PAGE_BYTES = 250_000


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def updated(page: str) -> str:
    """The page with the table of today.

    Args:
        page: As it is.
    """
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{section()}\n{END}{rest.partition(END)[2]}"


def section() -> str:
    """What the table rests on, and the table."""
    microseconds = LambdaTerms().cpu_seconds_a_record * 1e6
    basis = (
        f"A record takes {microseconds:g} µs of one whole vCPU; {PAGE_RECORDS:,} records and "
        f"{PAGE_BYTES / 1000:g} kB a page, {AT_ONCE} pages at once."
    )
    return "\n".join([basis, "", *_table(), ""])


def figures(megabytes: int, latency: float) -> Figures:
    """What a million records take.

    Args:
        megabytes: Memory of the function.
        latency: Seconds before the source answers.
    """
    first = FirstPage(latency=latency, size=PAGE_BYTES, records=PAGE_RECORDS, pages=RECORDS // PAGE_RECORDS)
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
