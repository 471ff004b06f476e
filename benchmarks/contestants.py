"""Who takes part: with what Python, by what command, and what each can write."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.clients import ours
from de_classes.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.clients.task import Task

ROOT = Path(__file__).resolve().parent.parent
PARQUET, CSV, JSONL = "parquet", "csv", "jsonl"
OURS, ONE_OBJECT, DESCRIBED = "de-classes", "de-classes, one object", "de-classes, described"
P, P_DEFAULTS, P_SMALL = "pyarrow, tuned", "pyarrow, defaults", "pyarrow, small batches"
SLICES, NAIVE = "unparsed slices", "naive"
DLT_DEFAULTS, DLT_ARROW, AIRBYTE = "dlt, defaults", "dlt, Arrow", "airbyte"
_VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class Keys(StrEnum):
    """Whether a client tells records apart by a key."""

    NEVER = "never"
    IF_ASKED = "if asked"
    ALWAYS = "always"


@dataclass(frozen=True)
class Contestant:
    """A client.

    Attributes:
        name: As the tables call it.
        what: What it is, in words.
        module: That of ``benchmarks.clients`` that runs it.
        environment: The folder of its virtual environment.
        formats: What it can write.
        packages: The distributions whose versions matter.
        options: Words after the task on its command line.
        has_workers: Whether it can fetch several pages at once.
        to_store: Whether it can write to an S3 server.
        keeps: Whether it keeps the records: the floor does not.
        is_described: Whether it reads what a description says, in place of an address.
        is_general: Whether it takes records of any kind; others know the plain ones.
        is_told_schema: Whether it has to be told the schema of those that are not plain.
        keys: Whether it tells records apart.
        unable: Why it has no part in a case with keys where it has none; such a case names it then.
        seconds: About what a million records take it, startup aside; its rounds are planned by that.
        seconds_a_page: About what a page takes it, whatever is on it.
        seconds_a_retry: About what it waits after a request that failed.
        arguments: Of its Python, if it is no module of ``benchmarks.clients``.
    """

    name: str
    what: str
    module: str
    environment: str
    formats: tuple[str, ...]
    packages: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    has_workers: bool = False
    to_store: bool = False
    keeps: bool = True
    is_described: bool = False
    is_general: bool = False
    is_told_schema: bool = False
    keys: Keys = Keys.NEVER
    unable: str = ""
    seconds: float = 3.5
    seconds_a_page: float = 0.0003
    seconds_a_retry: float = 0.0
    arguments: Callable[[Task], list[str]] | None = None

    @property
    def python(self) -> Path:
        """Its own interpreter.

        Raises:
            ConfigurationError: The environment was not made yet.
        """
        path = ROOT / self.environment / "bin" / "python"
        if not path.exists():
            raise ConfigurationError(f"{self.name} has no environment yet: run 'make env-bench'")
        return path

    @property
    def versions(self) -> dict[str, str]:
        """Package to installed version, as its environment says; one that is not there has none.

        That is so of a package which has not come to the Python at hand: its client is run, and fails.
        """
        if self.arguments:
            return own_version()
        command = [str(self.python), "-c", _VERSIONS, *self.packages]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own environments
        versions: dict[str, str] = json.loads(done.stdout)
        return versions

    def command(self, task: Task, path: Path) -> list[str]:
        """What to start.

        Args:
            task: What is to be done.
            path: Where it is written down.
        """
        if self.arguments:
            return [str(self.python), *self.arguments(task)]
        return [str(self.python), "-m", f"benchmarks.clients.{self.module}", str(path), *self.options]


def own_version() -> dict[str, str]:
    """The version of this library, which is not installed but in place."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {project["name"]: project["version"]}


def search_path() -> str:
    """Where every client finds its program; only ours is found there too."""
    return os.pathsep.join([str(ROOT), str(ROOT / "layers" / "de_classes")])


_BENCH, _DLT = ".venvs/bench", ".venvs/bench-dlt"
_ANY = (PARQUET, CSV, JSONL)
_PEER_PAGE = 0.003
_NO_FILES = "merges into tables, not into plain files"
CONTESTANTS = (
    Contestant(
        OURS,
        "this library: `python -m de_classes ingest --dataset`",
        "ours",
        ".venv",
        _ANY,
        has_workers=True,
        to_store=True,
        is_general=True,
        keys=Keys.IF_ASKED,
        seconds_a_retry=0.1,
        arguments=ours.dataset,
    ),
    Contestant(
        ONE_OBJECT,
        "this library: `python -m de_classes ingest --key`",
        "ours",
        ".venv",
        _ANY,
        has_workers=True,
        to_store=True,
        seconds_a_retry=0.1,
        arguments=ours.one_object,
    ),
    Contestant(
        DESCRIBED,
        "the same by a description: `python -m de_classes ingest NAME.RESOURCE --sources PATH --key`",
        "ours",
        ".venv",
        (PARQUET,),
        has_workers=True,
        is_described=True,
        arguments=ours.described,
    ),
    Contestant(
        P,
        "a script that is told the schema: pyarrow's JSON reader on 2 threads, dictionaries where they help",
        "reference_p",
        _BENCH,
        (PARQUET, CSV),
        ("pyarrow",),
        ("tuned",),
        has_workers=True,
        to_store=True,
        is_general=True,
        is_told_schema=True,
        seconds=2.7,
    ),
    Contestant(
        P_DEFAULTS,
        "the same with a dictionary for every column, as Arrow does by itself",
        "reference_p",
        _BENCH,
        (PARQUET,),
        ("pyarrow",),
        ("defaults",),
        has_workers=True,
    ),
    Contestant(
        P_SMALL,
        "as tuned, in batches and row groups of 5,000 records in place of 50,000",
        "reference_p",
        _BENCH,
        (PARQUET,),
        ("pyarrow",),
        ("small",),
        has_workers=True,
    ),
    Contestant(
        "arro3, checked",
        "the same by arro3, after msgspec has checked every field of every page",
        "reference_r",
        _BENCH,
        (PARQUET,),
        ("arro3-core", "arro3-io", "msgspec"),
        has_workers=True,
    ),
    Contestant(
        SLICES,
        "bytes to JSON Lines: records cut out of pages that nobody reads",
        "slices",
        _BENCH,
        (JSONL,),
        has_workers=True,
        seconds=1.0,
    ),
    Contestant(
        "floor",
        "download only",
        "floor",
        _BENCH,
        _ANY,
        has_workers=True,
        keeps=False,
        seconds=0.3,
    ),
    Contestant(
        NAIVE,
        "requests, tenacity and one pandas DataFrame of everything; with keys, `drop_duplicates`",
        "naive",
        _BENCH,
        _ANY,
        ("requests", "tenacity", "pandas", "pyarrow"),
        is_general=True,
        keys=Keys.IF_ASKED,
        seconds=9.0,
        seconds_a_page=0.0015,
        seconds_a_retry=0.3,
    ),
    Contestant(
        DLT_DEFAULTS,
        "`rest_api_source` into DuckDB, but for ten attempts a request",
        "dlt_pipeline",
        _DLT,
        (PARQUET,),
        ("dlt", "duckdb"),
        ("defaults",),
        seconds=215.0,
        seconds_a_page=_PEER_PAGE,
        seconds_a_retry=2.5,
    ),
    Contestant(
        "dlt, tuned",
        "Parquet files, larger buffers, two normalizers, ten attempts",
        "dlt_pipeline",
        _DLT,
        (PARQUET,),
        ("dlt", "pyarrow"),
        ("tuned",),
        seconds=36.0,
        seconds_a_page=_PEER_PAGE,
        seconds_a_retry=2.5,
    ),
    Contestant(
        DLT_ARROW,
        "a resource of Arrow tables: dlt sees no record",
        "dlt_pipeline",
        _DLT,
        (PARQUET,),
        ("dlt", "pyarrow"),
        ("arrow",),
        seconds=5.0,
        seconds_a_page=_PEER_PAGE,
        seconds_a_retry=2.5,
    ),
    Contestant(
        "dlt, merge",
        'as tuned, with `write_disposition="merge"` and a primary key, into DuckDB',
        "dlt_pipeline",
        _DLT,
        (PARQUET,),
        ("dlt", "duckdb"),
        ("tuned",),
        keys=Keys.ALWAYS,
        unable=_NO_FILES,
        seconds=42.0,
        seconds_a_page=_PEER_PAGE,
    ),
    Contestant(
        "dlt, Arrow, merge",
        "the same with a resource of Arrow tables",
        "dlt_pipeline",
        _DLT,
        (PARQUET,),
        ("dlt", "duckdb"),
        ("arrow",),
        keys=Keys.ALWAYS,
        unable=_NO_FILES,
        seconds=12.0,
        seconds_a_page=_PEER_PAGE,
    ),
    Contestant(
        "singer",
        "a tap by Singer's SDK: RECORD messages to a file, without a target",
        "singer_tap",
        ".venvs/peer-singer",
        (PARQUET, JSONL),
        ("singer-sdk",),
        unable="a tap leaves keys to a target, and none takes part",
        seconds=48.0,
        seconds_a_page=_PEER_PAGE,
        seconds_a_retry=5.7,
    ),
    Contestant(
        AIRBYTE,
        "a manifest by Airbyte's CDK: RECORD messages to a file, without a destination",
        "airbyte_manifest",
        ".venvs/peer-airbyte",
        (PARQUET, JSONL),
        ("airbyte-cdk",),
        seconds=34.0,
        seconds_a_page=_PEER_PAGE,
        seconds_a_retry=2.5,
    ),
    Contestant(
        "airbyte, dedup",
        "the same manifest by PyAirbyte, whose cache in DuckDB merges by the primary key",
        "airbyte_dedup",
        ".venvs/bench-airbyte",
        (PARQUET,),
        ("airbyte", "airbyte-cdk", "duckdb"),
        keys=Keys.ALWAYS,
        unable=_NO_FILES,
        seconds=85.0,
        seconds_a_page=_PEER_PAGE,
    ),
)


def contestants(wanted: tuple[str, ...] = ()) -> list[Contestant]:
    """All of them, or those whose names begin with one of the wanted words.

    Raises:
        InvalidInputError: None begins with a word.
    """
    for word in wanted:
        if not any(each.name.startswith(word) for each in CONTESTANTS):
            raise InvalidInputError(
                f"{word!r} is no client: give some of {[each.name for each in CONTESTANTS]}"
            )
    return [each for each in CONTESTANTS if not wanted or each.name.startswith(wanted)]
