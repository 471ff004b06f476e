"""A source that inserts, updates, deletes and is late, and that tells what changed since: by an example.

Nothing of the library is imported here but its clock, so that no picture of times and zones is shared.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from tests.fakes.inventing import Draw

if TYPE_CHECKING:
    from de_classes.utils.clock import ManualClock
    from tests.fakes.mimics.kit import Answer, Request

HOST: Final = "api.days.example"
FORMS: Final = ("iso", "iso_local", "date", "unix", "unix_ms", "%Y-%m-%d %H:%M", "integer")
UNITS: Final = {"date": 86_400, "%Y-%m-%d %H:%M": 60, "integer": 1}
"""Seconds that a form cannot tell apart; one of others."""

ZONE: Final = ZoneInfo("Europe/Berlin")
FIRST_DAY: Final = datetime(2026, 10, 10, tzinfo=UTC).timestamp()
"""Of thirty: on the sixteenth clocks in Berlin are put back."""

DAY: Final = 86_400.0
LATE: Final = 3_600
"""Seconds by which a change may be seen after its stamp, or numbers where changes are counted."""
LATE_NUMBERS: Final = 6

Row = dict[str, Any]


class Example(Struct, frozen=True, kw_only=True):
    """A source, and the runs over it.

    Attributes:
        seed: Draws what happens.
        form: How it is asked, one of ``FORMS``.
        looks: How a record says when it changed: ``iso``, ``local``, ``unix``, ``unix_ms`` or ``integer``.
        takes_until: Whether it takes an end.
        is_exclusive: Whether it gives what changed after the place it is asked for, and not at it.
        order: Of its pages: ``id``, ``changed`` or ``-changed``.
        paging: ``page``, ``offset`` or ``cursor``.
        counts: Whether it says how many records there are.
        deletes: Whether a deleted record is ``told``, or ``gone`` without a word.
        coarse: The seconds to which it rounds its stamps down, so that many changes share one.
        window: The most records that it gives of any query, whatever it counts; all if 0.
        skew: By how many seconds its clock is ahead of ours.
        format: Of the dataset.
        limit: Records a page.
        part_pages: Pages in a part.
        has_parents: Whether rows belong to groups, each of which is asked for by itself; groups appear, go
            and come back, with rows of long before.
    """

    seed: int
    form: str
    looks: str
    takes_until: bool
    is_exclusive: bool
    order: str
    paging: str
    counts: bool
    deletes: str
    coarse: int
    window: int
    skew: int
    format: str
    limit: int
    part_pages: int
    has_parents: bool = False

    def resource(self, *, is_full: bool = False) -> dict[str, Any]:
        """Its description; of a read of everything without what is incremental."""
        said: dict[str, Any] = {
            "path": "/rows",
            "records_path": "data",
            "page_size": {"into": "query.limit"},
            "pagination": _PAGINATIONS[self.paging],
            "primary_key": ["id"],
            "write": "upsert",
        }
        if self.has_parents:
            said["path"] = "/groups/${parent.id}/rows"
            said["for_each"] = {"resource": "groups", "include": {"group": "id"}}
        if self.counts:
            said["total_path"] = "total"
        if self.window:
            said["window"] = self.window
        if self.deletes == "told":
            said["transforms"] = [{"type": "filter", "where": "deleted == `false`"}]
        if is_full:
            return said
        params = {"since": "${incremental.from}"}
        if self.takes_until:
            params["until"] = "${incremental.until}"
        unit = UNITS.get(self.form, 1) + self.coarse
        lag = 2 * LATE_NUMBERS + 1 if self.form == "integer" else LATE + abs(self.skew) + unit
        return {**said, "params": params, "incremental": {**self._incremental(), "lag": lag}}

    def resources(self, *, is_full: bool = False) -> dict[str, Any]:
        """Its resources, of which the rows are what runs are over."""
        rows = {"rows": self.resource(is_full=is_full)}
        if not self.has_parents:
            return rows
        groups = {
            "path": "/groups",
            "records_path": "data",
            "page_size": {"into": "query.limit"},
            "pagination": _PAGINATIONS[self.paging],
            "primary_key": ["id"],
        }
        return {**rows, "groups": groups}

    def _incremental(self) -> dict[str, Any]:
        said: dict[str, Any] = {"field": "changed", "format": self.form, "start": "2026-10-01"}
        if self.form == "integer":
            return {**said, "start": 0}
        if self.looks == "local" or self.form in {"iso_local", "date"} or "%" in self.form:
            said["zone"] = str(ZONE)
        if self.looks.startswith("unix"):
            said["field_format"] = self.looks
        return said


_PAGINATIONS: Final[dict[str, dict[str, Any]]] = {
    "page": {"type": "page", "into": "query.page", "more": "more"},
    "offset": {"type": "offset", "into": "query.offset", "more": "more"},
    "cursor": {"type": "cursor", "path": "next", "into": "query.cursor", "more": "more"},
}


def drawn(seed: int) -> Example:
    """The example of a seed."""
    draw = Draw(Random(seed))  # noqa: S311 - not for secrets
    form = draw.one_of(*FORMS)
    counted = form == "integer"
    example = Example(
        seed=seed,
        form=form,
        looks="integer" if counted else draw.one_of("iso", "local", "unix", "unix_ms"),
        takes_until=not counted and draw.chance(0.5),
        is_exclusive=draw.chance(0.4),
        order="changed" if counted else draw.one_of("id", "changed", "-changed"),
        paging=draw.one_of("page", "offset", "cursor"),
        counts=draw.chance(0.5),
        deletes=draw.one_of("told", "gone"),
        coarse=draw.one_of(1, 1, 60, 600),
        skew=draw.one_of(0, 0, 20, -20),
        format=draw.one_of("jsonl", "jsonl", "csv", "parquet"),
        limit=draw.whole(3, 6),
        part_pages=draw.whole(1, 3),
        window=0,
    )
    if draw.chance(0.4):
        return replace(example, has_parents=True)
    if UNITS.get(form, 1) == 1 and form != "integer" and draw.chance(0.3):  # else too many share a stamp
        window = draw.whole(16, 20)
        return replace(example, window=window, takes_until=True, counts=True, deletes="told", coarse=1)
    return example


class ChangingSource:
    """Rows that change as its example draws.

    Args:
        example: Says how.
        clock: Tells the time.

    Attributes:
        busy: How likely it is that something changes right before an answer.
        asked: As of every mimic.
    """

    name = "days"
    hosts = {HOST: ""}  # noqa: RUF012 - as of every mimic

    def __init__(self, example: Example, clock: ManualClock) -> None:
        self.busy = 0.0
        self.asked: list[Request] = []
        self._example = example
        self._clock = clock
        self._draw = Draw(Random(example.seed + 1))  # noqa: S311 - not for secrets
        self._rows: dict[int, Row] = {}
        self._late: list[tuple[float, Row]] = []
        self._number = 0
        self._made = 0
        self.gone: set[int] = set()
        self._groups: dict[int, bool] = {1: True}
        """Whether each is there."""

    def rows(self) -> list[Row]:
        """What there is now, as a dataset is to hold it."""
        self._come()
        there = (row for row in self._rows.values() if not row["deleted"] and self._is_there(row))
        return [self._told(row) for row in sorted(there, key=lambda row: row["id"])]

    def change(self, times: int) -> None:
        """Let things happen."""
        for _ in range(times):
            self._come()
            there = [row for row in self._rows.values() if not row["deleted"]]
            likely = {"insert": 3, "update": 3, "delete": 1}
            if self._example.has_parents:
                likely["group"] = 1
            what = self._draw.weighted(likely) if there else "insert"
            if what == "insert":
                self._made += 1
                row = {"id": self._made, "value": self._number, "deleted": False}
                if self._example.has_parents:
                    row["group"] = self._draw.one_of(*self._groups)
                self._put(row)
            elif what == "group":
                self._change_groups()
            elif what == "update":
                self._put({**self._draw.one_of(*there), "value": self._number})
            else:
                self._delete(self._draw.one_of(*there))

    def answer(self, request: Request) -> Answer:
        if self._draw.chance(self.busy):
            self.change(self._draw.whole(1, 2))
        self._come()
        query = request.query
        if request.path == "/groups":
            found: list[Row] = [{"id": group} for group, is_there in self._groups.items() if is_there]
        else:
            found = [self._told(row) for row in self._found(query, request.path)]
        size = int(query.get("limit", "3"))
        start = int(query.get("offset", query.get("cursor", (int(query.get("page", 1)) - 1) * size)))
        total, found = len(found), found[: self._example.window or len(found)]
        more = start + size < len(found)
        body: dict[str, Any] = {
            "data": found[start : start + size],
            "more": more,
        }
        body["next"] = str(start + size) if more else None
        if self._example.counts:
            body["total"] = total
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def _is_there(self, row: Row) -> bool:
        return self._groups[row.get("group", 1)]

    def _change_groups(self) -> None:
        """A new one, which nobody sees yet; or one appears, goes, or comes back."""
        if self._draw.chance(0.3):
            self._groups[len(self._groups) + 1] = False
            return
        group = self._draw.one_of(*self._groups)
        self._groups[group] = not self._groups[group]
        rows = {row["id"] for row in self._rows.values() if row["group"] == group}
        self.gone = self.gone - rows if self._groups[group] else self.gone | rows

    def _put(self, row: Row) -> None:
        """With the stamp of now; it may be seen only later."""
        self._number += 1
        now = self._clock.now() + self._example.skew
        stamp = (
            self._number
            if self._example.form == "integer"
            else now // self._example.coarse * self._example.coarse
        )
        row = {**row, "changed": stamp}
        if self._draw.chance(0.2) and not any(late["id"] == row["id"] for _, late in self._late):
            due = self._number + LATE_NUMBERS if self._example.form == "integer" else now + LATE - 60
            self._late.append((due, row))
        else:
            self._late = [(due, late) for due, late in self._late if late["id"] != row["id"]]
            self._rows[row["id"]] = row

    def _delete(self, row: Row) -> None:
        self._late = [(due, late) for due, late in self._late if late["id"] != row["id"]]
        if self._example.deletes == "told":
            self._put({**row, "deleted": True})
        else:
            del self._rows[row["id"]]
            self.gone.add(row["id"])

    def _come(self) -> None:
        """Let be seen what is due."""
        reached = self._number if self._example.form == "integer" else self._clock.now() + self._example.skew
        for due, row in self._late:
            if due <= reached:
                self._rows[row["id"]] = row
        self._late = [(due, row) for due, row in self._late if due > reached]

    def _found(self, query: dict[str, str], path: str) -> list[Row]:
        rows = list(self._rows.values())
        if self._example.has_parents:
            group = int(path.split("/")[2])
            rows = [row for row in rows if row["group"] == group and self._is_there(row)]
        if "since" in query:
            since = self._meant(query["since"], late=True)
            is_in = (
                (lambda stamp: stamp > since)
                if self._example.is_exclusive
                else (lambda stamp: stamp >= since)
            )
            rows = [row for row in rows if is_in(row["changed"])]
        if "until" in query:
            until = self._meant(query["until"], late=False)
            rows = [row for row in rows if row["changed"] < until]
        by = self._example.order.removeprefix("-")
        return sorted(rows, key=lambda row: (row[by], row["id"]), reverse=self._example.order != by)

    def _meant(self, said: str, *, late: bool) -> float:
        """What it takes a text for; of an hour that comes twice the one that gives less."""
        form = self._example.form
        if form == "integer":
            return int(said)
        if form.startswith("unix"):
            return int(said) / (1_000 if form == "unix_ms" else 1)
        moment = datetime.strptime(said, form) if "%" in form else datetime.fromisoformat(said)  # noqa: DTZ007 - the zone follows
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZONE, fold=int(late))
        return moment.timestamp()

    def _told(self, row: Row) -> Row:
        """A row as it is given."""
        stamp, looks = row["changed"], self._example.looks
        if looks == "integer":
            return dict(row)
        moment = datetime.fromtimestamp(stamp, UTC)
        told: dict[str, Any] = {
            "iso": moment.isoformat(),
            "local": moment.astimezone(ZONE).replace(tzinfo=None).isoformat(),
            "unix": stamp,
            "unix_ms": int(stamp * 1_000),
        }
        return {**row, "changed": told[looks]}
