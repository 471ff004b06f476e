"""JSON read exactly, or not at all.

The standard reader lets NaN, doubled keys and numbers beyond a float's range pass in silence. Here
each is an error, and so are lone surrogates, integers longer than Python converts, and nesting
deeper than its stack: data comes through as it was, or the caller is told.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from de_classes.errors import MalformedDataError


def loads(text: bytes | str) -> Any:  # noqa: ANN401 - JSON is of any type
    """Read one JSON document.

    Args:
        text: UTF-8 bytes, or text.

    Raises:
        MalformedDataError: Not JSON, or JSON that Python cannot hold exactly; says what and where.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        value = _DECODER.decode(decoded)
    except RecursionError as error:
        raise MalformedDataError("nested too deeply") from error
    except UnicodeDecodeError as error:
        raise MalformedDataError(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise MalformedDataError(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        raise MalformedDataError(f"a number is too long to read: {str(error)[:60]}") from error
    if "\\u" in decoded:
        _refuse_lone_surrogates(value)
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedDataError("an object has the same key twice")
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MalformedDataError(f"{text[:40]} is beyond the range of a float")
    return value


def _constant(name: str) -> NoReturn:
    raise MalformedDataError(f"{name} is not JSON")


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedDataError("a text holds half of a surrogate pair") from error


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_finite, parse_constant=_constant)
