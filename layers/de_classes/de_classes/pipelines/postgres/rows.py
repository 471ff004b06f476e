r"""Records as the text that COPY reads: CSV in which a null is nothing, and a text always in quotes.

So the empty text is ``""`` and not null, a text that looks like a number stays a text, and ``\.`` in quotes
ends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from de_classes.pipelines.postgres.columns import JSONB
from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.csv_codec import quote
from de_classes.utils import strict_json
from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from de_classes.pipelines.postgres.columns import Column
    from de_classes.storage.format.schema import Record


class Rows(Protocol):
    """Reads a part as rows of COPY's text."""

    def __call__(self, source: BinaryIO, columns: Sequence[Column]) -> Iterator[bytes]:
        """Yield whole rows, in pieces of bounded size."""
        ...


def rows_of(format_name: str) -> Rows:
    """How parts of a format are read: Parquet by Arrow, which makes the same text a few times as fast."""
    if format_name == "parquet":
        from de_classes.pipelines.postgres.arrow_rows import arrow_rows  # noqa: PLC0415 - pyarrow only for Parquet

        return arrow_rows
    codec = get_codec(format_name)
    return lambda source, columns: (encode(records, columns) for records in codec.read(source))


def encode(records: Sequence[Record], columns: Sequence[Column]) -> bytes:
    """Spell records as rows.

    Raises:
        UnsupportedValueError: A value has no spelling, such as NaN in JSON.
    """
    spelled = [map(_cell_of(column), [record.get(column.name) for record in records]) for column in columns]
    return "".join(f"{','.join(row)}\n" for row in zip(*spelled, strict=True)).encode()


def json_cell(value: object) -> str:
    """A value as JSON text; None is a null of SQL's."""
    return "" if value is None else quote(strict_json.dumps(value))


def _cell_of(column: Column) -> Callable[[Any], str]:
    return json_cell if column.type == JSONB or column.is_json else _cell


def _cell(value: Any) -> str:  # noqa: ANN401 - any JSON value
    spell = _SPELL.get(type(value), quote if isinstance(value, str) else json_cell)
    return spell(value)


_SPELL: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "",
    str: quote,
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: float.__repr__,
    Number: lambda value: value.text,
}
