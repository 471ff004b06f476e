"""``load``: a commit of a dataset into a table of PostgreSQL, or shown as a table of Glue."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from de_classes.cli.show import place_of
from de_classes.configs.secret_file import read_secret_lines
from de_classes.errors import ConfigurationError, DeClassesError, InvalidInputError
from de_classes.pipelines.glue.address import ADDRESS as GLUE_ADDRESS
from de_classes.pipelines.glue.address import SCHEME as GLUE
from de_classes.pipelines.glue.address import GlueAddress
from de_classes.pipelines.postgres.address import ADDRESS as POSTGRES_ADDRESS
from de_classes.pipelines.postgres.address import SCHEME as POSTGRES
from de_classes.pipelines.postgres.address import PostgresAddress, iam_token, secret_password
from de_classes.redaction import printable

if TYPE_CHECKING:
    import argparse

    from de_classes.pipelines.glue.table import Registered
    from de_classes.pipelines.postgres.address import PasswordSource
    from de_classes.pipelines.postgres.loader import Loaded
    from de_classes.utils.clock import Clock

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_PARTIAL: Final = 3


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    clock: Clock | None = None,
) -> int:
    """Load a commit.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: what was loaded.
        err: In place of stderr: what went wrong.
        clock: Waits before a connection is made again.

    Returns:
        The exit status: 0 loaded, 1 an error, 2 a mistake in the command, 3 loaded, though it is partial.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        loaded, words = _register(args) if args.to.startswith(GLUE) else _load(args, clock)
    except ConfigurationError as error:
        err.writelines(f"load: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"load: {type(error).__name__}: {error}\n")
        return EXIT_FAILED
    out.write(f"{msgspec.json.encode(loaded).decode()}\n" if args.json else words)
    return EXIT_PARTIAL if loaded.status == "partial" else 0


def _register(args: argparse.Namespace) -> tuple[Registered, str]:
    from de_classes.pipelines.glue.table import GlueTable  # noqa: PLC0415 - boto3, for those alone

    place, name = place_of(args.what.rstrip("/"), args.endpoint_url)
    table = GlueTable(GlueAddress.parse(args.to, table=args.table, dataset=name))
    shown = table.register(place.store, place.bucket, place.key(name), allow_partial=args.partial)
    return shown, _shown_in_words(shown)


def _load(args: argparse.Namespace, clock: Clock | None) -> tuple[Loaded, str]:
    if not args.to.startswith((POSTGRES, "postgres://")):
        raise InvalidInputError(f"--to is {POSTGRES_ADDRESS} or {GLUE_ADDRESS}")
    try:
        from de_classes.pipelines.postgres.loader import PostgresLoader  # noqa: PLC0415 - psycopg is an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"load needs {error.name}: pip install 'de-classes[postgres]'") from error
    address = PostgresAddress.parse(args.to)
    types = _types(args.type)
    password = _password(args)
    place, name = place_of(args.what.rstrip("/"), args.endpoint_url)
    loader = PostgresLoader(
        address,
        args.table or name,
        key_fields=args.key_field,
        types=types,
        password=password,
        logger=logging.getLogger("de_classes.load"),
        clock=clock,
    )
    loaded = loader.load_dataset(
        place.store, place.bucket, place.key(name), generation=args.generation, allow_partial=args.partial
    )
    return loaded, _in_words(loaded)


def _types(words: list[str]) -> dict[str, str]:
    """Column to type, as ``--type COLUMN=TYPE`` has them."""
    pairs = [word.rpartition("=") for word in words]
    if not all(column and kind for column, _, kind in pairs):
        raise InvalidInputError("--type is COLUMN=TYPE, such as placed_at=timestamptz")
    return {column: kind for column, _, kind in pairs}


def _password(args: argparse.Namespace) -> PasswordSource | None:
    """Where the password comes from; None if libpq is to look for it."""
    if args.password_file:
        line = read_secret_lines("--password-file", args.password_file)[0]
        return lambda _: line
    if args.password_secret:
        return lambda _: secret_password(args.password_secret)
    return iam_token if args.iam else None


def _commit_in_words(loaded: Loaded | Registered) -> str:
    partial = "" if loaded.status == "complete" else ", which is partial"
    return (
        f"generation {loaded.generation} of run {printable(loaded.run_id)}{partial}: "
        f"{loaded.records} records in {loaded.parts} parts"
    )


def _in_words(loaded: Loaded) -> str:
    new = loaded.parts - loaded.parts_before
    return (
        f"loaded: {_commit_in_words(loaded)}, {new} of them now\n"
        f"table:  {printable(loaded.table)}\n"
        f"tls:    {printable(loaded.tls)}\n"
    )


def _shown_in_words(shown: Registered) -> str:
    left_out = f"empty:  {printable(', '.join(shown.left_out))}\n" if shown.left_out else ""
    return (
        f"shown:  {_commit_in_words(shown)}{'' if shown.is_new else ', as before'}\n"
        f"table:  {printable(shown.table)}\n"
        f"list:   {printable(shown.location)}\n{left_out}"
    )
