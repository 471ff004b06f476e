"""A source whose every answer is settled beforehand, so that two runs over it can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from de_classes.api.answers import PageReader
from de_classes.api.endpoint import Endpoint
from de_classes.api.messages import HttpResponse
from de_classes.api.pagination import (
    CursorPagination,
    LinkHeaderPagination,
    OffsetPagination,
    PageNumberPagination,
)
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.errors import DeClassesError
from de_classes.utils.clock import ManualClock
from de_classes.utils.run_records import RunState
from tests.fakes.transports import FakeTransport, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.messages import HttpRequest
    from de_classes.api.page import Page
    from de_classes.api.page_pass import PagePass
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.utils.run_records import PageEntry

BASE = "https://api.example"
LIMIT = 3
STYLES: dict[str, PaginationStrategy] = {
    "number": PageNumberPagination(echo_path="page"),
    "offset": OffsetPagination(),
    "cursor": CursorPagination(),
    "link": LinkHeaderPagination(),
}


@dataclass(frozen=True)
class Answer:
    """What the source says on one page."""

    rows: tuple[int, ...]
    total_pages: int | None = None
    total_records: int | None = None


@dataclass(frozen=True)
class PagedSource:
    """Pages that never change, asked for in one of four styles.

    Args:
        style: One of ``STYLES``.
        answers: The pages; beyond them there is nothing.
        beyond: The status of an answer beyond the last page; 200 is an empty page.
    """

    style: str
    answers: Sequence[Answer]
    beyond: int = 200

    def number(self, request: HttpRequest) -> int:
        query = {**dict(parse_qsl(urlsplit(request.url).query)), **request.params}
        if self.style == "offset":
            return -(-int(query["offset"]) // LIMIT) + 1
        return int(query.get({"number": "page", "link": "page"}.get(self.style, "cursor"), "1"))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = self.number(request)
        if number < 1:
            return HttpResponse(400)
        if number > len(self.answers) and self.beyond != 200:
            return HttpResponse(self.beyond)
        said = self.answers[-1]
        answer = self.answers[number - 1] if number <= len(self.answers) else Answer((), said.total_pages)
        return json_response(self._body(number, answer), **self._headers(number))

    def _body(self, number: int, answer: Answer) -> dict[str, Any]:
        totals = {"total_pages": answer.total_pages, "total_records": answer.total_records}
        known = {name: total for name, total in totals.items() if total is not None}
        following = str(number + 1) if number < len(self.answers) else None
        cursor = {"next_cursor": following} if self.style == "cursor" else {}
        return {**known, **cursor, "data": [{"id": row} for row in answer.rows]}

    def _headers(self, number: int) -> dict[str, str]:
        if self.style != "link" or number >= len(self.answers):
            return {}
        return {"link": f'</data?page={number + 1}&limit={LIMIT}>; rel="next"'}


class Taken:
    """A run over a source, as far as it got: its pages, what was written down, and how it ended.

    Args:
        source: Answers.
        state: Where to go on.
        after: Pages after which the process dies; None to go to the end.
        options: For the client and the run.
    """

    def __init__(
        self,
        source: PagedSource,
        *,
        width: int = 1,
        state: RunState | None = None,
        after: int | None = None,
        skip_failed: bool = False,
    ) -> None:
        self.transport = FakeTransport(source)
        self.pages: list[Page] = []
        self.error: DeClassesError | None = None
        self._source = source
        self._before = state or RunState()
        self._entries: list[PageEntry] = []
        reader = PageReader(
            total_pages_field=None if source.answers[0].total_pages is None else "total_pages"
        )
        client = UnstableAPIClient(
            Endpoint.at(f"{BASE}/data", pagination=STYLES[source.style], reader=reader, look_back="none"),
            limits=ClientLimits(concurrency=width),
            runtime=ClientRuntime(transport=self.transport, clock=ManualClock()),
        )
        self.run = client.start_pass(LIMIT, state=state, skip_failed=skip_failed)
        try:
            self._take(self.run, after)
        except DeClassesError as error:
            self.error = error

    def _take(self, run: PagePass, after: int | None) -> None:
        if after == 0:
            return
        for page in run:
            self.pages.append(page)
            self._entries.append(run.entry)
            if len(self.pages) == after:
                return

    @property
    def asked(self) -> list[int]:
        return sorted(map(self._source.number, self.transport.requests))

    @property
    def taken(self) -> list[tuple[int, list[dict[str, Any]]]]:
        return [(page.number, page.records) for page in self.pages]

    @property
    def verdict(self) -> tuple[str, str, list[str]]:
        missing = getattr(self.error, "missing_pages", None)
        return type(self.error).__name__, str(self.error), list(missing.ranges()) if missing else []

    @property
    def state(self) -> RunState:
        """What was written down, and read back by another process."""
        state = RunState(
            entries=(*self._before.entries, *self._entries),
            gaps=tuple(self.run.gaps),
            place=self.run.place,
        )
        return msgspec.json.decode(msgspec.json.encode(state), type=RunState)
