"""Command lines that are strict: whole names, no option in vain, no value said back, help on one screen."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

N = TypeVar("N")

EXIT_USAGE = 2
_WIDEST = 100
_IS_MISSING = "arguments are required"  # as argparse says it
_BELOW = re.compile(r"(?<=de[_-]classes )\w+ \w+$")
_OPTION = re.compile("--[a-z]+(?:-[a-z0-9]+)*")
_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_SAID_BACK = re.compile(rf"(invalid choice|invalid \S+ value|ignored explicit argument):? {_QUOTED}")


class NoEffect(NamedTuple):
    """Options that change nothing beside something else on the command line, so that both are refused.

    Attributes:
        options: Their names, between spaces.
        beside: What they are given with, or without, such as ``with a URL``.
        holds: Whether that is so, by what was parsed.
        why: What there is instead.
    """

    options: str
    beside: str
    holds: Callable[[argparse.Namespace], object]
    why: str

    def problems(self, given: Sequence[str], parsed: argparse.Namespace) -> Iterator[str]:
        """A sentence for each of the options that was given in vain."""
        vain = [option for option in self.options.split() if option in given]
        if vain and self.holds(parsed):
            yield from (f"{option} has no effect {self.beside}: {self.why}" for option in vain)


class CommandParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` for commands that may be given a secret by mistake.

    Options have no short forms of their long names: what begins like one option could be meant for another,
    and its value be shown where that of the other is not. Errors name options and never repeat values, since
    a word in a wrong place may be a password; each is a line that begins with the command's name, and below
    them stands how to get help. Its subparsers are of the same kind.

    Attributes:
        common: The options that ``--help`` shows, so that it fits a screen; all of them if empty.
        details: What only ``--help-all`` says, above the epilog.
        no_effects: Which options are refused beside what.
    """

    def __init__(self, *words: Any, **how: Any) -> None:  # noqa: ANN401 - argparse's own
        how.setdefault("formatter_class", _Formatter)
        super().__init__(*words, **{**how, "allow_abbrev": False})
        self.common: Sequence[str] = ()
        self.details = ""
        self.no_effects: Sequence[NoEffect] = ()
        self._unknown: list[str] = []
        if self.add_help:
            self.add_argument("--help-all", action=_HelpAll)

    def parse_known_args(  # type: ignore[override]  # argparse's overloads say no more than this
        self, args: Sequence[str] | None = None, namespace: N | None = None
    ) -> tuple[argparse.Namespace | N, list[str]]:
        """Parse, or say which options there are not or have no effect, and leave the program."""
        words = sys.argv[1:] if args is None else list(args)
        self._unknown = [name for name in _options_in(words) if name not in self._option_string_actions]
        parsed, rest = super().parse_known_args(words, namespace)
        if rest:
            self.error(f"unrecognized arguments: {self._named(rest)}")
        if isinstance(parsed, argparse.Namespace):
            found = [each for rule in self.no_effects for each in rule.problems(_options_in(words), parsed)]
            problems = {each.partition(" ")[0]: each for each in reversed(found)}  # the first of each option
            if problems:
                self.refuse(reversed(problems.values()))
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and leave the program."""
        if self._unknown and _IS_MISSING in message:  # more likely it is there, by a name that is misspelt
            message = f"unrecognized arguments: {self._named(self._unknown)}"
        self.refuse([_SAID_BACK.sub(r"\1", message)])

    def refuse(self, problems: Iterable[str]) -> NoReturn:
        """Say what is wrong, a line each, and how to get help, and leave the program."""
        said = "".join(f"{command_of(self.prog)}: {problem}\n" for problem in problems)
        self.exit(EXIT_USAGE, said + how_to_get_help(self.prog))

    def format_help(self) -> str:
        """The help of one screen: what is common, and examples."""
        if not self.common:
            return self.format_all()
        words = [each for each in self._actions if not each.option_strings]
        shown = [each for each in self._actions if {*self.common} & {*each.option_strings}]
        formatter = self._begun()
        formatter.start_section("arguments")
        formatter.add_arguments([*words, *shown])
        formatter.end_section()
        formatter.add_text("--help-all shows every option.")
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def format_all(self) -> str:
        """The help with every option, by topic."""
        formatter = self._begun()
        for group in self._action_groups:
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)  # noqa: SLF001 - argparse has no other way to tell
            formatter.end_section()
        formatter.add_text(self.details)
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def _begun(self) -> argparse.HelpFormatter:
        from textwrap import wrap  # noqa: PLC0415 - where help is asked for

        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text("\n".join(wrap(self.description or "", formatter._width)))  # noqa: SLF001 - as above
        return formatter

    def _named(self, rest: Sequence[str]) -> str:
        options = [name for word in rest if _OPTION.fullmatch(name := word.partition("=")[0])]
        others = len(rest) - len(options)
        said = [f"{others} not repeated here, since it may be a secret"] if others else []
        return ", ".join([*(f"{name}{self._likely(name)}" for name in options), *said])

    def _likely(self, name: str) -> str:
        from difflib import get_close_matches  # noqa: PLC0415 - by mistakes alone

        shown = (each for each in self._actions if each.help != argparse.SUPPRESS)
        names = [option for each in shown for option in each.option_strings]
        found = get_close_matches(name, names, n=1, cutoff=0.75)
        return f" (did you mean {found[0]}?)" if found else ""


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


def command_of(prog: str) -> str:
    """The command's own name, which its errors begin with; of one below another it is both."""
    below = _BELOW.search(prog)
    return below[0] if below else prog.rpartition(" ")[2]


def how_to_get_help(prog: str) -> str:
    """The line below a mistake in a command."""
    return f"{command_of(prog)}: for help: {prog} --help\n"


def _options_in(words: Sequence[str]) -> list[str]:
    """The options that are given. A value never looks like one: argparse takes such a word for an option."""
    before = words[: words.index("--")] if "--" in words else words
    return [word.partition("=")[0] for word in before if word.startswith("--")]


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Descriptions as they are written, and options as wide as most are."""

    def __init__(self, prog: str, **how: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(prog, **{**how, "max_help_position": 27})
        self._width = min(self._width, _WIDEST)


class _HelpAll(argparse.Action):
    """``--help`` with every option."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        if isinstance(parser, CommandParser):
            sys.stdout.write(parser.format_all())
        parser.exit()
