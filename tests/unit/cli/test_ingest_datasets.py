"""``--dataset``, ``--run-id``, ``--partial`` and ``replay``: a run over a server, in several goes."""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from de_classes.cli import parsers
from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.storage.clients import LocalClient
from de_classes.storage.datasets import DatasetReader
from localcloud.emulator import free_port
from tests.fakes.canary import PASSWORD
from tests.fakes.commands import called

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = "http://127.0.0.1:9"
COUNT, LIMIT = 60, 10
BROKEN = "unavailable-503=1@3"  # page 3, at every try
LOOKED_AT_AGAIN = (1, 2, 3, 5, 6)  # before a run is complete: five of its six pages, evenly spread


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(parsers.PASSWORD_VARIABLE, PASSWORD)


@contextmanager
def serving(port: int | None = None, *, faults: str | None = None) -> Iterator[SimulatorServer]:
    """A source, there or anywhere; where it was there may be another."""
    settings = SimulatorSettings(
        rate_500=0, rate_503=0, rate_429=0, jitter_seconds=0, total_records=COUNT, seed=3
    )
    port = port or free_port()
    with SimulatorServer(settings, username="ada", password=PASSWORD, port=port, faults=faults) as server:
        yield server


def command(name: str, url: str, to: Path, *words: str) -> tuple[int, str, str]:
    given = ["--username", "ada", "--to", str(to), "--limit", str(LIMIT), "--format", "jsonl", *words]
    return called(name, url, *given)


def ids(lake: Path, dataset: str = "orders") -> list[int]:
    reader = DatasetReader(LocalClient(lake.parent, logging.getLogger("tests.cli")), lake.name, dataset)
    return [record["id"] for batch in reader.records() for record in batch]


def test_a_dataset_is_parts_a_manifest_and_a_receipt(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    with serving() as server:
        words = ("--dataset", "orders", "--run-id", "monday", "--part-pages", "2")
        status, out, _ = command("ingest", server.base_url, lake, *words)
    assert status == 0
    assert "run:      monday, 3 parts" in out
    assert ids(lake) == list(range(1, COUNT + 1))
    assert len(list(lake.glob("orders/part-*.jsonl"))) == 3
    assert (lake / "_runs" / "monday" / "plan.json").exists()


def test_a_run_that_is_complete_gives_its_receipt_again_and_asks_nothing(tmp_path: Path) -> None:
    with serving() as server:
        words = ("--dataset", "orders", "--run-id", "monday", "--json")
        first = command("ingest", server.base_url, tmp_path, *words)
        requests = server.log.requests
        again = command("replay", server.base_url, tmp_path, *words)
        assert server.log.requests == requests
    assert (first[0], again[0]) == (0, 0)
    before, after = json.loads(first[1]), json.loads(again[1])
    assert (before["complete_before"], after.pop("complete_before")) == (False, True)
    assert after == {name: value for name, value in before.items() if name != "complete_before"}


def test_a_run_that_was_complete_before_says_so_and_that_nothing_was_fetched(tmp_path: Path) -> None:
    words = ("--dataset", "orders", "--run-id", "monday")
    with serving() as server:
        said = [command("ingest", server.base_url, tmp_path, *words)[1] for _ in range(2)]
    assert ["nothing was fetched" in text for text in said] == [False, True]


def test_what_came_of_an_incomplete_run_is_kept_and_the_way_on_is_told(tmp_path: Path) -> None:
    words = ("--dataset", "orders", "--run-id", "monday", "--max-attempts", "1")
    with serving(faults=BROKEN) as server:
        port = server.port
        status, out, err = command("ingest", server.base_url, tmp_path, *words)
    assert (status, out) == (4, "")
    assert err.count("what came is kept") == 1
    assert err.rstrip().endswith("go on with --run-id monday")
    assert list(tmp_path.glob("orders/_manifest*")) == []
    with serving(port) as server:
        status, out, _ = command("ingest", server.base_url, tmp_path, *words, "--json")
    receipt = json.loads(out)
    assert (status, receipt["invocations"]) == (0, 2)
    answered = 6 + len([2]) + len(LOOKED_AT_AGAIN)  # page 2: does it still hold where the second go begins?
    assert receipt["requests_by_outcome"]["200"] == answered
    assert ids(tmp_path) == list(range(1, COUNT + 1))


def test_a_partial_run_says_so_and_a_replay_fetches_only_what_is_missing(tmp_path: Path) -> None:
    words = ("--dataset", "orders", "--run-id", "monday", "--max-attempts", "1")
    with serving(faults=BROKEN) as server:
        port = server.port
        status, out, _ = command("ingest", server.base_url, tmp_path, *words, "--partial")
    assert (status, out.partition(":")[0]) == (3, "partial")
    assert "missing:  pages 3" in out
    assert ids(tmp_path) == [number for number in range(1, COUNT + 1) if not 20 < number <= 30]
    with serving(port) as server:
        status, out, _ = command("replay", server.base_url, tmp_path, *words, "--json")
        assert server.log.served_pages == Counter([6, 3]) + Counter(LOOKED_AT_AGAIN)  # 6: does it still hold?
    assert (status, json.loads(out)["missing_pages"]) == (0, [])
    assert ids(tmp_path) == list(range(1, COUNT + 1))


@pytest.mark.parametrize("words", [[], ["--dataset", "orders"], ["--run-id", "monday"]])
def test_a_replay_is_told_which_run(tmp_path: Path, words: list[str]) -> None:
    status, out, err = command("replay", NOBODY, tmp_path, *words)
    assert (status, out) == (2, "")
    assert "the following arguments are required: --dataset" in err or "required: --run-id" in err


def test_a_replay_of_a_run_that_never_was_is_a_mistake_and_begins_none(tmp_path: Path) -> None:
    status, _, err = command("replay", NOBODY, tmp_path, "--dataset", "orders", "--run-id", "monday")
    assert status == 2
    assert "no run 'monday' was begun there" in err
    assert list(tmp_path.iterdir()) == []


def test_a_run_goes_on_as_it_was_begun_or_not_at_all(tmp_path: Path) -> None:
    words = ("--dataset", "orders", "--run-id", "monday")
    with serving() as server:
        command("ingest", server.base_url, tmp_path, *words)
        status, _, err = command("ingest", server.base_url, tmp_path, *words, "--key-field", "id")
    assert status == 2
    assert "key_fields is ('id',), but the run was begun with ()" in err


def test_what_does_not_fit_the_columns_is_refused_or_set_aside(tmp_path: Path) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text('{"id": "string"}')
    words = ("--columns", str(columns), "--dataset", "orders")
    with serving() as server:
        refused = command("ingest", server.base_url, tmp_path / "lake", *words)
        set_aside = command("ingest", server.base_url, tmp_path / "lake", *words, "--quarantine", "--json")
    assert (refused[0], "SchemaViolationError" in refused[2]) == (1, True)
    receipt = json.loads(set_aside[1])
    assert (set_aside[0], receipt["records"], receipt["quarantined"]) == (0, 0, COUNT)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--run-id", "monday"], "--run-id has no effect without --dataset: "),
        (["--key-field", "id"], "--key-field has no effect without --dataset: "),
        (["--columns", "c.json"], "--columns has no effect without --dataset: "),
        (["--dataset", "a/../b"], "--dataset cannot be a key's beginning"),
        (["--dataset", "orders", "--key", "a.jsonl"], "--key has no effect with --dataset: "),
        (["--dataset", "orders", "--quarantine"], "--quarantine has no effect without --columns: "),
        (["--dataset", "orders", "--columns", "absent.json"], "--columns cannot be used"),
        (["--dataset", "orders", "--run-id", "a b"], "--run-id must be 1 to 80 letters"),
        (["--dataset", "orders", "--part-pages", "0"], "--part-pages must be a whole number from 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_named_as_it_was_written(tmp_path: Path, words: list[str], named: str) -> None:
    status, out, err = command("ingest", NOBODY, tmp_path, *words)
    assert (status, out) == (2, "")
    assert named in err


@pytest.mark.parametrize("words", [[], ["--run-id", "monday"]])
def test_the_way_on_is_told_as_a_run_begins_before_anything_is_asked(
    tmp_path: Path, words: list[str]
) -> None:
    """What is killed says nothing any more."""
    with serving(faults=BROKEN) as server:
        given = ("--dataset", "orders", "--max-attempts", "1", *words)
        status, _, err = command("ingest", server.base_url, tmp_path, *given)
        first, *_, last = err.splitlines()
        (begun,) = (path.name for path in (tmp_path / "_runs").iterdir())
        assert (status, first) == (4, f"ingest: run {begun}: if it is stopped, go on with --run-id {begun}")
        assert last.endswith(f"; go on with --run-id {begun}")
        _, _, quiet = command("ingest", server.base_url, tmp_path, *given, "--quiet", "--run-id", begun)
    assert first not in quiet


def test_one_object_has_no_run_to_go_on_with(tmp_path: Path) -> None:
    with serving() as server:
        assert command("ingest", server.base_url, tmp_path)[2] == ""


def test_a_run_says_in_the_log_that_it_begins_and_that_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "de_classes.ingest.quiet")
    words = ("--dataset", "orders", "--run-id", "monday", "--max-attempts", "1", "--part-pages", "1")
    with serving(faults=BROKEN) as server:
        port = server.port
        command("ingest", server.base_url, tmp_path, *words)
    with serving(port) as server:
        for _ in range(2):
            command("ingest", server.base_url, tmp_path, *words)
    said = [record.getMessage() for record in caplog.records if "run monday" in record.getMessage()]
    assert said == [
        "run monday begins",
        "run monday goes on behind 5 parts",
        f"run monday is complete: {COUNT} records",
        "run monday was complete before, and nothing was fetched",
    ]
