"""``verify``: whether the objects of a run are what its receipt says."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from de_classes.api.receipt import IngestReceipt
from de_classes.cli.destination import open_destination
from de_classes.errors import DeClassesError, InvalidInputError, MalformedDataError
from de_classes.redaction import printable
from de_classes.runs.verify import differences
from de_classes.utils import layouts
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import argparse

    from de_classes.cli.destination import Place


class Comparison(Value):
    """What ``verify --json`` prints.

    Attributes:
        as_written: Whether every object is what the receipt says.
        status: Of the run, as the receipt has it: complete or partial.
        records: How many the receipt names.
        parts: How many objects of records.
        differences: What differs, a sentence each.
    """

    as_written: bool
    status: str
    records: int
    parts: int
    differences: list[str]


EXIT_DIFFERENT = 1
EXIT_USAGE = 2


def run(args: argparse.Namespace, *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Compare, and say what differs.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: what differs, or that nothing does.
        err: In place of stderr: what kept it from being compared.

    Returns:
        The exit status: 0 nothing differs, 1 something does, 2 it cannot be compared.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        place, name = _place(args)
        receipt = read_receipt(place.store.get_object(place.bucket, place.key(name)), args.receipt)
        found = list(differences(receipt, place.store, place.bucket))
    except DeClassesError as error:
        err.write(f"verify: {error}\n")
        return EXIT_USAGE
    compared = Comparison(not found, receipt.status, receipt.records, len(receipt.parts), found)
    if args.json:
        out.write(f"{msgspec.json.encode(compared).decode()}\n")
    elif found:
        out.writelines(f"differs: {printable(difference)}\n" for difference in found)
    else:
        out.write(f"as written: {receipt.records} records in {compared.parts} parts, {receipt.status}\n")
    return 0 if compared.as_written else EXIT_DIFFERENT


def read_receipt(data: bytes, name: str) -> IngestReceipt:
    """Read a receipt.

    Raises:
        MalformedDataError: It is none that this version can read.
        NewerLayoutError: It is of a layout that came after this code.
    """
    layouts.check_layout(data, name, layouts.RECEIPT)
    try:
        return msgspec.json.decode(data, type=IngestReceipt)
    except msgspec.MsgspecError as error:
        raise MalformedDataError(f"{name} is no receipt that this version can read: {error}") from error


def _place(args: argparse.Namespace) -> tuple[Place, str]:
    """Where the receipt is: its bucket is the one that all keys in it are for."""
    logger = logging.getLogger("de_classes.verify")
    if "://" not in args.receipt:
        return _local(Path(args.receipt), logger)
    folder, _, name = args.receipt.rpartition("/")
    return open_destination(folder, logger, endpoint_url=args.endpoint_url), name


def _local(path: Path, logger: logging.Logger) -> tuple[Place, str]:
    """The directory that stands for the bucket: the one from which the receipt's key leads back to it."""
    try:
        receipt = read_receipt(path.read_bytes(), str(path))
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
    root = path.resolve().parent
    for _ in range(receipt.key.count("/")):
        root = root.parent
    place = open_destination(str(root), logger)
    return place, str(path.resolve().relative_to(root))
