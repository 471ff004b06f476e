"""An answer of ``http.client`` whose head is read at once where it is plain, as nearly every head is.

``http.client`` reads headers by the parser for e-mail, which takes most of the time that a small page takes
to fetch. A plain head is one of HTTP/1.1 that is there as a whole, with no folded line, no control character
and nothing about its framing that could be read in two ways. Whatever else comes is left to ``http.client``
to read or to refuse, from the first byte on.
"""

from __future__ import annotations

import re
from functools import cached_property
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIELD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20]*+[\t\x20-\x7e\x80-\xff]*+\r\n"
_PLAIN: Final = re.compile(rf"HTTP/1\.1 ([2-9][0-9][0-9])(?: ([\x20-\x7e]*+))?\r\n((?:{_FIELD})*+)\r\n")
_NAME_AND_VALUE: Final = re.compile(r"([^:]+):[\t ]*([^\r]*)\r\n")
_LENGTH: Final = re.compile("[0-9]{0,18}")
_MOST_FIELDS: Final = 99  # of http.client, which counts the line that ends them as one more
_NO_CONTENT: Final = frozenset({204, 304})
_HTTP_1_1: Final = 11


class HttpAnswer(HTTPResponse):
    """Reads like ``HTTPResponse``; only ``begin`` takes a shorter way where there is one.

    Its headers are asked for by ``fields``, whichever way it took.
    """

    # What the standard library's types do not know of.
    fp: Any
    headers: Any
    msg: Any
    _method: str | None

    def begin(self) -> None:
        """Read the head."""
        if not self._is_plain():
            super().begin()

    @cached_property
    def fields(self) -> dict[str, str]:
        """Header values by name in lower case; those of a repeated one are joined, as the standard has it."""
        return _joined(self.getheaders())

    def _is_plain(self) -> bool:
        """Take the head in, if it is plain; or leave everything where it is."""
        there = self.fp.peek()
        head = there[: there.find(b"\r\n\r\n") + 4].decode("iso-8859-1")
        plain = _PLAIN.fullmatch(head)
        if plain is None:
            return False
        status, reason, lines = plain.groups("")
        pairs = _NAME_AND_VALUE.findall(lines)
        fields = _joined(pairs)
        if len(pairs) > _MOST_FIELDS or not self._is_framed_by(fields, int(status)):
            return False
        self.fp.read(len(head))
        self.version, self.reason = _HTTP_1_1, reason.strip()
        self.code = self.status = int(status)
        self.headers = self.msg = fields
        self.fields = fields
        return True

    def _is_framed_by(self, fields: dict[str, str], status: int) -> bool:
        """Find out where the answer ends, as ``http.client`` would, to which odd heads are left."""
        connection = fields.get("connection", "").lower()
        coding = fields.get("transfer-encoding", "").lower()
        length = fields.get("content-length", "")
        if "," in connection or "," in coding or not _LENGTH.fullmatch(length):
            return False
        self.chunked = coding == "chunked"
        self.chunk_left = None
        self.length = int(length) if length and not self.chunked else None
        if status in _NO_CONTENT or self._method == "HEAD":
            self.length = 0
        self.will_close = "close" in connection or (self.length is None and not self.chunked)
        return True


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    return fields
