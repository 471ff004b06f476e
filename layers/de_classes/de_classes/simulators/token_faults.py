"""Faults about credentials: logins that fail, tokens that die early, and lures to another origin.

On loopback the other origin is this same server by its other name, ``localhost`` for ``127.0.0.1`` and
the other way round, so that the request log tells whether anybody went there and what came along.
Elsewhere it is a host that nobody has.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.answer_faults import hang, on_wire
from de_classes.simulators.faults import Fault, InjectionPoint, PageFault, RunFault
from de_classes.simulators.messages import error_response, json_response, with_facts
from de_classes.simulators.routing import unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.simulators.faults import FaultContext, FaultPlan, Genuine, Play
    from de_classes.simulators.messages import SimRequest, SimResponse
    from de_classes.simulators.pages import ServedPage

MAX_TOKENS = 10_000

SHORT_TOKEN = RunFault(
    name="short-token", catalogue_ids=("F29",), summary="tokens live for seconds only (2), and say so"
)
REVOKED_TOKEN = RunFault(
    name="revoked-token",
    catalogue_ids=("F30",),
    summary="a token opens so many pages (50), then 401, though it said to live on",
)
TWO_PAGES = RunFault(
    name="token-for-two-pages",
    catalogue_ids=("F87",),
    summary="a token opens two pages, then 401, though it said to live on",
)
TOKEN_FAULTS = (SHORT_TOKEN, REVOKED_TOKEN)
MORE_TOKEN_FAULTS = (TWO_PAGES,)
_TWO = 2


def revocation_of(plan: FaultPlan) -> Revocation | None:
    """What revokes tokens as a plan has it, or None."""
    if plan.has(TWO_PAGES):
        return Revocation(_TWO, name=TWO_PAGES.name)
    return Revocation(plan.parameters.token_uses) if plan.has(REVOKED_TOKEN) else None


class Revocation:
    """Revokes every token after a number of uses. Safe among threads.

    Args:
        uses: How many requests a token is good for.
        name: Of the fault that it plays.
        max_tokens: How many tokens are remembered; the one longest unused is forgotten first.
    """

    def __init__(self, uses: int, max_tokens: int = MAX_TOKENS, *, name: str = REVOKED_TOKEN.name) -> None:
        self._allowed = uses
        self.name = name
        self._max_tokens = max_tokens
        self._uses: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def accepts(self, token_id: str) -> bool:
        """Note one more use, and say whether the token was still good for it."""
        with self._lock:
            uses = self._uses.pop(token_id, 0) + 1
            self._uses[token_id] = uses
            if len(self._uses) > self._max_tokens:
                self._uses.popitem(last=False)
        return uses <= self._allowed


_OK = 200
Grant = dict[str, object]


def _unavailable(_: FaultContext, __: Genuine) -> SimResponse:
    return error_response(503, "no logins at the moment; try again")


def _too_many(context: FaultContext, _: Genuine) -> SimResponse:
    return error_response(429, "too many logins", headers={"Retry-After": str(context.retry_after)})


def _wrong_password(_: FaultContext, __: Genuine) -> SimResponse:
    return unauthorized("username or password is wrong")


def _regranted(change: Callable[[Grant], Grant]) -> Play:
    def play(_: FaultContext, genuine: Genuine) -> SimResponse:
        answer = genuine()
        if answer.status != _OK:
            return answer
        grant = change(msgspec.json.decode(answer.body, type=Grant))
        return replace(answer, body=msgspec.json.encode(grant))

    return play


def _with(name: str, value: object) -> Play:
    return _regranted(lambda grant: {**grant, name: value})


def _without(left_out: str) -> Play:
    return _regranted(lambda grant: {name: value for name, value in grant.items() if name != left_out})


def _as_text(grant: Grant) -> Grant:
    return {**grant, "expires_in": str(grant["expires_in"])}


def _login(name: str, summary: str, play: Play, *, loopback_only: bool = False) -> Fault:
    return Fault(
        name=name,
        catalogue_ids=("F35",),
        summary=summary,
        point=InjectionPoint.LOGIN,
        play=play,
        cured_by_retry=True,
        loopback_only=loopback_only,
    )


def _grant(name: str, catalogue_id: str, summary: str, play: Play) -> Fault:
    return Fault(
        name=name, catalogue_ids=(catalogue_id,), summary=summary, point=InjectionPoint.GRANT, play=play
    )


LOGIN_FAULTS = (
    _login("login-503", "a login is answered 503", _unavailable),
    _login("login-429", "a login is answered 429 with Retry-After", _too_many),
    _login("login-timeout", "a login is not answered until it hangs up", on_wire(hang), loopback_only=True),
    Fault(
        name="wrong-password",
        catalogue_ids=("F36",),
        summary="a login is refused, whatever its password",
        point=InjectionPoint.LOGIN,
        play=_wrong_password,
    ),
)
GRANT_FAULTS = (
    _grant("expires-null", "F32", "expires_in is null", _with("expires_in", None)),
    _grant("expires-text", "F32", 'expires_in is text, such as "300"', _regranted(_as_text)),
    _grant("expires-soon", "F32", 'expires_in is "soon"', _with("expires_in", "soon")),
    _grant("expires-absent", "F32", "there is no expires_in", _without("expires_in")),
    _grant("expires-zero", "F33", "expires_in is 0, though the token lives on", _with("expires_in", 0)),
    _grant("expires-negative", "F33", "expires_in is -1, though the token lives on", _with("expires_in", -1)),
    _grant("expires-one", "F33", "expires_in is 1, though the token lives on", _with("expires_in", 1)),
    _grant("token-missing", "F34", "there is no access_token", _without("access_token")),
    _grant("token-null", "F34", "access_token is null", _with("access_token", None)),
    _grant("token-empty", "F34", "access_token is empty", _with("access_token", "")),
)


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


def _foreign_next(context: FaultContext, page: ServedPage) -> ServedPage:
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
        point=InjectionPoint.LOGIN,
        play=_redirect,
    ),
    PageFault(
        name="foreign-next",
        catalogue_ids=("F40",),
        summary="the link to the next page leads to another origin",
        point=InjectionPoint.LINK,
        transform=_foreign_next,
    ),
)
