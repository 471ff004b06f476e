from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import main, make_parser
from de_classes.cli.sample import run, table
from de_classes.cli.terminal import width
from de_classes.errors import NetworkError
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


def sample(folder: Path, transport: Transport, *words: str, **changes: object) -> tuple[int, str, str]:
    described = write_description(folder, **changes)
    parser = make_parser(["sample"])
    all_words = ["sample", "listing.items", *words, "--sources", str(described)]
    args = parser.parse_args([*all_words, "--secrets", str(folder / "secrets.json")])
    out, err = io.StringIO(), io.StringIO()
    status = run(args, out=out, err=err, transport=transport, clock=ManualClock(), columns=100)
    return status, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(("count", "requests"), [(3, 1), (20, 1), (21, 2), (45, 3)])
def test_no_more_pages_are_asked_for_than_the_records_take(folder: Path, count: int, requests: int) -> None:
    api = ListingApi(count=200)
    status, out, err = sample(folder, api, "-n", str(count), "--jsonl")
    records = [json.loads(line) for line in out.splitlines()]
    assert (status, err, records) == (0, "", [api.record(number) for number in range(count)])
    assert len(api.requests) == requests
    assert api.requests[0].params["limit"] == str(min(count, 20))


def test_all_come_where_there_are_fewer(folder: Path) -> None:
    status, out, _ = sample(folder, ListingApi(count=5), "--jsonl")
    assert (status, len(out.splitlines())) == (0, 5)


def test_a_table_has_the_records_below_their_names(folder: Path) -> None:
    status, out, _ = sample(folder, ListingApi(), "-n", "2")
    assert status == 0
    assert out.splitlines() == [
        "  id  name    size  owner            updated_at",
        "----  ------  ----  ---------------  --------------------",
        '1000  item 0   0.0  {"login":"ada"}  2026-01-01T00:00:00Z',
        '1001  null     0.5  {"login":"ada"}  2026-01-02T00:00:00Z',
    ]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_a_table_is_no_wider_than_the_terminal(columns: int) -> None:
    records = [
        {f"field {number}": text for number in range(30)}
        for text in ("short", "a rather long text " * 20, "漢字" * 30, "e\u0301" * 40)
    ]
    lines = list(table(records, columns))
    assert max(map(width, lines)) <= columns
    assert lines[-1].startswith("and field ") or columns == 200


def test_text_that_would_move_the_cursor_is_escaped(folder: Path) -> None:
    rude = [{"id": 1, "na\x1b[2Jme": "a\x1b]0;title\x07b\u202ec\nd\x9b2J", "deep": {"x": "\x1b[2J"}}]
    transport = FakeTransport(lambda _: json_response({"items": rude, "meta": {"total": 1}}))
    for words in ([], ["--jsonl"]):
        _, out, _ = sample(folder, transport, *words)
        assert all(character.isprintable() or character == "\n" for character in out)
    assert json.loads(out) == rude[0]


def test_no_records_are_said(folder: Path) -> None:
    assert sample(folder, ListingApi(count=0))[:2] == (0, "no records\n")


def test_what_came_before_a_failure_is_shown(folder: Path) -> None:
    api = ListingApi(count=200)

    def answer(request: object) -> object:
        return json_response({}, 500) if len(transport.requests) > 1 else api.send(request, timeout=1)  # type: ignore[arg-type]

    transport = FakeTransport(answer)  # type: ignore[arg-type]
    status, out, err = sample(folder, transport, "-n", "30", "--jsonl")
    assert (status, len(out.splitlines())) == (1, 20)
    assert "500" in err


def test_where_none_came_the_reason_is_told_and_not_that_there_are_none(folder: Path) -> None:
    down = FakeTransport(lambda _: NetworkError("http://listing.example: nobody listens there"))
    status, out, err = sample(folder, down)
    assert (status, out) == (1, "")
    last = err.splitlines()[-1]
    assert last.startswith("sample: PageGivenUpError: page 1 failed 4 times")
    assert last.endswith("is the address right?")


def test_refused_credentials_are_named_by_where_they_came_from(folder: Path) -> None:
    refusing = FakeTransport(lambda _: json_response({}, 401))
    _, _, err = sample(folder, refusing)
    assert err.endswith(
        f"; they are what auth of the description takes from --secrets {folder}/secrets.json\n"
    )


def test_the_records_are_one_json_object_where_that_is_asked_for(folder: Path) -> None:
    status, out, _ = sample(folder, ListingApi(), "-n", "3", "--json")
    told = json.loads(out)
    assert (status, len(told["records"]), sorted(told)) == (0, 3, ["records", "resource"])
    _, lines, _ = sample(folder, ListingApi(), "-n", "3", "--jsonl")
    assert [json.loads(line) for line in lines.splitlines()] == told["records"]


@pytest.mark.parametrize("words", [["-n", "0"], ["--set", "x"]])
def test_a_mistake_in_the_command_exits_with_2_and_asks_nothing(folder: Path, words: list[str]) -> None:
    api = ListingApi()
    status, out, err = sample(folder, api, *words)
    assert (status, out, api.requests) == (2, "", [])
    assert err.startswith("sample: -")


def test_the_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sample", "--help"])
    assert stopped.value.code == 0
    assert "--jsonl" in capsys.readouterr().out
