"""The words of ``check``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

from de_classes.cli.source_options import add_source_options, refuse_secrets

_EPILOG = """\
Asked for are the first page at its usual size and at a tiny one, the page behind each, the page before
the first, and the last: half a dozen requests, and those for a login.

exit status: 0 nothing is wrong, 1 something is, 2 a mistake in the command.

examples:
  python -m de_classes check github.issues --set owner=python --set repo=cpython --secrets github.json
  python -m de_classes check shop.orders --sources shop.toml --base-url http://127.0.0.1:8080 --json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``check`` to a command line."""
    parser = subparsers.add_parser(
        "check",
        help="try a described source before trusting it",
        description="Ask a described source a few times, and say whether it is as its description says.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resource", metavar="NAME.RESOURCE", help="what is looked at, such as stripe.charges")
    add_source_options(parser)
    refuse_secrets(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
