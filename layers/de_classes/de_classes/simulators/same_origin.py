"""Whether a request to a server on loopback is this machine's own, or made by a web page from elsewhere.

A browser on this machine reaches loopback for every page that it shows: by its address, or by a name of the
page's own that is made to point at 127.0.0.1 (DNS rebinding). It says so itself: in Host, Origin and
Sec-Fetch-Site.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

_OWN_SITES = ("none", "same-origin")  # typed by the user, or asked for by a page of this server


def foreign_part(hosts: Sequence[str], origins: Sequence[str], sites: Sequence[str]) -> str | None:
    """What shows that a request comes from elsewhere; None if nothing does.

    Programs other than browsers send no Origin and no Sec-Fetch-Site.

    Args:
        hosts: What the request calls this server: every Host, and the authority of its target if it has one.
        origins: Every Origin.
        sites: Every Sec-Fetch-Site.

    Returns:
        The name of the header field.
    """
    if not all(_is_loopback(host) for host in hosts):
        return "Host"
    own = [host.lower() for host in hosts[:1]]
    if any([origin.lower().partition("://")[2]] != own for origin in origins):
        return "Origin"
    return None if all(site in _OWN_SITES for site in sites) else "Sec-Fetch-Site"


def _is_loopback(host: str) -> bool:
    # Whatever its port: forwarded ports are the user's own, and only a name can be pointed here by others.
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
