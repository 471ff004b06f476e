"""The command ``runs``: on a store, and in front of a worker's API."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.api.messages import HttpResponse
from de_classes.errors import NetworkError
from de_classes.runs.journal import RunJournal
from de_classes.runs.status import RunList, RunStatus
from de_classes.storage.clients import LocalClient
from de_classes.utils.clock import ManualClock
from tests.fakes.aws import ACCESS_KEY, SECRET_KEY
from tests.fakes.commands import called
from tests.fakes.runs import BUCKET, KilledError, plan, service
from tests.fakes.signed import SIGNED
from tests.fakes.transports import FakePagedApi, FakeTransport, json_response
from tests.fakes.worker import FakeSource
from tests.fakes.worker_api import WORKER_URL, WorkerApi

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest


@pytest.fixture
def lake(tmp_path: Path) -> str:
    """A complete run, and one that was killed after two parts of ten pages."""
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    store.create_bucket(BUCKET)
    service(store, FakePagedApi(45), prefix="").carry_out(plan(run_id="done"))
    with pytest.raises(KilledError):
        service(store, FakePagedApi(100), prefix="", die_after=5).carry_out(
            plan(run_id="killed", dataset="raw/other")
        )
    return str(tmp_path / BUCKET)


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerApi:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    return WorkerApi(tmp_path / "deployed", FakeSource(total=25))


def runs(*words: str, later: float = 0.0, **how: Any) -> tuple[int, str, str]:
    return called("runs", *words, clock=ManualClock(now=time.time() + later), **how)


def test_where_a_run_stands_is_told_in_a_few_lines(lake: str) -> None:
    status, out, err = runs("status", lake, "killed")
    assert (status, err) == (0, "")
    assert out.startswith("run killed: running, 4 of 10 pages, 40 records")
    assert "\ndataset:  raw/other, jsonl\n" in out
    assert "\nwork:     1 at it, 1 invocations" in out


def test_a_complete_run_names_its_receipt(lake: str) -> None:
    _, out, _ = runs("status", lake, "done")
    assert out.startswith("run done: complete, 5 of 5 pages, 45 records")
    assert "receipt:  file://" in out


def test_json_is_by_its_schema(lake: str) -> None:
    status = msgspec.json.decode(runs("status", lake, "killed", "--json", later=3600)[1], type=RunStatus)
    assert (status.state, status.pages, status.expected_pages) == ("stopped", 4, 10)
    listed = msgspec.json.decode(runs("list", lake, "--json")[1], type=RunList)
    assert [(each.run_id, each.state) for each in listed.runs] == [
        ("done", "complete"),
        ("killed", "running"),
    ]


def test_runs_are_listed_by_their_states(lake: str) -> None:
    _, out, _ = runs("list", lake, later=3600)
    assert [line.partition(",")[0] for line in out.splitlines()] == ["done: complete", "killed: stopped"]
    _, out, _ = runs("list", lake, "--state", "stopped", "--state", "incomplete", later=3600)
    assert [line.partition(":")[0] for line in out.splitlines()] == ["killed"]
    assert runs("list", lake, "--state", "partial")[1].startswith("no runs of such a state")


def test_where_no_run_is_that_is_said(tmp_path: Path, lake: str) -> None:
    elsewhere = runs("list", str(tmp_path / BUCKET / "raw"))[1]
    assert elsewhere.startswith("no runs whose progress is there; WHERE is what")
    assert runs("list", str(tmp_path / "absent"))[0] == 1
    assert not (tmp_path / "absent").exists()
    assert lake


def test_a_run_is_cancelled_and_refused_after_that(lake: str) -> None:
    status, out, err = runs("cancel", lake, "killed")
    assert (status, err) == (0, "")
    assert out.startswith("run killed: cancelled, 4 of 10 pages")
    assert runs("cancel", lake, "killed")[0] == 0  # again is the same


def test_a_complete_run_cannot_be_cancelled(lake: str) -> None:
    status, out, _ = runs("cancel", lake, "done")
    assert (status, out.partition(",")[0]) == (1, "run done: complete")
    assert runs("status", lake, "done")[1].startswith("run done: complete")


@pytest.mark.parametrize("action", ["status", "cancel"])
def test_a_run_that_there_is_not_is_a_mistake(action: str, lake: str) -> None:
    status, out, err = runs(action, lake, "tuesday")
    assert (status, out) == (2, "")
    assert err.startswith(f"runs {action}: no run 'tuesday' was begun there: check its id")


def test_a_place_is_named_or_a_worker() -> None:
    status, _, err = runs("status", "monday")
    assert (status, err) == (
        2,
        "runs status: name WHERE the run writes to, or the --worker that carries it out\n",
    )


def test_what_a_source_says_does_not_reach_the_terminal_as_it_is(lake: str, tmp_path: Path) -> None:
    store = LocalClient(tmp_path, logging.getLogger("tests.cli"))
    told = {"error": "IncompleteRunError", "message": "\x1b[31mred"}
    RunJournal(store, BUCKET, "", "killed").note_invocation("abc", outcome="incomplete", **told)
    for words in (("status", lake, "killed"), ("status", lake, "killed", "--json")):
        status, out, _ = runs(*words, later=3600)
        assert (status, "\x1b" in out, "red" in out) == (0, False, True)


def test_a_run_is_started_by_a_signed_call_and_not_waited_for(worker: WorkerApi) -> None:
    words = ("start", "unstable", "--worker", WORKER_URL, "--run-id", "monday", "--format", "csv")
    more = ("--workers", "2", "--pages", "1-2", "--limit", "5", "--partial", "--strict", "--accept-shrink")
    status, out, err = runs(*words, *more, transport=worker)
    assert (status, err) == (0, "")
    assert out.startswith("run monday: queued, 0 pages, 0 records")
    (sent,) = worker.sent
    assert json.loads(sent.body or b"") == {
        "run_id": "monday",
        "source": "unstable",
        "format": "csv",
        "limit": 5,
        "pages": "1-2",
        "workers": 2,
        "allow_partial": True,
        "strict": True,
        "accept_shrink": True,
        "wait": False,
    }
    signed = SIGNED.fullmatch(sent.headers["Authorization"])
    assert signed is not None
    assert (signed["key"], signed["scope"]) == (ACCESS_KEY, "eu-central-1/execute-api/aws4_request")
    worker.carried_out(worker.started.requests[0])
    assert runs("status", "monday", "--worker", WORKER_URL, transport=worker)[1].startswith(
        "run monday: complete, 2 of 2 pages, 10 records"
    )


def test_a_run_without_a_name_is_given_one_before_it_is_asked_for(worker: WorkerApi) -> None:
    _, out, _ = runs("start", "--worker", WORKER_URL, "--json", transport=worker)
    told = msgspec.json.decode(out, type=RunStatus)
    assert json.loads(worker.sent[0].body or b"")["run_id"] == told.run_id


def test_what_is_wrong_with_the_request_is_a_mistake_in_the_command(worker: WorkerApi) -> None:
    words = ("start", "absent.thing", "--worker", WORKER_URL, "--set", "address=x", "--format", "xml")
    status, _, err = runs(*words, transport=worker)
    assert status == 2
    assert all(line.startswith("runs start: ") for line in err.splitlines())
    assert "format" in err
    assert "source is not one that is packaged" in err


def test_a_cancelled_run_is_started_by_resume_alone(worker: WorkerApi, tmp_path: Path) -> None:
    words = ("start", "--worker", WORKER_URL, "--run-id", "monday")
    runs(*words, transport=worker)
    runs("cancel", str(tmp_path / "deployed" / "lake" / "raw"), "monday")
    status, _, err = runs(*words, transport=worker)
    assert (status, "--resume" in err) == (1, True)
    assert err.startswith("runs start: RunCancelledError: ")
    assert runs(*words, "--resume", transport=worker)[0] == 0


def test_a_run_that_the_worker_does_not_know_is_a_mistake(worker: WorkerApi) -> None:
    status, _, err = runs("status", "nobody", "--worker", WORKER_URL, transport=worker)
    assert (status, "no run 'nobody' was begun there" in err) == (2, True)
    assert runs("status", "../x", "--worker", WORKER_URL, transport=worker)[0] == 2


@pytest.mark.parametrize(
    "url",
    ["https://worker.example/v1", "http://worker.example/v1/ingest", "worker/ingest", "https://a:b@c/ingest"],
)
def test_an_address_that_is_none_is_refused_and_not_said_back(url: str, worker: WorkerApi) -> None:
    status, _, err = runs("start", "--worker", url, transport=worker)
    assert (status, worker.sent) == (2, [])
    assert "--worker" in err
    assert "a:b" not in err


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (json_response({"message": "sign it"}, status=403), 1, "needs execute-api:Invoke"),
        (json_response({"error": "too_many_requests", "message": "later"}, status=429), 1, "429"),
        (json_response({"message": "Internal server error"}, status=502), 1, "502"),
        (json_response({"error": "ConfigurationError", "message": "x"}, status=500), 1, "500"),
        (HttpResponse(200, {}, b"<html>"), 1, "no JSON"),
        (json_response({"run": {"state": "odd"}}), 1, "cannot read"),
    ],
)
def test_what_a_worker_answers_otherwise_is_said(
    answer: HttpResponse, status: int, said: str, worker: WorkerApi
) -> None:
    transport = FakeTransport(lambda _: answer)
    told = runs("start", "--worker", WORKER_URL, "--run-id", "monday", transport=transport)
    assert (told[0], said in told[2]) == (status, True)
    if answer.status in {429, 502}:
        assert "asking again with --run-id monday is the same run" in told[2]
    assert worker.sent == []


def test_a_worker_that_does_not_answer_may_have_begun(worker: WorkerApi) -> None:
    def refuse(_: HttpRequest) -> HttpResponse:
        raise NetworkError("it is not there")

    told = runs("start", "--worker", WORKER_URL, "--run-id", "monday", transport=FakeTransport(refuse))
    assert told[0] == 1
    assert "asking again with --run-id monday is the same run" in told[2]
    assert worker.sent == []


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, worker: WorkerApi) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    status, _, err = runs("start", "--worker", WORKER_URL, transport=worker)
    assert (status, "there are no credentials" in err, worker.sent) == (2, True, [])
