"""A paginated API whose ways can be chosen, and the description that fits it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from de_classes.api.source import Source
from de_classes.api.source.loading import parse_sources
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.api.messages import HttpRequest
    from de_classes.api.source import Resource
    from tests.fakes.transports import Answer

BASE = "https://api.listing.example"
TOKEN = "the-right-token"
_PAGINATION: dict[str, dict[str, Any]] = {
    "cursor": {"type": "cursor", "path": "meta.next_cursor", "into": "query.cursor"},
    "next_url": {"type": "next_url", "path": "meta.next"},
    "link": {"type": "link"},
    "page": {"type": "page", "into": "query.page"},
    "offset": {"type": "offset", "into": "query.offset"},
    "last_record": {"type": "last_record", "path": "id", "into": "query.after"},
}


class ListingApi(FakeTransport):
    """``count`` records with ``id``, ``name``, ``size`` and ``updated_at``, by one way from page to page.

    Args:
        way: One of ``_PAGINATION``.
        count: Records in all.
        cap: The most in a page; what asks for more gets so many.
        refuses: The most in a page; what asks for more is refused.
        default: In a page where nobody says how many.
        first: The number of the first page, or record.
        clamps: Whether a place before the first or behind the last is taken for that one.
        total: ``all``, or ``page``: the page's own count.
        next_origin: Where the next address leads.
    """

    def __init__(
        self,
        way: str = "cursor",
        count: int = 45,
        *,
        cap: int | None = None,
        refuses: int | None = None,
        default: int = 30,
        first: int | None = None,
        clamps: bool = False,
        total: str = "all",
        next_origin: str = BASE,
    ) -> None:
        super().__init__(self._answer_to)
        self.way, self.count, self.cap, self.refuses, self.default = way, count, cap, refuses, default
        self.first = {"page": 1}.get(way, 0) if first is None else first
        self.clamps, self.total, self.next_origin = clamps, total, next_origin
        self.extra: dict[str, Any] = {}

    def record(self, number: int) -> dict[str, Any]:
        """One of the records, by its place from 0."""
        name = None if number == 1 else f"item {number}"
        return {
            "id": 1000 + number,
            "name": name,
            "size": number % 7 / 2,
            "owner": {"login": "ada"},
            "updated_at": f"2026-01-{1 + number % 28:02d}T00:00:00Z",
        }

    def _answer_to(self, request: HttpRequest) -> Answer:
        query = {**dict(parse_qsl(urlsplit(request.url).query)), **request.params}
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return json_response({"message": "no such token"}, 401)
        size = int(query.get("limit", self.default))
        if self.refuses is not None and size > self.refuses:
            return json_response({"message": f"limit is {self.refuses} at the most"}, 400)
        size = min(size, self.cap or size)
        start = self._start(query, size)
        if start is None:
            return json_response({"message": "no such page"}, 404)
        stop = min(start + size, self.count)
        records = [self.record(number) for number in range(start, stop)]
        is_last = stop >= self.count
        total = self.count if self.total == "all" else len(records)
        next_url = f"{self.next_origin}/items?limit={size}&cursor={stop}"
        meta = {
            "total": total,
            "has_more": not is_last,
            "always": True,
            "next_cursor": None if is_last or self.way != "cursor" else str(stop),
            "next": None if is_last or self.way != "next_url" else next_url,
        }
        headers = {"x_ratelimit_remaining": "99", "x_ratelimit_limit": "100"}
        if self.way == "link" and not is_last:
            headers["link"] = f'<{next_url}>; rel="next"'
        return json_response({"items": records, "meta": meta, **self.extra}, **headers)

    def _start(self, query: dict[str, str], size: int) -> int | None:
        if self.way in {"page", "offset"}:
            unit = size if self.way == "page" else 1
            start = (int(query.get(self.way, self.first)) - self.first) * unit
            if self.clamps:
                last = (self.count - 1) // size * size
                return min(max(start, 0), last)
            return None if start < 0 else start
        if self.way == "last_record":
            return int(query["after"]) - 999 if "after" in query else 0
        return int(query.get("cursor", 0))


def described(way: str = "cursor", changes: dict[str, Any] | None = None, **source: Any) -> Resource:
    """The resource ``listing.items`` as it is, with changes by path, such as ``{"pagination.more": "x"}``.

    Args:
        way: See ``ListingApi``.
        changes: Paths to values; None leaves a name out.
        source: Fields of the source itself.
    """
    content = json.dumps(_file(way, changes or {}, source)).encode()
    return Source(parse_sources(content, ".json", name="listing.json"))["listing.items"]


def write_description(folder: Path, **changes: Any) -> Path:
    """The same for a cursor, as a file in a folder."""
    path = folder / "listing.json"
    path.write_text(json.dumps(_file("cursor", changes, {})), encoding="utf-8")
    return path


def _file(way: str, changes: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "path": "/items",
        "records_path": "items",
        "total_path": "meta.total",
        "page_size": {"into": "query.limit", "max": 20},
        "pagination": dict(_PAGINATION[way]),
        "primary_key": ["id"],
    }
    for path, value in changes.items():
        *above, name = path.split(".")
        place = resource
        for each in above:
            place = place[each]
        place[name] = value
        if value is None:
            del place[name]
    listing = {
        "base_url": BASE,
        "auth": {"type": "bearer", "token": "${secret.token}"},
        **source,
        "resources": {"items": resource},
    }
    return {"version": 1, "sources": {"listing": listing}}
