"""Which table of which database: names as Glue and Athena both take them."""

from __future__ import annotations

import re
from typing import Final

from de_classes.errors import InvalidInputError
from de_classes.utils.values import Value

SCHEME: Final = "glue://"
ADDRESS: Final = "glue://DATABASE[/TABLE]"
MAX_NAME: Final = 255
_DATABASE: Final = re.compile(rf"[a-z0-9_][a-z0-9_-]{{0,{MAX_NAME - 1}}}")
_TABLE: Final = re.compile(rf"[a-z0-9_]{{1,{MAX_NAME}}}")
_NOT_OF_A_TABLE: Final = re.compile(r"[^a-z0-9_]+")


class GlueAddress(Value):
    """A table of a database of the Glue catalog.

    Example:
        >>> str(GlueAddress.parse("glue://shop", dataset="raw/Daily Orders"))
        'shop.daily_orders'

    Attributes:
        database: The database, which has to be there.
        table: The table, made if it is not there.
    """

    database: str
    table: str

    @classmethod
    def parse(cls, text: str, *, table: str | None = None, dataset: str = "") -> GlueAddress:
        """Understand an address.

        Args:
            text: ``glue://DATABASE``, or with ``/TABLE``.
            table: The table, if the address names none.
            dataset: What the table is called by if nobody names it: the last name of this key.

        Raises:
            InvalidInputError: It is none, or Glue has no such names.
        """
        database, _, named = text.removeprefix(SCHEME).removesuffix("/").partition("/")
        if not text.startswith(SCHEME) or "/" in named:
            raise InvalidInputError(f"what is named is no table of Glue: give {ADDRESS}")
        if named and table and named != table:
            raise InvalidInputError(f"the address names the table {named!r}, and --table {table!r}: give one")
        return cls.of(database, named or table or table_name(dataset))

    @classmethod
    def of(cls, database: str, table: str) -> GlueAddress:
        """A table by its names.

        Raises:
            InvalidInputError: Glue has no such names. It would fold upper case without a word.
        """
        if not _DATABASE.fullmatch(database):
            raise InvalidInputError(
                f"{database!r} cannot be a database of Glue: give lower-case letters, digits, hyphens and "
                f"underscores, as in {ADDRESS}"
            )
        if not _TABLE.fullmatch(table):
            raise InvalidInputError(
                f"{table!r} cannot be a table that Athena reads: give lower-case letters, digits and "
                f"underscores, as in {ADDRESS}"
            )
        return cls(database, table)

    def __str__(self) -> str:
        return f"{self.database}.{self.table}"


def table_name(dataset: str) -> str:
    """What the table of a dataset is called by itself: ``daily_orders`` for ``raw/Daily-Orders``."""
    last = dataset.rstrip("/").rpartition("/")[2].lower()
    return _NOT_OF_A_TABLE.sub("_", last)[:MAX_NAME]
