"""What a run is tried on: an API, what happens to it, and who reads it how. By a seed, or written down."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from tests.fakes import inventing
from tests.invented.source import Event, Habits

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: Final = ("page", "offset", "cursor", "next_url", "link", "last_record", "next_params", "none")
FAMILIES: Final = ("calm", "changes", "lies", "both", "mistake", "spoilt")
_FOLLOWED: Final = frozenset({"cursor", "next_url", "link", "next_params"})
_LIES: Final[dict[str, int]] = {
    "refuse": 4,
    "redirect": 1,
    "cut": 1,
    "again": 2,
    "empty": 3,
    "short": 3,
    "dead_end": 2,
    "lost_way": 2,
    "total": 1,
    "errors": 1,
}


class Example(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source and one run over it.

    Attributes:
        family: What it is drawn to show, one of ``FAMILIES``.
        resource: The description that the source lives by.
        mistakes: How the description that is read differs from it: paths to values, None for left out.
        habits: What the source does besides.
        count: Rows at first.
        limit: Rows a page that are asked for.
        events: What happens on the way.
        keys: Whether the run is told that ``id`` is a key.
        one_object: Whether the run writes one object; else a dataset.
        width: Pages at once.
        part_pages: Pages in a part.
        stops: Requests of the whole run, from 1, at which the process dies, or its time is up.
        gently: Whether it is the time that is up.
        goes_on: How often a run that ended incomplete is asked for again.
        spoils: What is done after the first go to what was kept: ``cut``, ``change`` or ``drop`` a sealed
            part, ``cut_keys``, or ``copy`` a document of the journal.
        ranges: How many ranges of pages it is cut into at the most, each by a worker of its own; 0 for none.
    """

    family: str = "calm"
    resource: dict[str, Any]
    mistakes: dict[str, Any] = field(default_factory=dict)
    habits: Habits = Habits()
    count: int
    limit: int
    events: tuple[Event, ...] = ()
    keys: bool = False
    one_object: bool = False
    width: int = 1
    part_pages: int = 2
    stops: tuple[int, ...] = ()
    gently: bool = False
    goes_on: int = 0
    spoils: tuple[str, ...] = ()
    ranges: int = 0

    @property
    def kind(self) -> str:
        """Of its pagination."""
        return str(self.resource["pagination"]["type"])

    def described(self) -> dict[str, Any]:
        """The description that the run reads by."""
        said: dict[str, Any] = json.loads(json.dumps(self.resource))
        for path, value in self.mistakes.items():
            inner, names = said, path.split(".")
            for name in names[:-1]:
                inner = inner.setdefault(name, {})
            if value is None:
                inner.pop(names[-1], None)
            else:
                inner[names[-1]] = value
        return said


def drawn(
    seed: int,
    *,
    family: str | None = None,
    kind: str | None = None,
    keys: bool | None = None,
    also: Mapping[str, Any] | None = None,
) -> Example:
    """The example of a seed.

    Args:
        seed: Any whole number.
        family: One of ``FAMILIES``; drawn too if None.
        kind: One of ``KINDS``; drawn too if None.
        keys: Whether the run is told of a key; drawn too if None.
        also: What the description that is read says besides, by path.
    """
    draw = Draw(Random(seed))  # noqa: S311 - not for secrets
    family = family or draw.weighted(
        {"calm": 2, "changes": 7, "lies": 5, "both": 2, "mistake": 4, "spoilt": 3}
    )
    kind = kind or draw.weighted({name: 1 if name in {"none", "next_params"} else 4 for name in KINDS})
    habits = draw.habits(kind, is_calm=family in {"calm", "spoilt"}, is_mistaken=family == "mistake")
    resource = draw.resource(kind, habits)
    limit = draw.whole(1 if family != "calm" else 2, 10)  # a full page of one row leaves nothing to ask for
    step = min(limit, habits.cap or limit)
    count = draw.count(step) if family in {"calm", "mistake", "spoilt"} else draw.whole(0, 30)
    example = Example(
        family=family,
        resource=resource,
        habits=habits,
        count=count,
        limit=limit,
        keys=draw.chance(0.5) if keys is None else keys,
        part_pages=draw.whole(1, 3),
    )
    expected = 3 + (1 if kind == "none" else -(-count // step))
    if family in {"changes", "both"} or (family == "spoilt" and draw.chance(0.5)):
        example = draw.changed(example, expected)
    if family in {"lies", "both"}:
        example = draw.lying(example, expected)
    if family == "mistake":
        example = draw.mistaken(example)
    example = replace(example, mistakes={**example.mistakes, **(also or {})})
    return draw.carried_out(_looked_at(example, expected), expected)


class Draw(inventing.Draw):
    """Draws the parts of an example."""

    def count(self, step: int) -> int:
        """Rows of a small collection: about the seams of its pages."""
        return int(self.one_of(0, 1, 2, step - 1, step, step + 1, 2 * step, 3 * step + 1, self.whole(0, 30)))

    def habits(self, kind: str, *, is_calm: bool, is_mistaken: bool) -> Habits:
        order = "placed"
        token = self.one_of("offset", "key", "snapshot") if kind in _FOLLOWED else "offset"
        if kind == "last_record" or token == "key":
            order = self.one_of("id", "id", "id_down", "at", "at_down")
        elif self.chance(0.5):
            order = self.one_of("id", "id_down", "at", "at_down")
        window = None
        if not is_calm and kind != "none" and self.chance(0.05):
            window = self.whole(3, 20)
        habits = Habits(
            order=order,
            ties=self.whole(1, 3) if not is_calm and self.chance(0.2) else 1,
            # Blind spot: a single page of one row, or of an unusual size whatever size is asked for, that
            # says nothing of others, is all there is or what a wrong description shows of it.
            cap=self.whole(2 if is_mistaken else 1, 6) if self.chance(0.2) else None,
            ignores_size=not is_calm and self.chance(0.1) and not is_mistaken,
            own_size=10 if is_mistaken else 7,
            beyond=self.one_of("empty", "empty", "missing", "last"),
            token=token,
            fresh=self.chance(0.15),
            unknown=self.one_of("400", "404", "410", "first", "first", "empty"),
            end=self.one_of("absent", "null", "blank", "false"),
            lazy=self.chance(0.25),
            window=window,
            shut=self.one_of("400", "422", "empty"),
        )
        # Blind spot: rows that come one at a time, by a value that they share.
        return replace(habits, ties=1) if kind == "last_record" and habits.cap == 1 else habits

    def resource(self, kind: str, habits: Habits) -> dict[str, Any]:
        """A right description of such a source."""
        way = self._way(kind, habits)
        has_body = kind in {"cursor", "next_url", "next_params"} or self.chance(0.7)
        said: dict[str, Any] = {"path": "/rows", "pagination": way}
        said["records_path"] = self.one_of("data", "items", "result.items") if has_body else "@"
        if not has_body and self.chance(0.3):
            said["answer"] = "jsonl"
        if has_body:
            self._describe_the_whole(said, habits)
        if kind != "none" and (self.chance(0.9) or kind in {"page", "offset"}):
            said["page_size"] = {"into": "query.limit"}
            if habits.cap is not None and habits.cap > 1 and self.chance(0.3):
                said["page_size"]["max"] = habits.cap
        if kind in {"page", "offset", "cursor", "last_record", "next_params"} and self.chance(0.15):
            _by_post(said)
        if habits.window is not None and (habits.shut == "empty" or self.chance(0.5)):
            said["window"] = habits.window
            if "total_path" in said and self.chance(0.5):
                said["total_is"] = "capped"
        return said

    def _describe_the_whole(self, said: dict[str, Any], habits: Habits) -> None:
        """Say where totals and markers stand, if they do."""
        way = said["pagination"]
        if way["type"] != "none" and self.chance(0.35):
            way[self.one_of("more", "done")] = self.one_of("end", "meta.flag")
        if self.chance(0.3):
            said["total_path"] = self.one_of("total", "meta.total")
        if self.chance(0.1):
            said["count"] = {"path": "/count", "total_path": "count"}
        if way["type"] == "page" and self.chance(0.4):
            way["pages_path"] = self.one_of("pages", "meta.pages")
        if way["type"] == "page" and (habits.beyond == "last" or self.chance(0.2)):
            way["echo_path"] = "meta.page"

    def _way(self, kind: str, habits: Habits) -> dict[str, Any]:
        way: dict[str, Any] = {"type": kind}
        if kind in {"page", "offset"}:
            way["into"] = f"query.{kind}"
            way["first"] = self.one_of(*((1, 1, 0) if kind == "page" else (0, 0, 1)))
        elif kind == "cursor":
            way |= {"path": self.one_of("next", "meta.next"), "into": "query.cursor"}
            if self.chance(0.15):
                way["first"] = "*"
            if self.chance(0.15):
                way["ends_empty"] = True
            elif self.chance(0.1):
                del way["path"]
                way["header"] = "X-Next"
        elif kind in {"next_url", "next_params"}:
            way["path"] = self.one_of("next", "meta.next")
        elif kind == "last_record":
            way |= {"path": habits.order.partition("_")[0], "into": "query.after"}
            if not habits.order.endswith("_down") and self.chance(0.3):
                way["plus"] = 1
        return way

    def changed(self, example: Example, expected: int) -> Example:
        """With one to five changes while it is read."""
        events: list[Event] = []
        for _ in range(self.whole(1, 5)):
            at, where = self.whole(1, expected), self.whole(0, 999)
            what = self.weighted({"insert": 3, "delete": 3, "update": 2, "move": 2, "renew": 1, "forget": 1})
            if what == "renew":  # the oldest goes, a new one comes
                last = self.one_of(0, 30)
                events += [Event(at=at, what="delete"), Event(at=at, what="insert", where=last)]
            else:
                events.append(Event(at=at, what=what, where=where))
        return replace(example, events=(*example.events, *sorted(events, key=lambda each: each.at)))

    def lying(self, example: Example, expected: int) -> Example:
        """With one or two lies."""
        weights = dict(_LIES)
        way = example.resource["pagination"]
        if "pages_path" in way:
            weights["short"] *= 3  # which only a size tells, where pages are counted
        if "more" in way or "done" in way:
            weights["lost_way"] *= 3  # which the marker tells
        if example.resource["records_path"] == "@":
            del weights["errors"]  # there is no place for them
        if example.kind == "none":
            for each in ("short", "dead_end", "lost_way"):
                del weights[each]
        events = [
            Event(at=self.whole(0, expected), what=self.weighted(weights), where=self.whole(0, 999))
            for _ in range(self.whole(1, 2))
        ]
        if example.kind == "none":
            del events[1:]  # blind spot: the same lie twice running, where there is but one place to ask
        taking = [event.at for event in events if event.what in {"short", "errors"}]
        if len(taking) == len(events) > 1 and abs(taking[0] - taking[1]) <= 1:
            del events[1:]  # blind spot: the same lie twice running
        if any(event.what == "errors" for event in events) and self.chance(0.5):
            rule = {"when": "errors", "action": "retry"}
            example = replace(example, resource={**example.resource, "errors": [rule]})
        return replace(example, events=(*example.events, *events))

    def mistaken(self, example: Example) -> Example:
        """With a description that is wrong."""
        way = example.resource["pagination"]
        mistakes = [*_ways_misnamed(example.kind, way), *_markers_misread(way)]
        others = [other for kind, other in _OTHERS.items() if kind != example.kind]
        if example.kind in {"cursor", "next_url", "link", "page", "offset"}:
            mistakes.append({"pagination": self.one_of(*others)})
        if example.kind in {"page", "offset"}:
            mistakes.append({"pagination.first": 1 - way["first"]})
        if "into" in way and example.kind != "next_params":
            mistakes.append({"pagination.into": f"{way['into']}_no"})
        if "page_size" in example.resource and example.kind != "offset":
            mistakes.append({"page_size.into": "query.size_no"})
        if "pages_path" in way and self.chance(0.6):
            pages_of = self.whole(example.limit + 1, 2 * example.limit + 2)
            count = max(example.count, example.limit + 1)
            return replace(example, count=count, habits=replace(example.habits, pages_of=pages_of))
        return replace(example, mistakes=self.one_of(*mistakes)) if mistakes else example

    def carried_out(self, example: Example, expected: int) -> Example:
        """By whom, and how often stopped on the way."""
        is_spoilt = example.family == "spoilt"
        if not is_spoilt and self.chance(0.15):
            example = replace(example, one_object=True, keys=False)
        if self.chance(0.08):
            example = replace(example, width=4)
        if not is_spoilt and not self.chance(0.35):
            return example
        stops = sorted({self.whole(1, expected + 2) for _ in range(self.whole(1, 2))})
        example = replace(example, stops=tuple(stops), gently=self.chance(0.3), goes_on=self.whole(0, 2))
        if is_spoilt:
            spoil = self.one_of("cut", "change", "drop", "copy", *(("cut_keys",) * 3 if example.keys else ()))
            example = replace(example, spoils=(spoil,))
        while_nobody_reads = stops[0] - 1 if not example.gently else stops[0]
        if example.family == "changes" and self.chance(0.4):
            what = self.one_of(("forget",), ("forget", "insert"), ("delete",), ("insert",))
            more = [Event(at=while_nobody_reads, what=each) for each in what]
            example = replace(example, events=(*example.events, *more))
        if "cut_keys" in example.spoils:  # what came before comes again
            more = [Event(at=while_nobody_reads, what="insert")]
            example = replace(example, events=(*example.events, *more))
        return example


def _looked_at(example: Example, expected: int) -> Example:
    """With every page asked for again where a sample has not room for all that came.

    Blind spot: a change between two pages of which none is looked at again (docs/evidence.md, "By a sample").
    """
    if example.family not in {"changes", "both", "spoilt"} or expected - 3 <= _SAMPLED_WHOLE:
        return example
    return replace(example, resource={**example.resource, "look_back": "all"})


_SAMPLED_WHOLE: Final = 2
"""Pages of which a run looks at each again, whatever else it has to ask for."""
_OTHERS: Final[dict[str, dict[str, Any]]] = {
    "page": {"type": "page", "into": "query.page"},
    "offset": {"type": "offset", "into": "query.offset"},
    "cursor": {"type": "cursor", "path": "next", "into": "query.cursor"},
    "next_url": {"type": "next_url", "path": "next"},
    "link": {"type": "link"},
}


def _ways_misnamed(kind: str, way: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What leads on is looked for where it is not."""
    if kind == "link":
        return [{"pagination.rel": "following"}]
    if kind not in {"cursor", "next_url", "next_params"}:
        return []
    wrong = "next" if way.get("path", "next").startswith("meta.") else "paging.next"
    return [{"pagination.path": wrong, "pagination.header": None}] * 2


def _markers_misread(way: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What says that more follows is taken for what says that nothing does."""
    pairs = (("more", "done"), ("done", "more"))
    return [
        {f"pagination.{it}": None, f"pagination.{other}": way[it]} for it, other in pairs if it in way
    ] * 2


def _by_post(said: dict[str, Any]) -> None:
    """Ask in a body instead of in the query."""
    said["method"] = "POST"
    way = said["pagination"]
    for holder in (way, said.get("page_size", {})):
        if "into" in holder:
            holder["into"] = holder["into"].replace("query.", "json.")
    if way["type"] == "next_params":
        way["into"] = "json"
