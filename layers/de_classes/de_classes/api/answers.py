"""How answers are encoded: what makes of a body the part that pagination reads, and the records.

``ANSWERS`` names every kind that a description can say. JSON has a fast way of its own, see ``page_body``;
the others give dictionaries of text, or of what their own syntax tells apart.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from de_classes.api.what_came import ERROR_NAMES, says_error
from de_classes.errors import CorruptResponseError, MalformedDataError, ProtocolError
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from de_classes.api.page import PageReader

MAX_UNPACKED: Final = 1024 * 1024 * 1024
"""Bytes of one file after its compression is undone: more is refused."""

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
