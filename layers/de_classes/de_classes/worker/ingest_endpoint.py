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
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

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
from de_classes.worker.put_off import OneTimeSchedules
from de_classes.worker.ticks import Passed, Ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.receipt import IngestReceipt
    from de_classes.worker.ingestion import Ingestion
    from de_classes.worker.ticks import LetThrough, PutOff, Watched

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
SCHEDULE: Final = "schedule"
"""What an event has that is a tick."""
WATCH: Final = "watch"
"""The same of the one that asks how all schedules are doing."""
_NOT_FOR_A_KEY = re.compile(r"[^A-Za-z0-9_-]")


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this invocation is stopped."""
        ...


class Observer:
    """Told how runs and ticks end: a place for metrics. This one does nothing."""

    def receipt(self, receipt: IngestReceipt, resource: str) -> None:
        """A run was committed, complete or partial; of which resource."""

    def failure(self, error: Exception, resource: str | None = None) -> None:
        """A run is not, and why; of what nobody foresaw too. The resource is None where it is not known."""

    def passed(self, tick: Passed) -> None:
        """No run was begun for a tick, because another is at it."""

    def stuck(self, run_id: str, resource: str) -> None:
        """A run fell silent, and another takes its place."""

    def watched(self, schedules: Sequence[Watched]) -> None:
        """How all schedules of the deployment are doing."""


class IngestEndpoint:
    """Answers events with receipts.

    Args:
        ingestion: Carries requests out.
        observer: Told how they end.
        put_off: Has ticks that wait come again; by default as the deployment's settings say.
    """

    def __init__(
        self, ingestion: Ingestion, *, observer: Observer | None = None, put_off: PutOff | None = None
    ) -> None:
        self._ingestion = ingestion
        self._observer = observer or Observer()
        self._put_off = put_off

    def __call__(self, event: object, context: LambdaContext | None = None) -> dict[str, Any]:
        """Answer an API Gateway event with HTTP, any other with the receipt itself.

        Through API Gateway a run has ``HTTP_SECONDS`` at the most; longer ones are invoked directly, and so
        are the ticks of schedules.

        Raises:
            DeClassesError: By direct invocation, whatever kept the run from being complete.
        """
        if not (isinstance(event, Mapping) and is_http(event)):
            if isinstance(event, Mapping) and WATCH in event:
                return self._watch(context)
            if isinstance(event, Mapping) and SCHEDULE in event:
                return self._tick(event, context)
            return self._run(event, context).as_dict(brief=True)
        try:
            receipt = self._run(event, context)
        except DeClassesError as error:
            return _answer(status_of(error), describe(error))
        return _answer(OK if receipt.status == COMPLETE else PARTIAL_CONTENT, receipt.as_dict(brief=True))

    def _run(self, event: object, context: LambdaContext | None) -> IngestReceipt:
        resource = None
        try:
            asked = _object(event)
            over_http = is_http(asked)
            request = self._ingestion.read(_http_body(asked) if over_http else asked)
            resource = self._ingestion.resource_of(request)
            receipt = self._ingestion.run(
                request,
                run_id=_run_id(asked, context),
                seconds_left=_seconds_left(context, over_http=over_http),
            )
        except Exception as error:
            self._observer.failure(error, resource)
            raise
        self._observer.receipt(receipt, resource)
        return receipt

    def _tick(self, event: Mapping[str, object], context: LambdaContext | None) -> dict[str, Any]:
        """Carry out the run of a tick, unless the run of an earlier one is at it."""
        ticks, resource = self._ticks(context), None
        try:
            tick = ticks.begin(event)
            if isinstance(tick, Passed):
                self._observer.passed(tick)
                return {"version": 1, **msgspec.to_builtins(tick)}
            resource = tick.schedule
            if tick.stuck is not None:
                self._observer.stuck(tick.stuck, resource)
            receipt = self._run_of(tick, ticks, context)
        except Exception as error:
            self._observer.failure(error, resource)
            raise
        self._observer.receipt(receipt, resource)
        return receipt.as_dict(brief=True)

    def _run_of(self, tick: LetThrough, ticks: Ticks, context: LambdaContext | None) -> IngestReceipt:
        left = _seconds_left(context, over_http=False)
        try:
            receipt = self._ingestion.run(tick.request, run_id=tick.run_id, seconds_left=left)
        except Exception as error:
            with suppress(StorageError):  # the first error is the one to tell
                ticks.failed(tick, error)
            raise
        ticks.committed(tick, receipt)
        return receipt

    def _watch(self, context: LambdaContext | None) -> dict[str, Any]:
        """Look at every schedule, and say which are late, and which runs are stuck."""
        try:
            watched = self._ticks(context).watch()
        except Exception as error:
            self._observer.failure(error)
            raise
        self._observer.watched(watched)
        return {"version": 1, "schedules": [msgspec.to_builtins(each) for each in watched]}

    def _ticks(self, context: LambdaContext | None) -> Ticks:
        own = context.invoked_function_arn if context else ""
        return Ticks(self._ingestion, self._put_off or OneTimeSchedules.of(self._ingestion.settings, own))


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


def _object(event: object) -> Mapping[str, object]:
    if not isinstance(event, Mapping):
        raise InvalidInputError(
            'the event must be an object: an HTTP event, or a request such as {"format": "csv"}'
        )
    return event


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
