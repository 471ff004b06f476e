"""The least example that ends as a given one does: everything taken away from it that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, replace

from tests.invented.source import Habits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.invented.examples import Example
    from tests.invented.source import Event

_OPTIONAL = ("total_path", "total_is", "window", "count", "errors", "method")
_OPTIONAL_WAYS = ("more", "done", "pages_path", "echo_path", "ends_empty", "first", "plus", "header")


_PLAIN: dict[str, Any] = {
    "events": (),
    "mistakes": {},
    "stops": (),
    "spoils": (),
    "goes_on": 0,
    "width": 1,
    "gently": False,
    "one_object": False,
    "keys": False,
    "part_pages": 1,
}


def smaller(example: Example) -> Iterator[Example]:
    """Each a step smaller, the larger steps first."""
    for name, value in _PLAIN.items():
        if getattr(example, name) != value:
            yield replace(example, **{name: value})
    for name, least in (("count", 0), ("limit", 1)):
        now = getattr(example, name)
        steps = sorted({least, least + 1, now // 2, now - 1})
        yield from (replace(example, **{name: step}) for step in steps if least <= step < now)
    yield from _with_less_happening(example)
    usual = Habits()
    for name, value in asdict(example.habits).items():
        if value != getattr(usual, name):
            yield replace(example, habits=replace(example.habits, **{name: getattr(usual, name)}))
    yield from _plainer(example)


def _with_less_happening(example: Example) -> Iterator[Example]:
    for name in ("events", "stops"):
        parts = getattr(example, name)
        yield from (replace(example, **{name: parts[:n] + parts[n + 1 :]}) for n in range(len(parts)))
    for n, event in enumerate(example.events):
        for smaller in _smaller_events(event):
            yield replace(example, events=(*example.events[:n], smaller, *example.events[n + 1 :]))
    for n, stop in enumerate(example.stops):
        if stop > 1 and stop - 1 not in example.stops:
            yield replace(example, stops=(*example.stops[:n], stop - 1, *example.stops[n + 1 :]))


def _smaller_events(event: Event) -> Iterator[Event]:
    for where in dict.fromkeys((0, 1, event.where % 31, event.where // 2)):
        if where < event.where:
            yield replace(event, where=where)
    if event.at > 0:
        yield replace(event, at=event.at - 1)


def _plainer(example: Example) -> Iterator[Example]:
    """With less in its description."""
    said = example.resource
    for name in _OPTIONAL:
        if name in said and not (name == "method" and "json." in str(said)):
            yield replace(example, resource={key: value for key, value in said.items() if key != name})
    way = said["pagination"]
    for name in _OPTIONAL_WAYS:
        if name in way:
            fewer = {key: value for key, value in way.items() if key != name}
            yield replace(example, resource={**said, "pagination": fewer})
