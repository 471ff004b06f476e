"""One table, and two beside it in which stands what was loaded: all SQL that is there.

    _de_classes_tables    a row a table: which commit of which dataset it holds, or is being given
    _de_classes_parts     a row a part that is in a table, written by the transaction that copied it

Whoever loads a part holds the table's row (FOR SHARE), and whoever begins or ends a commit takes it for
itself, so a commit that was overtaken adds nothing more. Of many who load one part the primary key lets one
through; the others wait for it, and find it done.

A commit whose parts are those of the table and more is copied into the table. One that replaces them is
copied into a table beside it, ``_de_classes_next_...``, and put into its place by one transaction at the end:
readers see the one or the other, whole, and nobody waits.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

from msgspec import structs
from psycopg import sql

from de_classes.errors import InvalidInputError, MalformedDataError, ObjectExistsError
from de_classes.pipelines.postgres.columns import BIGINT, Change, Column, check_name, unified
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    import psycopg

    from de_classes.pipelines.postgres.connection import Connection

    Cursor: TypeAlias = "psycopg.Cursor[tuple[Any, ...]]"

TABLES: Final = "_de_classes_tables"
PARTS: Final = "_de_classes_parts"
_NEXT: Final = "_de_classes_next_"
_STAGED: Final = sql.Identifier("pg_temp", "de_classes_staged")

_BOOKS: Final[tuple[LiteralString, ...]] = (
    """
    CREATE TABLE IF NOT EXISTS {tables} (
        table_name text PRIMARY KEY,
        dataset text NOT NULL,
        generation bigint NOT NULL,
        run_id text NOT NULL,
        status text NOT NULL,
        key_fields text[] NOT NULL,
        next_table text,
        loaded_at timestamptz
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS {parts} (
        table_name text NOT NULL,
        part text NOT NULL,
        run_id text NOT NULL,
        generation bigint NOT NULL,
        records bigint NOT NULL,
        loaded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (table_name, part)
    )
    """,
)


class Commit(Value):
    """What is loaded: a commit of a dataset.

    Attributes:
        dataset: The dataset's address.
        generation: Of the commit.
        run_id: The run that made it.
        status: complete or partial.
        key_fields: The fields by which records are put in place of those that are there; none if the table is
            to hold what the commit holds and nothing else.
        parts: What its parts are told apart by.
    """

    dataset: str
    generation: int
    run_id: str
    status: str
    key_fields: tuple[str, ...]
    parts: tuple[str, ...]


class _State(NamedTuple):
    dataset: str
    generation: int
    run_id: str
    key_fields: list[str]
    next_table: str | None
    is_loaded: bool


class Target(Value):
    """Where parts of a commit go.

    Attributes:
        table: The table itself, or the one beside it.
        columns: What is copied, in this order.
        is_done: Whether all of the commit is there already.
    """

    table: str
    columns: tuple[Column, ...]
    is_done: bool = False


class PartRows(Value):
    """A part of a commit.

    Attributes:
        name: What it is told apart by.
        records: How many there are, as the manifest says.
        rows: Reads it, from its beginning each time: whole rows of COPY's text.
    """

    name: str
    records: int
    rows: Callable[[], Iterable[bytes]]


class Table:
    """A table of a schema, and what is written down of it.

    Args:
        schema: The schema's name; made if there is none.
        name: The table's; made if there is none.

    Raises:
        UnsupportedValueError: PostgreSQL cannot have such a name.
    """

    def __init__(self, schema: str, name: str) -> None:
        self._schema = check_name("schema", schema)
        self.name = check_name("table", name)
        self._next = f"{_NEXT}{hashlib.sha256(name.encode()).hexdigest()[:16]}"

    def generation(self, connection: Connection) -> int:
        """Which commit is there, or is being loaded; 0 if none is."""
        with connection.transaction():
            self._lock(connection)
            state = self._state(connection)
        return state.generation if state else 0

    def prepare(self, connection: Connection, commit: Commit, columns: Sequence[Column]) -> Target:
        """Make the table fit to take a commit, and say where its parts go; done again without harm.

        Raises:
            ObjectExistsError: A later commit is there.
            InvalidInputError: The table holds something else.
            UnsupportedValueError: A column cannot be widened without loss.
        """
        with connection.transaction():
            self._lock(connection)
            state = self._state(connection)
            self._check(connection, state, commit)
            if state and not self._exists(connection, self.name):
                self._forget(connection)  # somebody has dropped it, and wants it back
                state = None
            if state and _is(state, commit) and state.is_loaded:
                return Target(self.name, (), is_done=True)
            beside = None if self._goes_on(connection, commit) else self._next
            if not (state and _is(state, commit) and state.next_table == beside):
                self._drop_next(connection)
            table = beside or self.name
            fitted = self._fit(connection, table, columns, commit.key_fields)
            self._begin(connection, commit, beside)
        return Target(table, tuple(fitted))

    def copy_part(
        self,
        connection: Connection,
        commit: Commit,
        target: Target,
        part: PartRows,
    ) -> bool:
        """Copy one part and write down that it is there, by one transaction; whether that was left to do.

        Raises:
            ObjectExistsError: The commit was overtaken.
            MalformedDataError: There are not as many rows as the manifest says.
        """
        with connection.transaction():
            if not self._is_current(connection, commit, target):
                return False
            told = self._run(
                connection,
                "INSERT INTO {parts} (table_name, part, run_id, generation, records) "
                "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING 1",
                (target.table, part.name, commit.run_id, commit.generation, part.records),
            ).fetchone()
            if told is None:
                return False
            copied = (
                self._upsert(connection, commit, target, part)
                if commit.key_fields
                else self._copy(connection, sql.Identifier(self._schema, target.table), target.columns, part)
            )
            if copied != part.records:
                raise MalformedDataError(
                    f"{part.name}: {copied} records, where the manifest says {part.records}: verify the run"
                )
        return True

    def finish(self, connection: Connection, commit: Commit, target: Target) -> None:
        """Say that all parts are there, and put a table that was beside into its place.

        Raises:
            ObjectExistsError: The commit was overtaken.
            MalformedDataError: A part is not there.
        """
        with connection.transaction():
            self._lock(connection)
            if self._is_current(connection, commit, target):
                self._check_parts(connection, commit, target)
                if target.table != self.name:
                    self._replace(connection, target)
                self._run(
                    connection,
                    "UPDATE {tables} SET next_table = NULL, loaded_at = now() WHERE table_name = %s",
                    (self.name,),
                )

    # What is written down.

    def _lock(self, connection: Connection) -> None:
        """Be the only one in this schema who makes tables or changes them, to the transaction's end."""
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"de-classes {self._schema}",)
        )
        if connection.execute("SELECT to_regnamespace(quote_ident(%s))", (self._schema,)).fetchone() == (
            None,
        ):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._schema)))
        if not (self._exists(connection, TABLES) and self._exists(connection, PARTS)):
            for table in _BOOKS:
                self._run(connection, table)

    def _state(self, connection: Connection) -> _State | None:
        found = self._run(
            connection,
            "SELECT dataset, generation, run_id, key_fields, next_table, loaded_at IS NOT NULL FROM {tables} "
            "WHERE table_name = %s FOR UPDATE",
            (self.name,),
        ).fetchone()
        return _State(*found) if found else None

    def _check(self, connection: Connection, state: _State | None, commit: Commit) -> None:
        if state is None:
            if not commit.key_fields and self._has_rows(connection):
                raise InvalidInputError(
                    f"table {self.name!r} has rows that no load has written, and would lose them: name "
                    "another by --table, or give --key-field, which leaves them"
                )
            return
        if state.dataset != commit.dataset:
            raise InvalidInputError(
                f"table {self.name!r} holds dataset {state.dataset}, not {commit.dataset}: "
                "name another by --table"
            )
        if tuple(state.key_fields) != commit.key_fields:
            raise InvalidInputError(
                f"table {self.name!r} was loaded by the key fields {state.key_fields}, and these are "
                f"{[*commit.key_fields]}: give the same by --key-field, or name another table by --table"
            )
        if state.generation > commit.generation:
            raise self._overtaken(commit, state)
        if state.generation == commit.generation and state.run_id != commit.run_id:
            raise InvalidInputError(
                f"table {self.name!r} holds generation {state.generation} of run {state.run_id!r}, and the "
                f"dataset has another of run {commit.run_id!r}: it was made anew, so name another by --table"
            )

    def _overtaken(self, commit: Commit, state: _State | None) -> ObjectExistsError:
        by = (
            f"generation {state.generation} of run {state.run_id!r} is there by now"
            if state
            else "it was dropped"
        )
        return ObjectExistsError(
            f"generation {commit.generation} of {commit.dataset} goes no further into table {self.name!r}: "
            f"{by}; load the latest"
        )

    def _goes_on(self, connection: Connection, commit: Commit) -> bool:
        """Whether all that is in the table is the commit's, or stays there whatever comes."""
        if commit.key_fields:
            return True
        there = self._run(connection, "SELECT part FROM {parts} WHERE table_name = %s", (self.name,))
        return {part for (part,) in there} <= {*commit.parts}

    def _begin(self, connection: Connection, commit: Commit, beside: str | None) -> None:
        self._run(
            connection,
            "INSERT INTO {tables} (table_name, dataset, generation, run_id, status, key_fields, next_table) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (table_name) DO UPDATE SET "
            "dataset = EXCLUDED.dataset, generation = EXCLUDED.generation, "
            "run_id = EXCLUDED.run_id, status = EXCLUDED.status, "
            "key_fields = EXCLUDED.key_fields, next_table = EXCLUDED.next_table, loaded_at = NULL",
            (
                *(self.name, commit.dataset, commit.generation, commit.run_id, commit.status),
                *([*commit.key_fields], beside),
            ),
        )

    def _is_current(self, connection: Connection, commit: Commit, target: Target) -> bool:
        """Whether the commit is the one being loaded, to the transaction's end; False if it is loaded.

        Raises:
            ObjectExistsError: It was overtaken.
        """
        found = self._run(
            connection,
            "SELECT dataset, generation, run_id, key_fields, next_table, loaded_at IS NOT NULL FROM {tables} "
            "WHERE table_name = %s FOR SHARE",
            (self.name,),
        ).fetchone()
        state = _State(*found) if found else None
        if state is None or not _is(state, commit):
            raise self._overtaken(commit, state)
        if state.is_loaded:
            return False
        if (state.next_table or self.name) != target.table:
            raise self._overtaken(commit, state)
        return True

    def _check_parts(self, connection: Connection, commit: Commit, target: Target) -> None:
        there = self._run(connection, "SELECT part FROM {parts} WHERE table_name = %s", (target.table,))
        if missing := {*commit.parts} - {part for (part,) in there}:
            raise MalformedDataError(
                f"{len(missing)} parts are not in table {self.name!r}, such as {min(missing)}"
            )

    # Tables and their columns.

    def _fit(
        self, connection: Connection, table: str, columns: Sequence[Column], key_fields: Sequence[str]
    ) -> list[Column]:
        """Make a table, or give one that is there what it lacks; the columns as they are then."""
        if not self._exists(connection, table):
            self._create(connection, table, columns, key_fields)
            return list(columns)
        present = self._types(connection, table)
        new = [column for column in columns if column.name not in present]
        self._alter(connection, table, (_definition("ADD COLUMN {} {}", each) for each in new))
        kept = {
            column.name: self._unified(connection, table, column, present[column.name])
            for column in columns
            if column.name in present
        }
        changes = [each for each in kept.values() if isinstance(each, Change)]
        self._alter(connection, table, map(_type_change, changes))
        found = (kept.get(column.name, column) for column in columns)
        return [structs.replace(column, type=each.type) for column, each in zip(columns, found, strict=True)]

    def _create(
        self, connection: Connection, table: str, columns: Sequence[Column], key_fields: Sequence[str]
    ) -> None:
        lines = [_definition("{} {}", column) for column in columns]
        if key_fields:
            lines.append(sql.SQL("PRIMARY KEY ({})").format(_names(key_fields)))
        connection.execute(
            sql.SQL("CREATE TABLE {} ({})").format(
                sql.Identifier(self._schema, table), sql.SQL(", ").join(lines)
            )
        )

    def _alter(self, connection: Connection, table: str, changes: Iterable[sql.Composable]) -> None:
        if lines := list(changes):
            connection.execute(
                sql.SQL("ALTER TABLE {} {}").format(
                    sql.Identifier(self._schema, table), sql.SQL(", ").join(lines)
                )
            )

    def _unified(self, connection: Connection, table: str, column: Column, present: str) -> Column | Change:
        if present == column.type:
            return column
        name = sql.Identifier(column.name)
        beyond = sql.SQL("{0} NOT BETWEEN -9007199254740992 AND 9007199254740992").format(name)
        is_integer = present == BIGINT
        is_empty = not self._any(connection, table, sql.SQL("{} IS NOT NULL").format(name))
        is_exact = is_integer and not self._any(connection, table, beyond)
        return unified(column, present, is_empty=is_empty, is_exact_in_double=is_exact)

    def _any(self, connection: Connection, table: str, condition: sql.Composable) -> bool:
        asked = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} WHERE {})")
        found = connection.execute(asked.format(sql.Identifier(self._schema, table), condition)).fetchone()
        return found == (True,)

    def _has_rows(self, connection: Connection) -> bool:
        return self._exists(connection, self.name) and self._any(connection, self.name, sql.SQL("true"))

    def _exists(self, connection: Connection, table: str) -> bool:
        found = connection.execute(
            "SELECT to_regclass(quote_ident(%s) || '.' || quote_ident(%s)) IS NOT NULL", (self._schema, table)
        )
        return found.fetchone() == (True,)

    def _types(self, connection: Connection, table: str) -> dict[str, str]:
        """The types of a table's columns."""
        found = connection.execute(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped "
            "ORDER BY a.attnum",
            (self._schema, table),
        )
        return dict(found.fetchall())

    def _forget(self, connection: Connection) -> None:
        self._run(connection, "DELETE FROM {tables} WHERE table_name = %s", (self.name,))
        self._run(connection, "DELETE FROM {parts} WHERE table_name = %s", (self.name,))

    def _drop_next(self, connection: Connection) -> None:
        self._run(connection, "DROP TABLE IF EXISTS {table}", table=self._next)
        self._run(connection, "DELETE FROM {parts} WHERE table_name = %s", (self._next,))

    def _replace(self, connection: Connection, target: Target) -> None:
        """Put the rows of the table beside into the table, and it away: views and rights stay as they are."""
        self._run(connection, "DELETE FROM {table}")
        columns = [Column(name, kind) for name, kind in self._types(connection, target.table).items()]
        self._fit(connection, self.name, columns, ())
        connection.execute(
            sql.SQL("INSERT INTO {} ({names}) SELECT {names} FROM {}").format(
                sql.Identifier(self._schema, self.name),
                sql.Identifier(self._schema, target.table),
                names=_names(column.name for column in columns),
            )
        )
        self._run(connection, "DELETE FROM {parts} WHERE table_name = %s", (self.name,))
        self._run(
            connection, "UPDATE {parts} SET table_name = %s WHERE table_name = %s", (self.name, target.table)
        )
        self._run(connection, "DROP TABLE {table}", table=target.table)

    # Rows.

    def _copy(
        self,
        connection: Connection,
        table: sql.Composable,
        columns: Sequence[Column],
        part: PartRows,
    ) -> int:
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
            table, _names(each.name for each in columns)
        )
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for piece in part.rows():
                    copy.write(piece)
            return cursor.rowcount

    def _upsert(self, connection: Connection, commit: Commit, target: Target, part: PartRows) -> int:
        """Copy into a table of this transaction, and from there in place of the records with the same key.

        Of those that share a key within the part the last one counts.
        """
        definitions = sql.SQL(", ").join(_definition("{} {}", column) for column in target.columns)
        connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(
                sql.Identifier("de_classes_staged"), definitions
            )
        )
        copied = self._copy(connection, _STAGED, target.columns, part)
        others = [column.name for column in target.columns if column.name not in commit.key_fields]
        change: sql.Composable = sql.SQL("NOTHING")
        if others:
            one = sql.SQL("{0} = EXCLUDED.{0}")
            change = sql.SQL("UPDATE SET {}").format(
                sql.SQL(", ").join(one.format(sql.Identifier(each)) for each in others)
            )
        connection.execute(
            sql.SQL(
                "INSERT INTO {table} ({names}) SELECT DISTINCT ON ({keys}) {names} FROM {staged} "
                "ORDER BY {keys}, ctid DESC ON CONFLICT ({keys}) DO {change}"
            ).format(
                table=sql.Identifier(self._schema, target.table),
                names=_names(column.name for column in target.columns),
                keys=_names(commit.key_fields),
                staged=_STAGED,
                change=change,
            )
        )
        return copied

    def _run(
        self,
        connection: Connection,
        text: LiteralString,
        values: Sequence[Any] = (),
        *,
        table: str | None = None,
    ) -> Cursor:
        """Carry out a statement about what is written down, or about a table as a whole."""
        names = {"tables": TABLES, "parts": PARTS, "table": table or self.name}
        return connection.execute(
            sql.SQL(text).format(**{key: _doubled(self._schema, name) for key, name in names.items()}), values
        )


def _is(state: _State, commit: Commit) -> bool:
    return (state.dataset, state.generation, state.run_id, tuple(state.key_fields)) == (
        commit.dataset,
        commit.generation,
        commit.run_id,
        commit.key_fields,
    )


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _definition(text: LiteralString, column: Column) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(column.name), _type(column.type))


def _type(name: str) -> sql.SQL:
    """A type as it is written: it is one of ``columns``, or as PostgreSQL itself spells it."""
    return sql.SQL(name)


def _type_change(change: Change) -> sql.Composed:
    name = sql.Identifier(change.name)
    using = sql.SQL(change.using).format(column=name) if change.using else sql.NULL
    return sql.SQL("ALTER COLUMN {} TYPE {} USING {}").format(name, _type(change.type), using)


def _doubled(schema: str, name: str) -> sql.SQL:
    """A table's name in a statement with values, in which a single % is a value's place."""
    return sql.SQL(sql.Identifier(schema, name).as_string().replace("%", "%%"))
