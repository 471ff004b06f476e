"""The records of a pipeline as a table of the Glue catalog."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from de_classes.errors import NothingToShowError, ObjectExistsError
from de_classes.pipelines.collecting import LoadReceipt
from de_classes.pipelines.steps import Loader
from de_classes.storage.datasets.commits import DatasetCommits
from de_classes.storage.datasets.manifest import Manifest, dataset_name
from de_classes.storage.datasets.part_writer import PartWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from de_classes.pipelines.glue.table import GlueTable
    from de_classes.pipelines.steps import LoadSession, Receipt
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.format.schema import Record

_TRIES: Final = 10


class GlueTableLoader(Loader):
    """Loads the records of a pipeline into a dataset, in place of what was there, and shows it as a table.

    All of them are one commit, or there is none; the table moves from one commit to the next at once, and a
    load that is repeated doubles nothing. What comes by a run needs no loader: ``GlueTable.register`` shows
    what it committed.

    Example:
        >>> orders = GlueTable(GlueAddress("shop", "orders"))
        >>> GlueTableLoader(orders, store, "lake", "raw/orders").destination
        ('lake', 'raw/orders')

    Args:
        table: The table.
        store: S3.
        bucket: Its bucket.
        dataset: The key prefix of the dataset that the records become.
        format: parquet or jsonl.
    """

    def __init__(
        self,
        table: GlueTable,
        store: ObjectStore,
        bucket: str,
        dataset: str,
        *,
        format: str = "parquet",  # noqa: A002 - the same name as everywhere in this library
    ) -> None:
        self._table = table
        self._store = store
        self._bucket = bucket
        self._dataset = dataset_name(dataset)
        self._format = format

    @property
    def destination(self) -> Hashable:
        """Bucket and dataset."""
        return self._bucket, self._dataset

    def open(self) -> LoadSession:
        """Make sure of the bucket and the table, and begin to write.

        Raises:
            InvalidInputError: The store is none that a table can be over, or the table is somebody else's.
            UnsupportedFormatError: No table can be over this format.
            StorageError: There is no such bucket, or no such database.
        """
        self._store.check_writable(self._bucket, f"{self._dataset}/part")
        self._table.check(self._store, self._bucket, self._dataset, self._format)
        run_id = uuid.uuid4().hex
        writer = PartWriter(self._store, self._bucket, self._dataset, self._format, run_id=run_id)
        return _Session(writer, lambda: self._commit(writer, run_id))

    def _commit(self, writer: PartWriter, run_id: str) -> Receipt:
        """Commit what was written, and show it; if that fails, the commit is there all the same."""
        commits = DatasetCommits(self._store, self._bucket, self._dataset)
        sealed = writer.seal(1, 1, 1)
        for _ in range(_TRIES):
            latest = commits.latest()
            if latest is not None and latest.run_id == run_id:
                break
            manifest = Manifest.of(
                [sealed.part] if sealed else [],
                run_id=run_id,
                generation=latest.generation + 1 if latest else 1,
                format=self._format,
                schema=sealed.schema if sealed else writer.schema,
            )
            try:
                commits.commit(manifest)
                break
            except ObjectExistsError:
                continue  # by another, behind whom this one comes, or by this one, whose answer was lost
        else:
            raise ObjectExistsError(f"{self._dataset} is being committed to again and again: try later")
        with suppress(NothingToShowError):  # without a record there are no columns to make a table of
            self._table.register(self._store, self._bucket, self._dataset)
        return LoadReceipt(self._store.uri(self._bucket, self._dataset), writer.records)


class _Session:
    """The records of a pipeline, in a temporary file until all are there.

    Args:
        writer: Takes them.
        commit: Makes all of them visible.
    """

    def __init__(self, writer: PartWriter, commit: Callable[[], Receipt]) -> None:
        self._writer = writer
        self._commit = commit

    def write(self, records: Sequence[Record]) -> None:
        """Take records.

        Raises:
            UnsupportedValueError: The format cannot hold a value.
        """
        self._writer.write(records)

    def commit(self) -> Receipt:
        """Commit all of them, and show them."""
        with self._writer:
            return self._commit()

    def abort(self) -> None:
        """Forget them."""
        self._writer.abort()
