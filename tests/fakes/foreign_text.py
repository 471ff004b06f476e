"""Text as a hostile server, store or file would choose it, and what of it must not be shown."""

from __future__ import annotations

import unicodedata

HOSTILE = (
    "\x1b[2J\x1b]0;title\x07\x9b31m\x7f\r\nERROR forged: all is well\n"
    "\u202egnp\u2066\u2069\u200e\u200f\u061c\u200b\ufeff\u2028\u2029\x85"
)
"""An escape sequence, C0, C1, DEL, a forged line, direction marks, zero widths, separators."""

UNWANTED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def acted_on(shown: str) -> list[str]:
    """What of a text a terminal would act on, lines and tabs apart, and the lines that foreign text began."""
    chars = {char for char in shown if unicodedata.category(char) in UNWANTED} - {"\n", "\t"}
    forged = [line for line in shown.splitlines() if line.startswith("ERROR forged")]
    return [*map(ascii, sorted(chars)), *forged]
