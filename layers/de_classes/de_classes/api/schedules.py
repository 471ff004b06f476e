"""When a resource is pulled by itself: at a rate or by a cron in a zone, and what each tick's run is called.

A tick is a moment at which a schedule asks for a run. The run's id is made of both, so that a tick which is
delivered again is the same run.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from de_classes.api.increments import zone_of
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.utils.formats import FormatName
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS: Final = {"minute": 60, "hour": 3_600, "day": 86_400}
NAME_CHARS: Final = 60
"""Of a schedule's name at the most: EventBridge takes 64, and a run's id has the tick behind it, of 80."""

Span = Annotated[
    str,
    Meta(
        pattern=r"\A[1-9][0-9]{0,3} (?:minute|hour|day)s?\Z",
        description="a number and minutes, hours or days, such as 15 minutes",
    ),
]
DatasetName = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9=._-]*(?:/[A-Za-z0-9][A-Za-z0-9=._-]*)*\Z",
        max_length=200,
        description="names with a slash between them, each beginning with a letter or a digit",
    ),
]

_ID: Final = "%Y%m%dT%H%M%SZ"
_DIGEST_CHARS: Final = 8
_EIGHT_YEARS: Final = 366 * 8  # the longest from one February 29 to the next, in days
_UNREPLACED: Final = "<aws.scheduler."
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_WEEK: Final = len(_DAYS)
_LONGEST_MONTH: Final = 31
_FIELDS: Final[tuple[tuple[str, int, int, list[str]], ...]] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)
_ITEM: Final = re.compile(
    r"(?P<first>\*|[a-z0-9]{1,3})(?:-(?P<last>[a-z0-9]{1,3}))?(?:/(?P<step>[0-9]{1,2}))?"
)


class Schedule(Described, kw_only=True):
    """When a resource is pulled by itself, once it is deployed: ``schedule = { rate = "1 hour" }``.

    Example:
        >>> Schedule(cron="30 6 * * mon-fri", zone="Europe/Berlin").expression()
        'cron(30 6 ? * 2-6 *)'

    Attributes:
        rate: How often: ``15 minutes``, ``1 hour``, ``2 days``; or
        cron: when, as crontab says it: minute, hour, day of the month, month, weekday.
        zone: In which time zone the cron is meant, such as ``Europe/Berlin``. An hour that a change of clocks
            leaves out has no tick, one that it repeats has one.
        overlap: What becomes of a tick while the run of an earlier one is at it: ``skip`` leaves it out,
            ``wait`` puts it off until that is done.
        allowance: How much later than the next tick a commit may come before it counts as late.
        format: What is written; that of the deployment unless it is said.
        dataset: Where to, below the deployment's prefix; named after source and resource unless it is said.
        parameters: Of the source, by name.
        allow_partial: Whether to commit without the pages that cannot be had.
    """

    rate: Span | None = None
    cron: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    zone: Annotated[str, Meta(min_length=1, max_length=60)] = "UTC"
    overlap: Literal["skip", "wait"] = "skip"
    allowance: Span = "1 hour"
    format: FormatName | None = None
    dataset: DatasetName | None = None
    parameters: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    allow_partial: bool = False

    def problems(self) -> list[str]:
        """What cannot be, although each field by itself can; each begins with the field."""
        if (self.rate is None) == (self.cron is None):
            return ['rate or cron is needed, one of the two: { rate = "1 hour" }, { cron = "0 6 * * *" }']
        if self.cron is None:
            return ["zone goes with cron: a rate has none"] if self.zone != "UTC" else []
        problems = []
        try:
            zone_of(self.zone)
        except ConfigurationError as error:
            problems.append(str(error).removeprefix("incremental."))
        try:
            if not Cron.parse(self.cron).comes():
                problems.append(f"cron {self.cron!r} names a day that never comes")
        except InvalidInputError as error:
            problems.append(f"cron {error}")
        return problems

    def expression(self) -> str:
        """The same as EventBridge Scheduler is told it; its zone is told apart."""
        if self.cron is not None:
            return Cron.parse(self.cron).expression()
        number, unit = str(self.rate).split()
        unit = unit.rstrip("s")
        return f"rate({number} {unit if number == '1' else f'{unit}s'})"

    def next_tick(self, after: float) -> float:
        """The tick after a moment, in seconds since the epoch; of a rate, the moment is taken for a tick."""
        if self.rate is not None:
            return after + seconds_of(self.rate)
        return Cron.parse(str(self.cron)).next_tick(after, self.zone)

    def is_late(self, last: float, now: float) -> bool:
        """Whether the commit after the last one should have come by now.

        Args:
            last: When something was committed, or, where nothing was, since when the schedule is known.
            now: The time.
        """
        return now > self.next_tick(last) + seconds_of(self.allowance)

    def tick(self, at: str, *, now: float) -> float:
        """The moment that a tick stands for.

        Args:
            at: As the scheduler says it: ``2026-11-30T06:00:00Z``. Where it has left its placeholder as it
                was, as a local cloud does, the time is rounded down to the period.
            now: The time.

        Raises:
            InvalidInputError: It is no time.
        """
        if at and not at.startswith(_UNREPLACED):
            try:
                moment = datetime.fromisoformat(at)
            except ValueError as error:
                raise InvalidInputError(
                    f"at is {at[:40]!r}, and must be a time such as 2026-11-30T06:00:00Z"
                ) from error
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if self.rate is not None:
            period = seconds_of(self.rate)
            return now // period * period
        return Cron.parse(str(self.cron)).last_tick(now, self.zone)


class Cron(Value):
    """The five fields of a crontab's line, each as the numbers that it takes.

    Attributes:
        minutes: Of the hour, 0 to 59.
        hours: Of the day, 0 to 23.
        days: Of the month, 1 to 31.
        months: Of the year, 1 to 12.
        weekdays: 0 to 6, from Sunday on.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read one.

        Raises:
            InvalidInputError: Says which field is wrong, and what it may be.
        """
        return _parsed(text)

    def expression(self) -> str:
        """The same in EventBridge's six fields, whose weekdays begin with 1, and whose last is the year."""
        weekdays = "?" if len(self.weekdays) == _WEEK else _listed([day + 1 for day in self.weekdays])
        days = "?" if weekdays != "?" else _short(self.days, _LONGEST_MONTH)
        minutes, hours, months = _short(self.minutes, 60), _short(self.hours, 24), _short(self.months, 12)
        return f"cron({minutes} {hours} {days} {months} {weekdays} *)"

    def comes(self) -> bool:
        """Whether there is any such day: February 30 is none."""
        return next(self._days(date(2024, 1, 1), 1), None) is not None

    def next_tick(self, after: float, zone: str) -> float:
        """The first tick after a moment, in seconds since the epoch.

        Args:
            after: The moment.
            zone: The time zone that the fields are meant in.
        """
        return next(tick for tick in self._ticks(after, zone, 1) if tick > after)

    def last_tick(self, until: float, zone: str) -> float:
        """The last tick until a moment, that included; as ``next_tick``."""
        return next(tick for tick in self._ticks(until, zone, -1) if tick <= until)

    def _ticks(self, around: float, zone: str, step: int) -> Iterator[float]:
        known = zone_of(zone)
        first = datetime.fromtimestamp(around, known).date() - timedelta(days=step)
        for day in self._days(first, step):
            for hour in self.hours[::step]:
                for minute in self.minutes[::step]:
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=known)
                    tick = local.timestamp()
                    met = datetime.fromtimestamp(tick, known)
                    if (met.hour, met.minute) == (hour, minute):  # the clocks did not pass over it
                        yield tick

    def _days(self, first: date, step: int) -> Iterator[date]:
        for number in range(_EIGHT_YEARS + 2):
            day = first + timedelta(days=step * number)
            is_named = day.day in self.days and day.month in self.months
            if is_named and day.isoweekday() % _WEEK in self.weekdays:
                yield day


@lru_cache(64)
def _parsed(text: str) -> Cron:
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        names = ", ".join(name for name, *_ in _FIELDS)
        raise InvalidInputError(f"{text!r} has {len(fields)} fields, and needs five: {names}")
    values = [
        _numbers(given, name, low, high, names)
        for given, (name, low, high, names) in zip(fields, _FIELDS, strict=True)
    ]
    minutes, hours, days, months, weekdays = values
    week = tuple(sorted({day % _WEEK for day in weekdays}))
    if len(days) < _LONGEST_MONTH and len(week) < _WEEK:
        raise InvalidInputError(
            f"{text!r} names days of the month and weekdays, of which EventBridge takes one: write * for the "
            "other"
        )
    return Cron(minutes, hours, days, months, week)


def _numbers(given: str, name: str, low: int, high: int, names: list[str]) -> tuple[int, ...]:
    """The numbers of one field, such as ``1-5``, ``*/15`` or ``mon,thu``."""
    found: set[int] = set()
    for item in given.split(","):
        taken = _range(item, low, high, names)
        if not taken:
            also = f" or {names[0]} to {names[-1]}" if names else ""
            raise InvalidInputError(
                f"has the {name} {given[:40]!r}, which may be * or {low} to {high}{also}, in lists, ranges "
                "and steps such as 1-5,*/15"
            )
        found.update(taken)
    return tuple(sorted(found))


def _range(item: str, low: int, high: int, names: list[str]) -> range:
    """The numbers of ``*``, ``5``, ``1-5`` or one of them with ``/2``; none if it is no such item."""
    match = _ITEM.fullmatch(item)
    if match is None or (match["first"] == "*" and match["last"]) or match["step"] in {"0", "00"}:
        return range(0)
    step = int(match["step"] or 1)
    if match["first"] == "*":
        return range(low, high + 1, step)
    begin = _number(match["first"], low, high, names)
    end = _number(match["last"], low, high, names) if match["last"] else high if match["step"] else begin
    return range(0) if begin is None or end is None else range(begin, end + 1, step)


def _number(text: str, low: int, high: int, names: list[str]) -> int | None:
    number = names.index(text) + low if text in names else int(text) if text.isdecimal() else None
    return number if number is not None and low <= number <= high else None


def _short(numbers: tuple[int, ...], all_: int) -> str:
    return "*" if len(numbers) == all_ else _listed(numbers)


def _listed(numbers: list[int] | tuple[int, ...]) -> str:
    """Numbers as EventBridge lists them, ranges as ranges: it takes 256 characters in all."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(begin) if begin == end else f"{begin}-{end}" for begin, end in ranges)


def seconds_of(span: str) -> int:
    """The seconds of ``15 minutes``."""
    number, unit = span.split()
    return int(number) * SECONDS[unit.rstrip("s")]


def name_of(resource: str) -> str:
    """What a resource's schedule is called: ``shop.orders``; of a long name the beginning, and a hash."""
    if len(resource) <= NAME_CHARS and not resource.startswith("_"):
        return resource
    digest = hashlib.sha256(resource.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"{resource.lstrip('_')[: NAME_CHARS - _DIGEST_CHARS - 1]}-{digest}"


def run_id_of(resource: str, tick: float) -> str:
    """The id of the run that a tick asks for: ``shop.orders-20261130T060000Z``."""
    return f"{name_of(resource)}-{datetime.fromtimestamp(tick, UTC):{_ID}}"


def is_of_tick(resource: str, run_id: str) -> bool:
    """Whether a run is called as one that a tick of the resource's schedule asked for."""
    return re.fullmatch(rf"{re.escape(name_of(resource))}-[0-9]{{8}}T[0-9]{{6}}Z", run_id) is not None
