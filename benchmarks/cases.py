"""What is measured: how many records, how far away the API is, how it fails, and what is written where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.contestants import (
    AIRBYTE,
    CONTESTANTS,
    CSV,
    DESCRIBED,
    DLT_ARROW,
    DLT_DEFAULTS,
    JSONL,
    NAIVE,
    ONE_OBJECT,
    OURS,
    P_DEFAULTS,
    P_SMALL,
    PARQUET,
    SLICES,
    Keys,
    P,
)
from benchmarks.kinds import KINDS, PLAIN, WIDE
from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmarks.contestants import Contestant

MILLION = 1_000_000
NAIVE_LIMIT = MILLION  # those that hold every record, or take minutes for as many, are not asked for more
ROUNDS = 3
ROUNDS_SECONDS = 25.0
KEY = "id"
_STARTUP_SECONDS = 0.6


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
        beside: The case whose runs of the reference they are compared with; its own if empty. It is of the
            same group.
        group: Cases that take turns in every round, so that a ratio of two of them is of one round. Those of
            a group of ``TABLES`` share a table.
        key: The field that tells records apart, for clients that look for those that come twice.
        clients: Who takes part by name; all that can, if nobody is named.
        mimic: The source whose API has the records too, for who reads by its description; none if empty.
        kind: Of ``benchmarks.kinds.KINDS``.
        is_pinned: Whether the records are held to columns that are stated.
        part_pages: Pages in a part of a dataset at the most; as the client has it by itself if 0.
        cores: Of the client.
        most_rounds: How many rounds who is quick gets.
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
    beside: str = ""
    group: str = ""
    key: str = ""
    clients: tuple[str, ...] = ()
    mimic: str = ""
    kind: str = PLAIN
    is_pinned: bool = False
    part_pages: int = 0
    cores: int = 1
    most_rounds: int = ROUNDS

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
        foreign = self.kind != PLAIN and not contestant.is_general
        keyless = contestant.keys is (Keys.NEVER if self.key else Keys.ALWAYS)
        able = self.format in contestant.formats and not (elsewhere or unknown or foreign or keyless)
        return able and not (alone or too_many or unasked)

    def cannot(self) -> dict[str, str]:
        """Who would be expected here and cannot take part: name to why."""
        if not self.key or self.clients:
            return {}
        return {each.name: each.unable for each in CONTESTANTS if each.unable and not self.suits(each)}

    def rounds(self, contestant: Contestant, most: int) -> int:
        """How many rounds a client gets: as many as fit into 25 seconds, and one whatever it takes.

        Who fetches several pages at once gets two at least, since its ratios are what is held to goals.

        Args:
            contestant: The client.
            most: What it gets if it is quick; what the case says if 0.
        """
        least = 2 if contestant.has_workers else 1
        return min(most or self.most_rounds, max(least, int(ROUNDS_SECONDS // self.seconds(contestant))))

    def seconds(self, contestant: Contestant) -> float:
        """About how long a client takes for it."""
        at_once = self.workers if contestant.has_workers else 1
        of_records = self.records / MILLION * contestant.seconds * _WEIGHTS.get(self.kind, 1.0)
        of_keys = self.records / MILLION * _KEY_SECONDS if self.key else 0.0
        working = of_records + of_keys + self.pages * contestant.seconds_a_page
        waiting = self.pages * self.latency / at_once
        failures = self.pages * self.failing / (1 - self.failing)
        return _STARTUP_SECONDS + working + waiting + failures * contestant.seconds_a_retry


_KEY_SECONDS = 3.0
_WEIGHTS = {
    "nested": 2.0,
    "earthquakes": 3.0,
    "notion": 2.0,
    WIDE[100]: 10.0,
    WIDE[1_000]: 500.0,
}
"""How many times as long as a plain record one of a kind takes, about."""

SHORT = 200_000
SMALL = 60_000
_SMALL_PAGES = Case(
    "small-pages",
    "2,000 pages of 100 records",
    SHORT,
    100,
    # of the others those that take less than a minute
    clients=(OURS, ONE_OBJECT, P, "arro3, checked", "floor", NAIVE, DLT_ARROW, "singer", AIRBYTE),
)
_LATENCIES = tuple(
    Case(
        f"50ms-{workers}",
        f"50 ms before every answer, {workers} at once",
        SHORT,
        1000,
        workers,
        0.05,
        group="50ms",
        clients=(OURS, P, *((NAIVE, DLT_ARROW) if workers == 1 else ())),
    )
    for workers in (1, 4, 16, 32, 64)
)
_FAILING = Case(
    "failing",
    "20 % of requests fail, one page six times running",
    SHORT,
    failing=0.2,
    # of the others those that say most: each waits for minutes
    clients=(OURS, ONE_OBJECT, P, "arro3, checked", NAIVE, DLT_DEFAULTS),
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
_KEYED = "a million records told apart by a key, which the template asks for, to"
_MILLIONS = (
    Case("1M", "a million records, a thousand a page, no latency, 1 core", group=PARQUET),
    Case("keyed", f"{_KEYED} Parquet", group=PARQUET, key=KEY, reference=OURS),
    Case(
        "1M-2-cores",
        "a million records, a thousand a page, no latency, 2 cores",
        group=PARQUET,
        cores=2,
        clients=(OURS, P),
    ),
    Case("csv", "a million records to CSV", format=CSV, group=CSV),
    Case("keyed-csv", f"{_KEYED} CSV", format=CSV, group=CSV, key=KEY, reference=OURS),
    Case("jsonl", "a million records to JSON Lines", format=JSONL, group=JSONL, reference=SLICES),
    Case("keyed-jsonl", f"{_KEYED} JSON Lines", format=JSONL, group=JSONL, key=KEY, reference=OURS),
)
FORMATS = {PARQUET: "Parquet", CSV: "CSV", JSONL: "JSON Lines"}


def shape(format_name: str, name: str) -> str:
    """The name of the case of 60,000 records of a shape, or of plain ones, to a format."""
    return f"60k-{format_name}-{name}"


def _shaped(format_name: str) -> tuple[Case, ...]:
    plain = Case(
        shape(format_name, PLAIN),
        "plain records",
        SMALL,
        format=format_name,
        reference=OURS,
        group=f"60k-{format_name}",
        clients=(OURS,),
        most_rounds=5,
    )
    shapes = {
        "keyed": replace(plain, what="told apart by a key", key=KEY),
        "pinned": replace(plain, what="held to stated columns", is_pinned=True),
        "nested": replace(plain, what="three levels of objects and a list of them more", kind="nested"),
        "late": replace(plain, what="one column more, from the middle on", kind="late"),
        "mixed": replace(plain, what="one column more, of numbers and texts", kind="mixed"),
    }
    return (plain, *(_grown(plain, shape(format_name, name), each) for name, each in shapes.items()))


def _grown(first: Case, name: str, case: Case) -> Case:
    """A case that is compared with the first one of its group."""
    return replace(case, name=name, beside=first.name)


_FIRST_PAGES = Case(
    "pages-1k",
    "1,000 pages of one record",
    1_000,
    1,
    format=JSONL,
    reference=OURS,
    group="pages",
    clients=(OURS,),
    most_rounds=1,
)
_FIRST_COLUMNS = Case(
    "columns-10",
    "10 columns, 200,000 records, 1,000 a page",
    200_000,
    1_000,
    reference=OURS,
    group="columns",
    clients=(OURS,),
    kind=WIDE[10],
)
_FIRST_PARTS = Case(
    "parts-1",
    "200 pages in one part",
    SHORT,
    reference=OURS,
    group="parts",
    clients=(OURS,),
    part_pages=200,
)
_GROWING = (
    _FIRST_PAGES,
    *(
        _grown(_FIRST_PAGES, f"pages-{pages}k", replace(_FIRST_PAGES, what=what, records=pages * 1_000))
        for pages, what in ((10, "10,000 pages of one record"), (100, "100,000 pages of one record"))
    ),
    _FIRST_COLUMNS,
    *(
        _grown(
            _FIRST_COLUMNS,
            f"columns-{columns}",
            replace(_FIRST_COLUMNS, what=what, kind=WIDE[columns], records=2_000_000 // columns, limit=limit),
        )
        for columns, what, limit in (
            (100, "100 columns, 20,000 records, 100 a page", 100),
            (1_000, "1,000 columns, 2,000 records, 10 a page", 10),
        )
    ),
    _FIRST_PARTS,
    *(
        _grown(_FIRST_PARTS, f"parts-{200 // pages}", replace(_FIRST_PARTS, what=what, part_pages=pages))
        for pages, what in ((20, "200 pages in 10 parts"), (2, "200 pages in 100 parts"))
    ),
)
TABLES = {
    **{f"60k-{each}": f"60,000 records to {name}, as people have them" for each, name in FORMATS.items()},
    "pages": "growth with pages",
    "columns": "growth with columns, as many values each time",
    "parts": "growth with parts",
}
"""Group to what its one table shows; the cases of other groups have a table each."""

_REAL = ("earthquakes", "shopify", "notion")
CASES = (
    Case(
        *("start", "the start of each process: one page of ten records", 10, 10, 1),
        # the other ways of pyarrow's script, and of clients with keys, start as the first one does
        clients=tuple(
            each.name
            for each in CONTESTANTS
            if PARQUET in each.formats
            and each.keys is not Keys.ALWAYS
            and each.name not in (P_DEFAULTS, P_SMALL, DESCRIBED)
        ),
        most_rounds=5,
    ),
    *_MILLIONS,
    *(case for each in FORMATS for case in _shaped(each)),
    Case("nested", "200,000 records of three levels of objects, and a list of them", SHORT, kind="nested"),
    *(Case(name, f"50,000 records: {KINDS[name].what}", 50_000, kind=name) for name in _REAL),
    _SMALL_PAGES,
    Case("s3", "a million records to an S3 server", to_store=True),
    Case(
        "100k",
        "100,000 records, for the memory they take beside small batches",
        MILLION // 10,
        reference=P_SMALL,
        clients=(OURS, P, P_SMALL),
    ),
    Case("10M", "ten million records", 10 * MILLION, clients=(OURS, P)),
    *_GROWING,
    *_LATENCIES,
    _FAILING,
    *_OTHER_SEEDS,
    *_DESCRIBED,
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
        wanted: Names of cases, or of groups that share a table; all if there are none.
        most: A ceiling on the records of each; none if 0.
        among: Those to choose from.

    Raises:
        InvalidInputError: There is none of a name.
    """
    by_name: dict[str, list[Case]] = {}
    for case in among:
        by_name.setdefault(case.group if case.group in TABLES else case.name, []).append(case)
    by_name |= {case.name: [case] for case in among}
    for name in wanted:
        if name not in by_name:
            raise InvalidInputError(f"{name!r} is no case: give some of {', '.join(by_name)}")
    chosen = dict.fromkeys(case for name in wanted for case in by_name[name]) if wanted else among
    return [replace(case, records=min(case.records, most or case.records)) for case in chosen]
