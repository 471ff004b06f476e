from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.errors import (
    AuthenticationError,
    ConfigurationError,
    IncompleteRunError,
    InvalidInputError,
    NewerLayoutError,
)
from de_classes.runs.liveness import RunCancellation
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils.clock import ManualClock
from de_classes.worker.ingest_endpoint import IngestEndpoint
from de_classes.worker.put_off import WAITS, OneTimeSchedules
from de_classes.worker.ticks import PUT_OFF_SECONDS, SILENCE
from tests.fakes.scheduled import RESOURCE, RUN_ID, TICK, scheduled
from tests.fakes.worker import ENVIRONMENT, FakeContext, FakeSource, lake
from tests.unit.worker.test_ingestion import ingestion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from de_classes.api.messages import HttpRequest

HOURLY = 'rate = "1 hour"'
NEXT = {"schedule": RESOURCE, "at": "2026-11-30T07:00:00Z"}
AGAIN = {"run_id": RUN_ID, "source": RESOURCE}
"""As Lambda tries the event of a run again, and as somebody does by hand."""
NEXT_ID = "unstable.data-20261130T070000Z"
SILENT = FakeSource(total=0)


class Killed(BaseException):
    """What Lambda does to a process: nobody can catch it, and nothing more is written down."""


class KillingSource(FakeSource):
    """Ends the process at its third page."""

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        if request.params.get("page") == "3":
            raise Killed
        return super().send(request, timeout=timeout)


class Deployed:
    """A worker whose description has a schedule, what it begins by events of its own, and what it put off."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.folder = folder
        self.sources = scheduled(folder, *(lines or [HOURLY]))
        self.clock = ManualClock(now=time.time())  # beside the dates of real files
        self.put_off: list[tuple[str, dict[str, Any], float]] = []
        self.begun: list[Mapping[str, Any]] = []

    def start(self, request: Mapping[str, Any], *, go: int) -> None:
        """See ``RunStarter``."""
        del go
        self.begun.append(request)

    def deliver(self, event: object, source: FakeSource | None = None, **environ: str) -> dict[str, Any]:
        """What the worker answers; where it began a run by an event, what it answers to that."""
        environ = {"SOURCES_PATH": self.sources, "PART_PAGES": "1", "MAX_ATTEMPTS": "2", **environ}
        worker = ingestion(self.folder, source or FakeSource(total=50), self.clock, **environ)
        endpoint = IngestEndpoint(worker, starter=self, put_off=self.remember)
        told = endpoint(event, FakeContext())
        return endpoint(self.begun.pop(), FakeContext()) if self.begun else told

    def remember(self, name: str, tick: dict[str, Any], *, due: float) -> None:
        self.put_off.append((name, tick, due))

    def watch(self) -> dict[str, Any]:
        (found,) = self.deliver({"watch": True}, SILENT)["schedules"]
        return dict(found)


def test_one_tick_is_one_run_however_often_it_is_delivered(tmp_path: Path) -> None:
    deployed, source = Deployed(tmp_path), FakeSource(total=50)
    first = deployed.deliver(TICK, source)
    asked = len(source.requests)
    again = deployed.deliver(TICK, source)
    assert (first["run_id"], first["complete_before"]) == (RUN_ID, False)
    assert (again["status"], again["run"]["run_id"], again["run"]["state"]) == ("begun", RUN_ID, "complete")
    assert len(source.requests) == asked
    assert deployed.deliver(NEXT, source)["run_id"] == NEXT_ID


def test_what_is_written_is_what_the_description_says(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path, HOURLY, 'format = "csv"', 'dataset = "by-itself/orders"')
    receipt = deployed.deliver(TICK)
    assert receipt["format"] == "csv"
    assert receipt["key"].startswith("raw/by-itself/orders/ingest_date=")
    reader = DatasetReader(lake(tmp_path), "lake", receipt["key"])
    assert sum(map(len, reader.records())) == 50


def test_a_tick_whose_time_is_not_said_is_that_of_its_period(tmp_path: Path) -> None:
    deployed, event = Deployed(tmp_path), {**TICK, "at": "<aws.scheduler.scheduled-time>"}
    deployed.clock = ManualClock(now=1_796_022_000.0 + 61)  # a minute past 2026-11-30 07:00
    first = deployed.deliver(event)
    deployed.clock.advance(1800)
    assert deployed.deliver(event)["run"]["run_id"] == first["run_id"]
    deployed.clock.advance(1800)
    assert deployed.deliver(event)["run_id"] > first["run_id"]


def begun_and_killed(deployed: Deployed) -> None:
    with pytest.raises(Killed):
        deployed.deliver(TICK, KillingSource(total=50), CONCURRENCY="1")


def test_a_tick_is_skipped_while_the_run_of_an_earlier_one_is_at_it(tmp_path: Path) -> None:
    deployed, source = Deployed(tmp_path), FakeSource(total=50)
    begun_and_killed(deployed)
    told = deployed.deliver(NEXT, source)
    assert told == {
        "version": 1,
        "status": "skipped",
        "schedule": RESOURCE,
        "run_id": NEXT_ID,
        "because_of": RUN_ID,
    }
    assert source.requests == deployed.put_off == []
    assert deployed.deliver(AGAIN)["status"] == "complete"
    done = deployed.deliver(NEXT)  # nobody is at it now
    assert (done["run_id"], done["status"]) == (NEXT_ID, "complete")


def test_a_tick_that_waits_comes_again_with_the_time_that_it_had(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path, HOURLY, 'overlap = "wait"')
    begun_and_killed(deployed)
    now = deployed.clock.now()
    assert deployed.deliver(NEXT, SILENT)["status"] == "waiting"
    assert deployed.put_off == [(RESOURCE, NEXT, now + PUT_OFF_SECONDS)]
    deployed.deliver(AGAIN)
    done = deployed.deliver(deployed.put_off[0][1])
    assert (done["run_id"], done["status"]) == (NEXT_ID, "complete")


def test_a_run_that_fell_silent_makes_room_for_the_next_tick(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path)
    begun_and_killed(deployed)
    deployed.clock.advance(SILENCE - 60)
    assert deployed.deliver(NEXT, SILENT)["status"] == "skipped"
    deployed.clock.advance(120)
    assert deployed.watch()["stuck"] == RUN_ID
    assert deployed.deliver(NEXT)["status"] == "complete"
    assert deployed.watch()["stuck"] is None


def test_a_run_that_another_try_goes_on_with_is_at_it_and_one_that_failed_for_good_is_not(
    tmp_path: Path,
) -> None:
    deployed = Deployed(tmp_path)
    with pytest.raises(IncompleteRunError):
        deployed.deliver(TICK, FakeSource(total=50, faults={2: [HttpResponse(503)] * 99}))
    assert deployed.deliver(NEXT, SILENT)["status"] == "skipped"
    with pytest.raises(AuthenticationError):
        deployed.deliver(TICK, FakeSource(total=50, faults={2: [HttpResponse(401)] * 99}))
    deployed.clock.advance(SILENCE + 1)
    assert deployed.watch()["stuck"] is None
    assert deployed.deliver(NEXT)["status"] == "complete"


def test_a_run_that_somebody_cancelled_is_over(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path)
    begun_and_killed(deployed)
    RunCancellation(lake(tmp_path), "lake", "raw", RUN_ID).ask()
    assert deployed.deliver(NEXT)["status"] == "complete"


def test_what_is_gone_on_with_by_hand_is_a_commit_of_its_schedule(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path)
    deployed.watch()
    begun_and_killed(deployed)
    deployed.clock.advance(7_201)
    assert deployed.watch()["is_late"] is True
    deployed.deliver({"run_id": RUN_ID})
    assert (deployed.watch()["lag"], deployed.watch()["is_late"]) == (0.0, False)
    deployed.deliver({"run_id": "monday", "source": RESOURCE})  # which is no tick's
    deployed.clock.advance(60)
    assert deployed.watch()["lag"] == 60


def test_a_schedule_is_late_once_nothing_was_committed_for_its_period_and_allowance(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path, HOURLY, 'allowance = "10 minutes"')
    assert deployed.watch() == {"schedule": RESOURCE, "lag": 0.0, "is_late": False, "stuck": None}
    deployed.clock.advance(4_201)  # nothing ever came since it is known
    assert deployed.watch() == {"schedule": RESOURCE, "lag": 4_201.0, "is_late": True, "stuck": None}
    deployed.deliver(TICK)
    deployed.clock.advance(4_200)
    assert (deployed.watch()["lag"], deployed.watch()["is_late"]) == (4_200.0, False)
    deployed.deliver(TICK)  # delivered again, it brings nothing new
    deployed.clock.advance(1)
    assert (deployed.watch()["lag"], deployed.watch()["is_late"]) == (4_201.0, True)


def test_a_schedule_that_was_gone_for_a_time_is_not_late_when_it_comes_back(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path)
    deployed.deliver(TICK)
    deployed.watch()
    assert deployed.deliver({"watch": True}, SILENT, SOURCES_PATH=ENVIRONMENT["SOURCES_PATH"]) == {
        "version": 1,
        "schedules": [],
    }
    deployed.clock.advance(86_400)
    assert deployed.watch()["is_late"] is False


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"schedule": "unstable.own_records"}, "'unstable.own_records', which has none here"),
        ({"schedule": "shop.orders"}, "there is no source 'shop'"),
        ({"schedule": 7}, "schedule must be"),
        ({"schedule": RESOURCE, "at": "noon"}, "at is 'noon'"),
        ({"schedule": RESOURCE, "when": "noon"}, "when is unknown"),
    ],
)
def test_an_event_that_is_no_tick_begins_nothing(tmp_path: Path, event: object, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        Deployed(tmp_path).deliver(event, SILENT)
    assert not list((tmp_path / "lake").rglob("*.json"))


def test_a_tick_is_none_over_http(tmp_path: Path) -> None:
    """Whoever may call the API may not say when a schedule's turn is."""
    for body in (TICK, {"watch": True}):
        event = {"httpMethod": "POST", "path": "/ingest", "body": json.dumps(body)}
        answer = Deployed(tmp_path).deliver(event, SILENT)
        assert (answer["statusCode"], "is unknown" in answer["body"]) == (400, True)


def test_what_a_newer_version_has_written_of_a_schedule_is_not_written_over(tmp_path: Path) -> None:
    deployed = Deployed(tmp_path)
    key, newer = (
        f"raw/_schedules/{RESOURCE}/current.json",
        b'{"version": 2, "run_id": "monday", "began": 0.0}',
    )
    lake(tmp_path).put_object("lake", key, newer)
    with pytest.raises(NewerLayoutError, match=r"current\.json was written by a newer de-classes"):
        deployed.deliver(TICK)
    assert lake(tmp_path).get_object("lake", key) == newer


class FakeScheduler:
    """boto3's client, as far as it is used; a name that is there is refused."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def create_schedule(self, **said: Any) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - half of what it takes to import

        if any(each["Name"] == said["Name"] for each in self.made):
            raise ClientError({"Error": {"Code": "ConflictException"}}, "CreateSchedule")
        self.made.append(said)


def test_a_tick_is_put_off_by_a_schedule_that_comes_once_and_is_made_once() -> None:
    client = FakeScheduler()
    put_off = OneTimeSchedules("stack", "arn:role", "arn:queue", "arn:worker:live", client)
    for _ in range(2):
        put_off("shop.orders", NEXT, due=1_796_022_120.0)
    (made,) = client.made
    assert made["Name"].startswith("waits-")
    assert (made["GroupName"], made["Description"], made["ActionAfterCompletion"]) == (
        "stack",
        WAITS,
        "DELETE",
    )
    assert made["ScheduleExpression"] == "at(2026-11-30T07:02:00)"
    assert json.loads(made["Target"]["Input"]) == NEXT
    assert (made["Target"]["Arn"], made["Target"]["RoleArn"]) == ("arn:worker:live", "arn:role")
    assert made["Target"]["DeadLetterConfig"] == {"Arn": "arn:queue"}


def test_a_deployment_without_a_group_cannot_put_anything_off() -> None:
    with pytest.raises(ConfigurationError, match="needs a deployment with a schedule group"):
        OneTimeSchedules("", "", "", "")("shop.orders", NEXT, due=0.0)
