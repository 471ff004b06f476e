"""The words of ``sample``; what they do is imported only when it is run."""

from __future__ import annotations

import argparse

from de_classes.cli.source_options import add_source_options, refuse_secrets

_EPILOG = """\
No more pages are asked for than the records take. Nothing is stored.

exit status: 0 they came, or all that there are; 1 the source does not give them; 2 a mistake in the command.

examples:
  python -m de_classes sample pokeapi.pokemon -n 20
  python -m de_classes sample stripe.charges --secrets stripe.json -n 3 --jsonl
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``sample`` to a command line."""
    parser = subparsers.add_parser(
        "sample",
        help="show the first records of a described source",
        description="Show the first records of a described source, as a table or as JSON Lines.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resource", metavar="NAME.RESOURCE", help="what is shown, such as stripe.charges")
    parser.add_argument("-n", type=int, default=20, dest="count", metavar="N", help="how many records (20)")
    parser.add_argument("--jsonl", action="store_true", help="a line of JSON each, instead of a table")
    add_source_options(parser)
    refuse_secrets(parser)
