"""From a DataFrame to record batches. pandas itself is not imported: whoever has a frame has it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.frames import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from de_classes.pipelines.steps import Batch


def frame_batches(frame: pd.DataFrame, batch_rows: int) -> Iterator[Batch]:
    """Yield a frame's rows as records; the index is left behind.

    Missing values become None, timestamps and dates ISO 8601 text, numpy's scalars Python's.

    Args:
        frame: Any frame whose columns have names.
        batch_rows: Rows in a batch.

    Raises:
        UnsupportedValueError: A value has no equal among JSON's, or a name is no string or not unique.
    """
    names = list(frame.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise UnsupportedValueError(
            "column labels must be different strings: rename them with df.columns = [...]"
        )
    for start in range(0, len(frame), batch_rows):
        part = frame.iloc[start : start + batch_rows]
        columns = [_values(part[name]) for name in names]
        rows = zip(*columns, strict=True) if columns else [()] * len(part)
        yield [dict(zip(names, row, strict=True)) for row in rows]


def _values(series: pd.Series[Any]) -> list[Any]:
    try:
        return [
            None if missing else _plain(value)
            for value, missing in zip(series.tolist(), series.isna(), strict=True)
        ]
    except TypeError as error:
        raise UnsupportedValueError(
            f"column {series.name!r}: {error}: convert it to text or numbers first"
        ) from error


def _plain(value: object) -> Any:  # noqa: ANN401 - a JSON value is of any type
    return value.isoformat() if isinstance(value, date) else plain_value(value)
