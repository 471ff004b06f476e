"""The ingestion worker on AWS Lambda: ``POST /ingest`` pulls a configured source into the bucket."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from de_classes.bootstrap import SERVICE, build_ingestion
from de_classes.configs.settings import environment
from de_classes.pipelines.ingest_endpoint import IngestEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.receipt import IngestReceipt
    from de_classes.errors import DeClassesError
    from de_classes.pipelines.ingest_endpoint import LambdaContext
    from de_classes.pipelines.ingestion import Ingestion

    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

logger = Logger(service=SERVICE)
metrics = Metrics(service=SERVICE)
tracer = Tracer(service=SERVICE, auto_patch=False)  # patching every library costs a cold start 80 ms


def record_receipt(receipt: IngestReceipt) -> None:
    """Publish what a complete run did."""
    logger.info("run complete", extra={"receipt": receipt.as_dict()})
    metrics.add_metric("CompleteRuns", MetricUnit.Count, 1)
    metrics.add_metric("Pages", MetricUnit.Count, receipt.pages)
    metrics.add_metric("Records", MetricUnit.Count, receipt.records)
    metrics.add_metric("Retries", MetricUnit.Count, receipt.retries)
    metrics.add_metric("SecondsWaited", MetricUnit.Seconds, receipt.seconds_waited)
    metrics.add_metric("Bytes", MetricUnit.Bytes, receipt.bytes)


def record_failure(error: DeClassesError) -> None:
    """Publish that a run is not complete, and why."""
    logger.error("run not complete", extra={"error": type(error).__name__, "reason": str(error)})
    metrics.add_metric("IncompleteRuns", MetricUnit.Count, 1)


def handler_for(build: Callable[[], Ingestion]) -> Handler:
    """The Lambda handler around an ingestion, which is put together by the first event.

    Args:
        build: Puts it together; the seam of the tests.
    """
    ingestion = cache(build)

    @logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
    @tracer.capture_lambda_handler(capture_response=False)
    @metrics.log_metrics(capture_cold_start_metric=True)
    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        endpoint = IngestEndpoint(ingestion(), on_receipt=record_receipt, on_failure=record_failure)
        return endpoint(event, context)

    handler: Handler = handle
    return handler


lambda_handler = handler_for(lambda: build_ingestion(environment()))
