from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.codec import FormatCodec, RecordWriter, get_codec
from de_classes.storage.format.schema import Schema, Widening
from de_classes.storage.format.segmented import BATCH_ROWS, SegmentedWriter
from de_classes.utils.formats import FORMATS
from tests.fakes.format_samples import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from de_classes.storage.format.schema import Record

PAGES: list[list[Record]] = [
    [{"a": 1, "n": None}] * BATCH_ROWS,
    [{"a": 2.5, "n": None}] * BATCH_ROWS,
    [{"a": "x", "n": 1, "late": True}] * BATCH_ROWS,
]


@pytest.mark.parametrize("name", FORMATS)
def test_F50_F51_what_changed_on_the_way_is_reported(name: str) -> None:
    with SegmentedWriter(get_codec(name), io.BytesIO()) as writer:
        for page in PAGES:
            writer.write(page)
    assert writer.records == 3 * BATCH_ROWS
    assert writer.schema.describe() == {"a": "json", "n": "int64", "late": "bool"}
    assert writer.widenings == (
        Widening("a", "int64", "float64"),
        Widening("a", "float64", "json"),
        Widening("late", "absent", "bool"),
    )


def test_a_column_beyond_the_declared_ones_is_reported() -> None:
    with SegmentedWriter(get_codec("csv"), io.BytesIO(), schema=Schema.of_columns(("a",))) as writer:
        writer.write([{"a": 1, "b": 2}])
    assert writer.widenings == (Widening("b", "absent", "int64"),)


def test_records_stay_in_order_through_segments() -> None:
    target = io.BytesIO()
    with SegmentedWriter(get_codec("parquet"), target) as writer:
        for page in range(5):
            writer.write([{"id": page * 1_500 + row, f"c{page}": row} for row in range(1_500)])
    assert [record["id"] for record in read(get_codec("parquet"), target.getvalue())] == list(range(7_500))


def test_temporary_files_are_where_they_were_asked_for(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with (
        pytest.raises(FileNotFoundError),
        SegmentedWriter(get_codec("csv"), io.BytesIO(), spool_dir=missing) as writer,
    ):
        writer.write([{"a": 1}] * BATCH_ROWS)


def test_rows_are_counted_over_all_pages_in_messages() -> None:
    writer = SegmentedWriter(get_codec("parquet"), io.BytesIO())
    writer.write([{"a": "x"}] * 1_501)
    writer.write([{"a": "\ud800"}])
    with pytest.raises(UnsupportedValueError, match="column 'a', row 1502"):
        writer.close()


def test_what_a_narrower_segment_changed_is_only_what_is_stated() -> None:
    codec, target = get_codec("parquet"), io.BytesIO()
    with SegmentedWriter(codec, target) as writer:
        writer.write([{"a": 1, "s": {"x": 1}}, {"a": 2.5, "s": {"y": 2}}] * (BATCH_ROWS // 2))
        writer.write([{"a": "z", "s": "z"}])
    first, *_, last = read(codec, target.getvalue())
    assert first == {"a": 1.0, "s": {"x": 1, "y": None}}
    assert last == {"a": "z", "s": "z"}


class Renewable(io.BytesIO):
    """A target that can be begun anew."""

    def set_aside(self) -> io.BytesIO:
        written = io.BytesIO(self.getvalue())
        self.seek(0)
        self.truncate()
        return written


@pytest.mark.parametrize("name", ["csv", "parquet"])
@pytest.mark.parametrize("pages", [PAGES[:0], PAGES[:1], PAGES[:1] * 3, PAGES[:2], PAGES], ids=len)
def test_a_target_that_can_be_begun_anew_gets_the_same_bytes_and_no_copy(
    name: str, pages: list[list[Record]], tmp_path: Path
) -> None:
    copied, target = io.BytesIO(), Renewable()
    with SegmentedWriter(get_codec(name), copied) as writer:
        for page in pages:
            writer.write(page)
    missing = tmp_path / "missing" if len(pages) < 2 else None  # for one segment it is not looked for
    with SegmentedWriter(get_codec(name), target, spool_dir=missing, set_aside=target.set_aside) as writer:
        for page in pages:
            writer.write(page)
        assert writer.pending_size == 0 or len(pages) > 1
    assert target.getvalue() == copied.getvalue()


def test_a_target_stays_open_when_its_writer_lets_go() -> None:
    target = Renewable()
    writer = SegmentedWriter(get_codec("csv"), target, set_aside=target.set_aside)
    writer.write(PAGES[0])
    writer.abandon()
    assert target.getvalue().startswith(b'"a","n"\n')


class HoldingCodec(FormatCodec):
    """Gathers all lines, as a format does that must know the widest first."""

    name = "held"

    def open_writer(
        self, target: BinaryIO, *, schema: Schema | None = None, spool_dir: Path | str | None = None
    ) -> RecordWriter:
        self.spool_dir = spool_dir
        return HoldingWriter(target, schema or Schema())

    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        yield [{"line": line} for line in source]


class HoldingWriter(RecordWriter):
    def __init__(self, target: BinaryIO, schema: Schema) -> None:
        super().__init__(schema)
        self._target = target
        self._held: list[bytes] = []

    @property
    def pending_size(self) -> int:
        return sum(map(len, self._held))

    def _append(self, records: Sequence[Record]) -> None:
        self._held += [f"{record}\n".encode() for record in records]

    def _finish(self) -> None:
        self._target.writelines(self._held)


def test_what_a_format_gathers_counts_as_pending_until_the_target_has_it() -> None:
    target = io.BytesIO()
    with SegmentedWriter(HoldingCodec(), target) as writer:
        writer.write([{"id": number} for number in range(2_500)])
        pending = writer.pending_size
        assert target.getvalue() == b""
    assert len(target.getvalue()) > pending > len(target.getvalue()) / 2


class HoldingTableCodec(HoldingCodec):
    needs_schema = True


@pytest.mark.parametrize("kind", [HoldingCodec, HoldingTableCodec])
def test_a_codec_is_told_where_a_temporary_file_may_go(kind: type[HoldingCodec], tmp_path: Path) -> None:
    codec = kind()
    with SegmentedWriter(codec, io.BytesIO(), spool_dir=tmp_path) as writer:
        writer.write([{"id": 1}])
    assert codec.spool_dir == tmp_path
