"""The words of ``verify``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

_EPILOG = """\
exit status: 0 nothing differs, 1 something does, 2 it could not be compared.

examples:
  python -m de_classes verify lake/orders/_receipt-00000001-monday-0a1b2c3d4e5f.json
  python -m de_classes verify s3://my-bucket/raw/_receipt-orders.csv.json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``verify`` to a command line."""
    parser = subparsers.add_parser(
        "verify",
        help="compare the objects of a run with its receipt",
        description="Read every object that a receipt names, and say what differs from it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "receipt", metavar="RECEIPT", help="a file, s3://BUCKET/KEY, or http://HOST:PORT/BUCKET/KEY"
    )
    parser.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")
