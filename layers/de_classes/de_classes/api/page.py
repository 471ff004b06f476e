"""One page: the records of an answer, what stands beside them, and what it is known again by."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from de_classes.errors import MalformedDataError
from de_classes.redaction import excerpt, shared_filter
from de_classes.utils.digests import digest
from de_classes.utils.paths import placed
from de_classes.utils.strict_json import loads
from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.utils.run_records import PageEntry

_MARK_BYTES: Final = 8
_CHECKSUM_BYTES: Final = 4
_EDGE_BYTES: Final = 6
_WRITTEN: Final = "written"
_NOTHING: Final = re.compile(rb"\[[ \t\r\n]*\]")


class UndecodedRecords(Sequence[dict[str, Any]]):
    """The records of a page that nobody has decoded yet: their text, and whether there are any.

    Asking for anything else of them is an error.

    Args:
        text: The JSON array of them, well-formed.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text

    def __bool__(self) -> bool:
        return _NOTHING.fullmatch(self.text) is None

    def __len__(self) -> NoReturn:  # noqa: PLE0303 - how many is not known yet
        self._refuse()

    def __getitem__(self, _: Any) -> NoReturn:  # noqa: ANN401 - an index or a slice
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise LookupError("the records of this page are not decoded: see PageDecoder")


class SplitAnswer(Mapping[str, Any]):
    """An answer apart from its records, which it holds as dictionaries only for those who ask for them.

    Args:
        rest: The answer with an empty list in place of its records.
        path: The names that lead to that list.
        records: The records.
    """

    def __init__(
        self, rest: dict[str, Any], path: tuple[str, ...], records: Sequence[dict[str, Any]]
    ) -> None:
        self._rest = rest
        self._path = path
        self._records = records

    @cached_property
    def _whole(self) -> dict[str, Any]:
        return placed(self._rest, ".".join(self._path), list(self._records))

    def with_records(self, records: Sequence[dict[str, Any]]) -> SplitAnswer:
        """The same answer, its records decoded."""
        return SplitAnswer(self._rest, self._path, records)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a JSON value is of any type
        return self._whole[key] if key == self._path[0] else self._rest[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rest)

    def __len__(self) -> int:
        return len(self._rest)


@dataclass(frozen=True, slots=True)
class Page(Mapping[str, Any]):
    """A page of records; as a mapping, the JSON object that the API sent (``page["data"]``).

    Example:
        >>> page = client.fetch_page(1, limit=2)
        >>> page.number, len(page.records), page.total_records, page["total_pages"]
        (1, 2, 5, 3)

    Attributes:
        number: Its place in the run, from 1.
        records: The records, in the API's order: a list, or what a ``RecordDecoder`` makes of their text.
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
        """The fingerprint of the records, see ``mark_of``; worked out once."""
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

    def decoded(self, records: Sequence[dict[str, Any]]) -> Page:
        """The same page, its records decoded."""
        payload = (
            self.payload.with_records(records) if isinstance(self.payload, SplitAnswer) else self.payload
        )
        return self._as_it_was_written(replace(self, records=records, payload=payload))

    def with_totals(self, *, pages: int | None = None, records: int | None = None) -> Page:
        """The same page where it says how many pages or records there are; None leaves what is known."""
        pages = self.total_pages if pages is None else pages
        records = self.total_records if records is None else records
        return self._as_it_was_written(replace(self, total_pages=pages, total_records=records))

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


def mark_of(records: Sequence[dict[str, Any]], checksum: int | None = None) -> str | None:
    """A page's fingerprint, hexadecimal; None where the records are too alike to tell pages apart.

    It is of all records: of the first, the last, their number, and the checksum of the whole text, where that
    is known. A hash of the text would take as long as decoding it.

    Args:
        records: The page's.
        checksum: CRC-32 of the text of the list of records as it came; None if it is not known.
    """
    if not _is_telling(records):
        return None
    if checksum is None:
        return digest(list(records), _MARK_BYTES).hex()
    ends = digest([len(records), records[0], records[-1]], _MARK_BYTES - _CHECKSUM_BYTES)
    return (ends + checksum.to_bytes(_CHECKSUM_BYTES)).hex()


def edges_of(records: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Short hashes of the first and the last record; nothing if there is none."""
    return (short_hash(records[0]), short_hash(records[-1])) if records else ()


def short_hash(record: dict[str, Any]) -> str:
    """What a record is known again by, hexadecimal."""
    return digest(record, _EDGE_BYTES).hex()


def _is_telling(records: Sequence[dict[str, Any]]) -> bool:
    """Whether two differ: nearly always the first and the last do, and the others need not be looked at."""
    if len(records) <= 1:
        return False
    first = records[0]
    return records[-1] != first or any(record != first for record in records)


_LOOKED_AT: Final = 64 * 1024
_DEPTH: Final = 4
_NAMED_AT_MOST: Final = 5
ERROR_NAMES: Final = ("errors", "error", "Error", "fault", "exception")
"""By which an answer of status 200 says that it is an error."""

_SUCCESS_NAMES: Final = ("ok", "success")
_TELLING: Final = frozenset({*ERROR_NAMES, *_SUCCESS_NAMES})
_PARTIAL_NAMES: Final = ("incomplete_results", "partial", "partial_results", "timed_out", "is_partial")


# Compiled when they are needed, which few processes live to see: each costs a start half a millisecond.
_PASSWORD: Final = rb"""(?i)<input[^>]*\btype\s*=\s*["']?password\b"""
_TITLE: Final = rb"(?i)<title[^>]*>([^<]*)</title"
_HTML: Final = rb"(?is)\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html\b)"


def says_error(answer: Any) -> bool:  # noqa: ANN401 - a JSON value
    """Whether a JSON answer of status 200 says that it is an error."""
    if not isinstance(answer, dict):
        return False
    return _error_name(answer) is not None


def beside_records(answer: Any) -> str | None:  # noqa: ANN401 - a JSON value
    """What an answer says beside its records that makes them doubtful; None for nothing.

    That is an error, or one of the usual flags of partial results.
    """
    if not isinstance(answer, dict):
        return None
    found = _error_name(answer)
    flag = next((name for name in _PARTIAL_NAMES if answer.get(name) is True), None)
    name = found or flag
    if name is None:
        return None
    return f"{name!r}: {shared_filter().text(excerpt(str(answer[name]), 120))}"


def lists_of_objects(answer: Any) -> list[str]:  # noqa: ANN401 - a JSON value
    """The paths of what may be the records, ``@`` for the answer itself; none where it is an error."""
    if says_error(answer):
        return []
    found = _lists_in(answer, "", _DEPTH)
    return [path or "@" for path, _ in zip(found, range(_NAMED_AT_MOST), strict=False)]


def other_kind(body: bytes, headers: Mapping[str, str], kind: str) -> str | None:
    """Another kind of answer that a body is, of those that a description can say; None for anything else.

    Args:
        body: In UTF-8.
        headers: Its answer's, names in lower case.
        kind: What it was read as, in vain.
    """
    said = headers.get("content-type", "").lower()
    start = body.lstrip()[:1]
    seems = None
    if start == b"<":
        seems = None if is_page(body) else "xml"
    elif start in {b"{", b"["}:
        seems = _json_kind(body)
    elif "csv" in said:
        seems = "csv"
    return seems if seems != kind else None


def is_page(body: bytes) -> bool:
    """Whether a body is HTML, which no description can say."""
    return re.match(_HTML, body[:_LOOKED_AT]) is not None


def asks_for_a_login(body: bytes) -> bool:
    """Whether a page is a form for people to log in by."""
    return is_page(body) and re.search(_PASSWORD, body[:_LOOKED_AT]) is not None


def title_of(body: bytes) -> str:
    """What a page is called, for a message; nothing if it does not say."""
    found = re.search(_TITLE, body[:_LOOKED_AT])
    title = excerpt(found[1].decode("utf-8", "replace").strip(), 60) if found else ""
    return f" '{title}'" if title else ""


def _error_name(answer: Mapping[str, Any]) -> str | None:
    if _TELLING.isdisjoint(answer):
        return None
    denied = (name for name in _SUCCESS_NAMES if answer.get(name) is False)
    return next((name for name in ERROR_NAMES if answer.get(name)), None) or next(denied, None)


def _json_kind(body: bytes) -> str | None:
    try:
        return None if says_error(loads(body)) else "json"
    except MalformedDataError:
        pass
    first, _, rest = body.strip().partition(b"\n")
    try:
        loads(first)
    except MalformedDataError:
        return None
    return "jsonl" if rest.lstrip().startswith(b"{") else None


def _lists_in(value: Any, path: str, depth: int) -> Iterator[str]:  # noqa: ANN401 - a JSON value
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield path
    elif isinstance(value, dict) and depth:
        for name, item in value.items():
            yield from _lists_in(item, f"{path}.{name}" if path else str(name), depth - 1)


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


class Seam(Value):
    """How a page fits the page beside it.

    Attributes:
        repeats: Whether a row at the seam is on both pages.
        slid: Whether that shows that rows slid from page to page: no row is twice on one page, so that
            the data does not repeat by itself.
    """

    repeats: bool = False
    slid: bool = False


class Overlap:
    """Holds the records of the furthest page, or, right after a resume, their short hashes.

    A page that is fetched late is held against the edges of the pages on both its sides.

    Args:
        front: The furthest page that was taken.
        tail: Hashes of its records, as ``tail`` gives them.
        edges: By page, hashes of the first and the last record, as ``edges_of`` gives them; of the pages
            beside those that are still to come.
    """

    def __init__(
        self, front: int, tail: Iterable[str] = (), edges: Mapping[int, Sequence[str]] | None = None
    ) -> None:
        self._front = front
        self._hashes = tuple(tail)
        self._edges = dict(edges or {})
        self._records: Sequence[dict[str, Any]] = []

    def step(self, page: Page) -> Seam:
        """Take a page; tells how it fits the page before it, or, if it comes late, both its neighbours."""
        if page.number <= self._front:
            return self._late_seam(page)
        seam = self._seam(page) if page.number == self._front + 1 else Seam()
        self._front = page.number
        self._hashes = () if page.records else self._hashes
        self._records = page.records or self._records
        return seam

    def tail(self) -> tuple[str, ...]:
        """Short hashes of the furthest page's records."""
        return self._hashes or hashes_of(self._records)

    def _seam(self, page: Page) -> Seam:
        if not page.records or not self._holds(page.records[0]):
            return Seam()
        return Seam(repeats=True, slid=_goes_on_with(self.tail(), hashes_of(page.records)))

    def _holds(self, record: dict[str, Any]) -> bool:
        return record in self._records or (bool(self._hashes) and short_hash(record) in self._hashes)

    def _late_seam(self, page: Page) -> Seam:
        before = self._edges.get(page.number - 1, ())[-1:]
        after = self._edges.get(page.number + 1, ())[:1]
        hashes = hashes_of(page.records)
        self._edges[page.number] = page.edges
        repeats = not {*before, *after}.isdisjoint(hashes)
        return Seam(repeats, repeats and _is_distinct(hashes))


def still_stands(page: Page, entry: PageEntry) -> bool:
    """Whether a page begins and ends as when it was taken; others may have been appended to it since."""
    return len(page.records) >= entry.records and edges_of(page.records[: entry.records]) == entry.edges


def _goes_on_with(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether a page begins with the rows that the page before it ends with, each once on either.

    A page that is the one before it all over again is a loop, which is somebody else's to see.
    """
    if after[0] not in before:  # equal, but not the same: 1 and 1.0
        return False
    start = before.index(after[0])
    fits = all(mine == theirs for mine, theirs in zip(before[start:], after, strict=False))
    return start > 0 and fits and _is_distinct(before) and len(after) == len(set(after))


def _is_distinct(hashes: Sequence[str]) -> bool:
    """Whether no row is there twice; a row alone tells nothing of the others."""
    return len(hashes) == len(set(hashes)) > 1


def seam_of(before: Sequence[str], after: Sequence[str]) -> Seam:
    """How pages fit that were read by different workers.

    Args:
        before: Short hashes of the records of a page; none if they are not known.
        after: Those of the page behind it.
    """
    if not after or after[0] not in before:
        return Seam()
    return Seam(repeats=True, slid=_goes_on_with(before, after))


def hashes_of(records: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Short hashes of records, one each."""
    return tuple(map(short_hash, records))
