"""What AWS Lambda calls: one request a call, put together by the variables of the function."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from de_classes.api.receipt import COMPLETE
from de_classes.bootstrap import SERVICE, build_ingestion
from de_classes.common.logger.app_logger import AppLogger
from de_classes.common.tracing import no_span, span_for
from de_classes.configs.sam_local import function_environment
from de_classes.configs.settings import environment
from de_classes.errors import RunCancelledError
from de_classes.utils.values import Value
from de_classes.worker.ingest_endpoint import IngestEndpoint, is_fault_of_worker

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from de_classes.api.receipt import IngestReceipt
    from de_classes.common.tracing import Span
    from de_classes.worker.ingest_endpoint import LambdaContext
    from de_classes.worker.ingestion import Ingestion

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
}


class RunObserver(Value):
    """Publishes how runs end, as log lines and metrics."""

    logger: logging.Logger
    metrics: Metrics

    def receipt(self, receipt: IngestReceipt) -> None:
        """A run is complete, or partial where that was allowed."""
        self.logger.info("run %s", receipt.status, extra={"receipt": _in_a_line(receipt)})
        self._put("CompleteRuns" if receipt.status == COMPLETE else "PartialRuns", 1)
        if receipt.catalog is not None and receipt.catalog.problem is not None:
            self._put("WorkerFaults", 1)  # committed, and its table does not show it
        if receipt.complete_before:
            return  # what came was counted when it came
        self._put("Pages", receipt.pages)
        self._put("Records", receipt.records)
        self._put("Retries", receipt.retries)
        self._put("SecondsWaited", receipt.seconds_waited)
        self._put("Bytes", receipt.bytes)

    def failure(self, error: Exception) -> None:
        """A run is not complete, and why; it is counted apart where the worker is to blame for it."""
        if isinstance(error, RunCancelledError):  # as somebody wished
            self.logger.info("run cancelled", extra={"run_id": error.run_id})
            return
        told = {"error": type(error).__name__, "reason": str(error), "run_id": getattr(error, "run_id", None)}
        self.logger.error("run not complete", extra=told)
        self._put("IncompleteRuns", 1)
        if is_fault_of_worker(error):
            self._put("WorkerFaults", 1)

    def _put(self, name: str, value: float) -> None:
        self.metrics.add_metric(name, METRICS[name], value)


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


def handler_for(build: Callable[[], Ingestion], *, span: Span = no_span) -> Handler:
    """The Lambda handler around an ingestion, which is put together by the first event.

    Args:
        build: Puts it together; the seam of the tests.
        span: What each event is traced by.
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
            endpoint = IngestEndpoint(carries_out, on_receipt=observer.receipt, on_failure=observer.failure)
            return endpoint(event, context)

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
