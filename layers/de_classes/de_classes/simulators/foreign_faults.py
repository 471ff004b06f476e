"""Ways to lure a client, and its token, to another origin.

On loopback the other origin is this same server by its other name, ``localhost`` for ``127.0.0.1`` and
the other way round, so that the request log tells whether anybody went there and what came along.
Elsewhere it is a host that nobody has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.simulators.fault_kinds import Fault, PageFault, Site
from de_classes.simulators.messages import error_response, json_response, with_facts

if TYPE_CHECKING:
    from de_classes.simulators.fault_kinds import FaultContext, Genuine
    from de_classes.simulators.messages import SimRequest, SimResponse
    from de_classes.simulators.pages import Page

ELSEWHERE = "/elsewhere"
LURED = "lured-elsewhere"
LEAKED = "credentials-leaked"

_NOBODY = "https://elsewhere.invalid"
_LOOPBACK = ("127.0.0.1", "[::1]")
# Were it taken for a page, it would show among the results.
_FOREIGN_PAGE = {"page": 1, "limit": 1, "total_pages": 1, "total_records": 1, "data": [{"from": "elsewhere"}]}


def other_origin(host: str) -> str:
    """Another origin than the one the client calls this server by.

    Args:
        host: The request's ``Host``, with its port.
    """
    name, colon, port = host.rpartition(":")
    if not (colon and port.isdigit()):
        return _NOBODY
    if name == "localhost":
        return f"http://127.0.0.1:{port}"
    return f"http://localhost:{port}" if name in _LOOPBACK else _NOBODY


def foreign_page(request: SimRequest) -> SimResponse:
    """What the other origin answers; the outcome's fault says whether credentials came along."""
    carried = "Authorization" in request.headers or "X-API-Key" in request.headers or request.body
    return with_facts(json_response(200, _FOREIGN_PAGE), fault=LEAKED if carried else LURED)


def _redirect(context: FaultContext, _: Genuine) -> SimResponse:
    place = f"{other_origin(context.host)}{ELSEWHERE}"
    # 307 keeps the method and the body, so that a login would take its password along.
    return error_response(307, "it has moved", headers={"Location": place})


def _foreign_next(context: FaultContext, page: Page) -> Page:
    if page.number >= page.last:
        return page
    return page.linked(f"{other_origin(context.host)}{ELSEWHERE}?page={page.number + 1}&limit={page.limit}")


FOREIGN_FAULTS = (
    Fault(
        name="redirect-elsewhere",
        catalogue_ids=("F39",),
        summary="redirects a page to another origin",
        play=_redirect,
    ),
    Fault(
        name="login-redirect-elsewhere",
        catalogue_ids=("F39",),
        summary="redirects a login to another origin",
        site=Site.LOGIN,
        play=_redirect,
    ),
    PageFault(
        name="foreign-next",
        catalogue_ids=("F40",),
        summary="the link to the next page leads to another origin",
        site=Site.LINK,
        bend=_foreign_next,
    ),
)
