"""Only what is new: where a run begins and ends, in the form and the zone in which a source is asked for it.

Places are whole numbers: microseconds since 1970 in UTC, or what the source itself counts by. They are
written down as ISO 8601 in UTC, or as those numbers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import UNSET, Meta, structs

from de_classes.api.templates import Path
from de_classes.errors import ConfigurationError, InvalidInputError, ProtocolError
from de_classes.utils.paths import MISSING, find
from de_classes.utils.run_records import Increment
from de_classes.utils.values import Described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import tzinfo

    from de_classes.utils.run_records import Reached

NAMES: Final = ("from", "until")
"""What of it a text may name: ``${incremental.from}``."""

_SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_IN_MILLISECONDS: Final = 10**11
_LOOKS: Final = 3  # at two halves of a window: the source may change between them
"""A number from here on counts milliseconds: as seconds it would be in the year 5138."""

_INTEGER: Final = "integer"
_UNIX: Final = {"unix": 1, "unix_ms": 1_000}
_FORMS: Final = ("iso", "iso_local", "date", *_UNIX, _INTEGER)

Form = Annotated[
    str,
    Meta(
        pattern=rf"\A(?:{'|'.join(_FORMS)}|.*%.*)\Z",
        description=f"{', '.join(_FORMS)}, or a format of strftime such as %Y/%m/%d",
    ),
]


class Incremental(Described, kw_only=True):
    """How a source is asked only for what is new since the latest commit of the dataset.

    The request names ``${incremental.from}``, and ``${incremental.until}`` where the source takes an end: in
    its path, its parameters, its headers or its body.

    Attributes:
        field: Where a record says when it changed last.
        format: How the request says it: ``iso``, with the zone's offset; ``iso_local``, without one;
            ``date``; ``unix`` and ``unix_ms``, seconds and milliseconds since 1970; ``integer``, a number
            that grows with every change; or a format of ``strftime``.
        field_format: How records say it, in the same words; unless it is said, it is told by its look.
        zone: In which time zone the source takes what names none, and says it: ``Europe/Berlin``.
        start: Where the first run begins.
        lag: How far before the place that is reached the next run begins, for what comes late: in seconds,
            or in the field's own unit where that is a whole number.
    """

    field: Path
    format: Form = "iso"
    field_format: Form | None = None
    zone: str = "UTC"
    start: str | int
    lag: Annotated[float, Meta(ge=0)] = 60

    @property
    def is_counted(self) -> bool:
        """Whether places are whole numbers of the source's own, and no times."""
        return self.format == _INTEGER

    def problems(self) -> list[str]:
        """What cannot be, although each field by itself can."""
        try:
            zone = zone_of(self.zone)
            self._place(self.start)
        except (ConfigurationError, InvalidInputError) as error:
            return [str(error)]
        if self.field_format is not None and (self.field_format == _INTEGER) != self.is_counted:
            return [f"field_format is {self.field_format!r}, which goes with no format {self.format!r}"]
        if "%" in self.format:
            text = _written(1_234_567_890 * _SECOND, self.format, zone)
            try:
                _of_text(str(text), self.format, zone)
            except ValueError:
                return [f"format {self.format!r} writes {text!r}, which cannot be read by it"]
        return []

    def begin(
        self,
        reached: Reached | None,
        *,
        now: float,
        asked_from: str | None = None,
        asked_until: str | None = None,
        is_each: bool = False,
    ) -> Increment:
        """What the next run asks for.

        Args:
            reached: How far the dataset is read; None if nothing was committed.
            now: The time, in seconds since the epoch: what changes later is the next run's.
            asked_from: Where to begin instead.
            asked_until: Where to end instead.
            is_each: Whether each of several parents has a place of its own, see ``EachParent``.

        Raises:
            InvalidInputError: What was asked for is no place, or the dataset was read by another field.
        """
        since = None if reached is None else reached.to
        places = None if reached is None or reached.places is UNSET else reached.places
        if reached is not None and reached.field != self.field and asked_from is None:
            raise InvalidInputError(
                f"the dataset was read by the field {reached.field!r}, and is described by {self.field!r}: "
                "say by --from where to begin"
            )
        if asked_from is not None:
            begins = self._place(asked_from)
        elif since is None or (is_each and places is None):  # nobody knows which parents were read until then
            begins = self._place(self.start)
        else:
            begins = place_of(since) - int(self.lag * (1 if self.is_counted else _SECOND))
        ends = None
        if asked_until is not None or not self.is_counted:
            ends = int(now * _SECOND) if asked_until is None else self._place(asked_until)
            if asked_until is not None and ends < begins:
                raise InvalidInputError(
                    f"--until {asked_until} is before the run begins, {self._said(begins)}"
                )
            ends = self._floor(max(begins, ends))
        return Increment(
            field=self.field,
            form=self.field_format or (_INTEGER if self.is_counted else None),
            zone=self.zone,
            from_=self._said(self._floor(begins)),
            until=None if ends is None else self._said(ends),
            since=since,
            is_asked=asked_from is not None,
            is_each=is_each,
            places=places if is_each else None,
        )

    def behind(self, increment: Increment, since: str | int | None) -> Increment:
        """The same for one of several parents, from behind the place that was reached for it.

        Args:
            increment: What the run asks for.
            since: The place; None if it was never read, so that it is from the start.
        """
        if increment.is_asked:
            return structs.replace(increment, since=since)
        begins = (
            self._place(self.start)
            if since is None
            else place_of(since) - int(self.lag * (1 if self.is_counted else _SECOND))
        )
        begins, until = self._floor(begins), increment.until
        if until is not None and place_of(until) < begins:
            until = self._said(begins)
        return structs.replace(increment, since=since, from_=self._said(begins), until=until)

    @property
    def begins(self) -> int:
        """Where the first run begins."""
        return self._place(self.start)

    def cut(self, increment: Increment, total_of: Callable[[Increment], int], window: int) -> Increment:
        """The same in slices, each halved until it has fewer records than the source gives of one query.

        Args:
            increment: What is asked for.
            total_of: Asks the source how many records a slice has.
            window: How many it gives.

        Raises:
            ProtocolError: More share one moment, as the request can say it, than the source gives.
        """
        if increment.until is None:
            return increment
        begin, end = place_of(increment.from_), place_of(increment.until)
        is_after = increment.is_after

        def asked(since: int, until: int) -> int:
            since = self._before(since) if is_after and since != begin else since
            return total_of(structs.replace(increment, from_=self._said(since), until=self._said(until)))

        def edges(since: int, until: int, total: int) -> list[int]:
            if total < window:
                return []
            middle = self._floor((since + until) // 2)
            if not since < middle < until:
                raise ProtocolError(
                    f"{total} records changed from {self._said(since)} to {self._said(until)}, of which the "
                    f"source gives {window} and no request can say less: ask in another form "
                    "(incremental.format), or by a parameter that divides them"
                )
            left, right = halves(since, middle, until, total)
            return [*edges(since, middle, left), middle, *edges(middle, until, right)]

        def halves(since: int, middle: int, until: int, total: int) -> tuple[int, int]:
            nonlocal is_after
            for _ in range(_LOOKS):
                left, right = asked(since, middle), asked(middle, until)
                if left + right >= total:
                    return left, right
                is_after = True  # what lies at the edge itself is given by neither half
                if left + (right := asked(middle, until)) == total:
                    return left, right
                is_after = increment.is_after
                total = asked(since, until)  # or the source has changed meanwhile
            raise ProtocolError(
                f"of {total} records that changed from {self._said(since)} to {self._said(until)} the source "
                f"gives fewer in two halves, cut at {self._said(middle)}: run again, or ask in another form "
                "(incremental.format)"
            )

        found = edges(begin, end, asked(begin, end))
        return structs.replace(increment, slices=tuple(map(self._said, found)), is_after=is_after)

    def slices(self, increment: Increment) -> list[dict[str, str | int]]:
        """What the requests of each slice say."""
        until = increment.from_ if increment.until is None else increment.until
        edges = [increment.from_, *(increment.slices or ()), until]
        begins = edges[:1] + [
            self._said(self._before(place_of(edge))) if increment.is_after else edge for edge in edges[1:-1]
        ]
        each = zip(begins, edges[1:], strict=True)
        return [self.bounds(structs.replace(increment, from_=begin, until=end)) for begin, end in each]

    def bounds(self, increment: Increment) -> dict[str, str | int]:
        """What requests say, by name."""
        until = place_of(increment.from_ if increment.until is None else increment.until)
        zone = zone_of(self.zone)
        return {
            "from": _written(place_of(increment.from_), self.format, zone),
            "until": _written(until, self.format, zone),
        }

    def _place(self, said: str | int) -> int:
        if self.is_counted:
            return _counted(said)
        try:
            return _looked_at(said, zone_of(self.zone))
        except (ValueError, OverflowError) as error:
            raise InvalidInputError(f"{said!r} is no time: write it as 2026-11-30T06:00:00Z") from error

    def _said(self, place: int) -> str | int:
        return place if self.is_counted else iso(place)

    def _before(self, place: int) -> int:
        """The last place before it that a request can say."""
        return self._floor(place - 1)

    def _floor(self, place: int) -> int:
        """The last place not after it that a request can say, and that can mean no other."""
        if self.is_counted:
            return place
        zone = zone_of(self.zone)
        if self.format not in {"iso", *_UNIX} and "%z" not in self.format:
            place = _unambiguous(place, zone)
        return _of_text(_written(place, self.format, zone), self.format, zone)


class EachParent:
    """Where the children of each parent are asked for: behind the place that was reached for it.

    One that was never read is asked for from the start.

    Args:
        said: How the source is asked.
        increment: What the run asks for.
        places: The places that were reached, by the parents' hashed keys.
    """

    def __init__(self, said: Incremental, increment: Increment, places: Mapping[str, str | int]) -> None:
        self._said = said
        self._increment = increment
        self.places = places

    def of(self, parent: str) -> Increment:
        """What is asked for of a parent, by its hashed key."""
        return self._said.behind(self._increment, self.places.get(parent))

    def bounds(self, parent: str) -> dict[str, str | int]:
        """What its requests say, by whole names."""
        return {f"incremental.{name}": said for name, said in self._said.bounds(self.of(parent)).items()}

    def reached(
        self, parents: Iterable[str], found: Mapping[str, int], *, is_whole: bool
    ) -> dict[str, str | int]:
        """The place of each parent once the run is committed.

        One that is not there any more has none: should it come back, it is read from the start, since what
        belongs to it may have been deleted meanwhile.

        Args:
            parents: Those that are there.
            found: How far the records of each reach.
            is_whole: Whether the run brought all that it asked for; else nothing moves.
        """
        if not is_whole:
            return dict(self.places)
        reached: dict[str, str | int] = {}
        for parent in parents:
            asked = self.of(parent)
            if asked.since is None and place_of(asked.from_) > self._said.begins:
                continue  # what lies before the window that somebody asked for was never read
            to = reached_by(asked, [found.get(parent)], is_whole=True)
            if to is not None:
                reached[parent] = to
        return reached


class Furthest:
    """Finds how far records reach, by the field that says when each changed last.

    Args:
        increment: What the run asks for.
        each: Where it asks for each parent's, if it does.

    Attributes:
        place: How far they reach.
        before: How many lie before the beginning.
        of_parents: How far those of each parent reach, by its hashed key.
    """

    def __init__(self, increment: Increment, each: EachParent | None = None) -> None:
        self._increment = increment
        self._zone = zone_of(increment.zone)
        self._from = place_of(increment.from_)
        self._each = each
        self._read: Callable[[Any], int] = self._reader()
        self.place: int | None = None
        self.before = 0
        self.of_parents: dict[str, int] = {}

    @property
    def field(self) -> str:
        """Where a record says when it changed last."""
        return self._increment.field

    def look(
        self, records: Iterable[Any], parent: str | None = None, *, column: Iterable[Any] | None = None
    ) -> None:
        """Look at a page's records.

        Args:
            records: The records.
            parent: The hashed key of the parent that they belong to, where each has a place of its own.
            column: What each says, if that is known without making objects.

        Raises:
            ProtocolError: None of them has the field, or what it says is neither a time nor such a number.
        """
        begins = self._from
        if self._each is not None and parent is not None:
            begins = place_of(self._each.of(parent).from_)
        furthest = None
        for value in self._values(records) if column is None else column:
            if value is MISSING or value is None:
                continue
            try:
                place = self._read(value)
            except (ValueError, OverflowError, TypeError, InvalidInputError) as error:
                raise ProtocolError(
                    f"incremental.field {self.field!r} says {value!r:.80}, which cannot be read as "
                    f"{self._increment.form or 'a time'}: say by incremental.field_format how it is written"
                ) from error
            if furthest is None or place > furthest:
                furthest = place
            self.before += place < begins
        if furthest is not None:
            self.place = furthest if self.place is None else max(self.place, furthest)
            if parent is not None:
                self.of_parents[parent] = max(furthest, self.of_parents.get(parent, furthest))

    def _values(self, records: Iterable[Any]) -> Iterator[Any]:
        """What each record says, behind the last of which it is known whether any has the field."""
        field, has_field, has_records = self.field, False, False
        for record in records:
            has_records = True
            value = find(record, field)
            has_field = has_field or value is not MISSING or _begins(field) in record
            yield value
        if has_records and not has_field:
            raise ProtocolError(
                f"no record has incremental.field {field!r}: name one that says when it changed last"
            )

    def take(self) -> tuple[int | None, int, dict[str, int]]:
        """All three, of the records since this was asked last."""
        told = self.place, self.before, self.of_parents
        self.place, self.before, self.of_parents = None, 0, {}
        return told

    def _reader(self) -> Callable[[Any], int]:
        form = self._increment.form
        if form is None:
            return lambda value: _looked_at(value, self._zone)
        if form == _INTEGER:
            return _counted
        return lambda value: _of_text(value, form, self._zone)


def moment_of(said: Any) -> float:  # noqa: ANN401 - a JSON value
    """A time by its look, in seconds since 1970: ISO 8601, or a number of seconds or milliseconds.

    Raises:
        ValueError: It is none; or a ``TypeError``, or an ``OverflowError``.
    """
    return _looked_at(said, UTC) / _SECOND


def place_of(said: str | int) -> int:
    """A place as it is written down, as a number."""
    return said if isinstance(said, int) else _since_epoch(datetime.fromisoformat(said))


def iso(place: int) -> str:
    """A time as it is written down."""
    return (_EPOCH + timedelta(microseconds=place)).isoformat().replace("+00:00", "Z")


def reached_by(increment: Increment, places: Iterable[int | None], *, is_whole: bool) -> str | int | None:
    """How far a dataset is read once a run is committed.

    Args:
        increment: What the run asked for.
        places: How far its records reach; nothing behind the end counts, since a source is read page by page:
            what changes on a page that was read is not seen, though a later page tells of later changes.
        is_whole: Whether it brought all that it asked for.

    Returns:
        The place; as it was before where the run does not go on from there.
    """
    if not is_whole:
        return increment.since
    begins, since = place_of(increment.from_), None
    if increment.since is not None and type(increment.since) is type(increment.from_):
        since = place_of(increment.since)
    found = max((place for place in places if place is not None), default=begins)
    if increment.until is not None:
        found = min(found, place_of(increment.until))
    found = max(found, begins)
    if since is not None:
        found = since if begins > since else max(found, since)
    return found if isinstance(increment.from_, int) else iso(found)


@lru_cache(maxsize=16)
def zone_of(name: str) -> tzinfo:
    """A time zone by its name.

    Raises:
        ConfigurationError: There is none of that name here.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - by those alone whose source speaks in a zone

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"incremental.zone {name[:80]!r} is no time zone that is known here, such as Europe/Berlin"
        ) from error


def _begins(path: str) -> str:
    """The field that a path begins with."""
    match = re.match(r"[A-Za-z_][A-Za-z0-9_]*", path)
    return match[0] if match else path


def _counted(said: object) -> int:
    if isinstance(said, int) and not isinstance(said, bool):
        return said
    if isinstance(said, str) and said.lstrip("-").isdecimal():
        return int(said)
    raise InvalidInputError(f"{said!r:.80} is no whole number")


def _looked_at(said: Any, zone: tzinfo) -> int:  # noqa: ANN401 - a JSON value
    """A time, by its look: ISO 8601, or a number of seconds or milliseconds since 1970."""
    if isinstance(said, str):
        try:
            return _since_epoch(datetime.fromisoformat(said), zone)
        except ValueError:
            said = float(said)
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise TypeError("no time")
    unit = 1_000 if abs(said) >= _IN_MILLISECONDS else 1
    return int(said * (_SECOND // unit))


def _of_text(said: Any, form: str, zone: tzinfo) -> int:  # noqa: ANN401 - a JSON value
    if form in _UNIX:
        number = said if isinstance(said, int | float) else float(said)
        return int(number * (_SECOND // _UNIX[form]))
    if "%" in form:
        return _since_epoch(datetime.strptime(said, form), zone)  # noqa: DTZ007 - the zone is put in
    return _since_epoch(datetime.fromisoformat(said), zone)


def _written(place: int, form: str, zone: tzinfo) -> str | int:
    """A place as requests say it, cut to what that can say."""
    if form == _INTEGER:
        return place
    if form in _UNIX:
        return place * _UNIX[form] // _SECOND
    local = (_EPOCH + timedelta(microseconds=place)).astimezone(zone).replace(microsecond=0)
    if form == "iso":
        return local.isoformat().replace("+00:00", "Z")
    if form == "iso_local":
        return local.replace(tzinfo=None).isoformat()
    return local.date().isoformat() if form == "date" else local.strftime(form)


def _unambiguous(place: int, zone: tzinfo) -> int:
    """A place not after it whose local time is there once: not the hour that comes twice in autumn."""
    moment = _EPOCH + timedelta(microseconds=place)
    local = moment.astimezone(zone).replace(fold=0)
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    if first is None or second is None or first <= second:
        return place
    return _since_epoch(local - (first - second), zone)


def _since_epoch(moment: datetime, zone: tzinfo = UTC) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return (aware - _EPOCH) // timedelta(microseconds=1)
