"""The help of every command: one screen, with examples that are run here, and all of it with --help-all."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.__main__ import PROGRAMS, main
from de_classes.cli import parsers
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.utils.clock import ManualClock
from de_classes.version import VERSION
from tests.fakes.aws import ACCESS_KEY, SECRET_KEY
from tests.fakes.commands import RUNS, called, parser_of
from tests.fakes.documents import descriptions
from tests.fakes.mimics import MIMICS
from tests.fakes.mimics.serving import MimicTransport, serving
from tests.fakes.worker import FakeSource
from tests.fakes.worker_api import WORKER_URL, WorkerApi

if TYPE_CHECKING:
    from collections.abc import Iterator


SCREEN, COLUMNS = 40, 80
COMMANDS = ["", *PROGRAMS, *(f"runs {action}" for action in RUNS)]
PROGRAM = "python -m de_classes"
PASSWORD = "for-this-laptop"
ADDRESS, BUCKET = "http://127.0.0.1:8765", "s3://my-bucket/raw"
(SHOP,) = (block.text for block in descriptions() if block.document == "README.md")
ORDERS = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.example"}],
    "paths": {
        "/orders": {
            "get": {
                "operationId": "orders/list",
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}}
                        }
                    }
                },
            }
        }
    },
}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


def examples(command: str) -> list[str]:
    """The lines below "examples:", those that end with a backslash joined."""
    _, found, lines = str(parser_of(command).epilog).partition("examples:\n")
    assert found
    joined = lines.replace("\\\n", " ").replace("%(prog)s", f"{PROGRAM} {command}".strip())
    return [" ".join(line.split()) for line in joined.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_is_one_screen_with_examples_and_exit_statuses(command: str) -> None:
    lines = parser_of(command).format_help().splitlines()
    assert len(lines) <= SCREEN
    assert max(map(len, lines)) <= COLUMNS
    assert 3 <= len(examples(command)) <= 4
    assert not command or any("xit status: " in line for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_all_of_the_help_has_every_option(command: str) -> None:
    parser, text = parser_of(command), parser_of(command).format_all()
    names = [
        name
        for action in parser._actions  # noqa: SLF001 - argparse's
        if action.help != "==SUPPRESS=="
        for name in action.option_strings
    ]
    assert [name for name in names if not re.search(rf"{name}\b", text)] == []
    assert ("--help-all" in parser.format_help()) is bool(parser.common)
    assert {*parser.common} <= {*names}


def test_help_all_is_printed_and_is_longer(capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for option in ("--help", "--help-all"):
        with pytest.raises(SystemExit) as left:
            main(["ingest", option])
        assert left.value.code == 0
        texts.append(capsys.readouterr().out)
    assert ["--cursor-param" in text for text in texts] == [False, True]
    assert all("--dataset NAME" in text for text in texts)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    settings = SimulatorSettings(
        total_records=30, jitter_seconds=0, retry_after_seconds=0, rate_500=0, rate_503=0, rate_429=0
    )
    with SimulatorServer(settings, username="demo", password=PASSWORD) as server:
        yield server.base_url


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """What the examples find where they are typed: files, a lake, and what stands for a bucket."""
    folder = tmp_path_factory.mktemp("typed")
    files = {"orders.jsonl": '{"id": 1}\n', "shop.toml": SHOP, "openapi.json": json.dumps(ORDERS)}
    files["manifest.json"] = json.dumps({"client": {"base_url": "https://api.example"}, "resources": ["a"]})
    files[f"de_classes-{VERSION}-py3-none-any.whl"] = "as it was built"
    for name, mimic in {"stripe": "stripe", "github": "github", "secrets": "notion"}.items():
        files[f"{name}.json"] = json.dumps(MIMICS[mimic].secrets)
    for name, text in {**files, "password": PASSWORD}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    login = ("--username", "demo", "--password-file", str(folder / "password"))
    for where, words in {
        "lake": "--dataset orders --run-id monday",
        "./lake": "",
        "bucket": "--key orders.csv",
    }.items():
        assert called("ingest", address, *login, "--to", str(folder / where), *words.split())[0] == 0
    plan = folder / "lake" / "_runs" / "monday" / "plan.json"
    for where, run_id in (("lake", "friday"), ("bucket", "friday")):
        begun = folder / where / "_runs" / run_id / "plan.json"  # and nobody is at it
        begun.parent.mkdir(parents=True)
        begun.write_text(plan.read_text().replace("monday", run_id).replace('"orders"', f'"{run_id}"'))
    return folder


@pytest.fixture
def folder(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = shutil.copytree(begun, tmp_path / "typed")
    monkeypatch.chdir(folder)
    monkeypatch.setenv(parsers.PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.setenv("DE_CLASSES_SECRET_PASSWORD", PASSWORD)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    return folder


def as_it_is_here(words: list[str], folder: Path, address: str) -> list[str]:
    """What is typed, with what there is on this machine in the place of what the help invents."""
    (receipt,) = folder.glob("lake/orders/_receipt-*.json")
    here = {
        ADDRESS: address,
        "$WORKER_URL": WORKER_URL,
        "lake/orders/_receipt-00000001-monday-0a1b2c.json": str(receipt),
        "owner=acme": "owner=acme",
        "repo=app": "repo=widgets",
    }
    database = MIMICS["notion"].parameters.get("database", "")
    return [here.get(word, word.replace(BUCKET, "bucket").replace("/ID/", f"/{database}/")) for word in words]


def mimic_of(words: list[str]) -> str:
    """Whose API is asked."""
    return next(
        (name for name in MIMICS for word in words if re.match(rf"{name}\.|https://.*{name}", word)), ""
    )


def ran(words: list[str], address: str) -> tuple[int, str, str]:
    command, *_ = words
    name, clock = mimic_of(words), ManualClock()
    how: dict[str, Any] = {}
    with ExitStack() as stack:
        if command == "runs" and "--worker" in words:
            worker = WorkerApi(Path("deployed"), FakeSource(total=25))
            worker.carried_out({"run_id": "monday", "pages": "1"})
            how = {"transport": worker, "clock": worker.clock}
        elif command in {"ingest", "replay"} and name:
            words += ["--base-url", stack.enter_context(serving(MIMICS[name]()))]
        elif "shop.toml" in words:
            words += ["--base-url", address]
        elif name:
            how = {"transport": MimicTransport(MIMICS[name](clock=clock)), "clock": clock}
        elif command == "simulate" and "--list-faults" not in words:
            words, how = [*words, "--port", "0"], {"wait": lambda _: None}
        if command == "replay" and name:  # it was begun before
            assert called("ingest", *words[1:])[0] == 0
        return called(*words, **how)


@pytest.mark.parametrize(
    ("command", "example"),
    # Those of load need a database, and are typed in tests/postgres/test_command.py; those of schedule need a
    # stack, and are typed in test_schedule.py.
    [
        (command, example)
        for command in COMMANDS
        if command not in {"load", "schedule"}
        for example in examples(command)
    ],
)
def test_an_example_of_the_help_works(command: str, example: str, folder: Path, address: str) -> None:
    if "$(" in example:  # sam runs what is in the parentheses; tests/integration/test_new_project.py runs sam
        (example,) = re.findall(r"\$\((.*)\)", example)
    assert example.startswith(f"{PROGRAM} {command}".strip())
    words = as_it_is_here(shlex.split(example.removeprefix(PROGRAM)), folder, address)
    (folder / "sources").mkdir() if "sources/acme.toml" in words else None
    status, out, err = ran(words, address)
    assert status == 0 or (status, command) == (1, "init"), out + err
    assert out or "--out" in words
