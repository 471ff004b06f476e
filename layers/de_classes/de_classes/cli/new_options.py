"""The words of ``new``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

_EPILOG = """\
The last part of FOLDER is the project's name, and its stack's: letters, digits and hyphens, a letter first.

exit status: 0 the project is there, 2 nothing was written.

examples:
  de-classes new my-lake
  de-classes new my-lake --wheel dist/de_classes-0.1.0-py3-none-any.whl
  sam init --no-input --name my-lake --location "$(de-classes new --location)"
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``new`` to a command line."""
    parser = subparsers.add_parser(
        "new",
        help="write a project of your own for AWS Lambda",
        description="Write a project that uses this package on AWS Lambda: a description, a handler, "
        "a template for `sam deploy`, a test and a Makefile. Nothing is installed or fetched.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", nargs="?", help="one that is not there, or is empty")
    parser.add_argument(
        "--wheel", metavar="FILE", help="this version's wheel, to install from while it is on no index"
    )
    parser.add_argument(
        "--location", action="store_true", help="print where the files lie, for `sam init --location`"
    )
