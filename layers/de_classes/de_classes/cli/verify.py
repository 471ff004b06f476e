"""``verify``: whether the objects of a run are what its receipt says."""

from __future__ import annotations

import logging
import re
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from de_classes.api.receipt import IngestReceipt
from de_classes.cli.destination import open_destination
from de_classes.errors import DeClassesError, InvalidInputError, MalformedDataError
from de_classes.redaction import printable
from de_classes.runs.destination import receipt_key
from de_classes.runs.verify import differences
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.datasets.manifest import commit_receipt_key
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


_OF_OBJECT = re.compile(r"_receipt-(.+\.\w+)\.json")
_LOOKED_AT = 10_000  # objects, of a folder that may hold a lake
_NAMED = 5
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
        place, key = _place(args)
        receipt = read_receipt(place.store.get_object(place.bucket, key), args.receipt)
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


def receipt_of(place: Place, key: str, what: str) -> str:
    """The key of the receipt of an object, or of a dataset's latest commit.

    Args:
        place: Where it lies.
        key: Of the object or the dataset.
        what: It, as it was named.

    Raises:
        InvalidInputError: It has none; those below it are named.
    """
    of_object = receipt_key(key)
    if place.store.object_exists(place.bucket, of_object):
        return of_object
    latest = DatasetCommits(place.store, place.bucket, key).latest()
    if latest is None:
        raise InvalidInputError(
            f"{what}: nothing was committed there that has a receipt: name a dataset, an object that "
            f"ingest stored, or a receipt{_below(place, key, what)}"
        )
    return commit_receipt_key(key, latest)


def _below(place: Place, key: str, what: str) -> str:
    """The first of what has receipts below a folder, in words."""
    receipts = (
        (folder, _OF_OBJECT.fullmatch(name))
        for info in islice(place.store.list_objects(place.bucket, f"{key}/"), _LOOKED_AT)
        for folder, _, name in [info.key.removeprefix(f"{key}/").rpartition("/")]
        if name.startswith("_receipt-") and name.endswith(".json")
    )
    found = dict.fromkeys("/".join(filter(None, (what, folder, of and of[1]))) for folder, of in receipts)
    return f"; below it: {', '.join(map(printable, islice(found, _NAMED)))}" if found else ""


def _place(args: argparse.Namespace) -> tuple[Place, str]:
    """Where the receipt is, and its key: its bucket is the one that all keys in it are for."""
    logger = logging.getLogger("de_classes.verify")
    if "://" not in args.receipt:
        return _local(Path(args.receipt), logger)
    folder, _, name = args.receipt.rstrip("/").rpartition("/")
    place = open_destination(folder, logger, endpoint_url=args.endpoint_url)
    key = place.key(name)
    return place, key if name.endswith(".json") else receipt_of(place, key, args.receipt)


def _local(path: Path, logger: logging.Logger) -> tuple[Place, str]:
    """The directory that stands for the bucket: the one from which the receipt's key leads back to it."""
    if path.exists() and path.suffix != ".json":
        parent = open_destination(str(path.resolve().parent), logger, create=False)
        path = path.resolve().parent / receipt_of(parent, parent.key(path.resolve().name), str(path))
    try:
        receipt = read_receipt(path.read_bytes(), str(path))
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
    root = path.resolve().parent
    for _ in range(receipt.key.count("/")):
        root = root.parent
    place = open_destination(str(root), logger)
    return place, place.key(str(path.resolve().relative_to(root)))
