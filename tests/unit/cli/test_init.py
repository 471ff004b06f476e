"""``init`` from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from de_classes.api.source.binding import Source
from de_classes.cli.init import EXIT_OPEN, EXIT_USAGE
from de_classes.utils.clock import ManualClock
from tests.fakes.commands import called
from tests.fakes.mimics import MIMICS
from tests.fakes.mimics.serving import MimicTransport

if TYPE_CHECKING:
    from pathlib import Path

GITHUB = "https://api.github.com/repos/acme/widgets/issues?state=all"


def init(*words: str, mimic: str = "github") -> tuple[int, str, str]:
    clock = ManualClock()
    return called("init", *words, transport=MimicTransport(MIMICS[mimic](clock=clock)), clock=clock)


@pytest.fixture
def secrets(tmp_path: Path) -> str:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps(MIMICS["github"].secrets))
    file.chmod(0o600)
    return str(file)


def test_a_description_goes_to_a_file_and_what_it_rests_on_to_stderr(secrets: str, tmp_path: Path) -> None:
    path = tmp_path / "github.toml"
    status, out, err = init(GITHUB, "--secrets", secrets, "--out", str(path))
    assert (status, out) == (0, "")
    assert "login: Bearer token" in err
    assert f"written: github.issues to {path}" in err
    assert [line for line in err.splitlines() if not line.startswith("init: ")] == []
    assert Source.load(path)["github.issues"].described.params == {"state": "all"}


def test_a_name_is_taken_and_a_header_sent(secrets: str) -> None:
    status, out, _ = init(GITHUB, "--secrets", secrets, "--name", "gh", "--header", "X-Wish: none")
    assert status == 0
    assert "[sources.gh.resources.issues]" in out
    assert 'headers = { X-Wish = "none" }' in out


def test_what_could_not_be_told_is_a_status_of_its_own() -> None:
    status, out, err = init(GITHUB)
    assert status == EXIT_OPEN
    assert "could not tell: auth" in err
    assert ". No secret was given to try: --secrets FILE\n" in err
    assert "# could not tell" in out


def test_a_file_that_is_there_is_not_written_over(secrets: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    status, _, err = init(GITHUB, "--secrets", secrets, "--out", str(path))
    assert status == EXIT_USAGE
    assert "is there already" in err
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "one of the arguments URL --openapi --from is required"),
        ((GITHUB, "--from", "x.json"), "--from: not allowed with argument URL"),
        ((GITHUB, "--body", "[]"), "--body must be a JSON object"),
        ((GITHUB, "--body", "{"), "--body must be a JSON object"),
        ((GITHUB, "--body", "{}", "--method", "GET"), "--body has no effect with --method GET: "),
        ((GITHUB, "--header", "nothing"), "--header"),
        ((GITHUB, "--out", "x.json"), "--out"),
        (("--from", "nowhere.json"), "nowhere.json"),
        (("--openapi", "nowhere.json"), "nowhere.json"),
        (("ftp://example.com/",), "the address"),
    ],
)
def test_a_mistake_in_the_words_is_named(words: tuple[str, ...], said: str) -> None:
    status, out, err = init(*words)
    assert status == EXIT_USAGE
    assert out == ""
    assert said in err


def test_a_document_is_converted_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    file = tmp_path / "dlt.json"
    file.write_text(json.dumps({"client": {"base_url": "https://api.example.com"}, "resources": ["things"]}))
    status, out, err = init("--from", str(file))
    assert status == EXIT_OPEN
    assert "[sources.example.resources.things]" in out
    assert "could not tell: things.pagination" in err


def test_what_was_written_is_said_as_json(secrets: str, tmp_path: Path) -> None:
    path = tmp_path / "github.toml"
    shown = json.loads(init(GITHUB, "--secrets", secrets, "--json")[1])
    assert "[sources.github.resources.issues]" in shown.pop("description")
    assert shown == {"resources": ["github.issues"], "path": None, "open_points": []}
    written = json.loads(init(GITHUB, "--secrets", secrets, "--json", "--out", str(path))[1])
    assert (written["path"], written["description"]) == (str(path), None)
