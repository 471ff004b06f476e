"""COPY, and nothing besides: a file of CSV into a table that is there. What no loader can be faster than."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

PIECE_BYTES = 1 << 16


def main(url: str, path: str, table: str) -> None:
    """Copy the file, by one transaction."""
    statement = psycopg.sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(psycopg.sql.Identifier(table))
    with (
        psycopg.connect(url) as connection,
        Path(path).open("rb") as file,
        connection.cursor().copy(statement) as copy,
    ):
        while piece := file.read(PIECE_BYTES):
            copy.write(piece)


if __name__ == "__main__":
    main(*sys.argv[1:])
