from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import main, make_parser
from de_classes.cli import parsers
from de_classes.cli.ingest import run
from de_classes.simulators.records import SyntheticRecords
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.format.codec import get_codec
from de_classes.utils import strict_json
from de_classes.utils.formats import FORMATS
from tests.fakes.canary import PASSWORD
from tests.fakes.commands import called, without_waits
from tests.fakes.http_source import HttpSource, as_json, rows
from tests.fakes.sources import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = SimulatorSettings(
    rate_500=0.1,
    rate_503=0.05,
    rate_429=0.05,
    retry_after_seconds=0,
    jitter_seconds=0,
    total_records=230,
    seed=3,
)


PROGRAM = {
    "PATH": os.defpath,
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    parsers.PASSWORD_VARIABLE: PASSWORD,
}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(SETTINGS, username="ada", password=PASSWORD) as running:
        yield running


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parsers.PASSWORD_VARIABLE, PASSWORD)


def ingest(*words: str) -> tuple[int, str, str]:
    return called("ingest", *words)


@pytest.mark.parametrize("name", FORMATS)
def test_every_record_arrives_through_failures_in_every_format(
    server: SimulatorServer, tmp_path: Path, name: str
) -> None:
    words = ["--username", "ada", "--to", str(tmp_path / "lake"), "--format", name, "--limit", "10"]
    status, out, err = ingest(server.base_url, *words, "--concurrency", "4", "--json")
    receipt = json.loads(out)
    assert (status, err) == (0, "")
    assert (receipt["status"], receipt["records"], receipt["retries"] > 0) == ("complete", 230, True)
    with (tmp_path / "lake" / f"records.{name}").open("rb") as file:
        stored = [record for batch in get_codec(name).read(file) for record in batch]
    served = [strict_json.loads(record) for record in SyntheticRecords(3, 230).slice(0, 230)]
    assert [record["id"] for record in stored] == [record["id"] for record in served]
    if not FORMATS[name].is_table:
        assert stored == served


def test_the_summary_says_what_came_and_where_it_is(server: SimulatorServer, tmp_path: Path) -> None:
    status, out, _ = ingest(server.base_url, "--username", "ada", "--to", str(tmp_path), "--key", "a/b.csv")
    assert status == 0
    assert out.startswith("complete: 230 records of 230 expected, 3 pages")
    assert (tmp_path / "a" / "b.csv").as_uri() in out


@pytest.mark.parametrize(("words", "still"), [([], "sampled"), (["--strict"], "read twice")])
def test_the_summary_says_by_what_a_run_is_known_to_be_complete(
    server: SimulatorServer, tmp_path: Path, words: list[str], still: str
) -> None:
    status, out, _ = ingest(server.base_url, "--username", "ada", "--to", str(tmp_path), *words)
    assert status == 0
    assert f"\nproof:    end total (230 records), still {still} 3 of 3; 3 requests for it\n" in out
    assert "\nwarning: " not in out


def test_an_end_that_is_not_proved_is_a_warning_and_strictly_incomplete(tmp_path: Path) -> None:
    words = [
        "--pagination",
        "cursor",
        "--total-pages-field",
        "none",
        "--to",
        str(tmp_path),
        "--format",
        "csv",
    ]
    with HttpSource(lambda _: as_json({"data": rows(1)})) as source:
        status, out, err = ingest(source.url, *words, "--strict")
        assert (status, out, list(tmp_path.iterdir())) == (4, "", [])
        assert err == "ingest: IncompleteRunError: end: unproven: that is no proof, as strict asks for\n"
        status, out, _ = ingest(source.url, *words)
    assert status == 0
    assert "\nproof:    end unproven (1 came of up to 100)" in out
    assert (
        "\nwarning:  the end is not proved: 1 came of up to 100, and no way on was ever seen. Name a " in out
    )


def test_a_run_that_is_not_complete_fails_and_leaves_nothing(tmp_path: Path) -> None:
    hopeless = SimulatorSettings(rate_500=0, rate_503=1, rate_429=0, jitter_seconds=0, total_records=50)
    with SimulatorServer(hopeless, username="ada", password=PASSWORD) as server:
        words = ["--username", "ada", "--to", str(tmp_path), "--max-attempts", "2"]
        status, out, err = ingest(server.base_url, *words)
    assert (status, out) == (4, "")
    assert "IncompleteRunError" in err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_password_fails_after_one_login(
    server: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(parsers.PASSWORD_VARIABLE, "wrong-" + PASSWORD)
    logins = server.log.logins
    status, _, err = ingest(server.base_url, "--username", "ada", "--to", str(tmp_path))
    assert (status, server.log.logins - logins) == (1, 0)
    assert "AuthenticationError" in err
    assert PASSWORD not in err


def test_the_password_may_stand_in_a_file(
    server: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(parsers.PASSWORD_VARIABLE)
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    words = [
        "--username",
        "ada",
        "--password-file",
        str(tmp_path / "password"),
        "--to",
        str(tmp_path / "lake"),
    ]
    assert ingest(server.base_url, *words)[0] == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--to", "ftp://host/bucket"], "'ftp'"),
        (["--to", "s3://"], "no bucket"),
        (["--to", "http://127.0.0.1:1/"], "no bucket"),
        (["--to", "http://user:pw@127.0.0.1:1/bucket"], "credentials do not belong"),
        (["--to", "DIR", "--pages", "7-3"], "backwards"),
        (["--to", "DIR", "--limit", "0"], "limit"),
        (["--to", "DIR", "--concurrency", "99"], "concurrency"),
        (["--to", "DIR", "--header", "nonsense"], "NAME: VALUE"),
        (["--to", "DIR", "--username", "ada", "--password-file", "DIR/none"], "--password-file: "),
    ],
)
def test_a_mistake_in_the_command_is_named_before_anything_is_sent(
    server: SimulatorServer, tmp_path: Path, words: list[str], named: str
) -> None:
    before = server.log.requests
    status, _, err = ingest(server.base_url, *(word.replace("DIR", str(tmp_path)) for word in words))
    assert (status, server.log.requests) == (2, before)
    assert named in err


def test_a_refusal_without_a_username_names_the_option(server: SimulatorServer, tmp_path: Path) -> None:
    status, _, err = ingest(server.base_url, "--to", str(tmp_path))
    assert status == 1
    assert err.rstrip().endswith("; no --username was given, so no token was sent")


class Interrupting(io.StringIO):
    """A terminal whose user presses Ctrl-C as soon as the first page shows."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if "pages" in text:
            raise KeyboardInterrupt
        return super().write(text)


def test_an_interrupt_while_pages_come_stores_nothing(server: SimulatorServer, tmp_path: Path) -> None:
    parser = make_parser(["ingest", "replay"])
    words = ["ingest", server.base_url, "--username", "ada", "--to", str(tmp_path / "lake")]
    err = Interrupting()
    assert run(parser.parse_args(words), out=io.StringIO(), err=err) == 130
    assert "ingest: interrupted; nothing was stored" in err.getvalue()
    assert list((tmp_path / "lake").iterdir()) == []


def test_that_nobody_reads_the_receipt_does_not_undo_the_run(server: SimulatorServer, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = ["--username", "ada", "--to", str(tmp_path), "--json"]
    command = [sys.executable, "-W", "error", "-m", "de_classes", "ingest", server.base_url, *words]
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=PROGRAM, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, without_waits(done.stderr.decode())) == (0, "")
    assert (tmp_path / "records.parquet").stat().st_size > 0


def test_the_parent_directory_is_a_place_too(
    server: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert ingest(server.base_url, "--username", "ada", "--to", "..")[0] == 0
    assert (tmp_path / "records.parquet").is_file()


def test_F56_csv_is_written_for_spreadsheets_on_demand(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text('{"a": "=1+1"}\n', encoding="utf-8")
    calm = SimulatorSettings(
        rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0, records_uri=str(tmp_path / "records.jsonl")
    )
    with SimulatorServer(calm, username="ada", password=PASSWORD) as server:
        words = ["--username", "ada", "--to", str(tmp_path), "--key", "a.csv", "--escape-formulas"]
        assert ingest(server.base_url, *words)[0] == 0
    assert (tmp_path / "a.csv").read_bytes() == b'"a"\n"\'=1+1"\n'


def test_an_unknown_format_is_named(server: SimulatorServer, tmp_path: Path) -> None:
    status, _, err = ingest(server.base_url, "--to", str(tmp_path), "--format", "xml")
    assert status == 2
    assert ", ".join(FORMATS) in err


@pytest.mark.parametrize(
    ("command", "shown"), [([], "simulate"), (["simulate"], "examples:"), (["ingest"], "exit status:")]
)
def test_help_is_there(command: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0
    assert shown in capsys.readouterr().out


def test_no_command_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().out


CODE = """
from de_classes.cli.ingest import keep_memory_small
keep_memory_small()
keep_memory_small()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


def backend(**environment: str) -> str:
    environment |= {"PATH": os.defpath, "PYTHONPATH": str(LIBRARY.parent)}
    command = [sys.executable, "-c", CODE]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_arrow_takes_its_memory_from_the_system() -> None:
    assert backend() == "system"


@pytest.mark.parametrize("chosen", ["mimalloc", "system"])
def test_a_choice_is_left_alone(chosen: str) -> None:
    assert backend(ARROW_DEFAULT_MEMORY_POOL=chosen) == chosen
