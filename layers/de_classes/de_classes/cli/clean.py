"""``clean``: what runs left behind, listed or deleted."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

import msgspec

from de_classes.cli.destination import open_destination
from de_classes.errors import ConfigurationError, DeClassesError, InvalidInputError
from de_classes.redaction import printable
from de_classes.storage.datasets.leftovers import find_leftovers, remove_leftovers
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse

    from de_classes.utils.clock import Clock


class LeftBehind(Value):
    """One object that a run left behind.

    Attributes:
        uri: Where it is, or was.
        bytes: Its size.
    """

    uri: str
    bytes: int


class Cleaning(Value):
    """What ``clean --json`` prints.

    Attributes:
        deleted: Whether they were deleted, or are only listed.
        objects: What was left behind.
        bytes: Of all of them.
    """

    deleted: bool
    objects: list[LeftBehind]
    bytes: int


EXIT_FAILED = 1
EXIT_USAGE = 2
_SECONDS_A_DAY = 86_400


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    clock: Clock | None = None,
) -> int:
    """List what was left behind, and delete it if that is asked for.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: a line an object, and their sum.
        err: In place of stderr: what went wrong.
        clock: Tells how old an object is.

    Returns:
        The exit status: 0 done, 1 the store refuses, 2 a mistake in the command.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        _clean(args, out, clock or SystemClock())
    except ConfigurationError as error:
        err.writelines(f"clean: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"clean: {type(error).__name__}: {error}\n")
        return EXIT_FAILED
    return 0


def _clean(args: argparse.Namespace, out: TextIO, clock: Clock) -> None:
    if not args.older_than >= 0:
        raise InvalidInputError("--older-than is a number of days, 0 or more")
    place = open_destination(
        args.where, logging.getLogger("de_classes.clean"), endpoint_url=args.endpoint_url, create=False
    )
    prefix, older_than = f"{place.prefix}/" if place.prefix else "", args.older_than * _SECONDS_A_DAY
    leftovers = (
        remove_leftovers(
            place.store,
            place.bucket,
            prefix,
            older_than=older_than,
            clock=clock,
            superseded=args.superseded,
        )
        if args.delete
        else find_leftovers(
            place.store,
            place.bucket,
            prefix,
            older_than=older_than,
            now=clock.now(),
            superseded=args.superseded,
        )
    )
    if args.json:
        objects = [LeftBehind(found.uri, found.size) for found in leftovers]
        report = Cleaning(args.delete, objects, sum(each.bytes for each in objects))
        out.write(f"{msgspec.json.encode(report).decode()}\n")
        return
    count = size = 0
    for found in leftovers:
        state = "deleted" if args.delete else "left behind"
        out.write(f"{state}: {printable(found.uri)}, {found.size} bytes\n")
        count, size = count + 1, size + found.size
    advice = "" if args.delete or not count else "; --delete removes them"
    out.write(f"{count} objects, {size} bytes{advice}\n")
