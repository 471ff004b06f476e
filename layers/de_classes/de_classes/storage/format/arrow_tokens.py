"""A column's tokens, as JSON spells its values, made an Arrow array of its type exactly, or not at all.

Tokens are well-formed JSON. Arrow's own casts refuse 2.5 and 1e3 among integers; what they would let pass,
and a strict reader takes for something else, is refused here. A null among the tokens is a null of Arrow's.
"""

from __future__ import annotations

from typing import Final

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # it ships no types

from de_classes.storage.format.arrow_arrays import FALSE, array_of
from de_classes.utils.numbers import Number, read_number

NULL: Final = array_of(["null"], pa.string())[0]
"""The token of a null. As all constants here it is an Arrow scalar: to make one of a Python value each time
costs more than to compare it, and the first time the import of pandas where there is one."""

NO_TEXT: Final = pa.nulls(1, pa.string())[0]
_TRUE, _FALSE_TOKEN, _ZERO = array_of(["true", "false", "-0"], pa.string())
_QUOTE, _ESCAPE, _ESCAPED_QUOTE = b'"', b"\\", b'\\"'
_EXACT: Final = 2**53
_HELD: Final = array_of([16], pa.int64())[0]
"""Characters: 15 digits come back out of a float, whatever they are."""

_TEXTS: Final = msgspec.json.Decoder(list[str])


class NotSoError(Exception):
    """The text is not laid out as it would have to be, or a value does not fit."""


def unquoted(values: pa.StringArray) -> pa.StringArray:
    """Texts without the quotes around them; nulls are left."""
    is_text = pc.and_(pc.starts_with(values, _QUOTE), pc.ends_with(values, _QUOTE))
    if pc.all(is_text).as_py() is False:
        raise NotSoError
    return pc.binary_slice(values.cast(pa.binary()), 1, -1).cast(pa.string())


def unescaped(values: pa.Array) -> pa.Array:
    """Texts with what their escapes stand for; other columns as they are.

    Raises:
        NotSoError: What stands between a first and a last quote is more than one text: a key with a space
            before its colon, say, which nobody has counted.
    """
    if not pa.types.is_string(values.type):
        return values
    content = _bytes_of(values)
    has_escapes = _ESCAPE in content
    if _QUOTE in content:
        _check_quotes(values, has_escapes=has_escapes)
    if not has_escapes:
        return values
    plain = pc.replace_substring(values, _ESCAPED_QUOTE, _QUOTE)  # nearly always these are all
    return _decoded(values) if _ESCAPE in _bytes_of(plain) else plain


def _check_quotes(values: pa.StringArray, *, has_escapes: bool) -> None:
    """Every quote within a text is behind a backslash; where another key hides, its first one is not."""
    if not has_escapes or _QUOTE in _bytes_of(pc.replace_substring(values, _ESCAPED_QUOTE, b"")):
        raise NotSoError


def _decoded(values: pa.StringArray) -> pa.StringArray:
    """The same by msgspec, which knows all escapes, and refuses lone surrogates."""
    has_escapes = pc.fill_null(pc.match_substring(values, _ESCAPE), fill_value=FALSE)
    spelled = '","'.join(values.filter(has_escapes).to_pylist())
    return pc.replace_with_mask(values, has_escapes, array_of(_TEXTS.decode(f'["{spelled}"]'), pa.string()))


def _bytes_of(values: pa.StringArray) -> bytes:
    """All values in a row."""
    _, offsets, content = values.buffers()
    ends = memoryview(offsets).cast("i")
    start, stop = ends[values.offset], ends[values.offset + len(values)]
    found: bytes = content.slice(start, stop - start).to_pybytes()
    return found


def booleans(values: pa.StringArray) -> pa.BooleanArray:
    """True and false.

    Raises:
        NotSoError: There is something else.
    """
    found = pc.equal(values, _TRUE)
    if pc.all(pc.or_(found, pc.equal(values, _FALSE_TOKEN))).as_py() is False:
        raise NotSoError
    return found


def integers(values: pa.StringArray, *, is_exact: bool) -> pa.Int64Array:
    """Integers of 64 bits.

    Args:
        values: The tokens.
        is_exact: Whether each must be one that a float holds too.

    Raises:
        NotSoError: One is not.
        pyarrow.ArrowInvalid: There is something else.
    """
    found = values.cast(pa.int64())
    bounds = pc.min_max(found).as_py()
    if is_exact and bounds["min"] is not None and (bounds["min"] < -_EXACT or bounds["max"] > _EXACT):
        raise NotSoError
    return found


def floats(values: pa.StringArray) -> pa.DoubleArray:
    """Integers among them must be exact; what is larger may be none, and is looked at by others.

    So is a number of more digits than a float holds.
    """
    found = values.cast(pa.float64())
    lengths = pc.binary_length(values)
    if (pc.max(lengths).as_py() or 0) > _HELD.as_py():
        long = values.filter(pc.greater(lengths, _HELD))
        if any(map(_is_rounded, filter(None, long.to_pylist()))):
            raise NotSoError
    bounds = pc.min_max(found).as_py()
    is_exact = bounds["min"] is None or -_EXACT < bounds["min"] <= bounds["max"] < _EXACT
    if not is_exact or (b"-0" in _bytes_of(values) and pc.any(pc.equal(values, _ZERO)).as_py()):
        raise NotSoError
    return found


def _is_rounded(text: str) -> bool:
    number = read_number(text)
    return type(number) is Number and number.is_rounded


def nulls(tokens: pa.StringArray) -> pa.NullArray:
    """Nulls alone.

    Raises:
        NotSoError: There is something else.
    """
    if not pc.all(pc.equal(tokens, NULL)).as_py():
        raise NotSoError
    return pa.nulls(len(tokens))
