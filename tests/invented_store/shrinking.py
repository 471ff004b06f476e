"""The least example that ends as a given one does: everything taken away from it that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.invented_store.examples import Example

_PLAIN: Final[dict[str, Any]] = {
    "troubles": (),
    "switches": (),
    "meets": "",
    "yesterday": False,
    "cleans": False,
    "runners": 1,
    "rivals": False,
    "partial": False,
    "refused": (),
    "goes": 1,
    "repeats": (),
    "late": 0,
    "keys": False,
    "format": "jsonl",
    "kind": "page",
    "part_pages": (1,),
}


def smaller(example: Example) -> Iterator[Example]:
    """Each a step smaller, the larger steps first."""
    for name, value in _PLAIN.items():
        if getattr(example, name) != value:
            yield replace(example, **{name: value})
    for name in ("troubles", "switches", "repeats"):
        parts = getattr(example, name)
        if len(parts) > 3:
            yield replace(example, **{name: parts[: len(parts) // 2]})
            yield replace(example, **{name: parts[len(parts) // 2 :]})
        yield from (replace(example, **{name: parts[:n] + parts[n + 1 :]}) for n in range(len(parts)))
    for name, least in (("count", 1), ("goes", 1)):
        now = getattr(example, name)
        steps = sorted({least, now // 2, now - 1})
        yield from (replace(example, **{name: step}) for step in steps if least <= step < now)
    for n, trouble in enumerate(example.troubles):
        if trouble.times > 1:
            smaller = replace(trouble, times=trouble.times // 2)
            yield replace(example, troubles=(*example.troubles[:n], smaller, *example.troubles[n + 1 :]))
