from __future__ import annotations

import json
import logging
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.errors import ConfigurationError, DeClassesError, IncompleteRunError, InvalidInputError
from de_classes.handler import METRICS, SERVICE, handler_for
from de_classes.runs.liveness import RunCancellation
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils.clock import ManualClock
from tests.fakes.events import load_event, names
from tests.fakes.worker import PASSWORD, TOKEN, FakeContext, FakeSource, lake
from tests.fakes.worker_api import http_event
from tests.unit.worker.test_ingestion import ingestion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.worker.ingestion import Ingestion

EXPECTED = {
    "ingest_parquet": (200, "parquet", 250),
    "ingest_partial": (200, "csv", 250),
    "ingest_resume": (200, "jsonl", 250),
    "ingest_csv_of_some_pages": (200, "csv", 150),
    "ingest_with_defaults": (200, "jsonl", 250),
    "bad_request": (400, None, None),
    "not_json": (400, None, None),
}


def invoke(
    root: Path, event: dict[str, Any], source: FakeSource | None = None, **environ: str
) -> dict[str, Any]:
    handler = handler_for(lambda: ingestion(root, source or FakeSource(total=250), **environ))
    return handler(event, FakeContext())


class SlowSource(FakeSource):
    """Takes ten seconds a page."""

    def __init__(self, clock: ManualClock, total: int) -> None:
        super().__init__(total=total)
        self.clock = clock

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        self.clock.advance(10)
        return super().send(request, timeout=timeout)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_every_event_has_its_expectation() -> None:
    assert names("ingestion_worker") == {*EXPECTED, "direct_jsonl"}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_event_is_answered(tmp_path: Path, name: str) -> None:
    status, format_name, records = EXPECTED[name]
    answer = invoke(tmp_path, load_event("ingestion_worker", name))
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body.get("format"), body.get("records")) == (status, format_name, records)


def test_the_bad_request_names_every_problem(tmp_path: Path) -> None:
    source = FakeSource(total=250)
    body = json.loads(invoke(tmp_path, load_event("ingestion_worker", "bad_request"), source)["body"])
    named = " ".join(body["problems"])
    assert all(field in named for field in ("format", "limit", "pages", "url"))
    assert source.requests == source.logins == []


def test_a_direct_invocation_is_answered_with_the_receipt(tmp_path: Path) -> None:
    receipt = invoke(tmp_path, load_event("ingestion_worker", "direct_jsonl"))
    assert (receipt["status"], receipt["key"]) == ("complete", "raw/orders/direct.jsonl")
    assert lake(tmp_path).get_object("lake", "raw/orders/direct.jsonl").count(b"\n") == 250


def test_a_cancelled_run_is_a_result_and_no_failure_that_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunCancellation(lake(tmp_path), "lake", "raw", "monday").ask()
    told = invoke(tmp_path, {"run_id": "monday"})
    assert (told["status"], told["run_id"]) == ("cancelled", "monday")
    lines = lines_of(capsys)
    assert [line["message"] for line in lines if "cancelled" in line.get("message", "")] == ["run cancelled"]
    assert [name for line in lines for name in line if name in METRICS] == []


def test_where_a_run_stands_is_told_and_counted_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(tmp_path, {"run_id": "monday"})
    lines_of(capsys)
    answers = [invoke(tmp_path, http_event("GET", f"/v1/runs/{name}")) for name in ("monday", "tuesday")]
    assert [answer["statusCode"] for answer in answers] == [200, 404]
    assert json.loads(answers[0]["body"])["state"] == "complete"
    assert [name for line in lines_of(capsys) for name in line if name in METRICS] == []


def test_a_direct_invocation_that_fails_is_raised(tmp_path: Path) -> None:
    source = FakeSource(total=250, faults={1: [HttpResponse(503)] * 99})
    with pytest.raises(IncompleteRunError):
        invoke(tmp_path, load_event("ingestion_worker", "direct_jsonl"), source)


def test_a_partial_run_is_counted_as_one_and_mended_by_the_same_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = load_event("ingestion_worker", "ingest_partial")
    partial, mended = (
        json.loads(invoke(tmp_path, event, source, MAX_ATTEMPTS="2")["body"])
        for source in (FakeSource(total=250, faults={2: [HttpResponse(503)] * 99}), FakeSource(total=250))
    )
    assert (partial["status"], partial["missing_pages"], partial["records"]) == ("partial", ["2"], 150)
    assert (mended["status"], mended["missing_pages"], mended["records"]) == ("complete", [], 250)
    counted = [name for line in lines_of(capsys) for name in line if name.endswith("Runs")]
    assert counted == ["PartialRuns", "PartialRuns", "CompleteRuns", "CompleteRuns"]  # of the source, of all


def test_F43_what_an_event_brought_is_not_counted_once_more_when_it_is_delivered_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event, source = load_event("ingestion_worker", "ingest_with_defaults"), FakeSource(total=250)
    bodies = [json.loads(invoke(tmp_path, event, source)["body"]) for _ in range(2)]
    assert [body["complete_before"] for body in bodies] == [False, True]
    lines = lines_of(capsys)
    for lines_of_one in (
        [each for each in lines if "source" in each],
        [each for each in lines if "source" not in each],
    ):
        assert [line["Records"] for line in lines_of_one if "Records" in line] == [[250.0]]
        assert [line["CompleteRuns"] for line in lines_of_one if "CompleteRuns" in line] == [[1.0], [1.0]]


def test_F41_an_event_that_is_delivered_three_times_carries_a_run_on_that_is_too_long_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lambda tries an asynchronous event three times, and gives all three the same request id."""
    clock = ManualClock()
    source = SlowSource(clock, total=250)
    handler = handler_for(lambda: ingestion(tmp_path, source, clock, CONCURRENCY="1"))
    event, context = {"limit": 10}, FakeContext(aws_request_id="of-the-event", milliseconds=130_000)
    for _ in range(2):
        with pytest.raises(IncompleteRunError) as caught:
            handler(event, context)
        assert caught.value.run_id == "of-the-event"
    told = [line["run_id"] for line in lines_of(capsys) if line.get("message") == "run not complete"]
    assert told == ["of-the-event"] * 2
    receipt = handler(event, context)
    assert (receipt["status"], receipt["records"], receipt["invocations"]) == ("complete", 250, 3)
    asked = [int(request.params["page"]) for request in source.requests]
    assert sorted({*asked}) == list(range(1, 26))
    looks = receipt["still"]["requests"]
    assert looks == 5
    assert len(asked) == 25 + 2 + looks  # each once over all three, a look back before each that goes on
    stored = DatasetReader(lake(tmp_path), "lake", receipt["key"])
    assert [record["id"] for batch in stored.records() for record in batch] == list(range(250))


def test_an_event_is_a_span_and_an_error_is_raised_through_it(tmp_path: Path) -> None:
    told: list[str] = []

    @contextmanager
    def span(name: str) -> Iterator[None]:
        told.append(f"{name} begins")
        try:
            yield
        except IncompleteRunError:
            told.append("it is incomplete")
            raise
        told.append("it ends")

    for name, faults in (("sound", {}), ("broken", {1: [HttpResponse(503)] * 99})):
        source = FakeSource(total=250, faults=faults)
        handler = handler_for(lambda source=source: ingestion(tmp_path, source), span=span)
        with pytest.raises(IncompleteRunError) if faults else nullcontext():
            handler({"format": "csv", "run_id": name}, FakeContext())
    assert told == [f"{SERVICE} begins", "it ends", f"{SERVICE} begins", "it is incomplete"]


def test_F41_a_run_has_all_the_time_that_lambda_leaves_it_but_for_the_reserve(tmp_path: Path) -> None:
    """Of 900 seconds, the longest there are: nothing else ends a run that is still getting pages."""
    clock = ManualClock()
    handler = handler_for(lambda: ingestion(tmp_path, SlowSource(clock, total=790), clock, CONCURRENCY="1"))
    receipt = handler({"limit": 10}, FakeContext(milliseconds=900_000))
    assert (receipt["status"], receipt["pages"], receipt["invocations"]) == ("complete", 79, 1)
    assert receipt["still"]["requests"] == 5
    assert 840 <= clock.monotonic() <= 890


def test_F41_a_run_whose_time_is_up_before_it_is_proved_goes_on_with_the_proof(tmp_path: Path) -> None:
    clock = ManualClock()
    source = SlowSource(clock, total=840)
    handler = handler_for(lambda: ingestion(tmp_path, source, clock, CONCURRENCY="1"))
    event, context = {"limit": 10}, FakeContext(aws_request_id="of-the-event", milliseconds=900_000)
    with pytest.raises(
        IncompleteRunError, match=r"840 records came, .* not be proved: the time is up"
    ) as caught:
        handler(event, context)
    assert clock.monotonic() <= 890 + 10
    assert caught.value.run_id == "of-the-event"
    receipt = handler({"run_id": "of-the-event"}, FakeContext(milliseconds=900_000))
    assert (receipt["status"], receipt["pages"], receipt["still"]["requests"]) == ("complete", 84, 5)


def test_F41_three_tries_of_an_event_make_nearly_forty_five_minutes(tmp_path: Path) -> None:
    clock = ManualClock()
    source = SlowSource(clock, total=2_500)
    handler = handler_for(lambda: ingestion(tmp_path, source, clock, CONCURRENCY="1"))
    event, context = {"limit": 10}, FakeContext(aws_request_id="of-the-event", milliseconds=900_000)
    for _ in range(2):
        with pytest.raises(IncompleteRunError):
            handler(event, context)
    receipt = handler(event, context)
    assert (receipt["status"], receipt["pages"], receipt["invocations"]) == ("complete", 250, 3)
    assert 42 * 60 < clock.monotonic() <= 45 * 60


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, list[float]]:
    """The values of every metric that was written of the whole worker, by name."""
    found: dict[str, list[float]] = {}
    for line in lines_of(capsys):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            if directive["Dimensions"] != [["service"]]:
                continue  # the same again, of one source
            for metric in directive["Metrics"]:
                found.setdefault(metric["Name"], []).extend(line[metric["Name"]])
    return found


class BrokenSource(FakeSource):
    """Stands for an error in our own code: it raises what no source can make anything raise."""

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        raise TypeError(request.url)


def not_configured() -> Ingestion:
    raise ConfigurationError("SOURCE_PARAMETERS must be a JSON object")


@pytest.mark.parametrize("event", [{"limit": 10}, load_event("ingestion_worker", "ingest_parquet")])
def test_a_fault_of_the_worker_is_counted_as_one_however_it_was_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], event: dict[str, Any]
) -> None:
    for build in (not_configured, lambda: ingestion(tmp_path, BrokenSource(total=25))):
        with pytest.raises((ConfigurationError, TypeError)):
            handler_for(build)(event, FakeContext())
        assert counted(capsys)["WorkerFaults"] == [1]


def test_a_bucket_that_is_not_there_is_a_fault_of_the_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke(tmp_path, load_event("ingestion_worker", "ingest_parquet"), BUCKET="none-such")
    assert answer["statusCode"] == 500
    assert counted(capsys)["WorkerFaults"] == [1]


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ({"key": "a.jsonl"}, HttpResponse(503)),
        ({"format": "jsonl"}, HttpResponse(503)),
        ({"format": "jsonl"}, HttpResponse(404)),
        ({"format": "xml"}, HttpResponse(503)),
    ],
)
def test_F41_neither_a_flaky_source_nor_a_wrong_request_is_a_fault_of_the_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], event: dict[str, Any], fault: HttpResponse
) -> None:
    """So neither takes a deployment back, though Lambda counts an error for each that is raised."""
    source = FakeSource(total=250, faults={1: [fault] * 99})
    with pytest.raises(DeClassesError):
        invoke(tmp_path, event, source, MAX_ATTEMPTS="2")
    metrics = counted(capsys)
    assert metrics["IncompleteRuns"] == [1]
    assert "WorkerFaults" not in metrics


def test_the_metrics_are_counted_in_the_namespace_that_the_stack_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for namespace in ("DeClasses/dev", "DeClasses/prod"):
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", namespace)
        invoke(tmp_path, {"format": "csv", "key": "a.csv"})
        written = [line["_aws"]["CloudWatchMetrics"][0] for line in lines_of(capsys) if "_aws" in line]
        assert {each["Namespace"] for each in written} == {namespace}
        assert ["service"] in [sorted(each["Dimensions"][0]) for each in written]


def test_the_log_has_a_receipt_that_fits_into_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(tmp_path, load_event("ingestion_worker", "ingest_parquet"))
    (receipt,) = (line["receipt"] for line in lines_of(capsys) if line.get("message") == "run complete")
    assert receipt["records"] == 250
    assert not {"parts", "quarantine", "page_hashes"} & set(receipt)


@pytest.mark.parametrize("context", [None, FakeContext()])
def test_the_handler_needs_no_context(tmp_path: Path, context: FakeContext | None) -> None:
    handler = handler_for(lambda: ingestion(tmp_path, FakeSource(total=25)))
    assert handler({"format": "csv", "key": "a.csv"}, context)["records"] == 25
    assert handler(load_event("ingestion_worker", "ingest_parquet"), context)["statusCode"] == 200
    with pytest.raises(InvalidInputError, match="the event must be an object"):
        handler(None, context)


def test_what_the_worker_logs_is_masked_and_carries_the_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = load_event("ingestion_worker", "bad_request")
    invoke(tmp_path, event)
    logging.getLogger(SERVICE).error("POST /login %s", {"password": PASSWORD})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"level"' in line]
    assert [line["message"] for line in lines] == ["run not complete", "POST /login {'password': '***'}"]
    assert lines[0]["correlation_id"] == event["requestContext"]["requestId"]
    assert lines[0]["function_request_id"] == FakeContext().aws_request_id


def test_what_is_printed_is_structured_and_holds_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(tmp_path, load_event("ingestion_worker", "ingest_parquet"))
    invoke(tmp_path, load_event("ingestion_worker", "bad_request"))
    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    blobs = [line for line in lines if "_aws" in line]
    assert {"CompleteRuns", "IncompleteRuns"} <= {name for blob in blobs for name in blob}
    assert PASSWORD not in printed
    assert TOKEN not in printed
