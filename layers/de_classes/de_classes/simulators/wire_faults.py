"""Faults below HTTP, which only the loopback server can play."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from de_classes.simulators.faults import Fault

if TYPE_CHECKING:
    from de_classes.simulators.faults import FaultContext, Genuine
    from de_classes.simulators.messages import SimResponse, WireConnection


def _hang_up(connection: WireConnection, genuine: SimResponse) -> None:
    """Say nothing; the server closes after it."""


def _reset(connection: WireConnection, _: SimResponse) -> None:
    connection.reset()


def _empty_reply(_: FaultContext, genuine: Genuine) -> SimResponse:
    return replace(genuine(), wire=_hang_up)


def _reset_before_answer(_: FaultContext, genuine: Genuine) -> SimResponse:
    return replace(genuine(), wire=_reset)


EMPTY_REPLY = Fault("empty-reply", ("F10",), "closes without a byte", _empty_reply, needs_socket=True)
RESET = Fault("reset", ("F11",), "resets the connection unanswered", _reset_before_answer, needs_socket=True)

WIRE_FAULTS = (EMPTY_REPLY, RESET)
