"""The worker as Lambda calls it: an event in, an answer out.

Through the API every outcome is an HTTP answer: 200 is a complete run, 206 a partial one that was allowed,
and any other is an error. By
direct invocation the receipt is the result and every failure is raised, so that whoever invoked it
(a state machine, a queue, a schedule) cannot mistake one for success.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from de_classes.api.receipt import COMPLETE
from de_classes.errors import (
    ConfigurationError,
    DeClassesError,
    IncompleteRunError,
    InvalidInputError,
    InvalidKeyError,
    MalformedDataError,
    NewerLayoutError,
    ObjectExistsError,
    StorageError,
    UnsupportedValueError,
)
from de_classes.redaction import escaped_json, shared_filter
from de_classes.utils.lambda_events import body_of, check_http, is_http, request_id_of
from de_classes.utils.page_range import PageSet
from de_classes.worker.run_actions import RunActions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from de_classes.api.receipt import IngestReceipt
    from de_classes.worker.ingestion import Ingestion

OK = 200
PARTIAL_CONTENT = 206
OPERATORS = 500
HTTP_SECONDS = 28.0
"""API Gateway hangs up after 29 s: its callers are answered before, be it that the run is not complete."""

_STATUSES: tuple[tuple[type[DeClassesError], int], ...] = (
    (InvalidInputError, 400),
    (InvalidKeyError, 400),
    (ObjectExistsError, 409),
    (ConfigurationError, OPERATORS),
    (StorageError, OPERATORS),
    (UnsupportedValueError, 422),
    (MalformedDataError, OPERATORS),
    (NewerLayoutError, OPERATORS),
)
_BAD_GATEWAY = 502
_NOT_FOR_A_KEY = re.compile(r"[^A-Za-z0-9_-]")


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this invocation is stopped."""
        ...


class IngestEndpoint:
    """Answers events with receipts.

    Args:
        ingestion: Carries requests out.
        on_receipt: Told of every run that was committed, complete or partial: a place for metrics.
        on_failure: Told of every run that is not, and why; of what nobody foresaw too.
    """

    def __init__(
        self,
        ingestion: Ingestion,
        *,
        on_receipt: Callable[[IngestReceipt], None] | None = None,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._ingestion = ingestion
        self._on_receipt = on_receipt
        self._on_failure = on_failure

    def __call__(self, event: object, context: LambdaContext | None = None) -> dict[str, Any]:
        """Answer an API Gateway event with HTTP, any other with the receipt itself.

        An event with an ``action`` is one of ``RunActions``, by direct invocation alone.

        Through API Gateway a run has ``HTTP_SECONDS`` at the most; longer ones are invoked directly.

        Raises:
            DeClassesError: By direct invocation, whatever kept the run from being complete.
        """
        if isinstance(event, Mapping) and "action" in event and not is_http(event):
            return self._act(event, context)
        if not (isinstance(event, Mapping) and is_http(event)):
            return self._run(event, context).as_dict(brief=True)
        try:
            receipt = self._run(event, context)
        except DeClassesError as error:
            return _answer(status_of(error), describe(error))
        return _answer(OK if receipt.status == COMPLETE else PARTIAL_CONTENT, receipt.as_dict(brief=True))

    def _act(self, event: Mapping[str, object], context: LambdaContext | None) -> dict[str, Any]:
        actions = RunActions(self._ingestion, on_receipt=self._note)
        with self._noting_failures():
            return actions.carry_out(
                event,
                run_id=_run_id(event, context),
                seconds_left=_seconds_left(context, over_http=False),
            )

    def _run(self, event: object, context: LambdaContext | None) -> IngestReceipt:
        with self._noting_failures():
            receipt = self._carry_out(event, context)
        self._note(receipt)
        return receipt

    def _note(self, receipt: IngestReceipt) -> None:
        if self._on_receipt is not None:
            self._on_receipt(receipt)

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self._on_failure is not None:
                self._on_failure(error)
            raise

    def _carry_out(self, event: object, context: LambdaContext | None) -> IngestReceipt:
        if not isinstance(event, Mapping):
            raise InvalidInputError(
                'the event must be an object: an HTTP event, or a request such as {"format": "csv"}'
            )
        over_http = is_http(event)
        return self._ingestion.run(
            self._ingestion.read(_http_body(event) if over_http else event),
            run_id=_run_id(event, context),
            seconds_left=_seconds_left(context, over_http=over_http),
        )


def status_of(error: DeClassesError) -> int:
    """The HTTP status that says whose move it is: 400 the caller's, 500 the operator's, 502 the source's."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), _BAD_GATEWAY)


def is_fault_of_worker(error: Exception) -> bool:
    """Whether a failure is the worker's own, by its settings, its storage or its code.

    A deployment may have brought such a one, and is taken back by it: not by the source's, or the caller's.
    """
    return not isinstance(error, DeClassesError) or status_of(error) == OPERATORS


def describe(error: DeClassesError) -> dict[str, Any]:
    """A failure as the caller sees it; what looks like a credential is masked, as it is in the logs."""
    masked = shared_filter().text
    incomplete = isinstance(error, IncompleteRunError)
    described: dict[str, Any] = {
        "status": "incomplete" if incomplete else "failed",
        "error": type(error).__name__,
        "message": masked(str(error)),
    }
    if isinstance(error, IncompleteRunError):
        described["missing_pages"] = list(_as_ranges(error.missing_pages))
        described["run_id"] = error.run_id
    if isinstance(error, InvalidInputError):
        described["problems"] = [masked(problem) for problem in error.problems]
    return described


def _http_body(event: Mapping[str, object]) -> bytes:
    check_http(event)
    return body_of(event)


def _seconds_left(context: LambdaContext | None, *, over_http: bool) -> float | None:
    left = context.get_remaining_time_in_millis() / 1000 if context else None
    if not over_http:
        return left
    return HTTP_SECONDS if left is None else min(left, HTTP_SECONDS)


def _as_ranges(pages: Sequence[int]) -> tuple[str, ...]:
    """As a later request may ask for them: ``"3-7"``; a source may claim more than can be listed."""
    return (pages if isinstance(pages, PageSet) else PageSet.of(pages)).ranges()


def _run_id(event: Mapping[str, object], context: LambdaContext | None) -> str:
    """The id that stays the same when the same event is delivered again."""
    given = (context.aws_request_id if context else "") or request_id_of(event)
    return _NOT_FOR_A_KEY.sub("-", given or str(uuid.uuid4())).lstrip("-_")[:64] or uuid.uuid4().hex


def _answer(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": escaped_json(json.dumps(body, ensure_ascii=False)),  # column names are the source's
        "isBase64Encoded": False,
    }
