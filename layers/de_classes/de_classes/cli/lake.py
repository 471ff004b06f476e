"""``show`` of a place that holds datasets: a line each, or all of it as JSON."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, TextIO

import msgspec
from msgspec import Struct

from de_classes.cli.destination import open_destination
from de_classes.cli.terminal import fitted, width
from de_classes.errors import BucketNotFoundError, InvalidInputError, PermissionDeniedError
from de_classes.redaction import printable
from de_classes.storage.datasets.lake import CataloguedDataset, Lake
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    import argparse

    from de_classes.utils.clock import Clock

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))
_COLUMNS: Final = (
    "dataset",
    "status",
    "generations",
    "runs",
    "records",
    "bytes",
    "committed",
    "evidence",
    "next from",
)
_RIGHT: Final = frozenset({"generations", "runs", "records", "bytes", "committed"})


class Catalogue(Struct, frozen=True):
    """What ``show WHERE --json`` prints.

    Attributes:
        where: The place, as it was named.
        records: In all datasets.
        bytes: Of all that their latest commits list.
        datasets: In the order of their names.
    """

    where: str
    records: int
    bytes: int
    datasets: list[CataloguedDataset]


def show_datasets(args: argparse.Namespace, out: TextIO, *, clock: Clock | None = None) -> bool:
    """Show the datasets of a place.

    Args:
        args: Of ``show``, as ``parsers`` parses them.
        out: Where to.
        clock: Tells how old a commit is.

    Returns:
        Whether there are any; no place of datasets is what is a dataset itself, a file, or not there.

    Raises:
        InvalidInputError: Something was asked for that only a run has, or a dataset.
        StorageError: The store refuses.
    """
    try:
        place = open_destination(
            args.what, logging.getLogger("de_classes.show"), endpoint_url=args.endpoint_url, create=False
        )
        lake = Lake(place.store, place.bucket, place.prefix)
        if lake.is_dataset():
            return False
        found = list(lake.datasets())
    except (BucketNotFoundError, InvalidInputError, PermissionDeniedError):
        return False  # who may not list may still read a receipt, and is told by whoever looks for one
    if not found:
        return False
    if args.html is not None:
        raise InvalidInputError(f"--html: a page is of one run: name a dataset below {args.what}")
    for option, value in (("--generation", args.generation), ("--rows", args.rows)):
        if value is not None:
            raise InvalidInputError(f"{option} is of one dataset: name one below {args.what}")
    whole = Catalogue(
        args.what, sum(each.records for each in found), sum(each.bytes for each in found), found
    )
    if args.json:
        out.write(f"{msgspec.json.encode(whole).decode()}\n")
        return True
    start = len(f"{place.prefix}/") if place.prefix else 0
    now = (clock or SystemClock()).now()
    out.writelines(_table([_cells(each, each.name[start:], now) for each in found]))
    out.writelines(f"unreadable: {printable(each.problem)}\n" for each in found if each.problem)
    out.write(f"{len(found)} datasets, {whole.records} records, {whole.bytes} bytes\n")
    return True


def _cells(each: CataloguedDataset, name: str, now: float) -> list[str]:
    is_known = each.problem is None
    numbers = (len(each.runs), each.records, each.bytes)
    return [
        printable(name),
        each.status,
        str(len(each.generations)),
        *(str(number) if is_known else "" for number in numbers),
        "" if each.committed is None else _age(now - each.committed),
        ", ".join(each.evidence) + (" (!)" if each.warnings else "") if each.evidence else "",
        "" if each.incremental is None else printable(str(each.incremental.to)),
    ]


def _age(seconds: float) -> str:
    """``3 d``, ``5 h``, ``12 min``: in whole units, the largest that there is one of."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


def _table(rows: list[list[str]]) -> list[str]:
    """Lines, each column as wide as its widest cell; those that nobody fills are left out."""
    columns = [[title, *cells] for title, *cells in zip(_COLUMNS, *rows, strict=True) if any(cells)]
    fit = [
        [fitted(cell, max(map(width, cells)), right=cells[0] in _RIGHT) for cell in cells]
        for cells in columns
    ]
    return [f"{'  '.join(line).rstrip()}\n" for line in zip(*fit, strict=True)]
