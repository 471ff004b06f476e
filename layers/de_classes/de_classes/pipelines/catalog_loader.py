"""Records as a table that Athena, Glue and Redshift Spectrum know: Parquet files and a catalog entry.

The only module that imports awswrangler.
"""

from __future__ import annotations

import gc
import traceback
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import awswrangler as wr
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
from awswrangler import exceptions as wrangler

from de_classes.errors import InvalidInputError, StorageError, UnsupportedValueError
from de_classes.pipelines.collecting import CollectingSession, LoadReceipt
from de_classes.pipelines.steps import Loader
from de_classes.storage.clients.botocore_errors import errors_from_botocore
from de_classes.storage.format.data_format_service import DataFormatService

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import boto3
    import pandas as pd

    from de_classes.pipelines.steps import LoadSession, Receipt
    from de_classes.storage.format.schema import Record

_VALUE_ERRORS = (
    wrangler.UndetectedType,
    wrangler.UnsupportedType,
    pa.ArrowException,
    TypeError,
    OverflowError,
)


class GlueCatalogLoader(Loader):
    """Adds records to a Parquet table and registers the table, its columns and partitions in Glue.

    For tables whose folders are partitions, to which a pipeline adds. It is all or nothing, and not exactly
    once: a pipeline that is repeated adds its records again. For a table that holds what a source holds there
    are ``GlueTable``, which shows what a run committed, and ``GlueTableLoader`` of ``pipelines.glue``.

    Everything is held in memory until the commit, and each commit adds files of its own. Columns that
    the table does not have yet are added to it; a column that has another type there is refused, since
    files of two types under one name cannot be queried. If a commit fails, the files it wrote are
    removed again. Queries may see the files of a commit while it is under way.

    Args:
        path: Where the table's files are: ``s3://bucket/prefix/``.
        database: The Glue database, which must exist.
        table: The table, made if it is missing.
        partition_columns: Columns whose values become folders.
        types: Column to Athena type, such as ``{"at": "timestamp"}``; needed for a new column without
            any value.
        boto3_session: Credentials and region; boto3's own by default.

    Raises:
        InvalidInputError: The path is no S3 prefix.
    """

    def __init__(
        self,
        path: str,
        database: str,
        table: str,
        *,
        partition_columns: Sequence[str] = (),
        types: Mapping[str, str] | None = None,
        boto3_session: boto3.Session | None = None,
    ) -> None:
        parts = urlsplit(path)
        if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
            raise InvalidInputError(f"{path!r} is no place for a table: give s3://bucket/prefix/")
        self._path = f"{path.rstrip('/')}/"
        self._bucket = parts.netloc
        self._database = database
        self._table = table
        self._partition_columns = list(partition_columns)
        self._types = dict(types or {})
        self._session = boto3_session

    def open(self) -> LoadSession:
        """Check that bucket and database are there, and begin to collect.

        Raises:
            BucketNotFoundError: There is no such bucket.
            StorageError: There is no such database.
        """
        with self._errors():
            wr.s3.list_objects(f"{self._path}_", boto3_session=self._session)
            self._table_types()
        return CollectingSession(self._store)

    def _store(self, records: Sequence[Record]) -> Receipt:
        if records:
            frame = DataFormatService().from_records(records)
            with self._errors():
                self._write(frame, {**self._checked_types(frame), **self._types})
        return LoadReceipt(self._path, len(records))

    def _checked_types(self, frame: pd.DataFrame) -> dict[str, str]:
        """The types that the table has for these columns, if what comes has the same."""
        known = self._table_types()
        empty = {name: known[name] for name in frame.columns if name in known and frame[name].isna().all()}
        columns, partitions = wr.catalog.extract_athena_types(
            frame, partition_cols=self._partition_columns, dtype={**empty, **self._types}
        )
        for name, found in (columns | partitions).items():
            if known.get(name, found) != found:
                raise UnsupportedValueError(
                    f"column {name!r} is {known[name]} in {self._database}.{self._table}, and {found} here: "
                    "cast it"
                )
        return empty

    def _table_types(self) -> dict[str, str]:
        types = wr.catalog.get_table_types(self._database, self._table, boto3_session=self._session)
        if types is None:
            self._check_database()
        return types or {}

    def _check_database(self) -> None:
        names = (each["Name"] for each in wr.catalog.get_databases(boto3_session=self._session))
        if self._database not in names:
            raise StorageError(f"there is no Glue database {self._database!r}: create it, or name another")

    def _write(self, frame: pd.DataFrame, types: dict[str, str]) -> None:
        mark = f"{uuid.uuid4().hex}_"
        try:
            wr.s3.to_parquet(
                frame,
                path=self._path,
                dataset=True,
                mode="append",
                database=self._database,
                table=self._table,
                partition_cols=self._partition_columns,
                dtype=types,
                filename_prefix=mark,
                boto3_session=self._session,
            )
        except BaseException as error:
            _let_go(error)
            self._remove(mark)
            raise

    def _remove(self, mark: str) -> None:
        paths = wr.s3.list_objects(self._path, boto3_session=self._session)
        ours = [path for path in paths if path.rpartition("/")[2].startswith(mark)]
        wr.s3.delete_objects(ours, boto3_session=self._session)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        where = f"table {self._database}.{self._table}"
        try:
            with errors_from_botocore(self._bucket):
                yield
        except _VALUE_ERRORS as error:
            raise UnsupportedValueError(f"{where} cannot hold this: {error}") from error
        except wrangler.InvalidArgument as error:
            raise InvalidInputError(f"{where}: {error}") from error


def _let_go(error: BaseException) -> None:
    """Free awswrangler's open files now: on its way out each tries its upload again, and may succeed."""
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__context__
    gc.collect()
