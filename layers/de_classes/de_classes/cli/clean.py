"""``clean``: what runs left behind, listed or deleted."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from de_classes.cli.destination import Place, open_destination
from de_classes.errors import ConfigurationError, DeClassesError, InvalidInputError
from de_classes.redaction import printable
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets.lake import Lake
from de_classes.storage.datasets.leftovers import GRACE, find_leftovers, remove_leftovers
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

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
        raise InvalidInputError("--older-than is a number of days, 0 or more, or such as 12h")
    if args.keep is not None and args.keep < 1:
        raise InvalidInputError("--keep is 1 or more: the latest commit always stays")
    if args.grace is not None and not args.grace >= 0:
        raise InvalidInputError("--grace is a number of days, 0 or more, or such as 12h")
    place, runs_in = _place(args)
    among: dict[str, Any] = {
        "older_than": args.older_than * _SECONDS_A_DAY,
        "superseded": args.superseded,
        "keep": args.keep,
        "grace": GRACE if args.grace is None else args.grace * _SECONDS_A_DAY,
        "runs_in": runs_in,
    }
    where = (place.store, place.bucket, f"{place.prefix}/" if place.prefix else "")
    leftovers = (
        remove_leftovers(*where, **among, clock=clock)
        if args.delete
        else find_leftovers(*where, **among, now=clock.now())
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


def _place(args: argparse.Namespace) -> tuple[Place, list[str]]:
    """Where to look, and where else the progress of its runs may lie, if that is a dataset itself."""
    logger = logging.getLogger("de_classes.clean")
    place = open_destination(args.where, logger, endpoint_url=args.endpoint_url, create=False)
    if not Lake(place.store, place.bucket, place.prefix).is_dataset():
        return place, []
    if isinstance(place.store, LocalClient):
        place = _from_its_lake(place.store.directory(place.bucket), logger)
    *above, _ = place.prefix.split("/")
    folders = ("".join(f"{name}/" for name in above[:depth]) for depth in range(len(above) + 1))
    return place, [f"{folder}_runs/" for folder in folders]


def _from_its_lake(dataset: Path, logger: logging.Logger) -> Place:
    """The same directory, seen from the one that its runs were given: their receipts name it from there."""
    lake = dataset.parent
    for receipt in dataset.glob("_receipt-*.json"):
        with suppress(OSError, msgspec.MsgspecError, IndexError):
            key = msgspec.json.decode(receipt.read_bytes(), type=_Named).key
            lake = dataset.parents[key.count("/") - 1]
            break
    prefix = dataset.relative_to(lake).as_posix()
    return Place(LocalClient(lake.parent, logger), lake.name, prefix, is_local=True)


class _Named(msgspec.Struct):
    """What is needed of a receipt.

    Attributes:
        key: Of its manifest.
    """

    key: str
