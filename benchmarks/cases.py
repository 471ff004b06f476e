"""What is measured: how many records, how far away the API is, how it fails, and what is written where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.contestants import CSV, DESCRIBED, JSONL, ONE_OBJECT, OURS, PARQUET, SLICES, P
from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmarks.contestants import Contestant

MILLION = 1_000_000
NAIVE_LIMIT = MILLION  # those that hold every record, or take minutes for as many, are not asked for more
ROUNDS_SECONDS = 25.0
_STARTUP_SECONDS, _PAGE_SECONDS = 0.8, 0.001


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
        seed: Which of the seeds that make one do so, from the first.
        format: What is written.
        to_store: To an S3 server in place of a disk.
        reference: To whom the others are compared.
        key: The field that tells records apart, for clients that look for those that come twice.
        clients: Who takes part by name; all that can, if nobody is named.
        mimic: The source whose API has the records too, for who reads by its description; none if empty.
    """

    name: str
    what: str
    records: int = MILLION
    limit: int = 1000
    workers: int = 8
    latency: float = 0.0
    failing: float = 0.0
    seed: int = 1
    format: str = PARQUET
    to_store: bool = False
    reference: str = P
    key: str = ""
    clients: tuple[str, ...] = ()
    mimic: str = ""

    @property
    def pages(self) -> int:
        """How many there are."""
        return -(-self.records // self.limit)

    def suits(self, contestant: Contestant) -> bool:
        """Whether a client can do it, and shows something by doing it."""
        alone = not contestant.has_workers and self.latency > 0 and self.workers > 1
        too_many = not contestant.has_workers and self.records > NAIVE_LIMIT
        elsewhere = self.to_store and not contestant.to_store
        unasked = bool(self.clients) and contestant.name not in self.clients
        unknown = contestant.is_described and not self.mimic
        able = self.format in contestant.formats and not (elsewhere or unknown)
        return able and not (alone or too_many or unasked)

    def rounds(self, contestant: Contestant, most: int) -> int:
        """How many rounds a client gets: as many as fit into 25 seconds, and one whatever it takes.

        Who fetches several pages at once gets two at least, since its ratios are what is held to goals.

        Args:
            contestant: The client.
            most: What it gets if it is quick.
        """
        least = 2 if contestant.has_workers else 1
        return min(most, max(least, int(ROUNDS_SECONDS // self.seconds(contestant))))

    def seconds(self, contestant: Contestant) -> float:
        """About how long a client takes for it."""
        at_once = self.workers if contestant.has_workers else 1
        working = self.records / MILLION * contestant.seconds + self.pages * _PAGE_SECONDS
        waiting = self.pages * self.latency / at_once
        failures = self.pages * self.failing / (1 - self.failing)
        return _STARTUP_SECONDS + working + waiting + failures * contestant.seconds_a_retry


SHORT = 200_000
_SMALL_PAGES = Case("small-pages", "2,000 pages of 100 records", SHORT, 100)
_LATENCIES = tuple(
    Case(f"50ms-{workers}", f"50 ms before every answer, {workers} at once", SHORT, 1000, workers, 0.05)
    for workers in (1, 4, 16, 32, 64)
)
_FAILING = Case(
    "failing",
    "20 % of requests fail, one page six times running",
    SHORT,
    failing=0.2,
    # of the others those that say most: each waits for minutes
    clients=(OURS, ONE_OBJECT, P, "reference R", "naive", "dlt, defaults", "airbyte"),
)
_OTHER_SEEDS = tuple(
    replace(_FAILING, name=f"failing-{seed}", what=f"the same by seed {seed}", seed=seed, clients=(OURS, P))
    for seed in (2, 3)
)
_DESCRIBED = tuple(
    Case(
        f"described-{mimic}",
        f"by the description of {mimic}: {shape}",
        records,
        limit,
        workers=1,  # each of these pages leads to the next
        reference=ONE_OBJECT,
        clients=(ONE_OBJECT, DESCRIBED),
        mimic=mimic,
    )
    for mimic, shape, records, limit in (
        ("github", "records at the top, a Link header", SHORT // 2, 100),
        ("pokeapi", "records in a field, the next address in another", SHORT, 1000),
        ("crossref", "records two fields deep, a cursor", SHORT, 1000),
    )
)
CASES = (
    Case("start", "the start of each process: one page of ten records", 10, 10, 1),
    Case("100k", "a hundred thousand records, for the memory they take", MILLION // 10, clients=(OURS, P)),
    Case("1M", "a million records, a thousand a page, no latency, 1 core"),
    Case("10M", "ten million records", 10 * MILLION, clients=(OURS, P)),
    _SMALL_PAGES,
    *_LATENCIES,
    _FAILING,
    *_OTHER_SEEDS,
    Case("csv", "to CSV", format=CSV),
    Case("jsonl", "to JSON Lines", format=JSONL, reference=SLICES),
    Case("s3", "to an S3 server", to_store=True),
    *_DESCRIBED,
    Case("keys", "records told apart by a key, as the template has it", key="id", clients=(OURS, P)),
)
SHORT_CASES = (
    Case("200k", "200,000 records, a thousand a page, no latency, 1 core", SHORT, clients=(OURS, P)),
    replace(_SMALL_PAGES, clients=(OURS, P)),
    Case(
        *("200k-jsonl", "the same to JSON Lines", SHORT),
        format=JSONL,
        reference=SLICES,
        clients=(OURS, SLICES),
    ),
    *_DESCRIBED,
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
