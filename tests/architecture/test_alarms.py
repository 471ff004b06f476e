"""Each alarm of the template on the lines that real runs wrote: each goes off by its own."""

from __future__ import annotations

import json
import re
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.metrics.provider.cold_start import reset_cold_start_flag

from de_classes.api.messages import HttpResponse
from de_classes.errors import ConfigurationError, DeClassesError
from de_classes.handler import METRICS, METRICS_BY_CAUSE, METRICS_BY_SOURCE, handler_for
from de_classes.utils.clock import ManualClock
from de_classes.worker.ticks import SILENCE
from tests.fakes.alarms import ALARM, INSUFFICIENT_DATA, OK, Datapoint, datapoints, state
from tests.fakes.every import every
from tests.fakes.resolved import PSEUDO, deployed, of_type
from tests.fakes.scheduled import RESOURCE, RUN_ID, TICK, scheduled
from tests.fakes.worker import FakeContext, FakeSource
from tests.unit.worker.test_ingestion import ingestion
from tests.unit.worker.test_ticks import Killed, KillingSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from de_classes.worker.ingestion import Ingestion

NAMESPACE = f"DeClasses/{PSEUDO['AWS::StackName']}"
WATCH = {"watch": True}
NEXT = {**TICK, "at": "2026-11-30T07:00:00Z"}
BROKEN = {2: [HttpResponse(503)] * 99}
FLAKY = {1: [HttpResponse(503)], 2: [HttpResponse(429)]}


class Worker:
    """The real worker with a schedule of an hour, whose lines are read as CloudWatch reads them."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], *lines: str, build: Any = ingestion
    ) -> None:
        self._folder, self._capsys, self._build = folder, capsys, build
        self._sources = scheduled(folder, 'rate = "1 hour"', *lines)
        self.clock = ManualClock(now=time.time())
        self.printed = ""
        self._begun: list[dict[str, Any]] = []

    def deliver(self, *events: dict[str, Any], source: FakeSource | None = None) -> Worker:
        """Hand events to the worker; how each ends is told by its lines alone."""

        def build() -> Ingestion:
            served, environ = source or FakeSource(total=50), {"MAX_ATTEMPTS": "2", "CONCURRENCY": "1"}
            worker: Ingestion = self._build(
                self._folder, served, self.clock, SOURCES_PATH=self._sources, **environ
            )
            return worker

        for event in events:
            self._begun = [event]
            while self._begun:
                with suppress(DeClassesError, Killed), warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # who is killed has nothing to publish
                    handler_for(build, starter=self)(self._begun.pop(), FakeContext())
        self.printed += "".join(
            f"{line}\n" for line in self._capsys.readouterr().out.splitlines() if line.startswith("{")
        )
        return self

    def start(self, request: Mapping[str, Any], *, go: int) -> None:
        """See ``RunStarter``: the worker's own event comes next."""
        del go
        self._begun.append(dict(request))

    def later(self, seconds: float) -> Worker:
        """Let time pass for the worker; what it tells CloudWatch has this machine's time all the same."""
        self.clock.advance(seconds)
        return self

    @property
    def points(self) -> list[Datapoint]:
        return datapoints(self.printed)


def refused(*_: object, **__: object) -> Ingestion:
    raise ConfigurationError("SOURCE_PARAMETERS must be a JSON object")


def good(worker: Worker) -> None:
    worker.deliver(TICK, WATCH, source=FakeSource(total=50, faults=FLAKY))


def late(worker: Worker) -> None:
    worker.deliver(TICK, WATCH).later(2 * 3600 + 1).deliver(WATCH)


def partial(worker: Worker) -> None:
    worker.deliver(TICK, WATCH, source=FakeSource(total=50, faults=BROKEN))


def incomplete(worker: Worker) -> None:
    worker.deliver(TICK, WATCH, source=FakeSource(total=50, faults=BROKEN))


def stuck(worker: Worker) -> None:
    worker.deliver(TICK, source=KillingSource(total=50)).later(SILENCE + 60).deliver(WATCH)


def stuck_and_replaced(worker: Worker) -> None:
    worker.deliver(TICK, source=KillingSource(total=50)).later(SILENCE + 60).deliver(NEXT)
    worker.deliver(WATCH)


def skipped(worker: Worker) -> None:
    worker.deliver(TICK, source=KillingSource(total=50)).deliver(NEXT, TICK, WATCH)


def nobody_looks(worker: Worker) -> None:
    worker.deliver(TICK)


def faulty(worker: Worker) -> None:
    worker.deliver(TICK)


FIRES: dict[Callable[[Worker], None], set[str]] = {
    good: set(),
    skipped: set(),
    late: {"LateSchedulesAlarm"},
    nobody_looks: {"LateSchedulesAlarm"},  # silence is a breach
    partial: {"PartialRunsAlarm"},
    incomplete: {"IncompleteRunsAlarm"},
    stuck: {"StuckRunsAlarm"},
    stuck_and_replaced: {"StuckRunsAlarm"},
    faulty: {"IngestionWorkerFaultsAlarm", "IncompleteRunsAlarm", "LateSchedulesAlarm"},
}


def alarms() -> dict[str, dict[str, Any]]:
    """Those on metrics that the worker writes itself."""
    all_of_them = of_type(deployed("prod-aws"), "AWS::CloudWatch::Alarm")
    return {
        name: alarm["Properties"]
        for name, alarm in all_of_them.items()
        if alarm["Properties"].get("Namespace") == NAMESPACE and name not in filtered()
    }


def filtered() -> set[str]:
    """Those on what Lambda itself writes into the log: no line of ours can set them off."""
    made = of_type(deployed("prod-aws"), "AWS::Logs::MetricFilter").values()
    names = {
        each["MetricName"] for filter_ in made for each in filter_["Properties"]["MetricTransformations"]
    }
    all_of_them = of_type(deployed("prod-aws"), "AWS::CloudWatch::Alarm").items()
    return {name for name, alarm in all_of_them if alarm["Properties"].get("MetricName") in names}


@pytest.fixture(autouse=True)
def in_the_stacks_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE)


WORKERS: dict[str, Worker] = {}


@pytest.fixture
def lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Worker]:
    """What a worker wrote in each case, each in a bucket of its own; once for all tests."""
    reset_cold_start_flag()
    for case in FIRES if not WORKERS else ():
        folder = tmp_path / case.__name__
        folder.mkdir()
        own = ["allow_partial = true"] if case is partial else []
        worker = Worker(folder, capsys, *own, build=refused if case is faulty else ingestion)
        case(worker)
        WORKERS[case.__name__] = worker
    return WORKERS


def test_each_alarm_goes_off_by_what_it_is_for_and_none_by_a_good_run(lines: dict[str, Worker]) -> None:
    assert {name for expected in FIRES.values() for name in expected} == set(alarms())
    found = {}
    for name, worker in lines.items():
        now = max(point.seconds for point in worker.points) + 1
        states = {alarm: state(said, worker.points, now=now) for alarm, said in alarms().items()}
        assert INSUFFICIENT_DATA not in states.values()
        found[name] = {alarm for alarm, each in states.items() if each == ALARM}
    assert found == {case.__name__: expected for case, expected in FIRES.items()}


def test_an_alarm_sees_nothing_by_another_name_dimension_or_unit(lines: dict[str, Worker]) -> None:
    """So that the test before could have failed."""
    quiet = {"TreatMissingData": "notBreaching"}
    for case, expected in FIRES.items():
        worker = lines[case.__name__]
        now = max((point.seconds for point in worker.points), default=time.time()) + 1
        for name in expected - ({"LateSchedulesAlarm"} if case in {nobody_looks, faulty} else set()):
            said = {**alarms()[name], **quiet}
            assert state(said, worker.points, now=now) == ALARM
            for changed in (
                {"MetricName": "Other"},
                {"Namespace": "DeClasses/other"},
                {"Dimensions": []},
                {"Dimensions": [{"Name": "service", "Value": "other"}]},
                {"Unit": "Seconds"},
                {"Threshold": 99},
            ):
                assert state({**said, **changed}, worker.points, now=now) == OK, (name, changed)
            assert state(said, worker.points, now=now + 3600) == OK


def test_what_was_skipped_and_what_is_stuck_is_named_in_the_log(lines: dict[str, Worker]) -> None:
    def told(name: str, message: str) -> list[dict[str, Any]]:
        documents = map(json.loads, lines[name].printed.splitlines())
        return [each for each in documents if str(each.get("message", "")).startswith(message)]

    (tick,) = told("skipped", "tick skipped")
    assert (tick["resource"], tick["because_of"]) == (RESOURCE, RUN_ID)
    (run,) = told("stuck", "run stuck")
    assert (run["resource"], run["run_id"]) == (RESOURCE, RUN_ID)
    (schedule,) = told("late", "schedule late")
    assert (schedule["resource"], schedule["seconds"]) == (RESOURCE, 7201)


def series(lines: dict[str, Worker]) -> set[tuple[str, frozenset[str]]]:
    """The metrics that were written, each with the names of its dimensions."""
    return {
        (point.name, frozenset(name for name, _ in point.dimensions))
        for worker in lines.values()
        for point in worker.points
        if point.namespace == NAMESPACE
    }


def test_the_dashboard_shows_nothing_but_metrics_that_are_written(lines: dict[str, Worker]) -> None:
    (dashboard,) = of_type(deployed("prod-aws"), "AWS::CloudWatch::Dashboard").values()
    body = json.loads(dashboard["Properties"]["DashboardBody"])
    shown: set[tuple[str, frozenset[str]]] = set()
    titles = set()
    for widget in body["widgets"]:
        titles.add(widget["properties"]["title"])
        for metric in widget["properties"].get("metrics", []):
            words = [each for each in metric if isinstance(each, str)]
            if words and words[0] == NAMESPACE:
                assert words[3::2] in ([], ["ingestion-worker"])
                shown.add((words[1], frozenset(words[2::2])))
            expression = metric[-1].get("expression", "") if isinstance(metric[-1], dict) else ""
            if "SEARCH" in expression:
                found = re.search(r"\{([^}]+)\} MetricName=\"(\w+)\"", expression)
                assert found is not None, expression
                namespace, *dimensions = found[1].split(",")
                assert namespace == NAMESPACE
                shown.add((found[2], frozenset(dimensions)))
    shown.discard(("WorkerStops", frozenset()))  # which a filter makes of Lambda's own lines
    assert shown - series(lines) <= {("WaitingTicks", frozenset({"service"}))}  # seen in test_ticks.py
    assert {
        "Runs by source",
        "Lag by source: seconds since the latest commit",
        "Rows by source",
        "Retries by cause",
        "Dollars by source, as its receipts reckon",
    } <= titles
    of_source, of_cause = frozenset({"service", "source"}), frozenset({"service", "cause"})
    assert {name for name, names in shown if names == of_source} == set(METRICS_BY_SOURCE)
    assert {name for name, names in shown if names == of_cause} == set(METRICS_BY_CAUSE)


def test_the_metrics_that_are_listed_are_those_that_the_worker_writes(lines: dict[str, Worker]) -> None:
    """The lists are what docs/costs.md charges for."""
    alone = frozenset({"service"})
    of_all = {name for name, names in series(lines) if names == alone}
    assert of_all == set(METRICS) - {"WaitingTicks"}
    assert "ColdStart" in {name for name, _ in series(lines)}  # which Powertools adds
    units = {(point.name, point.unit) for worker in lines.values() for point in worker.points}
    listed = {**METRICS_BY_SOURCE, **METRICS, **METRICS_BY_CAUSE}
    assert {(name, listed[name].value) for name, _ in units if name in listed} == {
        (name, unit) for name, unit in units if name in listed
    }


def test_a_source_and_a_cause_are_the_only_values_that_dimensions_have(lines: dict[str, Worker]) -> None:
    """Both are bounded: by what is described, and by what can keep a request from being answered."""
    values: dict[str, set[str]] = {}
    for worker in lines.values():
        for point in worker.points:
            for name, value in point.dimensions:
                values.setdefault(name, set()).add(value)
    values.pop("function_name", None)  # of Powertools' ColdStart
    assert values == {"service": {"ingestion-worker"}, "source": {RESOURCE}, "cause": {"429", "503"}}


@every(
    "values, changes, expected",
    [
        ([1.0], {}, ALARM),
        ([0.0], {}, OK),
        ([], {}, OK),
        ([], {"TreatMissingData": "breaching"}, ALARM),
        ([], {"TreatMissingData": "missing"}, INSUFFICIENT_DATA),
        ([1.0, 1.0], {"Threshold": 1}, ALARM),
        ([1.0, 1.0], {"Threshold": 1, "Statistic": "Maximum"}, OK),
        ([3.0, 0.0], {"Threshold": 1, "Statistic": "Average"}, ALARM),
        ([1.0], {"ComparisonOperator": "LessThanThreshold"}, OK),
        ([1.0], {"EvaluationPeriods": 2}, OK),
        ([1.0], {"EvaluationPeriods": 2, "DatapointsToAlarm": 1}, ALARM),
        ([1.0], {"EvaluationPeriods": 2, "TreatMissingData": "breaching"}, ALARM),
    ],
)
def test_an_alarm_is_judged_as_cloudwatch_documents_it(
    values: list[float], changes: dict[str, Any], expected: str
) -> None:
    said = {
        "Namespace": "N",
        "MetricName": "M",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    points = [Datapoint("N", "M", frozenset(), "Count", value, 1_000.0) for value in values]
    assert state({**said, **changes}, points, now=1_001.0) == expected
