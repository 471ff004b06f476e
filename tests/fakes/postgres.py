"""A PostgreSQL server for the tests that need one, and what stands in a table of it."""

from __future__ import annotations

import functools
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from de_classes.pipelines.postgres import PostgresAddress, PostgresLoader
from tests.fakes.running import RUNNING
from tools.postgres.server import FORGETFUL, Server

if TYPE_CHECKING:
    from collections.abc import Sequence


@functools.cache
def running_server() -> Server:
    """Started once a process, by the first test that wants it."""
    return RUNNING.enter_context(Server(FORGETFUL))


class Schema:
    """A schema of its own for a test.

    Args:
        server: Where.
        database: In which database, if not the one that every server has.
    """

    def __init__(self, server: Server, *, database: str | None = None) -> None:
        url = server.url if database is None else server.url.rpartition("/")[0] + f"/{database}"
        self.server = server
        self.name = f"s{uuid.uuid4().hex}"
        self.url = f"{url}/{self.name}?sslmode=disable"

    def by(self, port: int) -> str:
        """The address by a port that leads to the server's."""
        return self.url.replace(f":{self.server.port}/", f":{port}/")

    def loader(self, table: str = "orders", *, port: int | None = None, **options: Any) -> PostgresLoader:
        """A loader that logs in by the server's password."""
        password = self.server.password
        address = PostgresAddress.parse(self.by(port or self.server.port))
        return PostgresLoader(address, table, password=lambda _: password, **options)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection beside the loader's, which finds tables of this schema by their names."""
        options = {**PostgresAddress.parse(self.url).options, "options": f"-c search_path={self.name}"}
        return psycopg.connect(**options, password=self.server.password, autocommit=True)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query that a test wrote."""
        with self.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def do(self, statement: str) -> None:
        """Carry out a statement that a test wrote."""
        with self.connect() as connection:
            connection.execute(statement.encode())

    def rows(self, table: str = "orders", *, by: str = "id") -> list[dict[str, Any]]:
        """All rows, in the order of a column."""
        query = sql.SQL("SELECT * FROM {} ORDER BY {}").format(
            sql.Identifier(self.name, table), sql.Identifier(by)
        )
        with self.connect() as connection:
            found = connection.execute(query)
            names = [column.name for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found]

    def ids(self, table: str = "orders") -> list[int]:
        """The ids, as often as they are there."""
        return [row["id"] for row in self.rows(table)]

    def types(self, table: str = "orders") -> dict[str, str]:
        """The types of a table's columns."""
        with self.connect() as connection:
            found = connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
                (self.name, table),
            )
            return dict(found.fetchall())

    def relations(self) -> set[str]:
        """What tables there are."""
        with self.connect() as connection:
            found = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (self.name,)
            )
            return {name for (name,) in found}


def without_nulls(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as an API gives them that leaves out what it has not."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows]
