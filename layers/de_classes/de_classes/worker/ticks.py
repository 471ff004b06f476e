"""Ticks of schedules: one run each, none beside another of the same schedule, and a watch over all of them.

What is known of a schedule lies below ``_schedules/NAME/``, each document written by one event alone:

    current.json     the run of the latest tick that was let through
    committed.json   the latest run that committed
    failed.json      the latest run that ended without one, for a reason that no other try changes

A run is at it as long as it has neither committed nor failed, and something was written down in its journal
within ``SILENCE``: whoever carries it out does so when it begins, and with every part.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from de_classes.api.schedules import name_of, run_id_of
from de_classes.configs.ingest import IngestRequest, Name
from de_classes.configs.settings import validate
from de_classes.errors import IncompleteRunError, InvalidInputError
from de_classes.runs.journal import Documents, RunJournal
from de_classes.utils import layouts
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.api.receipt import IngestReceipt
    from de_classes.api.schedules import Schedule
    from de_classes.api.source import Resource
    from de_classes.worker.ingestion import Ingestion

SCHEDULES: Final = "_schedules"
SILENCE: Final = 1200.0
"""Seconds without a word in its journal after which nobody is at a run any more.

Longer than an invocation can be, and the pause before Lambda tries again, together.
"""
PUT_OFF_SECONDS: Final = 120.0
SKIPPED, WAITING = "skipped", "waiting"


class Tick(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheduler says: which schedule's turn it is, and since when.

    Attributes:
        schedule: The resource that has it, such as ``shop.orders``.
        at: The scheduled time; empty, or the scheduler's own placeholder, for the latest by now.
    """

    schedule: Name
    at: str = ""


class CurrentRun(Struct, frozen=True, tag_field="version", tag=layouts.SCHEDULE):
    """The run of the latest tick that was let through.

    Attributes:
        run_id: The run.
        began: When it was let through, in seconds since the epoch.
    """

    run_id: str
    began: float


class EndedRun(Struct, frozen=True, tag_field="version", tag=layouts.SCHEDULE):
    """The latest run that ended in one way.

    Attributes:
        run_id: The run.
        tick: The scheduled time, in seconds since the epoch.
        at: When it ended.
    """

    run_id: str
    tick: float
    at: float


class WatchedSchedules(Struct, frozen=True, tag_field="version", tag=layouts.SCHEDULE):
    """Since when each schedule is known: until something is committed, its lag is counted from there.

    Attributes:
        since: By name, in seconds since the epoch.
    """

    since: dict[str, float]


class Passed(Value):
    """A tick that no run was begun for.

    Attributes:
        status: ``skipped``, or ``waiting``: it comes again.
        schedule: The resource.
        run_id: What its run would be, or will be.
        because_of: The run that is at it.
    """

    status: str
    schedule: str
    run_id: str
    because_of: str


class LetThrough(Value):
    """A tick whose run is to be carried out.

    Attributes:
        request: For the worker.
        schedule: The resource.
        run_id: The run.
        tick: The scheduled time, in seconds since the epoch.
        stuck: The run of an earlier tick that fell silent and was given up for it; None if there was none.
    """

    request: IngestRequest
    schedule: str
    run_id: str
    tick: float
    stuck: str | None = None


class Watched(Value):
    """How a schedule is doing.

    Attributes:
        schedule: The resource.
        lag: Seconds since the latest commit, or since the schedule is known.
        is_late: Whether another commit should have come by now.
        stuck: The run that was begun, has not ended, and at which nobody is; None if there is none.
    """

    schedule: str
    lag: float
    is_late: bool
    stuck: str | None


class PutOff(Protocol):
    """Has a tick come again later."""

    def __call__(self, name: str, tick: dict[str, Any], *, due: float) -> None:
        """See to it that the tick comes again.

        Args:
            name: The schedule's.
            tick: The event.
            due: When, in seconds since the epoch.
        """
        ...


class Ticks:
    """Lets ticks through, or not, and watches over what becomes of them.

    Args:
        ingestion: The worker's: its sources say what is scheduled, and its store remembers.
        put_off: Has a tick that waits come again.
    """

    def __init__(self, ingestion: Ingestion, put_off: PutOff) -> None:
        self._ingestion = ingestion
        self._clock = ingestion.clock
        self._documents = Documents(ingestion.storage.client, ingestion.settings.bucket)
        self._put_off = put_off

    def begin(self, event: object) -> LetThrough | Passed:
        """Decide on a tick.

        Raises:
            InvalidInputError: There is no such schedule, or the event is no tick.
            ConfigurationError: It is to wait, and the deployment has nothing to wait by.
        """
        tick = validate(Tick, event, what="tick")
        resource, schedule = self._scheduled(tick.schedule)
        now, name = self._clock.now(), name_of(resource.name)
        moment = schedule.tick(tick.at, now=now)
        run_id = run_id_of(resource.name, moment)
        current = self._documents.find(self._key(name, "current"), CurrentRun)
        stuck = None
        if current is not None and run_id != current.run_id and not self._is_over(name, current, run_id):
            if now - self._heard_of(current) < SILENCE:
                return self._passed(resource.name, schedule, run_id, current.run_id, moment)
            stuck = current.run_id
        self._documents.replace(self._key(name, "current"), CurrentRun(run_id=run_id, began=now))
        request = IngestRequest(
            source=resource.name,
            run_id=run_id,
            format=schedule.format,
            dataset=schedule.dataset,
            parameters=schedule.parameters,
            allow_partial=schedule.allow_partial,
        )
        return LetThrough(request, resource.name, run_id, moment, stuck)

    def committed(self, through: LetThrough, receipt: IngestReceipt) -> None:
        """Remember that the run of a tick has committed."""
        key = self._key(name_of(through.schedule), "committed")
        if receipt.complete_before:
            before = self._documents.find(key, EndedRun)
            if before is not None and before.tick >= through.tick:
                return  # it was remembered then
        self._documents.replace(key, self._ended(through))

    def failed(self, through: LetThrough, error: Exception) -> None:
        """Remember that the run of a tick has failed, unless another try goes on with it."""
        if not (isinstance(error, IncompleteRunError) and error.run_id):
            self._documents.replace(self._key(name_of(through.schedule), "failed"), self._ended(through))

    def watch(self) -> list[Watched]:
        """Look at every schedule of the deployment."""
        resources, now = self._ingestion.sources.scheduled, self._clock.now()
        since = self._since([name_of(each.name) for each in resources], now)
        return [self._watched(each, since[name_of(each.name)], now) for each in resources]

    def _watched(self, resource: Resource, since: float, now: float) -> Watched:
        _, schedule = self._scheduled(resource.name)
        name = name_of(resource.name)
        committed = self._documents.find(self._key(name, "committed"), EndedRun)
        current = self._documents.find(self._key(name, "current"), CurrentRun)
        last = max(since, committed.at) if committed is not None else since
        is_open = current is not None and not self._is_over(name, current)
        stuck = (
            current.run_id
            if current is not None and is_open and now - self._heard_of(current) >= SILENCE
            else None
        )
        return Watched(resource.name, now - last, schedule.is_late(last, now), stuck)

    def _since(self, names: list[str], now: float) -> dict[str, float]:
        """Since when each is known; those that are gone are forgotten, and begin anew if they come again."""
        key = f"{self._folder}watched.json"
        known = self._documents.find(key, WatchedSchedules) or WatchedSchedules({})
        since = {name: known.since.get(name, now) for name in names}
        if since != known.since:
            self._documents.replace(key, WatchedSchedules(since))
        return since

    def _passed(
        self, resource: str, schedule: Schedule, run_id: str, because_of: str, moment: float
    ) -> Passed:
        if schedule.overlap == "skip":
            return Passed(SKIPPED, resource, run_id, because_of)
        at = f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
        due = self._clock.now() + PUT_OFF_SECONDS
        self._put_off(name_of(resource), {"schedule": resource, "at": at}, due=due)
        return Passed(WAITING, resource, run_id, because_of)

    def _scheduled(self, name: str) -> tuple[Resource, Schedule]:
        resource = self._ingestion.resource(name)
        if resource.described.schedule is None:
            raise InvalidInputError(
                f"schedule names {name[:80]!r}, which has none here: deploy its description"
            )
        return resource, resource.described.schedule

    def _is_over(self, name: str, current: CurrentRun, asked: str = "") -> bool:
        """Whether a run has ended; or the one that is asked for, which then has nothing to wait for."""
        ended = (self._documents.find(self._key(name, each), EndedRun) for each in ("committed", "failed"))
        return any(each is not None and each.run_id in {current.run_id, asked} for each in ended)

    def _heard_of(self, current: CurrentRun) -> float:
        settings = self._ingestion.settings
        client = self._ingestion.storage.client
        journal = RunJournal(client, settings.bucket, settings.key_prefix, current.run_id)
        return max(current.began, journal.last_written() or 0.0)

    def _ended(self, through: LetThrough) -> EndedRun:
        return EndedRun(run_id=through.run_id, tick=through.tick, at=self._clock.now())

    @property
    def _folder(self) -> str:
        return f"{self._ingestion.settings.key_prefix}/{SCHEDULES}/".lstrip("/")

    def _key(self, name: str, what: str) -> str:
        return f"{self._folder}{name}/{what}.json"
