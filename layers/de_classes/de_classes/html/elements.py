"""HTML put together from elements, in which every text is escaped that is not an element itself."""

from __future__ import annotations

import base64
import hashlib
import html
from importlib.resources import files
from typing import TYPE_CHECKING

from de_classes.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_EMPTY = frozenset({"link", "meta", "path", "rect"})
_LONGEST_TEXT = 600


class Html(str):
    """Text that is HTML already: whatever is not of this class is escaped."""

    __slots__ = ()


def element(name: str, *children: object, **attributes: str | float | bool | None) -> Html:
    """One element.

    Args:
        name: Its tag.
        children: Elements, which are taken as they are, and anything else, which is shown as text: foreign
            text is on one line, without registered secrets, and cut where it is very long.
        attributes: A dash for each ``_`` of their names, none at their end: ``class_``. None and False are
            left out; True is there without a value.
    """
    given = "".join(
        f" {_name(key)}" if value is True else f' {_name(key)}="{html.escape(printable(str(value)))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _EMPTY:
        return Html(f"<{name}{given}/>")  # without the slash, one of SVG would hold what follows
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: Iterable[object]) -> Html:
    """Several, one behind the other."""
    return Html("".join(each if isinstance(each, Html) else text(str(each)) for each in children))


def text(foreign: str) -> Html:
    """Any text, as HTML shows it."""
    shown = printable(foreign)
    cut = shown if len(shown) <= _LONGEST_TEXT else f"{shown[:_LONGEST_TEXT]} ..."
    return Html(html.escape(cut))


def lines(code: str) -> Html:
    """Our own lines with foreign text in them, as ``pre`` shows them: whole, and each on its own line."""
    return Html("\n".join(html.escape(printable(line)) for line in code.split("\n")))


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Iterable[int] = (),
    class_: str | None = None,
) -> Html:
    """A table whose rows begin with what they are about.

    Args:
        caption: What it shows.
        columns: The heads of its columns.
        rows: Their cells.
        numbers: Which columns hold numbers, from 0.
        class_: Its class name.
    """
    right = frozenset(numbers)
    head = [
        element("th", name, scope="col", class_="number" if at in right else None)
        for at, name in enumerate(columns)
    ]
    body = [
        element(
            "tr",
            *(
                element("td", cell, class_="number" if at in right else None)
                if at
                else element("th", cell, scope="row")
                for at, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *body),
        class_=class_,
    )


def document(title: str, *body: Html, script: str = "") -> str:
    """A whole page, which fetches nothing from elsewhere: its policy forbids it.

    Args:
        title: What a tab shows.
        body: What is in it.
        script: One of our own; it may ask the server that the page comes from.
    """
    style = style_sheet()
    policy = [
        "default-src 'none'",
        f"style-src {_hash_of(style)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        *([f"script-src {_hash_of(script)}", "connect-src 'self'"] if script else []),
    ]
    head = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=Html("; ".join(policy))),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("meta", name_="referrer", content="no-referrer"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        element("style", Html(style)),
    ]
    page = element(
        "html",
        element("head", *head),
        element("body", *body, *([element("script", Html(script))] if script else [])),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def style_sheet() -> str:
    """The style of all pages."""
    return files("de_classes.html").joinpath("style.css").read_text(encoding="utf-8")


def _hash_of(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
