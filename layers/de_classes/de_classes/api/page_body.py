"""The text of a page's answer, cut into its list of records and what stands around it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from de_classes.errors import MalformedDataError
from de_classes.utils.strict_json import loads
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.format.blocks import RecordBlock

_ONE_AT_A_TIME: Final = threading.Lock()  # msgspec crashes where threads look at one type for the first time
_PREFIX: Final = 32
_NO_RECORDS: Final = b"[]"
_FIELDS_KEPT: Final = 16


class PageBody(DiscreetValue):
    """An answer in two.

    Attributes:
        rest: The answer with an empty list in place of its records; sound.
        records: The text of the list of records: well-formed, and UTF-8. It may still hold what is refused,
            such as a key twice or a number too large.
    """

    rest: dict[str, Any]
    records: bytes


class BlockPayload(Mapping[str, Any]):
    """An answer whose records are dictionaries only for those who ask for them.

    Args:
        rest: The answer with an empty list in place of its records.
        field: The name of that list.
        block: The records.
    """

    def __init__(self, rest: dict[str, Any], field: str, block: RecordBlock) -> None:
        self._rest = rest
        self._field = field
        self._block = block

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a JSON value is of any type
        return self._block.records() if key == self._field else self._rest[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rest)

    def __len__(self) -> int:
        return len(self._rest)


def split(body: bytes, field: str) -> PageBody | None:
    """Cut an answer in two.

    What stands around the records is read strictly, with an empty list in their place: a second list of the
    same name, or anything else that is not sound, shows there.

    Args:
        body: JSON, UTF-8.
        field: The name of the list of records.

    Returns:
        The two; None if the answer is not plainly an object with such a list.
    """
    text = _records_text(body, field)
    if text is None or not body.startswith(text, start := body.find(text[:_PREFIX])):
        return None
    try:
        rest = loads(body[:start] + _NO_RECORDS + body[start + len(text) :])
    except MalformedDataError:
        return None
    return PageBody(rest, text) if rest.get(field) == [] else None


def _records_text(body: bytes, field: str) -> bytes | None:
    """The text under that name; the last, if there are several."""
    try:
        text = bytes(_decoder(field).decode(body).records)
        if not text.isascii():
            text.decode()  # msgspec does not look into what it leaves as it is
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return text if text.startswith(b"[") else None


@lru_cache(_FIELDS_KEPT)
def _decoder(field: str) -> msgspec.json.Decoder[Any]:
    with _ONE_AT_A_TIME:
        answer = msgspec.defstruct("Answer", [("records", msgspec.Raw)], rename={"records": field})
        return msgspec.json.Decoder(answer)
