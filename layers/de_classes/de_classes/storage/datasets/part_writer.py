"""Records in, one part of a dataset out: encoded into a temporary file until they are all there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from msgspec import field, structs

from de_classes.errors import InvalidInputError, ObjectExistsError
from de_classes.storage.clients.object_store import (
    DEFAULT_PART_SIZE,
    METADATA_KEY,
    ObjectWrite,
    check_part_size,
)
from de_classes.storage.clients.spool import Spool, errors_from_os
from de_classes.storage.datasets.manifest import PART, QUARANTINE, ManifestPart, dataset_name, part_name
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.segmented import SegmentedWriter
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from de_classes.storage.clients.object_store import Content, ObjectInfo, ObjectStore
    from de_classes.storage.format.blocks import ColumnDecoder
    from de_classes.storage.format.codec import FormatCodec
    from de_classes.storage.format.schema import Record, Schema, Widening


class RecordSpool:
    """Takes records until it is sealed, then is uploaded, as often as it takes.

    Memory does not grow with the records. The disk holds the file once, and for a moment twice if its
    schema widened on the way; nothing of it is left after ``release``.

    Args:
        codec: The format.
        name: What it is to become, for the messages.
        spool: Where it is encoded into; closed by ``release``.
        schema: Columns known beforehand.
        spool_dir: Where other temporary files go; the system's directory by default.
    """

    def __init__(
        self,
        codec: FormatCodec,
        name: str,
        spool: Spool,
        *,
        schema: Schema | None = None,
        spool_dir: Path | None = None,
    ) -> None:
        self._name = name
        self._is_sealed = False
        self._is_aborted = False
        self._spool = spool
        # A writer asks of its target nothing but ``write``.
        target = cast("BinaryIO", spool)
        self._writer = SegmentedWriter(
            codec, target, schema=schema, spool_dir=spool_dir, set_aside=spool.set_aside
        )

    @property
    def records(self) -> int:
        """How many records were taken until now."""
        return self._writer.records

    @property
    def size(self) -> int:
        """Bytes on the disk until now; what a format still gathers in memory is not among them."""
        return self._spool.size + self._writer.pending_size

    @property
    def schema(self) -> Schema:
        """The columns and types seen until now; final once sealed."""
        return self._writer.schema

    @property
    def decoder(self) -> ColumnDecoder | None:
        """How to decode straight what is written next, see ``SegmentedWriter``."""
        return self._writer.decoder

    @property
    def widenings(self) -> tuple[Widening, ...]:
        """What later records changed in the schema."""
        return self._writer.widenings

    @property
    def rounded(self) -> dict[str, int]:
        """By column, how many numbers had more digits than the format keeps."""
        return dict(self._writer.rounded)

    @property
    def values(self) -> dict[str, int]:
        """By column, how many values are not null; Parquet alone counts them."""
        return dict(self._writer.values)

    @property
    def content(self) -> Content:
        """The finished file's size and checksum, once sealed."""
        return self._spool.content

    @property
    def is_sealed(self) -> bool:
        """Whether it takes no more records because they are all there."""
        return self._is_sealed

    def write(self, records: Sequence[Record]) -> None:
        """Take records. If that fails, it is aborted: some of them would be missing.

        Raises:
            UnsupportedValueError: The format cannot hold a value.
            InvalidInputError: It was sealed or aborted before.
            StorageUnavailableError: The disk is full.
        """
        if self._is_sealed or self._is_aborted:
            raise InvalidInputError(f"{self._name!r} is closed: open another sink for more records")
        with self._abort_on_failure(), errors_from_os(self._name):
            self._writer.write(records)

    def seal(self) -> None:
        """Complete the file; asking twice is harmless.

        Raises:
            InvalidInputError: It was aborted, or a write failed.
        """
        if self._is_aborted:
            raise InvalidInputError(f"nothing to commit to {self._name!r}: it was aborted, or a write failed")
        if not self._is_sealed:
            with self._abort_on_failure(), errors_from_os(self._name):
                self._writer.close()
            self._is_sealed = True

    def upload(self, client: ObjectStore, write: ObjectWrite, *, part_size: int) -> ObjectInfo:
        """Store the sealed file, with its checksum declared; may be tried again.

        Raises:
            StorageError: The store refuses, or does not answer; nothing is visible.
        """
        return client.upload_stream(
            self._spool.measured(),
            write.bucket,
            write.key,
            part_size=part_size,
            content_type=write.content_type,
            metadata={**(write.metadata or {}), METADATA_KEY: self.content.sha256},
            if_none_match=write.if_none_match,
        )

    def abort(self) -> None:
        """Forget what was written."""
        self._is_aborted = True
        self.release()

    def release(self) -> None:
        """Delete the temporary files; what was measured stays known."""
        self._writer.abandon()
        self._spool.close()

    @contextmanager
    def _abort_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.abort()
            raise


class WrittenPart(Value):
    """What ``PartWriter.seal`` stored: a part as the manifest names it, and its schema.

    Example:
        >>> with PartWriter(store, "lake", "orders", "jsonl") as writer:
        ...     writer.write(orders)
        ...     sealed = writer.seal(1, 1, 1)  # pass, first page, last page
        >>> sealed.part.first_page, sealed.schema.describe()
        (1, {'id': 'int64', 'total': 'float64'})

    Attributes:
        part: What the manifest says of it.
        schema: The columns and types of this part alone, the declared ones included.
        widenings: What its records changed in the declared schema.
        rounded: By column, how many numbers had more digits than the format keeps.
        values: By column, how many values are not null; Parquet alone counts them.
    """

    part: ManifestPart
    schema: Schema
    widenings: tuple[Widening, ...] = ()
    rounded: dict[str, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)


class PartWriter:
    """Takes the records of some pages and stores them as one part, named by pages and content.

    One writer is one part. As a context manager, what is not sealed inside it is aborted. Whether anything
    can be written there is for the caller to check, once for all parts (``ObjectStore.check_writable``).

    Example:
        >>> with PartWriter(store, "lake", "orders", "jsonl") as writer:
        ...     writer.write(orders)
        ...     sealed = writer.seal(1, 1, 1)  # pass, first page, last page
        >>> sealed.part.records
        2

    Args:
        client: Any object store.
        bucket: Its bucket.
        dataset: The key prefix of the dataset.
        format: The format's name, such as parquet.
        is_quarantine: Whether the records were set aside; the key shows it, and hides it from most engines.
        schema: Columns known beforehand, such as those of the parts before.
        escape_formulas: Write CSV for spreadsheets, see ``DataFormatService``.
        spool_dir: Where temporary files go; by default as for ``ObjectSink``.
        part_size: Bytes in a part of an upload; a few of them are in memory at a time.
        run_id: The run that writes it, where the dataset takes more than one, see ``part_name``.

    Raises:
        UnsupportedFormatError: There is no such format.
        InvalidInputError: ``spool_dir`` is no directory, or ``part_size`` is out of S3's bounds.
    """

    def __init__(
        self,
        client: ObjectStore,
        bucket: str,
        dataset: str,
        format: str,  # noqa: A002 - the same name as everywhere in this library
        *,
        is_quarantine: bool = False,
        schema: Schema | None = None,
        escape_formulas: bool = False,
        spool_dir: Path | None = None,
        part_size: int = DEFAULT_PART_SIZE,
        run_id: str = "",
    ) -> None:
        check_part_size(part_size)
        self._run_id = run_id
        self._client = client
        self._bucket = bucket
        self._dataset = dataset_name(dataset)
        self._kind = QUARANTINE if is_quarantine else PART
        self._part_size = part_size
        self._is_done = False
        self._codec = get_codec(format, escape_formulas=escape_formulas)
        spool = Spool.bound_for(client, bucket, spool_dir)
        self._spool = RecordSpool(
            self._codec, f"{self._dataset}/{self._kind}", spool, schema=schema, spool_dir=spool_dir
        )

    @property
    def records(self) -> int:
        """How many records were taken until now."""
        return self._spool.records

    @property
    def size(self) -> int:
        """Bytes on the disk until now, or a little less than there will be.

        Up to 1,000 records are not counted yet, and of Parquet the row group under way: 32 MiB in memory.
        """
        return self._spool.size

    @property
    def schema(self) -> Schema:
        """The columns and types seen until now, the declared ones included."""
        return self._spool.schema

    @property
    def decoder(self) -> ColumnDecoder | None:
        """How to decode straight what is written next, see ``SegmentedWriter``."""
        return self._spool.decoder

    def write(self, records: Sequence[Record]) -> None:
        """Take records. If that fails, the part is aborted: some of them would be missing.

        Raises:
            UnsupportedValueError: The format cannot hold a value.
            InvalidInputError: The part was sealed or aborted before.
            StorageUnavailableError: The disk is full.
        """
        self._spool.write(records)

    def seal(self, pass_: int, first_page: int, last_page: int) -> WrittenPart | None:
        """Store the part; the same records of the same pages stored before count as success.

        A seal that failed may be tried again.

        Args:
            pass_: The pass over the source, from 1.
            first_page: The first page whose records are in it.
            last_page: The last one.

        Returns:
            What was stored; None if the pages held no record, which needs no object.

        Raises:
            StorageError: The store refuses, or does not answer.
            InvalidInputError: It was sealed or aborted before, or the pages run backwards.
        """
        if self._is_done or not 1 <= first_page <= last_page:
            raise InvalidInputError(
                f"no part of pages {first_page}-{last_page}: it is sealed already, or these are no pages"
            )
        self._spool.seal()
        stored = self._store((pass_, first_page, last_page)) if self.records else None
        self._is_done = True
        self._spool.release()
        return stored

    def abort(self) -> None:
        """Forget what was written. After a seal there is nothing left to forget."""
        if not self._is_done:
            self._spool.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abort()

    def _store(self, pages: tuple[int, int, int]) -> WrittenPart:
        part = self._describe(pages)
        write = ObjectWrite(
            self._bucket,
            f"{self._dataset}/{part.key}",
            content_type=self._codec.content_type,
            if_none_match=True,
        )
        try:
            self._spool.upload(self._client, write, part_size=self._part_size)
        except ObjectExistsError:  # the key is the content's own: what has it is damaged
            write = structs.replace(write, if_none_match=False)
            self._spool.upload(self._client, write, part_size=self._part_size)
        spool = self._spool
        return WrittenPart(part, spool.schema, spool.widenings, spool.rounded, spool.values)

    def _describe(self, pages: tuple[int, int, int]) -> ManifestPart:
        pass_, first_page, last_page = pages
        content = self._spool.content
        return ManifestPart(
            key=part_name(self._kind, pages, content, self._codec, self._run_id),
            pass_=pass_,
            first_page=first_page,
            last_page=last_page,
            records=self.records,
            size=content.size,
            sha256=content.sha256,
        )
