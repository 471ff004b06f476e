"""Where in an answer records, totals, marks of the end and ways on stand: by its shape and names alone."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urljoin, urlsplit

from de_classes.api.messages import origin
from de_classes.api.pagination.followed import next_links
from de_classes.utils.paths import MISSING, find, plain_names
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Keys = tuple[str, ...]

SIZE_NAMES: Final = (
    "limit", "per_page", "page_size", "pageSize", "rows", "maxResults", "max_results", "count",
    "size", "per-page",
    "page[size]", "max", "$limit", "perPage", "$top", "first", "pagesize", "results_per_page", "top", "num",
)  # fmt: skip
BODY_SIZE_NAMES: Final = (
    "limit", "page_size", "pagination.per_page", "maxResults", "pageSize", "per_page", "size",
    "pagination.limit",
    "page.size", "pagination.page_size", "count",
)  # fmt: skip
OFFSET_NAMES: Final = (
    "offset",
    "skip",
    "start",
    "startAt",
    "from",
    "$offset",
    "$skip",
    "start_index",
    "startIndex",
)
PAGE_NAMES: Final = ("page", "page_number", "pageNumber", "page[number]", "p", "pageNo", "pageIndex")
AFTER_NAMES: Final = (
    "starting_after",
    "after",
    "after_id",
    "since_id",
    "last_id",
    "fromId",
    "from_id",
    "cursor",
)
BACKWARD_NAMES: Final = ("until", "before", "to", "end_time", "endTime", "max_time")
FORWARD_NAMES: Final = ("since", "startTime", "start_time", "from", "after", "min_time")
PARTNERS: Final = {
    "$limit": ("$offset",), "$top": ("$skip",), "rows": ("start", "offset"), "maxResults": ("startAt",),
    "max_results": ("start", "page"), "limit": ("offset", "skip", "start", "page"), "per_page": ("page",),
    "per-page": ("page",), "pageSize": ("page", "pageNumber", "pageIndex"),
    "page_size": ("page", "page_number"),
    "size": ("page", "from"), "count": ("offset", "start", "startIndex"), "page[size]": ("page[number]",),
    "perPage": ("page",), "top": ("skip",),
}  # fmt: skip
"""What goes with a page size of that name."""

_NEXT: Final = re.compile(r"next|(?:^|[._-])after|continu|more", re.IGNORECASE)
_TOKEN: Final = re.compile(r"next|after|cursor|continu|token|offset|scroll|bookmark|marker", re.IGNORECASE)
_NO_TOKEN: Final = re.compile(
    r"prev|before|^first|^last|self|has|^is|total|count|limit|start_?cursor|end_?of|size|more|previous",
    re.IGNORECASE,
)
_TOTAL: Final = re.compile(
    r"total|count|num_?found|found|hits|size|total_?(?:results|records|items|count|size)|matches",
    re.IGNORECASE,
)
_PAGES: Final = re.compile(
    r"(?:total|num|number|count)[._-]?(?:of)?[._-]?pages|pages?[._-]?(?:count|total)|last_?page|^pages$",
    re.IGNORECASE,
)
_NO_TOTAL: Final = re.compile(
    r"page|per|limit|offset|start|index|remaining|status|code|time|took|size$", re.IGNORECASE
)
_MORE: Final = re.compile(
    r"has_?(?:more|next)(?:_?(?:page|pages|items|results))?|more|more_?(?:records|items|results|pages)|(?:is_?)?truncated",
    re.IGNORECASE,
)
_DONE: Final = re.compile(
    r"(?:is_?)?(?:last|done|final|complete|completed|finished)(?:_?page)?|end_?of_?(?:stream|records|list|results)",
    re.IGNORECASE,
)
ASIDE: Final = re.compile(
    r"error|facet|link|include|warning|aggregat|meta|field|column|schema|filter", re.IGNORECASE
)
_USUAL: Final = (
    "data",
    "results",
    "items",
    "records",
    "values",
    "entries",
    "rows",
    "value",
    "objects",
    "docs",
    "nodes",
)
_DEPTH: Final = 6
_KEY_NAMES: Final = ("id", "Id", "ID", "_id", ":id", "uuid", "guid", "gid", "key", "number", "@id", "sid")
_KEY_ENDING: Final = re.compile(r".*(?:_id|Id|ID|id)|DOI|doi|name|slug")
_TIME: Final = re.compile(
    r".*(?:created|updated|time|date|timestamp|_at|At)\b.*|.*(?:At|Time|Date)", re.IGNORECASE
)
_EPOCH: Final = 1_000_000_000


class Records(Value):
    """A place where records may stand.

    Attributes:
        path: Of the place.
        are: As a description says it: ``list``, ``values``, ``object``.
        rows: What stands there.
        width: Of a list of lists, how many places each has; else 0.
    """

    path: Keys
    are: str
    rows: list[Any]
    width: int = 0


class Way(Value):
    """A guess of what leads to the next page.

    Attributes:
        pagination: As a description says it, the marks of the end aside.
        seen: What speaks for it.
    """

    pagination: dict[str, Any]
    seen: str


def joined(path: Keys) -> str:
    """A path as a description spells it: a name that needs it is quoted, as JMESPath does."""
    return ".".join(_quoted(name) for name in path) or "@"


def _quoted(name: str) -> str:
    if plain_names(name) == (name,):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def inside(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:  # noqa: ANN401 - a JSON value
    """Everything in an answer with its path, from the top down; lists are not entered."""
    yield path, value
    if isinstance(value, dict) and len(path) < _DEPTH:
        for name, item in value.items():
            if name:
                yield from inside(item, (*path, name))


def places(value: Any) -> list[Records]:  # noqa: ANN401 - a JSON value
    """Where records may stand, the likeliest first; the answer itself if there is nothing like them."""
    found = []
    for path, item in inside(value):
        if isinstance(item, list):
            objects = sum(isinstance(each, dict) for each in item)
            widths = {len(each) for each in item if isinstance(each, list)}
            is_table = (
                bool(item)
                and objects == 0
                and len(widths) == 1
                and all(isinstance(each, list) for each in item)
            )
            if objects == len(item) or is_table:
                found.append(Records(path, "list", item, widths.pop() if is_table else 0))
    full = [each for each in found if each.rows]
    if not full:
        full = [Records(path, "values", list(item.values())) for path, item in inside(value) if _is_map(item)]
    if full or found:
        return sorted(full or found, key=_rank)
    return [Records((), "object", [value])] if isinstance(value, dict) else []


def single(value: Any) -> list[Records]:  # noqa: ANN401 - a JSON value
    """XML's one record of a feed, which is no list for being alone."""
    return [
        Records(path, "list", [item])
        for path, item in inside(value)
        if path and path[-1] in {"entry", "item", "record", "row"} and isinstance(item, dict)
    ][:1]


def telling_name(records: Records) -> str | None:
    """What the place of the records calls them, if that says more than "data"."""
    last = records.path[-1] if records.path else ""
    return (
        last
        if re.fullmatch(r"[A-Za-z_]{3,40}", last) and last.lower() not in {*_USUAL, "entry", "list"}
        else None
    )


def _rank(records: Records) -> tuple[object, ...]:
    last = records.path[-1] if records.path else ""
    is_aside = any(ASIDE.search(name) for name in records.path)
    return (
        is_aside,
        -min(len(records.rows), 2),
        last not in _USUAL and bool(last),
        len(records.path),
        -len(records.rows),
    )


def _is_map(value: Any) -> bool:  # noqa: ANN401 - a JSON value
    """Whether it is an object of objects that are alike."""
    if (
        not isinstance(value, dict)
        or len(value) < 2  # noqa: PLR2004 - one object alone is like itself
        or not all(isinstance(item, dict) and item for item in value.values())
    ):
        return False
    keys = [set(item) for item in value.values()]
    return len(set.intersection(*keys)) * 2 > max(map(len, keys))


def outside(value: Any, records: Records) -> Iterator[tuple[Keys, Any]]:  # noqa: ANN401 - a JSON value
    """What stands in an answer besides its records."""
    if records.are == "object":
        return
    for path, item in inside(value):
        if path and path[: len(records.path)] != records.path:
            yield path, item


def marks(value: Any, records: Records) -> list[tuple[str, str]]:  # noqa: ANN401 - a JSON value
    """Booleans that say whether another page follows, as they are where one does: ``("more", path)``."""
    found = []
    for path, item in outside(value, records):
        flag = {"true": True, "false": False}.get(item.lower()) if isinstance(item, str) else item
        if flag is True and _MORE.fullmatch(path[-1]):
            found.append(("more", joined(path)))
        elif flag is False and _DONE.fullmatch(path[-1]):
            found.append(("done", joined(path)))
    return found


def says_end(value: Any, records: Records) -> bool:  # noqa: ANN401 - a JSON value
    """Whether a boolean says that no other page follows."""
    return any(
        (item is False and _MORE.fullmatch(path[-1])) or (item is True and _DONE.fullmatch(path[-1]))
        for path, item in outside(value, records)
    )


def totals(value: Any, records: Records) -> list[tuple[str, int]]:  # noqa: ANN401 - a JSON value
    """Numbers that may count all records, the likeliest first."""
    found = [
        (path, number)
        for path, item in outside(value, records)
        if (number := _number(item)) is not None
        and _TOTAL.search(path[-1])
        and not _NO_TOTAL.search(path[-1].replace("totalSize", ""))
    ]
    found.sort(key=lambda each: ("total" not in each[0][-1].lower(), len(each[0])))
    return [(joined(path), number) for path, number in found]


def page_counts(value: Any, records: Records) -> list[tuple[str, int]]:  # noqa: ANN401 - a JSON value
    """Numbers that may count all pages."""
    return [
        (joined(path), number)
        for path, item in outside(value, records)
        if (number := _number(item)) is not None and _PAGES.fullmatch(path[-1])
    ]


def size_hints(value: Any, headers: Mapping[str, str], params: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - a JSON value
    """Names of a page size that question, Link header, addresses in the answer or an echo speak for."""
    known = {re.sub(r"[^a-z$]", "", name.lower()): name for name in reversed(SIZE_NAMES)}
    hints = [name for name in params if name in SIZE_NAMES]
    addresses = re.findall(r"<([^>]*)>", headers.get("link", ""))
    for path, item in inside(value):
        if isinstance(item, str) and path and "?" in item:
            addresses.append(item)
        elif isinstance(item, dict) and path and re.search("continu", path[-1], re.IGNORECASE):
            # MediaWiki: what goes on by apcontinue is sized by aplimit
            hints += [
                f"{name[: -len('continue')]}limit" for name in item if re.fullmatch(r"[a-z]+continue", name)
            ]
        elif _number(item) is not None and path:
            name = known.get(re.sub(r"[^a-z$]", "", path[-1].lower()))
            hints += (
                [name]
                if name and path[-1] not in {"count", "size", "first", "max", "num", "top", "rows"}
                else []
            )
            hints += ["max_results"] if path[-1] == "itemsPerPage" else []
            hints += ["rows"] if path[-1] == "items-per-page" else []
    names = [name for address in addresses for name, _ in parse_qsl(urlsplit(address).query)]
    hints += [name for name in names if name in SIZE_NAMES]
    if any(name.startswith("$") for name in params):
        hints += ["$limit", "$top"]
    return list(dict.fromkeys(hints))


def ways(
    value: Any,  # noqa: ANN401 - a JSON value
    headers: Mapping[str, str],
    records: Records,
    *,
    url: str,
    size: str | None,
    place: str,
) -> Iterator[Way]:
    """What an answer itself says of the next page, the surest first.

    Args:
        value: The answer.
        headers: Its headers.
        records: Where its records stand.
        url: Where it came from.
        size: Where the page size goes, such as ``query.limit``; None if that is not known.
        place: ``query`` or ``json``.
    """
    if next_links(headers.get("link", "")):
        yield Way({"type": "link"}, 'a Link header with rel="next"')
    around = list(outside(value, records))
    for path, item in around:
        if (
            isinstance(item, dict)
            and item
            and re.search("continu", path[-1], re.IGNORECASE)
            and _are_plain(item)
        ):
            yield Way({"type": "next_params", "path": joined(path)}, f"an object at {joined(path)}")
    for path, item in around:
        if isinstance(item, str) and any(_NEXT.search(name) for name in path) and _leads_on(item, url):
            yield Way({"type": "next_url", "path": joined(path)}, f"an address at {joined(path)}")
    parent = (size or place).rpartition(".")[0] or place
    tokens = [(path, item) for path, item in around if _is_token(path, item)]
    tokens.sort(key=lambda each: ("next" not in joined(each[0]).lower(), len(each[0])))
    for path, item in tokens:
        for name in _token_names(path):
            yield Way(
                {"type": "cursor", "path": joined(path), "into": f"{parent}.{name}"},
                f"{'a number' if _number(item) is not None else 'a text'} at {joined(path)}",
            )


def _are_plain(value: Mapping[str, Any]) -> bool:
    return all(isinstance(item, str | int) for item in value.values())


def _leads_on(text: str, url: str) -> bool:
    if not re.match(r"https?://|/|\?", text):
        return False
    return origin(urljoin(url, text)) == origin(url)


def _is_token(path: Keys, item: Any) -> bool:  # noqa: ANN401 - a JSON value
    last = path[-1]
    is_named = _TOKEN.search(last) or (
        last.lower() in {"page", "start", "id"} and any("next" in name.lower() for name in path[:-1])
    )
    if not is_named or _NO_TOKEN.search(last) or any(re.search("prev", name, re.IGNORECASE) for name in path):
        return False
    if isinstance(item, str):
        return bool(item) and not re.match(r"https?://", item)
    return (
        isinstance(item, int) and not isinstance(item, bool) and any("next" in name.lower() for name in path)
    )


def _token_names(path: Keys) -> list[str]:
    """Where a token may go, by the name under which it came."""
    last = path[-1]
    bare = re.sub(r"^(?:next|end)[_-]?", "", last, flags=re.IGNORECASE)
    bare = bare[:1].lower() + bare[1:]
    known = {
        "endCursor": ["after"],
        "next-cursor": ["cursor"],
        "after_cursor": ["cursor", "after", "page[after]"],
        "next_cursor": ["cursor", "start_cursor", "next_cursor", "after"],
        "nextPageToken": ["pageToken", "nextPageToken"],
        "next": ["cursor", "next", "after", "page_token", "offset"],
    }.get(last)
    common = ["cursor", "after", "page_token", "start_cursor"]
    return list(dict.fromkeys(name for name in (known or [bare, last, *common]) if name))[:6]


def finder_value(value: Any, path: str) -> Any:  # noqa: ANN401 - a JSON value
    """What stands at a path, or None."""
    found = find(value, path)
    return None if found is MISSING else found


def keys_of(rows: Sequence[Any], resource: str) -> str | None:
    """The field that tells records apart, as far as they show it."""
    objects = [row for row in rows if isinstance(row, dict)]
    if not objects or len(objects) != len(rows):
        return None
    one = resource.rstrip("s").lower()
    names = list(objects[0])
    own = [name for name in names if name.lower().replace("_", "") in {f"{one}id", f"{one}key"}]
    usual = [name for name in _KEY_NAMES if name in names]
    for name in dict.fromkeys([*usual, *own, *(name for name in names if _KEY_ENDING.fullmatch(name))]):
        values = [row.get(name) for row in objects]
        if all(isinstance(each, str | int) and not isinstance(each, bool) for each in values) and len(
            set(values)
        ) == len(values):
            return str(name)
    return None


def ordered_fields(rows: Sequence[Any]) -> Iterator[tuple[str, int]]:
    """Fields that rise (1) or fall (-1) from record to record, as a moment or a number of records does."""
    objects = [row for row in rows if isinstance(row, dict)]
    if len(objects) < 3 or len(objects) != len(rows):  # noqa: PLR2004 - two are always in some order
        return
    fields = sorted(objects[0], key=lambda name: (not _TIME.fullmatch(name), name.lower() != "id"))
    for name in fields:
        values = [row.get(name) for row in objects]
        if not all(isinstance(each, int) and not isinstance(each, bool) for each in values):
            continue
        numbers = [each for each in values if isinstance(each, int)]
        is_moment = min(numbers) >= _EPOCH
        if not is_moment and not _KEY_ENDING.fullmatch(name):
            continue
        steps = {(after > before) - (after < before) for before, after in itertools.pairwise(numbers)}
        if steps in ({1}, {-1}):
            yield name, steps.pop()


def _number(item: Any) -> int | None:  # noqa: ANN401 - a JSON value
    if isinstance(item, bool):
        return None
    if isinstance(item, str):
        return int(item) if item.isascii() and item.isdigit() and len(item) < 16 else None  # noqa: PLR2004 - beyond any count
    if isinstance(item, dict) and set(item) >= {"#text"}:
        return _number(item["#text"])
    return item if isinstance(item, int) else None
