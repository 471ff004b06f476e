"""Columns of values that came as JSON, as CSV: the text that `csv_cells` gives cell by cell, but faster."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from de_classes.storage.format.csv_cells import JSON_STARTS, cell_alone
from de_classes.utils.numbers import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WORDS: Final = {bool, int, NoneType}
_WORDS_OF: Final = msgspec.json.Encoder(enc_hook=lambda number: msgspec.Raw(number.text))
_TEXTS: Final = {str, NoneType}
_FAR_FROM_ONE: Final = ("e", "0.0000")


def encode_rows(
    columns: Sequence[list[Any]], encode: Callable[[object], str], *, starts: Sequence[str] = ()
) -> bytes:
    """Write rows, each ended by a newline.

    Args:
        columns: At least one, each as long as the others.
        encode: Writes a single cell.
        starts: Characters that a text must not begin with to be written in quotes as it is, beside those
            that tell JSON.
    """
    if not columns[0]:
        return b""
    special = {*JSON_STARTS, *starts}
    cells = [_encode_plain(column, special) or list(map(encode, column)) for column in columns]
    if len(cells) == 1:
        cells = [list(map(cell_alone, cells[0]))]
    return ("\n".join(map(",".join, zip(*cells, strict=True))) + "\n").encode()


def _encode_plain(values: list[Any], special: set[str]) -> list[str] | None:
    """The cells of a column; None if they are not plainly what JSON makes of them."""
    try:
        return _encode_texts(values, "".join(values), special)
    except TypeError:  # there are others among them
        kinds = set(map(type, values))
    if kinds <= _TEXTS:
        return _encode_texts(values, "".join(filter(None, values)), special)
    if kinds <= {*_WORDS, float, Number}:
        return _encode_words(values, has_floats=not kinds.isdisjoint({float, Number}))
    return None


def _encode_texts(values: list[Any], joined: str, special: set[str]) -> list[str] | None:
    """Texts, and what they are together: mostly nothing special is anywhere in them."""
    if any(character in joined for character in special):
        if not special.isdisjoint({value[:1] for value in values if value}):
            return None
        if '"' in joined:
            values = [value and value.replace('"', '""') for value in values]
    return ["" if value is None else f'"{value}"' for value in values]


def _encode_words(values: list[Any], *, has_floats: bool) -> list[str] | None:
    """Numbers and booleans as JSON spells them; it spells exponents in its own way."""
    text = _WORDS_OF.encode(values).decode()
    if has_floats and any(mark in text for mark in _FAR_FROM_ONE):
        return None
    return text[1:-1].replace("null", "").split(",")
