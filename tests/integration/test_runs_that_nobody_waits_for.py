"""Runs that nobody waits for, on the local cloud: begun by a call, followed, cancelled, and gone on with."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from de_classes.runs.status import RunStatus
from de_classes.simulators.records import SyntheticRecords
from localcloud.demo import SEED, SYNTHETIC_RECORDS
from localcloud.verify import differences
from localcloud.workspace import REGION
from tests.fakes.commands import called

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_cloud")]

PATIENCE = 240.0
ASK_EVERY = 0.5


class Worker:
    """The command ``runs`` against the deployed worker, and against its bucket."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = cloud.stack
        own = cloud.stack.aws.credentials
        for name, value in {
            "AWS_ACCESS_KEY_ID": own.access_key,
            "AWS_SECRET_ACCESS_KEY": own.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }.items():
            monkeypatch.setenv(name, value)
        self.url = cloud.stack.outputs["WorkerUrl"]
        self.lake = (f"s3://{cloud.stack.bucket}/raw", "--endpoint-url", cloud.stack.aws.endpoint)

    def start(self, run_id: str, *words: str) -> tuple[int, str, str]:
        return called("runs", "start", "--worker", self.url, "--run-id", run_id, *words)

    def status(self, run_id: str) -> RunStatus:
        status, out, err = called("runs", "status", run_id, "--worker", self.url, "--json")
        assert status == 0, err
        return msgspec.json.decode(out, type=RunStatus)

    def until(self, run_id: str, *states: str, pages: int = 0) -> RunStatus:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            told = self.status(run_id)
            if told.state in states and told.pages >= pages:
                return told
            time.sleep(ASK_EVERY)
        raise AssertionError(f"still {told.state}, {told.pages} pages: {told.error} {told.message}")

    def at_bucket(self, action: str, *words: str) -> tuple[int, str, str]:
        where, *how = self.lake
        return called("runs", action, where, *words, *how)

    def is_under_way(self, run_id: str) -> bool:
        """Whether the execution of that name is; one that was cancelled succeeds, and says so."""
        arn = self.stack.outputs["RunStateMachineArn"].replace(":stateMachine:", ":execution:")
        aws = self.stack.aws
        machines = aws.session.client("stepfunctions", endpoint_url=aws.endpoint)
        told = machines.describe_execution(executionArn=f"{arn}:{run_id}")
        if told["status"] != "RUNNING":
            assert told["status"] == "SUCCEEDED", (told.get("error"), told.get("cause"))
            assert json.loads(told["output"])["status"] == "cancelled"
        return bool(told["status"] == "RUNNING")

    def records(self, told: RunStatus) -> list[Any]:
        manifest = next(key for key in self.stack.keys(f"{told.dataset}/") if "_manifest-" in key)
        return differences(SyntheticRecords(SEED, SYNTHETIC_RECORDS), self.stack.records(manifest), "jsonl")


@pytest.fixture
def worker(calm_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Worker:
    return Worker(calm_cloud, monkeypatch)


def test_a_run_is_begun_by_a_call_that_is_answered_at_once_and_followed_to_its_end(worker: Worker) -> None:
    began = time.monotonic()
    status, out, err = worker.start("nobody-waits", "--format", "jsonl", "--limit", "10")
    assert status == 0, err
    assert out.startswith("run nobody-waits: ")
    answered = time.monotonic() - began
    told = worker.until("nobody-waits", "complete")
    assert answered < time.monotonic() - began
    assert (told.pages, told.expected_pages, told.records) == (100, 100, SYNTHETIC_RECORDS)
    assert worker.records(told) == []
    assert worker.start("nobody-waits", "--format", "jsonl", "--limit", "10")[1].startswith(
        "run nobody-waits: complete, 100 of 100 pages"
    )
    refused = worker.start("nobody-waits", "--format", "csv")
    assert (refused[0], "format is 'csv', but the run was asked for with 'jsonl'" in refused[2]) == (2, True)


@pytest.fixture
def slow_source(calm_cloud: Cloud) -> Iterator[None]:
    """Pages that take three quarters of a second: or all would be there before anybody can cancel the run."""
    before = calm_cloud.parameters
    calm_cloud.update({**before, "JitterSeconds": "1.5"})
    yield
    calm_cloud.update(before)


@pytest.mark.usefixtures("slow_source")
def test_a_run_that_is_cancelled_in_the_middle_keeps_what_came_and_goes_on(worker: Worker) -> None:
    words = ("--format", "jsonl", "--limit", "1")
    assert worker.start("cancelled-once", *words)[0] == 0
    worker.until("cancelled-once", "running")
    status, out, err = worker.at_bucket("cancel", "cancelled-once")
    assert (status, out.partition(",")[0]) == (0, "run cancelled-once: cancelled"), err
    deadline = time.monotonic() + PATIENCE
    while worker.is_under_way("cancelled-once") and time.monotonic() < deadline:
        time.sleep(ASK_EVERY)
    assert not worker.is_under_way("cancelled-once")
    told = worker.status("cancelled-once")
    assert {*told.failures} == {"RunCancelledError"}
    assert (told.state, told.at_work) == ("cancelled", 0)
    assert 0 < told.pages < SYNTHETIC_RECORDS
    assert told.receipt is None
    refused = worker.start("cancelled-once", *words)
    assert (refused[0], "RunCancelledError" in refused[2]) == (1, True)
    time.sleep(ASK_EVERY)
    assert worker.status("cancelled-once").pages == told.pages  # nobody is at it
    served = worker.stack.traffic().served
    assert worker.start("cancelled-once", *words, "--resume")[0] == 0
    done = worker.until("cancelled-once", "complete")
    assert (done.pages, done.records) == (SYNTHETIC_RECORDS, SYNTHETIC_RECORDS)
    assert worker.records(done) == []
    again = worker.stack.traffic().served - served
    assert again <= SYNTHETIC_RECORDS - told.pages + 40  # the rest, looks at what was there, and the proof
    listed = worker.at_bucket("list", "--state", "complete")[1]
    assert "cancelled-once: complete" in listed


def test_a_run_that_there_is_not_is_a_404_for_whoever_may_ask(worker: Worker) -> None:
    status, _, err = called("runs", "status", "never-begun", "--worker", worker.url)
    assert (status, "no run 'never-begun' was begun there" in err) == (2, True)
