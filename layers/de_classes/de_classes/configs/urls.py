"""Which URLs a setting may hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_LOOPBACK = re.compile(r"(.+\.)?localhost|127(\.[0-9]{1,3}){3}|::1")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\\]")


def url_problems(name: str, url: str, *, allow_insecure: bool = False) -> list[str]:
    """What is wrong with a URL; no sentence quotes it, since a wrong one may hold a password.

    Args:
        name: What the setting is called.
        url: What it holds.
        allow_insecure: Whether plain http may leave this machine.

    Returns:
        Problems, each beginning with ``name``; none when the URL is fit for use.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return [
            f"{name} must be a URL that begins with https:// or http://, such as https://api.example.com/v1"
        ]
    problems = []
    if parts.username is not None or parts.password is not None:
        problems.append(f"{name} must not hold user:password@: credentials have a place of their own")
    if parts.scheme == "http" and not (allow_insecure or is_loopback(parts.hostname)):
        problems.append(
            f"{name} must be https, since tokens travel there; plain http is for this machine, "
            "or for a network that allow_insecure says is to be trusted"
        )
    if parts.query or parts.fragment:
        problems.append(f"{name} must end with its path: no ? and no # part")
    return problems


def path_problems(name: str, path: str) -> list[str]:
    """What is wrong with the path of an endpoint below a URL; no sentence quotes it.

    Args:
        name: What the setting is called.
        path: What it holds.

    Returns:
        One problem that begins with ``name``, or none.
    """
    if path.startswith("/") and not path.startswith("//") and not _UNPRINTABLE.search(path):
        return []
    return [f"{name} must be a path below the URL that begins with one slash, such as /data"]


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    return _LOOPBACK.fullmatch(host.lower()) is not None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return None if _UNPRINTABLE.search(url) else parts
