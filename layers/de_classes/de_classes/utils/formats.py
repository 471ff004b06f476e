"""What is known of each format without its codec being loaded; a new format is an entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from de_classes.utils.values import Value


class Format(Value, kw_only=True):
    """What all others need to know of a format; how it is written and read is for its codec.

    A program with a format of its own puts it there before it is used, ``FORMATS["tsv"] = Format(...)``: the
    name is what keys end with.

    Example:
        >>> their = Format(
        ...     codec="their_package.tabs:TabsCodec",
        ...     media_type="text/tab-separated-values",
        ...     is_text=True,
        ...     is_table=True,
        ...     pandas="pd.read_table({})",
        ... )
        >>> their.pandas.format("'orders.tsv'")
        "pd.read_table('orders.tsv')"

    Attributes:
        codec: ``package.module:Class``; the module is imported when it is first used.
        media_type: For the object's Content-Type header.
        is_text: It is read by people too. Text has no types of numbers, and none for NaN.
        is_table: Every row has every column, so that a null and an absent field are the same, and a column of
            numbers has one type.
        aliases: Other names, which a key may end with as well.
        extra: The extra of this package that installs what the codec imports; None where it needs nothing.
        pandas: How pandas reads a file, with ``{}`` for the path; None where it cannot.
        polars: The same for Polars.
        duckdb: The same for DuckDB, as what follows ``FROM``.
    """

    codec: str
    media_type: str
    is_text: bool
    is_table: bool
    aliases: tuple[str, ...] = ()
    extra: str | None = None
    pandas: str | None = None
    polars: str | None = None
    duckdb: str | None = None


FORMATS: Final[dict[str, Format]] = {
    "csv": Format(
        codec="de_classes.storage.format.csv_codec:CsvCodec",
        media_type="text/csv; charset=utf-8",
        is_text=True,
        is_table=True,
        pandas="pd.read_csv({})",
        polars="pl.read_csv({})",
        duckdb="read_csv({})",
    ),
    "json": Format(
        codec="de_classes.storage.format.json_codec:JsonCodec",
        media_type="application/json",
        is_text=True,
        is_table=False,
        pandas="pd.read_json({})",
        polars="pl.read_json({})",
        duckdb="read_json({}, format = 'array')",
    ),
    "jsonl": Format(
        codec="de_classes.storage.format.json_codec:JsonLinesCodec",
        media_type="application/x-ndjson",
        is_text=True,
        is_table=False,
        aliases=("ndjson", "jsonlines"),
        pandas="pd.read_json({}, lines=True)",
        polars="pl.read_ndjson({})",
        duckdb="read_json({}, format = 'newline_delimited')",
    ),
    "parquet": Format(
        codec="de_classes.storage.format.parquet_codec:ParquetCodec",
        media_type="application/vnd.apache.parquet",
        is_text=False,
        is_table=True,
        extra="parquet",
        pandas="pd.read_parquet({})",
        polars="pl.read_parquet({})",
        duckdb="read_parquet({})",
    ),
}
"""By name, which is what a key ends with, too."""

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]  # what settings and requests may say


def find_format(name: str) -> str | None:
    """The name of the format that goes by this name or alias, in any case; None if there is none."""
    lowered = name.lower()
    if lowered in FORMATS:
        return lowered
    return next((name for name, each in FORMATS.items() if lowered in each.aliases), None)
