"""What a state machine asks of the worker, so that many carry out one run: plan, ingest a range, commit.

Each answers with where the run stands, so that the machine needs to know no error's name: ``status`` is
``again`` as long as the same is to be asked once more, after ``wait`` seconds, and ``cancelled`` where
somebody cancelled the run, which is no failure. What else ends a run is raised.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from de_classes.configs.ingest import IngestRequest
from de_classes.configs.settings import validate
from de_classes.errors import DeClassesError, IncompleteRunError, InvalidInputError, RunCancelledError
from de_classes.redaction import shared_filter
from de_classes.runs.ranges import PageRangeOfRun
from de_classes.runs.run_service import AnotherPassError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from de_classes.api.page import Page
    from de_classes.api.receipt import IngestReceipt
    from de_classes.worker.ingestion import Ingestion

MOST_STALLS: Final = 5
"""Goes one after the other that bring nothing, with longer and longer pauses, before it is given up."""

_FIRST_PAUSE: Final = 10.0  # seconds after a go that brought nothing, twice that after the next
_LONGEST_WAIT: Final = 3600.0
_REASON_CHARS: Final = 500


class RangeItem(msgspec.Struct, frozen=True, kw_only=True):
    """An event that asks for a range.

    Attributes:
        action: Which of the three.
        range: A line of the run's ``ranges.jsonl``.
        stalls: How many goes brought nothing, until now.
    """

    action: Literal["ingest"]
    range: PageRangeOfRun
    stalls: int = 0


class RunItem(msgspec.Struct, frozen=True, kw_only=True):
    """An event that asks for a plan, or for the commit.

    Attributes:
        action: Which of the three.
        request: As ``POST /ingest`` takes it.
        execution: A name for the run, if the request has none: that of the machine's execution.
        stalls: How many goes brought nothing, until now.
    """

    action: Literal["plan", "commit"]
    request: dict[str, Any] = {}
    execution: str = ""
    stalls: int = 0


class RunActions:
    """Carries out what a state machine asks for.

    Args:
        ingestion: Carries requests out.
        on_receipt: Told of every run that was committed.
    """

    def __init__(self, ingestion: Ingestion, *, on_receipt: Callable[[IngestReceipt], None]) -> None:
        self._ingestion = ingestion
        self._on_receipt = on_receipt

    def carry_out(
        self, event: Mapping[str, object], *, run_id: str, seconds_left: float | None
    ) -> dict[str, Any]:
        """Do what an event asks for.

        Args:
            event: A ``RunItem`` or a ``RangeItem``.
            run_id: What to call a run by that has no name.
            seconds_left: After how many seconds this process is stopped, or None.

        Raises:
            InvalidInputError: It asks for nothing that there is.
            DeClassesError: By plan and commit, whatever keeps the run from going on.
        """
        if event.get("action") == "ingest":
            return self._ingest(validate(RangeItem, event, what="event"), seconds_left)
        item = validate(RunItem, event, what="event")
        request = self._ingestion.read(item.request)
        if request.key is not None:
            raise InvalidInputError("a run of many workers writes a dataset: leave out the key")
        if request.run_id is None:
            request = msgspec.structs.replace(request, run_id=item.execution or run_id)
        work = self._plan if item.action == "plan" else self._commit
        return work(item, request, seconds_left)

    def _plan(self, item: RunItem, request: IngestRequest, seconds_left: float | None) -> dict[str, Any]:
        run_id = request.run_id or ""
        try:
            with self._ingestion.prepared(request, run_id=run_id, seconds_left=seconds_left) as ready:
                ranges = ready.runs.cut(
                    ready.plan, self._ingestion.range_sizes(request), resume=request.resume
                )
        except RunCancelledError as error:
            return self._cancelled(item, run_id, error)
        except IncompleteRunError as error:
            if error.retry_after is None:
                raise
            return {**self._standing(item, run_id, (), "again"), "wait": _wait(error, 0)}
        return self._standing(item, run_id, ranges, "planned")

    def _ingest(self, item: RangeItem, seconds_left: float | None) -> dict[str, Any]:
        of, taken = item.range, _Taken()
        error: DeClassesError | None = None
        status, reason = "left", ""
        try:
            with self._ingestion.prepared(
                IngestRequest(run_id=of.run_id),
                run_id=of.run_id,
                seconds_left=seconds_left,
                of=of,
                on_page=taken.note,
            ) as ready:
                outcome = ready.runs.carry_out_range(ready.plan, of)
            status, reason, error = outcome.status, outcome.reason, outcome.error
        except RunCancelledError as caught:
            status, error, reason = "cancelled", caught, str(caught)
        except DeClassesError as caught:  # whoever commits meets it too, and ends by it
            error, reason = caught, str(caught)
            self._ingestion.logger.warning("range %d of run %s: %s", of.range, of.run_id, caught)
        stalls = _stalls(item, taken, error)
        if status == "again" and stalls > MOST_STALLS:
            status = "left"
        return {
            "status": status,
            "range": msgspec.to_builtins(of),
            "stalls": stalls,
            "wait": _wait(error, stalls),
            "reason": shared_filter().text(reason)[:_REASON_CHARS],
        }

    def _commit(self, item: RunItem, request: IngestRequest, seconds_left: float | None) -> dict[str, Any]:
        run_id, taken = request.run_id or "", _Taken()
        try:
            with self._ingestion.prepared(
                request, run_id=run_id, seconds_left=seconds_left, on_page=taken.note
            ) as ready:
                receipt = ready.runs.carry_out(
                    ready.plan,
                    allow_partial=request.allow_partial,
                    accept_shrink=request.accept_shrink,
                    passes_in_ranges=True,
                )
        except AnotherPassError as error:
            return self._standing(item, run_id, error.ranges, "pass")
        except RunCancelledError as error:
            return self._cancelled(item, run_id, error)
        except IncompleteRunError as error:
            stalls = _stalls(item, taken, error)
            if error.run_id is None or stalls > MOST_STALLS:
                raise
            return {
                **self._standing(item, run_id, (), "again"),
                "stalls": stalls,
                "wait": _wait(error, stalls),
                "reason": shared_filter().text(str(error))[:_REASON_CHARS],
            }
        receipt = self._ingestion.shown(ready.plan, receipt)
        self._on_receipt(receipt)
        return receipt.as_dict(brief=True)

    def _cancelled(self, item: RunItem, run_id: str, error: RunCancelledError) -> dict[str, Any]:
        """What ends an execution without a failure, as somebody wished."""
        self._ingestion.logger.info("run cancelled", extra={"run_id": run_id})
        return {**self._standing(item, run_id, (), "cancelled"), "message": str(error)}

    def _standing(
        self, item: RunItem, run_id: str, ranges: tuple[PageRangeOfRun, ...], status: str
    ) -> dict[str, Any]:
        bucket, key = self._ingestion.journal_place(run_id)
        return {
            "status": status,
            "run_id": run_id,
            # Once is enough: a cancel that comes later is to hold.
            "request": {**item.request, "run_id": run_id, "resume": False},
            "ranges": len(ranges),
            "at_once": max((each.at_once for each in ranges), default=1),
            "bucket": bucket,
            "key": key,
            "stalls": 0,
            "wait": 1,
        }


class _Taken:
    """How many pages a go brought."""

    def __init__(self) -> None:
        self.pages = 0

    def note(self, page: Page) -> None:
        del page
        self.pages += 1


def _stalls(item: RunItem | RangeItem, taken: _Taken, error: BaseException | None) -> int:
    """How many goes brought nothing by now: to wait for a job of the source is none."""
    if isinstance(error, IncompleteRunError) and error.retry_after is not None:
        return item.stalls
    return 0 if taken.pages else item.stalls + 1


def _wait(error: BaseException | None, stalls: int) -> int:
    """Seconds until it is worth asking again: as long as the source asks for, if it does."""
    asked = 0.0
    seen = error
    while seen is not None:
        asked = max(asked, getattr(seen, "retry_after", None) or 0.0)
        seen = seen.__cause__
    pause = _FIRST_PAUSE * 2 ** (stalls - 1) if stalls else 1.0
    return math.ceil(min(max(asked, pause), _LONGEST_WAIT))
