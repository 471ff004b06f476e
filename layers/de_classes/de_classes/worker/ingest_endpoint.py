"""The worker as Lambda calls it: an event in, an answer out.

Through the API every outcome is an HTTP answer: 200 is a complete run, 206 a partial one that was allowed,
202 one that others carry out while nobody waits, and any other is an error. ``GET /runs/{id}`` tells where a
run stands. By direct invocation the receipt is the result and every failure is raised, so that whoever
invoked it (a state machine, a queue, a schedule) cannot mistake one for success. That a run was cancelled is
none: it is a result that says so, which nobody tries again.

The tick of a schedule begins a run for which nobody waits, unless that of an earlier one is at it.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from de_classes.api.receipt import COMPLETE, IngestReceipt
from de_classes.errors import (
    ConfigurationError,
    DeClassesError,
    IncompleteRunError,
    InvalidInputError,
    InvalidKeyError,
    MalformedDataError,
    NewerLayoutError,
    ObjectExistsError,
    RunCancelledError,
    RunNotFoundError,
    StorageError,
    UnsupportedValueError,
)
from de_classes.redaction import escaped_json, shared_filter
from de_classes.runs.status import is_run_id
from de_classes.utils.lambda_events import body_of, check_http, is_http, request_id_of
from de_classes.utils.page_range import PageSet
from de_classes.worker.put_off import OneTimeSchedules
from de_classes.worker.run_actions import RunActions
from de_classes.worker.starting import starter_for
from de_classes.worker.ticks import Passed, Ticks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.runs.status import RunStatus
    from de_classes.worker.ingestion import Ingestion
    from de_classes.worker.starting import RunStarter
    from de_classes.worker.ticks import LetThrough, PutOff, Watched

OK = 200
ACCEPTED = 202
PARTIAL_CONTENT = 206
OPERATORS = 500
MOST_RANGES_IN_ANSWER = 1_000
ASK_AGAIN_SECONDS = 5
"""After how long whoever does not wait may ask where the run stands."""

HTTP_SECONDS = 28.0
"""API Gateway hangs up after 29 s: its callers are answered before, be it that the run is not complete."""

_STATUSES: tuple[tuple[type[DeClassesError], int], ...] = (
    (RunNotFoundError, 404),
    (RunCancelledError, 409),
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
_LATER = 503
SCHEDULE: Final = "schedule"
"""What an event has that is a tick."""
WATCH: Final = "watch"
"""The same of the one that asks how all schedules are doing."""
_NOT_FOR_A_KEY = re.compile(r"[^A-Za-z0-9_-]")


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str
    function_name: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this invocation is stopped."""
        ...


class EndpointObserver:
    """Told how runs and ticks end: a place for metrics. This one does nothing.

    What is told of a run has the resource that it is of, or None where that cannot be told.
    """

    def receipt(self, receipt: IngestReceipt, resource: str | None = None) -> None:
        """A run was committed, complete or partial."""

    def failure(self, error: Exception, resource: str | None = None) -> None:
        """A run is not, and why; of what nobody foresaw too."""

    def begun(self, tick: LetThrough) -> None:
        """The run of a tick was begun."""

    def passed(self, tick: Passed) -> None:
        """No run was begun for a tick, because another is at it."""

    def watched(self, schedules: Sequence[Watched]) -> None:
        """How all schedules of the deployment are doing."""


class IngestEndpoint:
    """Answers events with receipts.

    Args:
        ingestion: Carries requests out.
        observer: Told how they end.
        starter: Has runs carried out for which nobody waits; what the settings say if not given.
        put_off: Has ticks that wait come again; by default as the settings say.
    """

    def __init__(
        self,
        ingestion: Ingestion,
        *,
        observer: EndpointObserver | None = None,
        starter: RunStarter | None = None,
        put_off: PutOff | None = None,
    ) -> None:
        self._ingestion = ingestion
        self._starts_by = starter
        self._observer = observer or EndpointObserver()
        self._put_off = put_off

    def __call__(self, event: object, context: LambdaContext | None = None) -> dict[str, Any]:
        """Answer an API Gateway event with HTTP, any other with the receipt itself.

        By direct invocation alone, an event with an ``action`` is one of ``RunActions``, one with a
        ``schedule`` is a tick, and one with ``watch`` asks how all schedules are doing.

        Through API Gateway a run has ``HTTP_SECONDS`` at the most; longer ones are invoked directly.

        Raises:
            DeClassesError: By direct invocation, whatever kept the run from being complete.
        """
        if isinstance(event, Mapping) and is_http(event):
            return self._answered(event, context)
        if isinstance(event, Mapping) and "action" in event:
            return self._act(event, context)
        if isinstance(event, Mapping) and (WATCH in event or SCHEDULE in event):
            return self._scheduled(event, context)
        try:
            done = self._run(event, context)
        except RunCancelledError as error:
            return describe(error)
        return done.as_dict(brief=True) if isinstance(done, IngestReceipt) else _as_told(done)

    def _answered(self, event: Mapping[str, Any], context: LambdaContext | None) -> dict[str, Any]:
        try:
            if event.get("httpMethod") == "GET":
                return _answer(OK, _as_told(self._ingestion.status(_run_asked_for(event))))
            done = self._run(event, context)
        except DeClassesError as error:
            described = describe(error)
            wait = {"Retry-After": str(described["retry_after"])} if is_waiting(error) else {}
            return _answer(status_of(error), described, wait)
        if not isinstance(done, IngestReceipt):
            return _accepted(event, done)
        return _answer(OK if done.status == COMPLETE else PARTIAL_CONTENT, done.as_dict(brief=True))

    def _act(self, event: Mapping[str, object], context: LambdaContext | None) -> dict[str, Any]:
        asked = event.get("request")
        actions = RunActions(self._ingestion, on_receipt=lambda receipt: self._note(receipt, asked, context))
        with self._noting_failures(asked):
            return actions.carry_out(
                event,
                run_id=_run_id(event, context),
                seconds_left=_seconds_left(context, over_http=False),
            )

    def _scheduled(self, event: Mapping[str, object], context: LambdaContext | None) -> dict[str, Any]:
        """Let the run of a tick begin, or look at all schedules."""
        ticks = self._ticks(context)
        with self._noting_failures({"source": event.get(SCHEDULE)}):
            if WATCH in event:
                watched = ticks.watch()
                self._observer.watched(watched)
                return {"version": 1, "schedules": [msgspec.to_builtins(each) for each in watched]}
            tick = ticks.begin(event)
            if isinstance(tick, Passed):
                self._observer.passed(tick)
                return {"version": 1, **msgspec.to_builtins(tick)}
            starter = self._starter(context)
            status = self._ingestion.start(tick.request, run_id=tick.run_id, starter=starter)
            self._observer.begun(tick)
            return {"version": 1, "status": "begun", "schedule": tick.schedule, "run": _as_told(status)}

    def _run(self, event: object, context: LambdaContext | None) -> IngestReceipt | RunStatus:
        with self._noting_failures(event):
            done = self._carry_out(event, context)
        if isinstance(done, IngestReceipt):
            self._note(done, event, context)
        return done

    def _note(self, receipt: IngestReceipt, asked: object, context: LambdaContext | None) -> None:
        resource = self._about(asked)
        self._observer.receipt(receipt, resource)
        self._ticks(context).committed(receipt, resource)

    @contextmanager
    def _noting_failures(self, asked: object) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_waiting(error):
                self._observer.failure(error, self._about(asked))
            raise

    def _about(self, asked: object) -> str | None:
        """Which resource an event or a request is about; None where that cannot be told."""
        with suppress(DeClassesError):
            if isinstance(asked, Mapping):
                request = self._ingestion.read(_http_body(asked) if is_http(asked) else asked)
                return self._ingestion.resource_of(request)
        return None

    def _ticks(self, context: LambdaContext | None) -> Ticks:
        own = context.invoked_function_arn if context else ""
        return Ticks(self._ingestion, self._put_off or OneTimeSchedules.of(self._ingestion.settings, own))

    def _carry_out(self, event: object, context: LambdaContext | None) -> IngestReceipt | RunStatus:
        if not isinstance(event, Mapping):
            raise InvalidInputError(
                'the event must be an object: an HTTP event, or a request such as {"format": "csv"}'
            )
        over_http = is_http(event)
        request = self._ingestion.read(_http_body(event) if over_http else event)
        run_id = _run_id(event, context)
        if request.wait:
            seconds = _seconds_left(context, over_http=over_http)
            return self._ingestion.run(request, run_id=run_id, seconds_left=seconds)
        if not over_http:
            raise InvalidInputError(
                "wait: false goes with POST /ingest: who invokes the function directly does not wait if the "
                "invocation's type is Event"
            )
        return self._ingestion.start(request, run_id=run_id, starter=self._starter(context))

    def _starter(self, context: LambdaContext | None) -> RunStarter:
        if self._starts_by is not None:
            return self._starts_by
        return starter_for(self._ingestion.settings, context.function_name if context else "")


def is_waiting(error: Exception) -> bool:
    """Whether nothing failed: the run only waits for a job of the source, and goes on if asked again."""
    return isinstance(error, IncompleteRunError) and error.retry_after is not None


def status_of(error: DeClassesError) -> int:
    """The HTTP status that says whose move it is: 400 the caller's, 500 the operator's, 502 the source's.

    Of a run that waits for a job of the source it is 503, which says when to ask again.
    """
    if is_waiting(error):
        return _LATER
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
    cancelled = isinstance(error, RunCancelledError)
    described: dict[str, Any] = {
        "status": "cancelled" if cancelled else "incomplete" if incomplete else "failed",
        "error": type(error).__name__,
        "message": masked(str(error)),
    }
    if isinstance(error, RunCancelledError):
        described["run_id"] = error.run_id
    if isinstance(error, IncompleteRunError):
        described["missing_pages"] = list(_as_ranges(error.missing_pages))
        described["run_id"] = error.run_id
        if error.retry_after is not None:
            described["retry_after"] = math.ceil(error.retry_after)
    if isinstance(error, InvalidInputError):
        described["problems"] = [masked(problem) for problem in error.problems]
    return described


def _as_told(status: RunStatus) -> dict[str, Any]:
    """Where a run stands, as an answer has it, which has a limit: of many ranges those that are not done."""
    ranges = status.ranges
    if len(ranges) > MOST_RANGES_IN_ANSWER:
        ranges = [each for each in ranges if each.state != "done"][:MOST_RANGES_IN_ANSWER]
    told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(status, ranges=ranges))
    return told


def _accepted(event: Mapping[str, object], status: RunStatus) -> dict[str, Any]:
    """The answer to whoever does not wait: 202, or 200 where the run is complete already."""
    context = event.get("requestContext")
    path = context.get("path") if isinstance(context, Mapping) else event.get("path")
    where = f"{str(path or '/ingest').rpartition('/')[0]}/runs/{status.run_id}"
    body = {"run_id": status.run_id, "status_path": where, "run": _as_told(status)}
    answer = _answer(OK if status.state == COMPLETE else ACCEPTED, body)
    answer["headers"] |= {"Location": where, "Retry-After": str(ASK_AGAIN_SECONDS)}
    return answer


def _run_asked_for(event: Mapping[str, object]) -> str:
    """The id in the path of ``GET /runs/{id}``."""
    named = event.get("pathParameters")
    run_id = named.get("id") if isinstance(named, Mapping) else None
    if not isinstance(run_id, str) or not is_run_id(run_id):
        raise RunNotFoundError("GET /runs/{id} asks where a run stands: there is no run of that id")
    return run_id


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


def _answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})},
        "body": escaped_json(json.dumps(body, ensure_ascii=False)),  # column names are the source's
        "isBase64Encoded": False,
    }
