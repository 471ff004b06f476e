"""DataFrames to bytes and back, in any format of the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.storage.format.codec import canonical_format, format_names, get_codec
from de_classes.utils.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from de_classes.storage.format.schema import Record

# The examples that users know call the argument "format", so it keeps that name.


class DataFormatService:
    """Converts DataFrames to and from bytes, in any format of ``FORMATS``.

    What is written reads back equal, with its dtypes, or is refused with the column and the mend named.
    Every method raises ``UnsupportedFormatError`` for a format that is not in the registry.

    Example:
        >>> formats = DataFormatService()
        >>> frame = formats.from_records(orders)
        >>> formats.from_bytes(formats.to_bytes(frame, "parquet"), "parquet").equals(frame)
        True

    Args:
        escape_formulas: Write CSV for spreadsheets: text that looks like a formula gets an apostrophe in
            front, so that it is shown and not run. It keeps the apostrophe when it is read back.
    """

    def __init__(self, *, escape_formulas: bool = False) -> None:
        self.escape_formulas = escape_formulas

    def to_bytes(self, df: pd.DataFrame, format: str) -> bytes:  # noqa: A002 - the argument's known name
        """Encode a DataFrame.

        Raises:
            UnsupportedValueError: The format would not give it back equal.
        """
        return get_codec(format, escape_formulas=self.escape_formulas).dump_frame(df)

    def from_bytes(self, data: bytes, format: str) -> pd.DataFrame:  # noqa: A002 - the argument's known name
        """Decode a DataFrame.

        Raises:
            MalformedDataError: The bytes are not what the format promises.
        """
        return get_codec(format).load_frame(data)

    def from_records(self, records: Iterable[Record], columns: Iterable[str] = ()) -> pd.DataFrame:
        """Put records into a DataFrame without loss: big integers beside nulls stay integers (Int64).

        Args:
            records: JSON objects.
            columns: Names that come first, and that an empty result has too.
        """
        from de_classes.storage.format import frames  # noqa: PLC0415 - pandas only for those who ask

        return frames.frame_from_records(list(records), tuple(columns))

    def content_type(self, format: str) -> str:  # noqa: A002 - the argument's known name
        """Give the Content-Type of an object in this format."""
        return FORMATS[canonical_format(format)].media_type

    def extension(self, format: str) -> str:  # noqa: A002 - the argument's known name
        """Give the file name's ending, with its dot."""
        return f".{canonical_format(format)}"

    def formats(self) -> tuple[str, ...]:
        """Name every format."""
        return format_names()
