from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import main, make_parser
from de_classes.cli.check import run
from de_classes.utils.clock import ManualClock
from tests.fakes.listing_api import TOKEN, ListingApi, write_description
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.transport import Transport


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"token": TOKEN}))
    secrets.chmod(0o600)
    return tmp_path


def check(folder: Path, transport: Transport, *words: str, **changes: object) -> tuple[int, str, str]:
    described = write_description(folder, **changes)
    parser = make_parser(["check"])
    name = [] if "." in "".join(words[:1]) else ["listing.items"]
    all_words = [
        "check",
        *name,
        *words,
        "--sources",
        str(described),
        "--secrets",
        str(folder / "secrets.json"),
    ]
    out, err = io.StringIO(), io.StringIO()
    status = run(parser.parse_args(all_words), out=out, err=err, transport=transport, clock=ManualClock())
    return status, out.getvalue(), err.getvalue()


def test_a_right_description_exits_with_0_and_says_what_it_looked_at(folder: Path) -> None:
    status, out, err = check(folder, ListingApi())
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [
        "auth", "records", "pagination", "page_size", "total", "end", "limits", "key", "updated", "costs"
    ]  # fmt: skip
    assert lines[-1] == "listing.items: ok, by 4 requests"


def test_a_wrong_description_exits_with_1(folder: Path) -> None:
    status, out, _ = check(folder, ListingApi(), records_path="data")
    assert status == 1
    assert 'wrong    records     records_path = "data" leads to no records' in out


def test_a_warning_exits_with_0(folder: Path) -> None:
    status, out, _ = check(folder, ListingApi(cap=10))
    assert (status, "warning  page_size" in out) == (0, True)


def test_json_has_the_findings_and_what_they_prove(folder: Path) -> None:
    status, out, _ = check(folder, ListingApi(), "--json")
    report = json.loads(out)
    assert (status, report["verdict"], report["evidence"]["way_on"]) == (0, "ok", True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["listing.things"], "names no resource: known are listing.items"),
        (["listings.items"], "did you mean listing"),
        (["--set", "owner"], "--set must be NAME=VALUE"),
        (["--set", "owner=x"], "--set owner is no parameter of listing.items"),
        (["--base-url", "http://10.0.0.1"], "--allow-insecure"),
    ],
)
def test_a_mistake_in_the_command_exits_with_2_and_asks_nothing(
    folder: Path, words: list[str], said: str
) -> None:
    api = ListingApi()
    status, out, err = check(folder, api, *words)
    assert (status, out, api.requests) == (2, "", [])
    assert said in err


def test_what_a_source_says_cannot_move_the_cursor(folder: Path) -> None:
    rude = FakeTransport(lambda _: json_response({"message": "no\x9b2J\x1b[2J\u202e"}, 404))
    status, out, err = check(folder, rude)
    assert status == 1
    assert all(character.isprintable() or character == "\n" for character in out + err)


def test_waits_are_told(folder: Path) -> None:
    answers = [json_response({}, 429, retry_after="30")]
    api = ListingApi()
    limited = FakeTransport(lambda request: answers.pop() if answers else api.send(request, timeout=1))
    status, _, err = check(folder, limited)
    assert (status, "check: attempt 1: " in err, "again in 30.00 s" in err) == (0, True, True)


def test_the_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["check", "--help"])
    assert stopped.value.code == 0
    assert "NAME.RESOURCE" in capsys.readouterr().out
