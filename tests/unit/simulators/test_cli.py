from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from de_classes.__main__ import make_parser
from de_classes.simulators import cli
from de_classes.simulators.catalogue import CATALOGUE
from tests.fakes.commands import called

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from de_classes.simulators.server import SimulatorServer

LIBRARY = Path(__file__).parents[3] / "layers/de_classes"
PROGRAM = "import sys; from de_classes.__main__ import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def _no_login_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (cli.USERNAME_VARIABLE, cli.PASSWORD_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def parsed(*options: str) -> argparse.Namespace:
    parser = make_parser(["simulate"])
    return parser.parse_args(["simulate", *options])


def simulate(*options: str, wait: Callable[[SimulatorServer], None] = lambda _: None) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = cli.run(parsed("--port", "0", *options), out=out, err=err, wait=wait)
    return status, out.getvalue(), err.getvalue()


def served(*options: str) -> SimulatorServer:
    seen: list[SimulatorServer] = []
    status, _, problems = simulate(*options, wait=seen.append)
    assert (status, problems) == (0, "")
    return seen[0]


def test_options_become_settings() -> None:
    options = [
        "--rate-500",
        ".2",
        "--rate-503",
        ".1",
        "--rate-429",
        ".3",
        "--retry-after",
        "4",
        "--jitter",
        "0",
        "--seed",
        "9",
    ]
    more = ["--records-count", "70", "--limit-max", "50", "--token-life", "20", "--allow-overrides"]
    settings = served(*options, *more).settings

    assert (settings.rate_500, settings.rate_503, settings.rate_429) == (0.2, 0.1, 0.3)
    assert (settings.retry_after_seconds, settings.jitter_seconds, settings.seed) == (4, 0.0, 9)
    assert (settings.total_records, settings.max_limit, settings.token_life_seconds) == (70, 50, 20)
    assert settings.allow_overrides


def test_one_rate_is_split_over_the_three() -> None:
    plan = served("--rate", "0.3").plan
    assert list(plan.rates.values()) == pytest.approx([0.1, 0.1, 0.1])


def test_faults_take_the_place_of_the_three_and_share_the_rate() -> None:
    plan = served("--faults", "F14,F21", "--rate", "0.3", "--seed", "7").plan
    assert (plan.rates, plan.seed) == ({"truncated-gzip": 0.15, "empty-page": 0.15}, 7)


def test_faults_have_rates_of_their_own_and_dials() -> None:
    options = [
        "--faults",
        "truncated-gzip=0.1,empty-page=0.05,huge-body=0",
        "--huge-body-bytes",
        "99",
        "--links",
    ]
    server = served(*options, "--drip-seconds", "0.5", "--token-uses", "7")

    assert server.plan.rates == {"truncated-gzip": 0.1, "empty-page": 0.05, "huge-body": 0.0}
    assert (server.plan.parameters.huge_body_bytes, server.plan.parameters.token_uses) == (99, 7)
    assert server.settings.links


@pytest.mark.parametrize(
    ("options", "records"), [(["--pages", "7"], 700), (["--pages", "7", "--limit-max", "20"], 140)]
)
def test_pages_are_counted_at_the_default_limit(options: list[str], records: int) -> None:
    assert served(*options).records.count == records


def test_the_users_own_file_is_served(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"a":1}\n{"b":2}\n', encoding="utf-8")
    assert served("--records", str(path)).records.slice(0, 2) == [b'{"a":1}', b'{"b":2}']


def test_a_made_up_password_is_printed_once_and_works() -> None:
    seen: list[SimulatorServer] = []
    _, text, _ = simulate(wait=seen.append)

    assert text.count(seen[0].password) == 1
    assert seen[0].username == "demo"


def test_a_given_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cli.PASSWORD_VARIABLE, "canary-pass")
    _, text, _ = simulate("--username", "me")

    assert "canary-pass" not in text
    assert '"username":"me"' in text


def test_the_login_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cli.USERNAME_VARIABLE, "env-user")
    monkeypatch.setenv(cli.PASSWORD_VARIABLE, "env-pass")
    server = served()

    assert (server.username, server.password) == ("env-user", "env-pass")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--rate-500", "2", "--retry-after", "-1"], ["--rate-500", "--retry-after"]),
        (["--rate", "nan"], ["--rate-500", "--rate-503", "--rate-429"]),
        (["--rate-500", ".9", "--rate-503", ".3"], ["the"]),
        (["--limit-max", "0"], ["--limit-max"]),
        (["--faults", "nonsense,F01=3"], ["--faults", "--faults"]),
        (["--faults", "F22,F23"], ["--faults"]),
        (["--faults", "F14", "--rate", "2"], ["--rate"]),
        (["--records", "/no/such/file"], ["the"]),
        (["--username", "u" * 300], ["username"]),
    ],
)
def test_bad_input_is_named_by_its_option_and_nothing_is_served(options: list[str], named: list[str]) -> None:
    waited: list[SimulatorServer] = []
    status, text, problems = simulate(*options, wait=waited.append)

    assert (status, text, waited) == (2, "", [])
    assert [line.split(" ")[:2] for line in problems.splitlines()] == [["simulate:", name] for name in named]


@pytest.mark.parametrize(
    "options",
    [
        ["--pages", "1", "--records-count", "1"],
        ["--port", "70000"],
        ["--seed", "x"],
        ["--rate-429", "0.1", "--rate", "0.3"],
        ["--rate-500", "0.1", "--faults", "F14"],
        ["--seed", "1", "--list-faults"],
    ],
)
def test_what_the_parser_refuses_is_status_2_too(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(*options)

    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_a_taken_port_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, problems = simulate("--port", str(taken.getsockname()[1]))

    assert status == 2
    assert "cannot listen" in problems


def test_every_fault_is_named_in_the_help_and_listed_with_its_summary(
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts: list[str] = []
    with pytest.raises(SystemExit) as caught:
        parsed("--help-all")
    assert caught.value.code == 0
    texts.append(capsys.readouterr().out)
    texts.append(called("simulate", "--list-faults")[1])
    helped, listed = (" ".join(text.split()) for text in texts)

    assert [fault.name for fault in CATALOGUE if fault.name not in helped] == []
    assert [fault.name for fault in CATALOGUE if fault.summary not in listed] == []
    assert len(texts[1].splitlines()) == len(list(CATALOGUE))


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--help")
    assert "python -m de_classes simulate --records orders.jsonl" in capsys.readouterr().out


def test_the_summary_counts_what_was_served() -> None:
    def use(server: SimulatorServer) -> None:
        with urllib.request.urlopen(f"{server.base_url}/health") as answer:  # noqa: S310 - loopback
            assert json.load(answer) == {"status": "ok"}

    _, text, _ = simulate(wait=use)

    assert "1 requests, 0 logins, 0 pages" in text
    assert "200: 1" in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_a_summary_and_status_0(number: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM, "simulate", "--port", "0"]
    environ = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        line = ""
        while not line.startswith("Ctrl-C"):
            line = process.stdout.readline()
        process.send_signal(number)
        rest = process.stdout.read()

    assert process.returncode == 0
    assert "Served in" in rest


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="the printed commands are for a POSIX shell")
def test_the_printed_commands_work_as_they_are() -> None:
    answers: list[str] = []

    def paste(_: SimulatorServer) -> None:
        lines = out.getvalue().partition("Try it:")[2].partition("Ctrl-C")[0]
        done = subprocess.run(["/bin/sh", "-c", lines], capture_output=True, text=True, check=True)
        answers.append(done.stdout)

    out = io.StringIO()
    cli.run(parsed("--port", "0", "--rate", "0"), out=out, wait=paste)

    assert answers[0].startswith("HTTP/1.1 200")
    assert '"total_pages":500' in answers[0]


def test_all_that_it_says_is_json_where_that_is_asked_for() -> None:
    addresses: list[str] = []

    def use(server: SimulatorServer) -> None:
        addresses.append(server.base_url)
        with urllib.request.urlopen(f"{server.base_url}/health"):  # noqa: S310 - loopback
            pass

    status, out, err = simulate("--json", "--rate", "0", "--pages", "2", wait=use)
    first, last = (msgspec.json.decode(line, type=cli.Serving | cli.Served) for line in out.splitlines())
    assert (status, err) == (0, "")
    assert isinstance(first, cli.Serving)
    assert ([first.url], first.records, first.username) == (addresses, 200, "demo")
    assert first.password
    assert isinstance(last, cli.Served)
    assert (last.requests, last.by_status) == (1, {"200": 1})


def test_a_given_password_is_not_in_the_json_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cli.PASSWORD_VARIABLE, "canary-pass")
    assert "canary-pass" not in simulate("--json")[1]


def test_the_faults_are_listed_as_json() -> None:
    _, out, _ = called("simulate", "--list-faults", "--json")
    told = msgspec.json.decode(out, type=cli.ListedFaults)
    assert [fault["name"] for fault in told.faults if fault["summary"]] == [
        fault["name"] for fault in told.faults
    ]
    assert {fault["name"] for fault in told.faults} == {fault.name for fault in CATALOGUE}
