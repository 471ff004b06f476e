"""DataFrames into an object store and back, and records as they come."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from de_classes.errors import ObjectNotFoundError, UnsupportedFormatError
from de_classes.storage.datasets.manifest import names_dataset
from de_classes.storage.format.codec import format_of_key
from de_classes.storage.services.object_sink import ObjectSink

if TYPE_CHECKING:
    import logging

    import pandas as pd

    from de_classes.storage.clients.object_store import ObjectInfo, ObjectStore
    from de_classes.storage.format import DataFormatService
    from de_classes.storage.format.schema import Schema


class StorageDataService:
    """Stores DataFrames as objects, one each, and reads them back equal; reads datasets of many parts, too.

    Example:
        >>> storage = StorageDataService(store, DataFormatService(), logger)
        >>> _ = storage.upload_df(DataFormatService().from_records(orders), "lake", "orders.parquet")
        >>> len(storage.download_df("lake", "orders.parquet"))
        2

    Args:
        client: Any object store.
        format_service: Turns DataFrames into bytes and back.
        logger: Where to report.
    """

    def __init__(
        self,
        client: ObjectStore,
        format_service: DataFormatService,
        logger: logging.Logger,
    ) -> None:
        self._client = client
        self._formats = format_service
        self._logger = logger

    @property
    def client(self) -> ObjectStore:
        """Where objects go."""
        return self._client

    def upload_df(
        self,
        df: pd.DataFrame,
        bucket: str,
        key: str,
        format: str | None = None,  # noqa: A002 - the name that the class's users write
        *,
        overwrite: bool = True,
    ) -> ObjectInfo:
        """Store a DataFrame as one object.

        Args:
            df: What to store; it is encoded in memory.
            bucket: Where to.
            key: Under which key.
            format: A format's name; by default the key's extension tells it.
            overwrite: Replace what has the key, as S3 does. Otherwise the key must be free, or hold
                these very bytes already.

        Raises:
            DataFormatError: The format is unknown, or cannot hold a value.
            ObjectExistsError: The key is taken and ``overwrite`` is False.
            StorageError: The store refuses, or does not answer.
        """
        self._client.validate_key(key)
        name = format_of_key(key, format)
        info = self._client.put_object(
            bucket,
            key,
            self._formats.to_bytes(df, name),
            content_type=self._formats.content_type(name),
            if_none_match=not overwrite,
        )
        self._logger.info("Uploaded %d rows to %s as %s", len(df), info.uri, name)
        return info

    def open_sink(
        self,
        bucket: str,
        key: str,
        format: str | None = None,  # noqa: A002 - the name that the class's users write
        *,
        overwrite: bool = True,
        schema: Schema | None = None,
    ) -> ObjectSink:
        """A sink that takes records page by page and becomes one object when it is committed.

        Raises:
            DataFormatError: There is no such format.
            StorageError: Nothing can be written there; found out now, before anything is fetched.
        """
        return ObjectSink(
            self._client,
            bucket,
            key,
            format=format,
            overwrite=overwrite,
            schema=schema,
            escape_formulas=self._formats.escape_formulas,
        )

    def download_df(
        self,
        bucket: str,
        key: str,
        format: str | None = None,  # noqa: A002 - the name that the class's users write
    ) -> pd.DataFrame:
        """Read an object, or the latest commit of a dataset, as a DataFrame.

        A dataset is read by its manifest: give the manifest's key, or the prefix it is below. A prefix
        without a slash at its end is looked for where there is no such object.

        Args:
            bucket: Where from.
            key: Which object, dataset or manifest.
            format: The object's format; by default the key's extension tells it. A dataset's is its own.

        Raises:
            ObjectNotFoundError: There is neither an object at that key nor a dataset.
            MalformedDataError: Its bytes are not what the format, or the manifest, promises.
        """
        df = self._download(bucket, key, format)
        self._logger.info("Downloaded %d rows from %s/%s", len(df), bucket, key)
        return df

    def _download(self, bucket: str, key: str, format: str | None) -> pd.DataFrame:  # noqa: A002 - as above
        if names_dataset(key):
            return self._dataset(bucket, key)
        try:
            name = format_of_key(key, format)
            return self._formats.from_bytes(self._client.get_object(bucket, key), name)
        except (ObjectNotFoundError, UnsupportedFormatError) as error:
            with suppress(ObjectNotFoundError):
                return self._dataset(bucket, key)
            raise error from None

    def _dataset(self, bucket: str, key: str) -> pd.DataFrame:
        from de_classes.storage.datasets.reader import DatasetReader  # noqa: PLC0415 - for readers only

        return DatasetReader(self._client, bucket, key).frame()
