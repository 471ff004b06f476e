"""A commit as Arrow sees it, by the manifest's schema whatever the format is, for DuckDB and others to read.

Only the parts that the manifest lists are opened, each once it is seen to be what was sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import DeClassesError, MalformedDataError
from de_classes.storage.format.arrow_arrays import array_of, arrow_schema, encoder
from de_classes.storage.format.codec import get_codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from de_classes.storage.datasets.reader import DatasetReader
    from de_classes.storage.format.schema import Field, Schema

_BATCH_ROWS: Final = 20_000


class ArrowSource:
    """A commit as a stream of record batches, made anew each time that it is asked for, in bounded memory.

    It speaks Arrow's PyCapsule interface: ``pl.DataFrame(source)`` and ``pd.DataFrame.from_arrow(source)``
    take it, whatever the format of the parts is.

    Example:
        >>> _ = RunService(client, DatasetDestination(store, "lake")).carry_out(plan)
        >>> source = ArrowSource(DatasetReader(store, "lake", "orders"))
        >>> sum(batch.num_rows for batch in source.batches(["id"]))
        5

    Args:
        reader: The commit.
        schema: What the columns are to be; the manifest's by default. Whatever is JSON in it takes any value.
        names: What the columns are to be called; as the schema says by default.

    Attributes:
        schema: Of the batches, Arrow's.
        failure: The last error by which batches ended, which libraries pass on as a text alone; None if there
            was none.
    """

    def __init__(
        self, reader: DatasetReader, *, schema: Schema | None = None, names: Sequence[str] | None = None
    ) -> None:
        self._reader = reader
        written = reader.manifest.schema
        fields = (schema or written).fields
        # Columns of Parquet are taken as they are, unless they are to be something else.
        self._is_stored = reader.manifest.format == "parquet" and fields == written.fields
        self._fields = dict(zip(names or written.names, fields, strict=True))
        plain = arrow_schema(schema or written)
        self.schema = pa.schema(
            [field.with_name(name) for name, field in zip(self._fields, plain, strict=True)]
        )
        self.failure: DeClassesError | None = None

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the records in batches of bounded size, in the order of the pages.

        Args:
            columns: Those that are needed, as the batches are to have them; all by default. Of Parquet no
                others are read.

        Raises:
            MalformedDataError: A part is not the one that was committed, or cannot be read.
            ObjectNotFoundError: A part is gone.
        """
        names = self.schema.names if columns is None else columns
        schema = pa.schema([self.schema.field(name) for name in names])
        fields = [self._fields[name] for name in names]
        read = self._stored if self._is_stored else self._decoded
        try:
            for part in self._reader.manifest.parts:
                with self._reader.open(part) as file:
                    for arrays in read(file, fields, schema):
                        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except DeClassesError as error:
            self.failure = error
            raise

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The stream from its beginning, as Arrow's PyCapsule interface has it."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _stored(self, file: BinaryIO, fields: list[Field], schema: pa.Schema) -> Iterator[list[pa.Array]]:
        names = [field.name for field in fields]
        try:
            parquet = pq.ParquetFile(file, page_checksum_verification=True)
            for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                yield [batch.column(name).cast(kind) for name, kind in zip(names, schema.types, strict=True)]
        except (pa.ArrowException, KeyError, OSError) as error:
            raise MalformedDataError(f"not a readable Parquet file: {error}") from error

    def _decoded(self, file: BinaryIO, fields: list[Field], schema: pa.Schema) -> Iterator[list[pa.Array]]:
        encoders = [encoder(field.type) for field in fields]
        needed = [field.name for field in fields]
        for records in get_codec(self._reader.manifest.format).read_fields(file, needed):
            columns = [[record.get(name) for record in records] for name in needed]
            yield [
                array_of(list(map(encode, values)) if encode else values, kind)
                for values, encode, kind in zip(columns, encoders, schema.types, strict=True)
            ]
