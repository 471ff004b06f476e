"""Ticks of schedules: one run each, none beside another of the same schedule, and a watch over all of them.

What is known of a schedule lies below ``_schedules/NAME/``, each document written by one event alone:

    current.json     the run of the latest tick that was let through
    committed.json   the latest run that committed

A run is at it until it has committed, was cancelled, or ended by an error that no other try changes; unless
nobody has written anything down in its journal for ``SILENCE``: then it is stuck.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from de_classes import errors
from de_classes.api.schedules import is_of_tick, name_of, run_id_of
from de_classes.configs.ingest import IngestRequest, Name
from de_classes.configs.settings import validate
from de_classes.errors import InvalidInputError, RunNotFoundError
from de_classes.runs.journal import Documents
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
AT_IT, OVER, STUCK = "at it", "over", "stuck"
ENDED: Final = frozenset({"complete", "partial", "cancelled"})
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


class CommittedRun(Struct, frozen=True, tag_field="version", tag=layouts.SCHEDULE):
    """The latest run that committed.

    Attributes:
        run_id: The run.
        at: When it did, in seconds since the epoch.
    """

    run_id: str
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
        stuck: The run of an earlier tick that fell silent and was given up for it; None if there was none.
    """

    request: IngestRequest
    schedule: str
    run_id: str
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
        if current is not None and current.run_id != run_id and self._committed(name) != run_id:
            standing = self._standing(name, current)
            if standing == AT_IT:
                return self._passed(resource.name, schedule, run_id, current.run_id, moment)
            stuck = current.run_id if standing == STUCK else None
        self._documents.replace(self._key(name, "current"), CurrentRun(run_id=run_id, began=now))
        request = IngestRequest(
            source=resource.name,
            run_id=run_id,
            format=schedule.format,
            dataset=schedule.dataset,
            parameters=schedule.parameters,
            allow_partial=schedule.allow_partial,
            wait=False,
        )
        return LetThrough(request, resource.name, run_id, stuck)

    def committed(self, receipt: IngestReceipt, resource: str | None) -> None:
        """Remember that a run has committed, if it is a schedule's, whoever carried it out.

        Args:
            receipt: Of the run.
            resource: What it is of; None if that is not known.
        """
        if resource is None or receipt.run_id is None:
            return
        name = name_of(resource)
        if is_of_tick(resource, receipt.run_id) and self._committed(name) != receipt.run_id:
            if receipt.complete_before and self._committed(name, newer_than=receipt.run_id):
                return  # an old one, that was delivered again
            document = CommittedRun(run_id=receipt.run_id, at=self._clock.now())
            self._documents.replace(self._key(name, "committed"), document)

    def watch(self) -> list[Watched]:
        """Look at every schedule of the deployment."""
        resources, now = self._ingestion.sources.scheduled, self._clock.now()
        since = self._since([name_of(each.name) for each in resources], now)
        return [self._watched(each, since[name_of(each.name)], now) for each in resources]

    def _watched(self, resource: Resource, since: float, now: float) -> Watched:
        _, schedule = self._scheduled(resource.name)
        name = name_of(resource.name)
        committed = self._documents.find(self._key(name, "committed"), CommittedRun)
        current = self._documents.find(self._key(name, "current"), CurrentRun)
        last = max(since, committed.at) if committed is not None else since
        is_stuck = current is not None and self._standing(name, current) == STUCK
        stuck = current.run_id if current is not None and is_stuck else None
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

    def _standing(self, name: str, current: CurrentRun) -> str:
        """Whether somebody is at a run, or has ended it, or neither."""
        if self._committed(name) == current.run_id:
            return OVER
        last = current.began
        with suppress(RunNotFoundError):  # whoever let it through may have ended before it was begun
            status = self._ingestion.status(current.run_id)
            if status.state in ENDED or (status.state == "incomplete" and not _comes_again(status.error)):
                return OVER
            last = max(last, self._clock.now() - (status.quiet_seconds or 0.0))
        return AT_IT if self._clock.now() - last < SILENCE else STUCK

    def _committed(self, name: str, *, newer_than: str = "") -> str | None:
        """The run that committed last; with another one, only if its tick was later."""
        found = self._documents.find(self._key(name, "committed"), CommittedRun)
        return found.run_id if found is not None and found.run_id > newer_than else None

    @property
    def _folder(self) -> str:
        return f"{self._ingestion.settings.key_prefix}/{SCHEDULES}/".lstrip("/")

    def _key(self, name: str, what: str) -> str:
        return f"{self._folder}{name}/{what}.json"


def _comes_again(error: str | None) -> bool:
    """Whether another try goes on with a run that ended by such an error."""
    kind = getattr(errors, error or "", None)
    return isinstance(kind, type) and issubclass(kind, errors.IncompleteRunError)
