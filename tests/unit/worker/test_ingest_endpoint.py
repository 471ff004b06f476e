from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.api.source.secrets import EnvironmentSecrets
from de_classes.bootstrap import build_ingestion
from de_classes.errors import (
    AuthenticationError,
    BucketNotFoundError,
    ConfigurationError,
    IncompleteRunError,
    InvalidInputError,
    InvalidKeyError,
    NewerLayoutError,
    ObjectExistsError,
    PermissionDeniedError,
    ProtocolError,
    RequestRejectedError,
    RetriesExhaustedError,
    UnsupportedValueError,
)
from de_classes.utils.clock import ManualClock
from de_classes.worker.ingest_endpoint import HTTP_SECONDS, IngestEndpoint, describe, status_of
from tests.fakes.jobs_api import HOST, ROWS, Jobs
from tests.fakes.mimics.serving import MimicTransport
from tests.fakes.worker import FakeContext, FakeSource, RecordingObserver
from tests.unit.worker.test_ingestion import LOGGER, ingestion, lake

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.errors import (
        DeClassesError,
    )
    from de_classes.worker.ingestion import Ingestion


def http(body: object, **event: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {"httpMethod": "POST", "path": "/ingest", "body": text, **event}


def ask(root: Path, event: dict[str, Any], source: FakeSource | None = None) -> tuple[int, dict[str, Any]]:
    answer = IngestEndpoint(ingestion(root, source or FakeSource(total=25)))(event, FakeContext())
    assert answer["headers"]["Content-Type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


def test_a_complete_run_answers_with_its_receipt(tmp_path: Path) -> None:
    status, receipt = ask(tmp_path, http({"format": "csv", "key": "a.csv"}))
    assert (status, receipt["status"], receipt["records"], receipt["key"]) == (
        200,
        "complete",
        25,
        "raw/a.csv",
    )


@pytest.mark.parametrize("body", [None, "", "{}"])
def test_a_request_may_be_empty(tmp_path: Path, body: str | None) -> None:
    assert ask(tmp_path, http(body))[0] == 200


def test_a_body_may_come_as_base64(tmp_path: Path) -> None:
    body = base64.b64encode(b'{"key": "b.jsonl"}').decode()
    assert ask(tmp_path, http(body, isBase64Encoded=True))[1]["key"] == "raw/b.jsonl"


def test_bad_input_names_every_problem_before_any_request_leaves(tmp_path: Path) -> None:
    source = FakeSource(total=25)
    status, answer = ask(tmp_path, http({"format": "xml", "limit": 0, "url": "https://evil.example"}), source)
    assert (status, answer["status"], answer["error"]) == (400, "failed", "InvalidInputError")
    assert len(answer["problems"]) == 3
    assert all(any(name in problem for problem in answer["problems"]) for name in ("format", "limit", "url"))
    assert source.requests == source.logins == []


@pytest.mark.parametrize(
    "body", ["format=csv", "[1]", '{"limit": "10"}', "{", '{"pages": "7-3"}', '{"pages": "x"}']
)
def test_what_is_no_request_is_a_400(tmp_path: Path, body: str) -> None:
    assert ask(tmp_path, http(body))[0] == 400


def test_bytes_that_are_no_base64_are_a_400(tmp_path: Path) -> None:
    assert ask(tmp_path, http("%%%", isBase64Encoded=True))[0] == 400


@pytest.mark.parametrize("key", ["../x", "/abs", "raw/", "a/../b", ""])
def test_F49_a_bad_key_is_named_with_the_other_problems(tmp_path: Path, key: str) -> None:
    source = FakeSource(total=25)
    wrong = {"key": key, "source": "https://evil.example", "limit": 0, "pages": "7-3"}
    status, answer = ask(tmp_path, http(wrong), source)
    named = {problem.partition(" ")[0] for problem in answer["problems"]}
    assert (status, named) == (400, set(wrong))
    assert source.requests == source.logins == []


def test_F49_a_key_that_only_the_prefix_makes_too_long_is_the_callers_too(tmp_path: Path) -> None:
    assert ask(tmp_path, http({"key": "a/" * 510 + "b.csv"}))[0] == 400


def test_the_same_name_twice_is_a_400(tmp_path: Path) -> None:
    status, answer = ask(tmp_path, http('{"key": "a.csv", "key": "b.csv"}'))
    assert (status, "duplicate key" in answer["message"]) == (400, True)


@pytest.mark.parametrize("event", [{"requestContext": None}, {"httpMethod": None}, {"requestContext": "x"}])
def test_an_http_event_of_nobody_starts_no_run(tmp_path: Path, event: dict[str, Any]) -> None:
    source = FakeSource(total=25)
    status, answer = ask(tmp_path, event, source)
    assert (status, answer["error"]) == (400, "InvalidInputError")
    assert source.requests == source.logins == []


@pytest.mark.parametrize("event", [None, [], "{}", 7])
def test_an_event_that_is_no_object_is_refused(tmp_path: Path, event: object) -> None:
    told = RecordingObserver()
    endpoint = IngestEndpoint(ingestion(tmp_path, FakeSource(total=25)), observer=told)
    with pytest.raises(InvalidInputError, match="the event must be an object") as caught:
        endpoint(event, FakeContext())
    assert (told.failures, told.resources) == ([caught.value], [None])


def test_what_looks_like_a_credential_is_masked_in_the_answer() -> None:
    error = InvalidInputError("password=hunter2", problems=["at https://ada:hunter2@api.example/"])
    assert "hunter2" not in json.dumps(describe(error))


class Slow(FakeSource):
    """Takes ten seconds a page."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(total=50)
        self.clock = clock

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self.clock.advance(10)
        return super().send(request, timeout=timeout)


def test_through_the_gateway_a_run_ends_before_the_gateway_hangs_up(tmp_path: Path) -> None:
    clock = ManualClock()
    worker = ingestion(tmp_path, Slow(clock), clock, CONCURRENCY="1")
    answer = IngestEndpoint(worker)(http({}), FakeContext(milliseconds=300_000))
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (502, "incomplete")
    assert clock.monotonic() <= HTTP_SECONDS


def test_by_direct_invocation_a_run_has_the_time_that_the_function_has(tmp_path: Path) -> None:
    clock = ManualClock()
    worker = ingestion(tmp_path, Slow(clock), clock, CONCURRENCY="1")
    assert IngestEndpoint(worker)({}, FakeContext(milliseconds=300_000))["records"] == 50
    assert clock.monotonic() > HTTP_SECONDS


def test_a_run_that_is_not_complete_is_never_a_200(tmp_path: Path) -> None:
    source = FakeSource(total=25, faults={2: [HttpResponse(503)] * 99})
    status, answer = ask(tmp_path, http({}), source)
    assert (status, answer["status"], answer["missing_pages"]) == (502, "incomplete", ["2-3"])


def test_by_direct_invocation_the_receipt_is_the_result(tmp_path: Path) -> None:
    endpoint = IngestEndpoint(ingestion(tmp_path, FakeSource(total=25)))
    receipt = endpoint({"format": "csv", "key": "d.csv"}, FakeContext())
    assert (receipt["status"], receipt["key"]) == ("complete", "raw/d.csv")


def test_by_direct_invocation_every_failure_is_raised(tmp_path: Path) -> None:
    endpoint = IngestEndpoint(ingestion(tmp_path, FakeSource(total=25, faults={1: [HttpResponse(503)] * 99})))
    with pytest.raises(IncompleteRunError):
        endpoint({"format": "csv"}, FakeContext())
    with pytest.raises(InvalidInputError):
        endpoint({"format": "xml"}, FakeContext())


def test_the_run_is_named_by_the_invocation(tmp_path: Path) -> None:
    endpoint = IngestEndpoint(ingestion(tmp_path, FakeSource(total=5)))
    assert endpoint({}, FakeContext("id-1/../x"))["run_id"] == "id-1----x"
    without_context = [endpoint({})["run_id"] for _ in range(2)]
    assert without_context[0] != without_context[1]


def test_F41_the_time_that_lambda_gives_is_kept_to(tmp_path: Path) -> None:
    answer = IngestEndpoint(ingestion(tmp_path, FakeSource(total=25, faults={1: [HttpResponse(503)]})))(
        http({}), FakeContext(milliseconds=5_000)
    )
    assert answer["statusCode"] == 502


def test_outcomes_are_told(tmp_path: Path) -> None:
    """With the resource, where it is known: a request that cannot be read is about none."""
    told = RecordingObserver()
    source = FakeSource(total=25, faults={2: [HttpResponse(503)] * 99})
    for request in ({"pages": "1"}, {"limit": 10}, "nonsense"):
        worker = ingestion(tmp_path, source, MAX_ATTEMPTS="2")
        IngestEndpoint(worker, observer=told)(http(request), FakeContext(f"of-{len(told.receipts)}"))
    assert (len(told.receipts), len(told.failures)) == (1, 2)
    assert told.resources == ["unstable.data", "unstable.data", None]


def waiting_for_a_job(tmp_path: Path) -> tuple[Jobs, Ingestion]:
    """A worker over a source that makes its rows by a job, whose looks say when to come again."""
    source = Jobs(ManualClock(now=1_764_000_000))
    source.retry_after = "119.2"
    described = {
        "version": 1,
        "sources": {"made": {"base_url": f"https://{HOST}", "resources": {"rows": ROWS}}},
    }
    (tmp_path / "made.json").write_text(json.dumps(described))
    return source, build_ingestion(
        {"BUCKET": "lake", "SOURCES_PATH": str(tmp_path / "made.json"), "DEFAULT_FORMAT": "jsonl"},
        store=lambda _: lake(tmp_path / "store"),
        secrets=lambda _: EnvironmentSecrets({}),
        transport=MimicTransport(source),  # type: ignore[arg-type]
        clock=source.clock,
        logger=LOGGER,
    )


def test_a_run_that_waits_for_a_job_says_when_to_ask_again_and_is_no_failure(tmp_path: Path) -> None:
    source, worker = waiting_for_a_job(tmp_path)
    told = RecordingObserver()
    endpoint = IngestEndpoint(worker, observer=told)
    event = http({"source": "made.rows", "run_id": "made-1"})
    answers = [endpoint(event, FakeContext()) for _ in range(3)]
    assert [answer["statusCode"] for answer in answers] == [503, 503, 200]
    assert answers[0]["headers"]["Retry-After"] == "120"
    body = json.loads(answers[0]["body"])
    assert (body["status"], body["retry_after"], body["run_id"]) == ("incomplete", 120, "made-1")
    assert (json.loads(answers[2]["body"])["records"], len(source.jobs), told.failures) == (11, 1, [])
    assert source.clock.now() == 1_764_000_000  # no second of it was waited here


def test_a_short_wait_for_a_job_is_waited_in_the_function(tmp_path: Path) -> None:
    source, worker = waiting_for_a_job(tmp_path)
    source.retry_after = "5"
    answer = IngestEndpoint(worker)(http({"source": "made.rows"}), FakeContext())
    assert (answer["statusCode"], source.clock.now()) == (200, 1_764_000_010)


def test_by_direct_invocation_a_run_that_waits_is_raised(tmp_path: Path) -> None:
    _, worker = waiting_for_a_job(tmp_path)
    with pytest.raises(IncompleteRunError) as caught:
        IngestEndpoint(worker)({"source": "made.rows"}, FakeContext())
    assert caught.value.retry_after == 119.2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInputError("x"), 400),
        (InvalidKeyError("x"), 400),
        (ObjectExistsError("x"), 409),
        (UnsupportedValueError("x"), 422),
        (ConfigurationError("x"), 500),
        (BucketNotFoundError("x"), 500),
        (NewerLayoutError("x"), 500),
        (AuthenticationError("x"), 502),
        (PermissionDeniedError("x"), 502),
        (RequestRejectedError("x", status=404), 502),
        (ProtocolError("x"), 502),
        (RetriesExhaustedError("x", attempts=3), 502),
        (IncompleteRunError("x"), 502),
        (IncompleteRunError("x", retry_after=7.0), 503),
    ],
)
def test_the_status_says_whose_move_it_is(error: DeClassesError, status: int) -> None:
    assert status_of(error) == status
