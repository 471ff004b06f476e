"""One page of an API's answer, read strictly: what cannot be trusted is an error, never an empty page."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from de_classes.api.answers import ANSWERS, csv_header, unpacked
from de_classes.api.charset import in_utf8
from de_classes.api.loop_guard import mark_of
from de_classes.api.overlap import edges_of
from de_classes.api.page_body import BlockPayload, split
from de_classes.api.paths import MISSING, finder, plain_names, records_finder, standing_there
from de_classes.api.what_came import (
    asks_for_a_login,
    beside_records,
    is_page,
    lists_of_objects,
    other_kind,
    says_error,
    title_of,
)
from de_classes.common.logger.redaction import excerpt
from de_classes.errors import CorruptResponseError, MalformedDataError, ProtocolError, UnlikeDescribedError
from de_classes.storage.format.blocks import RecordBlock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.api.messages import HttpResponse
    from de_classes.storage.format.columns import CurrentShape

MAX_TOTAL = 2**53
_WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class Page(Mapping[str, Any]):
    """A page of records; as a mapping, the JSON object that the API sent (``page["data"]``).

    Example:
        >>> page = client.fetch_page(1, limit=2)
        >>> page.number, len(page.records), page.total_records, page["total_pages"]
        (1, 2, 5, 3)

    Attributes:
        number: Its place in the run, from 1.
        records: The records, in the API's order: a list, or a ``RecordBlock`` on its way into an object.
        payload: The whole answer; empty if that is no object.
        answer: What paths are looked up in: any JSON value, in which the records may be left out.
        total_pages: How many pages the API says there are, or None if it does not say.
        total_records: How many records it says there are, or None.
        size: Bytes of the answer, decoded.
        digest: SHA-256 of the answer, hexadecimal.
        headers: The answer's headers, names in lower case.
        url: Where it came from, without what auth added.
        checksum: CRC-32 of the text of the records, where the answer is JSON that has such a list; else None.
        left: Records that were left for the next page, mostly those at its end, see ``LastRecordPagination``.
        header: The names in the first row of an answer in CSV; none of any other.
    """

    number: int
    records: Sequence[dict[str, Any]] = field(repr=False)
    payload: Mapping[str, Any] = field(repr=False)
    total_pages: int | None = None
    total_records: int | None = None
    size: int = 0
    digest: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    answer: Any = field(default=None, repr=False, compare=False)
    url: str = field(default="", repr=False, compare=False)
    checksum: int | None = field(default=None, repr=False, compare=False)
    left: Sequence[dict[str, Any]] = field(default=(), repr=False, compare=False)
    header: tuple[str, ...] = field(default=(), repr=False, compare=False)
    _told: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.answer is None:
            object.__setattr__(self, "answer", self.payload)

    @property
    def mark(self) -> str | None:
        """The loop guard's fingerprint of the records, see ``mark_of``; worked out once."""
        if "mark" not in self._told:
            self._told["mark"] = mark_of(self.records, self.checksum)
        mark: str | None = self._told["mark"]
        return mark

    @property
    def edges(self) -> tuple[str, ...]:
        """Short hashes of the first and the last record, see ``edges_of``; worked out once."""
        if "edges" not in self._told:
            self._told["edges"] = edges_of(self.records)
        edges: tuple[str, ...] = self._told["edges"]
        return edges

    @property
    def doubt(self) -> str | None:
        """What the answer says beside its records that makes them doubtful, such as ``errors``; or None."""
        return beside_records(self.answer)

    def numbered(self, number: int) -> Page:
        """The same page at another place."""
        return self._as_it_was_written(replace(self, number=number))

    def with_records(self, records: Sequence[dict[str, Any]]) -> Page:
        """The same page with other records."""
        return self._as_it_was_written(replace(self, records=records, checksum=None))

    def as_written(self, path: str, found: Any) -> Any:  # noqa: ANN401 - JSON values
        """What was found at a path, with numbers as text, letter for letter, where that was looked up."""
        return self._told.get(_WRITTEN, {}).get(path, found)

    def note_written(self, path: str, written: Any) -> None:  # noqa: ANN401 - a JSON value
        """Keep how what stands at a path is written, see ``as_written``."""
        self._told.setdefault(_WRITTEN, {})[path] = written

    def _as_it_was_written(self, page: Page) -> Page:
        for path, written in self._told.get(_WRITTEN, {}).items():
            page.note_written(path, written)
        return page

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a JSON value is of any type
        return self.payload[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.payload)

    def __len__(self) -> int:
        return len(self.payload)


class PageReader(Value):
    """Knows how an answer is encoded, and where in it things stand.

    Attributes:
        records_field: The path of the records; ``@`` if the answer is all there is.
        total_pages_field: The path of the number of pages; None for an API that has none.
        total_records_field: The path of the number of records.
        kind: How answers are encoded, one of ``ANSWERS``.
        records_are: ``list``; ``object``: the one object there is the record; ``values``: an object of
            objects.
        key_into: For ``values``: the field that gets each object's name.
        names: For a list of lists: the name of each place. For CSV: those of a file without a header.
        delimiter: Of CSV.
        xml_record: For XML: the name of a record's element, which is a list even if there is one or none.
        compression: Of a file that is served as it is: ``gzip``, ``zip``, or None.
        is_total_required: Whether an answer without the number of records is wrong.
    """

    records_field: str = "data"
    total_pages_field: str | None = "total_pages"
    total_records_field: str | None = "total_records"
    kind: str = "json"
    records_are: str = "list"
    key_into: str | None = None
    names: tuple[str, ...] = ()
    delimiter: str = ","
    xml_record: str | None = None
    compression: str | None = None
    is_total_required: bool = False

    def read(
        self, response: HttpResponse, number: int, current: CurrentShape | None = None, *, url: str = ""
    ) -> Page:
        """Check and take apart one answer of status 200.

        Args:
            response: The answer.
            number: The page's place in the run, from 1.
            current: What is written of the pages before, where they are written. Then the records become a
                ``RecordBlock`` that is still to be decoded, see ``PageDecoder``, if the text allows it.
            url: Where it came from.

        Raises:
            CorruptResponseError: Not what its kind promises, or without records: worth another try.
            ProtocolError: The totals are not numbers of pages or records.
        """
        text = self._text(response)
        names = self._fast_path()
        body = None if names is None else split(text, names)
        if body is not None and names is not None and current is not None:
            answer, block = body.rest, RecordBlock(body.records)
            records: Sequence[dict[str, Any]] = block
            payload: Mapping[str, Any] = BlockPayload(answer, names, block) if names else {}
        else:
            answer = self._parsed(text, response.headers)
            payload, records = answer if isinstance(answer, dict) else {}, self._records(answer)
        total_pages, total_records = self._totals(answer, records, response)
        if says_error(answer) and not records:
            raise CorruptResponseError(
                f"the answer has no records, and says that it is an error: {beside_records(answer)}; if that "
                'is how the source says that it has none, a description says so by errors, action = "empty"'
            )
        return Page(
            number=number,
            records=records,
            payload=payload,
            total_pages=total_pages,
            total_records=total_records,
            size=len(response.body),
            digest=hashlib.sha256(response.body).hexdigest(),
            headers=response.headers,
            answer=answer,
            url=url,
            checksum=None if body is None else zlib.crc32(body.records),
            header=csv_header(text, self) if self.kind == "csv" else (),
        )

    def empty(self, response: HttpResponse, number: int) -> Page:
        """A page without records, for an answer that a description says to be one."""
        digest = hashlib.sha256(response.body).hexdigest()
        return Page(number, [], {}, size=len(response.body), digest=digest, headers=response.headers)

    def answer_of(self, response: HttpResponse) -> Any:  # noqa: ANN401 - a JSON value
        """What an answer of any status says, as far as its kind or JSON can be read; else None."""
        for kind in dict.fromkeys((self.kind, "json")):
            try:
                return ANSWERS[kind].parse(
                    in_utf8(response.body, response.headers, is_xml=kind == "xml"), self
                )
            except (MalformedDataError, ProtocolError, RecursionError):
                continue
        return None

    def _fast_path(self) -> tuple[str, ...] | None:
        is_plain = (
            self.kind == "json" and self.records_are == "list" and not self.names and not self.compression
        )
        return plain_names(self.records_field) if is_plain else None

    def _parsed(self, text: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - a JSON value
        try:
            return ANSWERS[self.kind].parse(text, self)
        except MalformedDataError as error:
            raise self._not_readable(text, headers, error) from error

    def _not_readable(
        self, body: bytes, headers: Mapping[str, str], error: MalformedDataError
    ) -> CorruptResponseError:
        """Trouble that may pass, unless it shows that something else is meant."""
        came = f"the answer ({excerpt(headers.get('content-type') or 'no content type', 60)})"
        if asks_for_a_login(body):
            return UnlikeDescribedError(
                f"{came} is a page{title_of(body)} for people to log in: the source wants "
                "other credentials (auth, --username or --header-file), or the address is not its API's "
                "(base_url, path)"
            )
        if is_page(body):
            return CorruptResponseError(
                f"{came} is a page for people{title_of(body)}, no {self.kind.upper()}"
            )
        if kind := other_kind(body, headers, self.kind):
            return UnlikeDescribedError(
                f"{came} is {kind.upper()}, no {self.kind.upper()}: a description says so by "
                f'answer = "{kind}"'
            )
        return _not_sound(headers, error, self.kind)

    def as_written(self, response: HttpResponse, path: str) -> Any:  # noqa: ANN401 - a JSON value
        """What stands at a path of a JSON answer, fractions as text: a float may stand for several."""
        return finder(path)(json.loads(self._text(response), parse_float=str))

    def _text(self, response: HttpResponse) -> bytes:
        """The answer in UTF-8. What a compressed file is declared to be says nothing of what is in it."""
        headers = {} if self.compression else response.headers
        try:
            body = unpacked(response.body, self.compression)
            return in_utf8(body, headers, is_xml=self.kind == "xml")
        except MalformedDataError as error:
            raise _not_sound(response.headers, error, self.kind) from error

    def _records(self, answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a JSON value
        found = records_finder(self.records_field)(answer)
        if found is MISSING and self.xml_record == self.records_field.rpartition(".")[2]:
            found = []  # an XML list without elements
        elif found is None and self._is_sound_otherwise(answer):
            found = []  # as some write an empty list; it is asked for again like any page that came empty
        if self.records_are == "object" and isinstance(found, dict):
            found = [found]
        elif self.records_are == "values" and isinstance(found, dict):
            found = [self._keyed(name, value) for name, value in found.items()]
        if not isinstance(found, list):
            raise self._no_records(answer, found)
        records: list[Any] = (
            [self._of_list(item) for item in found] if self.names and self.kind != "csv" else found
        )
        _check_objects(records, self.records_field)
        return records

    def _is_sound_otherwise(self, answer: Any) -> bool:  # noqa: ANN401 - a JSON value
        """Whether an answer has, but for its records, what is described, and neither an error nor a list."""
        total = self.total_pages_field
        is_told = bool(answer) and (total is None or finder(total)(answer) is not MISSING)
        return is_told and not says_error(answer) and not lists_of_objects(answer)

    def _no_records(self, answer: Any, found: object) -> CorruptResponseError:  # noqa: ANN401 - a JSON value
        """Trouble that may pass, unless the answer has records somewhere else, or in another shape."""
        message = (
            f"the answer has no {_SHAPES[self.records_are]} {self.records_field!r}; it has "
            f"{standing_there(answer)}"
        )
        if elsewhere := lists_of_objects(answer):
            where = ", ".join(excerpt(path, 60) for path in elsewhere)
            return UnlikeDescribedError(
                f"{message}: name the records by records_path (--records-field), such as {where}"
            )
        if isinstance(found, dict) and self.records_are == "list" and not says_error(answer):
            return UnlikeDescribedError(
                f"{message}: that is an object, which a description says by records_are"
            )
        return CorruptResponseError(message)

    def _keyed(self, name: str, value: Any) -> Any:  # noqa: ANN401 - a JSON value
        if self.key_into and isinstance(value, dict) and value.get(self.key_into, name) != name:
            raise UnlikeDescribedError(
                f"the records have {self.key_into!r} of their own, other than their names: name it otherwise "
                "by key_into"
            )
        return {self.key_into: name, **value} if self.key_into and isinstance(value, dict) else value

    def _of_list(self, item: object) -> object:
        if not isinstance(item, list):
            return item
        if len(item) != len(self.names):
            raise UnlikeDescribedError(f"a record of {len(item)} values, where names has {len(self.names)}")
        return dict(zip(self.names, item, strict=True))

    def _totals(
        self,
        answer: Any,  # noqa: ANN401 - a JSON value
        records: Sequence[dict[str, Any]],
        response: HttpResponse,
    ) -> tuple[int | None, int | None]:
        try:
            return (
                self._total(answer, self.total_pages_field, required=True),
                self._total(answer, self.total_records_field, required=self.is_total_required),
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
            raise _not_sound(headers, error, self.kind) from error

    def _total(self, answer: Any, path: str | None, *, required: bool) -> int | None:  # noqa: ANN401 - a JSON value
        if path is None:
            return None
        found = finder(path)(answer)
        if found is not MISSING:
            return read_total(found, path)
        if required:
            raise ProtocolError(
                f"the answer has no {path!r}, it has {standing_there(answer)}: name the right field, or say "
                "that there is none (--total-pages-field none, or no such line in the description)"
            )
        return None


_SHAPES = {"list": "list", "object": "object", "values": "object of objects"}


def _check_objects(records: Sequence[object], field: str) -> None:
    if not all(isinstance(record, dict) for record in records):
        raise UnlikeDescribedError(
            f"the list {field!r} holds something that is not an object: name another by records_path "
            "(--records-field), say by names what its lists hold, or leave out by a filter what is none, as "
            "edges[?node].node does"
        )


def _not_sound(headers: Mapping[str, str], error: MalformedDataError, kind: str) -> CorruptResponseError:
    said = headers.get("content-type") or "no content type"
    return CorruptResponseError(f"the answer ({excerpt(said, 60)}) is not sound {kind.upper()}: {error}")


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
