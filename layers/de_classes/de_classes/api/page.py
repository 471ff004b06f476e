"""One page of records, and what it is known again by once its records are gone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn

from de_classes.api.what_came import beside_records
from de_classes.utils.digests import digest
from de_classes.utils.paths import placed

if TYPE_CHECKING:
    from collections.abc import Iterator

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
