"""Records in, one object out: whole, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from de_classes.storage.clients.object_store import DEFAULT_PART_SIZE, ObjectWrite, check_part_size
from de_classes.storage.clients.spool import Spool
from de_classes.storage.datasets.part_writer import RecordSpool
from de_classes.storage.format.codec import format_of_key, get_codec
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.storage.format.blocks import ColumnDecoder
    from de_classes.storage.format.schema import Record, Schema, Widening


class StoredObject(Value):
    """What a sink committed.

    Example:
        >>> with ObjectSink(store, "lake", "orders.jsonl") as sink:
        ...     sink.write(orders)
        ...     stored = sink.commit()
        >>> stored.records, stored.format
        (2, 'jsonl')

    Attributes:
        bucket: The bucket's name.
        key: The object's key.
        uri: Where it is.
        size: Bytes.
        sha256: SHA-256 of the content, in hex.
        records: How many records it holds.
        format: The format's name, such as parquet.
        content_type: Its media type.
        schema: Its columns and their types, as far as they were looked at.
        widenings: What later records changed in the schema.
        rounded: By column, how many numbers had more digits than the format keeps.
        values: By column, how many values are not null; Parquet alone counts them.
        etag: The store's own mark of the content.
        version_id: The version in a versioned bucket, else None.
    """

    bucket: str
    key: str
    uri: str
    size: int
    sha256: str
    records: int
    format: str
    content_type: str
    schema: Schema
    widenings: tuple[Widening, ...]
    rounded: dict[str, int]
    values: dict[str, int]
    etag: str | None
    version_id: str | None


class ObjectSink:
    """Takes records as they come and stores them as one object when told to.

    Records are encoded into a temporary file, so memory does not grow with their number; the disk holds
    the object once, and for a moment twice if its schema widened on the way. Used as a context manager:
    what is not committed inside it is aborted, and the temporary file is gone in any case.

    Bucket, permission and key are checked here, before anybody fetches a first page for it.

    Example:
        >>> with ObjectSink(store, "lake", "orders.csv") as sink:
        ...     sink.write(orders)
        ...     stored = sink.commit()  # without this there is no object
        >>> store.get_object("lake", "orders.csv").decode().split()
        ['"id","total"', '1,12.5', '2,0.0']

    Args:
        client: Where the object goes.
        bucket: Its bucket.
        key: Its key.
        format: A format's name; by default the key's extension tells it.
        overwrite: Replace what has the key. Otherwise the key must be free, or hold this very content.
        content_type: The media type; by default the format's.
        metadata: Names and values to keep beside the object, ASCII.
        schema: Columns known beforehand: they come first, and an object without records has them too.
        spool_dir: Where temporary files go. By default into the bucket, if it is a directory in which a file
            can lie without a name and get one when it is whole; else the system's temporary directory.
        part_size: Bytes in a part of an upload; a few of them are in memory at a time.
        escape_formulas: Write CSV for spreadsheets, see ``DataFormatService``.

    Raises:
        UnsupportedFormatError: There is no such format.
        InvalidKeyError: No object can have that key.
        BucketNotFoundError: There is no such bucket.
        PermissionDeniedError: These credentials may not write there.
        InvalidInputError: ``spool_dir`` is no directory, or ``part_size`` is out of S3's bounds.
    """

    def __init__(
        self,
        client: ObjectStore,
        bucket: str,
        key: str,
        *,
        format: str | None = None,  # noqa: A002 - the same name as everywhere in this library
        overwrite: bool = True,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        schema: Schema | None = None,
        spool_dir: Path | None = None,
        part_size: int = DEFAULT_PART_SIZE,
        escape_formulas: bool = False,
    ) -> None:
        check_part_size(part_size)
        client.validate_key(key)
        codec = get_codec(format_of_key(key, format), escape_formulas=escape_formulas)
        client.check_writable(bucket, key)
        self._format = codec.name
        self._client = client
        self._write = ObjectWrite(
            bucket, key, content_type or codec.content_type, metadata, if_none_match=not overwrite
        )
        self._part_size = part_size
        self._stored: StoredObject | None = None
        spool = Spool.bound_for(client, bucket, spool_dir)
        self._spool = RecordSpool(codec, key, spool, schema=schema, spool_dir=spool_dir)

    @property
    def records(self) -> int:
        """How many records were taken until now."""
        return self._spool.records

    @property
    def decoder(self) -> ColumnDecoder | None:
        """How to decode straight what is written next, see ``SegmentedWriter``."""
        return self._spool.decoder

    @property
    def is_sealed(self) -> bool:
        """Whether a commit was begun; from then on the object may be there."""
        return self._spool.is_sealed

    @property
    def stored(self) -> StoredObject | None:
        """What was committed, once it is."""
        return self._stored

    def write(self, records: Sequence[Record]) -> None:
        """Take records. If that fails, nothing can be committed any more: a part would be missing.

        Raises:
            UnsupportedValueError: The format cannot hold a value.
            InvalidInputError: The sink was committed or aborted before.
            StorageUnavailableError: The disk is full.
        """
        self._spool.write(records)

    def commit(self) -> StoredObject:
        """Store what was written. A commit that failed may be tried again; one that succeeded is told again.

        Raises:
            ObjectExistsError: ``overwrite`` is False and other content has the key.
            StorageError: The store refuses, or does not answer; nothing is visible.
            InvalidInputError: The sink was aborted before.
        """
        if self._stored is None:
            self._spool.seal()
            info = self._spool.upload(self._client, self._write, part_size=self._part_size)
            self._stored = self._describe(info)
            self._spool.release()
        return self._stored

    def abort(self) -> None:
        """Forget what was written. After a commit there is nothing left to forget."""
        if self._stored is None:
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

    def _describe(self, info: ObjectInfo) -> StoredObject:
        return StoredObject(
            bucket=info.bucket,
            key=info.key,
            uri=info.uri,
            size=info.size,
            sha256=self._spool.content.sha256,
            records=self._spool.records,
            format=self._format,
            content_type=self._write.content_type or "",
            schema=self._spool.schema,
            widenings=self._spool.widenings,
            rounded=self._spool.rounded,
            values=self._spool.values,
            etag=info.etag,
            version_id=info.version_id,
        )
