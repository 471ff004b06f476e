"""The words of ``show``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

_EPILOG = """\
WHAT is a receipt, or what one was written of: a dataset, of which the latest commit counts, or an object.
The page is one file that fetches nothing from elsewhere. Nothing is written but FILE, and nothing fetched
but the receipt.

exit status: 0 shown, 1 the store refuses, 2 there is nothing to show, or a mistake in the command.

examples:
  python -m de_classes show lake/orders
  python -m de_classes show lake/orders --html orders.html
  python -m de_classes show s3://my-bucket/raw/orders.csv --json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``show`` to a command line."""
    parser = subparsers.add_parser(
        "show",
        help="show the receipt of a run: in short, as JSON, or as a page",
        description="Show what a run brought, what it rests on, and how the data is read.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", metavar="WHAT", help="a file or folder, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", metavar="FILE", help="write it as a page")
    form.add_argument("--json", action="store_true", help="print it as it was written, as JSON")
    parser.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")
