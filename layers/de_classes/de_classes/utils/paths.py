"""Where in a JSON value something stands: names and dots, or any JMESPath expression.

A path that is only names and dots is followed here; JMESPath is imported for the others alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from de_classes.errors import InvalidInputError
from de_classes.redaction import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WHOLE: Final = "@"
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*|[^\s.\[\]|&!<>=(){}*?@`'\"\\,:#]+")
_NAMED_AT_MOST: Final = 8
_PROJECTIONS: Final = frozenset({"projection", "value_projection", "filter_projection"})


class Missing:
    """What ``find`` gives where a path leads nowhere, as null is a value."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


def plain_names(path: str) -> tuple[str, ...] | None:
    """The names of a path that is only names and dots; none for ``@``; None for any other expression."""
    if path == WHOLE:
        return ()
    names = tuple(path.split("."))
    return names if all(_PLAIN.fullmatch(name) for name in names) else None


@lru_cache(256)
def finder(path: str) -> Callable[[Any], Any]:
    """What looks a path up: gives the value, or ``MISSING``; JMESPath's null is ``MISSING`` too.

    Raises:
        InvalidInputError: It is no path.
    """
    names = plain_names(path)
    if names is not None:
        return lambda value: _follow(value, names)
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415 - most paths are names and dots

    compiled = _compiled(path)

    def search(value: Any) -> Any:  # noqa: ANN401 - a JSON value
        try:
            found = compiled.search(value)
        except JMESPathError:
            return MISSING  # a function was given what it does not take
        return MISSING if found is None else found

    return search


@lru_cache(256)
def records_finder(path: str) -> Callable[[Any], Any]:
    """What looks a path of records up, like ``finder``: a null where a record should be stays in the list.

    JMESPath leaves out of ``edges[].node`` whatever has no node: that would be a record lost in silence. A
    filter, ``edges[?node].node``, says what it leaves out; and a list within, ``orders[].lines[]``, may be
    absent.

    Raises:
        InvalidInputError: It is no path.
    """
    parsed = None if plain_names(path) is not None else _compiled(path).parsed
    if parsed is None or parsed["type"] not in _PROJECTIONS:
        return finder(path)
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415 - as above
    from jmespath.visitor import TreeInterpreter  # noqa: PLC0415 - as above

    whole, each, *filters = parsed["children"]
    if filters:
        whole = {**parsed, "children": [whole, {"type": "identity", "children": []}, *filters]}

    def search(value: Any) -> Any:  # noqa: ANN401 - a JSON value
        tree = TreeInterpreter()
        try:
            found = tree.visit(whole, value)
            if parsed["type"] == "value_projection" and isinstance(found, dict):
                found = list(found.values())
            return [tree.visit(each, item) for item in found] if isinstance(found, list) else MISSING
        except JMESPathError:
            return MISSING

    return search


def _compiled(path: str) -> Any:  # noqa: ANN401 - JMESPath has no types
    import jmespath  # noqa: PLC0415 - most paths are names and dots
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415 - as above

    try:
        return jmespath.compile(path)
    except JMESPathError as error:
        raise InvalidInputError(f"{path!r} is no path: names and dots, or a JMESPath expression") from error


def find(value: Any, path: str) -> Any:  # noqa: ANN401 - a JSON value
    """The value at a path, or ``MISSING``."""
    return finder(path)(value)


def standing_there(value: object) -> str:
    """What stands in an answer, for the message about a path that leads nowhere."""
    if isinstance(value, dict):
        names = [f"{excerpt(name, 40)}{_below(item)}" for name, item in list(value.items())[:_NAMED_AT_MOST]]
        more = f" and {len(value) - _NAMED_AT_MOST} more" if len(value) > _NAMED_AT_MOST else ""
        return f"{', '.join(names)}{more}" if names else "an empty object"
    return _kind(value)


def _below(item: object) -> str:
    if isinstance(item, dict):
        inner = ", ".join(excerpt(name, 40) for name in list(item)[:_NAMED_AT_MOST])
        return f" {{{inner}}}"
    return " (a list)" if isinstance(item, list) else ""


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list at the top"
    return "nothing" if value is None or value is MISSING else f"a {type(value).__name__}"


def _follow(value: Any, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - a JSON value
    for name in names:
        if not _is_object(value) or name not in value:
            return MISSING
        value = value[name]
    return value


def _is_object(value: object) -> bool:
    return hasattr(value, "keys")


def placed(values: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON value
    """A copy of a JSON object with a value put at a path of names; objects on the way are made."""
    name, _, rest = path.partition(".")
    below = values.get(name)
    if not rest:
        return {**values, name: value}
    return {**values, name: placed(below if isinstance(below, dict) else {}, rest, value)}
