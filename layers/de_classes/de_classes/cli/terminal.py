"""Text made fit for a terminal: nothing in it moves the cursor, and its width is known."""

from __future__ import annotations

import unicodedata

_WIDE = frozenset({"W", "F"})


def escaped(text: str) -> str:
    """The text with everything escaped that a terminal would obey instead of showing."""
    if text.isprintable():
        return text
    # Python's own escapes, such as \\n and \\x1b.
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def width(text: str) -> int:
    """How many columns a printable text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def fitted(text: str, columns: int, *, right: bool = False) -> str:
    """The text in exactly so many columns: filled up, or cut with a mark.

    Args:
        text: Printable.
        columns: 1 or more.
        right: Whether it stands at the right.
    """
    if width(text) > columns:
        kept, used = [], 0
        for character in text:
            used += _columns(character)
            if used > columns - 1:
                break
            kept.append(character)
        text = f"{''.join(kept)}…"
    space = " " * (columns - width(text))
    return space + text if right else text + space


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
