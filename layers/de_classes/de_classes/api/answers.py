"""What an answer is read by, strictly: what cannot be trusted is an error, never an empty page.

``ANSWERS`` names every kind that a description can say: each makes of a body the part that pagination reads,
and the records. JSON has a fast way of its own, by ``split``; the others give dictionaries of text, or of
what their own syntax tells apart. ``PageReader`` makes a page of what they give.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from de_classes.api.charset import in_utf8
from de_classes.api.page import (
    ERROR_NAMES,
    Page,
    SplitAnswer,
    UndecodedRecords,
    asks_for_a_login,
    beside_records,
    is_page,
    lists_of_objects,
    other_kind,
    says_error,
    split,
    title_of,
)
from de_classes.errors import CorruptResponseError, MalformedDataError, ProtocolError, UnlikeDescribedError
from de_classes.redaction import excerpt
from de_classes.utils import strict_json
from de_classes.utils.paths import MISSING, finder, plain_names, records_finder, standing_there
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from de_classes.api.messages import HttpResponse

MAX_TOTAL: Final = 2**53
MAX_UNPACKED: Final = 1024 * 1024 * 1024
"""Bytes of one file after its compression is undone: more is refused."""

_SHAPES: Final = {"list": "list", "object": "object", "values": "object of objects"}
_ATTRIBUTE: Final = "@"
_TEXT: Final = "#text"
_ERROR_FIELDS: Final = frozenset(
    {*ERROR_NAMES, "ok", "success", "status", "code", "message", "detail", "type"}
)


class AnswerKind(Protocol):
    """Takes a body apart."""

    accept: str
    """What is asked for, as an ``Accept`` header."""

    def parse(self, body: bytes, reader: PageReader) -> Any:  # noqa: ANN401 - a JSON value
        """The answer as a JSON value, in which the reader's paths look things up.

        Args:
            body: In UTF-8, without a byte order mark, see ``in_utf8``.
            reader: What is described of the answer.

        Raises:
            MalformedDataError: It is not what its kind promises.
        """
        ...


class JsonAnswer:
    """One JSON value."""

    accept = "application/json"

    def parse(self, body: bytes, reader: PageReader) -> Any:  # noqa: ANN401 - a JSON value
        """The value."""
        return strict_json.loads(body)


class JsonLinesAnswer:
    """One JSON value a line; an empty body has none."""

    accept = "application/x-ndjson, application/jsonl, application/json;q=0.1"

    def parse(self, body: bytes, reader: PageReader) -> Any:  # noqa: ANN401 - a JSON value
        """A list of them."""
        values = [strict_json.loads(line) for line in body.splitlines() if line.strip()]
        if values and _is_error_among(values[-1], values[0]):
            raise MalformedDataError("the last line is an error, and no record")
        return values


class CsvAnswer:
    """A table with a header, or with the names that the description gives; every value is text."""

    accept = "text/csv"

    def parse(self, body: bytes, reader: PageReader) -> Any:  # noqa: ANN401 - a JSON value
        """A list of objects."""
        import csv  # noqa: PLC0415 - few sources speak CSV

        if body.lstrip()[:1] in {b"<", b"{"}:
            raise MalformedDataError("no CSV: it begins as HTML, XML or JSON does")
        rows = _csv_rows(body, reader)
        try:
            names = list(reader.names) or next(rows, [])
            if len(set(names)) != len(names):
                raise MalformedDataError("a CSV header with a name twice")
            records = [_named(names, row) for row in rows if _is_row(row, names)]
        except csv.Error as error:
            raise MalformedDataError(f"not CSV: {error}") from error
        if not records and not reader.names and len(names) == 1 and len(names[0].split()) > 1:
            raise MalformedDataError("one line of text, and no rows")
        return records


class XmlAnswer:
    """An element's children by their local names: repeated ones a list, attributes with ``@``, text as text.

    An element that has nothing but text is that text, and an empty one is null. The root's children are the
    answer, unless it is the one record itself; ``xml_record`` says which of them are always a list, even if
    there is one or none. White space around a text is left out.
    """

    accept = "application/xml, text/xml, application/atom+xml"

    def parse(self, body: bytes, reader: PageReader) -> Any:  # noqa: ANN401 - a JSON value
        """An object."""
        from defusedxml.common import DefusedXmlException  # noqa: PLC0415 - few sources speak XML
        from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415 - as above

        try:
            root = fromstring(body, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
            raise MalformedDataError(f"not XML that is accepted: {type(error).__name__}") from error
        if _local(root.tag).lower() == "html":
            raise MalformedDataError("a page for people, no answer in XML")
        value = _element(root, reader.xml_record)
        fields = value if isinstance(value, dict) else {}
        is_record = bool(fields) and _local(root.tag) == reader.xml_record == reader.records_field
        return {reader.records_field: [fields]} if is_record and reader.xml_record not in fields else fields


ANSWERS: Final[Mapping[str, AnswerKind]] = {
    "json": JsonAnswer(),
    "jsonl": JsonLinesAnswer(),
    "csv": CsvAnswer(),
    "xml": XmlAnswer(),
}
"""Every kind of answer, by its name in a description."""

AnswerName = Literal["json", "jsonl", "csv", "xml"]


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

    def read(self, response: HttpResponse, number: int, *, leaves_text: bool = False, url: str = "") -> Page:
        """Check and take apart one answer of status 200.

        Args:
            response: The answer.
            number: The page's place in the run, from 1.
            leaves_text: Whether the records are left as text for a ``PageDecoder``, where they can be.
            url: Where it came from.

        Raises:
            CorruptResponseError: Not what its kind promises, or without records: worth another try.
            ProtocolError: The totals are not numbers of pages or records.
        """
        text = self._text(response)
        is_plain = (
            self.kind == "json" and self.records_are == "list" and not self.names and not self.compression
        )
        names = plain_names(self.records_field) if is_plain else None
        body = None if names is None else split(text, names)
        if body is not None and names is not None and leaves_text:
            answer = body.rest
            records: Sequence[dict[str, Any]] = UndecodedRecords(body.records)
            payload: Mapping[str, Any] = SplitAnswer(answer, names, records) if names else {}
        else:
            try:
                answer = ANSWERS[self.kind].parse(text, self)
            except MalformedDataError as error:
                raise self._not_readable(text, response.headers, error) from error
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
            if isinstance(records, UndecodedRecords):
                self._sound(records.text, response.headers, strict_json.loads)
            raise

    def decoded(self, page: Page, decode: Callable[[bytes], Sequence[dict[str, Any]]]) -> Page:
        """A page whose records were left as text, decoded; any other as it is.

        Raises:
            CorruptResponseError: They are not sound JSON, or no objects: worth another try.
        """
        if not isinstance(page.records, UndecodedRecords):
            return page
        return page.decoded(self._sound(page.records.text, page.headers, decode))

    def _sound(
        self, text: bytes, headers: Mapping[str, str], decode: Callable[[bytes], Sequence[dict[str, Any]]]
    ) -> Sequence[dict[str, Any]]:
        try:
            records = decode(text)
            _check_objects(records, self.records_field)
        except MalformedDataError as error:
            raise _not_sound(headers, error, self.kind) from error
        return records

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


def unpacked(body: bytes, compression: str | None) -> bytes:
    """A file as it was before it was compressed.

    Args:
        body: As it was served.
        compression: ``gzip``, ``zip`` (of one file), or None.

    Raises:
        CorruptResponseError: It is cut short or damaged.
        ProtocolError: It is too large, or a zip of several files.
    """
    if compression == "gzip":
        return _gunzipped(body)
    return _unzipped(body) if compression == "zip" else body


def _gunzipped(body: bytes) -> bytes:
    parts, size = [], 0
    while body:
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            part = decoder.decompress(body, MAX_UNPACKED - size + 1)
        except zlib.error as error:
            raise CorruptResponseError("the gzip file is damaged") from error
        size += len(part)
        if size > MAX_UNPACKED:
            raise ProtocolError(f"the gzip file holds more than {MAX_UNPACKED} bytes: ask for less at once")
        if not decoder.eof:
            raise CorruptResponseError("the gzip file is cut short")
        parts.append(part)
        body = decoder.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _unzipped(body: bytes) -> bytes:
    import zipfile  # noqa: PLC0415 - few sources serve archives

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            files = [each for each in archive.infolist() if not each.is_dir()]
            if len(files) != 1:
                raise ProtocolError(f"the zip holds {len(files)} files, where one was expected")
            if files[0].file_size > MAX_UNPACKED:
                raise ProtocolError(f"the zip holds more than {MAX_UNPACKED} bytes: ask for less at once")
            with archive.open(files[0]) as member:
                return member.read(MAX_UNPACKED)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise CorruptResponseError("the zip file is damaged") from error


def _is_error_among(last: Any, first: Any) -> bool:  # noqa: ANN401 - JSON values
    """Whether a line says that it is an error, where records are otherwise, or where it says nothing else."""
    if not (isinstance(last, dict) and isinstance(first, dict) and says_error(last)):
        return False
    return last.keys() <= _ERROR_FIELDS if last is first else last.keys().isdisjoint(first)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedDataError(f"not UTF-8 at byte {error.start}") from error


def csv_header(body: bytes, reader: PageReader) -> tuple[str, ...]:
    """The first row of a CSV answer that was read, unless its names are described."""
    return () if reader.names else tuple(next(_csv_rows(body, reader), ()))


def _csv_rows(body: bytes, reader: PageReader) -> Iterator[list[str]]:
    import csv  # noqa: PLC0415 - few sources speak CSV

    text = io.StringIO(_text(body).rstrip("\r\n"), newline="")
    return csv.reader(text, delimiter=reader.delimiter, strict=True)


def _is_row(row: list[str], names: list[str]) -> bool:
    """Whether a line is a row, and not an empty line.

    Raises:
        MalformedDataError: It may be one, or is the header again.
    """
    if not row and len(names) == 1:
        raise MalformedDataError("an empty line in a CSV of one column, which may be a row")
    if row == names and len(names) > 1:
        raise MalformedDataError(
            "a CSV row that is the header again: if it is the file's own, leave out names"
        )
    return bool(row)


def _named(names: list[str], row: list[str]) -> dict[str, str]:
    if len(row) != len(names):
        raise MalformedDataError(f"a CSV row of {len(row)} cells, where there are {len(names)} columns")
    return dict(zip(names, row, strict=True))


def _element(element: Any, record: str | None) -> Any:  # noqa: ANN401 - ElementTree's, or a JSON value
    fields: dict[str, Any] = {}
    for name, text in element.attrib.items():
        _add(fields, f"{_ATTRIBUTE}{_local(name)}", text)
    for child in element:
        name, value = _local(child.tag), _element(child, record)
        if name == record and name not in fields:
            fields[name] = [value]
        else:
            _add(fields, name, value)
    texts = (element.text, *(child.tail for child in element))
    text = " ".join(each.strip() for each in texts if each and each.strip())
    if not fields:
        return text or None
    return {**fields, _TEXT: text} if text else fields


def _add(fields: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401 - a JSON value
    """Set a field, or make a list of it where it is there, be it by another namespace."""
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def _local(name: str) -> str:
    return name.rpartition("}")[2]


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
