"""An answer of ``http.client`` whose head is read at once where it is plain, as nearly every head is.

``http.client`` reads headers by the parser for e-mail, which takes most of the time that a small page takes
to fetch. A plain head is one of HTTP/1.1 with no folded line, no control character and nothing about its
framing that could be read in two ways. Whatever else comes is left to ``http.client`` to read or to refuse.

Heads of status 1xx, which may come before the answer, are read past (RFC 9110, section 15.2).
"""

from __future__ import annotations

import io
import re
from email.errors import MissingHeaderBodySeparatorDefect
from functools import cached_property
from http.client import (
    BadStatusLine,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    LineTooLong,
    RemoteDisconnected,
)
from typing import TYPE_CHECKING, Any, Final

from de_classes.errors import NetworkError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import Message

_FIELD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20]*+[\t\x20-\x7e\x80-\xff]*+\r\n"
_PLAIN: Final = re.compile(rf"HTTP/1\.1 ([2-9][0-9][0-9])(?: ([\x20-\x7e]*+))?\r\n((?:{_FIELD})*+)\r\n")
_NAME_AND_VALUE: Final = re.compile(r"([^:]+):[\t ]*([^\r]*)\r\n")
_LENGTH: Final = re.compile("[0-9]{0,18}")
_INTERIM: Final = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9][0-9][ \r\n]")
_MOST_INTERIM: Final = 32
MAX_HEAD: Final = 256 * 1024
"""Bytes of the head of an answer, however many headers it has: more is refused."""
NO_CONTENT: Final = frozenset({204, 304})
"""Statuses whose answers have no body, whatever their head announces."""

_HTTP_1_1: Final = 11


def check_head(headers: Message) -> None:
    """Refuse a head with a line that is no header: what follows it is left out, the body's length perhaps.

    Args:
        headers: As ``http.client`` read them, by the parser for e-mail.

    Raises:
        NetworkError: There is such a line. Another answer may have none.
    """
    if any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in headers.defects):
        raise NetworkError("the answer's head has a line that is no header, and what follows it is lost")


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
        """Read the head, and those of status 1xx before it.

        Raises:
            ProtocolError: It is larger than ``MAX_HEAD``, or it does not come for all the others before it.
            HTTPException: It is none, or ends before its end.
        """
        for _ in range(_MOST_INTERIM):
            there = self._head_that_is_there()
            if self._is_plain(there):
                self.fp.read(len(there))
                return
            head = self._head()
            if not _INTERIM.match(head):
                break
        else:
            raise ProtocolError(f"the answer has {_MOST_INTERIM} heads of status 1xx, and still no other")
        if not self._is_plain(head):
            self._begin_by_the_library(head)

    def _begin_by_the_library(self, head: bytes) -> None:
        stream, self.fp = self.fp, io.BytesIO(head)
        try:
            super().begin()
        except HTTPException as error:
            if type(error) in {HTTPException, LineTooLong}:  # too many headers for it, or one too long
                raise ProtocolError("the answer's head is odd, and too large to be read as such") from error
            raise
        finally:
            self.fp = stream
        check_head(self.msg)

    @cached_property
    def fields(self) -> dict[str, str]:
        """Header values by name in lower case; those of a repeated one are joined, as the standard has it."""
        return _joined(self.getheaders())

    def _head_that_is_there(self) -> bytes:
        """The head, if it came as a whole, or nothing; the stream is where it was."""
        there = self.fp.peek()
        return bytes(there[: there.find(b"\r\n\r\n") + 4])

    def _head(self) -> bytes:
        """Read the head line by line, however its lines end."""
        lines: list[bytes] = []
        left = MAX_HEAD
        while not lines or lines[-1] not in {b"\r\n", b"\n"}:
            line = self.fp.readline(left + 1)
            left -= len(line)
            lines.append(line)
            if not lines[0]:
                raise RemoteDisconnected("no answer")
            if not lines[0].startswith(b"HTTP/"):
                raise BadStatusLine("no HTTP")
            if left < 0:
                raise ProtocolError(
                    f"the answer's head is larger than {MAX_HEAD} bytes, the most that is read"
                )
            if not line.endswith(b"\n"):
                raise IncompleteRead(b"".join(lines))
        return b"".join(lines)

    def _is_plain(self, head: bytes) -> bool:
        """Take a head in, if it is plain."""
        plain = _PLAIN.fullmatch(head.decode("iso-8859-1"))
        if plain is None:
            return False
        status, reason, lines = plain.groups("")
        fields = _joined(_NAME_AND_VALUE.findall(lines))
        if not self._is_framed_by(fields, int(status)):
            return False
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
        if status in NO_CONTENT or self._method == "HEAD":
            self.length = 0
        self.will_close = "close" in connection or (self.length is None and not self.chunked)
        return True


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    fields = {name.lower(): value for name, value in pairs}
    if len(fields) == len(pairs):
        return fields
    every: dict[str, list[str]] = {}
    for name, value in pairs:
        every.setdefault(name.lower(), []).append(value)
    return {name: ", ".join(values) for name, values in every.items()}
