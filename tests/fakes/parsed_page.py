"""A page of HTML as a browser takes it apart, as far as tests look at it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

_VOID = frozenset({"link", "meta"})


class ParsedPage(HTMLParser):
    """The elements and the text of a page; what is not nested as it should be is an error.

    Args:
        page: The whole text.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
            self.texts.append((tag, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.append((self._open[-1], data))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def texts_of(self, tag: str) -> list[str]:
        """What stands directly in each element of that name."""
        return [text for name, text in self.texts if name == tag and text.strip()]

    @property
    def text(self) -> str:
        """All that is read."""
        return " ".join(text for tag, text in self.texts if tag not in {"style", "script"} and text.strip())

    @property
    def policy(self) -> str:
        """Its Content-Security-Policy."""
        found = [each["content"] for each in self.named("meta") if "http-equiv" in each]
        assert len(found) == 1
        return found[0] or ""

    def allows(self, tag: str) -> bool:
        """Whether the policy has the hash of the only element of that name."""
        (source,) = self.texts_of(tag)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        return f"'sha256-{digest}'" in self.policy

    @property
    def fetched(self) -> list[str]:
        """What a browser would ask for."""
        asking = ("src", "href", "action")
        linked = [str(each[name]) for _, each in self.elements for name in asking if name in each]
        styles = re.findall(r"url\([^)]*\)|@import[^;]*", "".join(self.texts_of("style")))
        return [*(each for each in linked if each != "data:,"), *styles]
