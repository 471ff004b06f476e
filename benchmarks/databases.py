"""``python -m benchmarks.databases``: how long a dataset takes into PostgreSQL, beside a bare COPY and dlt.

A server of its own by its own settings, on loopback. Each client is a process, whose time is from its start
to its end; they take turns, and a ratio is of one round. After each run the rows are counted and their ids
added up. ``--docs`` writes the figures and the table of docs/postgresql.md. The exit status is
1 if rows are wrong.
"""

from __future__ import annotations

import logging
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.csv as pc  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types
from msgspec import Struct, json

from benchmarks.contestants import ROOT, search_path
from benchmarks.records import FIRST_ID, RECORD_BYTES, write
from de_classes.errors import ConfigurationError
from de_classes.storage.clients.local_client import LocalClient
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.datasets.manifest import Manifest
from de_classes.storage.datasets.part_writer import PartWriter
from de_classes.utils.command_line import CommandParser
from tools.postgres.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MILLION: Final = 1_000_000
PART_RECORDS: Final = 100_000
OURS, BARE = "de-classes load", "bare COPY"
GOALS: Final = {BARE: 0.6, "dlt, defaults": 5.0}
"""How many times as fast as each this library is to be, at least."""

PAGE: Final = ROOT / "docs" / "postgresql.md"
FIGURES: Final = ROOT / "docs" / "postgresql.json"
_TABLE: Final = re.compile(
    "(?<=<!-- table: python -m benchmarks.databases --docs -->\n).*?(?=<!-- end of table -->)", re.DOTALL
)
_HEAD: Final = ("client", "rounds", "seconds", "de-classes is as fast, times", "aim")


class Run(Struct, frozen=True):
    """One run: who, in which round, and how many seconds."""

    client: str
    round: int
    seconds: float


class Figures(Struct, frozen=True, kw_only=True):
    """What was measured."""

    date: str
    records: int
    server: str
    cores: int
    load: float
    runs: list[Run]


@dataclass(frozen=True)
class Place:
    """A server, and the records as a dataset and as CSV."""

    server: Server
    folder: Path
    records: int

    @property
    def dataset(self) -> Path:
        """The folder of the dataset."""
        return self.folder / "lake" / "records"

    @property
    def csv(self) -> Path:
        """The same rows as a file of CSV."""
        return self.folder / "records.csv"

    def environment(self) -> dict[str, str]:
        """What a client's process is told."""
        login = self.server.url.replace("@", f":{self.server.password}@")
        return {
            **os.environ,
            "PYTHONPATH": search_path(),
            "PGPASSFILE": str(self.server.password_file),
            "DESTINATION__POSTGRES__CREDENTIALS": login,
        }

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Carry out a query of this file."""
        with psycopg.connect(self.server.url, password=self.server.password, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Client:
    """Who loads.

    Attributes:
        name: As the table calls it.
        environment: The folder of its virtual environment.
        words: What its Python is told.
        table: Where the rows are then.
        most_rounds: More of a million records would take too long.
        prepare: What is done before the clock starts.
    """

    name: str
    environment: str
    words: Callable[[Place], list[str]]
    table: str
    most_rounds: int = 99
    prepare: str = ""

    def seconds(self, place: Place) -> float:
        """Load once, from nothing.

        Raises:
            ConfigurationError: It could not, or the rows are wrong.
        """
        python = ROOT / self.environment / "bin" / "python"
        if not python.exists():
            raise ConfigurationError(f"{self.name} has no environment yet: run 'make env-bench'")
        for schema in ("bare", "ours", "dlt_defaults", "dlt_arrow"):
            place.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        if self.prepare:
            place.ask(self.prepare)
        place.ask("CHECKPOINT")
        started = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own clients
            [str(python), *self.words(place)],
            env=place.environment(),
            cwd=place.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - started
        if done.returncode:
            raise ConfigurationError(f"{self.name} failed: {done.stderr[-2000:]}")
        self._check(place)
        return seconds

    def _check(self, place: Place) -> None:
        count = place.records
        ids = count * FIRST_ID + count * (count - 1) // 2
        found = place.ask(f"SELECT count(*), count(DISTINCT id), sum(id) FROM {self.table}")  # noqa: S608 - ours
        if found != [(count, count, ids)]:
            raise ConfigurationError(f"{self.name}: rows are wrong: {found}")


CLIENTS: Final = (
    Client(
        BARE,
        ".venv",
        lambda place: ["-m", "benchmarks.clients.bare_copy", place.server.url, str(place.csv), "bare"],
        "bare",
        prepare="DROP TABLE IF EXISTS bare; CREATE TABLE bare (id bigint, code text, "
        "amount double precision, email text, country text, quantity bigint, paid boolean, coupon text, "
        "placed_at text, note text)",
    ),
    Client(
        OURS,
        ".venv",
        lambda place: ["-m", "de_classes", "load", str(place.dataset), "--to", f"{place.server.url}/ours"],
        "ours.records",
    ),
    Client(
        "dlt, Arrow",
        ".venvs/bench-dlt",
        lambda place: ["-m", "benchmarks.clients.dlt_postgres", str(place.dataset), "dlt_arrow", "arrow"],
        "dlt_arrow.records",
        most_rounds=2,
    ),
    Client(
        "dlt, defaults",
        ".venvs/bench-dlt",
        lambda place: [
            "-m",
            "benchmarks.clients.dlt_postgres",
            str(place.dataset),
            "dlt_defaults",
            "defaults",
        ],
        "dlt_defaults.records",
        most_rounds=1,
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print it, and write it down if that is asked for."""
    args = make_parser().parse_args(arguments)
    try:
        figures = measured(args.date, args.records, args.rounds)
    except ConfigurationError as error:
        sys.stderr.write(f"databases: {error}\n")
        return 1
    sys.stdout.write(table(figures))
    if args.docs:
        FIGURES.write_bytes(json.format(json.encode(figures), indent=1) + b"\n")
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLE.sub(lambda _: table(figures), page), encoding="utf-8")
    return 0


def measured(date: str, records: int, rounds: int) -> Figures:
    """Every client's runs, round after round."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="databases-") as name, Server() as server:
        place = Place(server, Path(name), records)
        _store(place)
        runs = []
        for number in range(1, rounds + 1):
            for client in CLIENTS:
                if number <= client.most_rounds or records < MILLION:
                    runs.append(Run(client.name, number, round(client.seconds(place), 3)))
                    sys.stderr.write(f"{number} {client.name}: {runs[-1].seconds} s\n")
        ((version,),) = place.ask("SHOW server_version")
    return Figures(
        date=date,
        records=records,
        server=f"PostgreSQL {version.split()[0]}",
        cores=os.cpu_count() or 1,
        load=round(load, 2),
        runs=runs,
    )


def table(figures: Figures) -> str:
    """The clients, and how many times as fast as each this library is: the median, the least and the most."""
    lines = [_HEAD, ("---",) * len(_HEAD), *_rows(figures)]
    told = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    when = f" on {figures.date}" if figures.date else ""
    return (
        f"{told}\n{figures.records:,} records of ten fields{when}, {figures.server} by its own settings "
        f"on the same machine, {figures.cores} cores, load average {figures.load:.1f} before.\n"
    )


def _rows(figures: Figures) -> Iterator[tuple[str, ...]]:
    by_client: dict[str, dict[int, float]] = {}
    for run in figures.runs:
        by_client.setdefault(run.client, {})[run.round] = run.seconds
    ours = by_client[OURS]
    for client, rounds in by_client.items():
        ratios = sorted(seconds / ours[number] for number, seconds in rounds.items())
        ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        aim = f"{GOALS[client]:g}" if client in GOALS else "-"
        yield (
            client,
            str(len(rounds)),
            f"{statistics.median(rounds.values()):.1f}",
            "1" if client == OURS else ratio,
            aim,
        )


def _store(place: Place) -> None:
    """The records as a dataset in Parquet, ten parts of a million, and as CSV."""
    lake = place.folder / "lake"
    lake.mkdir()
    store = LocalClient(place.folder, logging.getLogger(__name__))
    served = place.folder / "served"
    write(served, place.records)
    parts, schema = [], None
    with served.open("rb") as file:
        for number in range(1, -(-place.records // PART_RECORDS) + 1):
            text = file.read(PART_RECORDS * (RECORD_BYTES + 1))  # a comma behind each
            with PartWriter(store, "lake", "records", "parquet", schema=schema) as writer:
                writer.write(msgspec.json.decode(b"[" + text[:-1] + b"]"))
                sealed = writer.seal(1, number, number)
            if sealed is not None:
                schema = sealed.schema
                parts.append(sealed.part)
    if schema is None:
        raise ConfigurationError("there are no records")
    manifest = Manifest.of(parts, run_id="bench", generation=1, format="parquet", schema=schema)
    DatasetCommits(store, "lake", "records").commit(manifest)
    options = pc.WriteOptions(include_header=False, quoting_style="needed")
    with pa.OSFile(str(place.csv), "wb") as file:
        for part in parts:
            pc.write_csv(pq.read_table(place.dataset / part.key), file, options)


def make_parser() -> CommandParser:
    """The parser of its words."""
    parser = CommandParser(prog="python -m benchmarks.databases", description=__doc__)
    parser.add_argument("--records", type=int, default=MILLION, help="(1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="(5; of a million records dlt gets fewer)")
    parser.add_argument("--date", default="", help="to be written on the page")
    parser.add_argument(
        "--docs", action="store_true", help="write docs/postgresql.md's table and its figures"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
