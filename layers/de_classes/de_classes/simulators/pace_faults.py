"""Headers that tell a client its pace, true or nonsense; without a fault there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.simulators.fault_kinds import PageFault, Site

if TYPE_CHECKING:
    from de_classes.simulators.fault_kinds import FaultContext
    from de_classes.simulators.pages import Page

_LIMIT = 100
_WINDOW_SECONDS = 1
_NONSENSE = ("", "-1", "soon", "1e400", "NaN", "9" * 400, "0", "1/2", "60, 60;w=1", "0x10")


def _headers(limit: str, remaining: str, reset: str, reset_at: str) -> dict[str, str]:
    return {
        "RateLimit-Limit": limit,
        "RateLimit-Remaining": remaining,
        "RateLimit-Reset": reset,
        "X-RateLimit-Limit": limit,
        "X-RateLimit-Remaining": remaining,
        "X-RateLimit-Reset": reset_at,
    }


def _good(context: FaultContext, page: Page) -> Page:
    remaining = str(_LIMIT - page.number % (_LIMIT + 1))
    reset_at = str(int(context.now) + _WINDOW_SECONDS)
    return replace(page, headers=_headers(str(_LIMIT), remaining, str(_WINDOW_SECONDS), reset_at))


def _bad(_: FaultContext, page: Page) -> Page:
    values = [_NONSENSE[(page.number + turn) % len(_NONSENSE)] for turn in range(4)]
    return replace(page, headers=_headers(*values))


PACE_FAULTS = (
    PageFault(
        name="pace-headers",
        catalogue_ids=("F08",),
        summary="true RateLimit-* and X-RateLimit-* headers beside a page",
        site=Site.HEADERS,
        bend=_good,
    ),
    PageFault(
        name="pace-headers-bad",
        catalogue_ids=("F08",),
        summary="nonsense in them: negative, huge, text, empty",
        site=Site.HEADERS,
        bend=_bad,
    ),
)
