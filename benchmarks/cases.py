"""What is measured: how many records, how far away the API is, how it fails, and what is written where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.contestants import CSV, JSONL, PARQUET, SLICES, P
from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmarks.contestants import Contestant

MILLION = 1_000_000
NAIVE_LIMIT = MILLION  # those that hold every record, or take minutes for as many, are not asked for more


@dataclass(frozen=True)
class Case:
    """One setting, for every client that can do it.

    Attributes:
        name: As the tables call it.
        what: What it is, in words.
        records: In all.
        limit: Records a page.
        workers: Pages at once.
        latency: Seconds before every answer.
        failing: The share of requests answered 503; one page fails six times running.
        format: What is written.
        to_store: To an S3 server in place of a disk.
        reference: To whom the others are compared.
    """

    name: str
    what: str
    records: int = MILLION
    limit: int = 1000
    workers: int = 8
    latency: float = 0.0
    failing: float = 0.0
    format: str = PARQUET
    to_store: bool = False
    reference: str = P

    @property
    def pages(self) -> int:
        """How many there are."""
        return -(-self.records // self.limit)

    def suits(self, contestant: Contestant) -> bool:
        """Whether a client can do it, and shows something by doing it."""
        alone = not contestant.has_workers and self.latency > 0 and self.workers > 1
        too_many = not contestant.has_workers and self.records > NAIVE_LIMIT
        elsewhere = self.to_store and not contestant.to_store
        return self.format in contestant.formats and not (alone or too_many or elsewhere)

    def rounds(self, contestant: Contestant, rounds: int) -> int:
        """How many rounds a client gets: one, where a round takes it minutes."""
        return 1 if contestant.is_slow and self.records >= MILLION else rounds


SHORT = 200_000
_SMALL_PAGES = Case("small-pages", "2,000 pages of 100 records", SHORT, 100)
CASES = (
    Case("start", "the start of each process: one page of ten records", 10, 10, 1),
    Case("1M", "a million records, a thousand a page, no latency, 1 core"),
    Case("10M", "ten million records", 10 * MILLION),
    _SMALL_PAGES,
    *(
        Case(f"50ms-{workers}", f"50 ms before every answer, {workers} at once", SHORT, 1000, workers, 0.05)
        for workers in (1, 4, 16, 64)
    ),
    Case("failing", "20 % of requests fail, one page six times running", SHORT, failing=0.2),
    Case("csv", "to CSV", format=CSV),
    Case("jsonl", "to JSON Lines", format=JSONL, reference=SLICES),
    Case("s3", "to an S3 server", to_store=True),
)
SHORT_CASES = (
    Case("200k", "200,000 records, a thousand a page, no latency, 1 core", SHORT),
    _SMALL_PAGES,
)


def cases(wanted: tuple[str, ...] = (), *, most: int = 0, among: tuple[Case, ...] = CASES) -> list[Case]:
    """All of them, or those of the wanted names.

    Args:
        wanted: Names; all if there are none.
        most: A ceiling on the records of each; none if 0.
        among: Those to choose from.

    Raises:
        InvalidInputError: There is none of a name.
    """
    by_name = {case.name: case for case in among}
    for name in wanted:
        if name not in by_name:
            raise InvalidInputError(f"{name!r} is no case: give some of {', '.join(by_name)}")
    chosen = [by_name[name] for name in wanted or by_name]
    return [replace(case, records=min(case.records, most or case.records)) for case in chosen]
