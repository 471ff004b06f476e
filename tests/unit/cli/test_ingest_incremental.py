"""Only what is new, from the command line: day after day into one dataset."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.__main__ import main
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets.reader import DatasetReader
from tests.fakes.mimics.serving import serving
from tests.fakes.runs import LOGGER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.mimics.kit import Answer, Request

DESK = """
version = 1
[sources.desk]
base_url = "https://desk.example"
[sources.desk.resources.tickets]
path = "/tickets"
params = { since = "${incremental.from}" }
records_path = "tickets"
page_size = { into = "query.limit", default = 2 }
pagination = { type = "offset", more = "more" }
primary_key = ["id"]
write = "upsert"
incremental = { field = "changed", start = "2026-01-01", lag = 3600 }
[sources.desk.resources.all]
path = "/tickets"
records_path = "tickets"
page_size = { into = "query.limit", default = 2 }
pagination = { type = "offset", more = "more" }
primary_key = ["id"]
write = "upsert"
"""


class Desk:
    """Tickets, and what changed of them since a time."""

    name = "desk"
    hosts = {"desk.example": ""}  # noqa: RUF012 - as of every mimic

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.takes_since = True
        self.window = 1_000
        self.tickets = [self.ticket(n, "open", day=n) for n in range(1, 6)]

    @staticmethod
    def ticket(number: int, status: str, *, day: int) -> dict[str, Any]:
        return {"id": number, "status": status, "changed": f"2026-02-{day:02d}T12:00:00Z"}

    @property
    def since(self) -> list[str | None]:
        return list(dict.fromkeys(request.query.get("since") for request in self.asked))

    def answer(self, request: Request) -> Answer:
        query = request.query
        since = query.get("since", "") if self.takes_since else ""
        before = query.get("before", "3")
        there = [each for each in self.tickets if since <= each["changed"] < before]
        if queue := query.get("queue"):
            there = [each for each in there if each["id"] % 2 == (queue == "odd")]
        found = there[: self.window]
        start, size = int(query.get("offset", 0)), int(query["limit"])
        body = {"tickets": found[start : start + size], "more": start + size < len(found)}
        body["total"] = len(there)
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


class Shell:
    """A command line, and the desk at one address.

    Args:
        folder: Where everything is.
        url: The desk's.
        desk: Itself.
    """

    def __init__(self, folder: Path, url: str, desk: Desk) -> None:
        self.folder = folder
        self.desk = desk
        self.described = DESK
        self._url = url

    def __call__(self, *words: str) -> tuple[int, str, str]:
        path = self.folder / "desk.toml"
        path.write_text(self.described)
        out, err = io.StringIO(), io.StringIO()
        self.desk.asked.clear()
        named = [] if "://" in words[0] else ["--sources", str(path), "--base-url", self._url]
        with redirect_stdout(out), redirect_stderr(err):
            to = ("--to", str(self.folder / "lake"), "--quiet", "--format", "jsonl")
            try:
                status = main(["ingest", *words, *named, *to])
            except SystemExit as refused:  # by the parser
                status = int(str(refused.code))
        return status, out.getvalue(), err.getvalue()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    desk = Desk()
    with serving(desk) as url:  # type: ignore[arg-type]
        yield Shell(tmp_path, url, desk)


def tickets(folder: Path, dataset: str = "tickets") -> dict[int, str]:
    records = [
        record
        for batch in DatasetReader(LocalClient(folder, LOGGER), "lake", dataset).records()
        for record in batch
    ]
    assert len({record["id"] for record in records}) == len(records)
    return {record["id"]: record["status"] for record in records}


TICKETS = ("desk.tickets", "--dataset", "tickets")


def test_the_second_run_asks_for_what_changed_since_the_first_and_puts_it_in_its_place(
    shell: Shell,
) -> None:
    desk = shell.desk
    status, out, err = shell(*TICKETS)
    assert (status, err) == (0, "")
    assert desk.since == ["2026-01-01T00:00:00Z"]
    assert (
        "new:      by changed, from 2026-01-01T00:00:00Z; the next run goes on from 2026-02-05T12:00:00Z"
        in out
    )
    desk.tickets[1] = desk.ticket(2, "closed", day=6)
    desk.tickets.append(desk.ticket(6, "open", day=6))
    status, out, err = shell(*TICKETS)
    assert (status, err) == (0, "")
    assert desk.since == ["2026-02-05T11:00:00Z"]
    assert (
        "dataset:  upsert: 6 records in 2 parts, 5 before, 2 replaced, 0 deleted, 1 parts written again"
        in out
    )
    assert tickets(shell.folder) == {1: "open", 2: "closed", 3: "open", 4: "open", 5: "open", 6: "open"}


def test_a_window_is_fetched_again_and_the_place_stays(shell: Shell) -> None:
    desk = shell.desk
    shell(*TICKETS)
    desk.tickets[0]["status"] = "mended"
    words = ("--from", "2026-02-01", "--until", "2026-02-02T00:00:00Z")
    status, out, _ = shell(*TICKETS, *words, "--json")
    assert (status, desk.since) == (0, ["2026-02-01T00:00:00Z"])
    receipt = json.loads(out)
    assert receipt["incremental"]["to"] == "2026-02-05T12:00:00Z"
    assert receipt["parameters"]["incremental"]["until"] == "2026-02-02T00:00:00Z"
    assert tickets(shell.folder)[1] == "mended"


def test_a_run_that_is_gone_on_with_asks_for_the_same_window(shell: Shell) -> None:
    desk = shell.desk
    shell(*TICKETS, "--run-id", "first")
    desk.tickets.append(desk.ticket(6, "open", day=6))
    status, out, err = shell(*TICKETS, "--run-id", "first")
    assert err == ""
    assert (status, desk.asked) == (0, [])  # it is complete: nothing is asked
    assert "the next run goes on from 2026-02-05T12:00:00Z" in out


def test_a_strict_read_of_everything_takes_out_what_is_gone_and_keeps_the_place(shell: Shell) -> None:
    desk = shell.desk
    shell(*TICKETS)
    del desk.tickets[2]
    status, _, err = shell("desk.all", "--dataset", "tickets", "--strict")
    assert (status, "--accept-shrink" in err) == (4, True)  # one of five is more than a tenth
    assert len(tickets(shell.folder)) == 5
    words = ("desk.all", "--dataset", "tickets", "--strict", "--accept-shrink")
    status, out, err = shell(*words)
    assert (status, err) == (0, "")
    assert "4 records in 1 parts, 5 before, 4 replaced, 1 deleted" in out
    assert sorted(tickets(shell.folder)) == [1, 2, 4, 5]
    shell(*TICKETS)
    assert desk.since == ["2026-02-05T11:00:00Z"]


def test_a_source_that_does_not_take_the_time_is_told_of(shell: Shell) -> None:
    desk = shell.desk
    shell(*TICKETS)
    desk.tickets = [{**each, "changed": each["changed"].replace("2026", "2025")} for each in desk.tickets]
    desk.takes_since = False
    status, out, _ = shell(*TICKETS)
    assert status == 0
    assert "warning:  5 records changed before the time that was asked for" in out


SLICED = DESK.replace(
    'params = { since = "${incremental.from}" }',
    'params = { since = "${incremental.from}", before = "${incremental.until}" }\n'
    'total_path = "total"\nwindow = 3',
)


def test_F98_a_source_that_gives_no_more_than_a_window_is_read_in_slices(shell: Shell) -> None:
    desk, shell.described = shell.desk, SLICED
    desk.window = 3
    desk.tickets = [desk.ticket(n, "open", day=n) for n in range(1, 11)]
    status, out, err = shell(*TICKETS, "--json")
    assert (status, err) == (0, "")
    receipt = json.loads(out)
    slices = receipt["parameters"]["incremental"]["slices"]
    assert len(slices) >= 3
    assert (receipt["records"], receipt["end"]["by"]) == (10, "total")
    assert sorted(tickets(shell.folder)) == list(range(1, 11))
    asked = {(request.query["since"], request.query["before"]) for request in desk.asked}
    assert {before for _, before in asked} >= set(slices)
    status, out, _ = shell(*TICKETS, "--json")
    assert json.loads(out)["incremental"]["to"] == "2026-02-10T12:00:00Z"


def test_F100_a_moment_that_has_more_than_the_window_is_an_error_that_says_so(shell: Shell) -> None:
    desk, shell.described = shell.desk, SLICED
    desk.window = 3
    desk.tickets = [desk.ticket(n, "open", day=1) for n in range(1, 6)]
    status, _, err = shell(*TICKETS)
    assert (status, "5 records changed from 2026-02-01T12:00:00Z to 2026-02-01T12:00:01Z" in err) == (
        1,
        True,
    ), err
    assert not (shell.folder / "lake").exists()


CHILDREN = DESK.replace(
    'params = { since = "${incremental.from}" }',
    'params = { since = "${incremental.from}", queue = "${parent.value}" }\n'
    'for_each = { values = ["odd", "even"], include = { queue = "value" } }',
)


def test_the_children_of_every_parent_are_asked_for_from_its_own_place(shell: Shell) -> None:
    desk, shell.described = shell.desk, CHILDREN
    status, out, err = shell(*TICKETS)
    assert (status, err) == (0, "")
    assert (
        "from 2026-01-01T00:00:00Z; the next run goes on from a place for each of 2 parents, the first of "
        "them 2026-02-04T12:00:00Z; 2 are new, 0 gone\n" in out
    )
    desk.tickets[2] = desk.ticket(3, "closed", day=6)
    desk.tickets.append(desk.ticket(6, "open", day=7))
    status, out, err = shell(*TICKETS, "--json")
    assert (status, err) == (0, "")
    assert {(each.query["queue"], each.query["since"]) for each in desk.asked} == {
        ("odd", "2026-02-05T11:00:00Z"),
        ("even", "2026-02-04T11:00:00Z"),
    }
    assert json.loads(out)["incremental"]["to"] == "2026-02-06T12:00:00Z"
    assert tickets(shell.folder) == {n: "closed" if n == 3 else "open" for n in range(1, 7)}


def test_two_sources_do_not_share_a_place(shell: Shell) -> None:
    desk = shell.desk
    shell(*TICKETS)
    shell.described = DESK.replace('path = "/tickets"', 'path = "/other/tickets"', 1)
    status, _, err = shell(*TICKETS)
    assert (status, "was read from another source" in err) == (2, True)
    assert desk.asked == []


def test_one_object_is_read_from_the_start_or_as_is_asked(shell: Shell) -> None:
    shell(*TICKETS)
    status, _, err = shell("desk.tickets", "--key", "t.jsonl", "--from", "2026-02-04")
    assert (status, err) == (0, "")
    assert len((shell.folder / "lake" / "t.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("desk.all", "--dataset", "d", "--from", "2026-02-01"), "desk.all is not"),
        ((*TICKETS, "--from", "soon"), "'soon' is no time"),
        ((*TICKETS, "--write", "append"), "written by upsert"),
        (("desk.tickets", "--key", "a.jsonl", "--write", "append"), "--write has no effect"),
        (("http://127.0.0.1:1", "--from", "2026-02-01"), "--from has no effect"),
        (("http://127.0.0.1:1", "--dataset", "d", "--write", "upsert"), "needs --key-field"),
    ],
)
def test_a_mistake_in_the_words_is_named_before_anything_is_asked(
    words: tuple[str, ...], said: str, shell: Shell
) -> None:
    desk = shell.desk
    status, _, err = shell(*words)
    assert (status, said in err, desk.asked) == (2, True, []), err
