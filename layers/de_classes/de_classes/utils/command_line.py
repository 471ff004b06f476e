"""Command lines that are strict with arguments: options by their whole names, and no value said back."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

N = TypeVar("N")

_OPTION = re.compile("--[a-z]+(?:-[a-z]+)*")
_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_SAID_BACK = re.compile(rf"(invalid choice|invalid \S+ value|ignored explicit argument):? {_QUOTED}")


class CommandParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` for commands that may be given a secret by mistake.

    Options have no short forms of their long names: what begins like one option could be meant for another,
    and its value be shown where that of the other is not. Errors name options and never repeat values, since
    a word in a wrong place may be a password. Its subparsers are of the same kind.
    """

    def __init__(self, *words: Any, **how: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(*words, **{**how, "allow_abbrev": False})

    def parse_args(  # type: ignore[override]  # argparse's overloads say no more than this
        self, args: Sequence[str] | None = None, namespace: N | None = None
    ) -> argparse.Namespace | N:
        """Parse, or say which options there are not, and leave the program."""
        parsed, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {_named(rest)}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and leave the program."""
        super().error(_SAID_BACK.sub(r"\1", message))


class RefusedOption(argparse.Action):
    """An option that somebody may try for a secret: an error that says where the secret belongs.

    Args:
        option_strings: Its names.
        dest: Not used.
        instead: What to give in its place.
    """

    def __init__(self, option_strings: Sequence[str], dest: str, *, instead: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs="?", help=argparse.SUPPRESS)
        self._instead = instead

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, __: object, name: str | None = None
    ) -> NoReturn:
        """Leave the program."""
        parser.error(
            f"{name} is no option, since every process of the machine could read it: {self._instead}"
        )


def _named(rest: Sequence[str]) -> str:
    options = [name for word in rest if _OPTION.fullmatch(name := word.partition("=")[0])]
    others = len(rest) - len(options)
    said = [f"{others} not repeated here, since it may be a secret"] if others else []
    return ", ".join([*options, *said])
