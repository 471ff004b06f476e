"""The words of ``clean``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

from de_classes.cli.ingest_options import DESTINATIONS

_EPILOG = """\
WHERE must be what runs were given as --to, or above it: the progress of runs lies there in _runs, and
below a narrower place the parts of a run under way look left behind. --older-than must be longer than any
pause after which a run is still to go on.

exit status: 0 done, 1 the store refuses, 2 a mistake in the command.

examples:
  python -m de_classes clean lake
  python -m de_classes clean s3://my-bucket/raw --older-than 30 --delete
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``clean`` to a command line."""
    parser = subparsers.add_parser(
        "clean",
        help="find, and delete, what runs left behind",
        description="List the parts that no manifest names, and the progress of runs that are over.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("where", metavar="WHERE", help=DESTINATIONS)
    parser.add_argument(
        "--older-than", type=float, default=7.0, metavar="DAYS", help="spare what is younger (7)"
    )
    parser.add_argument(
        "--superseded", action="store_true", help="also parts that only replaced manifests name"
    )
    parser.add_argument("--delete", action="store_true", help="delete it; without this it is only listed")
    parser.add_argument("--endpoint-url", metavar="URL", help="the server that s3:// means, if not AWS")
