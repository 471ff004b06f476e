"""A paginated API that fails on purpose, the same way every time it is asked the same way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from de_classes.errors import InvalidInputError
from de_classes.simulators.attempts import AttemptCounter
from de_classes.simulators.messages import (
    error_response,
    json_response,
    with_facts,
)
from de_classes.simulators.openapi import describe_unstable
from de_classes.simulators.page_query import PageQueryReader
from de_classes.simulators.routing import Router, protected
from de_classes.simulators.settings import MAX_PAGE_BYTES

if TYPE_CHECKING:
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.messages import (
        SimRequest,
        SimResponse,
    )
    from de_classes.simulators.page_query import PageQuery
    from de_classes.simulators.records import RecordSource
    from de_classes.simulators.tokens import Claims, TokenIssuer


class UnstableSimulator:
    """``GET /data?page=&limit=`` serves records, through faults and jitter.

    Args:
        records: What is served.
        tokens: Verifies the Bearer token.
        plan: What goes wrong how often.
        max_limit: The most records a page.
        max_page_bytes: The largest body, or None for no bound.
        allow_overrides: Whether a request may set its own faults.
    """

    def __init__(
        self,
        records: RecordSource,
        tokens: TokenIssuer,
        plan: FaultPlan,
        *,
        max_limit: int = 1000,
        max_page_bytes: int | None = MAX_PAGE_BYTES,
        allow_overrides: bool = False,
    ) -> None:
        self._records = records
        self._max_page_bytes = max_page_bytes
        self._attempts = AttemptCounter()
        self._reader = PageQueryReader(plan, max_limit=max_limit, overrides=allow_overrides)
        routes = {"/data": {"GET": protected(tokens, self._data)}}
        description = describe_unstable(max_limit=max_limit, overrides=allow_overrides)
        self._router = Router("unstable", routes, description)

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request."""
        return self._router.handle(request)

    def _data(self, request: SimRequest, _: Claims) -> SimResponse:
        try:
            query = self._reader.read(request)
        except InvalidInputError as error:
            return error_response(400, "the request is malformed", problems=error.problems)
        return self._play(query)

    def _play(self, query: PageQuery) -> SimResponse:
        attempt = query.attempt or self._attempts.next(query.page, query.limit)
        fault = query.plan.draw(query.page, attempt)
        if fault:
            context = query.plan.context(query.page, attempt)
            response = fault.play(context, lambda: self._page(query))
        else:
            response = self._page(query)
            self._attempts.served(query.page, query.limit)
        response = replace(response, delay=query.plan.delay(query.page, attempt))
        name = fault.name if fault else None
        return with_facts(response, page=query.page, limit=query.limit, attempt=attempt, fault=name)

    def _page(self, query: PageQuery) -> SimResponse:
        start = (query.page - 1) * query.limit
        body = self._envelope(query, self._records.slice(start, start + query.limit))
        if self._max_page_bytes is not None and len(body) > self._max_page_bytes:
            problem = f"limit is too large for these records: a page has at most {self._max_page_bytes} bytes"
            return error_response(400, "the page is too large", problems=[problem])
        return json_response(200, body)

    def _envelope(self, query: PageQuery, records: list[bytes]) -> bytes:
        count = self._records.count
        head = (
            f'{{"page":{query.page},"limit":{query.limit},'
            f'"total_pages":{-(-count // query.limit)},"total_records":{count},"data":['
        )
        # Joined, not encoded: the records go out as the bytes they came in.
        return b"".join((head.encode(), b",".join(records), b"]}"))
