"""An API of a few records by any way from page to page, that may tell of its end, or lie, or change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import structs

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint, PageSize, no_auth
from de_classes.api.pagination import (
    CursorPagination,
    LastRecordPagination,
    LinkHeaderPagination,
    NextParamsPagination,
    NextUrlPagination,
    OffsetPagination,
    OnePagePagination,
    PageNumberPagination,
)
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import DeClassesError
from de_classes.utils.clock import ManualClock
from de_classes.utils.run_records import RunState
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from de_classes.api.evidence import Evidence
    from de_classes.api.messages import HttpRequest, HttpResponse
    from de_classes.api.page_pass import PagePass
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.utils.run_records import PageEntry
    from tests.fakes.transports import Answer

URL = "https://api.provable.example/items"
COUNT = f"{URL}/count"
LIMIT = 4
WAYS: dict[str, PaginationStrategy] = {
    "page": PageNumberPagination(),
    "offset": OffsetPagination(),
    "cursor": CursorPagination(path="meta.next"),
    "next_url": NextUrlPagination(path="meta.next"),
    "link": LinkHeaderPagination(),
    "last_record": LastRecordPagination(path="id", into="query.after"),
    "next_params": NextParamsPagination(path="meta.next"),
}
RECKONED = ("page", "offset")
TOLD = ("cursor", "next_url", "link", "next_params")
"""Ways on that stand in the answer."""

Spoil = dict[str, Any]


class ProvableApi(FakeTransport):
    """Records ``{"id": n, "name": ...}`` from 1; ``meta`` holds what it tells of the rest.

    Args:
        way: One of ``WAYS``.
        ids: The records, or how many.
        tells: ``total``, ``page total`` (the page's own count), ``marker``, ``full`` (a marker that says only
            whether the page is full), or nothing.
        cap: The most in a page, whatever is asked for.
        spoils: By the number of the request, from 1, what is laid over the answer's ``meta``; ``None`` takes
            a name away. ``status`` and ``link`` are the answer's, ``ids`` its records, ``beside`` what stands
            beside them.
        always: The same, of every answer.
        beyond: The status of what is asked for past the end; an empty page unless given.
        counts: How many records its request that counts says there are, one after the other; as many as there
            are unless given.
        before: Called with the number of each request before it is answered; it may change ``ids``.
    """

    def __init__(
        self,
        way: str,
        ids: int | Iterable[int],
        *,
        tells: Iterable[str] = (),
        cap: int | None = None,
        spoils: dict[int, Spoil] | None = None,
        always: Spoil | None = None,
        beyond: int = 200,
        counts: Iterable[int] = (),
        before: Callable[[int, ProvableApi], None] | None = None,
    ) -> None:
        self._counts = list(counts)
        self._beyond = beyond
        super().__init__(self._answer_to)
        self.way = way
        self.ids = list(range(1, ids + 1)) if isinstance(ids, int) else list(ids)
        self._tells = frozenset(tells)
        self._cap = cap
        self._spoils = spoils or {}
        self._always = always or {}
        self._before = before or (lambda _, __: None)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The place and the size of every request."""
        queries = map(_query, self.requests)
        names = {"page": "page", "offset": "offset", "last_record": "after"}
        return [(query.get(names.get(self.way, "cursor"), ""), query.get("limit", "")) for query in queries]

    def _answer_to(self, request: HttpRequest) -> Answer:
        asked = len(self.requests)
        self._before(asked, self)
        if request.url == COUNT:
            return json_response({"count": self._counts.pop(0) if self._counts else len(self.ids)})
        query = _query(request)
        size = min(int(query.get("limit", 100)), self._cap or 10**9)
        start = self._start(query, size)
        if start < 0 or (start >= len(self.ids) and self._beyond != 200):
            return json_response({"message": "no such page"}, 400 if start < 0 else self._beyond)
        spoil = {**self._always, **self._spoils.get(asked, {})}
        return self._page_at(start, size, spoil)

    def _start(self, query: dict[str, str], size: int) -> int:
        if self.way == "page":
            return (int(query["page"]) - 1) * size
        if self.way == "offset":
            return int(query["offset"])
        if self.way == "last_record":
            after = int(query.get("after", -(10**9)))
            return next((place for place, each in enumerate(self.ids) if each > after), len(self.ids))
        return int(query.get("cursor", 0))

    def _page_at(self, start: int, size: int, spoil: Spoil) -> HttpResponse:
        ids = spoil.pop("ids", self.ids[start : start + size])
        status, beside = spoil.pop("status", 200), spoil.pop("beside", {})
        if status != 200:
            return json_response({"message": "no such page"}, status)
        stop, has_more = start + size, start + size < len(self.ids)
        following = f"{URL}?limit={size}&cursor={stop}"
        ways: dict[str, Any] = {
            "cursor": str(stop),
            "next_url": following,
            "next_params": {"cursor": str(stop), "limit": size},
        }
        meta: dict[str, Any] = {}
        if "total" in self._tells:
            meta["total"] = len(self.ids)
        if "page total" in self._tells:
            meta["total"] = len(ids)
        if "marker" in self._tells:
            meta["has_more"] = has_more
        if "full" in self._tells:
            meta["has_more"] = len(ids) == size
        if has_more and self.way in ways:
            meta["next"] = ways[self.way]
        headers = {"link": f'<{following}>; rel="next"'} if has_more and self.way == "link" else {}
        if "link" in spoil:
            link = spoil.pop("link")
            headers = {"link": link} if link else {}
        meta = {name: value for name, value in {**meta, **spoil}.items() if value is not None}
        return json_response(
            {"items": [{"id": each, "name": f"n{each}"} for each in ids], "meta": meta, **beside}, **headers
        )


def _query(request: HttpRequest) -> dict[str, str]:
    asked = {**dict(parse_qsl(urlsplit(request.url).query)), **request.params}
    return {name: str(value) for name, value in asked.items()}


def endpoint(way: str, tells: Iterable[str] = (), **changes: Any) -> Endpoint:
    """The description that fits; ``pagination`` may hold changes to it."""
    tells, settings = frozenset(tells), changes.pop("pagination", {})
    marker = {"more": "meta.has_more"} if tells & {"marker", "full"} else {}
    whole = Endpoint(
        URL,
        pagination=structs.replace(WAYS[way], **{**marker, **settings}),
        reader=PageReader(
            records_field="items",
            total_pages_field=None,
            total_records_field="meta.total" if tells & {"total", "page total"} else None,
        ),
        auth=no_auth(),
        page_size=PageSize(into="query.limit"),
    )
    return structs.replace(whole, **changes)


def counting() -> Endpoint:
    """The request that counts."""
    reader = PageReader("@", None, "count", records_are="object", is_total_required=True)
    return Endpoint(COUNT, pagination=OnePagePagination(), reader=reader, auth=no_auth())


@dataclass
class Reading:
    """A run over such an API, and how it ended.

    Attributes:
        ids: The records that came.
        error: What ended it; None if it is complete.
        evidence: What that rests on.
    """

    api: ProvableApi
    endpoint: Endpoint
    limit: int = LIMIT
    width: int = 1
    state: RunState | None = None
    after: int | None = None
    strict: bool = False
    seen_before: str | None = None
    ids: list[int] = field(default_factory=list)
    entries: list[PageEntry] = field(default_factory=list)
    error: DeClassesError | None = None

    def __post_init__(self) -> None:
        client = UnstableAPIClient(
            self.endpoint,
            limits=ClientLimits(concurrency=self.width, retry_policy=RetryPolicy(max_attempts=2)),
            runtime=ClientRuntime(transport=self.api, clock=ManualClock()),
        )
        self.run: PagePass = client.start_pass(
            self.limit, state=self.state, strict=self.strict, seen_before=self.seen_before
        )
        try:
            self._take()
        except DeClassesError as error:
            self.error = error

    def _take(self) -> None:
        if self.after == 0:
            return
        for page in self.run:
            self.ids += [record["id"] for record in page.records]
            self.entries.append(self.run.entry)
            if len(self.entries) == self.after:
                return

    @property
    def evidence(self) -> Evidence:
        assert self.error is None, self.error
        evidence = self.run.evidence_if_still
        assert evidence is not None
        return evidence

    @property
    def written(self) -> RunState:
        """What was written down until now."""
        before = self.state.entries if self.state else ()
        return RunState(entries=(*before, *self.entries), place=self.run.place)


def read(
    way: str, api: ProvableApi, tells: Iterable[str] = (), *, limit: int = LIMIT, **changes: Any
) -> Reading:
    """Read an API by the description that fits, with changes."""
    return Reading(api, endpoint(way, tells, **changes), limit)
