"""Arrow arrays of Python values, without the import of pandas that pyarrow makes for its first one.

``pyarrow.array`` asks of any list whether it is one of pandas' own kinds, and imports pandas to ask: that
takes longer than all else a process does before its first page, and tens of megabytes. So where pandas is
installed and nobody has imported it, plain values are put together here from Arrow's buffers. Whatever is
not plain goes to ``pyarrow.array``, which converts or refuses it in its own way.
"""

from __future__ import annotations

import struct
import sys
from importlib.util import find_spec
from itertools import accumulate, chain, repeat
from operator import is_not
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

from de_classes.utils.numbers import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_HAS_PANDAS: Final = find_spec("pandas") is not None
_NONE: Final = type(None)
_EXACT_IN_DOUBLE: Final = 2**53  # the largest integer that pyarrow takes for a float64
_DIGITS: Final = b"01".ljust(256, b"\0")
_TOO_LARGE: Final = (struct.error, OverflowError, UnicodeEncodeError)


def array_of(values: Sequence[Any] | pa.Array, arrow_type: pa.DataType) -> pa.Array:
    """Make what ``pyarrow.array`` makes.

    Args:
        values: Python values, None for a null; or an array already.
        arrow_type: The type of the array.

    Raises:
        Exception: Whatever ``pyarrow.array`` raises.
    """
    array = None
    if _HAS_PANDAS and "pandas" not in sys.modules and isinstance(values, list):
        array = from_buffers(values, arrow_type)
    return pa.array(values, arrow_type) if array is None else array


def from_buffers(values: list[Any], arrow_type: pa.DataType) -> pa.Array | None:
    """The array of plain values; None if some are not, be it that ``pyarrow.array`` would take them.

    Args:
        values: Python values, None for a null.
        arrow_type: The type of the array.
    """
    plain = _PLAIN.get(arrow_type.id)
    kinds = set(map(type, values))
    has_nulls = _NONE in kinds
    if plain is None or not kinds <= {*plain[0], _NONE}:
        return None
    try:
        return plain[1](values, arrow_type, _validity(values) if has_nulls else None)
    except _TOO_LARGE:
        return None


def _nulls(values: list[Any], _: pa.DataType, __: pa.Buffer | None) -> pa.Array:
    return pa.nulls(len(values))


def _booleans(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    bits = values if validity is None else map(bool, values)
    return _array(values, arrow_type, validity, _bitmap(bits))


def _integers(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    return _array(values, arrow_type, validity, _packed("q", _filled(values, validity, 0)))


def _floats(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    filled = _filled(values, validity, 0.0)
    if int in set(map(type, filled)) and not all(map(_is_exact, filled)):
        return None
    return _array(values, arrow_type, validity, _packed("d", filled))


def _strings(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    filled = _filled(values, validity, "")
    text = "".join(filled)
    data = text.encode()
    sizes = map(len, filled if len(data) == len(text) else map(str.encode, filled))
    return _array(values, arrow_type, validity, _offsets(sizes), pa.py_buffer(data))


def _lists(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    filled = _filled(values, validity, ())
    elements = from_buffers(list(chain.from_iterable(filled)), arrow_type.value_type)
    if elements is None:
        return None
    return _array(values, arrow_type, validity, _offsets(map(len, filled)), children=[elements])


def _structs(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    filled = _filled(values, validity, {})
    children = [from_buffers([value.get(each.name) for value in filled], each.type) for each in arrow_type]
    if any(child is None for child in children):
        return None
    return _array(values, arrow_type, validity, children=children)


def _array(
    values: list[Any],
    arrow_type: pa.DataType,
    validity: pa.Buffer | None,
    *buffers: pa.Buffer,
    children: list[pa.Array] | None = None,
) -> pa.Array:
    return pa.Array.from_buffers(arrow_type, len(values), [validity, *buffers], children=children)


def _filled(values: list[Any], validity: pa.Buffer | None, value: object) -> list[Any]:
    """The values with another in place of each null."""
    return values if validity is None else [value if each is None else each for each in values]


def _is_exact(value: float) -> bool:
    return isinstance(value, float) or -_EXACT_IN_DOUBLE <= value <= _EXACT_IN_DOUBLE


def _validity(values: list[Any]) -> pa.Buffer:
    return _bitmap(map(is_not, values, repeat(None)))


def _bitmap(bits: Iterable[bool]) -> pa.Buffer:
    """A bit each, the first of them the lowest of the first byte: written as a binary number, and read."""
    flags = bytes(bits)
    number = int(flags.translate(_DIGITS)[::-1] or b"0", 2)
    return pa.py_buffer(number.to_bytes(-(-len(flags) // 8), "little"))


def _offsets(sizes: Iterable[int]) -> pa.Buffer:
    return _packed("i", list(accumulate(sizes, initial=0)))


def _packed(code: str, numbers: list[Any]) -> pa.Buffer:
    return pa.py_buffer(struct.pack(f"{len(numbers)}{code}", *numbers))


_PLAIN: Final[dict[int, tuple[set[type], Callable[..., pa.Array | None]]]] = {
    pa.null().id: (set(), _nulls),
    pa.bool_().id: ({bool}, _booleans),
    pa.int64().id: ({int}, _integers),
    pa.float64().id: ({float, Number, int}, _floats),
    pa.string().id: ({str}, _strings),
    pa.list_(pa.null()).id: ({list}, _lists),
    pa.struct([]).id: ({dict}, _structs),
}
"""By the id of an Arrow type: what values are plain for it, and how they become an array."""

FALSE: Final = array_of([False], pa.bool_())[0]
"""As a scalar of Arrow's, of which ``pyarrow.scalar`` makes as much ado as ``pyarrow.array``."""
