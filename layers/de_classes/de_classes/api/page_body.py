"""The text of a page's answer, cut into its list of records and what stands around it."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, Final

import msgspec

from de_classes.errors import MalformedDataError
from de_classes.utils.strict_json import loads
from de_classes.utils.values import DiscreetValue

_ONE_AT_A_TIME: Final = threading.Lock()  # msgspec crashes where threads look at one type for the first time
_PREFIX: Final = 32
_NO_RECORDS: Final = b"[]"
_FIELDS_KEPT: Final = 16
_SPACE: Final = b" \t\r\n"


class PageBody(DiscreetValue):
    """An answer in two.

    Attributes:
        rest: The answer with an empty list in place of its records; sound.
        records: The text of the list of records: well-formed, and UTF-8. It may still hold what is refused,
            such as a key twice or a number too large.
    """

    rest: Any
    records: bytes


def split(body: bytes, path: tuple[str, ...]) -> PageBody | None:
    """Cut an answer in two.

    What stands around the records is read strictly, with an empty list in their place: a second list of the
    same name, or anything else that is not sound, shows there.

    Args:
        body: JSON, UTF-8.
        path: The names that lead to the list of records; none if the answer is that list.

    Returns:
        The two; None if the answer is not plainly JSON with such a list there.
    """
    if not path:
        return _whole_list(body)
    text = _records_text(body, path)
    if text is None or not body.startswith(text, start := body.find(text[:_PREFIX])):
        return None
    try:
        rest = loads(body[:start] + _NO_RECORDS + body[start + len(text) :])
    except MalformedDataError:
        return None
    found = rest
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return PageBody(rest, text) if found == [] else None


def _whole_list(body: bytes) -> PageBody | None:
    """The answer is the list: msgspec sees that it is one well-formed value."""
    try:
        text = bytes(_raw().decode(body)).strip(_SPACE)
        if not text.isascii():
            text.decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return PageBody([], text) if text.startswith(b"[") else None


def _records_text(body: bytes, path: tuple[str, ...]) -> bytes | None:
    """The text under that path; the last, if there are several."""
    try:
        value: Any = _decoder(path).decode(body)
        for _ in path:
            value = value.below
        text = bytes(value)
        if not text.isascii():
            text.decode()  # msgspec does not look into what it leaves as it is
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return text if text.startswith(b"[") else None


@lru_cache(_FIELDS_KEPT)
def _decoder(path: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    with _ONE_AT_A_TIME:
        kind: Any = msgspec.Raw
        for name in reversed(path):
            kind = msgspec.defstruct("Answer", [("below", kind)], rename={"below": name})
        return msgspec.json.Decoder(kind)


@lru_cache(1)
def _raw() -> msgspec.json.Decoder[Any]:
    with _ONE_AT_A_TIME:
        return msgspec.json.Decoder(msgspec.Raw)
