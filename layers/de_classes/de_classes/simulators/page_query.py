"""What a client may say about one page: which, how many records, and by which faults to be tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.simulators.openapi import DEFAULT_LIMIT, MAX_PAGE
from de_classes.simulators.overrides import PLAIN_OVERRIDES, RATE_PARAMETER, read_overrides
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.simulators.faults import FaultPlan
    from de_classes.simulators.messages import SimRequest

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
