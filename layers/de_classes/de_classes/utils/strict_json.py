"""JSON as this library reads and writes it everywhere: exact, or a typed error.

RFC 8259 leaves much to the reader. One policy holds throughout: integers of any size stay exact, and
numbers with a fraction keep their digits (see `numbers`); NaN,
infinities (1e400 too), lone surrogates, duplicate keys, nesting deeper than 200 levels and numbers of
more digits than Python converts (4,300) are refused, in both directions.

What is plainly sound is decoded at three times the speed by `fast_json`; the rest is looked at here,
character by character.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import msgspec

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.utils import fast_json
from de_classes.utils.numbers import Number, read_number

MAX_DEPTH = 200


class _RefusedError(ValueError):
    """Well-formed JSON that this library does not accept."""


def dumps(value: object) -> str:
    """Write a JSON value compactly, non-ASCII characters as they are.

    Raises:
        UnsupportedValueError: JSON cannot hold it exactly; the message gives the reason alone.
    """
    try:
        text = _encode(value)
        text.encode()
        _check_depth(value, text)
        if "." in text or "e" in text:
            text = _with_all_digits(value, text)
    except (ValueError, TypeError, RecursionError) as error:
        raise UnsupportedValueError(_reason(error)) from error
    return text


def _with_all_digits(value: object, text: str) -> str:
    """The same with numbers as they came, where one may be among them."""
    try:
        _PLAIN.encode(value)
    except _NumberFoundError:
        return _EXACT.encode(value).decode()
    return text


class _NumberFoundError(Exception):
    """There is a number that is not written as the float that it is."""


def _find_number(item: object) -> object:
    if isinstance(item, Number):
        raise _NumberFoundError
    return _as_its_base(item)


def _spell_number(item: object) -> object:
    return msgspec.Raw(item.text) if isinstance(item, Number) else _as_its_base(item)


def _as_its_base(item: object) -> object:
    """What msgspec knows in place of a kind of its own that JSON takes."""
    bases: tuple[Any, ...] = (str, int, float, dict, list)
    return next((base(item) for base in bases if isinstance(item, base)), None)


_PLAIN: Final = msgspec.json.Encoder(enc_hook=_find_number)
_EXACT: Final = msgspec.json.Encoder(enc_hook=_spell_number)


def loads(text: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    """Read one JSON value.

    Args:
        text: Text, or its UTF-8.

    Raises:
        MalformedDataError: It is not JSON, or not the JSON this library accepts.
    """
    if (
        isinstance(text, bytes)
        and (value := fast_json.decode(text, max_depth=MAX_DEPTH)) is not fast_json.UNSURE
    ):
        return value
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        value = _DECODER.decode(decoded)
        _check(value, decoded)
    except (ValueError, RecursionError) as error:
        raise MalformedDataError(_reason(error)) from error
    return value


def decode_at(text: str, position: int) -> tuple[Any, int]:
    """Read the JSON value that starts at a position of a longer text.

    Returns:
        The value, and the position after it.

    Raises:
        json.JSONDecodeError: It is not JSON, or the text ends before the value does.
        MalformedDataError: It is not the JSON this library accepts.
    """
    try:
        value, end = _DECODER.raw_decode(text, position)
        _check(value, text[position:end])
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedDataError(_reason(error)) from error
    return value, end


def _check(value: object, text: str) -> None:
    _check_depth(value, text)
    if "\\u" in text:
        _encode(value).encode()


def _check_depth(value: object, text: str) -> None:
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _RefusedError(f"nested deeper than {MAX_DEPTH} levels")


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level := [child for item in level for child in _children(item)]:
        depth += 1
    return depth


def _children(item: object) -> list[object]:
    if isinstance(item, dict):
        return list(item.values()) or [None]
    return (item or [None]) if isinstance(item, list) else []


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"nested deeper than {MAX_DEPTH} levels"
    if isinstance(error, UnicodeEncodeError):
        return "text with a lone surrogate, which UTF-8 cannot hold"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.pos}"
    if "integer string conversion" in str(error):
        return "an integer of more digits than Python converts (sys.set_int_max_str_digits)"
    return str(error)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RefusedError("an object with a duplicate key")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_float=read_number, parse_constant=_refuse_constant
)
