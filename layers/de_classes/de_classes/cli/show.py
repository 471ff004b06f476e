"""``show``: a dataset, or the receipt of a run: in short, as JSON, or as a page."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO
from urllib.parse import unquote, urlsplit

from de_classes.cli.dataset_overview import as_json, in_words, overview
from de_classes.cli.destination import open_destination
from de_classes.cli.ingest import summary
from de_classes.cli.lake import show_datasets
from de_classes.cli.receipt_page import receipt_page
from de_classes.cli.verify import read_receipt, receipt_of
from de_classes.errors import DeClassesError, InvalidInputError, MalformedDataError, ObjectNotFoundError
from de_classes.redaction import escaped_json, printable

if TYPE_CHECKING:
    import argparse

    from de_classes.api.receipt import IngestReceipt
    from de_classes.cli.destination import Place

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
FIRST_ROWS: Final = 5


def run(args: argparse.Namespace, *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Show what lies there: a dataset or a receipt.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: what is shown, or where its page is.
        err: In place of stderr: what went wrong.

    Returns:
        The exit status: 0 shown, 1 the store refuses, 2 there is nothing to show.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        if show_datasets(args, out) or (args.html is None and _show_dataset(args, out)):
            return 0
        receipt = find_receipt(args.what, endpoint_url=args.endpoint_url)
        if args.html is None:
            out.write(f"{receipt.to_json()}\n" if args.json else summary(receipt))
        else:
            _write(Path(args.html), receipt_page(receipt))
            out.write(f"written: {printable(args.html)}\n")
    except (InvalidInputError, MalformedDataError, ObjectNotFoundError) as error:
        err.write(f"show: {error}\n")
        return EXIT_USAGE
    except DeClassesError as error:
        err.write(f"show: {type(error).__name__}: {error}\n")
        return EXIT_FAILED
    return 0


def _show_dataset(args: argparse.Namespace, out: TextIO) -> bool:
    """Show a dataset, if it is one that is named, and not a receipt or an object that has one."""
    named = args.what.rstrip("/")
    place, name = place_of(named, args.endpoint_url)
    found = None
    if not name.startswith("_"):
        rows = FIRST_ROWS if args.rows is None else args.rows
        found = overview(place, place.key(name), named, generation=args.generation, rows=rows)
    if found is None:
        for option, value in (("--generation", args.generation), ("--rows", args.rows)):
            if value is not None:
                raise InvalidInputError(f"{option} has no effect with {named}: it is no dataset")
        return False
    if args.json:
        out.write(f"{escaped_json(as_json(found))}\n")
    else:
        columns = shutil.get_terminal_size().columns if out.isatty() else None
        out.writelines(f"{line}\n" for line in in_words(found, columns))
    return True


def find_receipt(what: str, *, endpoint_url: str | None = None) -> IngestReceipt:
    """The receipt that something is, or that was written of it.

    Args:
        what: A receipt, a dataset or an object: its path or its address.
        endpoint_url: The server that ``s3://`` means, if not AWS.

    Raises:
        InvalidInputError: There is no receipt, or it is no place.
        MalformedDataError: What stands there is no receipt that this version can read.
    """
    place, name = place_of(what.rstrip("/"), endpoint_url)
    key = place.key(name)
    if not (name.startswith("_receipt-") and name.endswith(".json")):
        key = receipt_of(place, key, what)
    return read_receipt(place.store.get_object(place.bucket, key), key)


def place_of(what: str, endpoint_url: str | None) -> tuple[Place, str]:
    """The folder of something that is there, and its name in it.

    Args:
        what: Its path or its address, without a slash at the end.
        endpoint_url: The server that ``s3://`` means, if not AWS.

    Raises:
        InvalidInputError: It is no place, or there is nothing.
    """
    logger = logging.getLogger("de_classes.show")
    if "://" in what and not what.startswith("file://"):
        folder, _, name = what.rpartition("/")
        return open_destination(folder, logger, endpoint_url=endpoint_url), name
    path = Path(unquote(urlsplit(what).path) if what.startswith("file://") else what).resolve()
    if not path.exists():
        raise InvalidInputError(f"{what}: there is no such file or folder")
    if path.parent == path.parent.parent:
        raise InvalidInputError(f"{what} lies in the root of the file system, where no run writes")
    return open_destination(str(path.parent), logger), path.name


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise InvalidInputError(f"--html: {path} cannot be written: {why}") from error
