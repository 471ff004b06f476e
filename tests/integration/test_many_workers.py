"""One run by many workers, on the deployed state machine: equal, with the fewest requests, and faster."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.simulators.records import SyntheticRecords
from de_classes.utils.clock import SystemClock
from localcloud.emulator import free_port
from localcloud.stack import STACK
from localcloud.verify import differences
from tests.fakes.jobs_api import ROWS, Jobs
from tests.fakes.mimics.serving import serving
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_cloud")]

SEED = 7
LIMIT = 10  # records a page
PASSWORD = "for-this-test"
PATIENCE = 900.0
MOST_KILLS, LEAST_KILLS = 8, 3
SCALED_PAGES = 1_000
SECONDS_A_PAGE = 1.0
LEAST_GAIN = {4: 2.6, 16: 5.0}
"""How much faster so many workers are than one, at the least: less than what was measured, which is in
docs/many-workers.md, by what a busy moment of the machine may take."""

DESCRIPTION = """
version = 1

[sources.slow]
base_url = "{address}"

[sources.slow.auth]
type = "login"
url = "{address}/login"
json = {{ username = "demo", password = "${{secret.password}}" }}

[sources.slow.resources.rows]
path = "/data"
records_path = "data"
total_path = "total_records"
page_size = {{ into = "query.limit", max = 1000, default = 10 }}
pagination = {{ type = "page", pages_path = "total_pages", echo_path = "page" }}
primary_key = ["id"]

[sources.slow.resources.endless] # says neither how many pages it has nor how many records
path = "/data"
records_path = "data"
page_size = {{ into = "query.limit", max = 1000, default = 10 }}
pagination = {{ type = "page", echo_path = "page" }}
primary_key = ["id"]
"""


class Machine:
    """The deployed state machine, and a source of this machine that its worker reads.

    Args:
        cloud: Where it is deployed.
        port: Where the source is, whenever there is one.
    """

    def __init__(self, cloud: Cloud, port: int) -> None:
        self.cloud = cloud
        self._port = port

    def client(self, service: str) -> Any:
        aws = self.cloud.stack.aws
        return aws.session.client(service, endpoint_url=aws.endpoint)

    @contextmanager
    def source(self, pages: int, *, seconds: float = 0.0) -> Iterator[dict[str, Any]]:
        """A source in a process of its own, by README's command; what it served is there once it has ended.

        Its pages take so many seconds, on average: evenly from none to twice that.
        """
        command = [sys.executable, "-m", "de_classes", "simulate", "--port", str(self._port), "--rate", "0"]
        command += ["--json", "--seed", str(SEED), "--records-count", str(pages * LIMIT)]
        command += ["--jitter", str(2 * seconds)]
        served: dict[str, Any] = {}
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, "SIMULATOR_PASSWORD": PASSWORD},
        )
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["event"] == "serving"
            yield served
        finally:
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=120)
        served.update(json.loads(rest.splitlines()[-1]))

    def start(self, run_id: str, *, name: str | None = None, **request: Any) -> str:
        execution = self.client("stepfunctions").start_execution(
            stateMachineArn=self.cloud.stack.outputs["RunStateMachineArn"],
            name=name or run_id,
            input=json.dumps({"source": "slow", "format": "jsonl", "run_id": run_id, **request}),
        )
        return str(execution["executionArn"])

    def told(self, execution: str) -> dict[str, Any]:
        """What the state machine says of an execution, once it is over."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            told: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=execution)
            if told["status"] != "RUNNING":
                return told
            time.sleep(0.2)
        raise AssertionError("it is still running")

    def receipt_of(self, execution: str) -> dict[str, Any]:
        told = self.told(execution)
        assert told["status"] == "SUCCEEDED", (told.get("error"), told.get("cause"))
        receipt: dict[str, Any] = json.loads(told["output"])
        return receipt

    def ranges_of(self, run_id: str) -> list[dict[str, Any]]:
        lines = self.cloud.stack.read_object(f"raw/_runs/{run_id}/ranges.jsonl").splitlines()
        return list(map(json.loads, lines))

    def lost_or_doubled(self, receipt: dict[str, Any], pages: int) -> list[str]:
        source = SyntheticRecords(SEED, pages * LIMIT)
        return differences(source, self.cloud.stack.records(receipt["key"]), "jsonl")

    def workers(self) -> list[int]:
        """The processes that carry the worker's code out now."""
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if _is_worker(path)]


def proofs_of(receipt: dict[str, Any]) -> int:
    """The requests that brought nothing but proof."""
    return sum(receipt[known].get("requests", 0) for known in ("end", "still"))


def _is_worker(environment: Path) -> bool:
    try:
        variables = environment.read_bytes().split(b"\0")
    except OSError:
        return False
    return any(
        each.startswith(b"AWS_LAMBDA_FUNCTION_NAME=") and b"IngestionWorker" in each for each in variables
    )


@pytest.fixture(scope="module")
def machine(calm_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    port = free_port()
    folder = tmp_path_factory.mktemp("project") / "sources"
    shutil.copytree(ROOT / "sources", folder)
    (folder / "slow.toml").write_text(DESCRIPTION.format(address=f"http://127.0.0.1:{port}"))
    secrets, name = calm_cloud.stack.aws.secrets(), f"{STACK}/sources/slow"
    secrets.create_secret(Name=name, SecretString=json.dumps({"password": PASSWORD}))
    try:
        with calm_cloud.packaged(folder):
            yield Machine(calm_cloud, port)
    finally:
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def impatient(machine: Machine) -> Iterator[Machine]:
    """The same where an invocation has ten seconds for its work."""
    before = machine.cloud.parameters
    machine.cloud.update({**before, "WorkerTimeoutSeconds": "30", "ReserveSeconds": "20"})
    yield machine
    machine.cloud.update({**before, "WorkerTimeoutSeconds": "300", "ReserveSeconds": "10"})


@pytest.fixture
def four_pages_at_once(machine: Machine) -> Iterator[Machine]:
    before = machine.cloud.parameters
    machine.cloud.update({**before, "PagesAtOnce": "4", "WorkerTimeoutSeconds": "900"})
    yield machine
    machine.cloud.update({**before, "WorkerTimeoutSeconds": "300"})


def test_a_run_of_four_workers_is_that_of_one(machine: Machine) -> None:
    with machine.source(80) as served:
        receipt = machine.receipt_of(machine.start("four"))
    assert (receipt["run_id"], receipt["status"], receipt["pages"]) == ("four", "complete", 80)
    assert machine.lost_or_doubled(receipt, 80) == []
    ranges = machine.ranges_of("four")
    assert [(each["first"], each["last"]) for each in ranges] == [(2, 20), (21, 40), (41, 60), (61, 80)]
    proofs = proofs_of(receipt)
    assert served["pages"] == receipt["requests"] == 80 + proofs
    assert receipt["invocations"] == 1 + 4 + 1  # plan, ranges, commit


def test_an_execution_that_is_started_again_gives_the_receipt_and_asks_for_nothing(machine: Machine) -> None:
    with machine.source(40):
        first = machine.receipt_of(machine.start("again"))
    with machine.source(40) as served:
        second = machine.receipt_of(machine.start("again", name="again-2"))
    assert (second["complete_before"], second["sha256"]) == (True, first["sha256"])
    assert served["requests"] == 0


def test_a_run_that_nobody_can_finish_fails_with_what_is_missing_and_goes_on_later(machine: Machine) -> None:
    told = machine.told(machine.start("nobody"))
    assert told["status"] == "FAILED"
    with machine.source(40):
        receipt = machine.receipt_of(machine.start("nobody", name="nobody-2"))
    assert (receipt["status"], machine.lost_or_doubled(receipt, 40)) == ("complete", [])


def test_a_collection_without_a_known_end_goes_from_one_invocation_to_the_next(impatient: Machine) -> None:
    with impatient.source(120, seconds=0.3):
        receipt = impatient.receipt_of(impatient.start("endless", source="slow.endless"))
    assert [(each["first"], each["last"]) for each in impatient.ranges_of("endless")] == [(2, None)]
    assert (receipt["status"], impatient.lost_or_doubled(receipt, 120)) == ("complete", [])
    assert receipt["invocations"] > 2


def test_a_job_of_the_source_is_waited_for_by_the_machine_and_by_no_worker(
    machine: Machine, tmp_path: Path
) -> None:
    source = Jobs(SystemClock())
    source.retry_after = "6"  # longer than a worker waits
    folder = tmp_path / "sources"
    shutil.copytree(ROOT / "sources", folder)
    with serving(source) as address:
        described = {"base_url": address, "resources": {"rows": ROWS}}
        (folder / "made.json").write_text(json.dumps({"version": 1, "sources": {"made": described}}))
        with machine.cloud.packaged(folder):
            receipt = machine.receipt_of(machine.start("made", source="made.rows"))
    assert (receipt["status"], receipt["records"], len(source.jobs)) == ("complete", source.rows, 1)
    assert sum(request.path == "/jobs/j1" for request in source.asked) >= source.looks
    assert receipt["seconds_waited"] < 6


def test_workers_that_are_killed_at_random_lose_nothing_and_double_nothing(machine: Machine) -> None:
    chance, killed = random.Random(SEED), 0  # noqa: S311 - repeatable
    with machine.source(400, seconds=0.3):
        execution = machine.start("killed")
        states = machine.client("stepfunctions")
        while states.describe_execution(executionArn=execution)["status"] == "RUNNING":
            time.sleep(chance.uniform(1.0, 4.0))
            workers = machine.workers()
            if workers and killed < MOST_KILLS:
                os.kill(chance.choice(workers), signal.SIGKILL)
                killed += 1
        receipt = machine.receipt_of(execution)
    assert killed >= LEAST_KILLS
    assert (receipt["status"], machine.lost_or_doubled(receipt, 400)) == ("complete", [])


def test_many_workers_are_as_much_faster(four_pages_at_once: Machine) -> None:
    machine = four_pages_at_once
    took: dict[int, float] = {}
    with machine.source(200, seconds=SECONDS_A_PAGE):  # sixteen processes start, here on two processors
        machine.receipt_of(machine.start("warmed", workers=16))
    # The quickest ones twice: a moment in which the machine stands still is as long as they are.
    for workers, run in ((16, "scaled-16"), (16, "scaled-16-again"), (4, "scaled-4"), (1, "scaled-1")):
        with machine.source(SCALED_PAGES, seconds=SECONDS_A_PAGE) as served:
            began = time.monotonic()
            receipt = machine.receipt_of(machine.start(run, workers=workers))
            took[workers] = min(time.monotonic() - began, took.get(workers, PATIENCE))
        assert len(machine.ranges_of(run)) == workers
        assert machine.lost_or_doubled(receipt, SCALED_PAGES) == []
        proofs = proofs_of(receipt)
        print(workers, took[workers], served, receipt["requests_by_outcome"])  # noqa: T201 - for whoever asks
        assert served["pages"] == receipt["requests_by_outcome"]["200"] == SCALED_PAGES + proofs
    gains = {workers: took[1] / took[workers] for workers in LEAST_GAIN}
    print(f"seconds {took}, times as fast {gains}")  # noqa: T201 - the figures are the proof
    assert all(gains[workers] >= least for workers, least in LEAST_GAIN.items()), (took, gains)
