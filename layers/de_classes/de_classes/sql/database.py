"""DuckDB over commits of datasets, and over nothing else: it opens no file, no socket and no extension."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import duckdb

from de_classes.errors import DataFormatError, InvalidInputError, StorageUnavailableError
from de_classes.sql.names import distinct_names, quoted, sql_schema, sql_type
from de_classes.sql.narrowed import NarrowedDataset
from de_classes.sql.values import converted, converter
from de_classes.storage.datasets.arrow_source import ArrowSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    from de_classes.errors import DeClassesError
    from de_classes.storage.datasets.reader import DatasetReader

_T = TypeVar("_T")
_BATCH_ROWS: Final = 1_000
_HEARD_SECONDS: Final = 0.2
_INTERRUPTED_SECONDS: Final = 0.1  # DuckDB forgets an interruption that comes before it begins
# What cannot be changed once the database is there.
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",  # none is read from the home folder
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # a name means a dataset, and no variable of Python's
}
_SHUT: Final = (
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",  # it would stand on stdout, among the answer
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_MISTAKES: Final = (  # what the question itself is to blame for
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.InvalidInputException,
    duckdb.NotImplementedException,
    duckdb.ParserException,
    duckdb.PermissionException,
    duckdb.SyntaxException,
)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows of an answer, which are reckoned while they are read.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> with SqlDatabase({"orders": DatasetReader(store, "lake", "orders")}) as database:
        ...     database.ask("SELECT max(id) AS last FROM orders").columns
        {'last': 'BIGINT'}

    Attributes:
        columns: Names to types as DuckDB spells them, in order; no name comes twice.
        rows: Lists of rows, each with a JSON value for each column.
    """

    columns: dict[str, str]
    rows: Iterator[list[tuple[Any, ...]]]


class SqlDatabase:
    """Datasets as tables of DuckDB's, each by one commit's manifest.

    A table has the types of the manifest, see ``names``. Parts are read while a question is answered, of
    Parquet only the columns and row groups that it needs; what does not fit into memory DuckDB puts into a
    temporary folder. Each part is compared with its checksum before. One question at a time.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> with SqlDatabase({"orders": DatasetReader(store, "lake", "orders")}) as database:
        ...     print(*database.ask("SELECT count(*) AS orders, max(id) AS last FROM orders").rows)
        [(5, 5)]

    Args:
        tables: What each table is called, and the commit that it holds.

    Raises:
        InvalidInputError: Two tables have the same name, but for case.
    """

    def __init__(self, tables: Mapping[str, DatasetReader]) -> None:
        names = list(tables)
        if names != distinct_names(names):
            raise InvalidInputError(
                f"each dataset needs a name of its own: {', '.join(names)}; see --with NAME=DATASET"
            )
        self._sources: list[ArrowSource] = []
        self._folder = tempfile.TemporaryDirectory(prefix="de-classes-sql-")
        self._thread = ThreadPoolExecutor(1)
        self._is_open = True
        self._tables = ", ".join(map(quoted, names))
        self._connection = duckdb.connect(":memory:", config=_CONFIG)
        folder = self._folder.name.replace("'", "''")
        self._run(f"SET temp_directory = '{folder}'")
        for number, (name, reader) in enumerate(tables.items()):
            self._add(name, reader, f"parts_{number}")
        for statement in _SHUT:
            self._run(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything, and of a question that somebody broke off."""
        if self._is_open:
            self._is_open = False
            self._end(self._thread.submit(lambda: None))  # behind all that is under way
        self._thread.shutdown()
        self._connection.close()
        self._folder.cleanup()

    def ask(self, question: str) -> QueryResult:
        """Answer a question: one statement that reads.

        Raises:
            InvalidInputError: It is none, or names what is not there.
            MalformedDataError: A part is not the one that was committed.
            DataFormatError: A value is none of the type that the question asks for.
            StorageError: A part cannot be read.
            StorageUnavailableError: Memory and disk do not hold what it takes.
        """
        self._check(question)
        self._run(question)
        described = self._connection.description or []
        names = distinct_names(name for name, *_ in described)
        changes = [converter(name, each[1]) for name, each in zip(names, described, strict=True)]

        def rows() -> Iterator[list[tuple[Any, ...]]]:
            while batch := self._interruptible(lambda: self._connection.fetchmany(_BATCH_ROWS)):
                yield converted(batch, changes)

        types = {name: str(each[1]) for name, each in zip(names, described, strict=True)}
        return QueryResult(types, rows())

    def _check(self, question: str) -> None:
        statements = self._interruptible(lambda: self._connection.extract_statements(question))
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise InvalidInputError(
                "ask by one statement that reads: SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW, SUMMARIZE"
            )

    def _add(self, name: str, reader: DatasetReader, source: str) -> None:
        """Make a table: a view with the manifest's types of what Arrow reads."""
        manifest = reader.manifest
        if not manifest.schema.fields:  # records without any field are rows all the same
            table = f"SELECT NULL AS {quoted('nothing')} FROM range({manifest.records})"  # noqa: S608 - a number
        else:
            names = distinct_names(manifest.schema.names)
            schema = sql_schema(manifest.schema)
            columns = [f"column_{number}" for number in range(len(names))]
            self._sources.append(ArrowSource(reader, schema=schema, names=columns))
            self._connection.register(source, NarrowedDataset(self._sources[-1]))
            typed = ", ".join(
                f"CAST({column} AS {sql_type(field.type)}) AS {quoted(each)}"
                for column, field, each in zip(columns, schema.fields, names, strict=True)
            )
            table = f"SELECT {typed} FROM {source} AS parts({', '.join(columns)})"  # noqa: S608 - names are quoted
        self._run(f"CREATE VIEW {quoted(name)} AS {table}")

    def _run(self, statement: str) -> None:
        self._interruptible(lambda: self._connection.execute(statement))

    def _interruptible(self, work: Callable[[], _T]) -> _T:
        """Have DuckDB work beside this thread, which alone hears of Ctrl-C, and make its errors ours."""
        done = self._thread.submit(work)
        try:
            # Not without an end: Ctrl-C is not heard by who is just about to wait.
            while not done.done():
                wait([done], timeout=_HEARD_SECONDS)
            return done.result()
        except duckdb.InterruptException as error:
            raise KeyboardInterrupt from error
        except duckdb.Error as error:
            raise self._translated(error) from error
        except BaseException:
            self._end(done)
            raise

    def _end(self, done: Future[Any]) -> None:
        """Break off what DuckDB is at, until something is done."""
        while not done.done():
            self._connection.interrupt()
            wait([done], timeout=_INTERRUPTED_SECONDS)

    def _translated(self, error: duckdb.Error) -> DeClassesError:
        for source in self._sources:
            if source.failure is not None:
                return source.failure
        said = " ".join(str(error).partition("\n\nLINE ")[0].split())
        if isinstance(error, duckdb.OutOfMemoryException):
            return StorageUnavailableError(
                f"{said}: ask for less at once, or make room in {self._folder.name}"
            )
        if isinstance(error, _MISTAKES):
            return InvalidInputError(f"{said}; the tables are {self._tables}")
        return DataFormatError(said)
