"""Formats: which there are, and what each offers: a writer and a reader of records, and of DataFrames.

A new one is a codec in a file of its own, and an entry in ``utils/formats.py``.

Records are what the worker streams; DataFrames are what people analyse. A codec needs only the first
face: the second goes through `frames`, which is imported when somebody asks for it and not before.
"""

from __future__ import annotations

import codecs
import io
from abc import ABC, abstractmethod
from collections import Counter
from importlib import import_module
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

from de_classes.errors import InvalidInputError, MalformedDataError, UnsupportedFormatError
from de_classes.utils.formats import FORMATS, find_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

    import pandas as pd

    from de_classes.storage.format.blocks import Batch, Column, ColumnDecoder
    from de_classes.storage.format.schema import Record, Schema


def format_names() -> tuple[str, ...]:
    """Name every format, without its aliases."""
    return tuple(FORMATS)


def canonical_format(name: str) -> str:
    """Find the name a format goes by; upper case and aliases are understood.

    Raises:
        UnsupportedFormatError: There is no such format; those there are get listed.
    """
    canonical = find_format(name)
    if canonical is None:
        aliases = (alias for each in FORMATS.values() for alias in each.aliases)
        known = ", ".join((*FORMATS, *aliases))
        raise UnsupportedFormatError(f"{name!r} is no format: choose one of {known}")
    return canonical


def format_of_key(key: str, name: str | None = None) -> str:
    """The format that was named, or else the one that the key's extension tells; no codec is loaded.

    Raises:
        UnsupportedFormatError: There is no such format, or neither says anything.
    """
    found = name or PurePosixPath(key).suffix.removeprefix(".").lower()
    if not found:
        raise UnsupportedFormatError(f"{key!r} has no extension: name the format, or add one to the key")
    return canonical_format(found)


def get_codec(name: str, *, escape_formulas: bool = False) -> FormatCodec:
    """Load a format's codec, importing what it needs only now.

    Args:
        name: The format's name or alias.
        escape_formulas: Write CSV for spreadsheets, see ``CsvCodec``; the other formats run no formulas.

    Raises:
        UnsupportedFormatError: There is no such format, or the library it needs is not installed.
    """
    canonical = canonical_format(name)
    known = FORMATS[canonical]
    module_name, _, class_name = known.codec.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        package = f"'de-classes[{known.extra}]'" if known.extra else error.name
        raise UnsupportedFormatError(
            f"format {canonical!r} needs {error.name}: pip install {package}, or take a format "
            "of text, --format jsonl or csv"
        ) from error
    options = {"escape_formulas": True} if escape_formulas and canonical == "csv" else {}
    codec: FormatCodec = getattr(module, class_name)(**options)
    return codec


T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of ``size`` items; the last may be shorter, and none is empty."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


class Chunker(Generic[T]):
    """Takes items as they come and hands them on in batches of one size.

    Where a batch ends depends on the items' positions alone, so whatever is decided once a batch
    (a type, a row group) is the same however the items arrived.

    Args:
        size: Items in a batch; no more than that are held back.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[T] = []

    def add(self, items: Sequence[T]) -> Iterator[list[T]]:
        """Yield the batches that these items complete."""
        self._held.extend(items)
        whole = len(self._held) - len(self._held) % self._size
        complete, self._held = self._held[:whole], self._held[whole:]
        return batched(complete, self._size)

    def rest(self) -> list[T]:
        """Give up the unfinished batch, which may be empty."""
        held, self._held = self._held, []
        return held


CHUNK_BYTES = 1 << 16
MAX_RECORD_BYTES = 1 << 26


def read_lines(source: BinaryIO) -> Iterator[bytes]:
    r"""Yield lines with their ``\n``; only the last may lack it. Nothing else ends a line.

    Raises:
        MalformedDataError: A line is longer than 64 MiB.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := source.read(CHUNK_BYTES):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join((*parts, line, b"\n"))
            parts, size = [], 0
        parts.append(rest)
        size = check_size(size + len(rest))
    if size:
        yield b"".join(parts)


def check_size(size: int) -> int:
    """Pass on the size of a record in bytes or characters, if it may be that large.

    Raises:
        MalformedDataError: It is over 64 MiB, so the file is hardly what it should be.
    """
    if size > MAX_RECORD_BYTES:
        raise MalformedDataError(f"a record is longer than {MAX_RECORD_BYTES} bytes")
    return size


def decode_utf8(data: bytes, where: str) -> str:
    """Decode, or say where it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedDataError(f"{where}: not UTF-8 ({error.reason})") from error


def read_text(source: BinaryIO) -> Iterator[str]:
    """Yield the text in pieces of no particular size.

    Raises:
        MalformedDataError: It is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := source.read(CHUNK_BYTES):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise MalformedDataError(f"not UTF-8 ({error.reason})") from error


READ_BATCH_ROWS = 1_000


class RecordWriter(ABC):
    r"""Writes records to a target that the caller opened and will close.

    Memory does not grow with the number of records. As a context manager it closes itself, or
    abandons the target when the block raised.

    Example:
        >>> target = io.BytesIO()
        >>> with get_codec("jsonl").open_writer(target) as writer:
        ...     writer.write([{"id": 1}])
        >>> target.getvalue()
        b'{"id":1}\n'

    Attributes:
        schema: The columns and types known so far.
        records: How many records were written.
        rounded: By column, how many numbers had more digits than the format keeps.
        values: By column, how many values are not null; Parquet alone counts them.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.records = 0
        self.rounded: Counter[str] = Counter()
        self.values: Counter[str] = Counter()
        self._closed = False

    def write(self, records: Sequence[Record]) -> None:
        """Append records.

        Raises:
            UnsupportedValueError: The format cannot hold one of the values; column and row are named.
        """
        self._check_open()
        self._append(records)
        self.records += len(records)

    def write_fitting(self, batch: Batch, columns: tuple[Column, ...] | None = None) -> None:
        """Append records of which the caller has made sure that they fit the schema.

        Args:
            batch: The records.
            columns: The same, field by field in the schema's order, if they were decoded so.

        Raises:
            UnsupportedValueError: The format cannot hold one of the values; column and row are named.
        """
        self._check_open()
        self._append_fitting(batch, columns)
        self.records += len(batch)

    @property
    def pending_size(self) -> int:
        """Bytes held back that the target will get: a file that is cut by its size is cut in time by them.

        A format that writes what it is given at once has none.
        """
        return 0

    def close(self) -> None:
        """Complete the file; asking twice is harmless. The target stays open."""
        if not self._closed:
            self._closed = True
            self._finish()

    def abandon(self) -> None:
        """Let go of everything held, and leave the target as it is: unfinished."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidInputError("the writer is closed: open another one for more records")

    def _append_fitting(self, batch: Batch, columns: tuple[Column, ...] | None) -> None:
        """Write these records by the shortest way that the format has."""
        self._append(batch.records())

    @abstractmethod
    def _append(self, records: Sequence[Record]) -> None:
        """Write these records; ``self.records`` were written before."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what ends the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error_type is None:
            self.close()
        else:
            self.abandon()


class FormatCodec(ABC):
    r"""One file format, to be subclassed for another; ``get_codec`` gives those that there are, by name.

    Example:
        >>> codec = get_codec("csv")
        >>> list(codec.read(io.BytesIO(b"id\n1\n2\n")))
        [[{'id': 1}, {'id': 2}]]

    Attributes:
        name: What the format is called in settings and requests: its name in ``FORMATS``.
        has_timestamp_type: A timestamp looks different from a string in this format. Where it does
            not, a column of nothing but zoned RFC 9557 texts is taken for timestamps in a DataFrame.
        keeps_columns: A file without rows still names its columns. It needs a schema, too, or the parts of
            a dataset would name different ones.
        needs_schema: A file has one schema, which must be known before its first record.
        preserves_key_order: An object in a cell is written key by key, in the order in which they came.
        supports_raw_json: A record that came as JSON is written verbatim, so that no column is made of it.
    """

    name: ClassVar[str]
    has_timestamp_type: ClassVar[bool] = False
    keeps_columns: ClassVar[bool] = False
    needs_schema: ClassVar[bool] = False
    preserves_key_order: ClassVar[bool] = False
    supports_raw_json: ClassVar[bool] = False

    @property
    def extension(self) -> str:
        """What a key ends with, with its dot: the name."""
        return f".{self.name}"

    @property
    def content_type(self) -> str:
        """For the object's Content-Type header."""
        return FORMATS[self.name].media_type

    @abstractmethod
    def open_writer(
        self, target: BinaryIO, *, schema: Schema | None = None, spool_dir: Path | str | None = None
    ) -> RecordWriter:
        """Start a file.

        Args:
            target: Where the bytes go; only its ``write`` is used.
            schema: The columns, in order. Without it, those of the first records written.
            spool_dir: Where a temporary file may go, for a format that must know all records before it
                writes the first byte; the system's directory by default. It is counted in ``pending_size``,
                and ``abandon`` lets go of it by ``close_unread``.
        """

    @abstractmethod
    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        """Yield the records in batches of bounded size.

        Raises:
            MalformedDataError: The bytes are not what the format promises; says where.
        """

    def read_columns(self, source: BinaryIO) -> tuple[str, ...]:
        """Name the columns that the file declares; none if the format has no such declaration."""
        return ()

    def decoder_of(self, schema: Schema) -> ColumnDecoder | None:
        """How to decode straight what is written under a schema; None if that cannot be."""
        from de_classes.storage.format import decoders  # noqa: PLC0415 - only for those who write

        decoder = decoders.line_decoder_of(schema) if self.supports_raw_json else decoders.decoder_of(schema)
        return None if decoder and decoder.has_structs and self.preserves_key_order else decoder

    def needs_new_segment(self, before: Schema, after: Schema) -> bool:
        """Whether a file begun under one schema cannot go on under a wider one."""
        return False

    def rewrite(self, source: BinaryIO, before: Schema, writer: RecordWriter) -> None:
        """Write what a file of this format holds once more, under a wider schema.

        Args:
            source: The file, at its beginning.
            before: The schema that it was written under.
            writer: A writer of this format, begun under the wider schema.

        Raises:
            MalformedDataError: The bytes are not what the format promises; says where.
        """
        del before  # records say by themselves what they are
        for batch in self.read(source):
            writer.write(batch)

    def dump_frame(self, frame: pd.DataFrame) -> bytes:
        """Encode a DataFrame.

        Raises:
            UnsupportedValueError: It would not read back equal; the column and the mend are named.
        """
        from de_classes.storage.format import frames  # noqa: PLC0415 - pandas only for those who ask

        schema, records = frames.records_from_frame(
            frame, self.name, has_timestamp_type=self.has_timestamp_type, keeps_columns=self.keeps_columns
        )
        target = io.BytesIO()
        with self.open_writer(target, schema=schema) as writer:
            writer.write(records)
        return target.getvalue()

    def load_frame(self, data: bytes) -> pd.DataFrame:
        """Decode a DataFrame.

        Raises:
            MalformedDataError: The bytes are not what the format promises; says where.
        """
        return self.load_frames([io.BytesIO(data)])

    def load_frames(self, sources: Iterable[BinaryIO]) -> pd.DataFrame:
        """Decode files that are parts of one whole, as if they were one file.

        Args:
            sources: The files, which can seek; each is read to its end before the next is asked for.

        Raises:
            MalformedDataError: The bytes are not what the format promises; says where.
        """
        from de_classes.storage.format import frames  # noqa: PLC0415 - pandas only for those who ask

        records: list[Record] = []
        columns: dict[str, None] = {}
        for source in sources:
            columns |= dict.fromkeys(self.read_columns(source))
            source.seek(0)
            records.extend(chain.from_iterable(self.read(source)))
        return frames.frame_from_records(records, tuple(columns), has_timestamp_type=self.has_timestamp_type)
