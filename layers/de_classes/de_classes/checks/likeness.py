"""What in a source's answer looks like records, a total, a way on, an end marker, a key, or a time.

Nothing here is ever relied on: it is what a message names where a description is wrong.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from de_classes.api.pagination.followed import next_links
from de_classes.utils.paths import WHOLE, plain_names
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DEPTH: Final = 6
_RECORD_DEPTH: Final = 3
_LONGEST_KEY: Final = 128
_SECONDS: Final = range(1_000_000_000, 4_000_000_000)  # 2001 to 2096
_WAY_ON: Final = re.compile(r"next|cursor|continu|after|token|scroll|bookmark|offset|marker", re.IGNORECASE)
_NO_WAY_ON: Final = re.compile(
    r"prev|before|first|self|current|start|\bhas|has_|access|refresh|count|total|size|type|limit",
    re.IGNORECASE,
)
_TOTAL: Final = re.compile(r"total|count|found|hits|matches|num", re.IGNORECASE)
_LIMIT: Final = re.compile(
    r"rate-?limit|remaining|call-limit|limit-(?:reset|info)|quota|used-weight|retry-after"
)
_KEY: Final = re.compile(r"(?:.*[_-])?(?:id|uuid|guid|key|number)|.*I[dD]|id", re.ASCII)
_UPDATED: Final = re.compile(r"updat|modif|modstamp|chang|edited|touched", re.IGNORECASE)
_TYPES: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
    type(None): "null",
}


class Likely(Value):
    """Something in an answer that looks like what is sought.

    Attributes:
        path: Where it stands, as a description would say it.
        what: What it is, for a message.
        value: Itself; None where it need not be known.
    """

    path: str
    what: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.path} ({self.what})"


def leaves(value: object, *, lists: bool = False) -> Iterator[tuple[str, Any]]:
    """Every path in the objects of an answer, with what stands there; lists are not gone into.

    Args:
        value: The answer.
        lists: Whether lists and objects themselves are among them.
    """
    if lists and isinstance(value, list):
        yield WHOLE, value
    yield from _below(value, "", lists, _DEPTH)


def _below(value: object, above: str, lists: bool, depth: int) -> Iterator[tuple[str, Any]]:  # noqa: FBT001 - inner
    if not isinstance(value, dict) or not depth:
        return
    for name, item in value.items():
        path = above + (name if plain_names(name) == (name,) else json.dumps(name))
        if lists or not isinstance(item, list | dict):
            yield path, item
        yield from _below(item, f"{path}.", lists, depth - 1)


def record_lists(answer: object) -> list[Likely]:
    """Lists of objects, those with the most first; then lists of lists, and objects of objects."""
    found: list[tuple[int, int, Likely]] = []
    for path, value in leaves(answer, lists=True):
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            found.append((0, -len(value), Likely(path, f"a list of {len(value)} objects", "list")))
        elif isinstance(value, list) and value and all(isinstance(item, list) for item in value):
            found.append(
                (
                    1,
                    -len(value),
                    Likely(path, f"a list of {len(value)} lists, whose places need names", "lists"),
                )
            )
        elif (
            isinstance(value, dict)
            and len(value) > 1
            and all(isinstance(item, dict) for item in value.values())
        ):
            said = f'an object of {len(value)} objects, for records_are = "values"'
            found.append((2, -len(value), Likely(path, said, "values")))
    return [likely for *_, likely in sorted(found, key=lambda each: each[:2])]


def objects(answer: object) -> list[Likely]:
    """Objects that may be the one record: the answer itself first."""
    found = [
        (path, value)
        for path, value in [(WHOLE, answer), *leaves(answer, lists=True)]
        if isinstance(value, dict)
    ]
    return [Likely(path, f"an object of {len(value)} fields", "object") for path, value in found if value]


def ways_on(answer: object, headers: Mapping[str, str]) -> list[Likely]:
    """What may lead to the next page, the likeliest first: tokens, addresses, parameters, headers."""
    found: list[tuple[int, Likely]] = []
    for path, value in leaves(answer, lists=True):
        name, is_text = path.lower(), isinstance(value, str) and value != ""
        likeness = _WAY_ON.search(name)
        if likeness is None or _NO_WAY_ON.search(name):
            continue
        order = 0 if "next" in name else 1 if "cursor" in name or "continu" in name else 2
        if is_text and re.match(r"https?://|/", value):
            found.append((order, Likely(path, "an address")))
        elif is_text or (isinstance(value, int) and not isinstance(value, bool)):
            found.append((order, Likely(path, "a text" if is_text else "a number")))
        elif isinstance(value, dict) and value and not _holds_more(value):
            is_whole = "continu" in name  # all of it goes into the next request
            what = f"an object of {', '.join(list(value)[:4])}"
            found.append((-1 if is_whole else order + 3, Likely(path, what)))
    if next_links(headers.get("link") or ""):
        found.append((-1, Likely("the Link header", 'with rel="next"')))
    named = (name for name in headers if re.search(r"cursor|next-page|continuation|page-token", name))
    found += ((1, Likely(f"header {name}", "a header")) for name in named)
    return [likely for _, likely in sorted(found, key=lambda each: each[0])]


def _holds_more(value: Mapping[str, Any]) -> bool:
    return any(isinstance(item, dict | list) for item in value.values())


def totals(answer: object, records: int) -> list[Likely]:
    """Whole numbers that may be the count of all records, the likeliest first.

    Args:
        answer: The source's.
        records: How many came with it.
    """
    found = [
        ("total" not in path.lower(), Likely(path, str(value), value))
        for path, value in leaves(answer)
        if isinstance(value, int)
        and not isinstance(value, bool)
        and value >= records
        and _TOTAL.search(path)
        and not re.search(
            r"pages?\Z|(?<!total)(?<!total_)size|limit|page_?count|per_?page", path, re.IGNORECASE
        )
    ]
    return [likely for _, likely in sorted(found, key=lambda each: each[0])]


def page_counts(answer: object) -> list[Likely]:
    """Whole numbers that may be the count of all pages."""
    return [
        Likely(path, str(value), value)
        for path, value in leaves(answer)
        if isinstance(value, int)
        and not isinstance(value, bool)
        and re.search("page", path, re.IGNORECASE)
        and re.search("total|count|pages|last", path, re.IGNORECASE)
        and not re.search("size|per_?page", path, re.IGNORECASE)
    ]


def booleans(answer: object) -> dict[str, bool]:
    """Every boolean of an answer by its path."""
    return {path: value for path, value in leaves(answer) if isinstance(value, bool)}


def limit_headers(headers: Mapping[str, str], named: str | None = None) -> dict[str, str]:
    """The headers that tell of a limit on requests.

    Args:
        headers: Of an answer, names in lower case.
        named: The one that a description names.
    """
    own = (named or "").lower()
    return {name: value for name, value in headers.items() if name == own or _LIMIT.search(name)}


def types_of(records: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The fields of records in the order in which they come, with the types of their values."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.items():
            found.setdefault(name, {})[_TYPES.get(type(value), "string")] = None
    return {name: tuple(sorted(types, key=lambda each: each == "null")) for name, types in found.items()}


def keys(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fields that look like a key: a text or whole number in every record, and none twice.

    Where some are named like a key, only those.
    """
    if not records:
        return []
    found = [name for name in records[0] if _is_key([record.get(name) for record in records])]
    return [name for name in found if _KEY.fullmatch(name)] or found


def _is_key(values: list[Any]) -> bool:
    if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in values):
        return False
    is_long = any(isinstance(value, str) and len(value) > _LONGEST_KEY for value in values)
    return not is_long and len(set(values)) == len(values) and not all(map(is_time, values))


def update_times(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Paths of fields that are named like the moment of the last change, and hold nothing but moments."""
    found: dict[str, list[Any]] = {}
    for record in records:
        for path, value in _below(record, "", False, _RECORD_DEPTH):  # noqa: FBT003 - no lists
            if _UPDATED.search(path.rpartition(".")[2]) and value is not None:
                found.setdefault(path, []).append(value)
    return [path for path, values in found.items() if all(map(is_time, values))]


def is_time(value: object) -> bool:
    """Whether a value is a moment as APIs spell it: ISO 8601, or seconds or milliseconds since the epoch."""
    if isinstance(value, str):
        if not re.match(r"\d{4}-\d{2}-\d{2}", value):
            return False
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return int(value) in _SECONDS or int(value) // 1000 in _SECONDS
