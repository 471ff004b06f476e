"""Where a redirect leads: within its origin it is followed, and nowhere else (RFC 9110, section 15.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from de_classes.api.messages import joined, origin, without_secrets
from de_classes.errors import ForeignOriginError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Collection

    from de_classes.api.messages import HttpRequest, HttpResponse

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS: Final = 5
"""Redirects of one request that are followed."""
_KEEP_THE_METHOD: Final = frozenset({307, 308})


def redirected(
    request: HttpRequest, response: HttpResponse, origins: Collection[tuple[str, str, int | None]] = ()
) -> HttpRequest | None:
    """The request that a redirect leads to, without what auth adds; None for an answer that is none.

    A GET is followed; any other method is only where it is kept, by 307 and 308.

    Args:
        request: What was sent, without what auth added.
        response: Its answer.
        origins: Where tokens may go besides.

    Raises:
        ForeignOriginError: It leads to another origin.
        ProtocolError: It names no address, or none that is one, or would make a GET of another method.
    """
    if response.status not in REDIRECTS:
        return None
    target = response.header("location") or ""
    url = joined(request.url, target)
    is_kept = request.method == "GET" or response.status in _KEEP_THE_METHOD
    is_ours = origin(url) == origin(request.url) or origin(url) in origins
    if not (target and is_kept and is_ours):
        raise refused_redirect(response, request.url)
    return msgspec.structs.replace(request, url=url, params={})


def refused_redirect(response: HttpResponse, url: str) -> ProtocolError:
    """Why a redirect is not followed, and where it would lead.

    Args:
        response: The answer.
        url: Where it came from.
    """
    message = f"{without_secrets(url)} answered {response.status}, a redirect"
    target = response.header("location") or ""
    if not target:
        return ProtocolError(f"{message} that names no address")
    there = joined(url, target)
    if origin(there) != origin(url):
        return ForeignOriginError(
            f"{message} to {without_secrets(there)}: no token is sent there; configure that address, if it "
            "is the right one"
        )
    return ProtocolError(f"{message} to {without_secrets(there)}: configure the address it leads to")
