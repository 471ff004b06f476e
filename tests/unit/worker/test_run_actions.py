"""What a state machine asks of the worker, by a machine of three loops that waits on a clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.bootstrap import build_ingestion
from de_classes.errors import (
    AuthenticationError,
    ConfigurationError,
    IncompleteRunError,
    InvalidInputError,
)
from de_classes.runs.journal import Documents
from de_classes.runs.liveness import RunCancellation
from de_classes.runs.status import StartedRun, read_status, started_key
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils.clock import ManualClock
from de_classes.worker.ingest_endpoint import IngestEndpoint
from tests.fakes.transports import FakeTransport
from tests.fakes.worker import ENVIRONMENT, LOGGER, FakeContext, FakeSource, RecordingObserver, lake, secrets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.api.transport import Transport

DOWN = [HttpResponse(503)] * 9
NOW = 1_795_392_000.0


class Machine:
    """The state machine, in a few lines: each call is another process."""

    def __init__(self, root: Path, source: Transport, seconds: float = 900.0, **environ: str) -> None:
        self.clock = ManualClock(now=NOW)
        self.waits: list[float] = []
        self.told = RecordingObserver()
        self._root = root
        self._source = source
        self._milliseconds = int(seconds * 1000)
        self._environ = {**ENVIRONMENT, "MAX_ATTEMPTS": "3", **environ}

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        ingestion = build_ingestion(
            self._environ,
            store=lambda _: lake(self._root),
            secrets=secrets,
            transport=self._source,
            clock=self.clock,
            logger=LOGGER,
        )
        endpoint = IngestEndpoint(ingestion, observer=self.told)
        answer = endpoint(event, FakeContext(milliseconds=self._milliseconds))
        return json.loads(json.dumps(answer))  # type: ignore[no-any-return]

    def execute(self, request: dict[str, Any], *, lost: Sequence[int] = ()) -> dict[str, Any]:
        state = self.ask({"action": "plan", "request": request, "execution": "monday"})
        while state["status"] in {"planned", "again", "pass"}:
            if state["ranges"]:
                self._map(state, lost)
            state = self.ask({"action": "commit", "request": state["request"], "stalls": state["stalls"]})
            if state["status"] == "again":
                self._wait(state)
        return state

    def _map(self, state: dict[str, Any], lost: Sequence[int]) -> None:
        lines = lake(self._root).get_object(state["bucket"], state["key"]).splitlines()
        assert len(lines) == state["ranges"]
        for item in map(json.loads, lines):
            each: dict[str, Any] = {"status": "again", "range": item, "stalls": 0}
            while each["status"] == "again" and item["range"] not in lost:
                each = self.ask({"action": "ingest", "range": each["range"], "stalls": each["stalls"]})
                if each["status"] == "again":
                    self._wait(each)

    def _wait(self, state: dict[str, Any]) -> None:
        self.waits.append(state["wait"])
        self.clock.advance(state["wait"])


def slow(source: FakeSource, clock: ManualClock, seconds: float = 10.0) -> FakeTransport:
    def answer(request: HttpRequest) -> HttpResponse:
        if not request.url.endswith("/login"):
            clock.advance(seconds)
        return source.send(request, timeout=1.0)

    return FakeTransport(answer)


def rows(root: Path, receipt: dict[str, Any]) -> list[int]:
    reader = DatasetReader(lake(root), receipt["bucket"], receipt["key"])
    return [record["id"] for batch in reader.records() for record in batch]


def test_a_run_is_planned_ingested_and_committed(tmp_path: Path) -> None:
    source = FakeSource(total=400)
    machine = Machine(tmp_path, source)
    receipt = machine.execute({"format": "csv"})
    assert (receipt["status"], receipt["run_id"], receipt["format"]) == ("complete", "monday", "csv")
    assert rows(tmp_path, receipt) == list(range(400))
    assert (len(machine.told.receipts), machine.told.failures, machine.waits) == (1, [], [])
    assert machine.told.resources == ["unstable.data"]
    assert machine.execute({"format": "csv"})["complete_before"] is True


def test_a_run_of_ranges_takes_as_many_goes_as_its_time_demands(tmp_path: Path) -> None:
    source = FakeSource(total=400)
    machine = Machine(tmp_path, source, seconds=75.0, CONCURRENCY="1")
    machine._source = slow(source, machine.clock)  # noqa: SLF001 - it needs the machine's clock
    receipt = machine.execute({"run_id": "slow", "workers": 2})
    assert rows(tmp_path, receipt) == list(range(400))
    assert receipt["invocations"] > 3
    assert set(machine.waits) <= {1, 10}


def test_a_range_that_never_comes_back_is_the_commits(tmp_path: Path) -> None:
    receipt = Machine(tmp_path, FakeSource(total=400)).execute({}, lost=[2])
    assert (receipt["status"], rows(tmp_path, receipt)) == ("complete", list(range(400)))


def test_pages_that_cannot_be_had_make_the_run_partial_where_that_is_allowed(tmp_path: Path) -> None:
    source = FakeSource(400, {17: DOWN * 99})
    receipt = Machine(tmp_path, source).execute({"allow_partial": True})
    assert (receipt["status"], receipt["missing_pages"], receipt["records"]) == ("partial", ["17"], 390)


def test_pages_that_cannot_be_had_end_the_run_with_longer_and_longer_pauses(tmp_path: Path) -> None:
    machine = Machine(tmp_path, FakeSource(400, {17: DOWN * 99}))
    with pytest.raises(IncompleteRunError) as caught:
        machine.execute({})
    assert list(caught.value.missing_pages) == [17]
    assert machine.waits == [10, 20, 40, 80, 160]
    assert [type(error) for error in machine.told.failures] == [IncompleteRunError]


def test_a_range_waits_for_as_long_as_the_source_asks(tmp_path: Path) -> None:
    source = FakeSource(400, {5: [HttpResponse(429, {"retry-after": "1500"})]})
    machine = Machine(tmp_path, source, CONCURRENCY="1")
    receipt = machine.execute({"workers": 2})
    assert rows(tmp_path, receipt) == list(range(400))
    assert machine.waits == [1500]


def test_credentials_that_are_refused_end_the_run_by_their_own_error(tmp_path: Path) -> None:
    source = FakeSource(400)
    refused = FakeTransport(lambda request: HttpResponse(401) if "/login" in request.url else source)
    with pytest.raises(AuthenticationError):
        Machine(tmp_path, refused).execute({})


def test_an_action_that_there_is_not_and_a_key_are_refused(tmp_path: Path) -> None:
    machine = Machine(tmp_path, FakeSource(400))
    with pytest.raises(InvalidInputError, match="action"):
        machine.ask({"action": "drop"})
    with pytest.raises(InvalidInputError, match="leave out the key"):
        machine.ask({"action": "plan", "request": {"key": "a.csv"}})
    with pytest.raises(InvalidInputError, match="range"):
        machine.ask({"action": "ingest"})


def test_an_action_is_no_request_over_http(tmp_path: Path) -> None:
    event = {
        "httpMethod": "POST",
        "path": "/ingest",
        "headers": {"content-type": "application/json"},
        "requestContext": {"requestId": "r"},
        "body": json.dumps({"action": "plan"}),
    }
    answer = Machine(tmp_path, FakeSource(400)).ask(event)
    assert answer["statusCode"] == 400
    assert "action" in answer["body"]


def test_a_cancelled_run_ends_without_a_failure_and_goes_on_once_it_is_asked_for(tmp_path: Path) -> None:
    source, cancellation = FakeSource(total=400), RunCancellation(lake(tmp_path), "lake", "raw", "monday")
    machine = Machine(tmp_path, source)

    def cancel(request: HttpRequest) -> HttpResponse:
        if request.params.get("page") == "20":
            cancellation.ask()
        return source.send(request, timeout=1.0)

    machine._source = FakeTransport(cancel)  # noqa: SLF001 - it needs a hand in it
    told = machine.execute({"workers": 2})
    assert (told["status"], told["run_id"], told["ranges"]) == ("cancelled", "monday", 0)
    assert (machine.told.failures, machine.told.receipts, machine.waits) == ([], [], [])
    asked = len(source.requests)
    assert machine.execute({"run_id": "monday"})["status"] == "cancelled"
    assert len(source.requests) == asked
    machine._source = source  # noqa: SLF001
    receipt = machine.execute({"run_id": "monday", "resume": True})
    assert (receipt["status"], receipt["records"]) == ("complete", 400)
    assert rows(tmp_path, receipt) == list(range(400))


def test_to_resume_counts_once_so_that_a_later_cancel_holds(tmp_path: Path) -> None:
    machine = Machine(tmp_path, FakeSource(total=400))
    cancellation = RunCancellation(lake(tmp_path), "lake", "raw", "monday")
    cancellation.ask()
    request = {"run_id": "monday", "resume": True}
    state = machine.ask({"action": "plan", "request": request})
    assert state["ranges"] > 0
    cancellation.ask()
    told = machine.ask({"action": "commit", "request": state["request"], "stalls": 0})
    assert (told["status"], machine.told.failures) == ("cancelled", [])


def test_why_a_run_could_not_be_planned_is_told_to_who_asks_how_far_it_is(tmp_path: Path) -> None:
    machine = Machine(tmp_path, FakeSource(total=400), SOURCE_PARAMETERS='{"unstable": {}}')
    store = lake(tmp_path)
    document = StartedRun(request={"run_id": "monday"})
    Documents(store, "lake").put_once(started_key("raw", "monday"), document)
    with pytest.raises(ConfigurationError):
        machine.execute({"run_id": "monday"})
    told = read_status(store, "lake", "raw", "monday", now=NOW)
    assert (told.state, told.error) == ("incomplete", "ConfigurationError")


def test_a_cancelled_run_ends_without_a_failure_and_goes_on_by_a_request_that_says_so(tmp_path: Path) -> None:
    source = FakeSource(total=400)
    machine = Machine(tmp_path, source)
    state = machine.ask({"action": "plan", "request": {"format": "csv"}, "execution": "monday"})
    RunCancellation(lake(tmp_path), state["bucket"], state["key"].partition("/_runs/")[0], "monday").ask()
    asked = len(source.requests)
    (line, *_) = lake(tmp_path).get_object(state["bucket"], state["key"]).splitlines()
    assert machine.ask({"action": "ingest", "range": json.loads(line)})["status"] == "cancelled"
    assert machine.ask({"action": "commit", "request": state["request"]})["status"] == "cancelled"
    assert machine.execute({"format": "csv"})["status"] == "cancelled"
    assert (len(source.requests), machine.told.failures, machine.told.receipts) == (asked, [], [])
    receipt = machine.execute({"format": "csv", "run_id": "monday", "resume": True})
    assert (receipt["status"], rows(tmp_path, receipt)) == ("complete", list(range(400)))
