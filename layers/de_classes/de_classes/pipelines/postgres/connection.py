"""Connections, and PostgreSQL's errors as ours: with the column and the row, and without the value."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import psycopg

from de_classes.errors import (
    AuthenticationError,
    InvalidInputError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
    UnsupportedValueError,
)
from de_classes.redaction import redact

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import TypeAlias

    from de_classes.errors import DeClassesError
    from de_classes.pipelines.postgres.address import PasswordSource, PostgresAddress
    from de_classes.utils.clock import Clock

T = TypeVar("T")
Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

_WAITS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further try: a server that is started again takes less than all of them."""

_PATIENCE: Final = {"connect_timeout": "10", "application_name": "de-classes"}
_KEPT_ALIVE: Final = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
# A commit that is told is on the server's disk, whatever it does for others; times without a zone are UTC.
# Said when it is there, and not as it is begun: what pools connections takes no options.
_SESSION: Final = "SET synchronous_commit = on; SET TimeZone = 'UTC'; SET DateStyle = 'ISO'"
_REFUSED_LOGIN: Final = re.compile(
    "authentication failed|no password supplied|pg_hba.conf|role .* does not exist"
)
_NO_SUCH_DATABASE: Final = re.compile("database .* does not exist")
_NOT_SECURE: Final = re.compile("SSL|certificate")
_PLACE: Final = re.compile(
    r"^COPY .*?, line (?P<row>\d+)(?:, column (?P<column>.*?)(?:: (?:\"|null)|$)|$|:)", re.MULTILINE
)
_GONE: Final = ("08", "57P0", "53300", "40", "55P03", "58")
"""SQLSTATEs of what may be otherwise soon: no connection, a server that goes or comes, no place for more."""

_MENDS: Final = (
    ("42501", PermissionDeniedError, "the role may not do this: grant it what docs/postgresql.md lists"),
    (
        "531",
        StorageError,
        "the server has no space left; what was committed stays, and the load goes on from there",
    ),
    ("22021", UnsupportedValueError, r"text with a NUL character (\u0000), which PostgreSQL cannot hold"),
    ("22P05", UnsupportedValueError, r"text with a NUL character (\u0000), which PostgreSQL cannot hold"),
    (
        "22",
        UnsupportedValueError,
        "a value that is none of the column's type: name another by --type COLUMN=TYPE",
    ),
    (
        "23502",
        UnsupportedValueError,
        "a null where the table takes none: a key field must have a value in every record",
    ),
    (
        "42P10",
        InvalidInputError,
        "the table has no unique index over just the key fields: create one, or name a new table",
    ),
    (
        "42701",
        InvalidInputError,
        "a column has the name of one of PostgreSQL's own, such as ctid or xmin: rename it",
    ),
    (
        "54",
        UnsupportedValueError,
        "more than PostgreSQL can hold in a row, a column or an index: select less of it",
    ),
)


def connect(address: PostgresAddress, password: PasswordSource | None = None) -> Connection:
    """Connect, by a password that is asked for anew, or by what libpq finds; statements commit themselves.

    Raises:
        AuthenticationError: The password was refused, or there is none.
        StorageUnavailableError: Nobody answers.
    """
    secret = password(address) if password else None
    if secret:
        redact(secret)
    options: dict[str, Any] = {**_PATIENCE, **_KEPT_ALIVE, **address.options}
    try:
        connection = psycopg.connect(**options, password=secret, autocommit=True)
    except psycopg.OperationalError as error:
        raise _connection_error(address, error) from error
    try:
        connection.execute(_SESSION)
    except BaseException:
        connection.close()
        raise
    return connection


class Reconnecting:
    """A connection that is made again where it was lost, as a context manager.

    Args:
        address: Where to.
        password: Asked for each connection; by default libpq looks for one.
        logger: Told of connections that were lost.
        clock: Waits before a connection is made again.
    """

    def __init__(
        self,
        address: PostgresAddress,
        password: PasswordSource | None,
        *,
        logger: logging.Logger,
        clock: Clock,
    ) -> None:
        self._address = address
        self._password = password
        self._logger = logger
        self._clock = clock
        self._connection: Connection | None = None

    def run(self, what: str, step: Callable[[Connection], T]) -> T:
        """Carry out a step; from its beginning again where the connection is lost or the server is busy.

        Args:
            what: What is being done, which begins the messages.
            step: One transaction, of which it can be told when it is begun again whether it was committed.

        Raises:
            StorageUnavailableError: It was in vain, several times running.
            DeClassesError: As ``errors_from_psycopg`` has it.
        """
        for wait in (*_WAITS, None):
            try:
                with errors_from_psycopg(what):
                    return step(self._connected())
            except StorageUnavailableError as error:
                self._close()
                if wait is None or not isinstance(error.__cause__, psycopg.Error):
                    raise
                self._logger.warning("%s; again in %s s", error, wait)
                self._clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._address, self._password)
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()


@contextmanager
def errors_from_psycopg(what: str) -> Iterator[None]:
    """Make ours of PostgreSQL's errors.

    Args:
        what: What was being done, which begins the message.

    Raises:
        StorageUnavailableError: Doing it again soon may help: the connection is lost, or the server is busy.
        UnsupportedValueError: A value that the table cannot hold; row and column are named if they are known.
        PermissionDeniedError: The role may not.
        StorageError: Anything else that the server refuses.
    """
    try:
        yield
    except psycopg.Error as error:
        raise _translated(what, error) from error


def row_of(error: BaseException | None) -> int | None:
    """The row at which COPY stopped, from 1, if it was one row's fault."""
    place = _PLACE.search((error.diag.context or "") if isinstance(error, psycopg.Error) else "")
    return int(place["row"]) if place else None


def _translated(what: str, error: psycopg.Error) -> DeClassesError:
    state = error.sqlstate or ""
    if state.startswith(_GONE) or (not state and isinstance(error, psycopg.OperationalError)):
        return StorageUnavailableError(
            f"{what}: the connection was lost, or the server is busy: {_said(error)}"
        )
    for beginning, kind, mend in _MENDS:
        if state.startswith(beginning):
            # A row that is too large is found when others have been read behind it.
            place = "" if kind is UnsupportedValueError and beginning == "54" else _place(error)
            return kind(f"{what}{place}: {mend} ({_said(error)})")
    return StorageError(f"{what}{_place(error)}: {_said(error)}")


def _place(error: psycopg.Error) -> str:
    place = _PLACE.search(error.diag.context or "")
    column = (place and place["column"]) or error.diag.column_name
    return (f", row {place['row']}" if place else "") + (f", column {column!r}" if column else "")


def _said(error: psycopg.Error) -> str:
    """What the server says, unless a value is in it, as in what class 22 says."""
    state = error.sqlstate or ""
    if state.startswith(("22", "23")):
        return f"SQLSTATE {state}"
    return (
        f"{error.diag.message_primary or str(error).partition(chr(10))[0]}{state and f', SQLSTATE {state}'}"
    )


def _connection_error(address: PostgresAddress, error: psycopg.OperationalError) -> DeClassesError:
    said = str(error).partition("\n")[0]
    if _REFUSED_LOGIN.search(said):
        return AuthenticationError(
            f"{address} lets nobody in by these credentials: mend the file that PGPASSFILE names, the "
            f"service's, or what --password-file or --password-secret names ({said})"
        )
    if _NO_SUCH_DATABASE.search(said):
        return InvalidInputError(f"{address}: {said}")
    if _NOT_SECURE.search(said):
        return StorageError(
            f"{address}: TLS by sslmode={address.tls} cannot be had: name the authority by "
            f"?sslrootcert=FILE, or another sslmode ({said})"
        )
    return StorageUnavailableError(f"{address} does not answer: {said}")
