"""One page of an API's answer, read strictly: what cannot be trusted is an error, never an empty page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from de_classes.api.loop_guard import mark_of
from de_classes.api.overlap import edges_of
from de_classes.api.page_body import BlockPayload, split
from de_classes.common.logger.redaction import excerpt
from de_classes.errors import CorruptResponseError, MalformedDataError, ProtocolError
from de_classes.storage.format.blocks import RecordBlock
from de_classes.utils.strict_json import loads
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.api.messages import HttpResponse
    from de_classes.storage.format.columns import CurrentShape

MAX_TOTAL = 2**53


@dataclass(frozen=True, slots=True)
class Page(Mapping[str, Any]):
    """A page of records; as a mapping, the JSON object that the API sent (``page["data"]``).

    Attributes:
        number: Its place in the run, from 1.
        records: The records, in the API's order: a list, or a ``RecordBlock`` on its way into an object.
        payload: The whole answer.
        total_pages: How many pages the API says there are, or None if it does not say.
        total_records: How many records it says there are, or None.
        size: Bytes of the answer, decoded.
        digest: SHA-256 of the answer, hexadecimal.
        headers: The answer's headers, names in lower case.
    """

    number: int
    records: Sequence[dict[str, Any]] = field(repr=False)
    payload: Mapping[str, Any] = field(repr=False)
    total_pages: int | None = None
    total_records: int | None = None
    size: int = 0
    digest: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    _told: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def mark(self) -> str | None:
        """The loop guard's fingerprint of the records, see ``mark_of``; worked out once."""
        if "mark" not in self._told:
            self._told["mark"] = mark_of(self.records)
        mark: str | None = self._told["mark"]
        return mark

    @property
    def edges(self) -> tuple[str, ...]:
        """Short hashes of the first and the last record, see ``edges_of``; worked out once."""
        if "edges" not in self._told:
            self._told["edges"] = edges_of(self.records)
        edges: tuple[str, ...] = self._told["edges"]
        return edges

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a JSON value is of any type
        return self.payload[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.payload)

    def __len__(self) -> int:
        return len(self.payload)


class PageReader(Value):
    """Knows where in an answer things stand.

    Attributes:
        records_field: The list of records.
        total_pages_field: The number of pages; None for an API that has none.
        total_records_field: The number of records; may be absent from answers.
    """

    records_field: str = "data"
    total_pages_field: str | None = "total_pages"
    total_records_field: str | None = "total_records"

    def read(self, response: HttpResponse, number: int, current: CurrentShape | None = None) -> Page:
        """Check and take apart one answer of status 200.

        Args:
            response: The answer.
            number: The page's place in the run, from 1.
            current: What is written of the pages before, where they are written. Then the records become a
                ``RecordBlock`` that is still to be decoded, see ``PageDecoder``, if the text allows it.

        Raises:
            CorruptResponseError: Not JSON, not an object, or without a list of records: worth another try.
            ProtocolError: The totals are not numbers of pages or records.
        """
        payload, records = self._taken_apart(response, current)
        total_pages, total_records = self._totals(payload, records, response)
        return Page(
            number=number,
            records=records,
            payload=payload,
            total_pages=total_pages,
            total_records=total_records,
            size=len(response.body),
            digest=hashlib.sha256(response.body).hexdigest(),
            headers=response.headers,
        )

    def _taken_apart(
        self, response: HttpResponse, current: CurrentShape | None
    ) -> tuple[Mapping[str, Any], Sequence[dict[str, Any]]]:
        body = None if current is None else split(response.body, self.records_field)
        if body is not None:
            block = RecordBlock(body.records)
            return BlockPayload(body.rest, self.records_field, block), block
        payload = self._payload(response)
        return payload, self._records(payload)

    def _payload(self, response: HttpResponse) -> dict[str, Any]:
        try:
            payload = loads(response.body)
        except MalformedDataError as error:
            raise _not_sound(response.headers, error) from error
        if not isinstance(payload, dict):
            raise CorruptResponseError("the answer is JSON, but not an object")
        return payload

    def _records(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        records = payload.get(self.records_field)
        if not isinstance(records, list):
            names = ", ".join(excerpt(name, 40) for name in sorted(payload)[:8]) or "no fields at all"
            raise CorruptResponseError(f"the answer has no list {self.records_field!r}; it has {names}")
        _check_objects(records, self.records_field)
        return records

    def _totals(
        self, payload: Mapping[str, Any], records: Sequence[dict[str, Any]], response: HttpResponse
    ) -> tuple[int | None, int | None]:
        try:
            return (
                self._total(payload, self.total_pages_field, required=True),
                self._total(payload, self.total_records_field, required=False),
            )
        except ProtocolError:
            # An answer that is damaged elsewhere too says nothing about the source's totals.
            self.make_sure(records, response.headers)
            raise

    def make_sure(self, records: Sequence[dict[str, Any]], headers: Mapping[str, str]) -> None:
        """Decode what was only read as text, by dictionaries, unless it was decoded another way.

        Args:
            records: Of a page.
            headers: Of its answer.

        Raises:
            CorruptResponseError: They are not sound JSON, or no objects: worth another try.
        """
        if not isinstance(records, RecordBlock) or records.is_decoded:
            return
        try:
            _check_objects(records.records(), self.records_field)
        except MalformedDataError as error:
            raise _not_sound(headers, error) from error

    def _total(self, payload: Mapping[str, Any], name: str | None, *, required: bool) -> int | None:
        if name is None or (name not in payload and not required):
            return None
        if name not in payload:
            raise ProtocolError(
                f"the answer has no {name!r}: name the right field, or say that there is none"
            )
        return read_total(payload[name], name)


def _check_objects(records: Sequence[object], field: str) -> None:
    if not all(isinstance(record, dict) for record in records):
        raise CorruptResponseError(f"the list {field!r} holds something that is not an object")


def _not_sound(headers: Mapping[str, str], error: MalformedDataError) -> CorruptResponseError:
    kind = headers.get("content-type") or "no content type"
    return CorruptResponseError(f"the answer ({excerpt(kind, 60)}) is not sound JSON: {error}")


def read_total(value: object, name: str) -> int:
    """A count as APIs send it: a whole number, or one written as text.

    Raises:
        ProtocolError: Anything else: null, negative, a fraction, words.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOTAL:
        return value
    raise ProtocolError(f"{name!r} should be a whole number of 0 or more, not '{excerpt(str(value), 40)}'")
