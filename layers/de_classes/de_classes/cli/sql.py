"""``sql``: a question about datasets, answered by DuckDB."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

import msgspec

from de_classes.cli.show import place_of
from de_classes.cli.tables import table
from de_classes.cli.terminal import escaped
from de_classes.errors import ConfigurationError, DeClassesError, InvalidInputError, ObjectNotFoundError
from de_classes.redaction import escaped_json, printable
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.storage.format.csv_codec import encode_cell, encode_rows, quote
from de_classes.utils import strict_json
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from de_classes.sql.database import QueryResult, SqlDatabase


class AskedDataset(Value):
    """A dataset that a question may name.

    Attributes:
        name: What it is called in SQL.
        uri: Its manifest.
        generation: The commit.
        run_id: The run that made it.
        status: complete or partial.
        missing_pages: Ranges of pages that are not in it; none if it is complete.
        records: How many it holds.
    """

    name: str
    uri: str
    generation: int
    run_id: str
    status: Literal["complete", "partial"]
    missing_pages: list[str]
    records: int


class SqlAnswer(Value):
    """What ``sql --format json`` prints.

    Attributes:
        datasets: What was asked.
        columns: Names to types, as DuckDB spells them, in order.
        rows: An object each, with a value for each column.
    """

    datasets: list[AskedDataset]
    columns: dict[str, str]
    rows: list[dict[str, Any]]


EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_PARTIAL: Final = 3


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    columns: int | None = None,
) -> int:
    """Answer a question.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: the answer.
        err: In place of stderr: what is partial, and what went wrong.
        columns: In place of the terminal's width; without a terminal nothing is cut.

    Returns:
        The exit status: 0 answered, 1 an error, 2 a mistake in the command or the question, 3 answered,
        though a dataset is partial.
    """
    out, err = out or sys.stdout, err or sys.stderr
    if columns is None and out.isatty():
        columns = shutil.get_terminal_size().columns
    try:
        question = sys.stdin.read() if args.question == "-" else args.question
        readers = _readers(args)
        asked = [_asked(name, reader) for name, reader in readers.items()]
        with _database(readers) as database:
            answer = database.ask(question)
            err.writelines(_partial(each) for each in asked if each.status == "partial")
            for line in _FORMATS[args.format](answer, asked, columns):
                out.write(f"{line}\n")
    except ConfigurationError as error:
        err.writelines(f"sql: {printable(problem)}\n" for problem in error.problems)
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"sql: {type(error).__name__}: {printable(str(error))}\n")
        return EXIT_FAILED
    return EXIT_PARTIAL if any(each.status == "partial" for each in asked) else 0


def _database(readers: dict[str, DatasetReader]) -> SqlDatabase:
    try:
        from de_classes.sql.database import SqlDatabase  # noqa: PLC0415 - duckdb and pyarrow are an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"sql needs {error.name}: pip install 'de-classes[sql]'") from error
    return SqlDatabase(readers)


def _readers(args: argparse.Namespace) -> dict[str, DatasetReader]:
    """The datasets by what they are called: the first by its own name, the others as ``--with`` says."""
    name, reader = _opened(args.what, args.endpoint_url, generation=args.generation)
    readers = {name: reader}
    for word in args.with_:
        other, _, what = word.partition("=")
        if not (other and what):
            raise InvalidInputError("--with is NAME=DATASET, such as customers=lake/customers")
        if other in readers:
            raise InvalidInputError(f"--with: {printable(other)} is the name of two datasets")
        readers[other] = _opened(what, args.endpoint_url)[1]
    return readers


def _opened(
    what: str, endpoint_url: str | None, *, generation: int | None = None
) -> tuple[str, DatasetReader]:
    """The last name of a dataset, and one commit of it: the one whose manifest is named, or the latest."""
    named = what.rstrip("/")
    folder, _, name = named.rpartition("/")
    number = name.removeprefix("_manifest-").removesuffix(".json")
    is_manifest = folder and name == f"_manifest-{number}.json" and number.isdecimal()
    place, dataset = place_of(folder if is_manifest else named, endpoint_url)
    commit = (int(number) if is_manifest else None) or generation
    key = place.key(dataset)
    try:
        return key.rpartition("/")[2], DatasetReader(place.store, place.bucket, key, generation=commit)
    except ObjectNotFoundError as error:
        raise InvalidInputError(f"{printable(what)} is no dataset: {error}") from error


def _asked(name: str, reader: DatasetReader) -> AskedDataset:
    manifest = reader.manifest
    return AskedDataset(
        name,
        reader.uri,
        manifest.generation,
        manifest.run_id,
        manifest.status,
        list(manifest.missing_pages),
        manifest.records,
    )


def _partial(asked: AskedDataset) -> str:
    return (
        f"sql: {printable(asked.name)} is partial: generation {asked.generation} of run "
        f"{printable(asked.run_id)} lacks pages {', '.join(asked.missing_pages)}; replay that run\n"
    )


def _as_table(answer: QueryResult, _: list[AskedDataset], columns: int | None) -> Iterator[str]:
    return table(list(answer.columns), answer.rows, columns)


def _as_csv(answer: QueryResult, _: list[AskedDataset], columns: int | None) -> Iterator[str]:
    """CSV as this library writes it: what stands in quotes is text, and nothing is null."""
    show: Callable[[str], str] = str if columns is None else _on_terminal
    yield show(",".join(map(quote, answer.columns)))
    for rows in answer.rows:
        cells = [list(column) for column in zip(*rows, strict=True)]
        yield show(encode_rows(cells, encode_cell).decode().removesuffix("\n"))


def _on_terminal(text: str) -> str:
    return "\n".join(map(escaped, text.split("\n")))


def _as_json_lines(answer: QueryResult, _: list[AskedDataset], __: int | None) -> Iterator[str]:
    return map(_as_json_text, _objects(answer))


def _as_json(answer: QueryResult, asked: list[AskedDataset], _: int | None) -> Iterator[str]:
    """One object, of which the rows are written as they come."""
    head = msgspec.json.encode(SqlAnswer(asked, answer.columns, [])).decode()
    yield escaped_json(head.removesuffix("]}"))
    yield from _separated(map(_as_json_text, _objects(answer)))
    yield "]}"


def _separated(lines: Iterable[str]) -> Iterator[str]:
    comma = ""
    for line in lines:
        yield f"{comma}{line}"
        comma = ","


def _objects(answer: QueryResult) -> Iterator[dict[str, Any]]:
    names = list(answer.columns)
    return (dict(zip(names, row, strict=True)) for rows in answer.rows for row in rows)


def _as_json_text(value: dict[str, Any]) -> str:
    return escaped_json(strict_json.dumps(value))


_FORMATS: Final[dict[str, Callable[[QueryResult, list[AskedDataset], int | None], Iterator[str]]]] = {
    "table": _as_table,
    "csv": _as_csv,
    "json": _as_json,
    "jsonl": _as_json_lines,
}
