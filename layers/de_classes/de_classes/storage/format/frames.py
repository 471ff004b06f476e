"""DataFrames to records and back, so that every column comes back as it was or is refused.

Text tells ints, floats, booleans, strings and timestamps apart, but not int64 from int32, nor a str
from a category. So each column is converted, restored the way the reader will do it, and compared:
what would come back with another dtype or value is refused, with the mend named. What the reader makes
of a column is written down in `restore_column`.

This is the only module that imports pandas.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.schema import Kind, Schema, infer, infer_type, merge
from de_classes.storage.format.timestamps import TimestampText, find_zone, parse_timestamp, zone_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.storage.format.schema import Record

_SCALARS = (type(None), bool, int, float, str)


def plain_value(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Replace numpy's scalars by Python's, however deep, and make sure that it is a JSON value.

    Raises:
        TypeError: It is none: a tuple, an array, a date, an object with keys that are no strings.
    """
    if type(value) in _SCALARS:
        return value
    if isinstance(value, np.generic):
        return _plain_scalar(value)
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain_value(item) for key, item in value.items()}
    if isinstance(value, dict):
        raise TypeError("an object's keys must be strings")
    raise TypeError(f"a {type(value).__name__} is not a JSON value")


def same_values(first: object, second: object) -> bool:
    """Whether two plain values are equal in every part and type. NaN equals nothing; key order counts not."""
    if type(first) is not type(second):
        return False
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_values, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same_values(first[key], second[key]) for key in first)
    return first == second


def _plain_scalar(value: np.generic) -> Any:  # noqa: ANN401 - any JSON value
    plain = value.item()
    if type(plain) not in _SCALARS:
        raise TypeError(f"a {type(value).__name__} is not a JSON value")
    return plain


_TIMESPECS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_NOT_A_TIME = np.iinfo(np.int64).min
_DTYPES = {
    Kind.BOOL: ("bool", "boolean"),
    Kind.INT53: ("int64", "Int64"),
    Kind.INT64: ("int64", "Int64"),
    Kind.FLOAT64: ("float64", "float64"),
    Kind.STRING: ("str", "str"),
}
_NULLABLE = {
    "bool": pd.BooleanDtype(),
    "int8": pd.Int8Dtype(),
    "int16": pd.Int16Dtype(),
    "int32": pd.Int32Dtype(),
    "int64": pd.Int64Dtype(),
    "uint8": pd.UInt8Dtype(),
    "uint16": pd.UInt16Dtype(),
    "uint32": pd.UInt32Dtype(),
    "uint64": pd.UInt64Dtype(),
}


def records_from_frame(
    frame: pd.DataFrame, format_name: str, *, has_timestamp_type: bool, keeps_columns: bool
) -> tuple[Schema, list[Record]]:
    """Take a DataFrame apart into records, and the schema to write them under.

    Args:
        frame: A plain table.
        format_name: What the records are written as, for messages.
        has_timestamp_type: See ``FormatCodec``.
        keeps_columns: The same.

    Raises:
        UnsupportedValueError: It would not read back equal; the column and the mend are named.
    """
    check_layout(frame)
    columns = {
        name: _checked_values(frame[name], format_name, has_timestamp_type=has_timestamp_type)
        for name in frame.columns
    }
    if columns and frame.empty and not keeps_columns:
        raise UnsupportedValueError(
            f"{format_name} cannot keep the columns of a DataFrame without rows: write csv or parquet"
        )
    rows = zip(*columns.values(), strict=True) if columns else [()] * len(frame)
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    return merge(Schema.of_columns(tuple(columns)), infer(records)), records


def frame_from_records(
    records: Sequence[Record], columns: tuple[str, ...] = (), *, has_timestamp_type: bool = True
) -> pd.DataFrame:
    """Put records into a DataFrame without loss.

    Args:
        records: JSON objects; an absent key becomes a null.
        columns: Names that come first, whether or not a record has them.
        has_timestamp_type: Only `TimestampText` is a timestamp; otherwise zoned text is, too.
    """
    names = dict.fromkeys(chain(columns, chain.from_iterable(records)))
    series = {
        name: restore_column([record.get(name) for record in records], has_timestamp_type=has_timestamp_type)
        for name in names
    }
    return pd.DataFrame(series, index=pd.RangeIndex(len(records)))


def restore_column(values: list[Any], *, has_timestamp_type: bool) -> pd.Series[Any]:
    """Give a column of JSON values its dtype, by the values alone.

    Integers become int64 (Int64 beside nulls), booleans bool (boolean beside nulls), floats float64 with
    NaN as the null, strings str, timestamps datetime64 in the unit and zone that their text shows;
    integers beyond 64 bits, nested and mixed values, and columns of nothing but nulls become object.
    """
    kind = infer_type(values)
    if (
        kind is Kind.STRING
        and (timestamps := _restore_timestamps(values, has_timestamp_type=has_timestamp_type)) is not None
    ):
        return timestamps
    if isinstance(kind, Kind) and kind in _DTYPES:
        return pd.Series(values, dtype=_DTYPES[kind][None in values])
    return pd.Series([str(v) if isinstance(v, TimestampText) else v for v in values], dtype=object)


def object_column(values: Sequence[Any]) -> pd.Series[Any]:
    """Make a column of whatever the values are."""
    return pd.Series(list(values), dtype=object)


def assemble(columns: dict[str, pd.Series[Any]], rows: int) -> pd.DataFrame:
    """Make a DataFrame of columns of the same length."""
    return pd.DataFrame(columns, index=pd.RangeIndex(rows))


def nullable_dtype(name: str) -> object:
    """Find the dtype that holds integers or booleans beside nulls: ``Int64`` for ``int64``; or None."""
    return _NULLABLE.get(name)


def utc_instants(series: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Take a zoned column's instants, in UTC and in the column's own unit."""
    return np.asarray(series.dt.tz_convert(None).to_numpy())


def is_zoned(series: pd.Series[Any]) -> bool:
    """Whether a column holds timestamps with a zone."""
    return isinstance(series.dtype, pd.DatetimeTZDtype)


def check_layout(frame: pd.DataFrame) -> None:
    """Make sure that the frame is a plain table.

    Raises:
        UnsupportedValueError: Its labels are not unique strings, or its index says something.
    """
    labels = list(frame.columns)
    if frame.columns.nlevels > 1 or not all(isinstance(label, str) for label in labels):
        raise UnsupportedValueError("column labels must be strings: rename them with df.columns = [...]")
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise UnsupportedValueError(f"two columns are called {twice!r}: rename one")
    if frame.columns.name is not None:
        raise UnsupportedValueError("the columns have a name, which no format keeps: df.columns.name = None")
    index = frame.index
    if index.dtype != np.int64 or index.name is not None or not index.equals(pd.RangeIndex(len(frame))):
        raise UnsupportedValueError(
            "the index holds data: df.reset_index() keeps it as a column, drop=True drops it"
        )


def _checked_values(series: pd.Series[Any], format_name: str, *, has_timestamp_type: bool) -> list[Any]:
    """Convert a column to JSON values from which the reader will make the very same column."""
    try:
        values = _column_values(series)
        restored = restore_column(values, has_timestamp_type=has_timestamp_type)
    except UnicodeEncodeError as error:
        raise UnsupportedValueError(
            f"column {series.name!r}: text with a lone surrogate, which UTF-8 cannot hold"
        ) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise UnsupportedValueError(
            f"column {series.name!r} ({series.dtype}): {format_name} cannot hold it ({error}): "
            "convert it to text or numbers, or write parquet"
        ) from error
    if problem := _difference(series, restored, values):
        raise UnsupportedValueError(f"column {series.name!r}: {format_name} {problem}")
    return values


def _column_values(series: pd.Series[Any]) -> list[Any]:
    if is_zoned(series) or series.dtype.kind == "M":
        return _timestamp_texts(series)
    if series.dtype == object:
        return [plain_value(value) for value in series]
    return [None if missing else value for value, missing in zip(series.tolist(), series.isna(), strict=True)]


def _difference(series: pd.Series[Any], restored: pd.Series[Any], values: list[Any]) -> str:
    if series.dtype != restored.dtype:
        return (
            f"would give {series.dtype} back as {restored.dtype}: {_mend(series, restored)}, or write parquet"
        )
    if series.dtype == object and not all(map(same_values, values, restored)):
        return "cannot hold NaN among objects: df[c] = df[c].where(df[c].notna(), None)"
    if series.dtype != object and not series.equals(restored):
        return "would give other values back: write parquet"
    return ""


def _mend(series: pd.Series[Any], restored: pd.Series[Any]) -> str:
    if not series.notna().any():
        return "a column without values shows no type; cast it to object"
    if series.dtype.kind == "M" and not is_zoned(series):
        return "naive timestamps look like strings; give them a zone with dt.tz_localize"
    if is_zoned(restored):
        return "strings in the form of zoned timestamps look like timestamps; convert them"
    return f"cast it with astype({str(restored.dtype)!r})"


def _timestamp_texts(series: pd.Series[Any]) -> list[TimestampText | None]:
    zone = getattr(series.dt, "tz", None)
    suffix = f"[{zone_name(zone)}]" if zone is not None else ""
    timespec = _TIMESPECS[series.dt.unit]
    return [
        None if value is pd.NaT else TimestampText(value.isoformat(timespec=timespec) + suffix)
        for value in series
    ]


def _restore_timestamps(values: list[Any], *, has_timestamp_type: bool) -> pd.Series[Any] | None:
    """Make timestamps of texts if all are, in one unit and zone, spelled as they will be again."""
    present = [value for value in values if value is not None]
    if has_timestamp_type and not all(isinstance(value, TimestampText) for value in present):
        return None
    parsed = [parse_timestamp(value) for value in present]
    shapes = {(stamp.unit, stamp.zone) if stamp else None for stamp in parsed}
    if len(shapes) > 1 or (shape := shapes.pop()) is None or not (has_timestamp_type or shape[1]):
        return None
    ticks = iter(stamp.ticks for stamp in parsed if stamp)
    series = _timestamp_column([_NOT_A_TIME if v is None else next(ticks) for v in values], *shape)
    return series if series is not None and _timestamp_texts(series) == values else None


def _timestamp_column(ticks: list[int], unit: str, zone: str | None) -> pd.Series[Any] | None:
    try:
        naive = pd.Series(np.array(ticks, dtype=np.int64).view(f"M8[{unit}]"))
    except OverflowError:
        return None
    if zone is None:
        return naive
    known = find_zone(zone)
    return None if known is None else naive.dt.tz_localize("UTC").dt.tz_convert(known)
