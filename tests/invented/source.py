"""An API that nobody has thought of: it lives by any description, changes while it is read, and lies.

It answers requests as values, so that it can stand behind a transport or behind a server, as every mimic can:
see ``MimicTransport`` and ``serving``. Of the library it knows nothing but the words of a description.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from msgspec import Struct

from tests.fakes.mimics.kit import opaque, unopaque, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.fakes.mimics.kit import Answer, Request

HOST: Final = "api.invented.example"
Row = dict[str, Any]
_SORTED: Final[dict[str, Callable[[Row], tuple[int, ...]]]] = {
    "id": lambda row: (row["id"],),
    "id_down": lambda row: (-row["id"],),
    "at": lambda row: (row["at"], row["id"]),
    "at_down": lambda row: (-row["at"], -row["id"]),
}
CHANGES: Final = frozenset({"insert", "delete", "update", "move", "forget"})
REFUSALS: Final = (404, 422, 503, 400, 416, 204, 429, 500, 410, 502)


class Habits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an API does that its description does not say.

    Attributes:
        order: Of its rows: ``placed`` anywhere, by ``id``, by ``at`` (a change moves a row to the end), or
            either ``_down``.
        ties: How many rows at the start share an ``at``.
        cap: The most rows in a page, whatever is asked for; None for no such thing.
        own_size: Rows in a page where nobody says how many.
        ignores_size: Whether it heeds no word of it.
        beyond: What is behind the last page: ``empty``, ``missing`` (404), or the ``last`` page again.
        token: What a cursor or link stands for: an ``offset``, the last row's ``key``, or a place in a
            ``snapshot`` that was taken at the first page.
        fresh: Whether each token is spelled anew.
        unknown: What it says to a token that it has forgotten: a status, ``first`` or ``empty``.
        end: How the way on is spelled where there is none: ``absent``, ``null``, ``blank`` or ``false``.
        lazy: Whether it tells a last page by that it is not full, so that it leads behind a full one.
        window: The most rows that it gives at all; None for no such thing.
        shut: What is behind its window: a status, or ``empty``.
        pages_of: Rows in a page by which it reckons how many pages it has; None for those that it gives.
    """

    order: str = "placed"
    ties: int = 1
    cap: int | None = None
    own_size: int = 7
    ignores_size: bool = False
    beyond: str = "empty"
    token: str = "offset"
    fresh: bool = False
    unknown: str = "400"
    end: str = "null"
    lazy: bool = False
    window: int | None = None
    shut: str = "empty"
    pages_of: int | None = None


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens once.

    Attributes:
        at: The request before which it happens, from 0; a lie is the answer to it.
        what: A change: one of ``CHANGES``. A lie: ``refuse``, ``redirect``, ``cut``, ``again`` (the answer
            before), ``empty``, ``short``, ``dead_end`` (no way on, and the marker says so), ``lost_way`` (no
            way on, and the marker says otherwise), ``total`` (a wrong one) or ``errors`` (beside some rows).
        where: Which row, status or size.
    """

    at: int
    what: str
    where: int = 0


@dataclass(frozen=True, kw_only=True)
class Saying:
    """What an answer is made of.

    Attributes:
        rows: Its rows.
        token: What leads on; None for nothing.
        more: Whether it says that more follows.
        total: Rows in all.
        pages: Pages in all.
        number: The page's own, as it is asked for.
        errors: Whether it says that something failed.
    """

    rows: Sequence[Row]
    token: str | None
    more: bool
    total: int
    pages: int
    number: int
    errors: bool = False


class InventedSource:
    """An API by its description.

    Args:
        resource: The description of one resource, as it is written in a file.
        habits: What else it does.
        count: Rows that it has at first.
        events: What happens on the way.

    Attributes:
        history: By id, the rows that there were at each request.
        asked: What it was asked, see ``serving``.
        answers: What it said.
    """

    name = "invented"
    hosts = {HOST: ""}  # noqa: RUF012 - as of every mimic

    def __init__(
        self,
        resource: Mapping[str, Any],
        habits: Habits | None = None,
        *,
        count: int = 20,
        events: Sequence[Event] = (),
    ) -> None:
        self.asked: list[Request] = []
        self.answers: list[Answer] = []
        self.history: list[dict[int, Row]] = []
        self._resource = resource
        self._way: Mapping[str, Any] = resource["pagination"]
        self._kind: str = self._way["type"]
        self._habits = habits or Habits()
        self._events = tuple(events)
        self._next_id = self._next_at = count + 1
        self._rows: list[Row] = [_row(id_, 1, id_ // self._habits.ties) for id_ in range(1, count + 1)]
        self._sort()
        self._snapshots: list[list[Row]] = []
        self._generation = self._serial = 0

    def answer(self, request: Request) -> Answer:
        """Let happen what is to happen, and answer."""
        now = len(self.history)
        happening = [event for event in self._events if event.at == now]
        for event in happening:
            if event.what in CHANGES:
                self._change(event)
        self.history.append({row["id"]: row for row in self._rows})
        lies = [event for event in happening if event.what not in CHANGES]
        said = self._said(request, lies)
        self.answers.append(said)
        return said

    # What happens to the rows

    def _change(self, event: Event) -> None:
        rows, where = self._rows, event.where
        if event.what == "forget":
            self._generation += 1
        elif event.what == "insert":
            rows.insert(where % (len(rows) + 1), _row(self._next_id, 1, self._next_at))
            self._next_id += 1
            self._next_at += 1
        elif rows and event.what == "delete":
            del rows[where % len(rows)]
        elif rows and event.what == "update":
            old = rows[where % len(rows)]
            rows[where % len(rows)] = _row(old["id"], old["version"] + 1, self._next_at)
            self._next_at += 1
        elif rows:
            rows.insert(where // 31 % len(rows), rows.pop(where % len(rows)))
        self._sort()

    def _sort(self) -> None:
        order = _SORTED.get(self._habits.order)
        if order is not None:
            self._rows.sort(key=order)

    # What it says

    def _said(self, request: Request, lies: Sequence[Event]) -> Answer:
        for lie in lies:
            if lie.what == "refuse":
                return _words(REFUSALS[lie.where % len(REFUSALS)], "not now")
            if lie.what == "redirect":
                query = f"?{request.raw_query}" if request.raw_query else ""
                return 307 if lie.where % 2 else 302, {"Location": f"{request.path}{query}"}, b""
            if lie.what == "again" and self.answers:
                return self.answers[-1]
        if request.path != self._resource["path"]:
            return self._counted(request)
        saying = self._saying(request)
        if not isinstance(saying, Saying):
            return saying
        for lie in lies:
            saying = _bent(saying, lie)
        status, headers, body = self._spelled(saying, request)
        if any(lie.what == "cut" for lie in lies):
            body = body[: len(body) // 2]
        return status, headers, body

    def _counted(self, request: Request) -> Answer:
        count = self._resource.get("count") or {}
        if request.path != count.get("path"):
            return _words(404, "there is nothing here")
        body = _placed({}, count["total_path"], len(self._rows))
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def _saying(self, request: Request) -> Saying | Answer:
        """The page that is asked for, as it truly is."""
        size = self._size(request)
        if self._kind in {"page", "offset"}:
            return self._reckoned(request, size)
        if self._kind == "last_record":
            return self._behind_a_value(request, size)
        if self._kind == "none":
            return self._page(self._rows, 0, max(len(self._rows), 1))
        return self._behind_a_token(request, size)

    def _size(self, request: Request) -> int:
        into = (self._resource.get("page_size") or {}).get("into")
        asked = whole(_found(request, into)) if into else None
        habits = self._habits
        size = habits.own_size if asked is None or habits.ignores_size else max(asked, 1)
        return min(size, habits.cap or size)

    def _reckoned(self, request: Request, size: int) -> Saying | Answer:
        first = self._way.get("first", 1 if self._kind == "page" else 0)
        into = self._way.get("into", f"query.{self._kind}")
        value = whole(_found(request, into))
        place = max((first if value is None else value) - first, 0)
        start = place * size if self._kind == "page" else place
        if start and start >= len(self._rows) and self._habits.beyond == "missing":
            return _words(404, "there is no such page")
        if start and start >= len(self._rows) and self._habits.beyond == "last" and self._kind == "page":
            place = max(len(self._rows) - 1, 0) // size
            start = place * size
        return self._page(self._rows, start, size, number=place + first)

    def _behind_a_value(self, request: Request, size: int) -> Saying | Answer:
        said = whole(_found(request, self._way["into"]))
        if said is None or str(said) == str(self._way.get("first")):
            return self._page(self._rows, 0, size)
        field = self._way["path"]
        way = -1 if self._habits.order.endswith("_down") else 1
        least = said if self._way.get("plus") else said + way
        rest = [row for row in self._rows if row[field] * way >= least * way]
        return self._page(self._rows, len(self._rows) - len(rest), size)

    def _behind_a_token(self, request: Request, size: int) -> Saying | Answer:
        text = self._token_of(request)
        if text is None:
            if self._habits.token == "snapshot":
                self._snapshots.append(list(self._rows))
            return self._page(self._rows, 0, size)
        place = unopaque(text)
        if not isinstance(place, list) or place[0] != self._generation:
            return self._forgotten(size)
        if self._habits.token == "key":
            order = _SORTED[self._habits.order]
            rest = [row for row in self._rows if order(row) > tuple(place[2])]
            return self._page(self._rows, len(self._rows) - len(rest), size, token=text)
        rows = self._rows if self._habits.token == "offset" else self._snapshots[place[2]]
        return self._page(rows, place[3], size, token=text)

    def _token_of(self, request: Request) -> str | None:
        if self._kind == "cursor":
            text = _found(request, self._way.get("into", "query.cursor"))
            return None if text is None or str(text) == str(self._way.get("first")) else str(text)
        if self._kind == "next_params":
            text = _found(request, f"{self._way.get('into', 'query')}.from")
            return None if text is None else str(text)
        return request.query.get("from")

    def _forgotten(self, size: int) -> Saying | Answer:
        unknown = self._habits.unknown
        if unknown == "first":
            return self._page(self._rows, 0, size)
        if unknown == "empty":
            return self._page([], 0, size)
        return _words(int(unknown), "there is no such place")

    def _page(
        self, rows: Sequence[Row], start: int, size: int, *, number: int = 0, token: str | None = None
    ) -> Saying | Answer:
        window, there = self._habits.window, len(rows)
        if window is not None and there > window and self._habits.shut == "empty":
            there = window
        elif window is not None and there > window and start + size > window:
            return _words(int(self._habits.shut), f"only the first {window}")
        some = rows[start : min(start + size, there)]
        is_last = start + size >= there
        more = len(some) == size if self._habits.lazy else not is_last
        following = self._token(rows, start + len(some), some) if some else token
        is_capped = self._resource.get("total_is") == "capped" and window is not None
        total = min(window or 0, len(rows)) if is_capped else len(rows)
        return Saying(
            rows=some,
            token=following if more or self._way.get("ends_empty") else None,
            more=more,
            total=total,
            pages=-(-total // (self._habits.pages_of or size)),
            number=number,
        )

    def _token(self, rows: Sequence[Row], start: int, some: Sequence[Row]) -> str:
        self._serial += 1
        habits = self._habits
        place: list[Any] = [self._generation, self._serial if habits.fresh else 0]
        if habits.token == "key":
            return opaque([*place, list(_SORTED[habits.order](some[-1]))])
        snapshot = next(
            (n for n, each in enumerate(self._snapshots) if each is rows), len(self._snapshots) - 1
        )
        return opaque([*place, snapshot, start])

    def _spelled(self, saying: Saying, request: Request) -> Answer:
        """The answer, as the description says where each thing stands."""
        said, way = self._resource, self._way
        headers = {"Content-Type": "application/json"}
        if said.get("answer") == "jsonl":
            self._lead_on(saying, request, {}, headers)
            lines = "".join(f"{json.dumps(row)}\n" for row in saying.rows)
            return 200, {**headers, "Content-Type": "application/x-ndjson"}, lines.encode()
        body = _placed({}, said.get("records_path", "@"), list(saying.rows))
        things = {
            said.get("total_path"): saying.total,
            way.get("pages_path"): saying.pages,
            way.get("echo_path"): saying.number,
            way.get("more"): saying.more,
            way.get("done"): not saying.more,
        }
        for path, thing in things.items():
            if path is not None:
                _placed(body, path, thing)
        if saying.errors and isinstance(body, dict):
            _placed(body, "errors", [{"message": "a shard did not answer"}])
        self._lead_on(saying, request, body, headers)
        return 200, headers, json.dumps(body).encode()

    def _lead_on(self, saying: Saying, request: Request, body: Any, headers: dict[str, str]) -> None:
        if self._kind == "link":
            if saying.token is not None:
                headers["Link"] = f'<{self._address(saying, request)}>; rel="{self._way.get("rel", "next")}"'
        elif self._kind == "cursor" and self._way.get("header"):
            if saying.token is not None:
                headers[self._way["header"]] = saying.token
        elif self._kind in {"cursor", "next_url", "next_params"}:
            path = self._way.get("path", "next_cursor")
            if saying.token is not None:
                found = {
                    "cursor": lambda: saying.token,
                    "next_url": lambda: self._address(saying, request),
                    "next_params": lambda: {"from": saying.token, "on": "yes"},
                }[self._kind]()
                _placed(body, path, found)
            elif self._habits.end != "absent":
                _placed(body, path, {"null": None, "blank": "", "false": False}[self._habits.end])

    def _address(self, saying: Saying, request: Request) -> str:
        query = {**request.query, "from": saying.token}
        base = "" if self._habits.fresh else request.base
        return f"{base}{request.path}?{urlencode(query)}"


def _bent(saying: Saying, lie: Event) -> Saying:
    """What is said, with a lie in it."""
    if lie.what in {"empty", "short", "errors"}:
        kept = 0 if lie.what == "empty" else len(saying.rows) - 1 - lie.where % max(len(saying.rows), 1)
        saying = replace(saying, rows=saying.rows[: max(kept, 0)], errors=lie.what == "errors")
    if lie.what == "dead_end" or (lie.what == "empty" and lie.where % 3 == 2):
        saying = replace(saying, token=None, more=False)
    if lie.what == "lost_way":
        saying = replace(saying, token=None)
    if lie.what == "total":
        total = max(saying.total - 1 - lie.where % 3, 0)
        saying = replace(saying, total=total, pages=max(saying.pages - 1, 0))
    return saying


def _row(id_: int, version: int, at: int) -> Row:
    return {"id": id_, "version": version, "at": at, "text": f"row {id_}, version {version}"}


def _words(status: int, words: str) -> Answer:
    if status == 204:
        return status, {}, b""
    return status, {"Content-Type": "application/json"}, json.dumps({"message": words}).encode()


def _found(request: Request, into: str) -> object:
    """What a request has at a place such as ``query.page`` or ``json.paging.after``; None for nothing."""
    place, _, name = into.partition(".")
    if place == "query":
        return request.query.get(name)
    if place == "header":
        return request.headers.get(name.lower())
    if place == "form":
        return request.form.get(name)
    found = request.json()
    for each in name.split("."):
        found = found.get(each) if isinstance(found, dict) else None
    return found


def _placed(body: Any, path: str, value: Any) -> Any:
    """The body with a value at a path of names and dots; ``@`` is the body itself."""
    if path == "@":
        return value
    inner = body
    *above, name = path.split(".")
    for each in above:
        inner = inner.setdefault(each, {})
    inner[name] = value
    return body
