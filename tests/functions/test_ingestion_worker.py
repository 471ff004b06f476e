from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.errors import IncompleteRunError, InvalidInputError
from functions.ingestion_worker import app
from tests.fakes.events import load_event, names
from tests.fakes.worker import PASSWORD, TOKEN, FakeContext, FakeSource, lake
from tests.unit.worker.test_ingestion import ingestion

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = {
    "ingest_parquet": (200, "parquet", 250),
    "ingest_csv_of_some_pages": (200, "csv", 150),
    "ingest_with_defaults": (200, "jsonl", 250),
    "bad_request": (400, None, None),
    "not_json": (400, None, None),
}


@pytest.fixture(autouse=True)
def quiet_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")


def invoke(root: Path, event: dict[str, Any], source: FakeSource | None = None) -> dict[str, Any]:
    handler = app.handler_for(lambda: ingestion(root, source or FakeSource(total=250)))
    return handler(event, FakeContext())


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


def test_a_direct_invocation_that_fails_is_raised(tmp_path: Path) -> None:
    source = FakeSource(total=250, faults={1: [HttpResponse(503)] * 99})
    with pytest.raises(IncompleteRunError):
        invoke(tmp_path, load_event("ingestion_worker", "direct_jsonl"), source)


@pytest.mark.parametrize("context", [None, FakeContext()])
def test_the_handler_needs_no_context(tmp_path: Path, context: FakeContext | None) -> None:
    handler = app.handler_for(lambda: ingestion(tmp_path, FakeSource(total=25)))
    assert handler({"format": "csv", "key": "a.csv"}, context)["records"] == 25
    assert handler(load_event("ingestion_worker", "ingest_parquet"), context)["statusCode"] == 200
    with pytest.raises(InvalidInputError, match="the event must be an object"):
        handler(None, context)


def test_what_the_worker_logs_is_masked_and_carries_the_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = load_event("ingestion_worker", "bad_request")
    invoke(tmp_path, event)
    logging.getLogger(app.SERVICE).error("POST /login %s", {"password": PASSWORD})
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
