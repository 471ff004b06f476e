"""JSON that is plainly sound, decoded fast; whatever is not so is left to `strict_json`.

msgspec is exact in numbers and text, and refuses NaN, 1e400 and lone surrogates. Of a duplicate key it
keeps the last without a word, and it knows no bound on depth; so both are proved from the text:

- Every key is followed by ``":``. Where no space stands between the two, and these are as many as the
  keys that came out, no key was dropped: text can only hold more of them, never fewer.
- Every container opens with a bracket. Where as many containers were found as there are brackets,
  none lies deeper than those.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from de_classes.utils.numbers import read_number

_DECODER: Final = msgspec.json.Decoder(float_hook=read_number)

UNSURE: Final = object()
"""In place of a value: it is not sound, or not plainly so."""

_AFTER_A_KEY: Final = b'":'
_SPACES: Final = (b" ", b"\n", b"\r", b"\t")
_SPACE_BEFORE_A_COLON: Final = re.compile(rb'"[ \n\r\t]+:')


def decode(text: bytes, *, max_depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one JSON value, if it is plainly sound.

    Args:
        text: UTF-8.
        max_depth: Levels of nesting that are accepted.

    Returns:
        The value, or ``UNSURE``. It never raises.
    """
    try:
        value = _DECODER.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return UNSURE
    keys, depth = _measure(value, text.count(b"{") + text.count(b"["))
    return value if depth <= max_depth and has_no_more_keys(text, keys) else UNSURE


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
