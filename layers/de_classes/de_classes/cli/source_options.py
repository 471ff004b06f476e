"""The words that name a described source, the same for every command that asks one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.command_line import RefusedOption

if TYPE_CHECKING:
    import argparse


def add_source_options(group: argparse._ActionsContainer) -> None:
    """Add what says where descriptions are, and fills them in.

    Args:
        group: Of a command's parser, or the parser itself.
    """
    group.add_argument(
        "--sources", metavar="PATH", help="a file or folder of descriptions (sources/, if it is there)"
    )
    group.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the source"
    )
    group.add_argument(
        "--secrets", metavar="FILE", help="JSON of names and secrets, that nobody else can read"
    )
    group.add_argument("--base-url", metavar="URL", help="rehearse: every address on this origin instead")
    group.add_argument("--allow-insecure", action="store_true", help="plain http to other machines too")


def refuse_secrets(parser: argparse.ArgumentParser) -> None:
    """Name the right place to whoever gives a secret as an option.

    Args:
        parser: Of a command that takes no secret but by ``add_source_options``.
    """
    parser.add_argument(
        "--token",
        "--api-key",
        "--secret",
        "--authorization",
        "--password",
        "--passwd",
        "--pass",
        action=RefusedOption,
        instead="give --secrets FILE, or set DE_CLASSES_SECRET_NAME",
    )
