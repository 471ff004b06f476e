"""Whether every link of the built site leads somewhere: to a file and an id within it, or to a sound address.

Sphinx warns of links between the pages that it reads; here the pages are looked at as a browser gets them.
What is elsewhere is not asked: a build needs no network.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

_LINKS: Final = {"a": "href", "link": "href", "img": "src", "script": "src", "iframe": "src"}
_BY_SCRIPT: Final = frozenset({"genindex.html", "search.html", "py-modindex.html"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})


class _Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.update(value for name in ("id", "name") if (value := given.get(name)))
        if (link := given.get(_LINKS.get(tag, ""))) is not None:
            self.links.append(link)


def broken_links(site: Path) -> list[str]:
    """What is wrong with the links of a built site, a line each, with the page they are on.

    Args:
        site: The folder with its pages.
    """
    pages = {path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site.resolve())}: {link!r} {problem}"
        for path, page in pages.items()
        for link in dict.fromkeys(page.links)
        if (problem := _problem(link, path, pages))
    ]


def _problem(link: str, path: Path, pages: dict[Path, _Page]) -> str | None:
    try:
        parts = urlsplit(link)
    except ValueError:
        return "is no address"
    if parts.scheme or parts.netloc:
        return _problem_elsewhere(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "leads to no file"
    page = pages.get(target)
    if parts.fragment and page and unquote(parts.fragment) not in page.ids and target.name not in _BY_SCRIPT:
        return "leads to no place in that page"
    return None


def _problem_elsewhere(link: str) -> str | None:
    """What is wrong with the form of an address elsewhere; it is not asked."""
    parts = urlsplit(link)
    if parts.scheme == "data" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return None
    if parts.scheme != "https":
        return "is not https"
    if "." not in (parts.hostname or "") or parts.username or not link.isprintable() or " " in link:
        return "has no sound host, or what an address cannot have"
    return None
