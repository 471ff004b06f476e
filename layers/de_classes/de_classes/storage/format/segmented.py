"""Write one file although its columns and types are only known at the end.

CSV and Parquet need one schema for the whole file, while a late page may bring a new column or a
wider type. So the file is begun under the schema known so far, in a temporary file. When that no
longer fits, the file is sealed as a segment and another is begun. At the end one segment is copied as
it is; several are written again under the final schema, by the shortest way that the format has. Formats
without a schema go straight to the target, and so does the first segment where that can be begun anew.

The types are looked at once every 1,000 records, counted from the start and not by page: how the
records were split into ``write`` calls does not show in the bytes.

What was written under a narrower schema went through it: in a Parquet column that ends up as JSON
text, an earlier 1 beside 2.5 is spelled 1.0, and keys absent from an earlier struct are null.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING, cast

from de_classes.storage.format.blocks import Batcher
from de_classes.storage.format.codec import RecordWriter
from de_classes.storage.format.schema import Schema, first_seen, infer, merge, widened_within, widenings
from de_classes.utils.temporary_files import close_unread
from de_classes.utils.values import Mutable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from de_classes.storage.format.blocks import Batch, Column, ColumnDecoder
    from de_classes.storage.format.codec import FormatCodec
    from de_classes.storage.format.schema import Record, Widening

BATCH_ROWS = 1_000


class _Segment(Mutable):
    file: BinaryIO
    writer: RecordWriter
    schema: Schema
    is_in_target: bool = False


class SegmentedWriter(RecordWriter):
    """Writes records of any decoder, in bounded memory, as one file.

    Example:
        >>> target = io.BytesIO()
        >>> with SegmentedWriter(get_codec("csv"), target) as writer:
        ...     writer.write([{"id": 1}])
        ...     writer.write([{"id": 2, "late": "x"}])
        >>> target.getvalue().decode().split()
        ['"id","late"', '1,', '2,"x"']

    Args:
        codec: The format.
        target: Where the finished bytes go; opened and closed by the caller.
        schema: Columns known beforehand. They come first, and an empty result has them too.
        spool_dir: Where temporary files go: as large as the result, for formats with a schema. The
            system's directory by default.
        set_aside: Takes out of the target what was written there, as a file of its own that is at its
            beginning. With it the first segment is written there; without it, to a temporary file.

    Attributes:
        schema: The union of everything seen in whole batches of 1,000 records; final after ``close``.
        decoder: How to decode what is written next straight into columns; None if it cannot be.
        records: How many records were taken.
        widenings: What later records changed in the schema that was declared or seen before.
    """

    def __init__(
        self,
        codec: FormatCodec,
        target: BinaryIO,
        *,
        schema: Schema | None = None,
        spool_dir: Path | str | None = None,
        set_aside: Callable[[], BinaryIO] | None = None,
    ) -> None:
        super().__init__(schema or Schema())
        self.widenings: tuple[Widening, ...] = ()
        self._codec = codec
        self._target = target
        self._spool_dir = spool_dir
        self._set_aside = set_aside
        self._batches = Batcher(BATCH_ROWS)
        self.decoder: ColumnDecoder | None = codec.decoder_of(self.schema)
        self._taken = 0
        self._segments: list[_Segment] = []
        self._direct = (
            None if codec.needs_schema else codec.open_writer(target, schema=schema, spool_dir=spool_dir)
        )

    @property
    def pending_size(self) -> int:
        """Bytes in temporary files, and those that the format's own writer holds back."""
        in_files = sum(segment.file.tell() for segment in self._segments if not segment.is_in_target)
        writer = (
            self._direct
            if self._direct is not None
            else self._segments[-1].writer
            if self._segments
            else None
        )
        return in_files + (0 if writer is None else writer.pending_size)

    def abandon(self) -> None:
        """Remove the temporary files; what the target has is no whole file, or nothing."""
        super().abandon()
        if self._direct is not None:
            self._direct.abandon()
        while self._segments:
            segment = self._segments.pop()
            segment.writer.abandon()
            if not segment.is_in_target:
                close_unread(segment.file)

    def _append(self, records: Sequence[Record]) -> None:
        for batch in self._batches.add(records):
            self._write_batch(batch)

    def _finish(self) -> None:
        try:
            if len(rest := self._batches.rest()):
                self._write_batch(rest)
            self._assemble()
        finally:
            self.abandon()

    def _write_batch(self, batch: Batch) -> None:
        """What fits the schema's decoder brings nothing new, so nothing need be inferred from it."""
        columns = self._columns_of(batch, self.decoder) if self.decoder else None
        if columns is None:
            self._widen(batch.records())
        self._current_writer().write_fitting(batch, columns)
        self._taken += len(batch)

    def _columns_of(self, batch: Batch, decoder: ColumnDecoder) -> tuple[Column, ...] | None:
        if self._codec.supports_raw_json:
            return () if batch.fits(decoder) else None
        return batch.columns(decoder)

    def _widen(self, records: list[Record]) -> None:
        """Take in what records bring; a column is widened, too, where its first value was narrower."""
        wider = merge(self.schema, infer(records, first_row=self._taken + 1))
        if wider == self.schema:
            return
        known = set(self.schema.names)
        if self._taken or known:
            self.widenings += widenings(self.schema, wider)
        new = Schema(tuple(field for field in wider.fields if field.name not in known))
        self.widenings += widened_within(first_seen(records, new.names), new)
        self.schema, self.decoder = wider, self._codec.decoder_of(wider)

    def _current_writer(self) -> RecordWriter:
        if self._direct is not None:
            return self._direct
        if not self._segments or self._codec.needs_new_segment(self._segments[-1].schema, self.schema):
            self._begin_segment()
        return self._segments[-1].writer

    def _begin_segment(self) -> None:
        self._seal_segment()
        if self._set_aside and not self._segments:
            writer = self._open(self._target)
            self._segments.append(_Segment(self._target, writer, self.schema, is_in_target=True))
            return
        self._clear_target()
        file = cast("BinaryIO", tempfile.TemporaryFile(dir=self._spool_dir))  # noqa: SIM115 - closed by abandon
        try:
            writer = self._open(file)
        except BaseException:
            close_unread(file)
            raise
        self._segments.append(_Segment(file, writer, self.schema))

    def _open(self, file: BinaryIO) -> RecordWriter:
        return self._codec.open_writer(file, schema=self.schema, spool_dir=self._spool_dir)

    def _clear_target(self) -> None:
        if self._set_aside and self._segments[0].is_in_target:
            self._segments[0].file, self._segments[0].is_in_target = self._set_aside(), False

    def _seal_segment(self) -> None:
        if self._segments:
            self._segments[-1].writer.close()
            self.rounded += self._segments[-1].writer.rounded
            self.values += self._segments[-1].writer.values

    def _assemble(self) -> None:
        self._seal_segment()
        if self._direct is not None:
            self._direct.close()
        elif len(self._segments) == 1:
            self._copy_segment(self._segments[0])
        else:
            self._rewrite_segments()

    def _copy_segment(self, segment: _Segment) -> None:
        if not segment.is_in_target:
            segment.file.seek(0)
            shutil.copyfileobj(segment.file, self._target)

    def _rewrite_segments(self) -> None:
        with self._open(self._target) as writer:
            while self._segments:
                self._rewrite_segment(self._segments.pop(0), writer)

    def _rewrite_segment(self, segment: _Segment, writer: RecordWriter) -> None:
        with segment.file as file:
            file.seek(0)
            self._codec.rewrite(file, segment.schema, writer)
