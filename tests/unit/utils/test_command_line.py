from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.utils.command_line import CommandParser, RefusedOption

if TYPE_CHECKING:
    import argparse

SECRET = "hunter2-or-so"


def parser() -> CommandParser:
    parser = CommandParser(prog="tool")
    command = parser.add_subparsers(metavar="COMMAND", required=True).add_parser("go")
    command.add_argument("--password-file")
    command.add_argument("--password", action=RefusedOption, instead="give --password-file FILE")
    command.add_argument("--limit", type=int)
    command.add_argument("--kind", choices=["a", "b"])
    command.add_argument("--quiet", action="store_true")
    return parser


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(words)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_whole_names_are_parsed_as_ever() -> None:
    parsed: argparse.Namespace = parser().parse_args(["go", "--password-file", "f", "--limit=3", "--quiet"])
    assert (parsed.password_file, parsed.limit, parsed.quiet) == ("f", 3, True)
    assert "password" not in vars(parsed)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["go", "--password", SECRET], "--password is no option, since every process"),
        (["go", f"--password={SECRET}"], "give --password-file FILE"),
        (["go", "--password"], "give --password-file FILE"),
        (
            ["go", "--passwor", SECRET],
            "unrecognized arguments: --passwor (did you mean --password-file?), 1 not repeated here",
        ),
        (
            ["go", f"--password-fil={SECRET}"],
            "unrecognized arguments: --password-fil (did you mean --password-file?)\n",
        ),
        (["go", "--token", SECRET, SECRET], "unrecognized arguments: --token, 2 not repeated here"),
        (["go", f"--{SECRET}", f"-p{SECRET}"], "unrecognized arguments: 2 not repeated here"),
        (["go", "--limit", SECRET], "argument --limit: invalid int value\n"),
        (["go", "--kind", SECRET], "argument --kind: invalid choice"),
        (["go", "--kind", f'{SECRET}\'s "own"'], "argument --kind: invalid choice"),
        (["go", f"--quiet={SECRET}"], "argument --quiet: ignored explicit argument\n"),
        (["--password", SECRET, "go"], "argument COMMAND: invalid choice"),
        ([SECRET], "argument COMMAND: invalid choice"),
    ],
    ids=str,
)
def test_a_mistake_is_named_and_no_value_is_said_back(
    capsys: pytest.CaptureFixture[str], words: list[str], named: str
) -> None:
    said = refusal(capsys, *words)
    assert named in said
    assert "hunter2" not in said


def test_a_refused_option_is_not_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["go", "--help"])
    assert "--password " not in capsys.readouterr().out
