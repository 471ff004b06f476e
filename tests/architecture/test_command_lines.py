"""Every command line of the project takes whole names alone, and says no value back."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

import benchmarks.__main__
import localcloud.__main__
import scoreboard.__main__
import tools.stack
from de_classes.__main__ import PROGRAMS, make_parser
from de_classes.utils.command_line import CommandParser
from tests.fakes.sources import python_files, relative, those_with, tree

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

VALUE = "hunter2-or-so"
ROOTS = {
    "de_classes": make_parser(PROGRAMS),
    "localcloud": localcloud.__main__.make_parser(),
    "scoreboard": scoreboard.__main__.make_parser(),
    "benchmarks": benchmarks.__main__.make_parser(),
    "tools": tools.stack.make_parser(),
}


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse has no other way to tell


def below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in actions(parser):
        if isinstance(action.choices, dict):  # of commands
            for each in action.choices.values():
                yield from below(each)


PARSERS = {parser.prog: parser for root in ROOTS.values() for parser in below(root)}


def long_options(parser: argparse.ArgumentParser) -> list[str]:
    return [name for action in actions(parser) for name in action.option_strings if name.startswith("--")]


def beginnings(parser: argparse.ArgumentParser) -> list[str]:
    """What begins like an option of the parser, or like none, and is none."""
    names = long_options(parser)
    cut = {name[:-1] for name in names}
    return sorted({*cut, "--token", "--secret", "--password"} - {*names})


def test_there_are_no_parsers_but_these() -> None:
    folders = ("layers/de_classes/de_classes", "functions", "localcloud", "tools", "scoreboard", "benchmarks")
    made = [
        f"{relative(path)}:{node.lineno}"
        for path in those_with(["ArgumentParser"], python_files(*folders))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ArgumentParser")
    ]
    assert made == []
    commands = {"ingest", "replay", "verify", "clean", "simulate", "demo", "up", "objects"}
    assert commands <= {name.rpartition(" ")[2] for name in PARSERS}


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_no_option_is_understood_by_the_beginning_of_its_name(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(parser, CommandParser)
    for name in beginnings(parser):
        for words in ([name, VALUE], [f"{name}={VALUE}"]):
            _, rest = refused_or_left(parser, words)
            assert name in {word.partition("=")[0] for word in rest} or rest == [name], words
    assert VALUE not in capsys.readouterr().err


def refused_or_left(parser: argparse.ArgumentParser, words: list[str]) -> tuple[object, list[str]]:
    """What is left over; all of it where the parser stopped before it said so."""
    try:
        return parser.parse_known_args(words)
    except SystemExit:
        return None, words


@pytest.mark.parametrize("root", ROOTS.values(), ids=ROOTS)
def test_what_is_left_over_is_not_said_back(
    root: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    for parser in below(root):
        command = parser.prog.removeprefix(root.prog).split()
        for words in (
            ["--password", VALUE],
            [f"--password={VALUE}"],
            ["--token", VALUE, VALUE],
            [VALUE] * 3,  # one more than any takes
        ):
            with pytest.raises(SystemExit) as stopped:
                root.parse_args([*command, *words])
            assert stopped.value.code == 2
    assert VALUE not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["ingest", "replay", "simulate"])
def test_a_password_that_is_given_as_a_word_is_told_its_place(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--password", VALUE], [f"--password={VALUE}"]):
        with pytest.raises(SystemExit):
            ROOTS["de_classes"].parse_args([command, *words])
    said = capsys.readouterr().err
    place = "SIMULATOR_PASSWORD" if command == "simulate" else "--password-file FILE, or set INGEST_PASSWORD"
    assert said.count(place) == 2
    assert VALUE not in said
