"""Where records go: an object that streams, or a DataFrame that is stored whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from de_classes.pipelines.collecting import CollectingSession, LoadReceipt
from de_classes.pipelines.extractors import ObjectExtractor
from de_classes.pipelines.steps import Loader
from de_classes.storage.format.data_format_service import DataFormatService
from de_classes.storage.services.object_sink import ObjectSink

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from pathlib import Path

    from de_classes.pipelines.steps import LoadSession, Receipt
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.format.schema import Record, Schema
    from de_classes.storage.services.storage_data_service import StorageDataService


class SinkOptions(TypedDict, total=False):
    """How an object is written; see ``ObjectSink``. All may be left out."""

    overwrite: bool
    content_type: str | None
    metadata: Mapping[str, str] | None
    schema: Schema | None
    spool_dir: Path | None
    part_size: int
    escape_formulas: bool


class ObjectLoader(Loader):
    """Streams records into one object, in memory that does not grow with their number.

    Example:
        >>> ObjectLoader(store, "lake", "orders.parquet").load([orders]).records
        2

    Args:
        client: Where the object goes.
        bucket: Its bucket.
        key: Its key.
        format: A format's name; by default the key's extension tells it.
        **options: How it is written.
    """

    def __init__(
        self,
        client: ObjectStore,
        bucket: str,
        key: str,
        *,
        format: str | None = None,  # noqa: A002 - the same name as everywhere in this library
        **options: Unpack[SinkOptions],
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._format = format
        self._options = options

    @property
    def destination(self) -> Hashable:
        """Store, bucket and key."""
        return repr(self._client), self._bucket, self._key

    def open(self) -> LoadSession:
        """Check bucket, key and permission, and begin.

        Raises:
            StorageError: The destination cannot take the object.
        """
        return ObjectSink(self._client, self._bucket, self._key, format=self._format, **self._options)

    def read_back(self, receipt: Receipt) -> ObjectExtractor:
        """The records of the object that was committed."""
        del receipt  # one loader, one key
        return ObjectExtractor(self._client, self._bucket, self._key, format=self._format)


class FrameLoader(Loader):
    """Collects the records in a DataFrame and stores that.

    Everything is held in memory until the commit: for what fits there, and for what must come back as
    ``StorageDataService`` would store it.

    Example:
        >>> storage = StorageDataService(store, DataFormatService(), logger)
        >>> FrameLoader(storage, "lake", "orders.parquet").load([orders]).records
        2

    Args:
        storage: Stores the DataFrame.
        bucket: Where to.
        key: Under which key.
        format: A format's name; by default the key's extension tells it.
        columns: Names that come first, and that an empty DataFrame has too.
        overwrite: Replace what has the key.
    """

    def __init__(
        self,
        storage: StorageDataService,
        bucket: str,
        key: str,
        *,
        format: str | None = None,  # noqa: A002 - the same name as everywhere in this library
        columns: Sequence[str] = (),
        overwrite: bool = True,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._key = key
        self._format = format
        self._columns = tuple(columns)
        self._overwrite = overwrite

    @property
    def destination(self) -> Hashable:
        """Store, bucket and key."""
        return repr(self._storage.client), self._bucket, self._key

    def open(self) -> LoadSession:
        """Begin to collect."""
        return CollectingSession(self._commit)

    def _commit(self, records: Sequence[Record]) -> Receipt:
        frame = DataFormatService().from_records(records, self._columns)
        info = self._storage.upload_df(
            frame, self._bucket, self._key, self._format, overwrite=self._overwrite
        )
        return LoadReceipt(info.uri, len(records))
