"""The text of a JSON array as lines: each record in its own text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLICES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_LINE_ENDS: Final = (b"\n", b"\r")
_OPENING: Final = re.compile(rb'\[(\{"\w[^"\\]*":)')


class TextLines(DiscreetValue):
    """Records, each without the beginning and the end that all of them have.

    Attributes:
        records: What is between the two.
        head: The beginning.
        tail: The end.
    """

    records: Sequence[bytes | msgspec.Raw]
    head: bytes = b""
    tail: bytes = b""

    @classmethod
    def of(cls, text: bytes, size: int) -> TextLines:
        """The lines of an array of so many records; one that is spread over several is made one."""
        return _cut(text, size) or _sliced(text)

    def text(self, start: int, stop: int) -> bytes:
        """Some of the lines, each ended by a newline."""
        if start >= stop:
            return b""
        end = self.tail + b"\n"
        return b"".join((self.head, (end + self.head).join(self.records[start:stop]), end))


def _cut(text: bytes, size: int) -> TextLines | None:
    """Cut a text between its records where that is plain to see, which is cheaper than to read it.

    It is cut at every ``},{"id":`` where ``"id"`` is the first record's first key. That is never within a
    string: the quote would have to end it, and no letter follows such a quote. Outside of strings ``},{``
    is between two elements of an array, and no other array begins than that of the records. So all cuts
    are between records; and where they make as many pieces as there are records, none is missing.
    """
    opening = _OPENING.match(text)
    if opening is None or not text.endswith(b"}]") or text.find(b"[", 1) > 0 or _has_line_ends(text):
        return None
    head = opening[1]
    records = text[opening.end() : -2].split(b"}," + head)
    return TextLines(records, head, b"}") if len(records) == size else None


def _sliced(text: bytes) -> TextLines:
    raws = _SLICES.decode(text)
    return TextLines(list(map(_one_line, raws)) if _has_line_ends(text) else raws)


def _has_line_ends(text: bytes) -> bool:
    return any(end in text for end in _LINE_ENDS)


def _one_line(raw: msgspec.Raw) -> bytes:
    text = bytes(raw)
    return msgspec.json.format(text, indent=-1) if _has_line_ends(text) else text
