"""Rows as the lines of a table for people."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from de_classes.cli.terminal import escaped, fitted, width
from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


ABSENT: Final = object()
"""In place of a value that a row has not, and that is no null."""

_READABLE = 12  # columns that a value gets at the least, if it wants them
_GAP = "  "


def table(
    names: Sequence[str], batches: Iterable[Sequence[Sequence[Any]]], columns: int | None = None
) -> Iterator[str]:
    """Rows as lines no wider than the terminal; columns that do not fit are named below them.

    The first batch says how wide each column is; the rest is printed as it comes.

    Args:
        names: Of the columns.
        batches: Lists of rows, of JSON values or ``ABSENT``, in the order of the names.
        columns: Of the terminal; None where nothing is to be cut.
    """
    left = iter(batches)
    first = next(left, [])
    heads = [escaped(name) for name in names]
    cells = [[_cell(row[place], columns) for row in first] for place in range(len(names))]
    wanted = [max(1, *map(width, [head, *values])) for head, values in zip(heads, cells, strict=True)]
    shown = len(names) if columns is None else _fitting(wanted, columns)
    widths = wanted if columns is None else _widths(wanted[:shown], columns - len(_GAP) * (shown - 1))
    numeric = [_are_numbers([row[place] for row in first]) for place in range(shown)]
    yield _row(heads[:shown], widths, numeric)
    yield _GAP.join("-" * each for each in widths)
    for row in chain(first, chain.from_iterable(left)):
        yield _row([_cell(value, columns) for value in row[:shown]], widths, numeric, cut=columns is not None)
    if columns is not None and heads[shown:]:
        yield f"and {', '.join(heads[shown:])}"[:columns]


def _fitting(wanted: Sequence[int], columns: int) -> int:
    """How many columns are shown: those before find room, and the first one always."""
    shown = len(wanted)
    while shown > 1 and sum(min(each, _READABLE) + len(_GAP) for each in wanted[:shown]) > columns:
        shown -= 1
    return shown


def _row(texts: Sequence[str], widths: Sequence[int], numeric: Sequence[bool], *, cut: bool = True) -> str:
    cells = zip(texts, widths, numeric, strict=True)
    return _GAP.join(
        fitted(text, each if cut else max(each, width(text)), right=right) for text, each, right in cells
    ).rstrip()


def _widths(wanted: list[int], columns: int) -> list[int]:
    """What each gets: as much as it wants, while the widest share what is left."""
    given, left = dict.fromkeys(range(len(wanted)), 0), max(columns, len(wanted))
    for index in sorted(given, key=wanted.__getitem__):
        share = left // sum(1 for each in given.values() if not each)
        given[index] = max(1, min(wanted[index], share))
        left -= given[index]
    return list(given.values())


def _cell(value: object, columns: int | None) -> str:
    most = None if columns is None else columns + 1
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return escaped(value[:most])
    if value is None:
        return "null"
    if isinstance(value, Number):
        return value.text
    return escaped(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)[:most])


def _are_numbers(values: Sequence[Any]) -> bool:
    kinds = {type(value) for value in values if value is not None and value is not ABSENT}
    return bool(kinds) and kinds <= {int, float, Number}
