"""A paginated API that fails on purpose, the same way every time it is asked the same way."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.configs.settings import load
from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.simulators.drift import drift_faults
from de_classes.simulators.faults import Fault, InjectionPoint
from de_classes.simulators.messages import error_response, with_facts
from de_classes.simulators.openapi import DEFAULT_LIMIT, MAX_PAGE, describe_unstable
from de_classes.simulators.page_faults import shaping_faults, transformed
from de_classes.simulators.pages import page_of
from de_classes.simulators.routing import Router, invalid_token, protected
from de_classes.simulators.settings import MAX_PAGE_BYTES, Overrides
from de_classes.simulators.token_faults import ELSEWHERE, foreign_page, revocation_of
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.simulators.drift import Drift
    from de_classes.simulators.faults import FaultContext, FaultKind, FaultPlan
    from de_classes.simulators.messages import SimRequest, SimResponse
    from de_classes.simulators.records import RecordSource
    from de_classes.simulators.routing import Claims, Routes, TokenIssuer
    from de_classes.utils.clock import Clock

MAX_PAGES = 100_000


class AttemptCounter:
    """Counts tries per (page, limit). Safe among threads.

    Args:
        max_pages: How many unserved pages are remembered; the one longest untouched is forgotten first,
            so a client that asks for pages at random cannot fill the memory.
    """

    def __init__(self, max_pages: int = MAX_PAGES) -> None:
        self._max_pages = max_pages
        self._tries: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._lock = threading.Lock()

    def next(self, page: int, limit: int) -> int:
        """Note one more try, and say the how-manieth it is, from 1."""
        key = (page, limit)
        with self._lock:
            tries = self._tries.pop(key, 0) + 1
            self._tries[key] = tries
            if len(self._tries) > self._max_pages:
                self._tries.popitem(last=False)
        return tries

    def served(self, page: int, limit: int) -> None:
        """The page went out: its next try is the first again."""
        with self._lock:
            self._tries.pop((page, limit), None)


# Field to header; the parameter in the query has the field's name.
PLAIN_OVERRIDES = {
    "attempt": "X-Attempt",
    "seed": "X-Seed",
    "retry_after": "X-Retry-After",
    "jitter": "X-Jitter",
}
RATE_HEADER = "X-Fault-Rate-"
RATE_PARAMETER = "fault_rate_"


def read_overrides(request: SimRequest, faults: Iterable[FaultKind]) -> Overrides:
    """Read them from the headers, or else from the parameters.

    Raises:
        ConfigurationError: Its ``problems`` name each that is wrong.
    """
    given: dict[str, object] = {
        name: text
        for name, header in PLAIN_OVERRIDES.items()
        if (text := _text(request, header, name)) is not None
    }
    rates = {
        fault.override: _text(request, RATE_HEADER + fault.override, RATE_PARAMETER + fault.override)
        for fault in faults
        if fault.point.has_pages
    }
    given["rates"] = {override: text for override, text in rates.items() if text is not None}
    return load(Overrides, given, source="request")


def _text(request: SimRequest, header: str, parameter: str) -> str | None:
    return request.headers.get(header, request.query.get(parameter))


_PARAMETERS = ("page", "limit")
_UNKNOWN = "the parameters are page and limit; there is another one"  # not named: it may hold anything
_WHOLE = re.compile(r"[0-9]{1,10}")


class PageQuery(Value):
    """One valid request for a page.

    Args:
        page: From 1, or from 0 where the plan has it so.
        limit: Records a page.
        plan: The faults that apply.
        attempt: The try that the client says it is, or None to count here.
        host: What the client calls this server.
    """

    page: int
    limit: int
    plan: FaultPlan
    attempt: int | None = None
    host: str = ""


class PageQueryReader:
    """Checks the parameters of requests for pages.

    Args:
        plan: The faults that apply unless a request says otherwise.
        max_limit: The most records a page.
        overrides: Whether a request may say otherwise.
    """

    def __init__(self, plan: FaultPlan, *, max_limit: int, overrides: bool) -> None:
        self._plan = plan
        self._max_limit = max_limit
        self._overrides = overrides

    def read(self, request: SimRequest) -> PageQuery:
        """The page that is asked for.

        Raises:
            InvalidInputError: Its ``problems`` name everything that is wrong.
        """
        problems = self._strangers(request)
        lowest = self._plan.shape.first
        page = _whole("page", request.query.get("page", str(lowest)), MAX_PAGE, problems, lowest)
        default = str(min(DEFAULT_LIMIT, self._max_limit))
        limit = _whole("limit", request.query.get("limit", default), self._max_limit, problems)
        plan, attempt = self._faults(request, problems)
        if problems:
            raise InvalidInputError("; ".join(problems), problems=problems)
        return PageQuery(page, limit, plan, attempt, request.headers.get("Host", ""))

    def _strangers(self, request: SimRequest) -> list[str]:
        # Ignored, a misspelt parameter would be answered with the first page, over and over.
        known = (*_PARAMETERS, *PLAIN_OVERRIDES) if self._overrides else _PARAMETERS
        others = [name for name in request.query if name not in known]
        unknown = [name for name in others if not (self._overrides and name.startswith(RATE_PARAMETER))]
        return [_UNKNOWN] if unknown else []

    def _faults(self, request: SimRequest, problems: list[str]) -> tuple[FaultPlan, int | None]:
        if not self._overrides:
            return self._plan, None
        try:
            overrides = read_overrides(request, self._plan.registry)
            return overrides.applied_to(self._plan), overrides.attempt
        except ConfigurationError as error:
            problems += error.problems
            return self._plan, None


def _whole(name: str, text: str, highest: int, problems: list[str], lowest: int = 1) -> int:
    if _WHOLE.fullmatch(text) and lowest <= int(text) <= highest:
        return int(text)
    problems.append(f"{name} must be a whole number from {lowest} to {highest}")
    return lowest


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
            fault.name
            for fault in (*plan.at(InjectionPoint.RECORDS), *drift_faults(plan), *shaping_faults(plan))
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
        page = page_of(source, query.page, query.limit, shape)
        if self._links or shape.links:
            # Relative, for only the client knows by which host and stage it came here.
            is_last = page.number >= page.last
            page = page.linked(None if is_last else f"?page={page.number + 1}&limit={page.limit}")
        page, modes = transformed(query.plan, context, page)
        response = page.response()
        if self._max_page_bytes is not None and len(response.body) > self._max_page_bytes:
            problem = f"limit is too large for these records: a page has at most {self._max_page_bytes} bytes"
            return error_response(400, "the page is too large", problems=[problem])
        return with_facts(response, modes=(*self._lasting, *modes))
