"""Text that others wrote, fit for a message, a log line or a terminal.

A server, a store or a file chooses such text. Printed as it is, it could move the cursor, colour or hide what
stands around it, turn the order of letters round, or begin a line that looks like one of ours.
"""

from __future__ import annotations

import re

# Unicode's controls (C0, DEL, C1), line and paragraph separators, lone surrogates, and the format characters
# that nobody sees: direction, joiners and zero widths, soft hyphen, tags. Not the few that are drawn, such as
# the Arabic number sign, and no letter, mark or space of any script.
_UNSEEN = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
    "\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e007f\\ud800-\\udfff]"
)
_UNSEEN_IN_LINES = re.compile(_UNSEEN.pattern.replace("[\\x00-\\x1f", "[\\x00-\\x08\\x0b-\\x1f", 1))


def escaped(text: str) -> str:
    """The text on one line: what a terminal would act on is spelled as Python spells it in a string."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_as_python, text)


def escaped_lines(text: str) -> str:
    """The same for text that is meant to have several lines: newlines and tabs stay."""
    return _UNSEEN_IN_LINES.sub(_as_python, text)


def escaped_json(text: str) -> str:
    """JSON of the same value, with nothing in it that a terminal would act on.

    Args:
        text: Compact JSON; what it needs to escape stands in strings alone.
    """
    return _UNSEEN.sub(_as_json, text)


def _as_python(found: re.Match[str]) -> str:
    return repr(found.group())[1:-1]


def _as_json(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
