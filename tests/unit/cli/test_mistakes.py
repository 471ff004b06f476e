"""A mistake in a command is a line that begins with the command's name, and below it how to get help."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import PROGRAMS, main, make_parser
from tests.fakes.commands import RUNS, parser_of
from tests.fakes.sources import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.utils.command_line import NoEffect

NOBODY = "http://127.0.0.1:9"  # nothing listens there, and nothing is to be asked
URL = f"ingest {NOBODY} --to lake"
DESCRIBED = "ingest pokeapi.pokemon --to lake"
WHOLE = "ingest pokeapi --to lake"
REPLAY = f"replay {NOBODY} --to lake --dataset d --run-id r"

# What has no effect together: the command, and the option with its value.
IN_VAIN = {
    "with the name of a source": (
        DESCRIBED,
        *("--data-path /x", "--username u", "--auth-url http://127.0.0.1:9/l", "--password-file f"),
        *("--header 'a: b'", "--header-file f", "--pagination link", "--page-param p", "--offset-param p"),
        *("--cursor-param p", "--cursor-field p", "--limit-param p", "--records-field r"),
        *("--total-pages-field t", "--total-records-field t", "--requests-per-second 1", "--key-field id"),
        *("--columns f", "--quarantine"),
    ),
    "with a URL": (
        URL,
        *("--sources f", "--set a=b", "--secrets f", "--base-url http://127.0.0.1:9"),
        *("--from 2026-01-01", "--until 2026-02-01"),
    ),
    "with all of a source": (WHOLE, "--dataset d", "--key k"),
    "without --username": (URL, "--auth-url http://127.0.0.1:9/login", "--password-file f"),
    "with --header Authorization": (f"{URL} --header Authorization=@env:TOKEN", "--username ada"),
    "without --pagination page": (f"{URL} --pagination link", "--page-param p"),
    "without --pagination offset": (URL, "--offset-param p"),
    "without --pagination cursor": (URL, "--cursor-param p", "--cursor-field f"),
    "with --dataset": (f"{URL} --dataset d", "--key k", "--no-overwrite"),
    "without --dataset": (
        URL,
        *("--run-id r", "--partial", "--key-field id", "--columns f", "--quarantine", "--part-pages 2"),
        *("--write append", "--accept-shrink"),
    ),
    "without --run-id": (f"{URL} --dataset d", "--resume"),
    "without --worker": ("runs status lake monday", "--region eu-central-1"),
    "with WHERE": ("runs status lake monday", "--worker https://worker.example/v1/ingest"),
    "without --columns": (f"{URL} --dataset d", "--quarantine"),
    "without --format csv": (f"{URL} --key a.json", "--escape-formulas"),
    "with --max-attempts 1": (f"{URL} --max-attempts 1", "--no-jitter"),
    "with replay": (REPLAY, "--plan"),
    "with such a --to": (URL, "--endpoint-url http://127.0.0.1:9"),
    "with such a WHAT": ("show lake/orders", "--endpoint-url http://127.0.0.1:9"),
    "with --html": ("show lake/orders --html f", "--generation 1", "--rows 2"),
    "with such datasets": ("sql lake/orders 'FROM orders'", "--endpoint-url http://127.0.0.1:9"),
    "with --password-file": (
        "load lake --to postgresql:///shop --password-file f",
        *("--password-secret s", "--iam"),
    ),
    "with glue://": (
        "load s3://b/orders --to glue://shop",
        *("--generation 1", "--key-field id", "--type id=text"),
        *("--password-file f", "--password-secret s", "--iam"),
    ),
    "with --password-secret": ("load lake --to postgresql:///shop --password-secret s", "--iam"),
    "with such a DATASET": ("load lake/orders --to postgresql:///shop", "--endpoint-url http://127.0.0.1:9"),
    "with such a RECEIPT": (
        "verify http://127.0.0.1:9/b/_receipt-a.json",
        "--endpoint-url http://127.0.0.1:9",
    ),
    "without --keep": ("clean lake", "--grace 1d"),
    "with --keep": ("clean lake --keep 2", "--superseded"),
    "with such a WHERE": ("clean lake", "--endpoint-url http://127.0.0.1:9"),
    "without a URL": ("init --openapi f", "--secrets f", "--header 'a: b'", "--method GET", "--body {}"),
    "without --openapi": (f"init {NOBODY}", "--resource r"),
    "with --method GET": (f"init {NOBODY} --method GET", "--body {}"),
    "with FOLDER": ("new my-lake", "--location"),
    "with --location": ("new --location", "--wheel f"),
    "with --faults": ("simulate --faults F14", "--rate-500 0.1", "--rate-503 0.1", "--rate-429 0.1"),
    "with --rate": ("simulate --rate 0.1", "--rate-500 0.1", "--rate-503 0.1", "--rate-429 0.1"),
    "with --list-faults": (
        "simulate --list-faults",
        *("--rate-500 0", "--rate-503 0", "--rate-429 0", "--huge-body-bytes 9", "--drip-bytes 9"),
        *("--drip-seconds 1", "--hang 1", "--short-token-life 1", "--token-uses 1", "--drift-every 1"),
        *(
            "--drift-changes 1",
            "--result-window 9",
            "--faults F14",
            "--rate 0",
            "--seed 1",
            "--retry-after 1",
        ),
        *("--jitter 0", "--token-life 9", "--records-count 9", "--limit-max 9", "--records f", "--port 0"),
        *("--username u", "--pages 1", "--links"),
    ),
}

MISTAKES = [
    *(
        "help",
        "--verion",
        "ingets x",
        "--completion",
        "--completion csh",
        "ingest",
        "ingest x",
        "ingest x --to",
    ),
    *("ingest x --to lake --datset y", "ingest x --dir lake", f"{URL} extra", f"{URL} --concurrency x"),
    *(f"{URL} --concurrency 0", f"{URL} --concurrency 65", f"{URL} --limit 0", f"{URL} --pages 3-1"),
    *(f"{URL} --format xml", f"{URL} --key ../x", f"{URL} --timeout 0", f"{URL} --header nothing"),
    *(
        f"{URL} --pagination pages",
        f"{URL} --quiet=yes",
        f"{URL} --dataset d --run-id 'a b'",
        "ingest x.y --to l",
    ),
    *(
        f"{URL} --token t",
        f"{URL} --password p",
        f"ingest {NOBODY} --to s3:/x",
        f"ingest {NOBODY} --to 127.0.0.1:9000/bucket",
        f"ingest {NOBODY} --to ftp://x",
    ),
    *(
        "ingest ftp://x --to lake",
        f"ingest {NOBODY} --to ''",
        f"replay {NOBODY} --to lake",
        f"{REPLAY} --plan",
    ),
    *(f"replay {NOBODY} --to lake --dataset d", REPLAY, "check", "check nothing.there", "check pokeapi"),
    *("check pokeapi.pokemon --sources absent.toml", "sample", "sample pokeapi.pokemon -n 0"),
    *(
        "sample pokeapi.pokemon -n x",
        "sample pokeapi.pokemon --json --jsonl",
        "sample pokeapi.pokemon --set x",
    ),
    *("init", f"init {NOBODY} --from f", "init --from absent.json", f"init {NOBODY} --out x.json"),
    *(f"init {NOBODY} --body []", f"init {NOBODY} --method PUT", f"init {NOBODY} --header x"),
    *("sql", "sql lake", "sql absent 'FROM x'", "sql lake x --format x", "sql lake x --json --format csv"),
    *("show", "show absent", "show lake --html", "show a --html f --json", "verify", "verify absent.json"),
    *("load", "load lake", "load absent --to postgresql:///shop", "load . --to mysql:///x", "load . --to ."),
    *("load . --to glue://", "load . --to glue://Shop", "load . --to glue://shop/a/b"),
    *(
        "clean",
        "clean lake --older-than -1",
        "clean lake --older-than x",
        "clean s3:/x",
        "new",
        "new 0-first",
    ),
    *(
        "new a b",
        "new my-lake --wheel absent.whl",
        "simulate x",
        "simulate --rate 2",
        "simulate --port 99999",
    ),
    *("simulate --faults nothing", "simulate --records absent.jsonl", "simulate --pages 1 --records-count 1"),
]


@pytest.fixture(autouse=True)
def _where_nothing_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def mistaken(line: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is said of it, without the line that says how to get help."""
    words = shlex.split(line)
    try:
        status = main(words)
    except SystemExit as left:
        status = int(left.code or 0)
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, ""), printed.err
    *problems, last = printed.err.splitlines()
    command = words[0] if words[0] in PROGRAMS else ""
    if command == "runs" and len(words) > 1 and words[1] in RUNS:
        command = f"runs {words[1]}"
    program = f"python -m de_classes {command}".rstrip()
    name = command or "de_classes"
    assert last == f"{name}: for help: {program} --help"
    assert [problem for problem in problems if not problem.startswith(f"{name}: ")] == []
    return problems


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_and_how_to_get_help(
    line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert len(mistaken(line, capsys)) == 1
    assert list(tmp_path.iterdir()) == []


def tried() -> list[tuple[str, str, str]]:
    return [
        (beside, command, option) for beside, (command, *options) in IN_VAIN.items() for option in options
    ]


@pytest.mark.parametrize(("beside", "command", "option"), tried())
def test_an_option_without_effect_is_refused_before_anything_is_done(
    beside: str, command: str, option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (problem,) = mistaken(f"{command} {option}", capsys)
    name = command.partition(" ")[0] if not command.startswith("runs ") else " ".join(command.split()[:2])
    assert problem.startswith(f"{name}: {option.partition(' ')[0]} has no effect {beside}: ")
    assert list(tmp_path.iterdir()) == []


def rules(command: str) -> list[NoEffect]:
    return list(parser_of(command).no_effects)


@pytest.mark.parametrize("command", [*PROGRAMS, *(f"runs {action}" for action in RUNS)])
def test_every_pair_that_is_refused_is_tried(command: str) -> None:
    known = {(rule.beside, option) for rule in rules(command) for option in rule.options.split()}
    assert known <= {(beside, option.partition(" ")[0]) for beside, _, option in tried()}


@pytest.mark.parametrize(
    "line", [f"{URL} --max-attempts 2 --no-jitter", f"{URL} --key a.csv --escape-formulas"]
)
def test_the_same_options_are_taken_where_they_have_an_effect(line: str) -> None:
    assert make_parser(["ingest"]).parse_args(shlex.split(line)).command == "ingest"


def test_what_one_has_said_in_vain_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(mistaken(f"{DESCRIBED} --quarantine --columns f", capsys)) == 2


def test_nobody_reading_on_is_no_failure_of_ours() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "de_classes", "simulate", "--list-faults"]
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent)}
    with open(writer, "wb") as gone:  # noqa: PTH123 - by its descriptor
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, env=environment, check=False)
    assert (done.returncode, done.stderr) == (141, b"")
