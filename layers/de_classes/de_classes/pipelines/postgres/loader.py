"""A table of PostgreSQL as a place to load: commits of datasets, and the records of a pipeline."""

from __future__ import annotations

import logging
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from de_classes.errors import InvalidInputError
from de_classes.pipelines.collecting import LoadReceipt
from de_classes.pipelines.postgres.connection import Reconnecting
from de_classes.pipelines.postgres.loading import CommitLoad, CommitSource
from de_classes.pipelines.postgres.table import Table
from de_classes.pipelines.steps import Loader
from de_classes.storage.clients.local_client import LocalClient
from de_classes.storage.datasets.manifest import Manifest, dataset_name, parse_manifest_key
from de_classes.storage.datasets.part_writer import PartWriter
from de_classes.storage.datasets.reader import DatasetReader
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from de_classes.pipelines.postgres.address import PasswordSource, PostgresAddress
    from de_classes.pipelines.steps import LoadSession, Receipt
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.format.schema import Record
    from de_classes.utils.clock import Clock

_PIPELINE: Final = "a pipeline"
_BUCKET, _PREFIX, _FORMAT = "held", "records", "jsonl"  # which keeps every digit, and needs no pyarrow


class Loaded(Value, tag_field="to", tag="postgresql"):
    """What became of a load.

    Example:
        >>> loaded = Loaded("raw.orders", 1, "monday", "complete", 2000, 4, 1, "verify-full")
        >>> loaded.parts - loaded.parts_before
        3

    Attributes:
        table: Schema and table.
        generation: The commit that is in the table now.
        run_id: The run that made it.
        status: complete or partial, as the commit is.
        records: How many the commit has.
        parts: How many parts.
        parts_before: How many of these had been loaded before, by this process or another.
        tls: The mode of TLS.
    """

    table: str
    generation: int
    run_id: str
    status: str
    records: int
    parts: int
    parts_before: int
    tls: str


class PostgresLoader(Loader):
    """Loads commits of a dataset into a table, each part exactly once; or the records of a pipeline.

    The table holds what the commit holds. A part is copied by a transaction that also writes down that it is
    there, so a load that is killed goes on where it was, and one that is repeated does nothing. A commit that
    replaces another is put into its place at once. With key fields records are put in place of those with the
    same key, and none is taken away.

    Example:
        >>> place = PostgresAddress.parse("postgresql://ada@db.example/shop/raw")
        >>> PostgresLoader(place, "orders", types={"placed_at": "timestamptz"}).destination
        ('postgresql://db.example/shop/raw', 'orders')

    Args:
        address: The schema, and how to reach it.
        table: The table, made if it is missing and widened as the dataset is.
        key_fields: The fields by which records replace others.
        types: Column to one of ``columns.TYPES``, in place of what the dataset's schema says.
        password: Asked for each connection; by default libpq looks for one.
        logger: Told of connections that were lost.
        clock: Waits before a connection is made again.
    """

    def __init__(
        self,
        address: PostgresAddress,
        table: str,
        *,
        key_fields: Sequence[str] = (),
        types: Mapping[str, str] | None = None,
        password: PasswordSource | None = None,
        logger: logging.Logger | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._address = address
        self._table = Table(address.schema, table)
        self._key_fields = tuple(key_fields)
        self._types = dict(types or {})
        self._password = password
        self._logger = logger or logging.getLogger(__name__)
        self._clock = clock or SystemClock()

    @property
    def destination(self) -> Hashable:
        """Database, schema and table."""
        return str(self._address), self._table.name

    def load_dataset(
        self,
        store: ObjectStore,
        bucket: str,
        dataset: str,
        *,
        generation: int | None = None,
        allow_partial: bool = False,
        spool_dir: Path | None = None,
    ) -> Loaded:
        """Load a commit; again, or by several at once, it comes to the same.

        Args:
            store: Any object store.
            bucket: Its bucket.
            dataset: The dataset's key prefix, or the key of one of its manifests.
            generation: Which commit; the latest by default.
            allow_partial: Load a commit that lacks pages, too.
            spool_dir: Where one part at a time is held; the system's directory by default.

        Raises:
            InvalidInputError: The commit is partial, or the table holds something else.
            ObjectExistsError: A later commit is in the table, or on its way.
            UnsupportedValueError: The table cannot hold a value; row and column are named. Parts that were
                committed before stay, and the load goes on with this one.
            StorageUnavailableError: The connection was lost, several times running.
            StorageError: The server refuses.
        """
        manifest = DatasetReader(store, bucket, dataset, generation=generation).manifest
        if manifest.status == "partial" and not allow_partial:
            raise InvalidInputError(
                f"generation {manifest.generation} of {dataset} lacks pages "
                f"{', '.join(manifest.missing_pages)}: replay its run, or load it as it is by --partial"
            )
        named = parse_manifest_key(dataset)
        prefix = dataset_name(named[0] if named else dataset)
        return self._load(CommitSource(store, bucket, prefix, store.uri(bucket, prefix), manifest, spool_dir))

    def open(self) -> LoadSession:
        """Connect, and begin to take records, which are held on the disk until they are committed.

        Raises:
            StorageUnavailableError: The server does not answer.
            AuthenticationError: It lets nobody in by these credentials.
        """
        self._generation()
        return _Session(self._logger, self._load_held)

    def _load_held(self, store: ObjectStore, writer: PartWriter) -> Receipt:
        """Load what a pipeline has written, in place of what one had loaded before."""
        sealed = writer.seal(1, 1, 1)
        manifest = Manifest.of(
            [sealed.part] if sealed else [],
            run_id=uuid.uuid4().hex,
            generation=self._generation() + 1,
            format=_FORMAT,
            schema=sealed.schema if sealed else writer.schema,
        )
        loaded = self._load(CommitSource(store, _BUCKET, _PREFIX, _PIPELINE, manifest))
        return LoadReceipt(f"{self._address}/{self._table.name}", loaded.records)

    def _load(self, source: CommitSource) -> Loaded:
        manifest = source.manifest
        load = CommitLoad(source, self._table, key_fields=self._key_fields, types=self._types)
        with self._connections() as connections:
            copied = load.carry_out(connections)
        return Loaded(
            table=f"{self._address.schema}.{self._table.name}",
            generation=manifest.generation,
            run_id=manifest.run_id,
            status=manifest.status,
            records=manifest.records,
            parts=len(manifest.parts),
            parts_before=len(manifest.parts) - copied,
            tls=self._address.tls,
        )

    def _generation(self) -> int:
        with self._connections() as connections:
            return connections.run(f"table {self._table.name!r}", self._table.generation)

    def _connections(self) -> Reconnecting:
        return Reconnecting(self._address, self._password, logger=self._logger, clock=self._clock)


class _Session:
    """The records of a pipeline, held in a temporary folder until all are there.

    Args:
        logger: Of the folder's store.
        load: Makes all of them visible, or none.
    """

    def __init__(self, logger: logging.Logger, load: Callable[[ObjectStore, PartWriter], Receipt]) -> None:
        self._load = load
        self._folder = tempfile.TemporaryDirectory(prefix="de-classes-")
        self._store = LocalClient(Path(self._folder.name), logger)
        self._store.create_bucket(_BUCKET)
        self._writer = PartWriter(self._store, _BUCKET, _PREFIX, _FORMAT)

    def write(self, records: Sequence[Record]) -> None:
        """Take records.

        Raises:
            UnsupportedValueError: A value is no JSON value.
        """
        self._writer.write(records)

    def commit(self) -> Receipt:
        """Load all of them."""
        receipt = self._load(self._store, self._writer)
        self.abort()
        return receipt

    def abort(self) -> None:
        """Forget them."""
        self._writer.abort()
        self._folder.cleanup()
