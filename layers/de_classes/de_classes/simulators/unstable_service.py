"""A paginated API that fails on purpose, the same way every time it is asked the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.errors import InvalidInputError
from de_classes.simulators.attempts import AttemptCounter
from de_classes.simulators.drift import drifting
from de_classes.simulators.end_faults import shaping
from de_classes.simulators.fault_kinds import Fault, Site
from de_classes.simulators.foreign_faults import ELSEWHERE, foreign_page
from de_classes.simulators.messages import error_response, with_facts
from de_classes.simulators.openapi import describe_unstable
from de_classes.simulators.page_faults import bent
from de_classes.simulators.page_query import PageQueryReader
from de_classes.simulators.pages import page_of
from de_classes.simulators.routing import Router, invalid_token, protected
from de_classes.simulators.settings import MAX_PAGE_BYTES
from de_classes.simulators.token_faults import revocation_of
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from de_classes.simulators.drift import Drift
    from de_classes.simulators.fault_kinds import FaultContext
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.messages import SimRequest, SimResponse
    from de_classes.simulators.page_query import PageQuery
    from de_classes.simulators.pages import Page
    from de_classes.simulators.records import RecordSource
    from de_classes.simulators.routing import Routes
    from de_classes.simulators.tokens import Claims, TokenIssuer
    from de_classes.utils.clock import Clock


class UnstableSimulator:
    """``GET /data?page=&limit=`` serves records, through faults and jitter.

    Args:
        records: What is served.
        tokens: Verifies the Bearer token.
        plan: What goes wrong how often.
        max_limit: The most records a page.
        max_page_bytes: The largest body, or None for no bound.
        allow_overrides: Whether a request may set its own faults.
        links: Whether a page says where the next one is.
        drift: What is served in place of ``records``, which change with every so many requests.
        clock: Of the dates in answers.
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
        links: bool = False,
        drift: Drift | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._records = records
        self._drift = drift
        self._links = links
        self._clock = clock or SystemClock()
        self._max_page_bytes = max_page_bytes
        self._attempts = AttemptCounter()
        self._ever = AttemptCounter()  # told of no page that was served, so that it counts all tries for it
        self._revocation = revocation_of(plan)
        self._lasting = tuple(
            fault.name for fault in (*plan.at(Site.RECORDS), *drifting(plan), *shaping(plan))
        )
        self._reader = PageQueryReader(plan, max_limit=max_limit, overrides=allow_overrides)
        routes: Routes = {
            "/data": {"GET": protected(tokens, self._data)},
            ELSEWHERE: {"GET": foreign_page, "POST": foreign_page},
        }
        description = describe_unstable(max_limit=max_limit, overrides=allow_overrides)
        self._router = Router("unstable", routes, description)

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer one request."""
        return self._router.handle(request)

    def _data(self, request: SimRequest, claims: Claims) -> SimResponse:
        if self._revocation and not self._revocation.accepts(claims.jti):
            return with_facts(invalid_token(), fault=self._revocation.name)
        try:
            query = self._reader.read(request)
        except InvalidInputError as error:
            return error_response(400, "the request is malformed", problems=error.problems)
        return self._play(query)

    def _play(self, query: PageQuery) -> SimResponse:
        attempt = query.attempt or self._attempts.next(query.page, query.limit)
        is_first = (query.attempt or self._ever.next(query.page, query.limit)) == 1
        now = self._clock.now()
        context = query.plan.context(query.page, attempt, now=now, host=query.host, limit=query.limit)
        source = self._drift.next_request() if self._drift else self._records
        fault = query.plan.draw(query.page, attempt)
        if fault and fault.once and not is_first:
            fault = None
        if isinstance(fault, Fault):
            response = fault.play(context, lambda: self._page(query, context, source))
        else:
            response = self._page(query, context, source)
            self._attempts.served(query.page, query.limit)
        response = replace(response, delay=query.plan.delay(query.page, attempt))
        name = fault.name if fault else None
        return with_facts(response, page=query.page, limit=query.limit, attempt=attempt, fault=name)

    def _page(self, query: PageQuery, context: FaultContext, source: RecordSource) -> SimResponse:
        shape = query.plan.shape
        genuine = page_of(source, query.page, query.limit, shape)
        linked = self._linked(genuine) if self._links or shape.links else genuine
        page, modes = bent(query.plan, context, linked)
        response = page.response()
        if self._max_page_bytes is not None and len(response.body) > self._max_page_bytes:
            problem = f"limit is too large for these records: a page has at most {self._max_page_bytes} bytes"
            return error_response(400, "the page is too large", problems=[problem])
        return with_facts(response, modes=(*self._lasting, *modes))

    @staticmethod
    def _linked(page: Page) -> Page:
        # Relative, for only the client knows by which host and stage it came here.
        return page.linked(f"?page={page.number + 1}&limit={page.limit}" if page.number < page.last else None)
