"""What an answer of status 206 says that it is a part of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from de_classes.errors import ProtocolError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.api.messages import HttpResponse

_RANGE = re.compile(r"\s*(?:([\w.-]+)[ =]\s*)?([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)\s*", re.ASCII)
_TOTAL = re.compile(r"\s*(?:([\w.-]+)[ =]\s*)?(?:[0-9]{1,15}-[0-9]{1,15}|\*)/([0-9]{1,15})\s*", re.ASCII)
_BYTES = "bytes"
IGNORE_206 = (
    'if its pages are meant so, an error rule says it, errors = [{ status = [206], action = "ignore" }]'
)


class ContentRange(Value):
    """``Content-Range: items 0-9/30``, as sources say it that page by ranges of records.

    Attributes:
        unit: What is counted, in lower case; ``items`` where it is not said.
        first: The first that is there, from 0.
        last: The last.
        total: How many there are in all; None if that is not said.
    """

    unit: str
    first: int
    last: int
    total: int | None

    @classmethod
    def of(cls, response: HttpResponse) -> ContentRange | None:
        """What an answer says; None if it says nothing that can be read."""
        match = _RANGE.fullmatch(response.header("content-range") or "")
        if match is None:
            return None
        total = None if match[4] == "*" else int(match[4])
        return cls((match[1] or "items").lower(), int(match[2]), int(match[3]), total)

    @staticmethod
    def total_of(headers: Mapping[str, str]) -> int | None:
        """How many records there are in all, be the range empty (``items */0``); None if that is not said.

        Args:
            headers: Of an answer, names in lower case.
        """
        match = _TOTAL.fullmatch(headers.get("content-range", ""))
        return None if match is None or (match[1] or "").lower() == _BYTES else int(match[2])

    def may_be_read(self, response: HttpResponse) -> bool:
        """Whether the body is no torn one: records are counted, or every byte of it is there."""
        if self.unit != _BYTES:
            return True
        is_coded = response.header("content-encoding") is not None
        is_all = self.first == 0 and self.last + 1 == self.total
        return is_all and (is_coded or self.total == len(response.body))

    def check(self, records: int, wanted: int | None, *, url: str) -> None:
        """Make sure that the records are there that the answer says, and all that were asked for.

        Args:
            records: How many came.
            wanted: How many were asked for, or None.
            url: Where they came from, without secrets.

        Raises:
            ProtocolError: Some are not.
        """
        if self.unit == _BYTES:
            return
        there = self.last - self.first + 1
        is_all = wanted is None or there >= wanted or self.last + 1 == self.total
        if there == records and is_all:
            return
        asked = "" if wanted is None else f" of {wanted} that were asked for"
        total = "*" if self.total is None else self.total
        raise ProtocolError(
            f"{url} answered 206, {self.unit} {self.first}-{self.last}/{total}, and {records} records came"
            f"{asked}: {IGNORE_206}"
        )
