"""Tokens that do not live as long as one would like."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from de_classes.simulators.fault_kinds import RunFault

if TYPE_CHECKING:
    from de_classes.simulators.faults import FaultPlan

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
    return Revocation(plan.dials.token_uses) if plan.has(REVOKED_TOKEN) else None


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
