"""What AWS Lambda calls: one request a call, put together by the variables of the function."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from de_classes.api.receipt import COMPLETE
from de_classes.bootstrap import SERVICE, build_ingestion
from de_classes.common.logger.app_logger import AppLogger
from de_classes.common.tracing import no_span, span_for
from de_classes.configs.sam_local import function_environment
from de_classes.configs.settings import environment
from de_classes.errors import RunCancelledError
from de_classes.worker.ingest_endpoint import EndpointObserver, IngestEndpoint, is_fault_of_worker
from de_classes.worker.ticks import SKIPPED

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    from de_classes.api.receipt import IngestReceipt
    from de_classes.common.tracing import Span
    from de_classes.worker.ingest_endpoint import LambdaContext
    from de_classes.worker.ingestion import Ingestion
    from de_classes.worker.starting import RunStarter
    from de_classes.worker.ticks import LetThrough, Passed, Watched

    Handler = Callable[[object, LambdaContext | None], dict[str, Any]]

NAMESPACE = "DeClasses"
"""Of the metrics; the template gives each stack one of its own below it."""
# Each is a custom metric, which costs what docs/costs.md says; Powertools adds ColdStart.
METRICS = {
    "CompleteRuns": MetricUnit.Count,
    "PartialRuns": MetricUnit.Count,
    "IncompleteRuns": MetricUnit.Count,
    "WorkerFaults": MetricUnit.Count,
    "Pages": MetricUnit.Count,
    "Records": MetricUnit.Count,
    "Retries": MetricUnit.Count,
    "SecondsWaited": MetricUnit.Seconds,
    "Bytes": MetricUnit.Bytes,
    "SkippedTicks": MetricUnit.Count,
    "WaitingTicks": MetricUnit.Count,
    "LateSchedules": MetricUnit.Count,
    "StuckRuns": MetricUnit.Count,
}
# Each of these for every resource that has runs, as the dimension `source`: as many as are described.
METRICS_BY_SOURCE = {
    "CompleteRuns": MetricUnit.Count,
    "PartialRuns": MetricUnit.Count,
    "IncompleteRuns": MetricUnit.Count,
    "Records": MetricUnit.Count,
    "Dollars": MetricUnit.NoUnit,
    "Lag": MetricUnit.Seconds,
}
# And for every cause of a retry, as the dimension `cause`: a status, or how a request failed.
METRICS_BY_CAUSE = {"Retries": MetricUnit.Count}


class RunObserver(EndpointObserver):
    """Publishes how runs end, as log lines and metrics.

    Args:
        logger: Takes the lines.
        metrics: Those of all runs, written once an invocation.
    """

    def __init__(self, logger: logging.Logger, metrics: Metrics) -> None:
        self._logger = logger
        self._metrics = metrics

    def receipt(self, receipt: IngestReceipt, resource: str | None = None) -> None:
        """A run is complete, or partial where that was allowed."""
        self._logger.info(
            "run %s", receipt.status, extra={"receipt": _in_a_line(receipt), "resource": resource}
        )
        ended = "CompleteRuns" if receipt.status == COMPLETE else "PartialRuns"
        self._put(ended, 1)
        if receipt.catalog is not None and receipt.catalog.problem is not None:
            self._put("WorkerFaults", 1)  # committed, and its table does not show it
        if receipt.complete_before:
            self._put_apart("source", resource, {ended: 1})
            return  # what came was counted when it came
        self._put("Pages", receipt.pages)
        self._put("Records", receipt.records)
        self._put("Retries", receipt.retries)
        self._put("SecondsWaited", receipt.seconds_waited)
        self._put("Bytes", receipt.bytes)
        spent = {"Dollars": receipt.actual.dollars} if receipt.actual else {}
        self._put_apart("source", resource, {ended: 1, "Records": receipt.records, **spent})
        for cause, times in receipt.retries_by_cause.items():
            self._put_apart("cause", cause, {"Retries": times})

    def failure(self, error: Exception, resource: str | None = None) -> None:
        """A run is not complete, and why; it is counted apart where the worker is to blame for it."""
        if isinstance(error, RunCancelledError):  # as somebody wished
            self._logger.info("run cancelled", extra={"run_id": error.run_id})
            return
        told = {"error": type(error).__name__, "reason": str(error), "run_id": getattr(error, "run_id", None)}
        self._logger.error("run not complete", extra={**told, "resource": resource})
        self._put("IncompleteRuns", 1)
        self._put_apart("source", resource, {"IncompleteRuns": 1})
        if is_fault_of_worker(error):
            self._put("WorkerFaults", 1)

    def passed(self, tick: Passed) -> None:
        """A tick was left out, or put off."""
        told = {"resource": tick.schedule, "run_id": tick.run_id, "because_of": tick.because_of}
        self._logger.warning("tick %s: run %s is at it", tick.status, tick.because_of, extra=told)
        self._put("SkippedTicks" if tick.status == SKIPPED else "WaitingTicks", 1)

    def begun(self, tick: LetThrough) -> None:
        """The run of a tick begins; that of an earlier one may have been given up for it."""
        self._logger.info("tick begins run %s", tick.run_id, extra=_of_run(tick.run_id, tick.schedule))
        if tick.stuck is not None:
            told = _of_run(tick.stuck, tick.schedule)
            self._logger.error("run stuck: nothing was written down by it", extra=told)
            self._put("StuckRuns", 1)

    def watched(self, schedules: Sequence[Watched]) -> None:
        """Which schedules are late and which runs stuck; zeros too, which silence could not be told from."""
        for each in schedules:
            self._put_apart("source", each.schedule, {"Lag": each.lag})
            if each.is_late:
                told = {"resource": each.schedule, "seconds": round(each.lag)}
                self._logger.error("schedule late: nothing was committed", extra=told)
            if each.stuck is not None:
                self._logger.error(
                    "run stuck: nothing was written down by it", extra=_of_run(each.stuck, each.schedule)
                )
        self._put("LateSchedules", sum(each.is_late for each in schedules))
        self._put("StuckRuns", sum(each.stuck is not None for each in schedules))

    def _put(self, name: str, value: float) -> None:
        self._metrics.add_metric(name, METRICS[name], value)

    def _put_apart(self, dimension: str, value: str | None, values: Mapping[str, float]) -> None:
        """Write metrics that have a dimension beside the service, as a line of their own."""
        if value is None:
            return
        units = METRICS_BY_SOURCE if dimension == "source" else METRICS_BY_CAUSE
        apart = EphemeralMetrics(service=SERVICE, namespace=self._metrics.namespace)
        apart.add_dimension(dimension, value)
        for name, number in values.items():
            apart.add_metric(name, units[name], number)
        apart.flush_metrics()


def _of_run(run_id: str, resource: str) -> dict[str, str]:
    return {"run_id": run_id, "resource": resource}


def _in_a_line(receipt: IngestReceipt) -> dict[str, Any]:
    """What a log line has room for, which is 256 KB: the parts are in the stored receipt."""
    brief = receipt.as_dict(brief=True)
    return {name: brief[name] for name in brief if name not in {"parts", "quarantine"}}


@dataclass
class NoContext:
    """Stands in for Lambda's context where somebody calls the handler without one."""

    function_name: str = SERVICE
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = ""
    aws_request_id: str = ""

    def get_remaining_time_in_millis(self) -> int:
        """As long as Lambda lets anything run: the settings say when to stop."""
        return 900_000


def handler_for(
    build: Callable[[], Ingestion], *, span: Span = no_span, starter: RunStarter | None = None
) -> Handler:
    """The Lambda handler around an ingestion, which is put together by the first event.

    Args:
        build: Puts it together; the seam of the tests.
        span: What each event is traced by.
        starter: Has runs carried out for which nobody waits, those of schedules among them; what the settings
            say if not given.
    """
    app_logger = AppLogger(SERVICE, on_lambda=True)  # Powertools' lines, with credentials masked
    namespace = environment().get("POWERTOOLS_METRICS_NAMESPACE") or NAMESPACE
    metrics = Metrics(service=SERVICE, namespace=namespace)
    # Where a run stands is a question that counts nothing, and a cancelled run is no run that ended.
    warnings.filterwarnings("ignore", "No application metrics to publish", UserWarning)
    observer = RunObserver(app_logger.get_logger(), metrics)
    ingestion = cache(build)

    @metrics.log_metrics(capture_cold_start_metric=True)
    def handle(event: object, context: LambdaContext) -> dict[str, Any]:
        with span(SERVICE):
            try:
                carries_out = ingestion()
            except Exception as error:
                observer.failure(error)
                raise
            return IngestEndpoint(carries_out, observer=observer, starter=starter)(event, context)

    logged = app_logger.inject_lambda_context(handle, correlation_id_path="requestContext.requestId")

    def handler(event: object, context: LambdaContext | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = logged(event, context or NoContext())
        return answer

    return handler


@cache
def _handler() -> Handler:
    return handler_for(lambda: build_ingestion(function_environment()), span=span_for(environment()))


def lambda_handler(event: object, context: LambdaContext | None = None) -> dict[str, Any]:
    """Carry out one request; the first one in an instance reads the settings."""
    return _handler()(event, context)
