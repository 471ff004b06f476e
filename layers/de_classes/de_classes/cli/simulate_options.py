"""The words of ``simulate``, which are the simulators' own: imported only when they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

NAME = "simulate"
BRIEF = "serve an API that fails on purpose, on this machine"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], words: Sequence[str]) -> None:
    """Add ``simulate`` to a command line: all of it if it is named there, else its line in the list.

    Args:
        subparsers: The commands.
        words: What the command line says.
    """
    if NAME not in words:
        subparsers.add_parser(NAME, help=BRIEF)
        return
    from de_classes.simulators import cli  # noqa: PLC0415 - the other commands need no simulators

    cli.add_parser(subparsers)
