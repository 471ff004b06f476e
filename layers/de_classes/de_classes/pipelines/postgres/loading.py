"""One commit on its way into a table, part after part."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from de_classes.errors import InvalidInputError, UnsupportedValueError
from de_classes.pipelines.postgres.columns import columns_of
from de_classes.pipelines.postgres.connection import row_of
from de_classes.pipelines.postgres.rows import rows_of
from de_classes.pipelines.postgres.table import Commit, PartRows
from de_classes.storage.datasets.reader import open_part, read_parts
from de_classes.utils.formats import FORMATS
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from de_classes.pipelines.postgres.connection import Connection, Reconnecting
    from de_classes.pipelines.postgres.table import Table, Target
    from de_classes.storage.clients.object_store import ObjectStore
    from de_classes.storage.datasets.manifest import Manifest, ManifestPart


class CommitSource(Value):
    """Where the parts of a commit are.

    Attributes:
        store: The store.
        bucket: Its bucket.
        dataset: The dataset's key prefix.
        name: What the table is told that it holds.
        manifest: The commit.
        spool_dir: Where one part at a time is held; the system's directory by default.
    """

    store: ObjectStore
    bucket: str
    dataset: str
    name: str
    manifest: Manifest
    spool_dir: Path | None = None


class CommitLoad:
    """Loads one commit into one table.

    Args:
        source: The commit.
        table: Where it goes.
        key_fields: The fields by which records replace others; none if the table is to hold the commit.
        types: Column to the type that is asked for.

    Raises:
        InvalidInputError: A key field or a type is of no column.
        UnsupportedValueError: A table cannot have such columns.
    """

    def __init__(
        self, source: CommitSource, table: Table, *, key_fields: tuple[str, ...], types: Mapping[str, str]
    ) -> None:
        manifest = source.manifest
        self._source = source
        self._table = table
        self._columns = columns_of(
            manifest.schema, keeps_digits=FORMATS[manifest.format].is_text, types=types
        )
        if missing := [each for each in key_fields if each not in manifest.schema.names]:
            raise InvalidInputError(f"--key-field: there is no column {missing[0]!r} in the dataset")
        if manifest.records and not self._columns:
            raise UnsupportedValueError("records without any field are no rows of a table")
        # By key a later run's part counts as well if it holds what an earlier one did: it came later.
        self._ids = {
            part.key: f"{manifest.run_id}/{part.key}" if key_fields else part.key for part in manifest.parts
        }
        self._commit = Commit(
            dataset=source.name,
            generation=manifest.generation,
            run_id=manifest.run_id,
            status=manifest.status,
            key_fields=key_fields,
            parts=tuple(self._ids.values()),
        )

    def carry_out(self, connections: Reconnecting) -> int:
        """Load what is not there yet; how many parts that were."""
        what = f"table {self._table.name!r}"
        target = connections.run(what, lambda each: self._table.prepare(each, self._commit, self._columns))
        if target.is_done:
            return 0
        copied = sum(self._copy(connections, target, part) for part in self._source.manifest.parts)
        connections.run(what, lambda each: self._table.finish(each, self._commit, target))
        return copied

    def _copy(self, connections: Reconnecting, target: Target, part: ManifestPart) -> bool:
        """Copy a part, unless it is there; whether it was not."""
        rows = rows_of(self._source.manifest.format)
        source = self._source

        def pieces() -> Iterator[bytes]:
            with open_part(
                source.store, source.bucket, source.dataset, part, spool_dir=source.spool_dir
            ) as file:
                yield from rows(file, target.columns)

        copied = PartRows(self._ids[part.key], part.records, pieces)

        def step(connection: Connection) -> bool:
            return self._table.copy_part(connection, self._commit, target, copied)

        try:
            return connections.run(f"table {self._table.name!r}, {part.key}", step)
        except UnsupportedValueError as error:
            row = row_of(error.__cause__)
            column = row and self._column_with_nul(part, row)
            if column:
                raise UnsupportedValueError(
                    f"{error}; it is in column {column!r}: cast or drop it"
                ) from error
            raise

    def _column_with_nul(self, part: ManifestPart, row: int) -> str | None:
        """The column that has a NUL character in a row: PostgreSQL names the row alone."""
        source = self._source
        batches = read_parts(
            source.store,
            source.bucket,
            source.dataset,
            source.manifest.format,
            [part],
            spool_dir=source.spool_dir,
        )
        record = next(islice(chain.from_iterable(batches), row - 1, None), {})
        return next((name for name, value in record.items() if _holds_nul(value)), None)


def _holds_nul(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return any(map(_holds_nul, chain.from_iterable(value.items())))
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value
