"""Runs for callers who do not wait: what begins them, and what they are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from de_classes.api.messages import HttpRequest
from de_classes.configs.ingest import WorkerSettings
from de_classes.errors import ConfigurationError, InvalidInputError, StorageUnavailableError
from de_classes.runs.journal import RunJournal
from de_classes.runs.liveness import RunCancellation
from de_classes.worker.ingest_endpoint import MOST_RANGES_IN_ANSWER
from de_classes.worker.starting import SelfInvocation, StateMachine, execution_name, starter_for
from tests.fakes.fake_s3 import client_error
from tests.fakes.worker import FakeContext, FakeSource, RecordingObserver
from tests.fakes.worker_api import WORKER_URL, WorkerApi

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpResponse

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:shop-run"
RUNS_URL = WORKER_URL.replace("/ingest", "/runs")


@pytest.fixture
def worker(tmp_path: Path) -> WorkerApi:
    return WorkerApi(tmp_path / "deployed", FakeSource(total=250), PART_PAGES="5", CONCURRENCY="1")


def post(worker: WorkerApi, request: dict[str, Any]) -> tuple[int, dict[str, Any], HttpResponse]:
    answer = worker.send(HttpRequest("POST", WORKER_URL, body=json.dumps(request).encode()), timeout=1)
    return answer.status, json.loads(answer.body), answer


def get(worker: WorkerApi, run_id: str) -> tuple[int, dict[str, Any]]:
    answer = worker.send(HttpRequest("GET", f"{RUNS_URL}/{run_id}"), timeout=1)
    return answer.status, json.loads(answer.body)


def cancellation(worker: WorkerApi, run_id: str = "monday") -> RunCancellation:
    return RunCancellation(worker.store, "lake", "raw", run_id)


def test_who_does_not_wait_is_told_the_run_and_where_to_look(worker: WorkerApi) -> None:
    status, body, answer = post(worker, {"run_id": "monday", "format": "csv", "wait": False})
    assert (status, body["run_id"], body["run"]["state"]) == (202, "monday", "queued")
    assert answer.header("location") == body["status_path"] == "/v1/runs/monday"
    assert answer.header("retry-after") == "5"
    assert worker.started.requests == [{"run_id": "monday", "format": "csv"}]
    assert get(worker, "monday")[1]["state"] == "queued"


def test_the_run_is_carried_out_by_the_event_that_was_sent(worker: WorkerApi) -> None:
    asked = {"limit": 10, "pages": "2-4", "source": "unstable", "allow_partial": True, "strict": True}
    post(worker, {**asked, "run_id": "monday", "wait": False})
    receipt = worker.carried_out(worker.started.requests[0])
    assert (receipt["run_id"], receipt["status"], receipt["records"]) == ("monday", "complete", 30)
    assert receipt["parameters"]["pages"] == "2-4"
    status, told = get(worker, "monday")
    assert (status, told["state"], told["pages"], told["records"]) == (200, "complete", 3, 30)


def test_a_run_without_a_name_gets_that_of_the_request(worker: WorkerApi) -> None:
    _, body, _ = post(worker, {"wait": False})
    assert body["run_id"] == worker.started.requests[0]["run_id"] == "7d0c4a52-aaaa"


def test_asking_again_is_the_same_run(worker: WorkerApi) -> None:
    asked = {"run_id": "monday", "format": "csv", "wait": False}
    assert [post(worker, asked)[0] for _ in range(2)] == [202, 202]
    assert worker.started.goes == [("monday", 1), ("monday", 1)]  # of one name there is one execution
    worker.carried_out(worker.started.requests[0])
    status, body, _ = post(worker, asked)
    assert (status, body["run"]["state"], len(worker.started.goes)) == (200, "complete", 2)


def test_while_somebody_is_at_it_nothing_is_begun(worker: WorkerApi) -> None:
    post(worker, {"run_id": "monday", "wait": False})
    plan_only(worker)
    RunJournal(worker.store, "lake", "raw", "monday").note_invocation("abc")
    at = worker.store.head_object("lake", "raw/_runs/monday/invocation-abc.json").modified or 0.0
    worker.clock.jump_wall_clock(at - worker.clock.now())
    status, body, _ = post(worker, {"run_id": "monday", "wait": False})
    assert (status, body["run"]["state"], len(worker.started.goes)) == (202, "running", 1)


def plan_only(worker: WorkerApi) -> None:
    """The run as somebody left it who began it and fetched nothing."""
    cancellation(worker).ask()
    assert worker.carried_out({"run_id": "monday", "source": "unstable"})["status"] == "cancelled"
    cancellation(worker).lift()
    for info in list(worker.store.list_objects("lake", "raw/_runs/monday/invocation-")):
        worker.store.delete_object("lake", info.key)


def test_a_run_that_was_stopped_goes_on_by_another_go(worker: WorkerApi) -> None:
    post(worker, {"run_id": "monday", "wait": False})
    cancellation(worker).ask()
    worker.carried_out(worker.started.requests[0])
    cancellation(worker).lift()
    assert post(worker, {"run_id": "monday", "wait": False})[0] == 202
    assert worker.started.goes == [("monday", 1), ("monday", 2)]
    assert worker.carried_out(worker.started.requests[1])["records"] == 250


@pytest.mark.parametrize(
    ("second", "named"),
    [({"format": "csv"}, "format"), ({"pages": "1-3"}, "pages"), ({"limit": 3}, "limit")],
)
@pytest.mark.parametrize("is_begun", [False, True])
def test_another_request_by_the_same_name_is_refused(
    worker: WorkerApi, second: dict[str, Any], named: str, *, is_begun: bool
) -> None:
    first = {"run_id": "monday", "format": "jsonl", "limit": 10, "pages": "1-20", "source": "unstable"}
    post(worker, {**first, "wait": False})
    if is_begun:
        worker.carried_out(worker.started.requests[0])
    status, body, _ = post(worker, {**first, **second, "wait": False})
    assert (status, body["error"]) == (400, "InvalidInputError")
    assert body["problems"][0].startswith(f"{named} is ")
    assert len(worker.started.goes) == 1


def test_a_cancelled_run_is_a_conflict_until_the_caller_says_that_it_goes_on(worker: WorkerApi) -> None:
    post(worker, {"run_id": "monday", "wait": False})
    cancellation(worker).ask()
    assert get(worker, "monday")[1]["state"] == "cancelled"
    for wait in (True, False):
        status, body, _ = post(worker, {"run_id": "monday", "wait": wait})
        assert (status, body["status"], body["run_id"]) == (409, "cancelled", "monday")
    status, body, _ = post(worker, {"run_id": "monday", "wait": False, "resume": True})
    assert (status, len(worker.started.goes)) == (202, 2)
    assert "resume" not in worker.started.requests[1]  # or a second delivery would undo another cancel
    assert worker.carried_out(worker.started.requests[1])["status"] == "complete"


def test_who_waits_can_go_on_with_a_cancelled_run_too(worker: WorkerApi) -> None:
    cancellation(worker).ask()
    assert post(worker, {"run_id": "monday", "resume": True})[1]["records"] == 250


def test_that_a_run_was_cancelled_is_a_result_which_lambda_does_not_try_again(worker: WorkerApi) -> None:
    cancellation(worker).ask()
    told = worker.carried_out({"run_id": "monday"})
    assert (told["status"], told["run_id"], told["error"]) == ("cancelled", "monday", "RunCancelledError")


def test_why_a_run_could_not_even_be_begun_is_told(tmp_path: Path) -> None:
    worker = WorkerApi(tmp_path / "deployed", FakeSource(total=25), SOURCE_PARAMETERS='{"unstable": {}}')
    post(worker, {"run_id": "monday", "wait": False})
    with pytest.raises(ConfigurationError):
        worker.carried_out(worker.started.requests[0])
    told = get(worker, "monday")[1]
    assert (told["state"], told["error"]) == ("incomplete", "ConfigurationError")
    assert "address" in told["message"]
    post(worker, {"run_id": "monday", "wait": False})
    assert worker.started.goes[-1] == ("monday", 2)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"key": "a.csv", "wait": False}, "key"),
        ({"wait": "no"}, "wait"),
        ({"format": "xml", "wait": False}, "format"),
        ({"resume": True}, "run_id"),
        ({"from": "2026-01-01", "wait": False}, "incremental"),
        ({"source": "https://evil.example", "wait": False}, "source"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_begun(
    worker: WorkerApi, request_: dict[str, Any], named: str
) -> None:
    status, body, _ = post(worker, request_)
    assert status == 400
    assert named in " ".join(body["problems"])
    assert worker.started.goes == []
    assert list(worker.store.list_objects("lake")) == []


def test_by_direct_invocation_nobody_is_begun(worker: WorkerApi) -> None:
    with pytest.raises(InvalidInputError, match="Event"):
        worker.carried_out({"run_id": "monday", "wait": False})


@pytest.mark.parametrize("run_id", ["tuesday", "..", "%2e%2e", "a b", "x" * 99])
def test_a_run_that_there_is_not_is_a_404(worker: WorkerApi, run_id: str) -> None:
    post(worker, {"run_id": "monday", "wait": False})
    status, body = get(worker, run_id)
    assert (status, body["error"]) == (404, "RunNotFoundError")


def test_a_look_counts_as_no_run(worker: WorkerApi) -> None:
    told = worker.endpoint._observer = RecordingObserver()  # noqa: SLF001
    get(worker, "nobody")
    post(worker, {"run_id": "monday", "wait": False})
    get(worker, "monday")
    assert (told.receipts, told.failures) == ([], [])


def test_of_very_many_ranges_those_are_told_that_are_not_done(worker: WorkerApi) -> None:
    post(worker, {"run_id": "monday", "wait": False})
    lines = b"".join(
        b'{"run_id":"monday","range":%d,"first":%d,"last":%d}\n' % (n, n, n) for n in range(1, 1501)
    )
    worker.store.put_object("lake", "raw/_runs/monday/ranges.jsonl", lines)
    assert len(get(worker, "monday")[1]["ranges"]) == MOST_RANGES_IN_ANSWER


class FakeLambda:
    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[dict[str, Any]] = []
        self.error = error

    def invoke(self, **call: Any) -> None:
        self.calls.append(call)
        if self.error:
            raise self.error

    start_execution = invoke


def test_the_worker_invokes_itself_by_its_alias_and_does_not_wait() -> None:
    client = FakeLambda()
    SelfInvocation("worker", "live", client).start({"run_id": "monday"}, go=1)
    (call,) = client.calls
    assert (call["FunctionName"], call["InvocationType"]) == ("worker:live", "Event")
    assert json.loads(call["Payload"]) == {"run_id": "monday"}


def test_a_state_machine_is_started_by_the_name_of_the_run() -> None:
    client = FakeLambda()
    StateMachine(ARN, client).start({"run_id": "monday"}, go=1)
    assert client.calls == [{"stateMachineArn": ARN, "name": "monday", "input": '{"run_id":"monday"}'}]


def test_an_execution_that_there_is_already_is_as_good_as_begun() -> None:
    client = FakeLambda(client_error("StartExecution", "ExecutionAlreadyExists", 400))
    StateMachine(ARN, client).start({"run_id": "monday"}, go=1)
    with pytest.raises(StorageUnavailableError):
        SelfInvocation("worker", "live", client).start({}, go=1)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("Invoke", "AccessDeniedException", 403), ConfigurationError),
        (client_error("Invoke", "ResourceNotFoundException", 404), ConfigurationError),
        (client_error("Invoke", "TooManyRequestsException", 429), StorageUnavailableError),
        (EndpointConnectionError(endpoint_url="https://x.example"), StorageUnavailableError),
    ],
)
def test_what_is_not_begun_is_said_and_by_whom_to_be_mended(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="wait: false"):
        SelfInvocation("worker", "live", FakeLambda(error)).start({"run_id": "monday"}, go=1)


def test_a_deployment_with_a_state_machine_begins_runs_by_it() -> None:
    plain = WorkerSettings(bucket="lake", alias="live")
    assert isinstance(starter_for(plain, "worker"), SelfInvocation)
    assert isinstance(
        starter_for(WorkerSettings(bucket="lake", run_state_machine=ARN), "worker"), StateMachine
    )


@pytest.mark.parametrize(
    ("run_id", "go", "name"),
    [("monday", 1, "monday"), ("monday", 3, "monday-go-3"), ("a" * 80, 1, "a" * 80)],
)
def test_an_execution_is_named_after_its_run(run_id: str, go: int, name: str) -> None:
    assert execution_name(run_id, go) == name


def test_long_names_of_executions_stay_apart() -> None:
    names = {execution_name("a" * 79 + end, go) for end in "bc" for go in (2, 3)}
    assert len(names) == 4
    assert {len(name) for name in names} == {80}


def test_without_a_starter_of_its_own_the_endpoint_begins_by_the_settings(tmp_path: Path) -> None:
    worker = WorkerApi(tmp_path / "deployed", FakeSource(total=25), RUN_STATE_MACHINE=ARN)
    worker.endpoint._starts_by = None  # noqa: SLF001
    starter = worker.endpoint._starter(FakeContext())  # noqa: SLF001
    assert isinstance(starter, StateMachine)
