"""Logins that fail, and logins that succeed with an odd token answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from de_classes.simulators.fault_kinds import Fault, Site
from de_classes.simulators.messages import error_response
from de_classes.simulators.routing import unauthorized
from de_classes.simulators.wire_faults import hang, on_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.simulators.fault_kinds import FaultContext, Genuine, Play
    from de_classes.simulators.messages import SimResponse

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
        site=Site.LOGIN,
        play=play,
        cured_by_retry=True,
        loopback_only=loopback_only,
    )


def _grant(name: str, catalogue_id: str, summary: str, play: Play) -> Fault:
    return Fault(name=name, catalogue_ids=(catalogue_id,), summary=summary, site=Site.GRANT, play=play)


LOGIN_FAULTS = (
    _login("login-503", "a login is answered 503", _unavailable),
    _login("login-429", "a login is answered 429 with Retry-After", _too_many),
    _login("login-timeout", "a login is not answered until it hangs up", on_wire(hang), loopback_only=True),
    Fault(
        name="wrong-password",
        catalogue_ids=("F36",),
        summary="a login is refused, whatever its password",
        site=Site.LOGIN,
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
