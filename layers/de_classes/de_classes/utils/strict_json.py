"""JSON as this library reads and writes it everywhere: exact, or a typed error.

RFC 8259 leaves much to the reader. One policy holds throughout: integers of any size stay exact, and
numbers with a fraction keep their digits (see ``Number``); NaN,
infinities (1e400 too), lone surrogates, duplicate keys, nesting deeper than 200 levels and numbers of
more digits than Python converts (4,300) are refused, in both directions.

What is plainly sound is decoded by msgspec at three times the speed; the rest is looked at character
by character.

msgspec is exact in numbers and text, and refuses NaN, 1e400 and lone surrogates. Of a duplicate key it
keeps the last without a word, and it knows no bound on depth; so both are proved from the text:

- Every key is followed by ``":``. Where no space stands between the two, and these are as many as the
  keys that came out, no key was dropped: text can only hold more of them, never fewer.
- Every container opens with a bracket. Where as many containers were found as there are brackets,
  none lies deeper than those.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Final, NoReturn

import msgspec

from de_classes.errors import MalformedDataError, UnsupportedValueError

_HELD: Final = 16  # characters: a float gives 15 digits back, whatever they are


class Number(float):
    """A float that Python would write otherwise than it was read: ``100.10``, ``1E5``, or one of 20 digits.

    It is that float everywhere; formats of text write it as it came.

    Attributes:
        text: As it came.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Number:  # noqa: PYI034 - of this very class
        """Of a JSON number's text."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]  # copies are made of the text
        return (self.text,)

    @property
    def is_rounded(self) -> bool:
        """Whether the float is another number than the text, and not only spelled otherwise."""
        return Decimal(self.text) != Decimal(float.__repr__(self))


def read_number(text: str) -> float:
    """The float of a JSON number with a fraction or an exponent; a ``Number`` if it is written otherwise.

    Raises:
        ValueError: It is too large for a float.
    """
    if len(text) <= _HELD and text[-1] != "0" and "e" not in text and "E" not in text:
        return float(text)
    value = float(text)
    if float.__repr__(value) == text:
        return value
    if math.isinf(value):
        raise ValueError("a number too large for float64")
    return Number(text)


_PLAIN_DECODER: Final = msgspec.json.Decoder(float_hook=read_number)

UNSURE: Final = object()
"""In place of a value: it is not sound, or not plainly so."""

_AFTER_A_KEY: Final = b'":'
_SPACES: Final = (b" ", b"\n", b"\r", b"\t")
_SPACE_BEFORE_A_COLON: Final = re.compile(rb'"[ \n\r\t]+:')


def decode_plain(text: bytes, *, max_depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one JSON value, if it is plainly sound.

    Args:
        text: UTF-8.
        max_depth: Levels of nesting that are accepted.

    Returns:
        The value, or ``UNSURE``. It never raises.
    """
    try:
        value = _PLAIN_DECODER.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return UNSURE
    keys, depth = _measure(value, text.count(b"{") + text.count(b"["))
    return value if depth <= max_depth and has_no_more_keys(text, keys) else UNSURE


def decode_sound(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one JSON value of which it is known that it is accepted, or else no JSON value.

    Args:
        text: UTF-8.

    Raises:
        msgspec.MsgspecError: It is none.
        ValueError: The same, and it looks as if a number in it were too large.
    """
    return _PLAIN_DECODER.decode(text)


def has_no_more_keys(text: bytes, keys: int) -> bool:
    """Whether a well-formed text plainly holds no keys but so many, that are known to be in it."""
    return text.count(_AFTER_A_KEY) == keys and not _has_space_before_a_colon(text)


def _measure(value: object, brackets: int) -> tuple[int, int]:
    """Keys and levels; what lies below the last bracket is not looked at, since it holds no container."""
    level = [value] if isinstance(value, dict | list) else []
    found = keys = depth = 0
    while level:
        depth += 1
        found += len(level)
        keys += sum(len(item) for item in level if isinstance(item, dict))
        if found == brackets:
            return keys, depth
        level = [child for item in level for child in _values(item) if isinstance(child, dict | list)]
    return keys, depth


def _values(container: Any) -> Any:  # noqa: ANN401 - a dict or a list, and what is in it
    return container.values() if isinstance(container, dict) else container


def _has_space_before_a_colon(text: bytes) -> bool:
    suspicious = any(space in text and b'"' + space in text for space in _SPACES)
    return suspicious and _SPACE_BEFORE_A_COLON.search(text) is not None


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
    if isinstance(text, bytes) and (value := decode_plain(text, max_depth=MAX_DEPTH)) is not UNSURE:
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
