"""The names of the formats, in the one place that all others take them from; a new format is a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

CODECS: Final = {
    "csv": "csv_codec:CsvCodec",
    "json": "json_codec:JsonCodec",
    "jsonl": "json_codec:JsonLinesCodec",
    "parquet": "parquet_codec:ParquetCodec",
}
"""By name: the module in ``storage/format`` and the class there, which is imported when it is first used."""

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(CODECS)]  # what settings and requests may say
