r"""The grammar of our CSV: ordinary RFC 4180, written so that every cell tells its type.

    cell        means                       reads as
    (nothing)   null                        None
    ""          the empty string            ""
    "text"      a string, always quoted     "text"
    12  2.5     a number, as in JSON        12, 2.5
    true        a boolean, as in JSON       True
    "{...}"     an object, as JSON text     {...}
    "[...]"     an array, as JSON text      [...]
    "\"{..."    a string that starts with {, [ or a quote, as a JSON string literal
    2024-05-01T12:00:00+02:00[Europe/Vienna]    a timestamp (see `timestamps`)
    anything else without quotes            a string, as other tools write them

In a file of one column a null is written as the empty string is elsewhere, and that as JSON text: see
`cell_alone`.

Any CSV reader takes this as it is; what is special is only that quotes carry meaning. The csv module
of the standard library drops that difference (up to Python 3.11 in writing as well), hence the
small tokenizer here.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.timestamps import TimestampText, is_timestamp
from de_classes.utils import strict_json
from de_classes.utils.numbers import Number, read_number

if TYPE_CHECKING:
    from collections.abc import Callable

JSON_STARTS = ("{", "[", '"')
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_CELL = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^",]*+))(,|\Z)')
_ALONE = {"": '""', '""': '""""""'}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "true": True, "false": False}


def quote(text: str) -> str:
    """Put text in quotes, doubling those inside."""
    return '"' + text.replace('"', '""') + '"'


def encode_cell(value: object) -> str:
    """Write one value.

    Raises:
        UnsupportedValueError: CSV cannot hold it exactly; the message gives the reason alone.
    """
    encode = _ENCODERS.get(type(value), _encode_json)
    return encode(value)


def cell_alone(cell: str) -> str:
    """A cell as it is written where it is the only one of its row.

    A null would be an empty line, which many readers skip. So it is ``""`` there, which pandas and DuckDB
    read as a null, and a text without characters is written as JSON.
    """
    return _ALONE.get(cell, cell)


def defuse_formula(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula. There is no way back."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def split_row(text: str) -> list[tuple[bool, str]]:
    """Split a row, without its line ending, into cells: whether quoted, and the text inside.

    Raises:
        MalformedDataError: A quote where none may be.
    """
    cells: list[tuple[bool, str]] = []
    position, separator = 0, ","
    while separator:
        match = _CELL.match(text, position)
        if match is None:
            raise MalformedDataError(f"a stray quote in cell {len(cells) + 1}")
        quoted, plain, separator = match.groups()
        cells.append((plain is None, quoted.replace('""', '"') if plain is None else plain))
        position = match.end()
    return cells


def decode_cell(quoted: bool, text: str) -> Any:  # noqa: ANN401, FBT001 - any value; a pair from split_row
    """Read one value.

    Raises:
        MalformedDataError: It looks like JSON and is none, or a number is beyond float64.
    """
    if quoted:
        return _decode_quoted(text)
    if text in _WORDS:
        return _WORDS[text]
    if number := _NUMBER.fullmatch(text):
        return _decode_number(text, is_float=any(number.groups()))
    return TimestampText(text) if is_timestamp(text) else text


def _decode_quoted(text: str) -> Any:  # noqa: ANN401 - any JSON value
    if not text.startswith(JSON_STARTS):
        return text
    try:
        return strict_json.loads(text)
    except MalformedDataError as error:
        raise MalformedDataError(f"quoted text that starts with {text[0]} must be JSON: {error}") from error


def _decode_number(text: str, *, is_float: bool) -> float:
    try:
        return read_number(text) if is_float else int(text)
    except ValueError as error:
        reason = str(error) if is_float else "an integer of more digits than Python converts"
        raise MalformedDataError(reason) from error


def _encode_text(value: Any) -> str:  # noqa: ANN401 - chosen by type
    return quote(strict_json.dumps(value) if value.startswith(JSON_STARTS) else value)


def _encode_json(value: object) -> str:
    if isinstance(value, str):
        return _encode_text(value)
    text = strict_json.dumps(value)
    return quote(text) if text.startswith(JSON_STARTS) else text


def _encode_float(value: Any) -> str:  # noqa: ANN401 - chosen by type
    if not math.isfinite(value):
        raise UnsupportedValueError(f"{value} has no spelling in CSV: make it null, or write Parquet")
    return float.__repr__(value)


def _encode_int(value: Any) -> str:  # noqa: ANN401 - chosen by type
    try:
        return int.__repr__(value)
    except ValueError as error:
        raise UnsupportedValueError("an integer of more digits than Python converts") from error


_ENCODERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    str: _encode_text,
    float: _encode_float,
    Number: lambda value: value.text,
    int: _encode_int,
    TimestampText: str,
}
