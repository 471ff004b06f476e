"""The user's own records in whatever file they are: JSON Lines, a JSON array, CSV or Parquet.

A file of JSON is served byte for byte from where it lies. CSV and Parquet are written once as JSON Lines,
into the temporary directory, and served from there; in memory are 16 bytes a record, whichever it is.
"""

from __future__ import annotations

import os
import re
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from de_classes.errors import ConfigurationError
from de_classes.redaction import excerpt
from de_classes.simulators.records import JsonLinesRecords, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, BinaryIO, TextIO

KINDS: Final = "JSON Lines, a JSON array, CSV (by a name that ends in .csv) or Parquet"

_PARQUET: Final = b"PAR1"
_BOM: Final = b"\xef\xbb\xbf"
_HEAD: Final = 4096
_CHUNK: Final = 2**20
_BATCH: Final = 1000
_MOST_PROBLEMS: Final = 20
_LINES: Final = frozenset({".jsonl", ".ndjson"})
_OTHERS: Final = {
    b"\x1f\x8b": "is compressed by gzip: unzip it",
    b"PK\x03\x04": "is a ZIP archive, or a workbook: save its table as CSV",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd: unpack it",
    b"<": "is XML or HTML",
    b"\xff\xfe": "is UTF-16: save it as UTF-8",
    b"\xfe\xff": "is UTF-16: save it as UTF-8",
}
# What brings the next bracket, past whole strings: a string that is cut off matches nothing.
_TO_BRACKET: Final = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)


def open_records(path: str | Path) -> JsonLinesRecords:
    """The records of a file, told by its content, and CSV by its name.

    Example:
        >>> open_records("orders.csv").slice(0, 1)
        [b'{"id":"7","total":"9.50"}']

    Args:
        path: Of the file, which must not change while it is served.

    Raises:
        ConfigurationError: It cannot be read, or holds something else, which the error names.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise ConfigurationError(f"the records in {path} cannot be read: {error.strerror}") from error
    start = head.removeprefix(_BOM).lstrip()
    suffix = path.suffix.lower()
    if start.startswith(_PARQUET):
        return ConvertedRecords(path, parquet_records(path))
    if suffix == ".csv":
        return ConvertedRecords(path, csv_records(path))
    if start.startswith(b"["):
        return JsonArrayRecords(path)
    if not start or start.startswith(b"{") or suffix in _LINES:
        return JsonLinesRecords(path)
    for begins, said in _OTHERS.items():
        if start.startswith(begins):
            raise ConfigurationError(f"{path} {said}; records are {KINDS}")
    shown = excerpt(head.decode("utf-8", "replace").split("\n", 1)[0], 40)
    raise ConfigurationError(f"{path} begins with {shown!r}; records are {KINDS}")


class JsonArrayRecords(JsonLinesRecords):
    """The user's own file, one JSON array of objects, each served byte for byte.

    It is read through once, a piece at a time: a record that is larger than that is held whole.

    Args:
        path: Of the file, which must not change while it is served.

    Raises:
        ConfigurationError: It cannot be read, or is no array of objects; ``problems`` name what is wrong.
    """

    what = "a JSON array of objects"

    def _index(self, file: BinaryIO) -> list[str]:
        problems: list[str] = []
        for start, record, wrong in _elements(file):
            if wrong is None:
                self._note(start, start + len(record))
            if problem := wrong or problem_of(record):
                problems.append(f"record {self.count}: {problem}")
            if len(problems) == _MOST_PROBLEMS:
                return [*problems, "and perhaps more after these"]
        return problems


def _elements(file: BinaryIO) -> Iterator[tuple[int, bytes, str | None]]:
    """Each object of an array: where it begins, it, and None; or last what is wrong beside the objects."""
    scanner = _ArrayScanner()
    size = _CHUNK
    while chunk := file.read(size):
        before = scanner.position
        yield from scanner.feed(chunk)
        if scanner.problem:
            yield 0, b"", scanner.problem
            return
        size = _CHUNK if scanner.position > before else size * 2  # a long string is not begun anew too often
    if problem := scanner.end():
        yield 0, b"", problem


class _ArrayScanner:
    """Finds the objects of an array in pieces of its text."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.position = 0  # until where brackets were found
        self._held = b""
        self._held_from = 0
        self._depth = 0
        self._begun: int | None = None
        self._is_first = True
        self._is_over = False

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes, None]]:
        self._held += chunk
        while not self.problem and not self._is_over:
            found = _TO_BRACKET.match(self._held, self.position - self._held_from)
            if found is None:
                break
            yield from self._bracket(found[1], found.start(1) + self._held_from)
        keep = self.position if self._begun is None else self._begun
        self._held, self._held_from = self._held[keep - self._held_from :], keep

    def _bracket(self, bracket: bytes, at: int) -> Iterator[tuple[int, bytes, None]]:
        between = self._held[self.position - self._held_from : at - self._held_from]
        if self._depth == 1:
            self.problem = self._problem_between(between.strip(), bracket)
        elif self._depth == 0:
            self.problem = None if bracket == b"[" else "no array"
        self.position = at + 1
        if bracket in b"[{":
            if self._depth == 1:
                self._begun = at
            self._depth += 1
            return
        self._depth -= 1
        self._is_over = self._depth == 0
        if self._depth == 1 and self._begun is not None:
            yield self._begun, self._held[self._begun - self._held_from : at + 1 - self._held_from], None
            self._begun, self._is_first = None, False

    def _problem_between(self, between: bytes, bracket: bytes) -> str | None:
        expected = b"" if self._is_first or bracket == b"]" else b","
        if between != expected or bracket in b"[}":
            shown = excerpt((between + bracket).decode("utf-8", "replace"), 40)
            return f"after it stands {shown!r}, and no object"
        return None

    def end(self) -> str | None:
        """What is wrong once there is no more; None if nothing is."""
        if not self._is_over:
            return "after it the array does not end"
        rest = self._held[self.position - self._held_from :]
        return (
            f"behind the array stands {excerpt(rest.decode('utf-8', 'replace'), 40)!r}"
            if rest.strip()
            else None
        )


class ConvertedRecords(JsonLinesRecords):
    """Records of another kind of file, as JSON Lines in the temporary directory as long as they are served.

    Args:
        path: Of the file that they came from.
        records: They.

    Raises:
        ConfigurationError: They cannot be read, or there is no space for them.
    """

    def __init__(self, path: Path, records: Iterable[dict[str, Any]]) -> None:
        import tempfile  # noqa: PLC0415 - JSON needs none

        descriptor, copy = tempfile.mkstemp(prefix="records-", suffix=".jsonl")
        weakref.finalize(self, Path(copy).unlink, missing_ok=True)
        encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(encoder.encode(record) + b"\n" for record in records)
        except OSError as error:
            message = f"the records in {path} cannot be copied to {copy}: {error.strerror}"
            raise ConfigurationError(message) from error
        super().__init__(copy)


def csv_records(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, every value as text, since CSV knows no other.

    Args:
        path: Of a file in UTF-8 whose first line names the columns, with commas, semicolons or tabs between.

    Raises:
        ConfigurationError: It is no such file, and which line is wrong.
    """
    import csv  # noqa: PLC0415 - JSON needs none

    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            header = _header(file)
            rows = csv.reader(file, delimiter=max(",;\t", key=header.count), strict=True)
            names = next(rows, [])
            if len(set(names)) < len(names) or "" in names:
                raise ConfigurationError(
                    f"{path}: line 1 must name every column, each by another name: {header!r}"
                )
            for row in rows:
                if len(row) != len(names) and row:
                    raise ConfigurationError(
                        f"{path}: line {rows.line_num} has {len(row)} values for {len(names)} columns"
                    )
                if row:
                    yield dict(zip(names, row, strict=True))
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{path} is not in UTF-8: save it so") from error
        except csv.Error as error:
            raise ConfigurationError(f"{path}: line {rows.line_num}: {error}") from error


def _header(file: TextIO) -> str:
    line = file.readline()
    file.seek(0)
    return line.rstrip("\r\n")


def parquet_records(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a batch at a time.

    Raises:
        ConfigurationError: It cannot be read, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - by those alone who have such a file
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        message = f"{path} is Parquet, which takes pyarrow: pip install 'de-classes[parquet]'"
        raise ConfigurationError(message) from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH):
                yield from batch.to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise ConfigurationError(f"{path} is Parquet that cannot be read: {error}") from error
